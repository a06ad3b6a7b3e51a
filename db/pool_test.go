package db_test

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// crowdedURL returns the URL of a database as a user with a limited number of connections.
func crowdedURL(t *testing.T, connections int) string {
	t.Helper()
	owner := dbtest.Pool(t)
	address, err := url.Parse(owner.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	name := address.Path[1:] + "_user"
	if _, err := owner.Exec(t.Context(), fmt.Sprintf("CREATE ROLE %s LOGIN PASSWORD 'x' CONNECTION LIMIT %d", name, connections)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := owner.Exec(context.Background(), "DROP ROLE "+name); err != nil {
			t.Error(err)
		}
	})
	address.User = url.UserPassword(name, "x")
	return address.String()
}

func TestPool_NoConnectionFree_CallersWaitForThoseOfThePool(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, crowdedURL(t, 2), db.Options{})
	const sleep = "SELECT pg_sleep(0.002)"
	ctx := t.Context()
	uses := map[string]func() error{
		"Exec": func() error { _, err := pool.Exec(ctx, sleep); return err },
		"Query": func() error {
			rows, err := pool.Query(ctx, sleep)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
			}
			return rows.Err()
		},
		"QueryRow": func() error { return pool.QueryRow(ctx, sleep).Scan(nil) },
		"SendBatch": func() error {
			batch := &pgx.Batch{}
			batch.Queue(sleep)
			return pool.SendBatch(ctx, batch).Close()
		},
		"Begin": func() error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, sleep); return err })
		},
		"Acquire": func() error {
			connection, err := pool.Acquire(ctx)
			if err == nil {
				connection.Release()
			}
			return err
		},
	}
	var callers sync.WaitGroup
	for name, use := range uses {
		for range 20 {
			callers.Go(func() {
				for range 5 {
					if err := use(); err != nil {
						t.Errorf("%s: %v", name, err)
					}
				}
			})
		}
	}
	callers.Wait()
	if acquired := pool.Stat().AcquiredConns(); acquired != 0 {
		t.Errorf("%d connections were not released", acquired)
	}
}

func TestPool_NoConnectionFree_CallersWaitUpToTheDeadline(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, crowdedURL(t, 1), db.Options{})
	held, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var callers sync.WaitGroup
	for range 2 { // one waits behind the other
		callers.Go(func() {
			_, err := pool.Exec(ctx, "SELECT")
			if err == nil || !pgconn.SafeToRetry(err) || ctx.Err() == nil {
				t.Errorf("%v; the context: %v", err, ctx.Err())
			}
		})
	}
	callers.Wait()
}

// PostgreSQL reports success if the wait for a standby is cancelled.
func TestPool_WaitForStandbyCancelled_CommitNotReportedAsDone(t *testing.T) {
	t.Parallel()
	server := dbtest.NewOwn(t)
	node := server.Former(t)
	pool := dbtest.PoolAt(t, server.URL(), db.Options{})
	node.Exec(t, "CREATE TABLE written (n int)")
	node.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = 'absent'")
	node.Exec(t, "SELECT pg_reload_conf()")
	node.Await(t, "SELECT current_setting('synchronous_standby_names') = 'absent'")
	const insert = "INSERT INTO written VALUES (1) RETURNING n"
	for name, write := range map[string]func(context.Context) error{
		"Exec":     func(ctx context.Context) error { _, err := pool.Exec(ctx, insert); return err },
		"QueryRow": func(ctx context.Context) error { return pool.QueryRow(ctx, insert).Scan(nil) },
		"Query": func(ctx context.Context) error {
			rows, err := pool.Query(ctx, insert)
			if err != nil {
				return err
			}
			_, err = pgx.CollectRows(rows, pgx.RowTo[int])
			return err
		},
		"Commit": func(ctx context.Context) error {
			return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error { _, err := tx.Exec(ctx, insert); return err })
		},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		err := write(ctx)
		cancel()
		if err == nil || pgconn.SafeToRetry(err) {
			t.Errorf("%s: %v, want an error that is not safe to retry", name, err)
		}
	}
}

// All sessions end at once if PostgreSQL crashes. Only the first request on one of them
// fails; the pool then pings the others before use.
func TestPool_AllSessionsEnded_OneRequestFails(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	const size = 8
	var sessions [size]db.Conn
	var processes []int32
	for i := range sessions {
		var err error
		if sessions[i], err = pool.Acquire(t.Context()); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, int32(sessions[i].Conn().PgConn().PID())) //nolint:gosec // a process id
	}
	other, err := pool.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close(context.Background()) }()
	if _, err := other.Exec(t.Context(), "SELECT pg_terminate_backend(p, 30000) FROM unnest($1::int[]) AS p", processes); err != nil {
		t.Fatal(err)
	}
	for _, session := range sessions {
		session.Release()
	}
	failed := 0
	for range 2 * size {
		if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil {
			failed++
		}
	}
	if failed > 1 {
		t.Errorf("%d requests failed", failed)
	}
}
