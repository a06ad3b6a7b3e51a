package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// connection is the form in which every page is decoded.
type connection struct {
	Edges []struct {
		Cursor string
		Node   struct{ Key string }
	}
	Nodes    []struct{ Key string }
	PageInfo struct {
		HasNextPage, HasPreviousPage bool
		StartCursor, EndCursor       *string
	}
	TotalCount int
}

const connectionFields = `{ edges { cursor node { key: %[1]s } } nodes { key: %[1]s }
	pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount }`

// A page is exactly the slice of the whole list that the arguments select, and
// its page info is exact, forwards and backwards, for any cursors.
func TestPaging_AnyArguments_ExactSlice(t *testing.T) {
	t.Parallel()
	a := setup(t)
	// Equal times, so that the second sort key matters.
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload, timestamp)
		SELECT 'p/' || chr(97 + n % 7) || '/' || n, CASE WHEN n % 3 = 0 THEN 'target' ELSE 'playbook' END, '1.0.0', jsonb_build_object('odd', n % 2 = 1),
			timestamptz '2026-01-01' + make_interval(hours => n % 5) FROM generate_series(1, 37) n`)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/b/1', 'playbook', '2.0.' || n, '{}' FROM generate_series(1, 30) n`)
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, meta, timestamp)
		SELECT 'e' || n, 'UPDATED', 'p/b/1', '1.0.0', jsonb_build_object('node_name', 'step-' || n % 2), timestamptz '2026-02-01' + make_interval(mins => n % 4)
		FROM generate_series(1, 33) n`)

	lists := []struct{ name, field, extra, key string }{
		{"by path", "resources", `filter: {pathPrefix: "p/"}`, "path"},
		{"by path, descending", "resources", `orderBy: {field: PATH, direction: DESC}`, "path"},
		{"by update", "resources", `orderBy: {field: UPDATED_AT, direction: DESC}`, "path"},
		{"by creation", "resources", `orderBy: {field: CREATED_AT, direction: ASC}`, "path"},
		{"by containment", "resources", `filter: {payload: {odd: true}}, orderBy: {field: UPDATED_AT, direction: ASC}`, "path"},
		{"by containment and path", "resources", `filter: {payload: {odd: true}}, orderBy: {field: PATH, direction: DESC}`, "path"},
		{"newest events", "events", ``, "eventId"},
		{"oldest events", "events", `direction: ASC, filter: {step: "step-1"}`, "eventId"},
		{"events of a prefix", "events", `filter: {pathPrefix: "p/b"}`, "eventId"},
		{"events of types", "events", `filter: {types: ["UPDATED", "UPDATED"]}`, "eventId"},
		{"versions", "resource.versions", ``, "version"},
		{"events of a resource", "resource.events", ``, "eventId"},
	}
	for _, list := range lists {
		t.Run(list.name, func(t *testing.T) {
			read := func(arguments string) connection {
				if list.extra != "" {
					arguments += " " + list.extra
				}
				fields := fmt.Sprintf(connectionFields, list.key)
				a := a.forTest(t)
				if below, nested := cutPrefix(list.field); nested {
					var got struct{ Resource map[string]connection }
					a.mustAsk(&got, fmt.Sprintf(`{ resource(path: "p/b/1") { %s(%s) %s } }`, below, arguments, fields), nil)
					return got.Resource[below]
				}
				var got map[string]connection
				a.mustAsk(&got, fmt.Sprintf(`{ %s(%s) %s }`, list.field, arguments, fields), nil)
				return got[list.field]
			}
			full := read("first: 200")
			if len(full.Nodes) < 15 || full.TotalCount != len(full.Nodes) || full.PageInfo.HasNextPage || full.PageInfo.HasPreviousPage {
				t.Fatalf("the whole list: %d nodes, %+v, total %d", len(full.Nodes), full.PageInfo, full.TotalCount)
			}
			rapid.Check(t, func(t *rapid.T) {
				size := rapid.IntRange(1, 12).Draw(t, "size")
				backward := rapid.Bool().Draw(t, "backward")
				after := rapid.IntRange(-1, len(full.Edges)-1).Draw(t, "after")
				before := rapid.IntRange(0, len(full.Edges)).Draw(t, "before")
				arguments := fmt.Sprintf("first: %d", size)
				if backward {
					arguments = fmt.Sprintf("last: %d", size)
				}
				low, high := after+1, before
				if after >= 0 {
					arguments += fmt.Sprintf(" after: %q", full.Edges[after].Cursor)
				}
				if before < len(full.Edges) {
					arguments += fmt.Sprintf(" before: %q", full.Edges[before].Cursor)
				}
				low = min(low, len(full.Edges))
				high = max(high, low)
				if backward {
					low = max(low, high-size)
				} else {
					high = min(high, low+size)
				}
				got := read(arguments)
				if diff := cmp.Diff(keys(full.Nodes[low:high]), keys(got.Nodes)); diff != "" {
					t.Fatalf("%s (-want +got):\n%s", arguments, diff)
				}
				if len(got.Nodes) == 0 {
					return // an empty page has no single position to compare
				}
				if got.PageInfo.HasNextPage != (high < len(full.Nodes)) || got.PageInfo.HasPreviousPage != (low > 0) {
					t.Fatalf("%s: [%d, %d) of %d, page info %+v", arguments, low, high, len(full.Nodes), got.PageInfo)
				}
				if *got.PageInfo.StartCursor != got.Edges[0].Cursor || *got.PageInfo.EndCursor != got.Edges[len(got.Edges)-1].Cursor {
					t.Fatalf("%s: startCursor and endCursor are not those of the first and last edge", arguments)
				}
				if got.TotalCount != len(full.Nodes) {
					t.Fatalf("%s: totalCount %d, want %d", arguments, got.TotalCount, len(full.Nodes))
				}
			})
		})
	}
}

func cutPrefix(field string) (string, bool) {
	const prefix = "resource."
	if len(field) > len(prefix) && field[:len(prefix)] == prefix {
		return field[len(prefix):], true
	}
	return field, false
}

func keys(nodes []struct{ Key string }) []string {
	list := make([]string, len(nodes))
	for i, node := range nodes {
		list[i] = node.Key
	}
	return list
}

// Paging while others insert neither misses nor repeats existing rows.
func TestPaging_ConcurrentInserts_NothingLostOrRepeated(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || to_char(n, 'FM000'), 'playbook', '1.0.0', '{}' FROM generate_series(1, 100) n`)
	var seen []string
	cursor := ""
	for page := 0; ; page++ {
		var got struct{ Resources connection }
		a.mustAsk(&got, `query($after: String) { resources(first: 7, after: $after, filter: {pathPrefix: "p/"}) {
			nodes { key: path } pageInfo { hasNextPage endCursor } } }`, variables{"after": nilIfEmpty(cursor)})
		for _, node := range got.Resources.Nodes {
			if len(node.Key) == len("p/000") {
				seen = append(seen, node.Key)
			}
		}
		// One before and one after the page's end.
		a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES
			('p/' || to_char($1::int * 7, 'FM000') || '-early', 'playbook', '1.0.0', '{}'),
			('p/' || to_char($1::int * 7 + 20, 'FM000') || '-late', 'playbook', '1.0.0', '{}')`, page)
		if !got.Resources.PageInfo.HasNextPage {
			break
		}
		cursor = *got.Resources.PageInfo.EndCursor
	}
	want := make([]string, 100)
	for i := range want {
		want[i] = fmt.Sprintf("p/%03d", i+1)
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("paths seen (-want +got):\n%s", diff)
	}
	if !slices.IsSorted(seen) {
		t.Error("pages are out of order")
	}
}

func nilIfEmpty(text string) any {
	if text == "" {
		return nil
	}
	return text
}

func TestEvents_FirstInstant_PagedWithoutGapOrRepetition(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", 1)
	var inputs []variables
	for _, event := range [][2]string{{"e1", "0001-01-01T00:00:00Z"}, {"e2", "0001-01-01T00:00:00Z"}, {"e3", "1950-01-01T00:00:00Z"}} {
		inputs = append(inputs, variables{"eventId": event[0], "type": "UPDATED", "path": "p", "timestamp": event[1]})
	}
	a.mustAsk(nil, recordMutation, variables{"inputs": inputs})
	for direction, want := range map[string]string{"ASC": "e1 e2 e3", "DESC": "e3 e2 e1"} {
		var after *string
		var got []string
		for range 5 {
			var page struct {
				Events struct {
					Nodes    []struct{ EventID string }
					PageInfo struct{ EndCursor *string }
				}
			}
			a.mustAsk(&page, `query($after: String, $direction: OrderDirection!) { events(first: 1, after: $after, direction: $direction, filter: {types: ["UPDATED"]}) { nodes { eventId } pageInfo { endCursor } } }`,
				variables{"after": after, "direction": direction})
			if len(page.Events.Nodes) == 0 {
				break
			}
			got, after = append(got, page.Events.Nodes[0].EventID), page.Events.PageInfo.EndCursor
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", direction, got, want)
		}
	}
}
