package graph

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// kindsWith holds, for a field of __Type, the kinds of types for which it is not
// null (section 4.2 of the specification). gqlgen returns an empty list for the
// others, and false for isOneOf.
var kindsWith = map[string][]ast.DefinitionKind{
	"fields":        {ast.Object, ast.Interface},
	"interfaces":    {ast.Object, ast.Interface},
	"possibleTypes": {ast.Interface, ast.Union},
	"enumValues":    {ast.Enum},
	"inputFields":   {ast.InputObject},
	"isOneOf":       {ast.InputObject},
}

// exactIntrospection is a gqlgen extension that returns null for the fields of
// __Type that kindsWith excludes.
type exactIntrospection struct{}

func (exactIntrospection) ExtensionName() string { return "ExactIntrospection" }

func (exactIntrospection) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext adds a field middleware to operations with introspection
// only, since it is called for every field.
func (exactIntrospection) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	if strings.Contains(op.RawQuery, "__schema") || strings.Contains(op.RawQuery, "__type") {
		around := op.ResolverMiddleware
		op.ResolverMiddleware = func(ctx context.Context, next graphql.Resolver) (any, error) {
			return around(ctx, func(ctx context.Context) (any, error) { return introspected(ctx, next) })
		}
	}
	return nil
}

func introspected(ctx context.Context, next graphql.Resolver) (any, error) {
	field := graphql.GetFieldContext(ctx)
	kinds := kindsWith[field.Field.Name]
	if field.Object != "__Type" || kinds == nil {
		return next(ctx)
	}
	of, ok := field.Parent.Result.(*introspection.Type)
	if !ok {
		return next(ctx)
	}
	for _, kind := range kinds {
		if of.Kind() == string(kind) {
			return next(ctx)
		}
	}
	return nil, nil
}
