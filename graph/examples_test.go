package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/noetl/noetl-catalog/cli"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
)

// example is a file of examples/queries.
type example struct {
	file, text string
	operation  *ast.OperationDefinition
}

// examples returns the files of examples/queries in their order.
func examples(t *testing.T) (files []example) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join("..", "examples", "queries", "*"))
	if err != nil || len(names) == 0 {
		t.Fatalf("find the queries: %v", err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		document, err := parser.ParseQuery(&ast.Source{Name: name, Input: string(text)})
		if err != nil || len(document.Operations) != 1 {
			t.Fatalf("%s: not one operation: %v", name, err)
		}
		files = append(files, example{filepath.Base(name), string(text), document.Operations[0]})
	}
	return files
}

// subset returns the part of got that want describes, without the fields that want
// lacks, and without the rest of a list where want ends with "…".
func subset(want, got any) any {
	switch want := want.(type) {
	case map[string]any:
		if object, ok := got.(map[string]any); ok {
			kept := map[string]any{}
			for key, value := range object {
				if wanted, ok := want[key]; ok {
					kept[key] = subset(wanted, value)
				}
			}
			return kept
		}
	case []any:
		list, ok := got.([]any)
		if n := len(want) - 1; ok && n > 0 && want[n] == "…" && len(list) > n {
			list = append(slices.Clone(list[:n]), "…")
		}
		if ok && len(list) == len(want) {
			kept := make([]any, len(list))
			for i := range list {
				kept[i] = subset(want[i], list[i])
			}
			return kept
		}
	}
	return got
}

