package plan

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// writer writes what an execution has read as JSON.
type writer struct {
	e   *Execution
	buf []byte
	// failed: there are errors. They are reported by writing again, with the
	// places noted, which most answers do not need.
	failed, report bool
	// path is the current place, where it is noted.
	path    places
	pending []part
}

// write appends the object at a place of a level, and reports errors.
func (e *Execution) write(buf []byte, at places, level values, object int) []byte {
	w := &writer{e: e, buf: buf, path: at}
	if e.compiled.defers {
		w.report = true
	}
	ok := level.write(w, object)
	if w.failed && !w.report {
		w = &writer{e: e, buf: buf, path: at, report: true}
		ok = level.write(w, object)
	}
	if !ok {
		w.buf = append(w.buf, "null"...)
	}
	e.pending = append(e.pending, w.pending...)
	return w.buf
}

// null writes that a field has no value, because of err if there is one. It
// returns false where the null is the parent's too.
func (w *writer) null(n *Node, err error) bool {
	if err != nil || !n.null.Value {
		w.fail(err)
	}
	return w.bubbled(n.null.Value)
}

// bubbled writes the null that a value below has come to, where it may be one.
func (w *writer) bubbled(nullable bool) bool {
	if nullable {
		w.buf = append(w.buf, "null"...)
	}
	return nullable
}

// fail reports an error at the current place; nil for a null where none may be.
func (w *writer) fail(err error) {
	w.failed = true
	if !w.report {
		return
	}
	ctx := w.e.reporting()
	for _, at := range w.path {
		if at.node != nil {
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: at.node.field})
		} else {
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: new(at.index)})
		}
	}
	if err == nil {
		graphql.AddInvalidNullError(ctx, "")
	} else {
		graphql.AddError(ctx, graphql.AddFieldLocationToError(ctx, err))
	}
}

func (w *writer) enter(at place) {
	if w.report {
		w.path = append(w.path, at)
	}
}

func (w *writer) leave() {
	if w.report {
		w.path = w.path[:len(w.path)-1]
	}
}

// place is a step of a path: a field, or else an element of a list.
type place struct {
	node  *Node
	index int
}

type places []place

func (p places) clone() places { return slices.Clone(p) }

func (p places) ast() ast.Path {
	path := make(ast.Path, len(p))
	for i, at := range p {
		if at.node != nil {
			path[i] = ast.PathName(at.node.field.Alias)
		} else {
			path[i] = ast.PathIndex(at.index)
		}
	}
	return path
}
