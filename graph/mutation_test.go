package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRegister_FirstChangeAndRepeat_StatusAndEvent(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const mutation = `mutation($yaml: String!) { registerResource(input: {payload: {yaml: $yaml}, source: "file", location: "x.yaml", meta: {by: "me"}}) {
		status version { path version revision type { name } source location payload content meta isLatest previous { version } resource { name versionCount } }
		event { type { name } message payload meta version { version } path } } }`
	text := func(greeting string) string {
		return "# why\napiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  name: hello\n  path: examples/hello\nbig: 123456789012345678901234567890\ngreeting: " + greeting + "\n"
	}
	a.wantData(`{"registerResource": {"status": "REGISTERED",
		"version": {"path": "examples/hello", "version": "1.0.0", "revision": 1, "type": {"name": "playbook"}, "source": "file", "location": "x.yaml",
			"payload": {"apiVersion": "noetl.io/v2", "kind": "Playbook", "metadata": {"name": "hello", "path": "examples/hello"}, "big": 123456789012345678901234567890, "greeting": "hi"},
			"content": `+quote(text("hi"))+`, "meta": {"by": "me"}, "isLatest": true, "previous": null, "resource": {"name": "hello", "versionCount": 1}},
		"event": {"type": {"name": "REGISTERED"}, "message": "Resource examples/hello version 1.0.0 was registered.",
			"payload": {"status": "REGISTERED", "revision": 1}, "meta": null, "version": {"version": "1.0.0"}, "path": "examples/hello"}}}`,
		mutation, variables{"yaml": text("hi")})
	for _, test := range []struct{ greeting, status, version string }{
		{"hi", "UNCHANGED", "1.0.0"}, {"hello", "UPDATED", "1.0.1"}, {"hi", "UPDATED", "1.0.2"},
	} {
		a.wantData(fmt.Sprintf(`{"registerResource": {"status": %q, "version": {"version": %q}, "event": {"type": {"name": %[1]q}}}}`, test.status, test.version),
			`mutation($yaml: String!) { registerResource(input: {payload: {yaml: $yaml}}) { status version { version } event { type { name } } } }`,
			variables{"yaml": text(test.greeting)})
	}
	// Every digit of a number is preserved.
	data, _ := a.ask(`{ resource(path: "examples/hello") { latestVersion { payload } } }`, nil)
	if !strings.Contains(string(data), `"big": 123456789012345678901234567890`) {
		t.Errorf("payload is not as PostgreSQL stores it: %s", data)
	}
}

func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return string(quoted)
}

// The 11th version is 1.0.10, and the latest: by revision, not by text.
func TestRegister_EleventhVersion_IsLatest(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for i := range 11 {
		a.register("many", variables{"i": i})
	}
	a.wantData(`{"resource": {"latestVersion": {"version": "1.0.10", "revision": 11, "isLatest": true, "next": null, "previous": {"version": "1.0.9", "isLatest": false}},
		"versions": {"nodes": [{"version": "1.0.10"}, {"version": "1.0.9"}], "totalCount": 11}}}`,
		`{ resource(path: "many") { latestVersion { version revision isLatest next { version } previous { version isLatest } }
			versions(first: 2) { nodes { version } totalCount } } }`, nil)
}

func TestRegister_DryRun_ReportsAndWritesNothing(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("known", variables{"name": "known", "v": 1})
	const fields = `{ status event { eventId } version { version revision payload isLatest previous { version } next { version } resource { path name versionCount latestVersion { version } } events { totalCount } } }`
	const dryRun = `mutation($path: String!, $payload: JSON!) { registerResource(input: {path: $path, type: "playbook", payload: {json: $payload}, dryRun: true}) ` + fields + ` }`
	a.wantData(`{"registerResource": {"status": "REGISTERED", "event": null, "version": {"version": "1.0.0", "revision": 1, "payload": {"v": 2}, "isLatest": true, "previous": null, "next": null,
		"resource": {"path": "new", "name": null, "versionCount": 1, "latestVersion": {"version": "1.0.0"}}, "events": {"totalCount": 0}}}}`, dryRun, variables{"path": "new", "payload": variables{"v": 2}})
	a.wantData(`{"registerResource": {"status": "UPDATED", "event": null, "version": {"version": "1.0.1", "revision": 2, "payload": {"v": 2}, "isLatest": true, "previous": {"version": "1.0.0"}, "next": null,
		"resource": {"path": "known", "name": "known", "versionCount": 1, "latestVersion": {"version": "1.0.0"}}, "events": {"totalCount": 0}}}}`, dryRun, variables{"path": "known", "payload": variables{"v": 2}})
	a.wantData(`{"registerResource": {"status": "UNCHANGED", "event": null, "version": {"version": "1.0.0", "revision": 1, "payload": {"name": "known", "v": 1}, "isLatest": true, "previous": null, "next": null,
		"resource": {"path": "known", "name": "known", "versionCount": 1, "latestVersion": {"version": "1.0.0"}}, "events": {"totalCount": 1}}}}`, dryRun, variables{"path": "known", "payload": variables{"name": "known", "v": 1}})
	a.wantData(`{"resources": {"totalCount": 1}, "events": {"totalCount": 1}}`, `{ resources { totalCount } events { totalCount } }`, nil)
}

