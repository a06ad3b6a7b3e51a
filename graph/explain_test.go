package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

// explainer is a database that explains each query before it runs it.
type explainer struct {
	pool  *db.Pool
	mu    sync.Mutex
	plans map[string][]string // name of the query → plans as JSON
	err   error
}

var (
	queryNamePattern = regexp.MustCompile(`^-- name: (\w+) `)
	argumentPattern  = regexp.MustCompile(`\$\d+`)
)

// recordBatch records a query of db/customplan: planned for its arguments.
func (e *explainer) recordBatch(ctx context.Context, batch *pgx.Batch) {
	for _, query := range batch.QueuedQueries {
		e.record(ctx, query.SQL, func(connection db.Conn) (plan string, err error) {
			return plan, connection.QueryRow(ctx, "EXPLAIN (FORMAT JSON) "+query.SQL, query.Arguments...).Scan(&plan)
		})
	}
}

// recordGeneric records a query that is planned once, for any arguments.
func (e *explainer) recordGeneric(ctx context.Context, sql string) {
	e.record(ctx, sql, func(connection db.Conn) (plan string, err error) {
		arguments := map[string]bool{}
		for _, argument := range argumentPattern.FindAllString(sql, -1) {
			arguments[argument] = true
		}
		nulls := ""
		if len(arguments) > 0 {
			nulls = "(" + strings.TrimSuffix(strings.Repeat("NULL, ", len(arguments)), ", ") + ")"
		}
		if _, err := connection.Exec(ctx, "PREPARE explained AS "+sql, pgx.QueryExecModeSimpleProtocol); err != nil {
			return "", err
		}
		err = connection.QueryRow(ctx, "EXPLAIN (FORMAT JSON) EXECUTE explained"+nulls, pgx.QueryExecModeSimpleProtocol).Scan(&plan)
		_, _ = connection.Exec(ctx, "DEALLOCATE explained")
		return plan, err
	})
}

func (e *explainer) record(ctx context.Context, sql string, explain func(db.Conn) (string, error)) {
	name := queryNamePattern.FindStringSubmatch(sql)
	if name == nil {
		return
	}
	connection, err := e.pool.Acquire(ctx)
	var plan string
	if err == nil {
		plan, err = explain(connection)
		connection.Release()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.plans[name[1]] = append(e.plans[name[1]], plan)
	if err != nil && e.err == nil {
		e.err = fmt.Errorf("explain %s: %w", name[1], err)
	}
}

func (e *explainer) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	e.recordGeneric(ctx, sql)
	return e.pool.Exec(ctx, sql, args...)
}

func (e *explainer) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	e.recordBatch(ctx, batch)
	return e.pool.SendBatch(ctx, batch)
}

func (e *explainer) BeginTx(ctx context.Context, options pgx.TxOptions) (pgx.Tx, error) {
	return e.pool.BeginTx(ctx, options)
}

func (e *explainer) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	e.recordGeneric(ctx, sql)
	return e.pool.Query(ctx, sql, args...)
}

func (e *explainer) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	e.recordGeneric(ctx, sql)
	return e.pool.QueryRow(ctx, sql, args...)
}

