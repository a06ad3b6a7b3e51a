package graph_test

import (
	"fmt"
	"testing"
)

func TestDiff_Versions_PreviousOrAnother(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, text := range []string{"# first\nsteps: [a]\n", "# second\nsteps: [b, a]\nretry: 3\n", "steps: [a]\n"} {
		a.mustAsk(nil, `mutation($yaml: String!) { registerResource(input: {path: "p", type: "playbook", payload: {yaml: $yaml}}) { status } }`, variables{"yaml": text})
	}
	a.register("q", variables{})
	const fields = `{ base { version } version { version payload } patch changes { kind pointer before after } text }`
	a.wantData(`{"version": {"diff": {"base": {"version": "1.0.0"}, "version": {"version": "1.0.1", "payload": {"steps": ["b", "a"], "retry": 3}},
		"patch": [{"op": "add", "path": "/retry", "value": 3}, {"op": "add", "path": "/steps/0", "value": "b"}],
		"changes": [{"kind": "ADDED", "pointer": "/retry", "before": null, "after": 3}, {"kind": "ADDED", "pointer": "/steps/0", "before": null, "after": "b"}],
		"text": "--- p@1.0.0\n+++ p@1.0.1\n@@ -1,2 +1,3 @@\n-# first\n-steps: [a]\n+# second\n+steps: [b, a]\n+retry: 3\n"}}}`,
		`{ version(path: "p", version: "1.0.1") { diff `+fields+` } }`, nil)
	a.wantData(`{"version": {"diff": {"base": {"version": "1.0.0"}, "changes": [], "patch": [], "text": "--- p@1.0.0\n+++ p@1.0.2\n@@ -1,2 +1 @@\n-# first\n steps: [a]\n"}}}`,
		`{ version(path: "p") { diff(against: "1.0.0") { base { version } changes { kind } patch text } } }`, nil)
	a.wantData(`{"version": {"diff": {"changes": [{"kind": "REMOVED", "pointer": "/retry"}, {"kind": "REMOVED", "pointer": "/steps/0"}]}}}`,
		`{ version(path: "p", version: "1.0.0") { diff(against: "1.0.1") { changes { kind pointer } } } }`, nil)
	a.wantData(`{"version": {"diff": {"base": null, "changes": [{"kind": "ADDED", "pointer": "", "before": null, "after": {"steps": ["a"]}}],
		"patch": [{"op": "add", "path": "", "value": {"steps": ["a"]}}]}}}`,
		`{ version(path: "p", version: "1.0.0") { diff { base { version } changes { kind pointer before after } patch } } }`, nil)
	a.wantError("NOT_FOUND", "against", `{ version(path: "p") { diff(against: "9") { text } } }`, nil)
	a.wantError("NOT_FOUND", "against", `{ version(path: "p") { diff(against: "") { text } } }`, nil)

	// A dry run shows what a registration would change.
	a.wantData(`{"registerResource": {"status": "UPDATED", "version": {"diff": {"base": {"version": "1.0.2"}, "changes": [{"kind": "CHANGED", "pointer": "/steps/0"}]}}}}`,
		`mutation { registerResource(input: {path: "p", type: "playbook", payload: {json: {steps: ["c"]}}, dryRun: true}) { status version { diff { base { version } changes { kind pointer } } } } }`, nil)
}

// A history with its diffs reads all previous versions in one statement.
func TestDiff_History_StatementsDoNotGrow(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for i := range 30 {
		a.register("p", variables{"i": i, "steps": []string{"a", fmt.Sprint(i)}})
	}
	const query = `query($n: Int!) { resource(path: "p") { versions(first: $n) { nodes { version payload content diff { base { version } changes { kind } text } } } } }`
	few, many := a.statementsOf(query, variables{"n": 3}), a.statementsOf(query, variables{"n": 30})
	if len(few) != 2 || len(many) != 2 {
		t.Errorf("3 versions: %v\n30 versions: %v", few, many)
	}
}