func TestRegisterResources_DryRunOfOneContentTwice_ShowsTheVersionThatItWouldMake(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const version = `{"version": "1.0.0", "revision": 1, "payload": {"v": 1}, "meta": {"m": 1}, "content": null, "isLatest": true, "resource": {"path": "a", "name": null}}`
	a.wantData(`{"registerResources": {"results": [
		{"registration": {"status": "REGISTERED", "event": null, "version": `+version+`}},
		{"registration": {"status": "UNCHANGED", "event": null, "version": `+version+`}}]}}`,
		`mutation { registerResources(inputs: [
			{path: "a", type: "playbook", payload: {json: {v: 1}}, meta: {m: 1}, dryRun: true},
			{path: "a", type: "playbook", payload: {json: {v: 1}}, dryRun: true}
		]) { results { registration { status event { eventId } version { version revision payload meta content isLatest resource { path name } } } } } }`, nil)
}

func TestRegisterResources_NotAtomic_ValidOnesRegistered(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.wantData(`{"registerResources": {"results": [
		{"registration": {"status": "REGISTERED", "version": {"version": "1.0.0"}}, "error": null},
		{"registration": null, "error": {"code": "BAD_USER_INPUT", "argument": "payload.yaml", "line": 2, "column": 1}},
		{"registration": null, "error": {"code": "BAD_USER_INPUT", "argument": "type", "line": null, "column": null}},
		{"registration": {"status": "UPDATED", "version": {"version": "1.0.1"}}, "error": null},
		{"registration": {"status": "UNCHANGED", "version": {"version": "1.0.1"}}, "error": null}]}}`,
		`mutation { registerResources(atomic: false, inputs: [
			{path: "a", type: "playbook", payload: {json: {v: 1}}},
			{path: "b", type: "playbook", payload: {yaml: "a: 1\na: 2"}},
			{path: "c", type: "poem", payload: {json: 1}},
			{path: "a", type: "playbook", payload: {json: {v: 2}}},
			{path: "a", type: "playbook", payload: {json: {v: 2}}}
		]) { results { registration { status version { version } } error { code argument line column } } } }`, nil)
}

// The inputs of one path are its history: repeating them adds nothing, and one
// more input adds one version.
func TestRegisterResources_AsHistory_AddsWhatIsMissing(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const mutation = `mutation($inputs: [RegisterResourceInput!]!, $from: Int) { registerResources(asHistory: true, historyFrom: $from, inputs: $inputs) {
		results { registration { status version { revision } event { type { name } } } } createdTypes } }`
	files := func(contents ...string) []variables {
		inputs := make([]variables, len(contents))
		for i, content := range contents {
			inputs[i] = variables{"path": "h", "type": "playbook", "payload": variables{"json": content}, "meta": variables{"file": i}}
		}
		return inputs
	}
	for _, step := range []struct {
		inputs []variables
		from   any
		want   string
	}{
		{files("a", "b", "a"), nil, "REGISTERED 1 UPDATED 2 UPDATED 3"},
		{files("a", "b", "a"), nil, "UNCHANGED 1 UNCHANGED 2 UNCHANGED 3"},
		{files("a", "b", "a", "c"), nil, "UNCHANGED 1 UNCHANGED 2 UNCHANGED 3 UPDATED 4"},
		{files("a"), 2, "UNCHANGED 3"},
		{files("c"), 3, "UNCHANGED 4"},
		{files("b"), nil, "UPDATED 5"},
	} {
		var got struct {
			RegisterResources struct {
				Results []struct {
					Registration struct {
						Status  string
						Version struct{ Revision int }
						Event   struct{ Type struct{ Name string } }
					}
				}
			}
		}
		a.mustAsk(&got, mutation, variables{"inputs": step.inputs, "from": step.from})
		var lines []string
		for _, result := range got.RegisterResources.Results {
			lines = append(lines, fmt.Sprintf("%s %d", result.Registration.Status, result.Registration.Version.Revision))
			if result.Registration.Event.Type.Name != result.Registration.Status {
				t.Errorf("the event of %v is %v", result.Registration.Status, result.Registration.Event)
			}
		}
		if line := strings.Join(lines, " "); line != step.want {
			t.Errorf("%s, want %s", line, step.want)
		}
	}
}

