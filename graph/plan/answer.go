package plan

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Answers is the gqlgen middleware that answers operations by plans.
type Answers struct {
	Query, Mutation, Subscription *Type[struct{}]
	Presenter                     graphql.ErrorPresenterFunc
	Recover                       graphql.RecoverFunc
	// Cached returns the plan of key, a node of the operation's document, from a cache
	// or from compile. cached tells compile whether the plan will be cached.
	Cached func(op *graphql.OperationContext, key any, compile func(cached bool) *Compiled) *Compiled
	// Begin returns the context of the batch resolvers of one answer, and its memory.
	// restarts is whether the answer can begin again; see Memory.Again.
	Begin func(ctx context.Context, restarts bool) (context.Context, Memory)
	// AfterSending calls done once the answer to the operation of ctx is sent.
	AfterSending func(ctx context.Context, done func())
	// Answered counts the root fields that plans answer.
	Answered func(fields int)
	// MaxAnswer limits an answer, and each part of it, in bytes. TooLong returns the
	// error of a longer one; field is the name of the field written last.
	MaxAnswer int
	TooLong   func(field string) error
}

// Memory is the memory of one answer.
type Memory interface {
	// Buffer returns the buffer for the answer's JSON.
	Buffer() *[]byte
	// Fork returns the context of batch resolvers that run concurrently with others.
	Fork(ctx context.Context) context.Context
	// Hold charges bytes of JSON that are held until Release. An error ends the
	// execution.
	Hold(bytes int) error
	// Again reports whether the execution was stopped for lack of memory and has to
	// begin again. It discards what was read.
	Again() bool
	// Release makes the memory available to the next answer.
	Release()
}

// Operation is a gqlgen OperationMiddleware. It answers queries in place of gqlgen's
// executor, except those with introspection.
func (a *Answers) Operation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Query {
		return next(ctx)
	}
	compiled := a.Cached(op, op.Operation, func(cached bool) *Compiled {
		return compileOperation(ctx, op, a.Query, op.Operation.SelectionSet, cached)
	})
	if compiled == nil {
		return next(ctx)
	}
	e := compiled.begin(ctx, op)
	if e == nil {
		return next(ctx)
	}
	e.answers = a
	e.ctx, e.memory = a.Begin(ctx, true)
	a.AfterSending(ctx, e.memory.Release)
	a.Answered(compiled.root.steps())
	return e.next
}

// Field is a gqlgen FieldMiddleware. It answers the selection of a root field that
// gqlgen resolves: of a mutation, or of a query with introspection.
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

// Below compiles the selection of a root field that gqlgen or a subscription
// resolves. It returns nil if a plan cannot answer it.
func (a *Answers) Below(ctx context.Context, root *Type[struct{}], field *graphql.CollectedField) *Below {
	op := graphql.GetOperationContext(ctx)
	compiled := a.Cached(op, field.Field, func(cached bool) *Compiled { return compileField(ctx, op, root, field, cached) })
	if compiled == nil || compiled.begin(ctx, op) == nil {
		return nil
	}
	return &Below{a, compiled}
}

// Below answers the selection of a root field.
type Below struct {
	answers  *Answers
	compiled *Compiled
}

// Resolve resolves the field and appends its value to buf. ok is false for a null
// that makes the whole answer null. Errors are added to the response of ctx.
func (b *Below) Resolve(ctx context.Context, resolve graphql.Resolver, buf []byte) (value []byte, ok bool) {
	e := b.compiled.begin(ctx, graphql.GetOperationContext(ctx))
	e.resolve, e.answers, e.reported = resolve, b.answers, ctx
	e.ctx, e.memory = b.answers.Begin(ctx, false)
	defer e.memory.Release()
	b.answers.Answered(1)
	return e.field(buf)
}
