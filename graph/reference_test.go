package graph_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// insertCallers registers resources of three teams that call one another.
func insertCallers(a *api) {
	for _, team := range []string{"team1", "team2", "team3"} {
		for n := range 4 {
			a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ($1, 'playbook', '1', $2)`, fmt.Sprintf("%s/load-%d", team, n), fmt.Sprintf(`{
				"metadata": {"name": "Load größe %[1]d", "tags": ["ETL", "%[2]s"]},
				"workflow": [
					{"step": "fetch", "tool": {"kind": "http", "auth": "web"}},
					{"step": "first", "tool": {"kind": "playbook", "path": "team1/load-0"}},
					{"step": "again", "tool": [{"kind": "playbook", "path": "team1/load-0"}, {"kind": "playbook", "path": "none"}, {"kind": "playbook", "path": "{{ which }}"}]}]}`, n, team))
		}
	}
}

type references struct {
	TotalCount int
	Edges      []struct {
		Cursor string
		Node   struct {
			Kind, Pointer, Step, Target string
			Templated                   bool
			From                        struct{ Path string }
			Resource                    *struct{ Path string }
		}
	}
	PageInfo struct{ HasNextPage, HasPreviousPage bool }
}

const referenceFields = `{ totalCount edges { cursor node { kind pointer step target templated from { path } resource { path } } } pageInfo { hasNextPage hasPreviousPage } }`

func TestReferences_OfAResource_InTheOrderOfThePayload(t *testing.T) {
	t.Parallel()
	a := setup(t)
	insertCallers(a)
	var got struct {
		Resource struct {
			Tags                  []string
			References, Playbooks references
		}
	}
	a.mustAsk(&got, `{ resource(path: "team2/load-1") { tags references(first: 3) `+referenceFields+` playbooks: references(last: 2, kinds: [PLAYBOOK]) `+referenceFields+` } }`, nil)
	list := func(r references) string {
		var lines []string
		for _, edge := range r.Edges {
			resolved := "-"
			if edge.Node.Resource != nil {
				resolved = edge.Node.Resource.Path
			}
			lines = append(lines, fmt.Sprintf("%s %s %s %s %s %v %s", edge.Node.From.Path, edge.Node.Kind, edge.Node.Step, edge.Node.Pointer, edge.Node.Target, edge.Node.Templated, resolved))
		}
		return fmt.Sprint(strings.Join(lines, "\n"), "\n", r.TotalCount, r.PageInfo)
	}
	if diff := cmp.Diff("team2/load-1 CREDENTIAL fetch /workflow/0/tool/auth web false -\n"+
		"team2/load-1 TOOL fetch /workflow/0/tool/kind http false -\n"+
		"team2/load-1 TOOL first /workflow/1/tool/kind playbook false -\n10 {true false}", list(got.Resource.References)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("team2/load-1 PLAYBOOK again /workflow/2/tool/1/path none false -\n"+
		"team2/load-1 PLAYBOOK again /workflow/2/tool/2/path {{ which }} true -\n4 {false true}", list(got.Resource.Playbooks)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"ETL", "team2"}, got.Resource.Tags); diff != "" {
		t.Errorf("tags (-want +got):\n%s", diff)
	}
}

// Pages of both lists, of any size and in both directions, are the parts of the whole.
func TestReferences_Pages_AreParts(t *testing.T) {
	t.Parallel()
	a := setup(t)
	insertCallers(a)
	for _, field := range []string{"references", "referencedBy", "search"} {
		type answer struct {
			Resource  struct{ List references }
			Resources references
		}
		read := func(arguments string) references {
			var got answer
			if field == "search" {
				a.mustAsk(&got, `{ resources(filter: {search: "load"}, `+arguments+`) { totalCount edges { cursor node { target: path } } pageInfo { hasNextPage hasPreviousPage } } }`, nil)
				return got.Resources
			}
			a.mustAsk(&got, `{ resource(path: "team1/load-0") { list: `+field+`(`+arguments+`) `+referenceFields+` } }`, nil)
			return got.Resource.List
		}
		full := read("first: 200")
		if len(full.Edges) != full.TotalCount || full.TotalCount < 6 {
			t.Fatalf("%s has %d, counted as %d", field, len(full.Edges), full.TotalCount)
		}
		for size := 1; size < 4; size++ {
			for from := range full.Edges {
				upTo := min(from+1+size, len(full.Edges))
				page := read(fmt.Sprintf(`first: %d, after: %q`, size, full.Edges[from].Cursor))
				if diff := cmp.Diff(full.Edges[from+1:upTo], page.Edges); diff != "" && from+1 < upTo {
					t.Errorf("%s: %d after %d (-whole +page):\n%s", field, size, from, diff)
				}
				if page.PageInfo.HasNextPage != (upTo < len(full.Edges)) || !page.PageInfo.HasPreviousPage {
					t.Errorf("%s: %d after %d: %+v", field, size, from, page.PageInfo)
				}
				page = read(fmt.Sprintf(`last: %d, before: %q`, size, full.Edges[from].Cursor))
				if diff := cmp.Diff(full.Edges[max(0, from-size):from], page.Edges); diff != "" && from > 0 {
					t.Errorf("%s: %d before %d (-whole +page):\n%s", field, size, from, diff)
				}
			}
		}
	}
}

func TestResources_FoundBy_EachCondition(t *testing.T) {
	t.Parallel()
	a := setup(t)
	insertCallers(a)
	a.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('other', 'task', '1', '{"metadata": {"tags": ["Zürich"]}, "tool": {"kind": "postgres", "auth": "pg"}}')`)
	for filter, want := range map[string]string{
		`{search: "GROSSE 2"}`:                      "team1/load-2 team2/load-2 team3/load-2 3",
		`{search: "rosse team2"}`:                   "team2/load-0 team2/load-1 team2/load-2 4",
		`{search: "osse x"}`:                        " 0",
		`{search: "-"}`:                             "other team1/load-0 team1/load-1 13",
		`{search: "-", types: ["task"]}`:            "other 1",
		`{search: "zurich"}`:                        "other 1",
		`{search: "load", types: ["task"]}`:         " 0",
		`{search: "load", paths: ["team1/load-1"]}`: "team1/load-1 1",
		`{search: "load", payload: {metadata: {name: "Load größe 3"}}}`: "team1/load-3 team2/load-3 team3/load-3 3",
		`{tags: ["ZURICH", "TEAM3"], search: "3"}`:                      "team3/load-3 1",
		`{tags: ["etl"], pathPrefix: "team2/"}`:                         "team2/load-0 team2/load-1 team2/load-2 4",
		`{tags: []}`:                                                    " 0",
		`{calls: "team1/load-0", pathPrefix: "team3/"}`:                 "team3/load-0 team3/load-1 team3/load-2 4",
		`{calls: "{{ which }}"}`:                                        " 0",
		`{usesTool: "postgres"}`:                                        "other 1",
		`{usesTool: "http", usesCredential: "web", calls: "none", tags: ["team1"], types: ["playbook"]}`: "team1/load-0 team1/load-1 team1/load-2 4",
		`{usesTool: "http", usesCredential: "pg"}`:                                                       " 0",
		`{usesCredential: "pg"}`: "other 1",
	} {
		var got struct {
			Resources struct {
				Nodes      []struct{ Path string }
				TotalCount int
			}
			ResourceTypes []struct{ Resources struct{ TotalCount int } }
		}
		a.mustAsk(&got, `{ resources(first: 3, filter: `+filter+`) { nodes { path } totalCount } resourceTypes { resources(filter: `+filter+`) { totalCount } } }`, nil)
		var paths []string
		for _, node := range got.Resources.Nodes {
			paths = append(paths, node.Path)
		}
		if text := strings.Join(paths, " ") + fmt.Sprint(" ", got.Resources.TotalCount); text != want {
			t.Errorf("%s: %q, want %q", filter, text, want)
		}
		total := 0
		for _, resourceType := range got.ResourceTypes {
			total += resourceType.Resources.TotalCount
		}
		if total != got.Resources.TotalCount {
			t.Errorf("%s: %d over the types, %d in all", filter, total, got.Resources.TotalCount)
		}
	}
	for condition, argument := range map[string]string{
		`search: "1 2 3 4 5 6 7 8 9"`: "filter.search", `search: "\u0000"`: "filter.search",
		`tags: ["a", "\u0000"]`: "filter.tags[1]", `calls: "\u0000"`: "filter.calls", `usesTool: "\u0000"`: "filter.usesTool", `usesCredential: "\u0000"`: "filter.usesCredential",
	} {
		for _, field := range []string{`resources(filter: {%s}) { totalCount }`, `resourceFacets(filter: {%s}) { tags { name } }`} {
			a.wantError("BAD_USER_INPUT", argument, "{ "+fmt.Sprintf(field, condition)+" }", nil)
		}
	}
	a.wantError("PAYLOAD_TOO_LARGE", "filter.search", `query($text: String) { resources(filter: {search: $text}) { totalCount } }`, variables{"text": strings.Repeat("a", 1025)})
	var page struct {
		Resources struct{ PageInfo struct{ EndCursor string } }
	}
	a.mustAsk(&page, `{ resources(first: 2, filter: {search: "load"}) { pageInfo { endCursor } } }`, nil)
	a.wantError("BAD_USER_INPUT", "after", `query($after: String) { resources(after: $after, filter: {search: "loads"}) { totalCount } }`, variables{"after": page.Resources.PageInfo.EndCursor})
	a.wantError("BAD_USER_INPUT", "filter.minDurationMs", `{ executions(filter: {minDurationMs: -1}) { totalCount } }`, nil)
	a.wantError("BAD_USER_INPUT", "kinds", `query($kinds: [ReferenceKind!]) { resource(path: "other") { references(kinds: $kinds) { totalCount } } }`, variables{"kinds": slices.Repeat([]string{"TOOL"}, 201)})
}
