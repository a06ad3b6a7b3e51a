package graph_test

import (
	"encoding/json"
	"sync"
	"testing"
	"time"
)

// A mutation that finds no partition for its event repairs the partitions, and succeeds.
func TestMutations_ThisMonthDetached_Repaired(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p/one", variables{"a": 1})
	a.record("p/one", "before")
	detach := func() {
		t.Helper()
		if _, err := a.pool.Exec(t.Context(), `ALTER TABLE event DETACH PARTITION `+time.Now().UTC().Format("event_2006_01")); err != nil {
			t.Fatal(err)
		}
	}
	detach()
	var together sync.WaitGroup
	for _, id := range []string{"1", "2", "3", "4"} {
		together.Go(func() { a.record("p/one", id, id+"b") })
	}
	together.Wait()
	detach()
	a.register("p/one", variables{"a": 2})
	detach()
	a.record("p/one", "last")
	var got struct {
		Events struct{ TotalCount int }
		Event  *struct{ EventID string }
	}
	a.mustAsk(&got, `{ events { totalCount } event(eventId: "before") { eventId } }`, nil)
	if got.Events.TotalCount != 12 || got.Event == nil {
		t.Errorf("%+v, want 12 events", got)
	}
}

// A retry of an event that is in a detached partition is a duplicate, not a conflict.
func TestRecordEvent_RetryOfDetached_Duplicate(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p/one", variables{"a": 1})
	for _, payload := range []string{"same", "same", "other"} {
		got, errs := a.decode(a.read(a.post("application/json", a.encode(variables{
			"query":     recordMutation,
			"variables": variables{"inputs": []variables{{"eventId": "one", "type": "UPDATED", "path": "p/one", "payload": payload}}},
		}))))
		if conflict := len(errs) == 1 && errs[0].Extensions["code"] == "CONFLICT"; conflict != (payload == "other") || !conflict && len(errs) > 0 {
			t.Errorf("%s: %s %v", payload, got, errs)
		}
		if _, err := a.pool.Exec(t.Context(), `ALTER TABLE event DETACH PARTITION `+time.Now().UTC().Format("event_2006_01")); err != nil {
			t.Fatal(err)
		}
	}
}

// An event of a month whose partition was dropped is refused, with the reason.
func TestRecordEvent_MonthArchived_Refused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p/one", variables{"a": 1})
	for _, sql := range []string{
		`ALTER TABLE event DETACH PARTITION event_past`, `DROP TABLE event_past`,
		`SELECT event_attach_partition('event_past', NULL, '2020-01-01Z')`,
	} {
		if _, err := a.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	_, errs := a.decode(a.read(a.post("application/json", a.encode(variables{
		"query": `mutation { recordEvents(inputs: [{type: "UPDATED", path: "p/one"}, {type: "UPDATED", path: "p/one", timestamp: "2020-02-01T00:00:00Z"}]) { results { duplicate } } }`,
	}))))
	if len(errs) != 1 || errs[0].Extensions["code"] != "BAD_USER_INPUT" || errs[0].Extensions["argument"] != "inputs[1].timestamp" {
		text, _ := json.Marshal(errs)
		t.Errorf("errors %s", text)
	}
}
