package db_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

func TestMigrate_Repeated_DoesNothing(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.EmptyURL(t)
	first, err := db.Migrate(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	second, err := db.Migrate(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	if first.From != 0 || first.To < 4 || first.Partitions != 5 {
		t.Errorf("the first migration did %+v", first)
	}
	if diff := cmp.Diff(db.Migrated{From: first.To, To: first.To}, second); diff != "" {
		t.Errorf("the second migration (-want +got):\n%s", diff)
	}
}

// From is the version that the database had, although numbers are missing between it and To.
func TestMigrate_NumbersMissing_FromIsTheVersionBefore(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("migrations/*.sql")
	if err != nil || len(names) < 3 {
		t.Fatalf("%q: %v", names, err)
	}
	files, next := fstest.MapFS{}, int64(100)
	at := int64(len(names) - 2)
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if int64(i) >= at {
			name = fmt.Sprintf("migrations/%05d_late.sql", next)
			next += 50
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	for _, before := range []int64{at, 0} {
		databaseURL := dbtest.EmptyURL(t)
		if err := db.MigrateTo(t.Context(), databaseURL, before); err != nil {
			t.Fatal(err)
		}
		if done, err := db.MigrateFiles(t.Context(), databaseURL, files); err != nil || done.From != before || done.To != 150 {
			t.Errorf("from %d to 150: %+v, %v", before, done, err)
		}
	}
}

func TestMigrate_SchemaOfNewerProgram_Refused(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	pool := dbtest.PoolAt(t, databaseURL, db.Options{})
	if _, err := pool.Exec(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, true)`); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Migrate(t.Context(), databaseURL); err == nil || !strings.Contains(err.Error(), "schema version 9999") {
		t.Errorf("%v", err)
	}
}

// If servers start at the same time, one migrates, all become ready, and the schema
// is that of a single migration.
func TestMigrate_ServersStartAtOnce_OneMigrates(t *testing.T) {
	t.Parallel()
	const servers = 5
	databaseURL := dbtest.EmptyURL(t)
	done := make([]db.Migrated, servers)
	var group sync.WaitGroup
	for i := range servers {
		group.Go(func() {
			var err error
			if done[i], err = db.Migrate(t.Context(), databaseURL); err != nil {
				t.Errorf("server %d: %v", i, err)
			}
		})
	}
	group.Wait()
	migrated := 0
	for _, server := range done {
		if server.From != server.To {
			migrated++
		}
	}
	if migrated != 1 {
		t.Errorf("%d servers migrated: %+v", migrated, done)
	}
	if diff := cmp.Diff(columns(t, dbtest.URL(t)), columns(t, databaseURL)); diff != "" {
		t.Errorf("columns, indexes and triggers (-one migration +five at once):\n%s", diff)
	}
}

// columns lists the columns, indexes and triggers of a schema.
func columns(t *testing.T, databaseURL string) []string {
	t.Helper()
	pool := dbtest.PoolAt(t, databaseURL, db.Options{})
	rows, err := pool.Query(t.Context(), `
		SELECT format('%s.%s %s', table_name, column_name, data_type) FROM information_schema.columns WHERE table_schema = 'public'
		UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT tgrelid::regclass || ' ' || tgname FROM pg_trigger WHERE NOT tgisinternal
		ORDER BY 1`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOpen_Sessions_HaveDeadlinesAndOurSettings(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	admin := dbtest.PoolAt(t, databaseURL, db.Options{})
	var name string
	if err := admin.QueryRow(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	for _, setting := range []string{"default_transaction_isolation = 'serializable'", "synchronous_commit = off", "TimeZone = 'Asia/Tokyo'"} {
		run(t, admin, "ALTER DATABASE "+pgx.Identifier{name}.Sanitize()+" SET "+setting)
	}
	pool := dbtest.PoolAt(t, databaseURL, db.Options{StatementTimeout: 3 * time.Second})
	for setting, want := range map[string]string{
		"statement_timeout": "3s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "10s",
		"default_transaction_isolation": "read committed", "synchronous_commit": "on", "TimeZone": "UTC", "search_path": "public",
	} {
		var got string
		if err := pool.QueryRow(t.Context(), "SELECT current_setting($1)", setting).Scan(&got); err != nil || got != want {
			t.Errorf("%s is %q, %v; want %q", setting, got, err, want)
		}
	}
	if _, err := db.Open(t.Context(), "postgres://nobody:secret@127.0.0.1:1/none", db.Options{}); err == nil {
		t.Error("a database that does not answer was opened")
	}
}

func run(t testing.TB, pool *db.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// refused fails unless the statement fails with this SQLSTATE.
func refused(t testing.TB, pool *db.Pool, code, sql string, args ...any) *pgconn.PgError {
	t.Helper()
	_, err := pool.Exec(context.Background(), sql, args...)
	var failure *pgconn.PgError
	if !errors.As(err, &failure) || failure.Code != code {
		t.Errorf("%s: %v, want %s", sql, err, code)
		return &pgconn.PgError{}
	}
	return failure
}

func count(t testing.TB, pool *db.Pool, sql string) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return n
}

// Every acceptable timestamp has a partition, and there is no DEFAULT partition.
func TestPartitions_AnyAcceptableTime_HasAPartition(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	serial := 0
	insert := `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES ($1, 'UPDATED', 'a', '1', $2)`
	rapid.Check(t, func(t *rapid.T) {
		serial++
		at := time.Unix(rapid.Int64Range(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Now().Add(23*time.Hour).Unix()).Draw(t, "at"), 0)
		if _, err := pool.Exec(context.Background(), insert, fmt.Sprint(serial), at); err != nil {
			t.Fatalf("%v: %v", at, err)
		}
	})
	for ahead := range 4 {
		month := time.Date(time.Now().UTC().Year(), time.Now().UTC().Month()+time.Month(ahead), 1, 0, 0, 0, 0, time.UTC)
		if count(t, pool, `SELECT count(*) FROM pg_class WHERE relname = 'event_`+month.Format("2006_01")+`'`) != 1 {
			t.Errorf("%s has no partition", month.Format("2006-01"))
		}
	}
	if count(t, pool, `SELECT count(*) FROM pg_partitioned_table WHERE partrelid = 'event'::regclass AND partdefid <> 0`) != 0 {
		t.Error("event has a DEFAULT partition")
	}
	refused(t, pool, "23514", insert, "ahead", time.Now().Add(25*time.Hour))
	for _, infinity := range []string{"infinity", "-infinity"} {
		_, err := pool.Exec(context.Background(), `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES ('i', 'UPDATED', 'a', '1', '`+infinity+`')`)
		if err == nil {
			t.Errorf("an event at %s was accepted", infinity)
		}
	}
}

// A server that was stopped for months creates the missing partitions.
func TestPartitions_MonthsMissed_Created(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `DO $$ DECLARE p regclass; BEGIN
		FOR p IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'event'::regclass LOOP EXECUTE 'DROP TABLE ' || p; END LOOP; END $$`)
	run(t, pool, `SELECT event_attach_partition('event_past', NULL, '2026-01-01Z'), event_attach_partition('event_2026_01', '2026-01-01Z', '2026-02-01Z')`)
	made, err := db.EnsurePartitions(t.Context(), pool)
	if err != nil || made < 3 {
		t.Fatalf("made %d partitions: %v", made, err)
	}
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp)
		SELECT 'e' || at, 'UPDATED', 'a', '1', at FROM generate_series(timestamptz '2025-12-15Z', now(), interval '10 days') at`)
	if again, err := db.EnsurePartitions(t.Context(), pool); err != nil || again != 0 {
		t.Errorf("the second call made %d partitions: %v", again, err)
	}
}

// An event_id is unique over all partitions, whichever way it is inserted.
func TestEventIdentity_AnyWay_UniqueOverPartitions(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	const columns = `(event_id, event_type, resource_path, resource_version, timestamp)`
	run(t, pool, `INSERT INTO event `+columns+` VALUES ('one', 'UPDATED', 'a', '1', now())`)
	run(t, pool, `INSERT INTO event_past `+columns+` VALUES ('two', 'UPDATED', 'a', '1', '2020-01-01Z')`)
	if _, err := pool.CopyFrom(t.Context(), pgx.Identifier{"event"}, []string{"event_id", "event_type", "resource_path", "resource_version"},
		pgx.CopyFromRows([][]any{{"three", "UPDATED", "a", "1"}, {"four", "UPDATED", "a", "1"}})); err != nil {
		t.Fatal(err)
	}
	if n := count(t, pool, `SELECT count(*) FROM event JOIN event_identity USING (event_id, timestamp)`); n != 4 {
		t.Errorf("%d events have a row in event_identity, want 4", n)
	}
	for _, id := range []string{"one", "two", "three"} {
		failure := refused(t, pool, "23505", `INSERT INTO event `+columns+` VALUES ($1, 'UPDATED', 'a', '1', '2021-01-01Z')`, id)
		if failure.ConstraintName != "event_identity_pkey" {
			t.Errorf("%s: refused by %q", id, failure.ConstraintName)
		}
	}
	if n := count(t, pool, `SELECT count(*) FROM event`); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

func TestAppendOnly_ChangesOfHistory_Refused(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES ('e', 'UPDATED', 'a', '1', '2020-01-01Z')`)
	for _, sql := range []string{
		`UPDATE catalog SET payload = '1'`, `DELETE FROM catalog`, `TRUNCATE catalog CASCADE`,
		`UPDATE event SET payload = '1'`, `DELETE FROM event`, `TRUNCATE event`,
		`UPDATE event_past SET event_id = 'x'`, `DELETE FROM event_past`, `TRUNCATE event_past`,
		`UPDATE event SET timestamp = now()`,
	} {
		refused(t, pool, "23001", sql)
	}
}

// Versions written in SQL with the seed's columns only get correct revisions and a correct
// head row, by any kind of statement.
func TestCatalog_PlainSQLWriters_RevisionsAndHead(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	head := func() (latest string, revision int, name, description *string, created, updated time.Time) {
		t.Helper()
		if err := pool.QueryRow(context.Background(), `SELECT latest_version, latest_revision, name, description, created_at, updated_at FROM resource WHERE resource_path = 'a'`).
			Scan(&latest, &revision, &name, &description, &created, &updated); err != nil {
			t.Fatal(err)
		}
		return
	}
	const columns = `INSERT INTO catalog (resource_path, resource_type, resource_version, payload, timestamp) VALUES `
	run(t, pool, columns+`('a', 'task', '10', '{"metadata": {"name": "n1", "description": 5}, "description": "top"}', '2026-01-01Z'), ('b', 'task', '1', '[]', now()), ('a', 'task', '9', '{"name": {"no": 1}}', '2026-01-02Z')`)
	latest, revision, name, description, created, updated := head()
	if latest != "9" || revision != 2 || name != nil || description != nil || !created.Equal(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) || !updated.Equal(time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("after one statement: %s %d %v %v %v %v", latest, revision, name, description, created, updated)
	}
	if _, err := pool.CopyFrom(t.Context(), pgx.Identifier{"catalog"}, []string{"resource_path", "resource_type", "resource_version", "payload"},
		pgx.CopyFromRows([][]any{{"a", "task", "8", `{"metadata": {"name": "n3"}, "name": "top"}`}, {"a", "task", "7", `{"name": "n4", "description": "d4"}`}})); err != nil {
		t.Fatal(err)
	}
	if latest, revision, name, description, _, _ = head(); latest != "7" || revision != 4 || *name != "n4" || *description != "d4" {
		t.Errorf("after COPY: %s %d", latest, revision)
	}
	run(t, pool, columns+`('a', 'task', '9', '1', now()) ON CONFLICT DO NOTHING`)
	if latest, revision, _, _, _, _ = head(); latest != "7" || revision != 4 {
		t.Errorf("after a conflict that does nothing: %s %d", latest, revision)
	}
	run(t, pool, `SET search_path = pg_catalog; INSERT INTO public.catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'action', '6', '1'); RESET search_path`, pgx.QueryExecModeSimpleProtocol)

	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), columns+`('a', 'task', 'never', '1', now())`); err != nil {
		t.Fatal(err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if latest, revision, _, _, _, _ = head(); latest != "6" || revision != 5 {
		t.Errorf("after a rollback: %s %d", latest, revision)
	}

	const writers = 16
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			if _, err := pool.Exec(context.Background(), columns+`('race', 'task', $1, '1', now())`, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := count(t, pool, `SELECT count(DISTINCT revision) * 100 + max(revision) FROM catalog WHERE resource_path = 'race'`); n != 1616 {
		t.Errorf("16 writers: distinct revisions and the highest are %d", n)
	}
}
