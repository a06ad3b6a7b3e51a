// Package input checks the document, operationName and variables of a request
// before anything executes, so that a plan or a resolver gets values that fit the
// schema as the GraphQL specification defines it, in whatever way they were given.
//
//	requests := input.NewRequests(cache, maxTokens)
//	server.SetQueryCache(requests)
//	server.Use(requests)
//
// gqlgen and gqlparser are laxer with a variable than with a literal: they accept
// "2" for an Int, "desc" for DESC, and a null for an argument that must have a
// value, if the variable has a default.
package input

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Document is a valid document and what is derived from it. Requests share it, and
// do not change it.
type Document struct {
	Query *ast.QueryDocument
	// nullable are an operation's variables that may be null although an argument they
	// are used for must not be.
	nullable map[*ast.OperationDefinition][]string
	// deferring are the variables that may be null or absent and are only used as the
	// condition of @defer.
	deferring map[*ast.OperationDefinition][]string
}

// Requests is a gqlgen extension, and the document cache of gqlgen's executor.
type Requests struct {
	schema     *ast.Schema
	cache      graphql.Cache[*Document]
	tokenLimit int
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.Cache[*ast.QueryDocument]
} = (*Requests)(nil)

// NewRequests returns the extension. It rejects a document of more tokens than the
// limit.
func NewRequests(cache graphql.Cache[*Document], tokenLimit int) *Requests {
	return &Requests{cache: cache, tokenLimit: tokenLimit}
}

// ExtensionName implements graphql.HandlerExtension.
func (*Requests) ExtensionName() string { return "Input" }

// Validate implements graphql.HandlerExtension.
func (r *Requests) Validate(schema graphql.ExecutableSchema) error {
	r.schema = schema.Schema()
	return nil
}

// Get implements graphql.Cache. The executor calls it after
// MutateOperationParameters has set the document, so that it parses none itself.
func (*Requests) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	return graphql.GetOperationContext(ctx).Doc, true
}

// Add implements graphql.Cache; it is not called.
func (*Requests) Add(context.Context, string, *ast.QueryDocument) {}

// MutateOperationParameters rejects a request that does not fit the schema, and converts
// the variables to their canonical form. The error is GRAPHQL_PARSE_FAILED, or
// GRAPHQL_VALIDATION_FAILED with the name of the argument or variable.
func (r *Requests) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	document, refused := r.document(ctx, params.Query)
	if refused != nil {
		return refused
	}
	operation, refused := selectOperation(document.Query.Operations, params.OperationName)
	if refused != nil {
		return refused
	}
	if len(operation.VariableDefinitions) > 0 {
		if params.Variables == nil {
			params.Variables = map[string]any{}
		}
		if refused := coerceVariables(r.schema, operation.VariableDefinitions, params.Variables); refused != nil {
			return refused
		}
		isNull := func(name string) bool {
			value, given := params.Variables[name]
			return given && value == nil
		}
		if slices.ContainsFunc(document.nullable[operation], isNull) {
			if refused := nullArgument(operation, params.Variables); refused != nil {
				return refused
			}
		}
		for _, name := range document.deferring[operation] {
			if params.Variables[name] == nil {
				params.Variables[name] = true // see deferByDefault
			}
		}
	}
	graphql.GetOperationContext(ctx).Doc = document.Query
	return nil
}

// document parses and validates a text, unless its document is cached.
func (r *Requests) document(ctx context.Context, text string) (*Document, *gqlerror.Error) {
	if document, ok := r.cache.Get(ctx, text); ok {
		return document, nil
	}
	query, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, r.tokenLimit)
	if err != nil {
		return nil, invalid(errcode.ParseFailed, gqlerror.List{gqlerror.WrapIfUnwrapped(err)})
	}
	if len(query.Operations) == 0 {
		return nil, refuse("query", "the document has no operation")
	}
	if errs := validator.ValidateWithRules(r.schema, query, Rules()); len(errs) > 0 {
		return nil, invalid(errcode.ValidationFailed, errs)
	}
	undeferIntrospection(query)
	document := &Document{Query: query, nullable: map[*ast.OperationDefinition][]string{}, deferring: map[*ast.OperationDefinition][]string{}}
	for _, operation := range query.Operations {
		document.nullable[operation], document.deferring[operation] = specialVariables(operation)
	}
	r.cache.Add(ctx, text, document)
	return document, nil
}

// invalid returns the errors of a document as one, which is all that the executor
// takes; Errors returns them again.
func invalid(code string, errs gqlerror.List) *gqlerror.Error {
	for _, err := range errs {
		errcode.Set(err, code)
	}
	return &gqlerror.Error{Err: errs}
}

// Errors returns the errors of a request that the executor has rejected.
func Errors(rejected gqlerror.List) gqlerror.List {
	if errs, several := errors.AsType[gqlerror.List](rejected[0].Err); several {
		return errs
	}
	return rejected
}

// selectOperation returns the operation that a request names, or the only one.
func selectOperation(operations ast.OperationList, name string) (*ast.OperationDefinition, *gqlerror.Error) {
	if operation := operations.ForName(name); operation != nil {
		return operation, nil
	}
	switch {
	case name == "":
		return nil, refuse("operationName", "the document has several operations; operationName must be one of %s", namesOf(operations))
	case operations[0].Name == "":
		return nil, refuse("operationName", "the document has no operation %q; its only one has no name", shortened(name))
	}
	return nil, refuse("operationName", "the document has no operation %q; it has %s", shortened(name), namesOf(operations))
}

// namesOf lists the first operations.
func namesOf(operations ast.OperationList) string {
	const most = 20
	names := make([]string, 0, most)
	for _, operation := range operations[:min(len(operations), most)] {
		names = append(names, operation.Name)
	}
	list := strings.Join(names, ", ")
	if len(operations) > most {
		list += fmt.Sprintf(" and %d more", len(operations)-most)
	}
	return list
}

func refuse(argument, format string, args ...any) *gqlerror.Error {
	err := apierror.Errorf(apierror.ValidationFailed, format, args...)
	err.Extensions["argument"] = argument
	return err
}
