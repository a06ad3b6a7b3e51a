package db_test

import (
	"context"
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"

	"github.com/noetl/noetl-catalog/internal/await"
)

// A statement is cancelled with its caller's context; its session can be used again.
func TestOpen_CallerCancels_StatementEndsAndSessionStays(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	session, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer session.Release()
	before := session.Conn().PgConn().PID()

	ctx, leave := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := session.Exec(ctx, "SELECT pg_sleep(600)")
		ended <- err
	}()
	for running := false; !running; {
		const sql = "SELECT wait_event IS NOT DISTINCT FROM 'PgSleep' FROM pg_stat_activity WHERE pid = $1"
		if err := pool.QueryRow(t.Context(), sql, before).Scan(&running); err != nil {
			t.Fatal(err)
		}
	}
	leave()
	if err := await.Value(t, ended); err == nil {
		t.Error("the statement was not cancelled")
	}

	var after uint32
	if err := session.QueryRow(t.Context(), "SELECT pg_backend_pid()").Scan(&after); err != nil || after != before {
		t.Errorf("session %d was replaced by %d: %v", before, after, err)
	}
}
