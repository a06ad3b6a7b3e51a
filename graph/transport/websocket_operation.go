package transport

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// operation is a query, mutation or subscription that runs on a socket.
type operation struct {
	socket *socket
	id     string
	// head starts each of its responses.
	head string
	// ctx ends when the client completes the operation, and with the socket.
	// Nothing is written after that.
	ctx    context.Context
	cancel context.CancelFunc
	// request is charged for the operation's memory.
	request *admission.Request
	// exchange may be nil.
	exchange *telemetry.Exchange
	// completed: by the client; guarded by the socket's mu.
	completed bool
	// checkpoint is that of a subscription's Stream; nil before it runs. Guarded
	// by the socket's mu.
	checkpoint func() string
}

// run executes the operation to its end.
func (o *operation) run(params *graphql.RawParams) {
	defer o.cancel()
	defer o.recover()

	op, failed := prepare(o.ctx, o.socket.exec, params)
	if failed != nil {
		o.fail(failed.Errors)
		return
	}
	if kind := op.Operation.Operation; kind != ast.Query && defers(op) {
		o.fail(gqlerror.List{undeferrable(kind).err})
		return
	}
	if op.Operation.Operation == ast.Subscription {
		o.stream(op)
		return
	}
	o.answer(op)
}

// answer executes a query or a mutation, and sends each part when it is ready.
func (o *operation) answer(op *graphql.OperationContext) {
	completed := false
	execute(o.ctx, o.socket.timeout(op), o.request, o.socket.exec, op, func(response *graphql.Response, first bool) bool {
		if notExecuted(response) {
			o.fail(response.Errors)
			return false
		}
		_, err := o.write(response, first)
		completed = err == nil
		return completed
	})
	if completed {
		o.complete()
	}
}

// stream executes a subscription.
func (o *operation) stream(op *graphql.OperationContext) {
	limits, caller := o.socket.Limits, o.request.Caller()
	if refused := limits.Subscriptions.Take(caller, 1); refused != nil {
		o.fail(gqlerror.List{refused})
		return
	}
	defer limits.Subscriptions.Release(caller, 1)
	o.request.Leave()
	stream := &Stream{limits: limits, caller: caller}
	next, ctx := o.socket.exec.DispatchOperation(WithStream(o.ctx, stream), op)
	o.exchange.Started()
	o.socket.mu.Lock()
	o.checkpoint = stream.Checkpoint
	o.socket.mu.Unlock()
	o.socket.deliver(ctx, stream, next, o)
}

// next implements subscriber.
func (o *operation) next(_ *Stream, response *graphql.Response) (took time.Duration, err error) {
	return o.write(response, true)
}

// write sends a response, with the data byte for byte as execution made it, and
// returns how long the client took to accept it.
func (o *operation) write(response *graphql.Response, first bool) (took time.Duration, err error) {
	o.exchange.Failed(response.Errors)
	if err := o.socket.lock(o.ctx); err != nil {
		return 0, err
	}
	defer o.socket.unlock()
	// Made here, so that a socket has one copy at a time.
	text := enclosed(o.head, payloadOf(response, first), "}")
	o.exchange.Sent(len(text))
	return o.socket.write(text)
}

// sendCheckpoint sends a cursor to resume after, and reports whether there was
// one.
func (o *operation) sendCheckpoint(checkpoint func() string) bool {
	if o.socket.lock(o.ctx) != nil {
		return false
	}
	defer o.socket.unlock()
	cursor := checkpoint()
	if cursor == "" {
		return false
	}
	_, err := o.socket.write(checkpointPing(o.id, cursor).text())
	return err == nil
}

// fail implements subscriber.
func (o *operation) fail(errs gqlerror.List) {
	o.exchange.Failed(errs)
	o.end(outgoing{o.id, typeError, apierror.Cap(errs)})
}

// complete implements subscriber.
func (o *operation) complete() { o.end(outgoing{ID: o.id, Type: typeComplete}) }

// end sends the last message, unless the client has completed the operation. It
// frees the id first, since the client may reuse it as soon as it gets the
// message.
func (o *operation) end(last outgoing) {
	if o.socket.lock(o.ctx) != nil {
		return
	}
	defer o.socket.unlock()
	if o.socket.release(o) {
		text := last.text()
		o.exchange.Sent(len(text))
		_, _ = o.socket.write(text)
	}
}

// recover responds to a panic outside the resolvers, which ends this operation
// only.
func (o *operation) recover() {
	value := recover()
	if value == nil {
		return
	}
	presented, logged := presentPanic(o.ctx, o.socket.exec, value)
	if !logged {
		o.socket.Logger.Error("panic while answering", "panic", value)
	}
	o.fail(gqlerror.List{presented})
}
