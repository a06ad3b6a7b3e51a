package transport

import (
	"cmp"
	"log/slog"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// Add adds the transports to a server.
func Add(server *handler.Server, options Options) {
	server.AddTransport(&overWebSocket{options.withDefaults(25 * time.Second)})
	server.AddTransport(&overHTTP{options.withDefaults(12 * time.Second)}) // it takes every request
}

// Options configure the transports; a zero stands for the default.
type Options struct {
	// MaxBody is the longest request body or WebSocket message in bytes;
	// default 16 MiB. Before connection_init a message has 64 KiB at most.
	MaxBody int64
	// QueryTimeout is how long a query may run; default 10 s.
	QueryTimeout time.Duration
	// MutationTimeout is how long a mutation may run; default 60 s. Stopping one
	// leaves its caller in doubt, and a batch of 10,000 events takes a while.
	MutationTimeout time.Duration
	// KeepAlive is the interval of keep-alives on a quiet stream, default 12 s,
	// and of pings on a WebSocket, default 25 s. A WebSocket whose client is
	// silent for two intervals is cut off.
	KeepAlive time.Duration
	// SlowTimeout ends a subscription whose client takes longer to accept a
	// response; default 5 s. WriteTimeout cuts the connection off; default
	// twice SlowTimeout.
	SlowTimeout, WriteTimeout time.Duration
	// AnswerTimeout cuts off the connection of a client that accepts less than 160 KiB
	// of a long answer within it, or within twice as long at its beginning; default 10 s.
	AnswerTimeout time.Duration
	// InitTimeout is how long the client of a WebSocket may take to send
	// connection_init; default 5 s.
	InitTimeout time.Duration
	// MaxOperations is how many operations run on one WebSocket; default 100.
	MaxOperations int
	// Authenticate identifies the client of a WebSocket by the Authorization of
	// its connection_init or, without one, of its handshake, whose headers a
	// browser cannot set; nil accepts anybody.
	Authenticate Authenticate
	// Admission bounds what requests hold and how many large ones run at once; nil for
	// no bounds. ByToken tells callers apart by their Authorization; otherwise, and
	// without one, by their address.
	Admission *admission.Controller
	ByToken   bool
	// Limits bound the WebSockets, subscriptions, and bytes of events that wait for
	// clients; nil for no bounds.
	Limits *admission.Limits
	// Streams ends streams and sockets at shutdown; nil for never.
	Streams *Streams
	// Logger may be nil.
	Logger *slog.Logger
	// OnSlow is called for each subscription that ends because its client is
	// slow, with the cursor of the last response written; may be nil.
	OnSlow func(cursor string)
}

func (o Options) withDefaults(keepAlive time.Duration) Options {
	o.MaxBody = cmp.Or(o.MaxBody, 16<<20)
	o.QueryTimeout = cmp.Or(o.QueryTimeout, 10*time.Second)
	o.MutationTimeout = cmp.Or(o.MutationTimeout, time.Minute)
	o.KeepAlive = cmp.Or(o.KeepAlive, keepAlive)
	o.SlowTimeout = cmp.Or(o.SlowTimeout, 5*time.Second)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, 2*o.SlowTimeout)
	o.AnswerTimeout = cmp.Or(o.AnswerTimeout, 10*time.Second)
	o.InitTimeout = cmp.Or(o.InitTimeout, 5*time.Second)
	o.MaxOperations = cmp.Or(o.MaxOperations, 100)
	if o.Streams == nil {
		o.Streams = NewStreams()
	}
	if o.Limits == nil {
		o.Limits = &admission.Limits{}
	}
	o.Logger = cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
	return o
}

// timeout returns how long a query or a mutation may run.
func (o *Options) timeout(op *graphql.OperationContext) time.Duration {
	if op.Operation.Operation == ast.Mutation {
		return o.MutationTimeout
	}
	return o.QueryTimeout
}

// caller identifies a client for the admission.
func (o *Options) caller(authorization, address string) admission.Caller {
	if o.ByToken && authorization != "" {
		return admission.Caller{Authorization: authorization}
	}
	return admission.Caller{Address: telemetry.Host(address)}
}
