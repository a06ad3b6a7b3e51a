package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// bulk compares what recordEvents and registerResources take in with what
// COPY of the same rows into the same tables does, triggers included, with a
// server that follows the log in either case.
func bulk(ctx context.Context, b *bench) error {
	url, pool, err := b.database(ctx, "bulk", 64)
	if err != nil {
		return err
	}
	defer pool.Close()
	server, err := b.serve(ctx, url)
	if err != nil {
		return err
	}
	defer server.stop()
	for _, load := range []load{
		{"recordEvents, 1 client", "events", 1, 10_000, 4, server.recordRows, copyEvents},
		{"recordEvents, 1 client", "events", 1, 1_000, 20, server.recordRows, copyEvents},
		{"recordEvents, 16 clients", "events", 16, 100, 20, server.recordRows, copyEvents},
		{"registerResources, 1 client", "resources", 1, 1_000, 4, server.registerRows, copyVersions},
	} {
		if err := load.measure(ctx, pool); err != nil {
			return fmt.Errorf("%s: %w", load.what, err)
		}
	}
	fmt.Println()
	return nil
}

// load is what clients write at once: each calls times, size rows a call.
type load struct {
	what, rows           string
	clients, size, calls int
	server, copy         prepare
}

// prepare makes a call that writes rows.
type prepare func(*pgxpool.Pool, []row) func(context.Context) error

// row is an event, or a resource by the id's path.
type row struct {
	id, path      string
	payload, meta json.RawMessage
}

func (l load) measure(ctx context.Context, pool *pgxpool.Pool) error {
	const rounds = 5
	var rates [2][]float64
	var ratios []float64
	for round := range rounds {
		var rate [2]float64
		// In turn, and each first every other time.
		for i := range 2 {
			which := (i + round) % 2
			took, err := l.write(ctx, pool, []prepare{l.server, l.copy}[which])
			if err != nil {
				return err
			}
			rate[which] = float64(l.clients*l.size*l.calls) / took.Seconds()
			rates[which] = append(rates[which], rate[which])
			// What is still to be sequenced is not to weigh on the next.
			if err := sequenced(ctx, pool); err != nil {
				return err
			}
		}
		ratios = append(ratios, rate[0]/rate[1])
	}
	fmt.Printf("bulk: %s, %d %s a call: %.0f %s/s; COPY of as many rows: %.0f; ratio %.2f  (rounds: %.2f)\n",
		l.what, l.size, l.rows, median(rates[0]), l.rows, median(rates[1]), median(ratios), ratios)
	return nil
}

// sequenced waits until every event has its place in the log.
func sequenced(ctx context.Context, pool *pgxpool.Pool) error {
	for pending := true; pending; {
		if err := pool.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM event_pending)").Scan(&pending); err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil
}

// write prepares calls, and then takes the time of all of them.
func (l load) write(ctx context.Context, pool *pgxpool.Pool, prepared prepare) (time.Duration, error) {
	calls := make([][]func(context.Context) error, l.clients)
	for client := range calls {
		for range l.calls {
			calls[client] = append(calls[client], prepared(pool, makeRows(client, l.size)))
		}
	}
	errs := make([]error, l.clients)
	began := time.Now()
	var group sync.WaitGroup
	for client := range calls {
		group.Go(func() {
			for _, call := range calls[client] {
				if errs[client] = call(ctx); errs[client] != nil {
					return
				}
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
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

// prepared is an operation whose request is written before its time is taken.
func (s *server) prepared(query string, inputs []map[string]any) func(context.Context) error {
	body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"inputs": inputs}})
	encoded := request{"POST", "/graphql", string(body)}.encode()
	return func(context.Context) error {
		if err != nil {
			return err
		}
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

// copyVersions leaves out the event that each registration records.
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
