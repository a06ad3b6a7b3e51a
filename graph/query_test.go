package graph_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/graph/model"
)

// Rows that a program writes in plain SQL, with the seed's columns only, are in
// the API at once (promise 2).
func TestPlainSQL_SeedColumns_SeenAtOnce(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES
		('sql/a', 'task', 'first', '{"metadata": {"name": "A", "description": "an a"}}'), ('sql/a', 'task', 'second', '{"name": "B"}')`)
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ('sql-1', 'REGISTERED', 'sql/a', 'first')`)
	a.wantData(`{"resource": {"name": "B", "description": null, "versionCount": 2, "type": {"name": "task", "resourceCount": 1},
		"latestVersion": {"version": "second", "revision": 2, "source": "inline", "location": null, "content": null, "meta": null},
		"version": {"revision": 1, "events": {"nodes": [{"eventId": "sql-1", "payload": null, "meta": null, "executionId": null}]}},
		"latestEvent": {"message": "Resource sql/a version first was registered."}}}`,
		`{ resource(path: "sql/a") { name description versionCount type { name resourceCount }
			latestVersion { version revision source location content meta }
			version(version: "first") { revision events { nodes { eventId payload meta executionId } } } latestEvent { message } } }`, nil)
	// The next registration continues from there.
	if got := a.register("sql/a", variables{"name": "C"}).RegisterResource; got.Status != "UPDATED" || got.Version.Revision != 3 || got.Version.Version != "1.0.0" {
		t.Errorf("registered after plain SQL: %+v", got)
	}
}

