package plan

import (
	"context"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Execution executes a plan for one request.
type Execution struct {
	ctx      context.Context
	op       *graphql.OperationContext
	compiled *Compiled
	// args holds the arguments of Compiled.varying. Up to four are stored inline,
	// which saves an allocation.
	args   []Arguments
	inline [4]Arguments
	memory Memory
	// sent: the answer, or its first part, has been returned.
	sent bool
	// charged counts the bytes of JSON charged to memory.
	charged int
	answers *Answers
	// reported is the context that errors are reported under; nil before the first
	// error of a whole answer.
	reported context.Context
	// resolve is gqlgen's resolver of the root field, if gqlgen resolves it.
	resolve graphql.Resolver
	// pending holds the deferred parts whose objects are written but not sent.
	// reading holds those that have been read, of level.
	pending, reading []part
	level            values
}

// begin decodes the arguments. It returns nil if they are invalid; gqlgen then
// reports what is wrong.
func (c *Compiled) begin(ctx context.Context, op *graphql.OperationContext) *Execution {
	e := &Execution{op: op, compiled: c}
	if e.args = e.inline[:0]; len(c.varying) > len(e.inline) {
		e.args = make([]Arguments, 0, len(c.varying))
	}
	for _, node := range c.varying {
		args, ok := node.decode(ctx, op.Variables)
		if !ok {
			return nil
		}
		e.args = append(e.args, args)
	}
	return e
}

// reporting returns the context that errors are reported under.
func (e *Execution) reporting() context.Context {
	if e.reported == nil {
		e.reported = graphql.WithResponseContext(e.ctx, e.answers.Presenter, e.answers.Recover)
	}
	return e.reported
}

// next is a graphql.ResponseHandler: it returns the answer, or its next part, or nil
// after the last.
func (e *Execution) next(context.Context) *graphql.Response {
	if !e.sent {
		e.sent = true
		out := e.memory.Buffer()
		*out = e.write(*out, nil, e.readRoots(e.compiled.root), 0)
		for e.memory.Again() {
			e.reported, e.pending = nil, nil
			*out = e.write((*out)[:0], nil, e.readRoots(e.compiled.root), 0)
		}
		return e.respond(*out, part{})
	}
	if len(e.reading) == 0 {
		if len(e.pending) == 0 {
			return nil
		}
		e.takePending()
	}
	next := e.reading[0]
	e.reading = e.reading[1:]
	return e.respond(e.write(nil, next.path, e.level, next.at), next)
}

func (e *Execution) respond(data []byte, of part) *graphql.Response {
	response := &graphql.Response{Data: data}
	if e.reported != nil {
		response.Errors = graphql.GetErrors(e.reported)
		e.reported = nil
	}
	if e.compiled.defers {
		response.HasNext = new(len(e.reading)+len(e.pending) > 0)
		if of.group != nil {
			response.Path, response.Label = of.path.ast(), of.group.name()
		}
	}
	return response
}

// field appends the value of the only root field. ok is false if it is a null that
// makes the whole answer null.
func (e *Execution) field(buf []byte) (value []byte, ok bool) {
	w, ok := e.writeValue(buf, nil, e.compiled.root.fields[0].step.read(e, make([]struct{}, 1)), 0)
	return w.buf, ok
}

// takePending reads one group of deferred fields, for all its objects.
func (e *Execution) takePending() {
	group := e.pending[0].group
	var rest []part
	for _, p := range e.pending {
		if p.group == group {
			p.at = len(e.reading)
			e.reading = append(e.reading, p)
		} else {
			rest = append(rest, p)
		}
	}
	e.pending = rest
	e.level = group.read(e, e.reading)
}

// part is a deferred part of the answer: the fields of a group, of one object.
type part struct {
	group interface {
		name() string
		read(e *Execution, parts []part) values
	}
	object any
	// at is the object's index in the level.
	at   int
	path path
}

func (g *group[P]) name() string { return g.label }

func (g *group[P]) read(e *Execution, parts []part) values {
	objects := make([]P, len(parts))
	for i := range parts {
		objects[i] = parts[i].object.(P)
	}
	return g.selection.read(e, objects)
}

// values holds what was read of a field, or of a level.
type values interface {
	// write appends the value of the parent with an index. It returns false, and
	// appends nothing, for a null that makes the parent null as well.
	write(w *writer, at int) bool
}

// level holds the objects of a selection, and what was read of them.
type level[P any] struct {
	selection *selection[P]
	objects   []P
	// values holds those of the fields with a step, up to six of them inline.
	values []values
	inline [6]values
}

func (s *selection[P]) read(e *Execution, objects []P) *level[P] {
	l := &level[P]{selection: s, objects: objects}
	if len(objects) == 0 {
		return l
	}
	for i := range s.fields {
		if step := s.fields[i].step; step != nil {
			l.set(i, step.read(e, objects))
		}
	}
	return l
}

func (l *level[P]) set(i int, v values) {
	if l.values == nil {
		if l.values = l.inline[:]; len(l.selection.fields) > len(l.inline) {
			l.values = make([]values, len(l.selection.fields))
		}
	}
	l.values[i] = v
}

func (s *selection[P]) readLevel(e *Execution, objects []P) values { return s.read(e, objects) }

func (s *selection[P]) onlyLocal() bool {
	return len(s.deferred) == 0 && !slices.ContainsFunc(s.fields, func(m member[P]) bool { return !m.local })
}

// steps counts the fields that are read.
func (s *selection[P]) steps() (steps int) {
	for i := range s.fields {
		if s.fields[i].step != nil {
			steps++
		}
	}
	return steps
}

// readRoots reads root fields concurrently.
func (e *Execution) readRoots(s *selection[struct{}]) *level[struct{}] {
	root := make([]struct{}, 1)
	if s.steps() < 2 {
		return s.read(e, root)
	}
	l := &level[struct{}]{selection: s, objects: root}
	var group sync.WaitGroup
	for i := range s.fields {
		m := &s.fields[i]
		if m.step == nil {
			continue
		}
		fork := *e
		fork.ctx = e.memory.Fork(e.ctx)
		l.set(i, nil)
		group.Go(func() {
			defer func() {
				if value := recover(); value != nil {
					l.values[i] = &readObjects{node: m.Node, failed: failures{all: e.op.Recover(fork.ctx, value)}}
				}
			}()
			l.values[i] = m.step.read(&fork, root)
		})
	}
	group.Wait()
	return l
}

func (l *level[P]) write(w *writer, at int) bool {
	start, pending, whole := len(w.buf), len(w.pending), true
	w.buf = append(w.buf, '{')
	for i := range l.selection.fields {
		m := &l.selection.fields[i]
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = append(w.buf, m.key...)
		w.enter(pathStep{node: m.Node})
		switch {
		case m.scalar != nil:
			var ok bool
			if w.buf, ok = m.scalar(w.buf, l.objects[at]); !ok {
				whole = w.null(m.Node, nil) && whole
			}
		case m.step != nil:
			whole = l.values[i].write(w, at) && whole
		}
		w.leave()
		if len(w.buf) >= w.checked+checkAfter {
			w.check(m.Node)
		}
		if w.stopped != nil {
			w.trail = append(w.trail, pathStep{node: m.Node})
			return true
		}
	}
	if !whole {
		w.buf, w.pending = w.buf[:start], w.pending[:pending]
		return false
	}
	w.buf = append(w.buf, '}')
	for _, group := range l.selection.deferred {
		w.pending = append(w.pending, part{group: group, object: l.objects[at], path: slices.Clone(w.path)})
	}
	return true
}