func TestRegisterResources_CreateTypes_ReturnsThem(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const mutation = `mutation($dryRun: Boolean!, $create: Boolean!) { registerResources(createTypes: $create, atomic: false, inputs: [
		{payload: {yaml: "kind: Song\npath: a"}, dryRun: $dryRun}, {payload: {yaml: "kind: Poem\npath: b"}, dryRun: $dryRun}, {payload: {yaml: "kind: playbook\npath: c"}, dryRun: $dryRun}
	]) { createdTypes results { registration { status } error { argument } } } }`
	added := `{"registration": {"status": "REGISTERED"}, "error": null}`
	for _, dryRun := range []bool{true, false} {
		a.wantData(`{"registerResources": {"createdTypes": ["poem", "song"], "results": [`+added+`, `+added+`, `+added+`]}}`, mutation, variables{"dryRun": dryRun, "create": true})
	}
	a.wantData(`{"registerResources": {"createdTypes": [], "results": [{"registration": {"status": "UNCHANGED"}, "error": null}, {"registration": {"status": "UNCHANGED"}, "error": null}, {"registration": {"status": "UNCHANGED"}, "error": null}]}}`,
		mutation, variables{"dryRun": false, "create": true})
}

// An atomic call that fails names every input at fault and writes nothing.
func TestRegisterResources_Atomic_AllFaultsNothingWritten(t *testing.T) {
	t.Parallel()
	a := setup(t)
	_, errs := a.ask(`mutation { registerResources(inputs: [
		{path: "a", type: "playbook", payload: {json: 1}}, {path: "b", type: "poem", payload: {json: 1}}, {path: "c", type: "song", payload: {json: 1}}
	]) { results { registration { status } } } }`, nil)
	var arguments []any
	for _, err := range errs {
		arguments = append(arguments, err.Extensions["argument"])
	}
	if diff := cmp.Diff([]any{"inputs[1].type", "inputs[2].type"}, arguments); diff != "" {
		t.Errorf("arguments at fault (-want +got):\n%s", diff)
	}
	a.wantData(`{"resources": {"totalCount": 0}, "events": {"totalCount": 0}}`, `{ resources { totalCount } events { totalCount } }`, nil)
}

// 64 callers over HTTP at once: one REGISTERED, 63 UNCHANGED, one version; and
// with different payloads 64 versions without a gap.
func TestRegister_ConcurrentCallers_OneHistory(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const callers = 64
	for _, different := range []bool{false, true} {
		path := fmt.Sprintf("race/%v", different)
		statuses := make([]string, callers)
		var group sync.WaitGroup
		for i := range callers {
			group.Go(func() {
				payload := variables{"v": 0}
				if different {
					payload["v"] = i
				}
				statuses[i] = a.register(path, payload).RegisterResource.Status
			})
		}
		group.Wait()
		counts := map[string]int{}
		for _, status := range statuses {
			counts[status]++
		}
		want, versions := map[string]int{"REGISTERED": 1, "UNCHANGED": 63}, 1
		if different {
			want, versions = map[string]int{"REGISTERED": 1, "UPDATED": 63}, 64
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("%s: statuses (-want +got):\n%s", path, diff)
		}
		var got struct {
			Resource struct {
				VersionCount  int
				LatestVersion struct {
					Version  string
					Revision int
				}
				Versions struct{ Nodes []struct{ Revision int } }
				Events   struct{ TotalCount int }
			}
		}
		a.mustAsk(&got, `query($path: String!) { resource(path: $path) { versionCount latestVersion { version revision } versions(first: 200) { nodes { revision } } events { totalCount } } }`, variables{"path": path})
		if got.Resource.VersionCount != versions || len(got.Resource.Versions.Nodes) != versions || got.Resource.Events.TotalCount != callers {
			t.Errorf("%s: %+v", path, got.Resource)
		}
		for i, node := range got.Resource.Versions.Nodes {
			if node.Revision != versions-i {
				t.Errorf("%s: revision %d at index %d", path, node.Revision, i)
			}
		}
	}
}