// Every query that reads catalog or event is planned on a filled database, and
// none of the plans reads a whole table.
func TestPlans_FilledDatabase_NoSequentialScan(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	fill(t, databaseURL)
	explained := &explainer{pool: dbtest.PoolAt(t, databaseURL, db.Options{StatementTimeout: time.Minute}), plans: map[string][]string{}}
	events := eventlog.NewStore(explained)
	resolver := graph.NewResolver(catalog.NewStore(explained), events, nil, catalog.DefaultLimits(), slog.New(slog.DiscardHandler))
	handler, err := graph.NewHandler(resolver, graph.HandlerOptions{Ready: explained.pool.Ping, QueryTimeout: time.Minute, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	a := &api{t: t, pool: explained.pool, http: httptest.NewServer(handler), log: &logtest.Buffer{}}
	t.Cleanup(a.http.Close)

	for _, query := range planQueries() {
		a.mustAsk(nil, query, nil)
	}
	readLog(t, events)
	if _, err := events.Head(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := events.RenewLost(t.Context(), "00000000-0000-0000-0000-000000000000", 1000, "event-17"); err != nil {
		t.Fatal(err)
	}
	a.register("team1/new", variables{"a": 1})
	if _, err := stream.TailCursor(t.Context(), events); err != nil { // its event has no position yet
		t.Fatal(err)
	}
	a.mustAsk(nil, `mutation { recordEvents(inputs: [{type: "UPDATED", path: "team1/new"}, {type: "UPDATED", path: "team1/folder1/resource-1"}]) { results { duplicate } } }`, nil)
	a.mustAsk(nil, `mutation { recordEvent(input: {type: "UPDATED", path: "team1/new"}) { duplicate } }`, nil)
	a.mustAsk(nil, `mutation { recordEvents(inputs: [{eventId: "twice", type: "UPDATED", path: "team1/new"}, {eventId: "twice", type: "UPDATED", path: "team1/new"}]) { results { duplicate } } }`, nil)

	if explained.err != nil {
		t.Fatal(explained.err)
	}
	for name, sql := range queriesOnLargeTables(t) {
		if len(explained.plans[name]) == 0 {
			t.Errorf("no request of this test runs the query %s, which reads a large table:\n%s", name, sql)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(explained.plans)) {
		for _, plan := range explained.plans[name] {
			for _, table := range sequentialScans(t, plan) {
				t.Errorf("%s scans all of %s:\n%s", name, table, plan)
			}
		}
	}
}

// planQueries returns requests that together run every query.
func planQueries() []string {
	const page = `{ nodes { path latestVersion { version payload } } totalCount pageInfo { hasNextPage hasPreviousPage } }`
	const events = `{ nodes { eventId payload message version { version } resource { path } } totalCount pageInfo { hasNextPage hasPreviousPage } }`
	queries := []string{
		`{ resource(path: "team1/folder1/resource-1") { latestVersion { payload previous { version } }
			version(version: "1.0.2") { payload } versions(first: 5) { nodes { version events(first: 5) { nodes { eventId } totalCount } } }
			oldest: versions(last: 2) { nodes { version } } latestEvent { eventId } events(first: 5) { nodes { eventId } totalCount } old: events(last: 5) { nodes { eventId } }
			updates: events(first: 5, filter: {types: ["UPDATED"]}) { nodes { eventId } } } }`,
		`{ version(path: "team1/folder1/resource-1") { payload content meta events(last: 3) { nodes { eventId } } updates: events(first: 3, filter: {types: ["UPDATED"]}) { nodes { eventId } } } event(eventId: "event-17") { payload message } }`,
		`{ resourceTypes { name resourceCount resources(first: 3, filter: {pathPrefix: "team1/"}) { nodes { path } totalCount } last: resources(last: 3) { nodes { path } } } eventTypes { name } }`,
		`{ resourcesByPath(paths: ["team1/folder1/resource-1", "none"]) { path versions(first: 2) { nodes { version events(first: 2) { nodes { eventId } } } } } }`,
		`{ folder(path: "team1/") { resourceCount folders { totalCount nodes { resourceCount resources(first: 3) { totalCount nodes { path } } } } } }`,
		`{ resources(first: 20) { nodes { versions(first: 5) { nodes { version events(first: 5) { nodes { eventId } } } } } } }`,
		`{ events { nodes { eventId } } }`, `{ events { nodes { eventId resource { type { name } } } } }`,
	}
	for _, field := range []string{"PATH", "UPDATED_AT", "CREATED_AT"} {
		for _, direction := range []string{"ASC", "DESC"} {
			for _, filter := range []string{`{}`, `{types: ["target"]}`, `{pathPrefix: "team1/"}`, `{payload: {credential: "cred-7"}}`, `{meta: {team: "team-7"}}`} {
				queries = append(queries, fmt.Sprintf(`{ resources(first: 20, filter: %s, orderBy: {field: %s, direction: %s}) %s }`, filter, field, direction, page))
			}
		}
	}
	for _, direction := range []string{"ASC", "DESC"} {
		for _, filter := range []string{
			`{}`, `{types: ["UPDATED"]}`, `{types: ["UPDATED", "EXECUTION_STARTED"], since: "2020-01-01T00:00:00Z"}`,
			`{path: "team1/folder1/resource-1"}`, `{path: "team1/folder1/resource-1", version: "1.0.1"}`,
			`{pathPrefix: "team1/folder1/"}`, `{pathPrefix: "team1"}`, `{executionId: "4711000123"}`,
			`{meta: {execution_id: "4711000123"}}`, `{payload: {rows: 17, result: "none"}}`,
			`{step: "step-3", statuses: ["FAILED"]}`, `{resourceTypes: ["target"]}`,
		} {
			queries = append(queries, fmt.Sprintf(`{ events(first: 20, filter: %s, direction: %s) %s }`, filter, direction, events))
		}
	}
	const executions = `{ nodes { executionId resource { path } version { version } events(first: 3) { nodes { eventId } totalCount }
		last: events(last: 3) { nodes { eventId } } parent { executionId } children(first: 3) { nodes { executionId } totalCount } } totalCount }`
	for _, filter := range []string{
		`{}`, `{statuses: [RUNNING]}`, `{path: "team1/folder1/resource-1"}`, `{pathPrefix: "team1"}`,
		`{pathPrefix: "team1/folder1/"}`, `{statuses: [FAILED, RUNNING], idleSince: "2030-01-01T00:00:00Z"}`,
	} {
		queries = append(queries, fmt.Sprintf(`{ executions(first: 3, filter: %[1]s) %[2]s oldest: executions(last: 3, filter: %[1]s) { nodes { executionId } } }`, filter, executions))
	}
	for _, filter := range []string{`{}`, `{statuses: [FAILED]}`, `{version: "1.0.0", startedSince: "2020-01-01T00:00:00Z"}`} {
		queries = append(queries, fmt.Sprintf(`{ resources(first: 3) { nodes { latestExecution { status } executions(first: 3, filter: %[1]s) { totalCount nodes { status } } oldest: executions(last: 3, filter: %[1]s) { nodes { status } } } } }`, filter))
	}
	for _, filter := range []string{
		`{}`, `{since: "2020-01-01T00:00:00.5Z", until: "2030-01-01T00:00:00.5Z"}`, `{pathPrefix: "team1"}`, `{types: ["UPDATED"], pathPrefix: "team1/folder1/"}`,
		`{paths: ["team1/folder1/resource-1", "none"], text: "updated"}`, `{executionId: "4711000123", text: "completed"}`, `{meta: {execution_id: "4711000123"}}`,
	} {
		queries = append(queries, fmt.Sprintf(`{ eventStatistics(filter: %[1]s) { total byType { name count } byStatus { name count } buckets(interval: WEEK) { start } } events(first: 3, filter: %[1]s) { totalCount nodes { eventId } } }`, filter))
	}
	for _, filter := range []string{`{}`, `{pathPrefix: "team1"}`, `{statuses: [FAILED], hasErrors: false, minDurationMs: 5}`, `{path: "team1/folder1/resource-1", text: "resource"}`} {
		queries = append(queries, fmt.Sprintf(`{ executionStatistics(filter: %[1]s) { total successRate durationMs { p50 } buckets(interval: WEEK) { start } } executions(first: 3, filter: %[1]s) { totalCount nodes { status } } }`, filter))
	}
	for _, filter := range []string{`{search: "resource 17"}`, `{search: "a"}`, `{usesTool: "http"}`, `{calls: "team1/folder1/resource-1", tags: ["daily"]}`} {
		queries = append(queries, fmt.Sprintf(`{ resources(first: 3, filter: %[1]s) { totalCount nodes { path tags } } last: resources(last: 3, filter: %[1]s) { nodes { path } }
			byTime: resources(first: 3, filter: %[1]s, orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { path } }
			resourceTypes { resources(first: 3, filter: %[1]s) { totalCount nodes { path } } last: resources(last: 3, filter: %[1]s) { nodes { path } } }
			resourceFacets(filter: %[1]s) { types { name count } } }`, filter))
	}
	for _, field := range []string{"references", "referencedBy"} {
		queries = append(queries, fmt.Sprintf(`{ resource(path: "team1/folder1/resource-1") { %[1]s(first: 3) { totalCount nodes { target } } last: %[1]s(last: 3) { nodes { target } } } }`, field))
	}
	return append(queries, `{ execution(executionId: "4711000123") { status } event(eventId: "event-17") { execution { status } } }`)
}

// readLog reads pages of the log along each of its indexes.
func readLog(t *testing.T, events *eventlog.Store) {
	t.Helper()
	for name, filter := range map[string]eventlog.Filter{
		"all": {}, "types": {Types: []string{"UPDATED"}}, "many paths": {PathPrefix: new("team1")},
		"path": {Path: new("team1/folder1/resource-1")}, "few paths": {PathPrefix: new("team1/folder1/")},
		"execution": {ExecutionID: new("4711000123")}, "payload": {PayloadContains: []byte(`{"rows": 17}`)},
	} {
		rows, reached, err := events.ReadLog(t.Context(), []string{""}, filter, 1000, 1_000_000, 500)
		if err != nil || reached <= 1000 || len(rows) == 0 && name != "payload" {
			t.Errorf("read the log by %s: %d rows, up to %d: %v", name, len(rows), reached, err)
		}
	}
}

func fill(t *testing.T, databaseURL string) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join("testdata", "fill.sql"))
	if err != nil {
		t.Fatal(err)
	}
	connection, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.Background()) }()
	// One by one: VACUUM does not run in a transaction.
	for _, statement := range strings.Split(string(script), ";\n") {
		if _, err := connection.Exec(t.Context(), statement, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatalf("fill the database: %v\n%s", err, statement)
		}
	}
}

