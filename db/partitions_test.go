package db_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

// thisMonth returns the name of this month's partition.
func thisMonth() string { return time.Now().UTC().Format("event_2006_01") }

func registered(t *testing.T) *db.Pool {
	t.Helper()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	return pool
}

const insertNow = `INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ($1, 'UPDATED', 'a', '1')`

func TestPartitions_Detached_AttachedAgain(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	run(t, pool, insertNow, "before")
	run(t, pool, `ALTER TABLE event DETACH PARTITION `+thisMonth())
	if n := count(t, pool, `SELECT event_partitions_missing()`); n != 1 {
		t.Errorf("%d months are missing", n)
	}
	if n := count(t, pool, `SELECT event_partitions_ahead()`); n != 0 {
		t.Errorf("%d partitions ahead of a missing one", n)
	}
	if n := count(t, pool, `SELECT cardinality(event_partitions_detached())`); n != 1 {
		t.Errorf("%d tables are detached", n)
	}
	refused(t, pool, "23514", insertNow, "meanwhile")
	if made, err := db.EnsurePartitions(t.Context(), pool); made != 1 || err != nil {
		t.Fatalf("%d partitions: %v", made, err)
	}
	run(t, pool, insertNow, "after")
	for sql, want := range map[string]int{
		`SELECT count(*) FROM event WHERE event_id IN ('before', 'after')`:     2,
		`SELECT event_partitions_missing() + event_partitions_unguarded()`:     0,
		`SELECT event_partitions_ahead()`:                                      3,
		`SELECT cardinality(event_partitions_detached())`:                      0,
		`SELECT count(*) FROM pg_inherits WHERE inhparent = 'event'::regclass`: 5,
	} {
		if n := count(t, pool, sql); n != want {
			t.Errorf("%s: %d, want %d", sql, n, want)
		}
	}
	if _, err := pool.Exec(t.Context(), `UPDATE event SET meta = '{}'`); err == nil {
		t.Error("events can be changed")
	}
}

// Events of plain SQL in a detached table that has lost its triggers get their
// identities when it is attached again.
func TestPartitions_DetachedWithoutTriggers_RowsAdopted(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	run(t, pool, `ALTER TABLE event DETACH PARTITION `+thisMonth())
	run(t, pool, `DROP TRIGGER event_after_insert ON `+thisMonth())
	run(t, pool, strings.Replace(insertNow, "INTO event", "INTO "+thisMonth(), 1), "alone")
	if _, err := db.EnsurePartitions(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, `SELECT count(*) FROM event_identity WHERE event_id = 'alone'`); n != 1 {
		t.Errorf("%d identities", n)
	}
}

// If the detached table cannot be attached, another partition is created for the month, and
// the table stays reported.
func TestPartitions_DetachedTableDoesNotFit_AnotherCreatedAndReported(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	run(t, pool, insertNow, "before")
	run(t, pool, `ALTER TABLE event DETACH PARTITION `+thisMonth())
	run(t, pool, `ALTER TABLE `+thisMonth()+` ADD COLUMN extra text`)
	var log logtest.Buffer
	keepPartitions(t, pool, &log)
	eventually(t, "an event is accepted", func() bool {
		_, err := pool.Exec(t.Context(), insertNow, "one")
		return err == nil
	})
	eventually(t, "the table is reported", func() bool { return strings.Contains(log.String(), "["+thisMonth()+"]") })
	if n := count(t, pool, `SELECT cardinality(event_partitions_detached())`); n != 1 {
		t.Errorf("%d tables are detached", n)
	}

	// The SQL of docs/operations.md attaches the table again.
	run(t, pool, `ALTER TABLE `+thisMonth()+` DROP COLUMN extra`)
	now := time.Now().UTC()
	begins := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	run(t, pool, strings.NewReplacer("event_2026_11", thisMonth(), "2026-11-01", begins.Format(time.DateOnly), "2026-12-01", begins.AddDate(0, 1, 0).Format(time.DateOnly)).
		Replace(documented(t, "### A table of events that does not fit")))
	if n := count(t, pool, `SELECT count(*) FROM event JOIN event_identity USING (event_id) WHERE event_id IN ('before', 'one')`); n != 2 {
		t.Errorf("found %d of 2 events", n)
	}
	if n := count(t, pool, `SELECT cardinality(event_partitions_detached())`); n != 0 {
		t.Errorf("%d tables are detached after the repair", n)
	}
	run(t, pool, insertNow, "after")
}

