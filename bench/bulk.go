package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// bulk compares the rates of recordEvents and registerResources with the rate at which
// COPY writes the same rows to the same tables, triggers included, while a server follows
// the log.
func bulk(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "bulk", 64)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	for _, load := range []load{
		{"recordEvents, 1 client", "events", 1, 10_000, 4, server.recordRows, copyEvents},
		{"recordEvents, 1 client", "events", 1, 1_000, 20, server.recordRows, copyEvents},
		{"recordEvents, 16 clients", "events", 16, 100, 20, server.recordRows, copyEvents},
		{"registerResources, 1 client", "resources", 1, 1_000, 4, server.registerRows, copyVersions},
	} {
		check(attempt(load.what, func() { load.measure(ctx, pool) }))
	}
	fmt.Println()
}

// load is a number of concurrent clients, each of which makes calls of size rows.
type load struct {
	what, rows           string
	clients, size, calls int
	server, copy         prepare
}

// prepare returns a function that writes the rows.
type prepare func(*pgxpool.Pool, []row) func(context.Context) error

// row is an event, or the version of a resource whose path ends with the id.
type row struct {
	id, path      string
	payload, meta json.RawMessage
}

func (l load) measure(ctx context.Context, pool *pgxpool.Pool) {
	rates, ratios := inTurn(5, func(which int) float64 {
		took := l.write(ctx, pool, []prepare{l.server, l.copy}[which])
		awaitSequenced(ctx, pool) // sequencing must not slow down the next
		return float64(l.clients*l.size*l.calls) / took.Seconds()
	})
	fmt.Printf("bulk: %s, %d %s a call: %.0f %s/s; COPY of as many rows: %.0f; ratio %.2f  (rounds: %.2f)\n",
		l.what, l.size, l.rows, rates[0], l.rows, rates[1], median(ratios), ratios)
}

// awaitSequenced waits until every event has a position in the log.
func awaitSequenced(ctx context.Context, pool *pgxpool.Pool) {
	await(ctx, "events wait for their positions", func() (done bool) {
		check(pool.QueryRow(ctx, "SELECT NOT EXISTS (SELECT 1 FROM event_pending)").Scan(&done))
		return done
	})
}

// write prepares the calls of all clients, and returns how long the clients take to make
// them concurrently.
func (l load) write(ctx context.Context, pool *pgxpool.Pool, prepared prepare) time.Duration {
	calls := make([][]func(context.Context) error, l.clients)
	for client := range calls {
		for range l.calls {
			calls[client] = append(calls[client], prepared(pool, makeRows(client, l.size)))
		}
	}
	began := time.Now()
	var group errgroup.Group
	for _, calls := range calls {
		group.Go(func() error {
			for _, call := range calls {
				if err := call(ctx); err != nil {
					return err
				}
			}
			return nil
		})
	}
	check(group.Wait())
	return time.Since(began)
}

func makeRows(client, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		id := uuid.Must(uuid.NewV7()).String()
		rows[i] = row{
			id: id, path: fmt.Sprintf("p/%d", (client*7+i)%64),
			payload: json.RawMessage(fmt.Sprintf(`{"rows": %d, "file": "s3://bucket/%s", "text": "loaded what the customer has sent, all of it"}`, i, id)),
			meta:    json.RawMessage(fmt.Sprintf(`{"execution_id": "%d-%d", "node_name": "step-1", "status": "completed"}`, client, i/4)),
		}
	}
	return rows
}

func (s *server) recordRows(_ *pgxpool.Pool, rows []row) func(context.Context) error {
	inputs := make([]map[string]any, len(rows))
	for i, r := range rows {
		inputs[i] = map[string]any{"eventId": r.id, "type": "UPDATED", "path": r.path, "version": "1", "payload": r.payload, "meta": r.meta}
	}
	return s.prepared(`mutation($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }`, inputs)
}

func (s *server) registerRows(_ *pgxpool.Pool, rows []row) func(context.Context) error {
	inputs := make([]map[string]any, len(rows))
	for i, r := range rows {
		inputs[i] = map[string]any{"path": "new/" + r.id, "type": "task", "version": "1", "payload": map[string]any{"json": r.payload}, "meta": r.meta}
	}
	return s.prepared(`mutation($inputs: [RegisterResourceInput!]!) { registerResources(inputs: $inputs) { results { __typename } } }`, inputs)
}

// prepared returns a function that sends an operation, whose request is encoded already.
func (s *server) prepared(query string, inputs []map[string]any) func(context.Context) error {
	encoded := encodeGraphQL(query, map[string]any{"inputs": inputs})
	return func(context.Context) error {
		connection, err := dial(s.address, time.Minute)
		if err != nil {
			return err
		}
		defer func() { _ = connection.Close() }()
		answer, err := connection.do(encoded)
		if err == nil && bytes.Contains(answer, []byte(`"errors":`)) {
			err = fmt.Errorf("the answer is %.500s", answer)
		}
		return err
	}
}

func copyEvents(pool *pgxpool.Pool, rows []row) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := pool.CopyFrom(ctx, pgx.Identifier{"event"},
			[]string{"event_id", "event_type", "resource_path", "resource_version", "payload", "meta"},
			pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
				return []any{rows[i].id, "UPDATED", rows[i].path, "1", rows[i].payload, rows[i].meta}, nil
			}))
		return err
	}
}

// copyVersions omits the event that each registration records.
func copyVersions(pool *pgxpool.Pool, rows []row) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := pool.CopyFrom(ctx, pgx.Identifier{"catalog"},
			[]string{"resource_path", "resource_type", "resource_version", "payload", "meta"},
			pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
				return []any{"new/" + rows[i].id, "task", "1", rows[i].payload, rows[i].meta}, nil
			}))
		return err
	}
}
