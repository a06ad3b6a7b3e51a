package transport

import (
	"context"

	"github.com/noetl/noetl-catalog/graph/admission"
)

// execution is the context of a query or a mutation.
type execution struct {
	context.Context
	// request may be nil.
	request *admission.Request
	// sent are the callbacks of AfterSending.
	sent []func()
}

type executionKey struct{}

// withExecution returns the context for executing a request, and a function to call
// once the response has been sent.
func withExecution(ctx context.Context, request *admission.Request) (execute context.Context, sent func()) {
	e := &execution{Context: ctx, request: request}
	return e, e.end
}

func (e *execution) Value(key any) any {
	if key == (executionKey{}) {
		return e
	}
	if e.request != nil {
		if value := e.request.Value(key); value != nil {
			return value
		}
	}
	return e.Context.Value(key)
}

// AfterSending calls done once the response to the operation of ctx has been
// sent, and its data can be overwritten. It is not called for subscriptions.
func AfterSending(ctx context.Context, done func()) {
	if e, ok := ctx.Value(executionKey{}).(*execution); ok {
		e.sent = append(e.sent, done)
	}
}

func (e *execution) end() {
	for _, done := range e.sent {
		done()
	}
}
