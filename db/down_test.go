package db_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// Going back to an earlier release, writing there, and migrating up again loses
// only what that release cannot store.
func TestMigrate_DownWriteAndUp_KeepsWhatWasWritten(t *testing.T) {
	t.Parallel()
	const newest, oldest = 20, 6
	for version := int64(newest - 1); version >= oldest; version-- {
		t.Run(fmt.Sprintf("to %d", version), func(t *testing.T) {
			t.Parallel()
			databaseURL := dbtest.URL(t)
			pool := dbtest.PoolAt(t, databaseURL, db.Options{})
			const (
				insertEvent = `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
					SELECT $1, $2, 'a', '1', jsonb_build_object('execution_id', $3::text, 'node_name', $4::text, 'status', $5::text)`
				resource = `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', $1, $2)`
			)
			run(t, pool, `INSERT INTO event_type (name, template, phase) VALUES ('mine', 'x {{ meta.node_name }}', 'CANCELLED')`)
			run(t, pool, resource, "1", `{"n": 1}`)
			run(t, pool, resource, "2", `{"n": 2}`)
			run(t, pool, insertEvent, "e1", "step.exit", "one", "load", "failed")
			run(t, pool, insertEvent, "e2", "step.exit", "one", "save", "ok")
			run(t, pool, insertEvent, "e3", "playbook.completed", "one", "end", "ok")
			run(t, pool, `SELECT event_sequence(2, 0)`) // e3 waits
			before := contents(t, pool)

			if err := db.MigrateTo(t.Context(), databaseURL, version); err != nil {
				t.Fatal(err)
			}
			pool.Reset() // sessions have cached the former columns
			if diff := cmp.Diff(before, contents(t, pool)); diff != "" {
				t.Errorf("(-before +after going back to %d):\n%s", version, diff)
			}
			run(t, pool, resource, "3", `{"n": 3}`)
			var registered string
			if err := pool.QueryRow(t.Context(), `SELECT catalog_register(ARRAY['a'], ARRAY['task'], ARRAY[false], ARRAY[''], ARRAY['inline'], ARRAY[''],
				ARRAY['{"n": 4}'::jsonb], ARRAY[''], ARRAY[NULL::jsonb], ARRAY['r1'], ARRAY[''], true, false) -> 0 ->> 'status'`).Scan(&registered); err != nil || registered != "UPDATED" {
				t.Errorf("registering made version %q: %v", registered, err)
			}
			run(t, pool, insertEvent, "e4", "step.exit", "two", "load", "error")
			run(t, pool, `SELECT event_sequence(100, 0)`)
			run(t, pool, insertEvent, "e5", "step.exit", "two", "save", "ERROR")
			between := contents(t, pool)

			if _, err := db.Migrate(t.Context(), databaseURL); err != nil {
				t.Fatal(err)
			}
			pool.Reset()
			if diff := cmp.Diff(between, contents(t, pool)); diff != "" {
				t.Errorf("(-at %d +after migrating up again):\n%s", version, diff)
			}
			run(t, pool, `SELECT event_sequence(100, 0)`)
			mine := "CANCELLED"
			if version < 9 {
				mine = "none" // these releases had no column phase
			}
			for _, test := range []struct{ sql, want string }{
				{`SELECT string_agg(concat_ws(' ', execution_id, status, failed_step_count, event_count), ', ' ORDER BY execution_id) FROM execution`, "one COMPLETED 1 3, two RUNNING 2 2"},
				{`SELECT string_agg(execution_id || ' ' || step, ', ' ORDER BY execution_id, step) FROM execution_failed_step`, "one load, two load, two save"},
				{`SELECT string_agg(event_id || ' ' || phase, ', ' ORDER BY position) FROM event_log WHERE phase IS NOT NULL`, "e3 COMPLETED"},
				{`SELECT string_agg(event_id, ' ' ORDER BY position) FROM event_log`, "e1 e2 e3 r1 e4 e5"},
				{`SELECT string_agg(folder || hours || ' ' || count, ', ' ORDER BY hours) FROM (SELECT folder, hours, sum(count) AS count FROM event_folder_count GROUP BY folder, hours) AS s`, "1 6, 24 6"},
				{`SELECT string_agg(status || ' ' || count, ', ' ORDER BY status) FROM (SELECT status, sum(count) AS count FROM event_count WHERE path = 'a' GROUP BY status) AS s`, "ERROR 2, FAILED 1, OK 2"},
				{`SELECT coalesce(phase, 'none') FROM event_type WHERE name = 'mine'`, mine},
				{`SELECT latest_version || ' ' || latest_revision FROM resource WHERE resource_path = 'a'`, registeredAfter(version)},
			} {
				var got string
				if err := pool.QueryRow(t.Context(), test.sql).Scan(&got); err != nil || got != test.want {
					t.Errorf("%q, want %q: %s: %v", got, test.want, test.sql, err)
				}
			}
		})
	}
}

// registeredAfter returns the latest label of a path with the labels 1, 2 and 3 after one
// more registration: migration 8 and later continue whole numbers.
func registeredAfter(version int64) string {
	if version < 8 {
		return "1.0.0 4"
	}
	return "4 4"
}

// contents returns the rows of the tables that every release has, without the columns
// that newer releases have added.
func contents(t *testing.T, pool *db.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), `
		SELECT line FROM (
			SELECT to_jsonb(c)::text AS line FROM catalog c
			UNION ALL SELECT to_jsonb(r)::text FROM resource r
			UNION ALL SELECT to_jsonb(r)::text FROM resource_type r
			UNION ALL SELECT (to_jsonb(t) - 'phase')::text FROM event_type t
			UNION ALL SELECT to_jsonb(e)::text FROM event e
			UNION ALL SELECT to_jsonb(i)::text FROM event_identity i
			UNION ALL SELECT to_jsonb(p)::text FROM event_pending p
			UNION ALL SELECT to_jsonb(h)::text FROM event_head h
			UNION ALL SELECT (to_jsonb(l) - 'phase')::text FROM event_log l
			UNION ALL SELECT (to_jsonb(x) - 'failed_step_count')::text FROM execution x
		) AS lines ORDER BY line`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return list
}
