package plan

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// writer writes what was read as JSON.
type writer struct {
	e   *Execution
	buf []byte
	// failed: there are errors. A second pass reports them: report is set, and path is
	// maintained, which the first pass saves, since most answers have no errors.
	failed, report bool
	path           path
	pending        []part
	// checked counts the bytes that have been checked. stopped is the error that stops
	// writing, and trail the path to the value written last, in reverse order.
	checked int
	stopped error
	trail   path
}

// checkAfter is the number of bytes between checks of an answer's length.
const checkAfter = 32 << 10

// write appends an object of a level, which is at a path of the answer, and reports
// errors.
func (e *Execution) write(buf []byte, at path, level values, object int) []byte {
	w, ok := e.writeValue(buf, at, level, object)
	if !ok {
		w.buf = append(w.buf, "null"...)
	}
	e.pending = append(e.pending, w.pending...)
	return w.buf
}

// writeValue writes a value, in a second pass if there are errors to report. If the
// answer is too long, the value is null.
func (e *Execution) writeValue(buf []byte, at path, of values, index int) (w *writer, ok bool) {
	w = &writer{e: e, buf: buf, path: at, report: e.compiled.defers}
	if ok = of.write(w, index); w.failed && !w.report && w.stopped == nil {
		w = &writer{e: e, buf: buf, path: at, report: true}
		ok = of.write(w, index)
	}
	if w.stopped != nil {
		slices.Reverse(w.trail)
		failing := &writer{e: e, buf: buf, path: slices.Concat(at, w.trail), report: true}
		failing.fail(w.stopped)
		return failing, false
	}
	return w, ok
}

// check charges what has been written since the last check. It sets stopped if the
// answer is too long.
func (w *writer) check(last *Node) {
	w.checked = len(w.buf)
	var err error
	if more := w.checked - w.e.charged; more > 0 { // a second pass is not charged again
		w.e.charged = w.checked
		err = w.e.memory.Hold(more)
	}
	if err == nil && w.checked > w.e.answers.MaxAnswer {
		err = w.e.answers.TooLong(last.Name())
	}
	w.stopped = err
}

// null writes null for a field, and reports err, or that null is not allowed. It
// returns what values.write does.
func (w *writer) null(n *Node, err error) bool {
	if err != nil || !n.null.Value {
		w.fail(err)
	}
	return w.propagate(n.null.Value)
}

// propagate writes null, or returns false if null is not allowed: then the parent
// becomes null.
func (w *writer) propagate(nullable bool) bool {
	if nullable {
		w.buf = append(w.buf, "null"...)
	}
	return nullable
}

// fail reports an error at the current path; nil stands for a null that is not
// allowed.
//
//nolint:contextcheck // the execution has the context
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
