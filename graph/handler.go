package graph

import (
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/klauspost/compress/gzhttp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/rs/cors"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/formatter"

	"github.com/noetl/noetl-catalog/docs"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/generated"
	"github.com/noetl/noetl-catalog/graph/graphiql"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/limit"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/plan"
	"github.com/noetl/noetl-catalog/graph/telemetry"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// maxTokens is the most tokens of a document (docs/clients.md, "Limits").
const maxTokens = 10_000

// HandlerOptions configure the routes.
type HandlerOptions struct {
	// Ready returns an error if the database does not answer; for /readyz.
	Ready func(context.Context) error
	// QueryTimeout is how long a query may run; 0 for 10 s.
	QueryTimeout time.Duration
	// SlowTimeout ends a subscription whose client takes longer to accept an
	// event, and cuts it off after twice that; 0 for 5 s.
	SlowTimeout time.Duration
	// KeepAlive is the interval of keep-alives on an idle stream; 0 for 12 s, and 25 s
	// on a WebSocket.
	KeepAlive time.Duration
	// ResolversOnly lets gqlgen's executor answer all operations, as a reference for
	// tests.
	ResolversOnly bool
	// Origins are those of other web pages whose scripts may use the API, such
	// as "https://app.example.com"; none by default.
	Origins []string
	// Tokens authenticate callers; nil if every caller may do everything.
	Tokens *auth.Tokens
	// Admission bounds what requests hold and how many large ones run at once.
	Admission admission.Options
	// Limits bound what clients have open; nil for no bounds.
	Limits *admission.Limits
	// MaxResponse is the longest answer, part of an answer, and delivered event, in
	// bytes; 0 for 32 MiB.
	MaxResponse int
	// Streams are the open subscriptions' connections, to be closed at shutdown.
	Streams *transport.Streams
	// Metrics are served at /metrics, and those of the handler registered with
	// them; nil for none.
	Metrics *prometheus.Registry
	// Telemetry is what is logged and traced of requests.
	Telemetry telemetry.Options
	Logger    *slog.Logger
}

// NewHandler serves the API: /graphql, /schema.graphql, /healthz, /readyz,
// /metrics, /docs/ and GraphiQL at /, to this machine only.
func NewHandler(resolver *Resolver, options HandlerOptions) (http.Handler, error) {
	schema := generated.NewExecutableSchema(generated.Config{
		Resolvers: resolver, Directives: generated.DirectiveRoot{Auth: requireRole(options.Tokens)},
	})
	authenticate := authenticator(options.Tokens)
	compress, err := compression()
	if err != nil {
		return nil, err
	}

	routes := http.NewServeMux()
	routes.Handle("/graphql", pointBrowsers(transport.Authenticated(compress(newServer(schema, resolver, options, authenticate)), authenticate)))
	routes.Handle("GET /schema.graphql",
		transport.Authenticated(compress(text("text/plain; charset=utf-8", sdl(schema.Schema()))), authenticate))
	routes.Handle("GET /healthz", text("text/plain; charset=utf-8", "ok\n"))
	routes.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := options.Ready(ctx); err != nil {
			http.Error(w, "the database does not answer", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ready\n")
	})
	if options.Metrics != nil {
		options.Metrics.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "catalog_plan_answers_total", Help: "Fields of Query and deliveries of subscriptions that plans answered, not the resolvers.",
		}, func() float64 { return float64(resolver.planAnswers.Load()) }))
		routes.Handle("GET /metrics", promhttp.HandlerFor(options.Metrics, promhttp.HandlerOpts{}))
	}
	page := graphiql.Handler()
	routes.Handle("GET /{$}", page)
	routes.Handle("GET /assets/", page)
	routes.HandleFunc("GET /docs/{file}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		http.ServeFileFS(w, r, docs.Files, r.PathValue("file"))
	})
	routes.Handle("GET /favicon.ico", text("image/svg+xml", icon))
	served := http.Handler(routes)
	if len(options.Origins) > 0 {
		// No cookies are at stake, so that any header is as good as another.
		served = cors.New(cors.Options{
			AllowedOrigins: options.Origins, AllowedMethods: []string{http.MethodGet, http.MethodPost},
			AllowedHeaders: []string{"*"}, MaxAge: 600,
		}).Handler(routes)
	}
	guarded, err := transport.Guard(served, options.Origins, options.Logger)
	if err != nil {
		return nil, err
	}
	return telemetry.New(options.Metrics, options.Logger, options.Telemetry).HTTP(guarded), nil
}

