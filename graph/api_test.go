package graph_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/statements"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// api is a server with its own database.
type api struct {
	// runTasks runs the background tasks of a server.
	runTasks func(context.Context) error
	t        testing.TB
	pool     *db.Pool
	http     *httptest.Server
	log      *logtest.Buffer
	sql      *statementLog
	// metrics are the handler's.
	metrics *prometheus.Registry
}

func setup(t testing.TB) *api {
	t.Helper()
	return setupAt(t, dbtest.URL(t))
}

func setupAt(t testing.TB, databaseURL string, configure ...func(*graph.HandlerOptions)) *api {
	t.Helper()
	return setupWith(t, databaseURL, db.Options{}, configure...)
}

func setupWith(t testing.TB, databaseURL string, pool db.Options, configure ...func(*graph.HandlerOptions)) *api {
	t.Helper()
	a := &api{t: t, log: &logtest.Buffer{}, sql: &statementLog{}, metrics: prometheus.NewRegistry()}
	configurePool := pool.Configure
	pool.Configure = func(c *pgxpool.Config) {
		if c.ConnConfig.Tracer = a.sql; configurePool != nil {
			configurePool(c)
		}
	}
	logger := slog.New(slog.NewTextHandler(a.log, nil))
	pool.Logger = logger
	a.pool = dbtest.PoolAt(t, databaseURL, pool)
	events, metrics := eventlog.NewStore(a.pool), stream.NewMetrics(prometheus.NewRegistry())
	log := stream.NewLog(events, a.pool.Connect, metrics, logger)
	a.runTasks = func(ctx context.Context) error {
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return log.Run(ctx) })
		group.Go(func() error { return stream.Sequence(ctx, a.pool.Connect, metrics, logger) })
		return group.Wait()
	}
	resolver := graph.NewResolver(catalog.NewStore(a.pool), events, log, catalog.DefaultLimits(), logger)
	options := graph.HandlerOptions{Ready: a.pool.Ping, Metrics: a.metrics, Logger: logger}
	for _, set := range configure {
		set(&options)
	}
	handler, err := graph.NewHandler(resolver, options)
	if err != nil {
		t.Fatal(err)
	}
	a.http = httptest.NewServer(handler)
	t.Cleanup(a.http.Close)
	return a
}

// planAnswers returns how many root fields and deliveries plans have answered.
func (a *api) planAnswers() int {
	a.t.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "catalog_plan_answers_total" {
			return int(family.GetMetric()[0].GetCounter().GetValue())
		}
	}
	a.t.Fatal("plans are not counted")
	return 0
}

// forTest returns the same server for a subtest.
func (a *api) forTest(t testing.TB) *api {
	sub := *a
	sub.t = t
	return &sub
}

// statementLog records the statements sent to PostgreSQL.
type statementLog struct {
	// spans counts the statements, as in a server.
	spans      statements.Tracer
	mu         sync.Mutex
	statements []string
	// before, if set, is called before each statement.
	before func(sql string)
}

func (l *statementLog) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	l.mu.Lock()
	before := l.before
	l.statements = append(l.statements, data.SQL)
	l.mu.Unlock()
	if before != nil {
		before(data.SQL)
	}
	return l.spans.TraceQueryStart(ctx, conn, data)
}

func (l *statementLog) TraceQueryEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryEndData) {
	l.spans.TraceQueryEnd(ctx, conn, data)
}

// TraceBatchStart records the query that db/customplan runs, without its settings.
func (l *statementLog) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, query := range data.Batch.QueuedQueries[1:] {
		l.statements = append(l.statements, query.SQL)
	}
	return l.spans.TraceBatchStart(ctx, conn, data)
}

func (l *statementLog) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (l *statementLog) TraceBatchEnd(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchEndData) {
	l.spans.TraceBatchEnd(ctx, conn, data)
}

// take returns the recorded statements and clears the log.
func (l *statementLog) take() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	taken := l.statements
	l.statements = nil
	return taken
}

// sdl returns the schema that the server serves.
func (a *api) sdl() string {
	a.t.Helper()
	return a.read(a.request(http.MethodGet, "/schema.graphql", ""))
}

type gqlError struct {
	Message    string         `json:"message"`
	Path       []any          `json:"path"`
	Extensions map[string]any `json:"extensions"`
}

type variables map[string]any

// ask sends a request and returns its data and errors.
func (a *api) ask(query string, vars variables) (json.RawMessage, []gqlError) {
	a.t.Helper()
	return a.decode(a.read(a.post("application/json", a.encode(variables{"query": query, "variables": vars}))))
}

// mustAsk sends a request that must succeed, and unmarshals data into into.
func (a *api) mustAsk(into any, query string, vars variables) {
	a.t.Helper()
	data, errs := a.ask(query, vars)
	if len(errs) > 0 {
		a.t.Fatalf("%s\nerrors: %+v\nlog: %s", query, errs, a.log.String())
	}
	if into == nil {
		return
	}
	if err := json.Unmarshal(data, into); err != nil {
		a.t.Fatalf("read data: %v\n%s", err, data)
	}
}

// wantData fails unless data is the wanted JSON, ignoring white space.
func (a *api) wantData(want, query string, vars variables) {
	a.t.Helper()
	var got, wanted any
	a.mustAsk(&got, query, vars)
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		a.t.Fatalf("wanted JSON: %v", err)
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		a.t.Errorf("%s\n(-want +got):\n%s", query, diff)
	}
}

// wantError fails unless the answer is one error with this code and argument.
func (a *api) wantError(code, argument, query string, vars variables) gqlError {
	a.t.Helper()
	data, errs := a.ask(query, vars)
	if len(errs) != 1 {
		a.t.Fatalf("%s\nwant one %s error, got %+v with data %s", query, code, errs, data)
	}
	got, _ := errs[0].Extensions["argument"].(string)
	if errs[0].Extensions["code"] != code || got != argument {
		a.t.Errorf("%s\nwant code %s argument %q, got %+v", query, code, argument, errs[0])
	}
	return errs[0]
}

func (a *api) exec(sql string, args ...any) {
	a.t.Helper()
	if _, err := a.pool.Exec(context.Background(), sql, args...); err != nil {
		a.t.Fatalf("%s: %v", sql, err)
	}
}

const registerMutation = `mutation($input: RegisterResourceInput!) { registerResource(input: $input) {
	status version { path version revision } event { eventId type { name } } } }`

type registered struct {
	RegisterResource struct {
		Status  string
		Version struct {
			Path, Version string
			Revision      int
		}
		Event *struct {
			EventID string
			Type    struct{ Name string }
		}
	}
}

// register registers a JSON payload as a playbook.
func (a *api) register(path string, payload any) registered {
	a.t.Helper()
	var got registered
	a.mustAsk(&got, registerMutation, variables{"input": variables{
		"path": path, "type": "playbook", "payload": variables{"json": payload},
	}})
	return got
}
