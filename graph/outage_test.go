//go:build linux

package graph_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/internal/await"
)

const (
	recordOnce   = `mutation { recordEvent(input: {eventId: "once", type: "REGISTERED", path: "a"}) { duplicate } }`
	registerOnce = `mutation { registerResource(input: {path: "b", type: "playbook", version: "7", payload: {json: {n: 1}}}) { status } }`
	readOnce     = `{ resource(path: "a") { name } }`
)

// setupOutage returns a server that has its own PostgreSQL, a watched pool and the
// resource a.
func setupOutage(t *testing.T) (*api, dbtest.Own) {
	t.Helper()
	server := dbtest.NewOwn(t)
	return setupWatched(t, server.URL(), db.Options{}), server
}

func setupWatched(t *testing.T, databaseURL string, pool db.Options) *api {
	t.Helper()
	pool.StallTime = time.Second
	a := setupWith(t, databaseURL, pool)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- a.pool.Watch(ctx, slog.New(slog.NewTextHandler(a.log, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := await.Value(t, ended); err != nil {
			t.Error(err)
		}
	})
	a.register("a", variables{})
	return a
}

// askBlocked sends requests that wait for a lock held by other.
func (a *api) askBlocked(other *pgx.Conn, queries ...string) <-chan [][]gqlError {
	a.t.Helper()
	if _, err := other.Exec(a.t.Context(), "BEGIN; LOCK TABLE event_identity"); err != nil {
		a.t.Fatal(err)
	}
	running := make(chan [][]gqlError)
	go func() { running <- a.askAtOnce(queries...) }()
	for waiting := 0; waiting < len(queries); {
		if err := other.QueryRow(a.t.Context(), "SELECT count(*) FROM pg_locks WHERE NOT granted").Scan(&waiting); err != nil {
			a.t.Fatal(err)
		}
	}
	return running
}

func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	return connection
}

// silence dials connections to PostgreSQL whose reads block from begin to end.
type silence struct{ atomic.Pointer[chan struct{}] }

func (s *silence) dial(ctx context.Context, network, address string) (net.Conn, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	return &silenced{connection, s, make(chan struct{}), sync.Once{}}, nil
}

func (s *silence) begin() { s.Store(new(make(chan struct{}))) }

func (s *silence) end() { close(*s.Swap(nil)) }

type silenced struct {
	net.Conn
	silence *silence
	closed  chan struct{}
	once    sync.Once
}

func (c *silenced) Read(into []byte) (int, error) {
	if lasts := c.silence.Load(); lasts != nil {
		select {
		case <-*lasts:
		case <-c.closed:
			return 0, net.ErrClosed
		}
	}
	return c.Conn.Read(into)
}

func (c *silenced) SetDeadline(at time.Time) error {
	if !at.IsZero() && time.Until(at) < 0 {
		return c.Close()
	}
	return c.Conn.SetDeadline(at)
}

