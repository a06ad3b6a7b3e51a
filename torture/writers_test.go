//go:build linux

package torture

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/client"
)

const (
	writers    = 16
	apiWriters = 3 // the number of them that write through the API
	paths      = 64
	eventType  = "UPDATED"
	version    = "1.0.0"
	// maxWait is the longest time for which a transaction is kept open, and rollbacks
	// the share of transactions that are rolled back.
	maxWait   = 20 * time.Millisecond
	rollbacks = 0.15
)

// writer writes transactions of 1 to 5 events, one after another.
type writer struct {
	run    *run
	number int
	// events is the number of events generated so far.
	events int
	// hold is how long its transactions stay open, at most until writing ends; 0 means up
	// to maxWait.
	hold       time.Duration
	connection *pgx.Conn
}

func (w *writer) begin() *transaction {
	tx := &transaction{began: time.Now()}
	for range 1 + rand.IntN(5) {
		w.events++
		tx.events = append(tx.events, event{w.run.name, w.number, w.events})
	}
	return tx
}

// write repeats step until the context ends. It does not interrupt the last step.
func (w *writer) write(writing context.Context, step func(context.Context) error) {
	defer func() {
		if w.connection != nil {
			_ = w.connection.Close(context.Background())
		}
	}()
	for writing.Err() == nil {
		if err := step(writing); err != nil {
			w.run.t.Errorf("writer %d: %v", w.number, err)
			return
		}
	}
}

// writeSQL writes one transaction in plain SQL. It returns only errors that no fault
// explains.
func (w *writer) writeSQL(writing context.Context) error {
	ctx := w.run.ctx
	if w.connection == nil || w.connection.IsClosed() {
		connection, err := pgx.Connect(ctx, w.run.databaseURL)
		if err != nil {
			if !pause(ctx, maxWait) {
				return fmt.Errorf("connect: %w", err)
			}
			return nil
		}
		w.connection = connection
	}
	tx := w.begin()
	var err error
	tx.outcome, err = w.transact(ctx, writing, tx)
	w.run.ledger.note(tx)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code[:2] != "57" {
		return err
	}
	if err != nil {
		_ = w.connection.Close(ctx)
	}
	return nil
}

func (w *writer) transact(ctx, writing context.Context, tx *transaction) (outcome, error) {
	open, err := w.connection.Begin(ctx)
	if err != nil {
		return rolledBack, err
	}
	defer func() { _ = open.Rollback(ctx) }()
	if err := insert(ctx, open, tx.events); err != nil {
		return rolledBack, err
	}
	hold := w.hold
	if hold == 0 {
		hold = rand.N(maxWait)
	}
	pause(writing, hold)
	if rand.Float64() < rollbacks {
		return rolledBack, open.Rollback(ctx)
	}
	if err := open.Commit(ctx); err != nil {
		return unknown, err
	}
	return committed, nil
}

func insert(ctx context.Context, tx pgx.Tx, events []event) error {
	columns := []string{"event_id", "event_type", "resource_path", "resource_version", "payload", "meta"}
	rows := make([][]any, len(events))
	for i, e := range events {
		rows[i] = []any{e.id(), eventType, path(e), version, e, meta(e)}
	}
	if len(rows) > 2 && rand.IntN(2) == 0 {
		_, err := tx.CopyFrom(ctx, pgx.Identifier{"event"}, columns, pgx.CopyFromRows(rows))
		return err
	}
	for _, row := range rows {
		if _, err := tx.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
			VALUES ($1, $2, $3, $4, $5, $6)`, row...); err != nil {
			return err
		}
	}
	return nil
}

func path(e event) string { return fmt.Sprintf("torture/%d", (e.Writer+e.Number)%paths) }

// meta returns the meta of an event: the events of a writer form one execution.
func meta(e event) map[string]any {
	return map[string]any{"execution_id": fmt.Sprintf("%s-%d", e.Run, e.Writer)}
}

// registerPaths registers the resources of the events.
func registerPaths(ctx context.Context, connection *pgx.Conn) error {
	_, err := connection.Exec(ctx, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'torture/' || n, 'playbook', $1, '{}' FROM generate_series(0, $2::int - 1) AS n`, version, paths)
	return err
}

const recordEvents = `mutation ($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }`

// writeAPI records one transaction through a server. It retries with the same ids on any
// server until it gets a response.
func (w *writer) writeAPI(context.Context) error {
	tx := w.begin()
	defer w.run.ledger.note(tx)
	inputs := make([]map[string]any, len(tx.events))
	for i, e := range tx.events {
		inputs[i] = map[string]any{
			"eventId": e.id(), "type": eventType, "path": path(e), "version": version, "payload": e, "meta": meta(e),
		}
	}
	for try := 1; ; try++ {
		var answer struct {
			RecordEvents struct{ Results []struct{ Duplicate bool } }
		}
		err := w.run.ask(w.run.ctx, recordEvents, map[string]any{"inputs": inputs}, &answer)
		switch {
		case unexplained(err):
			return err
		case err == nil:
			tx.outcome = committed
			for i, result := range answer.RecordEvents.Results {
				if result.Duplicate && try == 1 {
					return fmt.Errorf("%s is said to have been recorded before", tx.events[i].id())
				}
			}
			if got := len(answer.RecordEvents.Results); got != len(inputs) {
				return fmt.Errorf("%d results for %d events", got, len(inputs))
			}
			pause(w.run.ctx, rand.N(maxWait))
			return nil
		}
		w.run.retries.Add(1)
		if !pause(w.run.ctx, maxWait) {
			return fmt.Errorf("no answer after %d tries, at last: %w", try, err)
		}
	}
}

// unexplained reports whether an error is a response that no outage of a server
// or the database explains.
func unexplained(err error) bool {
	var answered *client.Error
	if !errors.As(err, &answered) {
		return err != nil && (!client.Temporary(err) || errors.Is(err, client.ErrNotGraphQL))
	}
	switch answered.Extensions.Code {
	case "UNAVAILABLE", "TIMEOUT", "SLOW_CONSUMER":
		return false
	}
	return true
}

// ask sends an operation to a random server, without retries.
func (r *run) ask(ctx context.Context, query string, variables map[string]any, data any) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	c := client.Client{Endpoint: r.anyServer().url() + "/graphql", HTTP: r.client}
	return c.Do(ctx, query, variables, data)
}
