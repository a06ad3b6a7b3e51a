// Package input judges what a request brings, its document, its operationName
// and its variables, before anything executes. Whatever comes after it, a plan
// or a resolver, stands on values that fit the schema as the specification of
// GraphQL says, however they came in.
//
//	requests := input.NewRequests(cache, maxTokens)
//	server.SetQueryCache(requests)
//	server.SetParserTokenLimit(maxTokens)
//	server.SetValidationRulesFn(input.Rules)
//	server.Use(requests)
//
// gqlgen and gqlparser are laxer with a variable than with a literal: they take
// "2" for an Int, "desc" for DESC, and a null where an argument must have a
// value, if the variable has a default.
package input

import (
	"context"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Document is a document that is valid, with what has been worked out about it.
// It is shared by requests and not changed.
type Document struct {
	Query *ast.QueryDocument
	// nullable are, for an operation, the variables that may be null where an
	// argument must not.
	nullable map[*ast.OperationDefinition][]string
	// deferring are those that may be null or absent, and say whether to defer,
	// and nothing else.
	deferring map[*ast.OperationDefinition][]string
}

// Requests is a gqlgen extension, and the cache of documents of gqlgen's
// executor.
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

// NewRequests returns the extension. It refuses nothing for the number of its
// tokens, which is the executor's to do, but reads no document of more.
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

// Get implements graphql.Cache for the executor, which asks for the document
// after MutateOperationParameters has read it.
func (*Requests) Get(ctx context.Context, _ string) (*ast.QueryDocument, bool) {
	document := graphql.GetOperationContext(ctx).Doc
	return document, document != nil
}

// Add implements graphql.Cache; the documents that are kept are kept already.
func (*Requests) Add(context.Context, string, *ast.QueryDocument) {}

// MutateOperationParameters refuses with GRAPHQL_VALIDATION_FAILED what does
// not fit the schema, with the name of the argument or variable to blame, and
// brings the variables into their canonical form. What is wrong with the
// document is left to the executor to tell: it may be several things.
func (r *Requests) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	document, refused := r.document(ctx, params.Query)
	if document == nil {
		return refused
	}
	operation, refused := chosen(document.Query.Operations, params.OperationName)
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
		for _, name := range document.nullable[operation] {
			if value, given := params.Variables[name]; given && value == nil {
				if refused := nullArgument(operation, params.Variables); refused != nil {
					return refused
				}
				break
			}
		}
		for _, name := range document.deferring[operation] {
			if params.Variables[name] == nil {
				params.Variables[name] = true // as deferByDefault has it
			}
		}
	}
	graphql.GetOperationContext(ctx).Doc = document.Query
	return nil
}

// document returns the document of a text; nil for one that is not valid.
func (r *Requests) document(ctx context.Context, text string) (*Document, *gqlerror.Error) {
	if document, ok := r.cache.Get(ctx, text); ok {
		return document, nil
	}
	query, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: text}, r.tokenLimit)
	if err != nil {
		return nil, nil
	}
	if len(query.Operations) == 0 {
		return nil, refuse("query", "the document has no operation")
	}
	if len(validator.ValidateWithRules(r.schema, query, Rules())) > 0 {
		return nil, nil
	}
	undeferIntrospection(query)
	document := &Document{Query: query, nullable: map[*ast.OperationDefinition][]string{}, deferring: map[*ast.OperationDefinition][]string{}}
	for _, operation := range query.Operations {
		nullable, deferring := specialVariables(operation)
		if len(nullable) > 0 {
			document.nullable[operation] = nullable
		}
		if len(deferring) > 0 {
			document.deferring[operation] = deferring
		}
	}
	r.cache.Add(ctx, text, document)
	return document, nil
}

// chosen returns the operation that a request names, or the only one.
func chosen(operations ast.OperationList, name string) (*ast.OperationDefinition, *gqlerror.Error) {
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
