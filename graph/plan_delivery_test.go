package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/client"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// comparableDelivery sorts the errors of a delivery: fields that fail concurrently report
// theirs in any order. If resolved, gqlgen omits the root field from their paths,
// and writes it as null although it is non-null.
func comparableDelivery(t *rapid.T, event client.Event, resolved bool) (result struct{ name, id, data string }) {
	result.name, result.id, result.data = event.Name, event.ID, string(event.Data)
	if !bytes.HasPrefix(event.Data, []byte(`{"errors":`)) {
		return result
	}
	var answer struct {
		Errors []json.RawMessage `json:"errors"`
		Data   json.RawMessage   `json:"data"`
	}
	if err := json.Unmarshal(event.Data, &answer); err != nil {
		t.Fatalf("%s: %v", event.Data, err)
	}
	if resolved {
		field := regexp.MustCompile(`"(\w+)":`).FindStringSubmatch(string(answer.Data))[1]
		if string(answer.Data) == `{"`+field+`":null}` {
			answer.Data = json.RawMessage("null")
		}
		for i, failure := range answer.Errors {
			answer.Errors[i] = bytes.Replace(failure, []byte(`"path":[`), []byte(`"path":["`+field+`",`), 1)
		}
	}
	if len(answer.Errors) >= apierror.MaxErrors {
		answer.Errors = nil // gqlgen reports an arbitrary subset
	}
	slices.SortFunc(answer.Errors, func(a, b json.RawMessage) int { return bytes.Compare(a, b) })
	text, err := json.Marshal(answer)
	if err != nil {
		t.Fatal(err)
	}
	result.data = string(text)
	return result
}

// Plans and resolvers make the same deliveries, byte for byte, for any selection,
// also while other subscriptions select other fields of the same events.
func TestPlannedDelivery_AnySelection_AsByTheResolvers(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	planned := setupAt(t, url).startTasks()
	resolved := setupAt(t, url, func(o *graph.HandlerOptions) { o.ResolversOnly = true }).startTasks()
	planned.exec(`INSERT INTO event_type VALUES ('templated', '{{ resource_type }} {{ payload.n }} {{ meta.k | default("-") }}'), ('plain', NULL)`)
	planned.register("p/0", variables{"a": 1})
	var before struct{ Events struct{ TailCursor string } }
	planned.mustAsk(&before, `{ events { tailCursor } }`, nil)
	planned.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		SELECT 'e' || n, (ARRAY['templated', 'plain', 'UPDATED', 'EXECUTION_STARTED'])[1 + n % 4], 'p/0', '1.0.0',
			CASE WHEN n % 3 > 0 THEN jsonb_build_object('n', n * 1.10, 't', E'"\t<é>') END,
			CASE WHEN n % 4 > 0 THEN jsonb_build_object('k', n % 3, 'node_name', 's' || n % 2, 'status', n, 'execution_id', n % 4) END
		FROM generate_series(1, 12) n`)
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: planned.sdl()})

	rapid.Check(t, func(rt *rapid.T) {
		g := &generator{t: rt, schema: schema, cursors: []string{""}, ownRow: rapid.IntRange(0, 3).Draw(rt, "own") > 0}
		field, arguments := "eventRecorded", "after: $after"
		if rapid.IntRange(0, 3).Draw(rt, "execution") == 0 {
			field, arguments = "executionProgressed", `executionId: "1", after: $after`
		}
		selection := g.selection("EventDelivery", 3) + " } " + strings.Join(g.fragments, " ")
		declared := "$after: String"
		for name, kind := range map[string]string{"n": "Int", "path": "String!", "yes": "Boolean!", "order": "ResourceOrder", "filter": "EventFilter"} {
			if strings.Contains(selection, "$"+name) {
				declared += fmt.Sprintf(", $%s: %s", name, kind)
			}
		}
		query := fmt.Sprintf("subscription(%s) { %s(%s) %s", declared, field, arguments, selection)
		given := variables{"after": before.Events.TailCursor, "yes": rapid.Bool().Draw(rt, "yes"), "n": 2, "path": "p/0"}
		ours, theirs := planned.subscribe(query, given), resolved.subscribe(query, given)
		defer ours.Close()
		defer theirs.Close()
		for range 3 {
			got, want := comparableDelivery(rt, ours.next(), false), comparableDelivery(rt, theirs.next(), true)
			if got != want {
				rt.Fatalf("%s\nplanned  %+v\nresolved %+v", query, got, want)
			}
			if want.name != "next" {
				break
			}
		}
	})
	if answers := planned.planAnswers(); answers < 30 {
		t.Errorf("plans made only %d deliveries", answers)
	}
}

// An event's own row comes with the log: its fields take no statement.
func TestPlannedDelivery_OwnFields_NothingRead(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p/one", variables{"a": 1})
	const query = `subscription { eventRecorded { cursor previousCursor position live event { eventId path message payload type { name } status } } }`
	streams := []*sse{a.subscribe(query, nil), a.subscribe(query, nil)}
	a.record("p/one", "e0")
	for _, stream := range streams {
		stream.nextDelivery()
	}
	a.sql.take()
	before := a.planAnswers()
	a.record("p/one", "e1")
	for _, stream := range streams {
		if got := stream.nextDelivery(); got.Event.EventID != "e1" || got.Event.Message != "Resource p/one version 1.0.0 was updated." {
			t.Fatalf("delivery: %+v", got)
		}
	}
	if answers := a.planAnswers() - before; answers != 1+len(streams) {
		t.Errorf("plans gave %d answers, want one to the mutation and %d deliveries", answers, len(streams))
	}
	for _, statement := range a.sql.take() {
		if name := queryNamePattern.FindStringSubmatch(statement)[1]; name != "RecordEvent" && !strings.HasPrefix(name, "Log") {
			t.Errorf("%s ran for an event whose row came with the log", name)
		}
	}
}
