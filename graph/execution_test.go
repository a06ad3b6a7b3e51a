package graph_test

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// setupExecutions records ten executions of two resources: run-0 starts the others;
// every third fails.
func setupExecutions(t testing.TB) *api {
	t.Helper()
	a := setup(t)
	a.register("p/one", variables{"a": 1})
	a.register("p/two", variables{"a": 1})
	for i := range 10 {
		meta := variables{"execution_id": fmt.Sprintf("run-%d", i)}
		if i > 0 {
			meta["parent_execution_id"] = "run-0"
		}
		path := []string{"p/one", "p/two"}[i%2]
		at := func(second int) string { return fmt.Sprintf("2026-03-01T12:%02d:%02dZ", i, second) }
		inputs := []variables{
			{"type": "EXECUTION_STARTED", "path": path, "meta": meta, "timestamp": at(0)},
			{"type": "UPDATED", "path": path, "meta": meta, "timestamp": at(1)},
		}
		switch {
		case i%3 == 0:
			inputs = append(inputs, variables{"type": "EXECUTION_FAILED", "path": path, "meta": meta, "timestamp": at(2), "payload": variables{"error": fmt.Sprintf("e%d", i)}})
		case i != 1:
			inputs = append(inputs, variables{"type": "EXECUTION_COMPLETED", "path": path, "meta": meta, "timestamp": at(30)})
		}
		a.mustAsk(nil, recordMutation, variables{"inputs": inputs})
	}
	return a
}

func TestExecutions_ReadAfterCommit_AllFields(t *testing.T) {
	t.Parallel()
	// No sequencer runs here: a query for executions still returns all that
	// has been committed.
	a := setupExecutions(t)
	a.wantData(`{"execution": {"executionId": "run-3", "status": "FAILED", "error": "e3", "eventCount": 3, "durationMs": 2000,
		"startedAt": "2026-03-01T12:03:00.000000Z", "finishedAt": "2026-03-01T12:03:02.000000Z", "lastEventAt": "2026-03-01T12:03:02.000000Z",
		"resource": {"path": "p/two"}, "version": {"version": "1.0.0"}, "parent": {"executionId": "run-0"}, "children": {"totalCount": 0, "nodes": []},
		"events": {"totalCount": 3, "nodes": [{"type": {"name": "EXECUTION_STARTED"}}, {"type": {"name": "UPDATED"}}, {"type": {"name": "EXECUTION_FAILED"}}]}}}`,
		`{ execution(executionId: "run-3") { executionId status error eventCount durationMs startedAt finishedAt lastEventAt
			resource { path } version { version } parent { executionId } children { totalCount nodes { executionId } }
			events { totalCount nodes { type { name } } } } }`, nil)
	a.wantData(`{"execution": {"status": "RUNNING", "finishedAt": null, "durationMs": null, "error": null}, "none": null}`,
		`{ execution(executionId: "run-1") { status finishedAt durationMs error } none: execution(executionId: "none") { status } }`, nil)
	a.wantData(`{"execution": {"children": {"totalCount": 9, "pageInfo": {"hasNextPage": true, "hasPreviousPage": false}, "nodes": [{"executionId": "run-9"}, {"executionId": "run-8"}]}}}`,
		`{ execution(executionId: "run-0") { children(first: 2) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { executionId } } } }`, nil)

	var found struct{ Execution struct{ ID string } }
	a.mustAsk(&found, `{ execution(executionId: "run-3") { id } }`, nil)
	a.wantData(`{"node": {"__typename": "Execution", "status": "FAILED"}}`,
		`query($id: ID!) { node(id: $id) { __typename ... on Execution { status } } }`, variables{"id": found.Execution.ID})
}

