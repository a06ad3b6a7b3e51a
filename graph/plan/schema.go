// Package plan executes queries level by level: one call of a batch resolver reads
// a field of all objects of a level, and the answer is written as JSON directly,
// where gqlgen's executor takes 2 to 3 µs for each field of each object.
//
// Package graph/plan/generate generates the tables that plans are compiled from: a
// Type for each object type of the schema, with a Field for each of its fields. A
// plan is compiled once for a document. Answers is the middleware of gqlgen that
// compiles and executes plans.
//
// A plan declines before it reads anything, or it answers as gqlgen's executor
// would, errors included.
package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Type is an object type of the schema. Its objects have the Go type P.
type Type[P any] struct {
	Name string
	// Satisfies holds the names of the type and of its interfaces.
	Satisfies []string
	Fields    map[string]Field[P]
}

// Field is a field of an object type.
type Field[P any] interface {
	// compile sets what reads and writes the selected field. It returns false if a
	// plan cannot answer it.
	compile(c *compiler, m *member[P]) bool
}

// Get is a batch resolver: it returns a value for each parent, in their order. Its
// error is a graphql.BatchErrors if it concerns some parents only.
type Get[P, V any] func(ctx context.Context, fc *Arguments, parents []P) ([]V, error)

// Arguments are those of a field, by name.
type Arguments struct{ Args map[string]any }

// Args decodes the arguments of a field.
type Args []func(ctx context.Context, field *ast.Field, variables, into map[string]any) error

// Arg decodes one argument by a function of gqlgen's. An argument that is not given
// is zero.
func Arg[T any](name string, unmarshal func(ctx context.Context, value any) (T, error)) func(ctx context.Context, field *ast.Field, variables, into map[string]any) error {
	return func(ctx context.Context, field *ast.Field, variables, into map[string]any) error {
		var decoded T
		value, given, err := argument(field, name, variables)
		if given && err == nil {
			decoded, err = unmarshal(ctx, value)
		}
		into[name] = decoded
		return err
	}
}

// argument returns the value of an argument: that of its variable, its literal, or
// its default.
func argument(field *ast.Field, name string, variables map[string]any) (value any, given bool, err error) {
	literal := field.Definition.Arguments.ForName(name).DefaultValue
	if argument := field.Arguments.ForName(name); argument != nil {
		if argument.Value.Kind != ast.Variable {
			literal = argument.Value
		} else if value, given = variables[argument.Value.Raw]; given {
			return value, true, nil
		}
	}
	if literal == nil {
		return nil, false, nil
	}
	value, err = literal.Value(variables)
	return value, true, err
}

// Nullability says whether a field may be null, and whether an element of its list
// may be.
type Nullability struct{ Value, Element bool }

// PerParent makes a batch resolver that calls get for each parent.
func PerParent[P, V any](get func(ctx context.Context, parent P) (V, error)) Get[P, V] {
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

// Root makes a batch resolver from the resolver of a root field. If gqlgen resolves
// the field itself, as for mutations, it takes gqlgen's result.
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
