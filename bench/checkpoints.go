package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/client"
)

// quietEvents is the number of events that match no filter.
const quietEvents = 1_000_000

// checkpoints measures what a resume reads if a subscription's filter has
// passed nothing for a million events: after its first cursor, and after its
// last checkpoint. Each resume is on a fresh server, which holds no recent
// events in memory.
func checkpoints(ctx context.Context, b *bench) error {
	url, pool, err := b.database(ctx, "checkpoints", 64)
	if err != nil {
		return err
	}
	defer pool.Close()
	// A page of a filter by step looks at 500 events; one by type at those of
	// the type in 200,000.
	streams := []*quietStream{
		{name: "by step", filter: map[string]any{"step": "wanted"}},
		{name: "by type", filter: map[string]any{"types": []string{"EXECUTION_STARTED"}}},
	}
	first, err := b.quiet(ctx, url, pool, streams)
	if err != nil {
		return err
	}

	writer := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(writer, "filter\tresumed after\tpages read\trows read\ttook ms\t")
	for _, s := range streams {
		for _, from := range []struct{ name, cursor string }{{"its first cursor", first}, {"its last checkpoint", s.cursor}} {
			read, err := b.resume(ctx, url, pool, s.filter, from.cursor)
			if err != nil {
				return fmt.Errorf("%s, after %s: %w", s.name, from.name, err)
			}
			fmt.Fprintf(writer, "%s\t%s\t%.0f\t%d\t%.0f\t\n", s.name, from.name, read.pages, read.rows, milliseconds(read.took))
		}
	}
	err = writer.Flush()
	fmt.Println()
	return err
}

// quiet records events that no stream's filter passes while they are open,
// until each has a checkpoint at the end of the log. Then they end, and a
// hundred more such events are recorded, and one that each of them passes. It
// returns the cursor that the streams began after.
func (b *bench) quiet(ctx context.Context, url string, pool *pgxpool.Pool, streams []*quietStream) (first string, err error) {
	server, err := start(ctx, url, b.binary, "serve", "--log-level", "error", "--keep-alive", "1s")
	if err != nil {
		return "", err
	}
	defer server.stop()
	if first, err = server.tailCursor(ctx); err != nil {
		return "", err
	}
	streaming, stop := context.WithCancel(ctx)
	var group sync.WaitGroup
	defer group.Wait()
	defer stop()
	for _, s := range streams {
		group.Go(func() { s.end(s.follow(streaming, server, first)) })
	}

	began := time.Now()
	const batch = 10_000
	for recorded := 0; recorded < quietEvents; recorded += batch {
		if err := recordQuiet(ctx, pool, batch); err != nil {
			return "", err
		}
	}
	recorded := time.Since(began)
	if err := sequenced(ctx, pool); err != nil {
		return "", err
	}
	tail, err := server.tailCursor(ctx)
	if err != nil {
		return "", err
	}
	for _, s := range streams {
		if err := s.reach(ctx, tail); err != nil {
			return "", fmt.Errorf("%s: %w", s.name, err)
		}
	}
	stop()
	group.Wait()
	fmt.Printf("checkpoints: %d events that match nothing, recorded in %.0f s while two subscriptions were open\n", quietEvents, recorded.Seconds())
	for _, s := range streams {
		fmt.Printf("  %s: %d checkpoints, the last at the log's end\n", s.name, s.checkpoints)
	}
	fmt.Println("  then 100 more, and one that matches, while they were away; each resume on a server that has just started, until that one is delivered")

	if err := recordQuiet(ctx, pool, 100); err != nil {
		return "", err
	}
	if _, err := pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		VALUES (gen_random_uuid(), 'EXECUTION_STARTED', 'p/0', '1', '{"node_name": "wanted"}')`); err != nil {
		return "", err
	}
	return first, sequenced(ctx, pool)
}

func recordQuiet(ctx context.Context, pool *pgxpool.Pool, events int) error {
	_, err := pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		SELECT gen_random_uuid(), 'UPDATED', 'p/' || n % 64, '1', '{"node_name": "step"}' FROM generate_series(1, $1::integer) AS n`, events)
	return err
}

func (s *server) tailCursor(ctx context.Context) (string, error) {
	var answer struct{ Events struct{ TailCursor string } }
	err := s.Do(ctx, `{ events(first: 1) { tailCursor } }`, nil, &answer)
	return answer.Events.TailCursor, err
}

// quietStream is a subscription whose filter passes no event.
type quietStream struct {
	name   string
	filter map[string]any

	mu sync.Mutex
	// cursor is the last checkpoint.
	cursor      string
	checkpoints int
	failure     error
}

// follow takes checkpoints until the context ends.
func (s *quietStream) follow(ctx context.Context, server *server, after string) error {
	err := server.stream(ctx, s.filter, after, func(event client.Event) error {
		if event.Name != "" {
			return fmt.Errorf("the stream has %q, want checkpoints only", event.Name)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.cursor = event.ID
		s.checkpoints++
		return nil
	})
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(errors.New("the stream has ended"), err)
}

func (s *quietStream) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// reach waits until a cursor is the last checkpoint.
func (s *quietStream) reach(ctx context.Context, cursor string) error {
	return await(ctx, "no checkpoint at the end of the log", func() (bool, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.cursor == cursor, s.failure
	})
}

// resumed is what a resume reads of the log until its first delivery.
type resumed struct {
	pages float64
	rows  int64
	took  time.Duration
}

// resume subscribes after a cursor, on a server of its own.
func (b *bench) resume(ctx context.Context, url string, pool *pgxpool.Pool, filter map[string]any, after string) (read resumed, err error) {
	before, err := rowsRead(ctx, pool)
	if err != nil {
		return read, err
	}
	server, err := b.serve(ctx, url)
	if err != nil {
		return read, err
	}
	stop := sync.OnceFunc(server.stop)
	defer stop()

	began := time.Now()
	delivered := errors.New("delivered")
	err = server.stream(ctx, filter, after, func(event client.Event) error {
		if event.Name == "next" {
			return delivered
		}
		return nil
	})
	if !errors.Is(err, delivered) {
		return read, errors.Join(errors.New("the stream ended without an event"), err)
	}
	read.took = time.Since(began)
	metrics, err := server.metrics()
	if err != nil {
		return read, err
	}
	read.pages = metrics["catalog_subscription_catchup_pages_total"]
	// PostgreSQL surely has counted the rows of a connection once it has ended.
	stop()
	sum, err := rowsRead(ctx, pool)
	read.rows = sum - before
	return read, err
}

// rowsRead is the number of the log's rows that all servers have read since the
// database was created.
func rowsRead(ctx context.Context, pool *pgxpool.Pool) (rows int64, err error) {
	err = pool.QueryRow(ctx, "SELECT seq_tup_read + coalesce(idx_tup_fetch, 0) FROM pg_stat_user_tables WHERE relname = 'event_log'").Scan(&rows)
	return rows, err
}

const anyCursor = `subscription($filter: EventFilter, $after: String) { eventRecorded(filter: $filter, after: $after) { cursor } }`

// stream subscribes and passes each event to receive, until that fails.
func (s *server) stream(ctx context.Context, filter map[string]any, after string, receive func(client.Event) error) error {
	stream, err := s.Subscribe(ctx, anyCursor, map[string]any{"filter": filter, "after": after})
	if err != nil {
		return err
	}
	defer stream.Close()
	for {
		event, err := stream.Next()
		if err != nil {
			return err
		}
		if err := receive(event); err != nil {
			return err
		}
	}
}
