package plan

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// writer writes what was read as JSON.
type writer struct {
	e   *Execution
	buf []byte
	// failed: there are errors. They are reported in a second pass, in which report
	// is set and path is kept, since most answers have none.
	failed, report bool
	path           path
	pending        []part
}

// write appends an object of a level, which is at a path of the answer, and reports
// errors.
func (e *Execution) write(buf []byte, at path, level values, object int) []byte {
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

// null writes a field without a value, and reports err or that null is not allowed.
// Its result is that of values.write.
func (w *writer) null(n *Node, err error) bool {
	if err != nil || !n.null.Value {
		w.fail(err)
	}
	return w.bubbled(n.null.Value)
}

// bubbled writes null if it is allowed. Its result is that of values.write.
func (w *writer) bubbled(nullable bool) bool {
	if nullable {
		w.buf = append(w.buf, "null"...)
	}
	return nullable
}

// fail reports an error at the current path; nil stands for a null that is not
// allowed.
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

func (w *writer) enter(at pathStep) {
	if w.report {
		w.path = append(w.path, at)
	}
}

func (w *writer) leave() {
	if w.report {
		w.path = w.path[:len(w.path)-1]
	}
}

// path is that of a value in the answer.
type path []pathStep

// pathStep is a field or, without a node, an element of a list.
type pathStep struct {
	node  *Node
	index int
}

func (p path) ast() ast.Path {
	steps := make(ast.Path, len(p))
	for i, step := range p {
		if step.node != nil {
			steps[i] = ast.PathName(step.node.field.Alias)
		} else {
			steps[i] = ast.PathIndex(step.index)
		}
	}
	return steps
}