// queriesOnLargeTables returns the texts of the sqlc queries that read or write a
// large table.
func queriesOnLargeTables(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "sqlc", "queries", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("find the queries: %v", err)
	}
	large := regexp.MustCompile(`(?i)\b(FROM|JOIN|INTO)\s+(catalog|event|event_log|event_count|execution|resource_index)\b`)
	found := map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, query := range strings.Split(string(text), "-- name: ")[1:] {
			if large.MatchString(query) {
				name, _, _ := strings.Cut(query, " ")
				found[name] = query
			}
		}
	}
	return found
}

// sequentialScans returns the large tables, or partitions of them, that a plan scans
// sequentially.
func sequentialScans(t *testing.T, plan string) []string {
	t.Helper()
	type node struct {
		NodeType string `json:"Node Type"`
		Relation string `json:"Relation Name"`
		Plans    []json.RawMessage
	}
	var roots []struct{ Plan json.RawMessage }
	if err := json.Unmarshal([]byte(plan), &roots); err != nil {
		t.Fatalf("read a plan: %v", err)
	}
	var found []string
	var walk func(raw json.RawMessage)
	walk = func(raw json.RawMessage) {
		var n node
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatalf("read a plan: %v", err)
		}
		// The partitions of future months are empty; scanning them costs nothing.
		empty := n.Relation == "event_past" || n.Relation > "event_"+thisMonth() && strings.HasPrefix(n.Relation, "event_2")
		if n.NodeType == "Seq Scan" && (n.Relation == "catalog" || strings.HasPrefix(n.Relation, "event_2") || slices.Contains([]string{"event_identity", "event_log", "event_count", "execution", "resource_index"}, n.Relation)) && !empty {
			found = append(found, n.Relation)
		}
		for _, child := range n.Plans {
			walk(child)
		}
	}
	walk(roots[0].Plan)
	return found
}

func thisMonth() string { return time.Now().UTC().Format("2006_01") }
