package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/client"
)

// quietEvents is the number of events that match no filter.
const quietEvents = 1_000_000

// checkpoints measures what a resumed subscription reads if its filter has matched none
// of a million events: after its first cursor, and after its last checkpoint. Each resume
// is on a new server, which has no recent events in memory.
func checkpoints(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "checkpoints", 64)
	defer pool.Close()
	// To fill a page, a filter by step reads 500 events; a filter by type reads the
	// type's events among 200,000.
	streams := []*quietStream{
		{name: "by step", filter: map[string]any{"step": "wanted"}},
		{name: "by type", filter: map[string]any{"types": []string{"EXECUTION_STARTED"}}},
	}
	first := b.quiet(ctx, url, pool, streams)

	table := newTable()
	fmt.Fprintln(table, "filter\tresumed after\tpages read\trows read\ttook ms\t")
	for _, s := range streams {
		for _, from := range []struct{ name, cursor string }{{"its first cursor", first}, {"its last checkpoint", s.cursor}} {
			check(attempt(s.name+", after "+from.name, func() {
				pages, rows, took := b.resume(ctx, url, pool, s.filter, from.cursor)
				fmt.Fprintf(table, "%s\t%s\t%.0f\t%d\t%.0f\t\n", s.name, from.name, pages, rows, milliseconds(took))
			}))
		}
	}
	check(table.Flush())
	fmt.Println()
}

// quiet opens the streams, records events that match no stream's filter, and reads the
// checkpoints of each stream up to the end of the log. Then it closes the streams, and
// records a hundred more such events and one event that matches each filter. It returns
// the cursor after which the streams began.
func (b *bench) quiet(ctx context.Context, url string, pool *pgxpool.Pool, streams []*quietStream) (first string) {
	server := start(ctx, url, b.binary, "serve", "--log-level", "error", "--keep-alive", "1s")
	defer server.stop()
	first = server.tailCursor(ctx)
	for _, s := range streams {
		s.stream = server.follow(ctx, s.filter, first)
		defer s.stream.Close()
	}

	began := time.Now()
	const batch = 10_000
	for recorded := 0; recorded < quietEvents; recorded += batch {
		recordQuiet(ctx, pool, batch)
	}
	recorded := time.Since(began)
	awaitSequenced(ctx, pool)
	tail := server.tailCursor(ctx)
	fmt.Printf("checkpoints: %d events that match nothing, recorded in %.0f s while two subscriptions were open\n", quietEvents, recorded.Seconds())
	for _, s := range streams {
		check(attempt(s.name, func() { s.read(tail) }))
		fmt.Printf("  %s: %d checkpoints, the last at the log's end\n", s.name, s.checkpoints)
	}
	fmt.Println("  then 100 more, and one that matches, while they were away; each resume on a server that has just started, until that one is delivered")

	recordQuiet(ctx, pool, 100)
	must(pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		VALUES (gen_random_uuid(), 'EXECUTION_STARTED', 'p/0', '1', '{"node_name": "wanted"}')`))
	awaitSequenced(ctx, pool)
	return first
}

func recordQuiet(ctx context.Context, pool *pgxpool.Pool, events int) {
	must(pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		SELECT gen_random_uuid(), 'UPDATED', 'p/' || n % 64, '1', '{"node_name": "step"}' FROM generate_series(1, $1::integer) AS n`, events))
}

func (s *server) tailCursor(ctx context.Context) string {
	var answer struct{ Events struct{ TailCursor string } }
	check(s.Do(ctx, `{ events(first: 1) { tailCursor } }`, nil, &answer))
	return answer.Events.TailCursor
}

// quietStream is a subscription whose filter matches no event.
type quietStream struct {
	name   string
	filter map[string]any
	stream *client.Stream
	// cursor is the last checkpoint.
	cursor      string
	checkpoints int
}

// read reads checkpoints from the connection, up to the one at a cursor.
func (s *quietStream) read(until string) {
	defer time.AfterFunc(2*time.Minute, s.stream.Close).Stop()
	for s.cursor != until {
		event := must(s.stream.Next())
		if event.Name != "" {
			check(fmt.Errorf("the stream has %q, want checkpoints only", event.Name))
		}
		s.cursor = event.ID
		s.checkpoints++
	}
}

// resume starts a server, subscribes after a cursor, and returns the pages and rows of
// the log that the server reads until the first delivery.
func (b *bench) resume(ctx context.Context, url string, pool *pgxpool.Pool, filter map[string]any, after string) (pages float64, rows int64, took time.Duration) {
	before := rowsRead(ctx, pool)
	server := b.serve(ctx, url)
	stop := sync.OnceFunc(server.stop)
	defer stop()

	began := time.Now()
	stream := server.follow(ctx, filter, after)
	defer stream.Close()
	for must(stream.Next()).Name != "next" {
	}
	took = time.Since(began)
	pages = server.metrics()["catalog_subscription_catchup_pages_total"]
	// PostgreSQL adds a connection's rows to its statistics at the latest when the
	// connection ends.
	stop()
	await(ctx, "the server's connections do not end", func() (ended bool) {
		check(pool.QueryRow(ctx, "SELECT count(*) <= $1 FROM pg_stat_activity WHERE datname = current_database()", pool.Stat().TotalConns()).Scan(&ended))
		return ended
	})
	return pages, rowsRead(ctx, pool) - before, took
}

// rowsRead returns the number of rows of the log that all servers have read since the
// database was created.
func rowsRead(ctx context.Context, pool *pgxpool.Pool) (rows int64) {
	check(pool.QueryRow(ctx, "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'event_log'").Scan(&rows))
	return rows
}

// follow subscribes to the events after a cursor that match a filter.
func (s *server) follow(ctx context.Context, filter map[string]any, after string) *client.Stream {
	return must(s.Subscribe(ctx, `subscription($filter: EventFilter, $after: String) { eventRecorded(filter: $filter, after: $after) { cursor } }`,
		map[string]any{"filter": filter, "after": after}))
}
