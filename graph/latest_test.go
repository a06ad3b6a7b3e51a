package graph_test

import (
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

// withAndWithoutPlans runs a test on a server with plans and on one with resolvers only, each
// with its own database.
func withAndWithoutPlans(t *testing.T, test func(a *api)) {
	t.Helper()
	for name, only := range map[string]bool{"planned": false, "resolved": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) { o.ResolversOnly = only }))
		})
	}
}

// The word latest selects the latest version wherever a label is accepted, with
// plans and with resolvers, and costs no more than omitting it.
func TestLatest_EachPlace_StandsForTheLatestVersion(t *testing.T) {
	t.Parallel()
	withAndWithoutPlans(t, func(a *api) {
		a.register("p", variables{"n": 1})
		a.register("p", variables{"n": 2})
		a.register("q", variables{"n": 3})
		a.wantData(`{"version": {"version": "1.0.1"}, "none": null, "other": null}`,
			`{ version(path: "p", version: "latest") { version } none: version(path: "x", version: "latest") { version } other: version(path: "p", version: "Latest") { version } }`, nil)
		a.wantData(`{"resources": {"nodes": [{"version": {"version": "1.0.1"}}, {"version": {"version": "1.0.0"}}]}}`,
			`query($v: String!) { resources { nodes { version(version: $v) { version } } } }`, variables{"v": "latest"})
		a.wantData(`{"resources": {"nodes": [
					{"versions": {"nodes": [{"diff": {"base": {"version": "1.0.1"}, "patch": []}}, {"diff": {"base": {"version": "1.0.1"}, "patch": [{"op": "replace", "path": "/n", "value": 1}]}}]}},
					{"versions": {"nodes": [{"diff": {"base": {"version": "1.0.0"}, "patch": []}}]}}]}}`,
			`{ resources { nodes { versions { nodes { diff(against: "latest") { base { version } patch } } } } } }`, nil)
		a.wantData(`{"recordEvent": {"event": {"version": {"version": "1.0.1"}}}}`,
			`mutation { recordEvent(input: {type: "UPDATED", path: "p", version: "latest"}) { event { version { version } } } }`, nil)
		a.wantData(`{"registerResource": {"version": {"diff": {"base": {"version": "1.0.1"}}, "resource": {"version": {"version": "1.0.1"}}}}}`,
			`mutation { registerResource(input: {path: "p", type: "playbook", payload: {json: 3}, dryRun: true}) { version { diff(against: "latest") { base { version } } resource { version(version: "latest") { version } } } } }`, nil)
		a.wantData(`{"registerResource": {"version": {"diff": {"patch": []}, "resource": {"version": {"version": "1.0.0"}}}}}`,
			`mutation { registerResource(input: {path: "new", type: "playbook", payload: {json: 3}, dryRun: true}) { version { diff(against: "latest") { patch } resource { version(version: "latest") { version } } } } }`, nil)
		a.wantError("BAD_USER_INPUT", "input.version",
			`mutation { registerResource(input: {path: "p", type: "playbook", version: "latest", payload: {json: 3}}) { status } }`, nil)

		// Filters take labels only.
		a.wantData(`{"events": {"nodes": []}, "executions": {"nodes": []}}`,
			`{ events(filter: {version: "latest"}) { nodes { eventId } } executions(filter: {version: "latest"}) { nodes { status } } }`, nil)

		for spelled, absent := range map[string]string{
			`{ version(path: "p", version: "latest") { version } }`:                                          `{ version(path: "p") { version } }`,
			`{ resources { nodes { version(version: "latest") { version } } } }`:                             `{ resources { nodes { latestVersion { version } } } }`,
			`mutation { recordEvent(input: {type: "UPDATED", path: "p", version: "latest"}) { duplicate } }`: `mutation { recordEvent(input: {type: "UPDATED", path: "p"}) { duplicate } }`,
		} {
			taken := func(query string) int {
				for range 3 { // the second read of a version caches it
					a.sql.take()
					a.mustAsk(nil, query, nil)
				}
				return len(a.sql.take())
			}
			if more, less := taken(spelled), taken(absent); more > less {
				a.t.Errorf("%d statements, %d without the word: %s", more, less, spelled)
			}
		}
	})
}

// A version labelled latest before the word was reserved is found in lists and by
// its id.
func TestLatest_LabelFromBeforeTheRule_InListsAndByID(t *testing.T) {
	t.Parallel()
	withAndWithoutPlans(t, func(a *api) {
		a.exec(`ALTER TABLE catalog DROP CONSTRAINT catalog_is_sound`)
		a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('p', 'playbook', 'latest', '1'), ('p', 'playbook', 'v2', '2')`)
		a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ('e', 'UPDATED', 'p', 'latest')`)
		a.wantData(`{"version": {"version": "v2"}, "event": {"version": {"version": "latest", "payload": 1}}}`,
			`{ version(path: "p", version: "latest") { version } event(eventId: "e") { version { version payload } } }`, nil)
		var found struct {
			Resource struct {
				Versions struct {
					Nodes []struct{ ID, Version string }
				}
			}
		}
		a.mustAsk(&found, `{ resource(path: "p") { versions(last: 1) { nodes { id version } } } }`, nil)
		a.wantData(`{"node": {"version": "latest", "payload": 1}}`,
			`query($id: ID!) { node(id: $id) { ... on Version { version payload } } }`, variables{"id": found.Resource.Versions.Nodes[0].ID})
		a.wantData(`{"events": {"totalCount": 1}}`, `{ events(filter: {version: "latest"}) { totalCount } }`, nil)
	})
}
