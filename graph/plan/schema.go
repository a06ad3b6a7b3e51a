// Package plan executes queries level by level: a field of all the objects of a
// level is read by one call of its batch resolver, and the answer is written as
// JSON, without gqlgen's cost for each field of each object.
//
// What there is to select is told by tables that package graph/plan/generate
// makes from the schema: a Type for each object type, a Field for each of its
// fields. A selection is compiled once and executed many times; Answers puts both
// between gqlgen and its executor.
//
// A plan declines before anything is read, or it answers, errors included, as
// gqlgen's executor would.
package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// Type is an object type of the schema, whose objects are of the Go type P.
type Type[P any] struct {
	Name string
	// Satisfies are the names of the type and of the interfaces it implements.
	Satisfies []string
	Fields    map[string]Field[P]
}

// Field says how a field of objects of the Go type P is answered.
type Field[P any] interface {
	// compile fills in what answers the selected field; it reports whether a plan
	// can.
	compile(c *compiler, m *member[P]) bool
}

// Get is a batch resolver: it returns a value for each parent, in their order.
// fc holds the field's arguments.
type Get[P, V any] func(ctx context.Context, fc *Arguments, parents []P) ([]V, error)

// Arguments are those of a field, by name.
type Arguments struct{ Args map[string]any }

// Args reads a field's arguments, as gqlgen's generated functions do.
type Args func(ctx context.Context, raw map[string]any) (map[string]any, error)

// Nullability says where a field's type, a list or not, admits null.
type Nullability struct{ Value, Element bool }

// Each makes a batch resolver of a method of the parents.
func Each[P, V any](get func(ctx context.Context, parent P) (V, error)) Get[P, V] {
	return func(ctx context.Context, _ *Arguments, parents []P) ([]V, error) {
		values := make([]V, len(parents))
		var errs graphql.BatchErrorList
		for i, parent := range parents {
			var err error
			if values[i], err = get(ctx, parent); err != nil {
				if errs == nil {
					errs = make(graphql.BatchErrorList, len(parents))
				}
				errs[i] = err
			}
		}
		if errs != nil {
			return values, errs
		}
		return values, nil
	}
}

// Root makes a batch resolver of the resolver of a root field, which gqlgen calls
// for an operation that is not planned as a whole.
func Root[V any](get func(ctx context.Context, fc *Arguments) (V, error)) Get[struct{}, V] {
	return func(ctx context.Context, fc *Arguments, _ []struct{}) ([]V, error) {
		if resolve := FieldOf(ctx).execution.resolve; resolve != nil {
			result, err := resolve(ctx)
			value, _ := result.(V)
			return []V{value}, err
		}
		value, err := get(ctx, fc)
		return []V{value}, err
	}
}