// icon is what browsers ask for by themselves.
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path d="M3 13V3l10 10V3" fill="none" stroke="#7c3aed" stroke-width="2.5"/></svg>`

// pointBrowsers redirects a browser that opens /graphql without a query to GraphiQL.
func pointBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && r.URL.RawQuery == "" && r.Header.Get("Upgrade") == "" && strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// compression compresses answers of one kilobyte and more with gzip, except answers
// in parts and WebSockets. It does not use zstd: graphql-codegen accepts zstd on
// versions of Node that cannot decompress it.
func compression() (func(http.Handler) http.Handler, error) {
	wrap, err := gzhttp.NewWrapper(
		gzhttp.ContentTypes([]string{"application/json", "application/graphql-response+json", "text/plain"}),
		gzhttp.EnableZstd(false), gzhttp.CompressionLevel(gzip.BestSpeed),
	)
	if err != nil {
		return nil, fmt.Errorf("configuring the compression: %w", err)
	}
	return func(next http.Handler) http.Handler {
		compressed := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case transport.IsHandshake(r):
				next.ServeHTTP(w, r)
			case r.Header.Get("Accept-Encoding") == "": // as programs send it; nothing to choose from
				w.Header().Add("Vary", "Accept-Encoding")
				next.ServeHTTP(w, r)
			default:
				compressed.ServeHTTP(w, r)
			}
		})
	}, nil
}

func newServer(schema graphql.ExecutableSchema, resolver *Resolver, options HandlerOptions, authenticate transport.Authenticate) *handler.Server {
	server := handler.New(schema)
	presenter := apierror.NewPresenter(options.Logger, nil)
	resolver.presenter = presenter
	server.SetErrorPresenter(presenter.Present)
	server.SetRecoverFunc(presenter.Recover)
	requests := input.NewRequests(parsedDocuments{resolver.documents}, maxTokens)
	server.SetQueryCache(requests)
	server.Use(newPersistedQueries(resolver.persisted))
	server.Use(requests)
	server.Use(limit.Limit{})
	server.Use(extension.Introspection{})
	server.Use(exactIntrospection{})
	server.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		return next(auth.WithScopes(ctx, auth.Everything()))
	})
	if options.MaxResponse > 0 {
		resolver.maxResponse = options.MaxResponse
	}
	admitted := admission.New(options.Admission)
	if options.Metrics != nil {
		options.Metrics.MustRegister(admitted)
		if options.Limits != nil {
			options.Metrics.MustRegister(options.Limits)
		}
	}
	server.AroundOperations(resolver.admit(presenter, admitted))
	var answers *plan.Answers
	if !options.ResolversOnly {
		answers = resolver.newAnswers(presenter)
		server.AroundOperations(answers.Operation)
		server.AroundFields(answers.Field)
	}
	server.AroundOperations(func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		return next(withFeed(loader.WithLoaders(ctx, loader.New(maxList)), answers))
	})
	server.AroundResponses(resolver.eachDelivery)
	transport.Add(server, transport.Options{
		QueryTimeout: options.QueryTimeout, SlowTimeout: options.SlowTimeout, KeepAlive: options.KeepAlive,
		Authenticate: authenticate, Admission: admitted, Limits: options.Limits, ByToken: options.Tokens != nil, Streams: options.Streams, Logger: options.Logger, OnSlow: slowConsumers(options.Metrics),
	})
	return server
}

// slowConsumers counts the subscriptions that ended for slowness.
func slowConsumers(registry *prometheus.Registry) func(string) {
	if registry == nil {
		return nil
	}
	slow := prometheus.NewCounter(prometheus.CounterOpts{
		Name: "catalog_slow_consumers_total", Help: "Subscriptions ended because their client did not accept an event in time.",
	})
	registry.MustRegister(slow)
	return func(string) { slow.Inc() }
}

// sdl writes the schema with every description.
func sdl(schema *ast.Schema) string {
	var out strings.Builder
	// The formatter omits a schema definition of the default names, and so its description.
	fmt.Fprintf(&out, "\"\"\"\n%s\n\"\"\"\nschema {\n\tquery: Query\n\tmutation: Mutation\n\tsubscription: Subscription\n}\n", schema.Description)
	formatter.NewFormatter(&out).FormatSchema(schema)
	return out.String()
}

func text(mediaType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		_, _ = io.WriteString(w, body)
	})
}
