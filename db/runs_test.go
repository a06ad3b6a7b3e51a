package db_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// The migration counts the failed steps of older executions, keeps the phases of existing
// event types, and does not change the status of an execution.
func TestMigrate_OlderExecutions_FailedStepsAndPhases(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.EmptyURL(t)
	if err := db.MigrateTo(t.Context(), databaseURL, 8); err != nil {
		t.Fatal(err)
	}
	pool := dbtest.PoolAt(t, databaseURL, db.Options{})
	run(t, pool, `SELECT event_ensure_partitions(3)`)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a', 'task', '1', '{}')`)
	run(t, pool, `INSERT INTO event_type (name, template) VALUES ('playbook.completed', 'mine'), ('workflow.completed', NULL), ('command.failed', NULL)`)
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		SELECT lpad(n::text, 2, '0'), kind, 'a', '1', meta::jsonb FROM unnest(
			ARRAY['command.failed', 'command.failed', 'UPDATED', 'workflow.completed', 'playbook.completed', 'command.failed', 'UPDATED'],
			ARRAY['{"execution_id": "one", "node_name": "load", "status": "FAILED"}', '{"execution_id": "one", "node_name": "save", "status": "error"}',
				'{"execution_id": "one", "node_name": "save", "status": "COMPLETED"}', '{"execution_id": "one", "node_name": "flow", "status": "Failed"}',
				'{"execution_id": "one", "node_name": "over", "status": "failed"}',
				'{"execution_id": "two", "node_name": "load"}', '{"execution_id": "two", "status": "failed"}']
		) WITH ORDINALITY AS e(kind, meta, n)`)
	run(t, pool, `SELECT event_sequence(6, 0)`)
	if _, err := db.Migrate(t.Context(), databaseURL); err != nil {
		t.Fatal(err)
	}
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES
		('new', 'workflow.completed', 'a', '1', '{"execution_id": "two"}')`)
	run(t, pool, `SELECT event_sequence(9, 0)`)
	for _, test := range []struct{ sql, want string }{
		{`SELECT string_agg(concat_ws(' ', execution_id, status, failed_step_count, event_count), ', ' ORDER BY execution_id) FROM execution`, "one COMPLETED 2 5, two COMPLETED 0 3"},
		{`SELECT string_agg(execution_id || ' ' || step, ', ' ORDER BY execution_id, step) FROM execution_failed_step`, "one flow, one load"},
		{`SELECT string_agg(event_id || ' ' || phase, ', ' ORDER BY position) FROM event_log WHERE phase IS NOT NULL`, "05 COMPLETED, new COMPLETED"},
		{
			`SELECT string_agg(concat_ws(' ', name, template, phase), ', ' ORDER BY name) FROM event_type WHERE name IN ('playbook.completed', 'workflow.completed', 'command.failed')`,
			"command.failed, playbook.completed mine COMPLETED, workflow.completed COMPLETED",
		},
	} {
		var got string
		if err := pool.QueryRow(t.Context(), test.sql).Scan(&got); err != nil || got != test.want {
			t.Errorf("%q, want %q: %s: %v", got, test.want, test.sql, err)
		}
	}
}

// A new type has the phase that its name implies, unless it is added with another phase,
// or with an empty text for none.
func TestEventType_PlainSQL_PhaseOfItsName(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	run(t, pool, `INSERT INTO event_type (name, phase) VALUES ('Playbook-Failed', NULL), ('execution.error', 'CANCELLED'), ('workflow.canceled', ''), ('other', NULL)`)
	run(t, pool, `INSERT INTO event_type (name) VALUES ('execution_cancel')`)
	rows, err := pool.Query(t.Context(), `SELECT name || ' ' || coalesce(phase, 'none') FROM event_type WHERE name IN ('Playbook-Failed', 'execution.error', 'workflow.canceled', 'other', 'execution_cancel') ORDER BY name`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Playbook-Failed FAILED", "execution.error CANCELLED", "execution_cancel CANCELLED", "other none", "workflow.canceled none"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	refused(t, pool, "23514", `INSERT INTO event_type (name, phase) VALUES ('x', 'STOPPED')`)
	refused(t, pool, "23514", `UPDATE event_type SET phase = 'started' WHERE name = 'other'`)
}