// documented returns the SQL below a heading of docs/operations.md.
func documented(t *testing.T, heading string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading+"\n")
	_, rest, hasSQL := strings.Cut(section, "```sql\n")
	sql, _, _ := strings.Cut(rest, "```")
	if !found || !hasSQL {
		t.Fatalf("docs/operations.md has no SQL below %q", heading)
	}
	return sql
}

// A lock timeout does not mean that the table cannot be attached.
func TestPartitions_DetachedTableLocked_AttachedLater(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	run(t, pool, `ALTER TABLE event DETACH PARTITION `+thisMonth())
	reader, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := reader.Exec(t.Context(), `LOCK TABLE `+thisMonth()+` IN ACCESS SHARE MODE`); err != nil {
		t.Fatal(err)
	}
	const mend = `SELECT string_agg(name || ' ' || outcome, ', ') FROM event_mend_partitions(0)`
	var mended *string
	err = pgx.BeginFunc(t.Context(), pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(t.Context(), `SET LOCAL lock_timeout = '50ms'`); err != nil {
			return err
		}
		return tx.QueryRow(t.Context(), mend).Scan(&mended)
	})
	if failure, ok := errors.AsType[*pgconn.PgError](err); !ok || failure.Code != "55P03" {
		t.Errorf("mending while the table is locked: %v, %v", mended, err)
	}
	if err := reader.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := pool.QueryRow(t.Context(), mend).Scan(&mended); err != nil || mended == nil || *mended != thisMonth()+" attached" {
		t.Errorf("mending after it: %v, %v", mended, err)
	}
}

func TestKeepPartitions_ThisMonthDropped_CreatedAgain(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	run(t, pool, `DROP TABLE `+thisMonth())
	run(t, pool, `DROP TABLE event_past`)
	var log logtest.Buffer
	keepPartitions(t, pool, &log)
	eventually(t, "an event is accepted", func() bool {
		_, err := pool.Exec(t.Context(), insertNow, "one")
		return err == nil
	})
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES ('old', 'UPDATED', 'a', '1', '2020-01-01Z')`)
}

// Older months that were dropped are not created again.
func TestPartitions_OldestMonthDropped_NotCreatedAgain(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `DO $$ DECLARE p regclass; BEGIN
		FOR p IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'event'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$`)
	run(t, pool, `SELECT event_attach_partition('event_past', NULL, '2026-01-01Z'), event_attach_partition('event_2026_01', '2026-01-01Z', '2026-02-01Z')`)
	if _, err := db.EnsurePartitions(t.Context(), pool); err != nil {
		t.Fatal(err)
	}
	run(t, pool, `DROP TABLE event_2026_01`)
	if made, err := db.EnsurePartitions(t.Context(), pool); made != 0 || err != nil {
		t.Errorf("%d partitions made: %v", made, err)
	}
}

// The bounds of partitions are read under any settings of the session.
func TestPartitions_SettingsOfTheSession_ChangeNothing(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Release()
	for _, set := range []string{`SET timezone = 'Asia/Kathmandu'`, `SET datestyle = 'German'`, `SET datestyle = 'SQL, DMY'`} {
		if _, err := connection.Exec(t.Context(), set); err != nil {
			t.Fatal(err)
		}
		var missing, ahead int
		if err := connection.QueryRow(t.Context(), `SELECT event_partitions_missing(), event_partitions_ahead()`).Scan(&missing, &ahead); err != nil || missing != 0 || ahead != 3 {
			t.Errorf("%s: %d missing, %d ahead, %v", set, missing, ahead, err)
		}
	}
}

// keepPartitions runs KeepPartitions until the test ends.
func keepPartitions(t *testing.T, pool *db.Pool, log *logtest.Buffer) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := db.KeepPartitionsEvery(ctx, pool, slog.New(slog.NewTextHandler(log, nil)), time.Millisecond); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); running.Wait() })
}

func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !condition(); {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting until %s", what)
		}
	}
}

func TestMendPartitions_RoleThatOnlyWrites_Allowed(t *testing.T) {
	t.Parallel()
	pool := registered(t)
	role := "writer_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	run(t, pool, `CREATE ROLE `+role)
	t.Cleanup(func() { run(t, pool, `DROP ROLE `+role) })
	run(t, pool, `DROP TABLE `+thisMonth())
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Release()
	for _, sql := range []string{`SET ROLE ` + role, `SELECT event_mend_partitions(1)`, `RESET ROLE`} {
		if _, err := connection.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	run(t, pool, insertNow, "one")
}
