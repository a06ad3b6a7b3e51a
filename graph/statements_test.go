package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

// A nested query costs the same SQL statements for a page of 3 as for one of
// 30: their number depends on the query's shape, never on its data (promise 6).
func TestStatements_LargerPage_SameCount(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	a := setupAt(t, databaseURL)
	a.exec(`INSERT INTO resource_type SELECT 'kind-' || n FROM generate_series(1, 9) n`)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || n, 'kind-' || 1 + n % 9, '1.0.' || v, jsonb_build_object('name', n, 'v', v)
		FROM generate_series(1, 80) n CROSS JOIN generate_series(0, 6) v`)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'q/' || n || below, 'kind-1', '1', '{}' FROM generate_series(1, 40) n CROSS JOIN unnest(ARRAY['/x', '/y/z']) below`)
	a.exec(`INSERT INTO event_type SELECT 'type-' || n, '{{ resource_type }} {{ payload.n }}' FROM generate_series(1, 9) n`)
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		SELECT 'e' || n, 'type-' || 1 + n % 9, 'p/' || 1 + n % 80, '1.0.' || n % 7, jsonb_build_object('n', n),
			jsonb_build_object('execution_id', n / 7, 'node_name', 'step')
		FROM generate_series(1, 4000) n`)

	// The events get their positions, so that the queries below need not wait.
	a.mustAsk(nil, `{ execution(executionId: "none") { status } }`, nil)

	for name, test := range map[string]struct {
		query string
		// statements is the exact number, so that a change that adds one must change it.
		statements int
	}{
		"catalog page": {`query($n: Int!) { resources(first: $n) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes {
			path name versionCount type { name resourceCount } latestVersion { version payload content }
			latestEvent { type { name template } message timestamp } } } }`, 8},
		"three levels": {`query($n: Int!) { resources(first: $n) { nodes { versions(first: 4) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes {
			version payload isLatest previous { version resource { path } } next { version }
			events(first: 4) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { eventId message step executionId version { version type { name } } } } } } } } }`, 8},
		"a tree":       {`query($n: Int!) { resources(first: $n) { nodes { path versions(first: 4) { nodes { version resource { path } events(first: 4) { nodes { eventId } pageInfo { hasNextPage } } } } } } }`, 1},
		"a plain feed": {`query($n: Int!) { events(first: $n) { nodes { eventId resource { path type { name } } } } }`, 1},

		"event feed": {`query($n: Int!) { events(first: $n) { totalCount nodes {
			message payload meta step status executionId type { name template }
			resource { path type { resourceCount } latestVersion { version } } version { version payload resource { versionCount } } } } }`, 8},
		"types": {`query($n: Int!) { resourceTypes { name resourceCount resources(first: $n) { totalCount nodes { path latestVersion { version } } pageInfo { hasNextPage } } } }`, 5},
		"aliases of one list": {`query($n: Int!) { resources(first: $n) { nodes {
			a: versions(first: 1) { nodes { version } } b: versions(last: 1) { nodes { version } }
			c: events(filter: {types: ["type-1"]}) { nodes { eventId } } d: events(filter: {step: "step"}) { nodes { eventId } } } } }`, 4},
		"executions": {`query($n: Int!) { executions(first: $n) { totalCount nodes { status hasErrors failedStepCount resource { path } version { version payload } parent { status }
			children(first: 3) { totalCount nodes { executionId } } events(first: 3) { totalCount nodes { eventId execution { status } } } } } }`, 12},
		"executions of resources":     {`query($n: Int!) { resources(first: $n) { nodes { latestExecution { status parent { status } } executions(first: 3) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { status } } all: executions(last: 2, filter: {statuses: [FAILED]}) { nodes { status } } } } }`, 8},
		"the latest run of each":      {`query($n: Int!) { resources(first: $n) { nodes { path latestExecution { executionId status durationMs } } } }`, 2},
		"statistics":                  {`query($n: Int!) { eventStatistics(filter: {types: ["type-1", "type-2"]}) { total byType { name count } week: buckets(interval: WEEK) { start } day: buckets(interval: DAY) { count byType { name } } } executionStatistics { total successRate durationMs { p50 } buckets(interval: DAY) { start } week: buckets(interval: WEEK) { start } } resources(first: $n) { nodes { path } } }`, 5},
		"events and their executions": {`query($n: Int!) { events(first: $n) { nodes { eventId execution { status } } } }`, 3},
		"lists with the log's end":    {`query($n: Int!) { events(first: $n) { tailCursor nodes { eventId } } resources(first: $n) { nodes { events(first: 2) { tailCursor nodes { eventId } } } } }`, 5},
		"folders": {`query($n: Int!) { folder(path: "q/") { folders(first: $n) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { path resourceCount folders(first: 2) { nodes { path } } resources(first: 2) { totalCount nodes { path latestVersion { version } } } } }
			resources(first: $n) { nodes { path } } } }`, 8},
		"searches": {`query($n: Int!) { resources(first: $n, filter: {search: "p"}) { totalCount pageInfo { hasNextPage hasPreviousPage } nodes { path tags references(first: 2) { totalCount nodes { target resource { path } } } referencedBy(first: 2) { totalCount nodes { from { path tags } } } } }
			two: resources(first: $n, filter: {search: "p 1", usesTool: "none"}) { nodes { path } } resourceTypes { resources(first: $n, filter: {search: "p"}) { totalCount nodes { path } } } resourceFacets { types { name count } tags { name } } }`, 12},
		"nodes": {`query($n: Int!, $after: String) { resources(first: $n, after: $after) { edges { cursor node { id events(last: 2) { edges { cursor node { id } } } } } } }`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			// A new server each time, since its version cache is empty.
			few := setupAt(t, databaseURL).statementsOf(test.query, variables{"n": 3})
			many := setupAt(t, databaseURL).statementsOf(test.query, variables{"n": 30})
			if diff := cmp.Diff(few, many); diff != "" {
				t.Errorf("statements of a page of 3 and of 30 differ (-3 +30):\n%s", diff)
			}
			if len(few) != test.statements {
				t.Errorf("%d statements, want %d:\n%v", len(few), test.statements, few)
			}
		})
	}
}

// A page that is not the first costs one statement more, at most, for each side
// that a cursor hides, whatever the page's length and the number of such lists,
// and a plan no more than the resolvers.
func TestStatements_LaterPage_OneMoreForEachCursor(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	a, resolvers := setupAt(t, databaseURL), setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || n, 'playbook', '1.0.' || v, jsonb_build_object('v', v) FROM generate_series(1, 80) n CROSS JOIN generate_series(0, 39) v`)
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version)
		SELECT 'e' || n, 'UPDATED', 'p/' || 1 + n % 80, '1.0.' || n % 40 FROM generate_series(1, 4000) n`)
	type list struct{ Edges []struct{ Cursor string } }
	var ends struct {
		Resources, Events list
		Resource          struct{ Versions, Events list }
	}
	a.mustAsk(&ends, `{ resources(first: 60) { edges { cursor } } events(first: 60) { edges { cursor } }
		resource(path: "p/1") { versions(first: 40) { edges { cursor } } events(first: 40) { edges { cursor } } } }`, nil)

	const both = `pageInfo { hasNextPage hasPreviousPage startCursor endCursor }`
	for name, test := range map[string]struct {
		query       string
		list        list
		after, upTo int
		// statements is the number for a page without cursors.
		statements int
	}{
		"resources": {`resources(%s) { nodes { path } ` + both + ` }`, ends.Resources, 5, 50, 1},
		"a catalog page": {
			`resources(%s) { totalCount nodes { path name } ` + both + ` again: pageInfo { hasPreviousPage hasNextPage } }`,
			ends.Resources, 5, 50, 2,
		},
		"resources with their versions": {
			`resources(%s) { nodes { path versions(first: 2) { nodes { version } } } ` + both + ` }`,
			ends.Resources, 5, 50, 2,
		},
		"events":                   {`events(%s) { nodes { eventId } ` + both + ` }`, ends.Events, 5, 50, 1},
		"a history":                {`resource(path: "p/1") { versions(%s) { nodes { version } ` + both + ` } }`, ends.Resource.Versions, 2, 37, 2},
		"histories":                {`resources(first: 9) { nodes { versions(%s) { nodes { version } ` + both + ` } } }`, ends.Resource.Versions, 2, 37, 2},
		"events of each resource":  {`resources(first: 9) { nodes { events(%s) { nodes { eventId } ` + both + ` } } }`, ends.Resource.Events, 2, 37, 2},
		"events of each version":   {`resource(path: "p/1") { versions(first: 9) { nodes { events(%s) { nodes { eventId } ` + both + ` } } } }`, ends.Resource.Events, 2, 37, 3},
		"without asking for pages": {`resources(%s) { nodes { path } }`, ends.Resources, 5, 50, 1},
	} {
		t.Run(name, func(t *testing.T) {
			planned, resolved := a.forTest(t), resolvers.forTest(t)
			cursor := func(at int) string { return test.list.Edges[at].Cursor }
			for arguments, cursors := range map[string]int{
				"first: $n": 0, "first: $n, after: $after": 1, "first: $n, before: $before": 1, "first: $n, after: $after, before: $before": 2,
				"last: $n": 0, "last: $n, after: $after": 1, "last: $n, before: $before": 1, "last: $n, after: $after, before: $before": 2,
			} {
				declared := "$n: Int!"
				for _, name := range []string{"$after", "$before"} {
					if strings.Contains(arguments, name) {
						declared += ", " + name + ": String"
					}
				}
				query := "query(" + declared + ") { " + fmt.Sprintf(test.query, arguments) + " }"
				var counts [][]string
				for _, n := range []int{2, 20} {
					vars := variables{"n": n, "after": cursor(test.after), "before": cursor(test.upTo)}
					counts = append(counts, planned.statementsOf(query, vars))
					if most := resolved.statementsOf(query, vars); len(most) < len(counts[0]) {
						t.Errorf("%s takes %d statements, where the resolvers take %d", query, len(counts[0]), len(most))
					}
					var got, want any
					planned.mustAsk(&got, query, vars)
					resolved.mustAsk(&want, query, vars)
					if diff := cmp.Diff(want, got); diff != "" {
						t.Errorf("%s (-resolved +planned):\n%s", query, diff)
					}
				}
				if diff := cmp.Diff(counts[0], counts[1]); diff != "" {
					t.Errorf("%s: statements of a page of 2 and of 20 differ (-2 +20):\n%s", query, diff)
				}
				if most := test.statements + cursors; len(counts[0]) > most {
					t.Errorf("%s takes %d statements, want %d at most:\n%v", query, len(counts[0]), most, counts[0])
				}
			}
		})
	}
}

// statementsOf returns the names of the statements that a query takes, sorted.
func (a *api) statementsOf(query string, vars variables) []string {
	a.t.Helper()
	a.sql.take()
	a.mustAsk(nil, query, vars)
	return a.statements()
}

// statements returns the names of the recorded statements, sorted, and clears the log.
func (a *api) statements() (names []string) {
	a.t.Helper()
	for _, statement := range a.sql.take() {
		if strings.HasPrefix(statement, "begin ") || statement == "rollback" {
			continue // a snapshot for several statements
		}
		name := queryNamePattern.FindStringSubmatch(statement)
		if name == nil {
			a.t.Fatalf("a statement that is not sqlc's: %s", statement)
		}
		names = append(names, name[1])
	}
	slices.Sort(names)
	return names
}

// A bulk mutation takes one statement, whatever its length.
func TestStatements_BulkMutation_One(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for _, size := range []int{1, 200} {
		var registrations, events []variables
		for i := range size {
			path := fmt.Sprintf("bulk/%d", i)
			registrations = append(registrations, variables{"path": path, "type": "playbook", "payload": variables{"json": variables{"i": i}}})
			events = append(events, variables{"path": path, "type": "EXECUTION_STARTED"})
		}
		a.sql.take()
		a.mustAsk(nil, `mutation($inputs: [RegisterResourceInput!]!) { registerResources(inputs: $inputs) { results { registration { status version { version } event { eventId } } } } }`,
			variables{"inputs": registrations})
		a.mustAsk(nil, `mutation($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate event { eventId } } } }`,
			variables{"inputs": events})
		if statements := a.sql.take(); len(statements) != 2 {
			t.Errorf("%d inputs took %d statements, want 2", size, len(statements))
		}
	}
}

// Objects below a mutation's payload are read level by level, too.
func TestStatements_BelowMutation_SameCount(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const query = `mutation($inputs: [RegisterResourceInput!]!) { registerResources(inputs: $inputs) { results { registration {
		version { payload previous { version } resource { versionCount versions(first: 2) { nodes { version events(first: 2) { nodes { message } } } } } }
		event { message version { source } resource { path } } } } } }`
	var counts [][]string
	for _, size := range []int{2, 50} {
		var inputs []variables
		for i := range size {
			inputs = append(inputs, variables{"path": fmt.Sprintf("below/%d", i), "type": "playbook", "payload": variables{"json": variables{"i": i, "size": size}}})
		}
		counts = append(counts, a.statementsOf(query, variables{"inputs": inputs}))
	}
	if diff := cmp.Diff(counts[0], counts[1]); diff != "" || len(counts[0]) > 9 {
		t.Errorf("statements for 2 and for 50 inputs: %v (-2 +50):\n%s", counts[0], diff)
	}
}

// A version never changes: reading it again takes no statement.
func TestStatements_SameVersionAgain_None(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", variables{"n": 1})
	const query = `{ version(path: "p", version: "1.0.0") { version payload type { name } } missing: version(path: "p", version: "1.0.1") { version } }`
	for range 2 { // the first read of a version does not cache it
		a.wantData(`{"version": {"version": "1.0.0", "payload": {"n": 1}, "type": {"name": "playbook"}}, "missing": null}`, query, nil)
	}
	a.register("p", variables{"n": 2})
	a.register("q", variables{"n": 3})
	a.sql.take()
	for range 3 {
		a.wantData(`{"version": {"version": "1.0.0", "payload": {"n": 1}, "type": {"name": "playbook"}}, "missing": {"version": "1.0.1"}}`, query, nil)
	}
	if statements := a.sql.take(); len(statements) != 2 {
		t.Errorf("%d statements, want two for what was missing: %v", len(statements), statements)
	}
	const list = `{ resources { nodes { path latestVersion { version } version(version: "1.0.0") { payload } } } }`
	for _, statements := range []int{3, 1} { // p's versions are cached already, q's are not
		a.wantData(`{"resources": {"nodes": [
			{"path": "p", "latestVersion": {"version": "1.0.1"}, "version": {"payload": {"n": 1}}},
			{"path": "q", "latestVersion": {"version": "1.0.0"}, "version": {"payload": {"n": 3}}}]}}`, list, nil)
		if taken := a.sql.take(); len(taken) != statements {
			t.Errorf("%d statements for a list, want %d: %v", len(taken), statements, taken)
		}
	}
}