func TestRecord_RetryAndDefaults_OneEvent(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("run", variables{"v": 1})
	a.register("run", variables{"v": 2})
	const record = `mutation { recordEvent(input: {eventId: "e1", type: "EXECUTION_FAILED", path: "run", payload: {error: "no"}, meta: {execution_id: 9007199254740993, node_name: "load", status: "Failed"}, timestamp: "2026-01-02T03:04:05+02:00"}) {
		duplicate event { eventId type { name } message version { version } payload meta executionId step status timestamp } } }`
	want := `{"recordEvent": {"duplicate": %v, "event": {"eventId": "e1", "type": {"name": "EXECUTION_FAILED"}, "message": "Execution failed for run.", "version": {"version": "1.0.1"},
		"payload": {"error": "no"}, "meta": {"status": "Failed", "node_name": "load", "execution_id": 9007199254740993}, "executionId": "9007199254740993", "step": "load", "status": "Failed", "timestamp": "2026-01-02T01:04:05.000000Z"}}}`
	a.wantData(fmt.Sprintf(want, false), record, nil)
	a.wantData(fmt.Sprintf(want, true), record, nil)
	a.wantData(`{"events": {"totalCount": 1}, "event": {"eventId": "e1"}}`,
		`{ events(filter: {executionId: "9007199254740993", statuses: ["FAILED"], step: "load", meta: {node_name: "load"}, payload: {error: "no"}, since: "2026-01-02T01:04:05Z", until: "2026-01-02T01:04:05.000001Z", resourceTypes: ["playbook"], version: "1.0.1"}) { totalCount } event(eventId: "e1") { eventId } }`, nil)
}

func TestMessages_MissingOrFailingTemplate_TypeAndPath(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("m", variables{"v": 1})
	a.exec(`INSERT INTO event_type VALUES ('plain', NULL), ('broken', '{% boom %}'), ('rich', '{{ resource_type }} {{ payload.rows | default("no") }} rows in {{ meta.node_name | upper }}')`)
	for _, name := range []string{"plain", "broken", "broken", "rich"} {
		a.mustAsk(nil, `mutation($type: String!) { recordEvent(input: {type: $type, path: "m", payload: {rows: 12}, meta: {node_name: "load"}}) { duplicate } }`, variables{"type": name})
	}
	a.wantData(`{"events": {"nodes": [{"message": "playbook 12 rows in LOAD"}, {"message": "broken m"}, {"message": "broken m"}, {"message": "plain m"}, {"message": "Resource m version 1.0.0 was registered."}]}}`,
		`{ events { nodes { message } } }`, nil)
	if logged := strings.Count(a.log.String(), "template fails"); logged != 1 {
		t.Errorf("the failing template was logged %d times, want once:\n%s", logged, a.log.String())
	}
	a.wantData(`{"renderTemplate": "REGISTERED examples/hello"}`, `{ renderTemplate(template: "{{ event_type }} {{ resource_path }}") }`, nil)
}

func TestTypes_Saved_Known(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.wantData(`{"t": {"resourceType": {"name": "subscription", "resourceCount": 0}}, "e": {"eventType": {"name": "step.exit", "template": "{{ meta.node_name }} left"}}}`,
		`mutation { t: saveResourceType(input: {name: "subscription"}) { resourceType { name resourceCount } } e: saveEventType(input: {name: "step.exit", template: "{{ meta.node_name }} left"}) { eventType { name template } } }`, nil)
	a.wantData(`{"saveEventType": {"eventType": {"template": null}}}`, `mutation { saveEventType(input: {name: "step.exit", template: null}) { eventType { template } } }`, nil)
	a.wantData(`{"registerResource": {"version": {"type": {"name": "subscription"}}}}`,
		`mutation { registerResource(input: {payload: {yaml: "kind: Subscription\npath: sub"}}) { version { type { name } } } }`, nil)
	problem := a.wantError("BAD_USER_INPUT", "input.type", `mutation { registerResource(input: {path: "p", type: "poem", payload: {json: 1}}) { status } }`, nil)
	if !strings.Contains(problem.Message, "action, playbook, step, subscription, target, task, workflow") {
		t.Errorf("the known types are not listed: %s", problem.Message)
	}
	refused := a.wantError("BAD_USER_INPUT", "input.template", `mutation { saveEventType(input: {name: "x", template: "ok\n  {{ nothing }}"}) { eventType { name } } }`, nil)
	if refused.Extensions["line"] != 2.0 || refused.Extensions["column"] != 6.0 {
		t.Errorf("position of the error: %+v", refused.Extensions)
	}
}

// Types are listed without pages, so their number is limited; existing ones can
// still be changed.
func TestTypes_LimitReached_NewOnesRefused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.exec(`INSERT INTO resource_type SELECT 'kind-' || n FROM generate_series(1, 1000 - (SELECT count(*) FROM resource_type)) n`)
	a.exec(`INSERT INTO event_type SELECT 'type-' || n FROM generate_series(1, 1000 - (SELECT count(*) FROM event_type)) n`)
	a.wantError("BAD_USER_INPUT", "input.name", `mutation { saveResourceType(input: {name: "more"}) { resourceType { name } } }`, nil)
	a.wantError("BAD_USER_INPUT", "input.name", `mutation { saveEventType(input: {name: "more"}) { eventType { name } } }`, nil)
	a.mustAsk(nil, `mutation { saveResourceType(input: {name: "kind-1"}) { resourceType { name } } saveEventType(input: {name: "type-1", template: "x"}) { eventType { name } } }`, nil)
}
