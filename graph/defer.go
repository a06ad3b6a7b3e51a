package graph

import (
	"context"
	"reflect"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/detached"
	"github.com/noetl/noetl-catalog/graph/generated"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// deferring is a gqlgen OperationMiddleware. gqlgen may drop a deferred part
// whose context has ended, and waits for it all the same. So it gets a context
// that does not end; the statements of the fields still do, and with them the
// parts. Plans take no part in such an operation.
func deferring(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if !transport.Defers(op) {
		return next(ctx)
	}
	op.RootResolverMiddleware = func(ctx context.Context, next graphql.RootResolver) graphql.Marshaler { return next(ctx) }
	respond := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		if ctx.Err() != nil {
			return nil
		}
		return respond(detached.From(ctx))
	}
}

// placeholders takes out of an answer the nulls that gqlgen writes for fields
// whose values are deferred. A client would take them for values: a list that
// is null where the schema says it never is, no event where there is one.
//
// gqlgen defers the fields that a resolver computes, or a method of the model
// that takes a context, and sends the others at once. Such methods are for
// fields that are never null, whose nulls give them away.
type placeholders struct {
	// resolved are the fields with a resolver, as Type.field in lower case.
	resolved map[string]bool
}

func newPlaceholders() placeholders {
	resolved := map[string]bool{}
	for object := range reflect.TypeFor[generated.ResolverRoot]().Methods() {
		for field := range object.Type.Out(0).Methods() {
			resolved[strings.ToLower(object.Name+"."+field.Name)] = true
		}
	}
	return placeholders{resolved}
}

// deferredParts are the parts of one operation's answer.
type deferredParts struct {
	// sent are the increments that have been sent, and waiting those whose
	// object has still to be sent: gqlgen resolves a fragment within a deferred
	// one beside it, and may be done with the inner first.
	sent    map[string]bool
	waiting []*graphql.Response
	// ended: gqlgen has no more.
	ended bool
}

type deferredPartsKey struct{}

// withDeferredParts returns a context for an operation.
func withDeferredParts(ctx context.Context) context.Context {
	return context.WithValue(ctx, deferredPartsKey{}, &deferredParts{sent: map[string]bool{}})
}

// around is a gqlgen ResponseMiddleware.
func (p placeholders) around(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	parts, executed := ctx.Value(deferredPartsKey{}).(*deferredParts)
	if !executed {
		return next(ctx)
	}
	op := graphql.GetOperationContext(ctx)
	for {
		response := parts.takeReady(p, op)
		if response == nil && !parts.ended {
			response = next(ctx)
			if response == nil || response.HasNext == nil {
				return response
			}
			parts.ended = !*response.HasNext
			if !parts.ready(p, op, response) {
				parts.waiting = append(parts.waiting, response)
				continue
			}
		}
		if response == nil {
			return nil
		}
		parts.sent[partKey(response.Path, response.Label)] = true
		p.remove(op, response)
		response.Label = input.GivenLabel(response.Label)
		response.HasNext = new(!parts.ended || len(parts.waiting) > 0)
		return response
	}
}

func partKey(path ast.Path, label string) string { return path.String() + "\x00" + label }

// takeReady is a part that has waited, whose object has been sent since; once
// gqlgen has no more, whichever is left.
func (parts *deferredParts) takeReady(p placeholders, op *graphql.OperationContext) *graphql.Response {
	for i, response := range parts.waiting {
		if parts.ready(p, op, response) {
			parts.waiting = slices.Delete(parts.waiting, i, i+1)
			return response
		}
	}
	if parts.ended && len(parts.waiting) > 0 {
		response := parts.waiting[0]
		parts.waiting = parts.waiting[1:]
		return response
	}
	return nil
}

// ready reports whether all that leads to a part's object has been sent.
func (parts *deferredParts) ready(p placeholders, op *graphql.OperationContext, response *graphql.Response) bool {
	w := withoutPlaceholders{placeholders: p, op: op}
	set := op.Operation.SelectionSet
	for i, step := range response.Path {
		name, ok := step.(ast.PathName)
		if !ok {
			continue
		}
		field := w.fields(set)[string(name)]
		if len(field.within) > 0 && !slices.ContainsFunc(field.within, func(label string) bool {
			return parts.sent[partKey(response.Path[:i], label)]
		}) {
			return false
		}
		set = field.set
	}
	return true
}

