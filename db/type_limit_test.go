package db_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// Types are listed without pages, so plain SQL cannot exceed their limit either. It gets
// the message of the API.
func TestTypeLimit_PlainSQL_NewOnesRefused(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	if n := count(t, pool, `SELECT type_limit()`); n != catalog.MaxTypes {
		t.Errorf("%d types in the database, %d in the API", n, catalog.MaxTypes)
	}
	for _, table := range []string{"resource_type", "event_type"} {
		kind := table[:len(table)-len("_type")]
		total := func() int { return count(t, pool, `SELECT count(*) FROM `+table) }
		add := `INSERT INTO ` + table + ` (name) SELECT $1 || n FROM generate_series(1, $2) n`
		wantRefused := func(sql, want string, args ...any) {
			t.Helper()
			before := total()
			failure := refused(t, pool, "23514", sql, args...)
			if failure.Message != want || failure.ColumnName != "name" || failure.ConstraintName != catalog.TypeLimit {
				t.Errorf("%s: column %q, constraint %q: %q, want %q", table, failure.ColumnName, failure.ConstraintName, failure.Message, want)
			}
			if total() != before {
				t.Errorf("%s: a refused statement added types", table)
			}
		}
		run(t, pool, add, "a", catalog.MaxTypes-total()-2)
		wantRefused(add, fmt.Sprintf("name: there are 998 %s types already, and no more than 2 can be added", kind), "b", 3)
		run(t, pool, add, "b", 2)
		wantRefused(add, fmt.Sprintf("name: there are 1000 %s types already, and no more can be added", kind), "c", 1)
		// Existing types can be written again.
		run(t, pool, add+` ON CONFLICT DO NOTHING`, "b", 2)
		run(t, pool, add+` ON CONFLICT (name) DO UPDATE SET name = excluded.name`, "b", 2)
		run(t, pool, `UPDATE `+table+` SET name = 'renamed' WHERE name = 'b1'`)
		wantRefused(add+` ON CONFLICT DO NOTHING`, fmt.Sprintf("name: there are 1000 %s types already, and no more can be added", kind), "b", 2)
	}
}

func TestTypeLimit_ConcurrentWriters_LimitHolds(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO event_type (name) SELECT 'a' || n FROM generate_series(1, $1 - (SELECT count(*) FROM event_type)) n`, catalog.MaxTypes-3)
	var added atomic.Int32
	var begun, group sync.WaitGroup
	begun.Add(8)
	for i := range 8 {
		group.Go(func() {
			tx, err := pool.Begin(context.Background())
			begun.Done()
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = tx.Rollback(context.Background()) }()
			begun.Wait()
			if _, err := tx.Exec(context.Background(), `INSERT INTO event_type (name) VALUES ($1)`, fmt.Sprint("writer ", i)); err != nil {
				return
			}
			if err := tx.Commit(context.Background()); err != nil {
				t.Error(err)
				return
			}
			added.Add(1)
		})
	}
	group.Wait()
	if n := count(t, pool, `SELECT count(*) FROM event_type`); n != catalog.MaxTypes || added.Load() != 3 {
		t.Errorf("%d writers added types, there are %d", added.Load(), n)
	}
}

// A database with more types than the limit keeps them and accepts no more.
func TestMigrate_MoreTypesThanTheLimit_Stay(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.EmptyURL(t)
	if err := db.MigrateTo(t.Context(), databaseURL, 10); err != nil {
		t.Fatal(err)
	}
	pool := dbtest.PoolAt(t, databaseURL, db.Options{})
	for _, table := range []string{"resource_type", "event_type"} {
		run(t, pool, `INSERT INTO `+table+` (name) SELECT 'a' || n FROM generate_series(1, 1100 - (SELECT count(*) FROM `+table+`)) n`)
	}
	if _, err := db.Migrate(t.Context(), databaseURL); err != nil {
		t.Fatal(err)
	}
	for _, table := range []string{"resource_type", "event_type"} {
		if n := count(t, pool, `SELECT count(*) FROM `+table); n != 1100 {
			t.Errorf("%s: %d types stayed, want 1100", table, n)
		}
		run(t, pool, `INSERT INTO `+table+` (name) VALUES ('a1') ON CONFLICT DO NOTHING`)
		refused(t, pool, "23514", `INSERT INTO `+table+` (name) VALUES ('more')`)
	}
}
