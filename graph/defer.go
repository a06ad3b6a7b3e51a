package graph

import (
	"context"
	"reflect"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/graph/generated"
)

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

// remove is a gqlgen ResponseMiddleware.
func (p placeholders) remove(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	response := next(ctx)
	if response == nil || response.HasNext == nil {
		return response
	}
	w := withoutPlaceholders{placeholders: p, op: graphql.GetOperationContext(ctx), data: response.Data}
	set := w.op.Operation.SelectionSet
	for _, step := range response.Path {
		if name, ok := step.(ast.PathName); ok {
			set = w.fields(set)[string(name)].set
		}
	}
	// What an increment brings for its own object is no placeholder.
	w.value(set, len(response.Path) > 0)
	response.Data = w.out
	return response
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
}

// fields are those selected of an object, by their names in the answer.
func (w *withoutPlaceholders) fields(set ast.SelectionSet) map[string]selectedField {
	fields := map[string]selectedField{}
	// Whatever the object's type: fields of one name are alike in all of them.
	for _, field := range graphql.CollectFields(w.op, set, nil) {
		deferred := field.IsDeferred() &&
			(field.Definition.Type.NonNull || w.resolved[strings.ToLower(field.ObjectDefinition.Name+"."+field.Name)])
		if other, ok := fields[field.Alias]; ok {
			fields[field.Alias] = selectedField{append(other.set[:len(other.set):len(other.set)], field.Selections...), deferred && other.deferred}
			continue
		}
		fields[field.Alias] = selectedField{field.Selections, deferred}
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