// wantSubset fails unless got has the fields of want.
func wantSubset(t *testing.T, want string, got []byte) {
	t.Helper()
	var wanted, had any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatalf("wanted JSON: %v\n%s", err, want)
	}
	if err := json.Unmarshal(got, &had); err != nil {
		t.Fatalf("%v: %s", err, got)
	}
	if diff := cmp.Diff(wanted, subset(wanted, had)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// exampleAnswers has the answer to each file of examples/queries, on the registered
// examples and what the mutations add.
var exampleAnswers = map[string]struct {
	// statements is the number of SQL statements: for a subscription, those of all its
	// deliveries, without those that read the log.
	statements int
	// want is the essential part of the answer, or of a subscription's first delivery.
	want string
	// again is the answer to a repeated mutation.
	again string
	// deliveries is the number of a subscription's deliveries; complete is whether it
	// ends after them.
	deliveries int
	complete   bool
}{
	"01-catalog-page.graphql": {statements: 3, want: `{"resources": {"totalCount": 15, "pageInfo": {"hasNextPage": false}, "nodes": [
		{"path": "demo/orders/weekly", "name": "weekly", "description": "Cleans the orders, then adds them up.", "type": {"name": "playbook"}, "latestVersion": {"version": "1.0.0"}},
		{"path": "demo/orders/clean"}, {"path": "demo/greeting"}, {"path": "examples/secrets/rotate_api_key"}, "…"]}}`},
	"02-search.graphql": {statements: 2, want: `{"resources": {"totalCount": 6, "nodes": [
		{"path": "examples/postgres/order_totals"}, {"path": "examples/quality/orders_gate"}, {"path": "examples/loops/backfill_days"},
		{"path": "demo/orders/clean"}, {"path": "demo/orders/weekly"}, {"path": "examples/retries/flaky_supplier"}]}}`},
	"03-folder.graphql": {statements: 5, want: `{"folder": {"resourceCount": 12, "resources": {"totalCount": 0, "nodes": []}, "folders": {"totalCount": 9, "nodes": [
		{"name": "composition", "path": "examples/composition/", "resourceCount": 2}, {"name": "duckdb", "path": "examples/duckdb/", "resourceCount": 1}, "…"]}}}`},
	"04-open-in-editor.graphql": {statements: 2, want: `{"version": {"path": "examples/http/weather_fetch", "version": "1.0.2", "revision": 3, "isLatest": true,
		"source": "file", "payload": {"kind": "Playbook", "metadata": {"name": "weather_fetch"}}}}`},
	"05-several-paths.graphql": {statements: 2, want: `{"resourcesByPath": [
		{"path": "examples/quality/orders_gate", "type": {"name": "playbook"}, "latestVersion": {"version": "1.0.1", "payload": {"metadata": {"name": "orders_gate"}}}},
		null, {"path": "examples/reports/daily_digest"}]}`},
	"06-version-history.graphql": {statements: 3, want: `{"resource": {"path": "examples/http/weather_fetch", "versions": {"totalCount": 3, "nodes": [
		{"version": "1.0.2", "revision": 3, "isLatest": true, "previous": {"version": "1.0.1"}, "source": "file"},
		{"version": "1.0.1", "isLatest": false, "previous": {"version": "1.0.0"}}, {"version": "1.0.0", "previous": null}]}}}`},
	"07-compare-versions.graphql": {statements: 5, want: `{"resource": {"old": {"version": "1.0.0"}, "new": {"version": "1.0.2", "diff": {
		"changes": [{"kind": "CHANGED", "pointer": "/metadata/description", "before": "Fetches the current temperature of one city.", "after": "Fetches the current temperature of several cities at once."}, "…"],
		"patch": [{"op": "replace", "path": "/metadata/description"}, "…"]}}}}`},
	"08-register.graphql": {
		statements: 3,
		want: `{"registerResource": {"status": "REGISTERED", "version": {"path": "demo/greeting", "version": "1.0.0", "revision": 1, "isLatest": true},
			"event": {"message": "Resource demo/greeting version 1.0.0 was registered."}}}`,
		again: `{"registerResource": {"status": "UNCHANGED", "version": {"version": "1.0.0"}, "event": {"message": "Resource demo/greeting already registered."}}}`,
	},
	"09-register-several.graphql": {
		statements: 2,
		want: `{"registerResources": {"results": [
			{"error": null, "registration": {"status": "REGISTERED", "version": {"path": "demo/orders/clean", "version": "1.0.0"}}},
			{"error": null, "registration": {"status": "REGISTERED", "version": {"path": "demo/orders/weekly", "version": "1.0.0"}}},
			{"registration": null, "error": {"code": "BAD_USER_INPUT", "argument": "type"}}]}}`,
		again: `{"registerResources": {"results": [{"registration": {"status": "UNCHANGED"}}, {"registration": {"status": "UNCHANGED"}}, {"error": {"argument": "type"}}]}}`,
	},
	"10-dry-run.graphql": {
		statements: 2,
		want: `{"registerResources": {"createdTypes": ["notebook"], "results": [
			{"error": null, "registration": {"status": "UPDATED", "version": {"path": "examples/composition/fan_out_regions", "version": "1.0.1", "diff": {
				"base": {"version": "1.0.0"}, "changes": [{"kind": "CHANGED", "pointer": "/metadata/description"}, {"kind": "REMOVED", "pointer": "/workflow"}, "…"]}}}},
			{"error": null, "registration": {"status": "REGISTERED", "version": {"path": "demo/orders/charts", "diff": {"base": null}}}}]}}`,
		again: `{"registerResources": {"createdTypes": ["notebook"], "results": [{"registration": {"status": "UPDATED"}}, {"registration": {"status": "REGISTERED"}}]}}`,
	},
	"11-references.graphql": {statements: 7, want: `{"resource": {"referencedBy": {"totalCount": 3, "nodes": [
			{"from": {"path": "demo/orders/weekly"}, "step": "totals", "pointer": "/workflow/1/tool/path"}, {"from": {"path": "examples/composition/nightly_load"}}, {"from": {"path": "examples/loops/backfill_days"}}]},
		"references": {"totalCount": 6, "nodes": [
			{"kind": "CREDENTIAL", "target": "{{ pg_auth }}", "templated": true, "step": "start", "resource": null},
			{"kind": "TOOL", "target": "postgres", "templated": false, "step": "start", "pointer": "/workflow/0/tool/kind"}, "…"]}}}`},
	"12-uses-of-tool-or-credential.graphql": {statements: 7, want: `{
		"resourceFacets": {"tools": [{"name": "python", "count": 10}, {"name": "http", "count": 7}, {"name": "postgres", "count": 5}, "…"], "credentials": [{"name": "pg_shop", "count": 2}, {"name": "chat_bot", "count": 1}, "…"]},
		"byTool": {"totalCount": 5, "nodes": [{"path": "demo/orders/clean"}, {"path": "examples/http/paged_import"}, "…"]},
		"byCredential": {"totalCount": 2, "nodes": [{"path": "demo/orders/clean"}, {"path": "examples/reports/daily_digest"}]},
		"byPayload": {"totalCount": 4, "nodes": [{"path": "examples/composition/nightly_load"}, "…"]}}`},
	"13-resource-page.graphql": {statements: 10, want: `{
		"resource": {"name": "order_totals", "type": {"name": "playbook"}, "latestVersion": {"version": "1.0.1", "payload": {"workload": {"pg_auth": "pg_shop"}}},
			"versions": {"totalCount": 2, "nodes": [{"version": "1.0.1", "revision": 2}, {"version": "1.0.0", "revision": 1}]},
			"tags": ["shop", "nightly"], "events": {"totalCount": 19, "nodes": [
				{"executionId": "4103", "status": "failed"}, {"step": "add_up"}, {"status": "running"},
				{"message": "Resource examples/postgres/order_totals version 1.0.1 was updated."}, {"version": {"version": "1.0.0"}}, {"executionId": "4003"}, "…"]}},
		"eventStatistics": {"total": 19, "byType": [{"name": "step.enter", "count": 5}, {"name": "step.exit", "count": 4}, {"name": "playbook.started", "count": 3}, "…"]}}`},
	"14-catalog-page-with-runs.graphql": {statements: 6, want: `{"resources": {"totalCount": 12, "nodes": [
		{"path": "examples/composition/fan_out_regions", "latestEvent": {"message": "Resource examples/composition/fan_out_regions version 1.0.0 was registered."}, "latestExecution": null},
		{"path": "examples/composition/nightly_load", "latestVersion": {"version": "1.0.0"}, "latestExecution": {"executionId": "4101", "status": "FAILED", "hasErrors": true}},
		{"path": "examples/duckdb/sales_by_region", "latestExecution": null}, {"path": "examples/http/paged_import"}, {"path": "examples/http/weather_fetch", "latestExecution": {"executionId": "5003", "status": "COMPLETED", "hasErrors": false, "durationMs": 1400}}, "…"]}}`},
	"15-event-timeline.graphql": {statements: 6, want: `{"events": {"totalCount": 19, "nodes": [
		{"message": "Playbook examples/postgres/order_totals failed.", "executionId": "4103"}, {"step": "add_up"}, {"status": "running"},
		{"message": "Resource examples/postgres/order_totals version 1.0.1 was updated.", "version": {"version": "1.0.1"}, "executionId": null}, {"version": {"version": "1.0.0"}}, "…"]}}`},
	"16-execution.graphql": {statements: 8, want: `{
		"execution": {"status": "FAILED", "hasErrors": true, "failedStepCount": 1, "error": "run 4003 failed", "durationMs": 8200, "eventCount": 6, "parent": null,
			"version": {"path": "examples/composition/nightly_load", "version": "1.0.0"}, "events": {"nodes": [
				{"type": {"name": "playbook.started"}}, {"step": "start", "status": "running"}, {"step": "start", "status": "completed", "meta": {"duration": 2.4}},
				{"step": "totals"}, {"status": "failed"}, {"type": {"name": "playbook.failed"}, "message": "Playbook examples/composition/nightly_load failed."}]}},
		"eventStatistics": {"byType": [{"name": "step.enter", "count": 2}, "…"], "byStatus": [{"name": "RUNNING", "count": 3}, {"name": "FAILED", "count": 2}, {"name": "COMPLETED", "count": 1}]}}`},
	"17-executions.graphql": {statements: 7, want: `{"executions": {"totalCount": 15, "nodes": [
		{"executionId": "4103", "status": "FAILED", "hasErrors": true, "eventCount": 3, "version": {"path": "examples/postgres/order_totals", "version": "1.0.1"}},
		{"executionId": "4102", "status": "COMPLETED", "hasErrors": false}, {"executionId": "4101"},
		{"executionId": "6002", "status": "COMPLETED", "hasErrors": true, "durationMs": 299000}, "…"]}}`},
	"18-child-executions.graphql": {statements: 8, want: `{"execution": {"executionId": "4001", "status": "FAILED", "children": {"totalCount": 2, "nodes": [
		{"executionId": "4003", "status": "FAILED", "durationMs": 5000, "error": "relation \"orders\" is locked", "children": {"totalCount": 0, "nodes": []}},
		{"executionId": "4002", "status": "COMPLETED", "error": null, "version": {"path": "examples/quality/orders_gate"}}]}}}`},
	"19-failed-runs.graphql": {statements: 10, want: `{"executions": {"totalCount": 4, "nodes": [
		{"executionId": "4103", "error": "relation \"orders\" is locked", "resource": {"path": "examples/postgres/order_totals", "executions": {"totalCount": 2}, "latestExecution": {"executionId": "4103", "status": "FAILED"}}},
		{"executionId": "4101", "error": "run 4103 failed", "resource": {"path": "examples/composition/nightly_load"}}, {"executionId": "4003"}, {"executionId": "4001", "error": "run 4003 failed"}]}}`},
	"20-dashboard.graphql": {statements: 11, want: `{
		"resourceTypes": [{"name": "action", "resourceCount": 0}, {"name": "dataset", "resourceCount": 0}, {"name": "playbook", "resourceCount": 15}, {"name": "step"}, {"name": "target"}, {"name": "task"}, {"name": "workflow"}],
		"events": {"total": 116, "byType": [{"name": "step.enter", "count": 31}, {"name": "step.exit", "count": 27}, "…"]},
		"chart": {"buckets": [{"byType": [{"name": "step.enter"}, "…"]}, "…"]},
		"executionStatistics": {"total": 15, "successRate": 0.6666666666666666, "durationMs": {"p50": 2100, "p95": 299000, "max": 299000},
			"byStatus": [{"count": 0}, {"status": "COMPLETED", "count": 11, "withErrors": 1}, {"status": "FAILED", "count": 4, "withErrors": 4}, {"count": 0}]},
		"executions": {"nodes": [{"executionId": "4103", "status": "FAILED"}, {"executionId": "4102"}, {"executionId": "4101", "version": {"path": "examples/composition/nightly_load"}}, {"executionId": "6002"}, {"executionId": "5003"}]}}`},
	"21-follow-events.graphql": {statements: 2, deliveries: 6, want: `{"eventRecorded": {"live": true, "event": {"message": "Resource demo/greeting version 1.0.0 was registered.", "version": {"version": "1.0.0"}, "executionId": null}}}`},
	"22-follow-a-run.graphql": {
		statements: 1, deliveries: 6, complete: true,
		want: `{"executionProgressed": {"event": {"type": {"name": "playbook.started"}, "status": "running", "message": "Playbook examples/composition/nightly_load started."}}}`,
	},
	"23-follow-catalog-changes.graphql": {statements: 9, deliveries: 3, want: `{"eventRecorded": {"event": {"path": "demo/greeting", "version": {"version": "1.0.0", "revision": 1}, "resource": {"latestVersion": {"version": "1.0.0"}}}}}`},
	"24-record-events.graphql": {
		statements: 4,
		want: `{"recordEvents": {"results": [{"duplicate": false, "event": {"eventId": "4101-1", "executionId": "4101", "message": "Playbook examples/composition/nightly_load started."}},
			{"duplicate": false, "event": {"message": "Step start of examples/composition/nightly_load entered."}}, "…"]}}`,
		again: `{"recordEvents": {"results": [{"duplicate": true, "event": {"eventId": "4101-1"}}, {"duplicate": true}, "…"]}}`,
	},
	"25-types.graphql": {
		statements: 3,
		want:       `{"saveResourceType": {"resourceType": {"name": "dataset", "resourceCount": 0}}, "saveEventType": {"eventType": {"name": "quality.checked", "phase": null}}}`,
		again:      `{"saveResourceType": {"resourceType": {"name": "dataset"}}, "saveEventType": {"eventType": {"name": "quality.checked"}}}`,
	},
}

// Each file of examples/queries works unchanged on what `make run` registers, also
// before the first execution, and each mutation can be repeated. Plans answer all of
// them.
func TestExamples_EachQuery_ResultAndStatements(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	register := cli.Register{Paths: []string{"../examples"}, DatabaseURL: databaseURL}
	if err := register.Run(t.Context(), io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	record := cli.Record{File: "../examples/events.jsonl"}
	store := eventlog.NewStore(dbtest.PoolAt(t, databaseURL, db.Options{MaxConns: 2}))
	for _, want := range []string{"    83  events recorded, of 83\n", "     0  events recorded, of 83\n"} { // the second time as after a restart
		var printed strings.Builder
		if err := record.Run(t.Context(), store, &printed); err != nil || printed.String() != want {
			t.Fatalf("%v, printed %q, want %q", err, printed.String(), want)
		}
	}
	live := setupAt(t, databaseURL).startTasks()
	files := examples(t)
	if len(files) != len(exampleAnswers) {
		t.Errorf("%d files, and %d answers", len(files), len(exampleAnswers))
	}
	// run calls test for each operation of a kind, with a server whose caches are empty.
	run := func(kind ast.Operation, test func(t *testing.T, e example, a *api)) {
		for _, e := range files {
			if e.operation.Operation == kind {
				t.Run(e.file, func(t *testing.T) { test(t, e, setupAt(t, databaseURL)) })
			}
		}
	}
	run(ast.Query, func(_ *testing.T, e example, a *api) { a.mustAsk(nil, e.text, nil) })

	type follower struct {
		a      *api
		stream *sse
	}
	followers := map[string]follower{}
	for _, e := range files {
		if e.operation.Operation == ast.Subscription {
			a := setupAt(t, databaseURL).startTasks()
			followers[e.file] = follower{a, a.subscribe(e.text, nil)}
		}
	}
	answer := func(t *testing.T, e example, a *api, want string, statements int) {
		var data json.RawMessage
		a.mustAsk(&data, e.text, nil)
		wantSubset(t, want, data)
		if answers := a.planAnswers(); answers != len(e.operation.SelectionSet) {
			t.Errorf("plans answered %d of %d fields", answers, len(e.operation.SelectionSet))
		}
		if names := a.statements(); statements > 0 && len(names) != statements {
			t.Errorf("%d statements, want %d:\n%v", len(names), statements, names)
		}
	}
	run(ast.Mutation, func(t *testing.T, e example, a *api) {
		answer(t, e, a, exampleAnswers[e.file].want, exampleAnswers[e.file].statements)
	})
	run(ast.Mutation, func(t *testing.T, e example, a *api) { answer(t, e, a, exampleAnswers[e.file].again, 0) })

	for file, follower := range followers {
		t.Run(file, func(t *testing.T) {
			want := exampleAnswers[file]
			for n := range want.deliveries {
				var delivery struct{ Data json.RawMessage }
				event := follower.stream.next()
				if err := json.Unmarshal(event.Data, &delivery); err != nil || event.Name != "next" {
					t.Fatalf("delivery %d of %d: %s %s", n+1, want.deliveries, event.Name, event.Data)
				}
				if n == 0 {
					wantSubset(t, want.want, delivery.Data)
				}
			}
			if want.complete {
				if event := follower.stream.next(); event.Name != "complete" {
					t.Errorf("after the last delivery: %s %s", event.Name, event.Data)
				}
			}
			if answers := follower.a.planAnswers(); answers != want.deliveries {
				t.Errorf("plans made %d of %d deliveries", answers, want.deliveries)
			}
			names := slices.DeleteFunc(follower.a.statements(), func(name string) bool { return strings.HasPrefix(name, "Log") })
			if len(names) != want.statements {
				t.Errorf("%d statements, want %d:\n%v", len(names), want.statements, names)
			}
		})
	}
	// The events get their positions, so that the queries below need not wait.
	live.mustAsk(nil, `{ execution(executionId: "none") { status } }`, nil)
	run(ast.Query, func(t *testing.T, e example, a *api) {
		answer(t, e, a, exampleAnswers[e.file].want, exampleAnswers[e.file].statements)
	})
}

// A file of examples/queries has a number, a title, a few sentences for a reader
// and one named operation, and examples/README.md lists it.
func TestExamples_EachFile_TitleSentencesOperation(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "examples", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []string
	for i, e := range examples(t) {
		// Sentences end with a period; an abbreviation would count as another.
		form := regexp.MustCompile(`^# ([A-Z][^\n.]{2,40})\n((?:# [^\n]{1,78}\n)+)(query|mutation|subscription) ([A-Z][A-Za-z]+)\b`).FindStringSubmatch(e.text)
		if form == nil {
			t.Errorf("%s does not begin with a title, sentences and a named operation:\n%.300s", e.file, e.text)
			continue
		}
		if number := fmt.Sprintf("%02d-", i+1); !strings.HasPrefix(e.file, number) || !strings.HasSuffix(e.file, ".graphql") {
			t.Errorf("%s: want a name that begins with %s", e.file, number)
		}
		comment := strings.ReplaceAll(strings.TrimSuffix(form[2], "\n"), "\n# ", " ")
		if sentences := len(regexp.MustCompile(`[.](\s|$)`).FindAllString(comment, -1)); sentences < 1 || sentences > 3 || !strings.HasSuffix(comment, ".") {
			t.Errorf("%s: %d sentences, want 1 to 3: %s", e.file, sentences, comment)
		}
		if strings.Contains(e.text, `\n`) || slices.ContainsFunc(strings.Split(e.text, "\n"), func(line string) bool { return len(line) > 120 }) {
			t.Errorf("%s: want block strings, and lines of 120 characters at most", e.file)
		}
		rows = append(rows, fmt.Sprintf("| %s | [%s](queries/%[2]s) |", form[1], e.file))
	}
	listed := regexp.MustCompile(`(?m)^\|.*\(queries/.*$`).FindAllString(string(readme), -1)
	if diff := cmp.Diff(rows, listed); diff != "" {
		t.Errorf("examples/README.md (-files +listed):\n%s", diff)
	}
}
