package eventlog_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
)

func equal(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// A change of a type's phase applies to the events recorded after it, and to no earlier
// ones, even if they have no position in the log yet.
func TestEventType_PhaseChanged_AppliesToLaterEvents(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	insert := func(id, kind, run string) {
		t.Helper()
		exec(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ($1, $2, 'p', '1', jsonb_build_object('execution_id', $3::text, 'node_name', 'only', 'status', 'failed'))`, id, kind, run)
	}
	status := func(run string) string {
		t.Helper()
		found, err := store.ExecutionsByID(t.Context(), everything, []string{run})
		if err != nil || found[0] == nil {
			t.Fatalf("read the execution %s: %v", run, err)
		}
		return fmt.Sprintf("%s after %d, %d failed", found[0].Status, found[0].EventCount, found[0].FailedStepCount)
	}
	save := func(change eventlog.EventTypeChange) string {
		t.Helper()
		saved, err := store.SaveEventType(t.Context(), change)
		if err != nil {
			t.Fatal(err)
		}
		if saved.Phase == nil {
			return ""
		}
		return *saved.Phase
	}
	phase := func(name string, phase *string) string {
		return save(eventlog.EventTypeChange{Name: name, SetPhase: true, Phase: phase})
	}
	got := []string{
		save(eventlog.EventTypeChange{Name: "job.over"}), phase("job.over", new("COMPLETED")), save(eventlog.EventTypeChange{Name: "job.over", SetTemplate: true, Template: new("x")}),
		phase("job.over", nil), save(eventlog.EventTypeChange{Name: "execution.failed"}), phase("workflow-error", nil), phase("workflow_failed", nil),
	}
	equal(t, got, []string{"", "COMPLETED", "COMPLETED", "", "FAILED", "", ""})

	// None of these gets its position before the last change.
	insert("1", "job.over", "before")
	phase("job.over", new("FAILED"))
	insert("2", "job.over", "between")
	exec(t, pool, `UPDATE event_type SET phase = 'CANCELLED' WHERE name = 'job.over'`)
	exec(t, pool, `UPDATE event_type SET template = 'y' WHERE name = 'job.over'`)
	insert("3", "job.over", "after")
	exec(t, pool, `UPDATE event_type SET phase = NULL WHERE name = 'job.over'`)
	insert("4", "job.over", "last")
	equal(t, []string{status("before"), status("between"), status("after"), status("last")},
		[]string{"RUNNING after 1, 1 failed", "FAILED after 1, 0 failed", "CANCELLED after 1, 0 failed", "RUNNING after 1, 1 failed"})

	// A replay of an execution ends with the event that ended it.
	insert("5", "EXECUTION_COMPLETED", "before")
	phase("job.over", new("COMPLETED"))
	if got := status("before"); got != "COMPLETED after 2, 1 failed" {
		t.Error(got)
	}
	head, err := store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, _, err := store.ReadLog(t.Context(), everything, eventlog.Filter{}, 0, head.Position, 10)
	if err != nil {
		t.Fatal(err)
	}
	var phases []string
	for _, row := range rows {
		phases = append(phases, row.EventID+" "+row.Phase)
	}
	equal(t, phases, []string{"1 ", "2 FAILED", "3 CANCELLED", "4 ", "5 COMPLETED"})
}

// A new database has NoETL's event types, and their templates also render an event
// without meta.
func TestEventTypes_OfNoETL_KnownWithTemplatesThatRender(t *testing.T) {
	t.Parallel()
	store, _ := setupRecord(t)
	types, err := store.EventTypes(t.Context())
	if err != nil || len(types) != 45 {
		t.Fatalf("%d types, want 45: %v", len(types), err)
	}
	phases := map[string]int{}
	for _, kind := range types {
		template, err := message.Parse(*kind.Template)
		if err != nil {
			t.Errorf("%s: %v", kind.Name, err)
			continue
		}
		for _, meta := range []string{"", `{"node_name": "load"}`, `[]`} {
			values := message.Values{ResourcePath: "a/path", Meta: []byte(meta)}
			if meta == "" {
				values.Meta = nil
			}
			if text, err := template.Render(values); err != nil || !strings.Contains(text, "a/path") {
				t.Errorf("%s of meta %s: %q, %v", kind.Name, meta, text, err)
			}
		}
		if kind.Phase != nil {
			phases[*kind.Phase]++
		}
	}
	if want := (map[string]int{"STARTED": 4, "COMPLETED": 4, "FAILED": 4, "CANCELLED": 3}); !maps.Equal(phases, want) {
		t.Errorf("phases %v, want %v", phases, want)
	}
}

// The sequencer's failed steps are those computed from the log, however executions are
// mixed in batches.
func TestFailedSteps_ExecutionsMixed_AsComputedFromTheLog(t *testing.T) {
	t.Parallel()
	_, pool := setupRecord(t)
	exec(t, pool, `INSERT INTO event_type (name, phase) VALUES ('other.end', 'COMPLETED')`)
	serial := 0
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		for range rapid.IntRange(1, 4).Draw(t, "statements") {
			n := rapid.IntRange(1, 12).Draw(t, "events")
			ids, kinds, metas := make([]string, n), make([]string, n), make([]string, n)
			for i := range n {
				serial++
				ids[i] = fmt.Sprint(serial)
				kinds[i] = rapid.SampledFrom([]string{"command.failed", "step.exit", "playbook_started", "playbook.failed", "other.end"}).Draw(t, "type")
				metas[i] = rapid.Custom(func(t *rapid.T) string {
					return fmt.Sprintf(`{"execution_id": %q, "node_name": %q, "status": %q}`,
						rapid.SampledFrom([]string{"r1", "r2", "r3"}).Draw(t, "run"), rapid.SampledFrom([]string{"a", "b", ""}).Draw(t, "step"),
						rapid.SampledFrom([]string{"FAILED", "error", "COMPLETED", "running"}).Draw(t, "status"))
				}).Draw(t, "meta")
			}
			if _, err := pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
				SELECT id, kind, 'p', '1', meta::jsonb FROM unnest($1::text[], $2::text[], $3::text[]) AS e(id, kind, meta)`, ids, kinds, metas); err != nil {
				t.Fatal(err)
			}
			for range rapid.IntRange(0, 3).Draw(t, "batches") {
				if _, err := pool.Exec(ctx, `SELECT event_sequence($1, 0)`, rapid.IntRange(1, 5).Draw(t, "batch")); err != nil {
					t.Fatal(err)
				}
			}
		}
		rows, err := pool.Query(ctx, `SELECT e.meta ->> 'execution_id', e.meta ->> 'node_name', e.meta ->> 'status', e.event_type
			FROM event_log l JOIN event e USING (timestamp, event_id) ORDER BY l.position`)
		if err != nil {
			t.Fatal(err)
		}
		want, counts := map[string]bool{}, map[string]int{}
		var run, step, status, kind string
		if _, err := pgx.ForEachRow(rows, []any{&run, &step, &status, &kind}, func() error {
			if kind == "playbook.failed" || kind == "other.end" {
				return nil
			}
			if delete(want, run+" "+step); status == "FAILED" || status == "error" {
				want[run+" "+step] = true
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		for key := range want {
			counts[strings.Fields(key)[0]]++
		}
		kept, err := pool.Query(ctx, `SELECT execution_id || ' ' || step, x.failed_step_count FROM execution_failed_step JOIN execution x USING (execution_id)`)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		var count int
		if _, err := pgx.ForEachRow(kept, []any{&step, &count}, func() error {
			got[step] = true
			if count != counts[strings.Fields(step)[0]] {
				return fmt.Errorf("%s: %d failed steps are counted, want %d", step, count, counts[strings.Fields(step)[0]])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if !maps.Equal(got, want) {
			t.Fatalf("failed steps %v, want %v", got, want)
		}
		var wrong int
		if err := pool.QueryRow(ctx, `SELECT count(*) FROM execution x WHERE failed_step_count <> (SELECT count(*) FROM execution_failed_step f WHERE f.execution_id = x.execution_id)`).Scan(&wrong); err != nil || wrong != 0 {
			t.Fatalf("%d executions with a wrong count: %v", wrong, err)
		}
	})
}
