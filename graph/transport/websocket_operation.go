package transport

import (
	"cmp"
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// operation is a query, mutation or subscription that runs on a socket.
type operation struct {
	socket *socket
	id     string
	// head starts each of its messages.
	head string
	// ctx ends when the client completes the operation, and with the socket.
	// Nothing is written after that.
	ctx    context.Context
	cancel context.CancelFunc
	// last is the cursor of the last response written.
	last string
	// completed: by the client; guarded by the socket's mu.
	completed bool
	// subscription has a subscription's checkpoints; guarded by the socket's
	// mu.
	subscription *Stream
}

// run executes the operation to its end.
func (o *operation) run(params *graphql.RawParams) {
	defer o.socket.left(o)
	defer o.cancel()
	defer o.recover()

	o.head = frameHead(o.id)
	exec := o.socket.exec
	ctx := graphql.StartOperationTrace(o.ctx)
	op, errs := exec.CreateOperationContext(ctx, params)
	if len(errs) > 0 {
		o.fail(exec.DispatchError(graphql.WithOperationContext(ctx, op), apierror.Cap(errs)).Errors)
		return
	}
	if Defers(op) {
		if refused := undeferrable(op); refused != nil {
			o.fail(gqlerror.List{refused.err})
			return
		}
	}
	if op.Operation.Operation == ast.Subscription {
		o.stream(ctx, op)
		return
	}
	o.answer(ctx, op)
}

// answer executes a query or a mutation, and sends each part when it is ready.
func (o *operation) answer(ctx context.Context, op *graphql.OperationContext) {
	s := o.socket
	limits := HTTP{QueryTimeout: s.QueryTimeout, MutationTimeout: s.MutationTimeout}
	completed := false
	execute(ctx, limits.timeout(op), s.exec, op, func(response *graphql.Response, first bool) bool {
		if refused(response) {
			o.fail(response.Errors)
			return false
		}
		_, err := o.write(payloadOf(response, first))
		completed = err == nil
		return completed
	})
	if completed {
		o.end(frame(o.head, typeComplete))
	}
}

// stream executes a subscription.
func (o *operation) stream(ctx context.Context, op *graphql.OperationContext) {
	stream := &Stream{}
	o.socket.mu.Lock()
	o.subscription = stream
	o.socket.mu.Unlock()
	next, ctx := o.socket.exec.DispatchOperation(WithStream(ctx, stream), op)
	for {
		response := next(ctx)
		if response == nil {
			break
		}
		cursor := stream.Cursor()
		if refused(response) {
			o.fail(response.Errors)
			return
		}
		if !o.next(cursor, response) {
			return
		}
	}
	if failure := stream.Failure(); failure != nil {
		o.fail(gqlerror.List{failure})
		return
	}
	o.end(frame(o.head, typeComplete))
}

// refused reports whether the operation was not executed: gqlgen sends such a
// response if the resolver of a subscription fails.
func refused(response *graphql.Response) bool {
	return len(response.Data) == 0 && len(response.Errors) > 0
}

// next sends a response of a subscription and reports whether to continue. If
// the client took too long to accept it, next ends the subscription with an
// error.
func (o *operation) next(cursor string, response *graphql.Response) bool {
	s := o.socket
	took, err := o.write(payloadOf(response, true))
	if err == nil {
		o.last = cmp.Or(cursor, o.last)
	}
	if took < s.SlowTimeout {
		return err == nil
	}
	s.Logger.Warn("a subscriber was too slow",
		"code", string(apierror.SlowConsumer), "cursor", o.last, "took", took, "cut", err != nil)
	if s.OnSlow != nil {
		s.OnSlow(o.last)
	}
	if err == nil {
		o.fail(gqlerror.List{slowConsumer(o.last)})
	}
	return false
}

// write sends a response, with the data byte for byte as execution made it, and
// returns how long the client took to accept it.
func (o *operation) write(payload [][]byte) (took time.Duration, err error) {
	text := frame(o.head, typeNext, payload...)
	if err := o.socket.lock(o.ctx); err != nil {
		return 0, err
	}
	defer o.socket.unlock()
	return o.socket.write(text)
}

// checkpoint sends a cursor to resume after, and reports whether there was one.
func (o *operation) checkpoint(subscription *Stream) bool {
	if o.socket.lock(o.ctx) != nil {
		return false
	}
	defer o.socket.unlock()
	cursor := subscription.Checkpoint()
	if cursor == "" {
		return false
	}
	_, err := o.socket.write(checkpointFrame(o.id, cursor))
	return err == nil
}

// end sends the last message, unless the client has completed the operation. It
// frees the id first, since the client may reuse it as soon as it gets the
// message.
func (o *operation) end(text []byte) {
	if o.socket.lock(o.ctx) != nil {
		return
	}
	defer o.socket.unlock()
	if o.socket.release(o) {
		_, _ = o.socket.write(text)
	}
}

// fail ends the operation with errors.
func (o *operation) fail(errs gqlerror.List) {
	o.end(errorFrame(o.head, apierror.Cap(errs)))
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