func (c *silenced) Close() error {
	c.once.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

// wantOutcome fails unless the only error is UNAVAILABLE with an outcome.
func (a *api) wantOutcome(query string, errs []gqlError, outcome any) {
	a.t.Helper()
	if len(errs) != 1 || errs[0].Extensions["code"] != "UNAVAILABLE" || errs[0].Extensions["outcome"] != outcome {
		a.t.Errorf("%s\ngot %+v, want UNAVAILABLE with outcome %v", query, errs, outcome)
	}
}

// askAtOnce sends requests at the same time and returns the errors of each.
func (a *api) askAtOnce(queries ...string) [][]gqlError {
	a.t.Helper()
	answers := make(chan func(), len(queries))
	errs := make([][]gqlError, len(queries))
	for i, query := range queries {
		go func() {
			_, failed := a.ask(query, nil)
			answers <- func() { errs[i] = failed }
		}()
	}
	for range queries {
		(<-answers)()
	}
	return errs
}

// retry repeats a request until the database is back, and returns its data.
func (a *api) retry(query string) string {
	a.t.Helper()
	for {
		data, errs := a.ask(query, nil)
		if len(errs) == 0 {
			return string(data)
		}
		if errs[0].Extensions["code"] != "UNAVAILABLE" || a.t.Context().Err() != nil {
			a.t.Fatalf("%s\n%+v", query, errs)
		}
	}
}

func TestMutation_PostgreSQLStopped_OutcomeUnknownAndRetrySafe(t *testing.T) {
	t.Parallel()
	a, server := setupOutage(t)
	other := connect(t, server.URL())
	running := a.askBlocked(other, recordOnce, registerOnce)
	resume := server.Pause(t)
	reading := a.askAtOnce(readOnce)
	errs := await.Value(t, running)
	a.wantOutcome(recordOnce, errs[0], "unknown")
	a.wantOutcome(registerOnce, errs[1], "unknown")
	a.wantOutcome(readOnce, reading[0], nil)
	// From now on nothing is sent.
	errs = a.askAtOnce(recordOnce, registerOnce, readOnce)
	a.wantOutcome(recordOnce, errs[0], "none")
	a.wantOutcome(registerOnce, errs[1], "none")
	a.wantOutcome(readOnce, errs[2], nil)
	resume()
	if _, err := other.Exec(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	a.checkRetries()
}

// checkRetries repeats the mutations until the database is back, and fails unless each
// is applied once.
func (a *api) checkRetries() {
	a.t.Helper()
	a.retry(recordOnce)
	if got, want := a.retry(recordOnce), `{"recordEvent":{"duplicate":true}}`; got != want {
		a.t.Errorf("%s, want %s", got, want)
	}
	a.retry(registerOnce)
	if got, want := a.retry(registerOnce), `{"registerResource":{"status":"UNCHANGED"}}`; got != want {
		a.t.Errorf("%s, want %s", got, want)
	}
	var events, versions int
	if err := a.pool.QueryRow(a.t.Context(), `SELECT (SELECT count(*) FROM event WHERE event_id = 'once'),
		(SELECT count(*) FROM catalog WHERE resource_path = 'b')`).Scan(&events, &versions); err != nil || events != 1 || versions != 1 {
		a.t.Errorf("%d events and %d versions, want one each: %v", events, versions, err)
	}
}

func TestMutation_AnswerLostAfterCommit_OutcomeUnknownAndRetrySafe(t *testing.T) {
	t.Parallel()
	for mutation, statement := range map[string]string{recordOnce: "-- name: RecordEvent ", registerOnce: "-- name: Register "} {
		t.Run(statement, func(t *testing.T) {
			t.Parallel()
			var lost silence
			url := dbtest.URL(t)
			a := setupWatched(t, url, db.Options{Configure: func(c *pgxpool.Config) { c.ConnConfig.DialFunc = lost.dial }})
			a.mustAsk(nil, `mutation { recordEvent(input: {type: "REGISTERED", path: "a"}) { duplicate } }`, nil) // prepares the statement
			a.sql.before = func(sql string) {
				if strings.Contains(sql, statement) {
					lost.begin()
				}
			}
			_, errs := a.ask(mutation, nil)
			a.wantOutcome(mutation, errs, "unknown")
			other := connect(t, url)
			for committed := false; !committed; {
				if err := other.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM event WHERE event_id = 'once' UNION SELECT 1 FROM event WHERE resource_path = 'b')`).Scan(&committed); err != nil {
					t.Fatal(err)
				}
			}
			a.sql.before = nil
			lost.end()
			a.checkRetries()
		})
	}
}

// The watch does not end a slow statement.
func TestWatch_SlowStatement_NotEnded(t *testing.T) {
	t.Parallel()
	a := setupWatched(t, dbtest.URL(t), db.Options{})
	a.exec("SELECT pg_sleep(2.5)")
}

func TestMutation_PostgreSQLKilled_OutcomeUnknownWhileItRan(t *testing.T) {
	t.Parallel()
	a, server := setupOutage(t)
	running := a.askBlocked(connect(t, server.URL()), recordOnce)
	server.Signal(t, syscall.SIGKILL)
	a.wantOutcome(recordOnce, await.Value(t, running)[0], "unknown")
	_, errs := a.ask(recordOnce, nil)
	a.wantOutcome(recordOnce, errs, "none")
}
