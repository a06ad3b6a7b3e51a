package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Answers is gqlgen's middleware that has plans answer.
type Answers struct {
	Query, Mutation, Subscription *Type[struct{}]
	Presenter                     graphql.ErrorPresenterFunc
	Recover                       graphql.RecoverFunc
	// Cached returns the plan that is kept under a key, a node of the operation's
	// document, or else compiles and keeps it. keeps tells whether it is kept.
	Cached func(op *graphql.OperationContext, key any, compile func(keeps bool) *Compiled) *Compiled
	// Begin makes a context to read under.
	Begin func(ctx context.Context) (context.Context, Memory)
	// AfterSending calls done when the answer to the operation of ctx has been sent.
	AfterSending func(ctx context.Context, done func())
	// Answered is told how many root fields plans have answered.
	Answered func(fields int)
}

// Memory is what the answer to one request is made in.
type Memory interface {
	// Buffer is for the answer; it goes to the next request when this one is done.
	Buffer() *[]byte
	// Fork makes a context to read under beside others.
	Fork(ctx context.Context) context.Context
	// Release lets the memory go to the next request: nothing of it is used any
	// longer.
	Release()
}

// Operation is a gqlgen OperationMiddleware. It answers queries without gqlgen's
// executor, but for those that ask for the schema itself.
func (a *Answers) Operation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Query {
		return next(ctx)
	}
	compiled := a.Cached(op, op.Operation, func(keeps bool) *Compiled {
		return compileOperation(ctx, op, a.Query, op.Operation.SelectionSet, keeps)
	})
	if compiled == nil {
		return next(ctx)
	}
	e := compiled.begin(ctx, op)
	if e == nil {
		return next(ctx)
	}
	e.answers = a
	e.ctx, e.memory = a.Begin(ctx)
	a.AfterSending(ctx, e.memory.Release)
	a.Answered(compiled.root.steps())
	return e.next
}

// Field is a gqlgen FieldMiddleware. It answers what is selected below a root
// field that gqlgen resolves: of a mutation, or of a query that asks for the schema
// as well.
func (a *Answers) Field(ctx context.Context, next graphql.Resolver) (any, error) {
	field := graphql.GetFieldContext(ctx)
	var root *Type[struct{}]
	switch field.Object {
	case a.Query.Name:
		root = a.Query
	case a.Mutation.Name:
		root = a.Mutation
	default:
		return next(ctx)
	}
	e := a.Below(ctx, root, &field.Field)
	if e == nil {
		return next(ctx)
	}
	value, ok := e.Resolve(ctx, next, nil)
	if !ok {
		return graphql.Null, nil
	}
	return marshaled(value), nil
}

// Below is the execution of what is selected of a root field that is resolved
// otherwise; nil where no plan answers it.
func (a *Answers) Below(ctx context.Context, root *Type[struct{}], field *graphql.CollectedField) *Below {
	op := graphql.GetOperationContext(ctx)
	compiled := a.Cached(op, field.Field, func(keeps bool) *Compiled { return compileField(ctx, op, root, field, keeps) })
	if compiled == nil || compiled.begin(ctx, op) == nil {
		return nil
	}
	return &Below{a, compiled}
}

// Below answers what is selected below a root field.
type Below struct {
	answers  *Answers
	compiled *Compiled
}

// Resolve resolves the field, and appends its value to buf. It is not ok for a
// null that is the whole answer's. Errors go to the response of ctx.
func (b *Below) Resolve(ctx context.Context, resolve graphql.Resolver, buf []byte) (value []byte, ok bool) {
	e := b.compiled.begin(ctx, graphql.GetOperationContext(ctx))
	e.resolve = resolve
	ctx, memory := b.answers.Begin(ctx)
	defer memory.Release()
	b.answers.Answered(1)
	return e.field(ctx, buf)
}