// remove takes the placeholders out of a part.
func (p placeholders) remove(op *graphql.OperationContext, response *graphql.Response) {
	w := withoutPlaceholders{placeholders: p, op: op, data: response.Data}
	set := op.Operation.SelectionSet
	for _, step := range response.Path {
		if name, ok := step.(ast.PathName); ok {
			set = w.fields(set)[string(name)].set
		}
	}
	// What an increment brings for its own object is no placeholder.
	w.value(set, len(response.Path) > 0)
	response.Data = w.out
}

// withoutPlaceholders copies JSON that gqlgen has written, and that is
// therefore well formed.
type withoutPlaceholders struct {
	placeholders
	op   *graphql.OperationContext
	data []byte
	at   int
	out  []byte
}

type selectedField struct {
	set ast.SelectionSet
	// deferred: its value comes in a later part.
	deferred bool
	// within are the labels of the parts that it may come in, where a resolver
	// computes it.
	within []string
}

// fields are those selected of an object, by their names in the answer.
func (w *withoutPlaceholders) fields(set ast.SelectionSet) map[string]selectedField {
	fields := map[string]selectedField{}
	// Whatever the object's type: fields of one name are alike in all of them.
	for _, field := range graphql.CollectFields(w.op, set, nil) {
		selected := selectedField{set: field.Selections}
		if field.IsDeferred() {
			resolved := w.resolved[strings.ToLower(field.ObjectDefinition.Name+"."+field.Name)]
			selected.deferred = resolved || field.Definition.Type.NonNull
			for _, fragment := range field.Deferrables {
				if resolved {
					selected.within = append(selected.within, fragment.Label)
				}
			}
		}
		if other, ok := fields[field.Alias]; ok {
			selected.set = slices.Concat(other.set, selected.set)
			selected.deferred = selected.deferred && other.deferred
			selected.within = nil
		}
		fields[field.Alias] = selected
	}
	return fields
}

// value copies a value that set was selected of. The fields of an increment's
// own object are not deferred any more.
func (w *withoutPlaceholders) value(set ast.SelectionSet, own bool) {
	switch {
	case len(set) == 0: // a scalar, whose JSON is not ours to change
		from := w.at
		w.skip()
		w.out = append(w.out, w.data[from:w.at]...)
	case w.data[w.at] == '{':
		w.object(set, own)
	case w.data[w.at] == '[':
		w.list(set)
	default:
		w.value(nil, false)
	}
}

func (w *withoutPlaceholders) list(set ast.SelectionSet) {
	w.out = append(w.out, '[')
	for w.at++; w.data[w.at] != ']'; {
		if w.data[w.at] == ',' {
			w.out = append(w.out, ',')
			w.at++
		}
		w.value(set, false)
	}
	w.out = append(w.out, ']')
	w.at++
}

func (w *withoutPlaceholders) object(set ast.SelectionSet, own bool) {
	fields := w.fields(set)
	w.out = append(w.out, '{')
	separator := ""
	for w.at++; w.data[w.at] != '}'; {
		if w.data[w.at] == ',' {
			w.at++
		}
		from := w.at
		w.skip()
		key := w.data[from:w.at]
		w.at++ // the colon
		field := fields[string(key[1:len(key)-1])]
		if field.deferred && !own && w.data[w.at] == 'n' {
			w.skip()
			continue
		}
		w.out = append(append(append(w.out, separator...), key...), ':')
		separator = ","
		w.value(field.set, false)
	}
	w.out = append(w.out, '}')
	w.at++
}

// skip moves behind the value that begins here.
func (w *withoutPlaceholders) skip() {
	depth, text := 0, false
	for ; w.at < len(w.data); w.at++ {
		c := w.data[w.at]
		switch {
		case text && c == '\\':
			w.at++
		case c == '"':
			text = !text
		case text:
		case c == '{' || c == '[':
			depth++
		case (c == '}' || c == ']' || c == ',' || c == ':') && depth == 0:
			return
		case c == '}' || c == ']':
			depth--
		}
	}
}