// Resource.executions equals Query.executions with the resource's path, for any
// other filter fields.
func TestExecutions_OfResource_SameAsOfItsPath(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	a.register("p/none", variables{"a": 1})
	a.wantData(`{"resources": {"nodes": [{"latestExecution": null}, {"latestExecution": {"executionId": "run-8"}}, {"latestExecution": {"executionId": "run-9"}}]}}`,
		`{ resources { nodes { latestExecution { executionId } } } }`, nil)
	const list = `{ totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { executionId } }`
	for _, arguments := range []string{
		"", "first: 2", "last: 2", "first: 1, after: $cursor", "last: 1, before: $cursor", "filter: {statuses: [FAILED]}", "filter: {statuses: []}",
		`filter: {path: "p/one"}`, `filter: {pathPrefix: "p/t"}`, `filter: {version: "1.0.1"}`, `filter: {startedSince: "2026-03-01T12:04:00Z"}`,
		`filter: {statuses: [RUNNING], idleSince: "2026-03-01T13:00:00Z"}`,
	} {
		var cursor struct {
			Executions struct{ Edges []struct{ Cursor string } }
		}
		a.mustAsk(&cursor, `{ executions(first: 5) { edges { cursor } } }`, nil)
		declared, given := "", variables{}
		if strings.Contains(arguments, "$cursor") {
			declared, given = "($cursor: String)", variables{"cursor": cursor.Executions.Edges[4].Cursor}
		}
		inParentheses := arguments
		if inParentheses != "" {
			inParentheses = "(" + inParentheses + ")"
		}
		type page struct {
			Executions map[string]any
			Path       string
		}
		var got struct{ Resources struct{ Nodes []page } }
		a.mustAsk(&got, `query`+declared+`{ resources { nodes { path executions`+inParentheses+` `+list+` } } }`, given)
		for _, resource := range got.Resources.Nodes {
			// Two conditions on the path must both hold.
			path := fmt.Sprintf("path: %q", resource.Path)
			want := map[string]any{"totalCount": 0.0, "nodes": []any{}, "pageInfo": map[string]any{"hasNextPage": false, "hasPreviousPage": false, "startCursor": nil, "endCursor": nil}}
			if !strings.Contains(arguments, `path: "`) || strings.Contains(arguments, path) {
				all := arguments
				switch {
				case strings.Contains(all, path):
				case strings.Contains(all, "filter: {"):
					all = strings.Replace(all, "filter: {", "filter: {"+path+", ", 1)
				default:
					all += " filter: {" + path + "}"
				}
				var found page
				a.mustAsk(&found, `query`+declared+`{ executions(`+all+`) `+list+` }`, given)
				want = found.Executions
			}
			if diff := cmp.Diff(want, resource.Executions); diff != "" {
				t.Errorf("%s of %s (-listed +of the resource):\n%s", arguments, resource.Path, diff)
			}
		}
	}
}

// The latest execution is the latest of all that are committed, also if an older one
// was read before.
func TestResource_LatestExecution_ReadAfterCommit(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	const query = `{ resources { nodes { latestExecution { executionId } } } }`
	a.wantData(`{"resources": {"nodes": [{"latestExecution": {"executionId": "run-8"}}, {"latestExecution": {"executionId": "run-9"}}]}}`, query, nil)
	a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{"type": "EXECUTION_STARTED", "path": "p/one", "meta": variables{"execution_id": "newer"}}}})
	a.wantData(`{"resources": {"nodes": [{"latestExecution": {"executionId": "newer"}}, {"latestExecution": {"executionId": "run-9"}}]}}`, query, nil)
}

