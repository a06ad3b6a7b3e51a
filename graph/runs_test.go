package graph_test

import (
	"strings"
	"testing"
)

// A field that saveEventType omits stays as it is; null clears it. The phase of an
// event's type is the same however the event is read.
func TestSaveEventType_AbsentAndNull_UnchangedAndCleared(t *testing.T) {
	t.Parallel()
	withAndWithoutPlans(t, func(a *api) {
		a.register("p", variables{"n": 1})
		const save = `mutation($input: SaveEventTypeInput!) { saveEventType(input: $input) { eventType { name template phase } } }`
		for _, step := range []struct {
			input variables
			want  string
		}{
			{variables{"name": "job.over"}, `"template": null, "phase": null`},
			{variables{"name": "job.over", "phase": "COMPLETED"}, `"template": null, "phase": "COMPLETED"`},
			{variables{"name": "job.over", "template": "over"}, `"template": "over", "phase": "COMPLETED"`},
			{variables{"name": "job.over"}, `"template": "over", "phase": "COMPLETED"`},
			{variables{"name": "job.over", "template": nil}, `"template": null, "phase": "COMPLETED"`},
			{variables{"name": "job.over", "template": "over", "phase": nil}, `"template": "over", "phase": null`},
			{variables{"name": "Execution.Started"}, `"template": null, "phase": "STARTED"`},
			{variables{"name": "execution_failed", "phase": nil}, `"template": null, "phase": null`},
			{variables{"name": "playbook.failed"}, `"template": "Playbook {{ resource_path }} failed.", "phase": "FAILED"`},
		} {
			a.wantData(`{"saveEventType": {"eventType": {"name": "`+step.input["name"].(string)+`", `+step.want+`}}}`, save, variables{"input": step.input})
		}
		a.wantData(`{"saveEventType": {"eventType": {"template": "over", "phase": null}}}`,
			`mutation { saveEventType(input: {name: "job.over"}) { eventType { template phase } } }`, nil)
		a.wantError("BAD_USER_INPUT", "input.name", save, variables{"input": variables{"name": "a\nb"}})

		a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{"type": "playbook.failed", "path": "p"}, {"type": "UPDATED", "path": "p"}}})
		a.wantData(`{"events": {"nodes": [{"type": {"name": "UPDATED", "phase": null}}, {"type": {"name": "playbook.failed", "phase": "FAILED"}}]}}`,
			`{ events(first: 2) { nodes { type { name phase } } } }`, nil)
	})
}

// An execution counts its failed steps, whatever its status.
func TestExecution_FailedStep_CountedUntilItSucceeds(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", variables{"n": 1})
	record := func(kind, step, status string) {
		a.t.Helper()
		meta := variables{"execution_id": "run", "status": status}
		if step != "" {
			meta["node_name"] = step
		}
		a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{"type": kind, "path": "p", "meta": meta}}})
	}
	check := func(status string, count int) {
		a.t.Helper()
		var got struct {
			Execution struct {
				Status          string
				HasErrors       bool
				FailedStepCount int
			}
		}
		a.mustAsk(&got, `{ execution(executionId: "run") { status hasErrors failedStepCount } }`, nil)
		if e := got.Execution; e.Status != status || e.FailedStepCount != count || e.HasErrors != (count > 0) {
			a.t.Errorf("%+v, want %s with %d failed steps", e, status, count)
		}
	}
	record("playbook_started", "", "STARTED")
	record("command.failed", "load", "FAILED")
	record("call.error", "save", "error")
	check("RUNNING", 2)
	record("command.completed", "save", "success")
	record("playbook.completed", "flow", "FAILED")
	check("COMPLETED", 1)
	record("step.exit", "load", "COMPLETED")
	check("COMPLETED", 0)
}

// Errors that only the database detects name their argument, too.
func TestValues_InvalidToTheDatabaseOnly_RefusedWithTheArgument(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", variables{"n": 1})
	for _, id := range []any{strings.Repeat("x", 6000), variables{"long": strings.Repeat("x", 300)}} {
		a.wantError("BAD_USER_INPUT", "input.meta", `mutation($meta: JSON) { recordEvent(input: {type: "UPDATED", path: "p", meta: $meta}) { duplicate } }`,
			variables{"meta": variables{"execution_id": id}})
	}
	a.wantError("BAD_USER_INPUT", "input.meta", `mutation { recordEvent(input: {type: "UPDATED", path: "p", meta: {execution_id: 1e300}}) { duplicate } }`, nil)
	// The label after the longest is too long, which only the database detects.
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('long', 'playbook', repeat('9', 128), '1')`)
	a.wantError("BAD_USER_INPUT", "input.version", `mutation { registerResource(input: {path: "long", type: "playbook", payload: {json: 2}}) { status } }`, nil)
}
