// Package telemetry measures requests: their metrics, the access log, the log of slow
// operations, and OpenTelemetry's spans. All of them are written in one place, where
// an Exchange ends.
package telemetry

import (
	"cmp"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.opentelemetry.io/otel/trace"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/statements"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Exchange is a request and its answer: an HTTP request, or an operation on a
// WebSocket. It is a context, which avoids an allocation for each request. All
// methods of a nil Exchange do nothing.
type Exchange struct {
	context.Context
	telemetry *Telemetry
	begun     time.Time
	// method is that of HTTP; empty for an operation on a WebSocket.
	method, path, caller string
	status               int
	statements, sent     atomic.Int64
	received             int

	mu                   sync.Mutex
	kind, name, document string
	code                 fault.Code
	// started is the time that a subscription took to start.
	started time.Duration
	spans
}

type exchangeKey struct{}

// Value implements context.Context.
func (x *Exchange) Value(key any) any {
	switch key.(type) {
	case exchangeKey:
		return x
	case statements.CountKey:
		return &x.statements
	}
	return x.Context.Value(key)
}

// Of returns the exchange of a context; nil if there is none.
func Of(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}

// Socket returns the context of a WebSocket, whose handshake is x: from ctx, and with
// an exchange that is the model for its operations.
func (x *Exchange) Socket(ctx context.Context) context.Context {
	if x == nil {
		return ctx
	}
	return &Exchange{Context: ctx, telemetry: x.telemetry, path: x.path, caller: x.caller}
}

// BeginOperation returns the context of an operation on a WebSocket; received is the
// length of its message. Its exchange must End.
func BeginOperation(socket context.Context, received int) context.Context {
	of := Of(socket)
	if of == nil {
		return socket
	}
	x := &Exchange{Context: socket, telemetry: of.telemetry, begun: time.Now(), path: of.path, caller: of.caller}
	x.Received(received)
	return x.trace(x, trace.WithNewRoot(), trace.WithLinks(trace.LinkFromContext(socket)))
}

// Begin begins the operation of an HTTP request, and returns its context.
func (x *Exchange) Begin(ctx context.Context) context.Context {
	if x == nil {
		return ctx
	}
	return x.trace(ctx)
}

// SetCaller names the caller, who is known by address before.
func (x *Exchange) SetCaller(name string) {
	if x != nil && name != "" {
		x.caller = name
	}
}

// Received adds bytes of the request.
func (x *Exchange) Received(bytes int) {
	if x != nil {
		x.received += bytes
		x.telemetry.metrics.received[x.transport()].Add(float64(bytes))
	}
}

// Sent adds bytes of the answer.
func (x *Exchange) Sent(bytes int) {
	if x != nil {
		x.sent.Add(int64(bytes))
		x.telemetry.metrics.sent[x.transport()].Add(float64(bytes))
	}
}

// Loaded counts a batch of keys that was read.
func (x *Exchange) Loaded(keys int) {
	if x != nil {
		x.telemetry.metrics.batches.Inc()
		x.telemetry.metrics.keys.Add(float64(keys))
	}
}

// Prepared sets the operation, which has not been parsed if the request is invalid.
func (x *Exchange) Prepared(op *graphql.OperationContext) {
	if x == nil || op == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.document = op.RawQuery
	if op.Operation != nil {
		x.kind, x.name = string(op.Operation.Operation), op.Operation.Name[:min(len(op.Operation.Name), maxName)]
	}
}

// Failed records errors of the answer. The first has the exchange's code.
func (x *Exchange) Failed(errs gqlerror.List) {
	if x == nil || len(errs) == 0 {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.code == "" {
		x.code = cmp.Or(apierror.Code(errs[0]), apierror.Internal)
	}
}

// Started records that a subscription has started. The time of its deliveries does not
// count as its duration, and its span must not last for hours.
func (x *Exchange) Started() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.started = time.Since(x.begun)
	x.endSoon()
}

// End writes the metrics, logs and spans.
func (x *Exchange) End() {
	if x == nil {
		return
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	lasted := time.Since(x.begun)
	took := lasted
	if x.started > 0 {
		took = x.started
	}
	x.endSpans()
	if x.kind != "" || x.code != "" {
		x.telemetry.metrics.operation(x, took)
	}
	x.telemetry.log(x, lasted, took)
}

func (x *Exchange) transport() transport {
	if x.method == "" {
		return overWebSocket
	}
	return overHTTP
}

type transport int

const (
	overHTTP transport = iota
	overWebSocket
)

// transports are the values of the label `transport`.
var transports = [...]string{"http", "websocket"}