func TestExecutions_Filters(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	for filter, want := range map[string]string{
		`{}`:                                     "9 8 7 6 5 4 3 2 1 0",
		`{statuses: [FAILED]}`:                   "9 6 3 0",
		`{statuses: [RUNNING, FAILED]}`:          "9 6 3 1 0",
		`{statuses: []}`:                         "",
		`{path: "p/one"}`:                        "8 6 4 2 0",
		`{path: "p/one", statuses: [FAILED]}`:    "6 0",
		`{pathPrefix: "p/t"}`:                    "9 7 5 3 1",
		`{pathPrefix: "none"}`:                   "",
		`{path: "p/one", pathPrefix: "p/t"}`:     "",
		`{version: "1.0.1"}`:                     "",
		`{startedSince: "2026-03-01T12:07:00Z"}`: "9 8 7",
		`{startedBefore: "2026-03-01T12:02:00Z", path: "p/one"}`:      "0",
		`{statuses: [RUNNING], idleSince: "2026-03-01T13:00:00Z"}`:    "1",
		`{statuses: [RUNNING], idleSince: "2026-03-01T12:01:01Z"}`:    "",
		`{pathPrefix: "p/", version: "1.0.0", statuses: [CANCELLED]}`: "",
	} {
		var list struct {
			Executions struct {
				TotalCount int
				Nodes      []struct{ ExecutionID string }
			}
		}
		a.mustAsk(&list, fmt.Sprintf(`{ executions(filter: %s) { totalCount nodes { executionId } } }`, filter), nil)
		var got []string
		for _, node := range list.Executions.Nodes {
			got = append(got, strings.TrimPrefix(node.ExecutionID, "run-"))
		}
		if text := strings.Join(got, " "); text != want || list.Executions.TotalCount != len(got) {
			t.Errorf("%s: got %s (totalCount %d), want %s", filter, text, list.Executions.TotalCount, want)
		}
	}
}

func TestExecutions_Pages_ForwardAndBack(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	type page struct {
		Executions struct {
			PageInfo struct {
				HasNextPage, HasPreviousPage bool
				StartCursor, EndCursor       string
			}
			Nodes []struct{ ExecutionID string }
		}
	}
	const fields = `{ pageInfo { hasNextPage hasPreviousPage startCursor endCursor } nodes { executionId } }`
	var forward []string
	var after *string
	for {
		var p page
		a.mustAsk(&p, `query($after: String) { executions(first: 4, after: $after) `+fields+` }`, variables{"after": after})
		for _, node := range p.Executions.Nodes {
			forward = append(forward, node.ExecutionID)
		}
		if p.Executions.PageInfo.HasPreviousPage != (after != nil) {
			t.Errorf("hasPreviousPage %v after %v", p.Executions.PageInfo.HasPreviousPage, after)
		}
		if !p.Executions.PageInfo.HasNextPage {
			break
		}
		after = &p.Executions.PageInfo.EndCursor
	}
	if len(forward) != 10 || forward[0] != "run-9" || forward[9] != "run-0" {
		t.Errorf("forward: %v", forward)
	}
	var last page
	a.mustAsk(&last, `{ executions(last: 3) `+fields+` }`, nil)
	if got := last.Executions.Nodes; len(got) != 3 || got[0].ExecutionID != "run-2" || got[2].ExecutionID != "run-0" || !last.Executions.PageInfo.HasPreviousPage {
		t.Errorf("the last three: %+v", last)
	}
	a.wantError("BAD_USER_INPUT", "first", `{ executions(first: 201) { totalCount } }`, nil)
	a.wantError("BAD_USER_INPUT", "after", `{ executions(after: "x") { totalCount } }`, nil)
}

// An execution id that is too long for an index is refused with a clear message.
func TestRecordEvent_LongExecutionID_Refused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", variables{})
	random := make([]byte, 4000)
	_, _ = rand.Read(random)
	for length, recorded := range map[int]bool{255: true, 8000: false} {
		_, errs := a.ask(recordMutation, variables{"inputs": []variables{{
			"type": "UPDATED", "path": "p",
			"meta": variables{"execution_id": hex.EncodeToString(random)[:length]},
		}}})
		if recorded != (len(errs) == 0) || !recorded && (errs[0].Extensions["code"] != "BAD_USER_INPUT" || errs[0].Extensions["argument"] != "inputs[0].meta") {
			t.Errorf("an id of %d bytes: %+v", length, errs)
		}
	}
}