func TestQueries_Absent_Null(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("a", variables{"v": 1})
	a.wantData(`{"resource": null, "version": null, "label": null, "event": null, "node": null, "nodes": [null, null, null], "resourcesByPath": [null, {"path": "a", "version": null, "latestEvent": {"type": {"name": "REGISTERED"}}}, null],
		"resources": {"nodes": [], "totalCount": 0, "pageInfo": {"hasNextPage": false, "hasPreviousPage": false, "startCursor": null, "endCursor": null}}}`,
		`query($ids: [ID!]!) { resource(path: "x") { path } version(path: "x") { path } label: version(path: "a", version: "9") { path } event(eventId: "x") { eventId }
			node(id: "garbage") { id } nodes(ids: $ids) { id } resourcesByPath(paths: ["x", "a", ""]) { path version(version: "9") { version } latestEvent { type { name } } }
			resources(filter: {paths: []}) { nodes { path } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
		variables{"ids": []string{model.ResourceID("x"), model.VersionID("a", "9"), model.EventNodeID("x")}})
}

// A global id resolves to its object, alone and in a mixed list, in the order of the ids.
func TestNodes_MixedIDs_InOrder(t *testing.T) {
	t.Parallel()
	a := setup(t)
	event := a.register("a", variables{"v": 1}).RegisterResource.Event.EventID
	a.register("b", variables{"v": 2})
	ids := []string{model.EventNodeID(event), model.ResourceID("b"), model.VersionID("a", "1.0.0"), "?", model.ResourceID("a"), model.ResourceID("b")}
	a.wantData(`{"nodes": [{"id": "`+ids[0]+`", "message": "Resource a version 1.0.0 was registered.", "eventPayload": {"status": "REGISTERED", "revision": 1}},
		{"id": "`+ids[1]+`", "path": "b"}, {"id": "`+ids[2]+`", "revision": 1, "payload": {"v": 1}}, null, {"id": "`+ids[4]+`", "path": "a"}, {"id": "`+ids[1]+`", "path": "b"}],
		"node": {"id": "`+ids[2]+`", "__typename": "Version"}}`,
		`query($ids: [ID!]!, $id: ID!) { nodes(ids: $ids) { id ... on Event { message eventPayload: payload } ... on Resource { path } ... on Version { revision payload } } node(id: $id) { id __typename } }`,
		variables{"ids": ids, "id": ids[2]})
}

func TestFilters_Resources_EachField(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload, meta, timestamp) VALUES
		('x/a', 'playbook', '1', '{"tool": {"kind": "http"}}', '{"team": "red"}', '2026-01-01Z'), ('x/b', 'task', '1', '{"tool": {"kind": "http"}}', NULL, '2026-01-02Z'),
		('x%/c', 'task', '1', '{"tool": [1, {"k": 2}]}', '{"team": "red"}', '2026-01-03Z')`)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload, timestamp) VALUES ('x/b', 'task', '2', '{"tool": {"kind": "duckdb"}}', '2026-01-04Z')`)
	for filter, want := range map[string]string{
		`{}`:                                         `x%/c x/a x/b`,
		`{pathPrefix: "x/"}`:                         `x/a x/b`,
		`{pathPrefix: "x%"}`:                         `x%/c`,
		`{types: ["task"]}`:                          `x%/c x/b`,
		`{types: ["task", "playbook"]}`:              `x%/c x/a x/b`,
		`{paths: ["x/b", "none", "x/a"]}`:            `x/a x/b`,
		`{payload: {tool: {kind: "http"}}}`:          `x/a`,
		`{payload: {tool: [{k: 2}]}}`:                `x%/c`,
		`{meta: {team: "red"}}`:                      `x%/c x/a`,
		`{meta: {team: "red"}, payload: {tool: {}}}`: `x/a`,
		`{updatedSince: "2026-01-03T00:00:00Z"}`:     `x%/c x/b`,
		`{updatedBefore: "2026-01-03T00:00:00Z"}`:    `x/a`,
		`{updatedSince: "2026-01-03T00:00:00Z", updatedBefore: "2026-01-04T00:00:00Z"}`: `x%/c`,
	} {
		var got struct {
			Resources struct {
				Nodes      []struct{ Path string }
				TotalCount int
			}
		}
		a.mustAsk(&got, `{ resources(filter: `+filter+`) { nodes { path } totalCount } }`, nil)
		var paths []string
		for _, node := range got.Resources.Nodes {
			paths = append(paths, node.Path)
		}
		if strings.Join(paths, " ") != want || got.Resources.TotalCount != len(paths) {
			t.Errorf("%s: %v (total %d), want %s", filter, paths, got.Resources.TotalCount, want)
		}
	}
	a.wantData(`{"resourceTypes": [{"name": "action", "resources": {"nodes": []}}, {"name": "playbook", "resources": {"nodes": [{"path": "x/a"}]}}, {"name": "step", "resources": {"nodes": []}},
		{"name": "target", "resources": {"nodes": []}}, {"name": "task", "resources": {"nodes": [{"path": "x/b"}]}}, {"name": "workflow", "resources": {"nodes": []}}]}`,
		`{ resourceTypes { name resources(first: 1, orderBy: {field: UPDATED_AT, direction: DESC}) { nodes { path } } } }`, nil)
}

func TestRoutes_OtherPaths_Served(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for path, want := range map[string]string{
		"/": "noetl-catalog", "/healthz": "ok", "/readyz": "ready", "/schema.graphql": "The version registered last.",
		"/favicon.ico": "<svg", "/docs/clients.md": "# ",
	} {
		response := a.request(http.MethodGet, path, "")
		if body := a.read(response); response.StatusCode != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d, without %q:\n%.300s", path, response.StatusCode, want, body)
		}
	}
	if response := a.request(http.MethodGet, "/docs/none", ""); response.StatusCode != http.StatusNotFound {
		t.Errorf("a document that does not exist: %d", response.StatusCode)
	}
	if got := a.request(http.MethodGet, "/graphql", "", "Accept", "text/html,*/*;q=0.8").Header.Get("Location"); got != "/" {
		t.Errorf("a browser at /graphql is redirected to %q", got)
	}
	a.pool.Close()
	if response := a.request(http.MethodGet, "/readyz", ""); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("/readyz without a database: %d", response.StatusCode)
	}
}

// A filter by text also needs paths, an execution or a limited time range, in queries and
// in subscriptions.
func TestEvents_Text_NeedsAnotherCondition(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p/a", variables{"n": 1})
	a.register("p/b", variables{"n": 1})
	for _, path := range []string{"p/a", "p/b"} {
		a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{
			"type": "EXECUTION_FAILED", "path": path, "timestamp": "2026-03-01T12:00:00Z",
			"payload": variables{"error": "Disk " + path + " ist voll: größe"}, "meta": variables{"execution_id": "run"},
		}}})
	}
	for filter, want := range map[string]string{
		`{text: "GROSSE disk", path: "p/a"}`:                                           "p/a",
		`{text: "disk", paths: ["p/b", "p/a"]}`:                                        "p/a p/b",
		`{text: "disk p b", executionId: "run"}`:                                       "p/b",
		`{text: "registered", paths: ["p/b"]}`:                                         "p/b",
		`{text: "disk", paths: []}`:                                                    "",
		`{paths: ["p/b", "p/b", "none"]}`:                                              "p/b p/b",
		`{paths: ["p/b"], path: "p/a"}`:                                                "",
		`{paths: ["p/b"], excludeTypes: ["REGISTERED"]}`:                               "p/b",
		`{excludeTypes: ["REGISTERED", "EXECUTION_FAILED"]}`:                           "",
		`{text: "disk", since: "2026-02-01T00:00:00Z", until: "2026-03-04T00:00:00Z"}`: "p/a p/b",
	} {
		var found struct {
			Events struct {
				TotalCount int
				Nodes      []struct{ Path string }
			}
		}
		a.mustAsk(&found, `{ events(filter: `+filter+`) { totalCount nodes { path } } }`, nil)
		var got []string
		for _, node := range found.Events.Nodes {
			got = append(got, node.Path)
		}
		slices.Sort(got)
		if text := strings.Join(got, " "); text != want || found.Events.TotalCount != len(got) {
			t.Errorf("%s: %s (totalCount %d), want %s", filter, text, found.Events.TotalCount, want)
		}
	}
	for _, filter := range []string{
		`{text: "disk"}`, `{text: ""}`, `{text: "disk", pathPrefix: "p/"}`, `{text: "disk", since: "2026-03-01T00:00:00Z"}`,
		`{text: "disk", since: "2026-02-01T00:00:00Z", until: "2026-03-04T00:00:00.000001Z"}`,
	} {
		a.wantError("BAD_USER_INPUT", "filter.text", `{ events(filter: `+filter+`) { totalCount } }`, nil)
		response := a.request(http.MethodPost, "/graphql", `{"query":`+quote(`subscription { eventRecorded(filter: `+filter+`) { cursor } }`)+`}`,
			"Content-Type", "application/json", "Accept", "text/event-stream")
		if got := a.read(response); !strings.Contains(got, "BAD_USER_INPUT") || !strings.Contains(got, `"filter.text"`) {
			t.Errorf("a subscription by %s: %s", filter, got)
		}
	}
	a.wantError("BAD_USER_INPUT", "filter.paths", `query($paths: [String!]) { events(filter: {paths: $paths}) { totalCount } }`, variables{"paths": slices.Repeat([]string{"p"}, 201)})
	a.wantData(`{"resource": {"events": {"totalCount": 1}}, "execution": {"events": {"nodes": [{"path": "p/b"}]}}}`,
		`{ resource(path: "p/a") { events(filter: {text: "voll"}) { totalCount } } execution(executionId: "run") { events(filter: {text: "p b"}) { nodes { path } } } }`, nil)
}
