package graph_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// generator generates queries over the whole schema.
type generator struct {
	t       *rapid.T
	schema  *ast.Schema
	aliases int
	// cursors are valid and invalid cursors.
	cursors []string
	// ownRow limits an event's selection to the fields of its own row.
	ownRow bool
	// withoutDirectives leaves out directives, so that plans are cached.
	withoutDirectives bool
	// withDefer adds fragments that $defer defers.
	withDefer bool
	fragments []string
	// roots are the fields of Query that the query selects.
	roots int
}

func (g *generator) isLeaf(field *ast.FieldDefinition) bool {
	return len(g.schema.Types[field.Type.Name()].Fields) == 0
}

func (g *generator) selection(typeName string, depth int) string {
	definition := g.schema.Types[typeName]
	if definition.Kind == ast.Interface {
		text := "{ __typename id "
		for _, possible := range g.schema.GetPossibleTypes(definition) {
			if rapid.Bool().Draw(g.t, possible.Name) {
				text += "... on " + possible.Name + " " + g.selection(possible.Name, depth-1) + " "
			}
		}
		return text + "}"
	}
	var fields ast.FieldList
	for _, field := range definition.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		if g.ownRow && (typeName == "Event" && (!g.isLeaf(field) && field.Name != "type") || typeName == "EventType" && field.Name == "template") {
			continue
		}
		if depth > 0 || g.isLeaf(field) {
			fields = append(fields, field)
		}
	}
	if len(fields) == 0 {
		return "{ __typename }"
	}
	var text strings.Builder
	text.WriteString("{ ")
	for range rapid.IntRange(1, 4).Draw(g.t, "fields") {
		field := rapid.SampledFrom(fields).Draw(g.t, "field")
		selected := g.field(field, depth)
		if typeName == "Query" {
			g.roots++
		}
		switch rapid.IntRange(0, 11).Draw(g.t, "form") {
		case 0:
			selected = "... { " + selected + " }"
		case 1:
			selected = "... on " + typeName + " { " + selected + " __typename }"
		case 2:
			name := fmt.Sprintf("F%d", len(g.fragments))
			g.fragments = append(g.fragments, fmt.Sprintf("fragment %s on %s { %s }", name, typeName, selected))
			selected = "..." + name
		case 4, 5:
			if g.withDefer {
				selected = rapid.SampledFrom([]string{"... @defer(if: $defer)", `... @defer(if: $defer, label: "same")`, "... @defer(if: $defer, label: \"" + fmt.Sprint(g.aliases) + "\")"}).Draw(g.t, "defer") + " { " + selected + " }"
			}
		case 3:
			if g.withoutDirectives {
				break
			}
			selected += " " + rapid.SampledFrom([]string{"... @include(if: $yes) { __typename }", "... @skip(if: $yes) { __typename }"}).Draw(g.t, "directive")
		}
		text.WriteString(selected + " ")
	}
	text.WriteString("}")
	return text.String()
}

func (g *generator) field(field *ast.FieldDefinition, depth int) string {
	g.aliases++
	text := fmt.Sprintf("a%d: %s%s", g.aliases, field.Name, g.arguments(field))
	if !g.isLeaf(field) {
		text += " " + g.selection(field.Type.Name(), depth-1)
	}
	return text
}

func (g *generator) arguments(field *ast.FieldDefinition) string {
	var arguments []string
	for _, argument := range field.Arguments {
		value := g.argument(argument)
		if value == "" && argument.Type.NonNull && argument.DefaultValue == nil {
			value = `""`
		}
		if value != "" {
			arguments = append(arguments, argument.Name+": "+value)
		}
	}
	if len(arguments) == 0 {
		return ""
	}
	return "(" + strings.Join(arguments, ", ") + ")"
}

func (g *generator) argument(argument *ast.ArgumentDefinition) string {
	pick := func(values ...string) string { return rapid.SampledFrom(values).Draw(g.t, argument.Name) }
	cursor := func() string {
		if rapid.IntRange(0, 7).Draw(g.t, "with cursor") > 0 {
			return ""
		}
		return fmt.Sprintf("%q", rapid.SampledFrom(g.cursors).Draw(g.t, "cursor"))
	}
	switch argument.Name {
	case "first":
		return pick("", "1", "2", "3", "$n", "7", "$n", "3", "5", "4", "2", "201")
	case "last":
		return pick("", "", "", "", "", "", "", "", "", "", "", "", "2")
	case "after", "before":
		return cursor()
	case "path":
		return pick(`"p/0"`, `"p/1"`, `"p/3"`, "$path", `"p/3"`, `"p/5"`, `"none"`, `"p/2"`, `"p/3"`, `""`)
	case "paths":
		return pick(`["p/0", "none", "p/2", "p/0"]`, `[$path]`, `[]`)
	case "version":
		return pick("", `"1.0.0"`, `"1.0.1"`, `"9"`)
	case "against":
		return pick("", `"1.0.0"`, `"9"`)
	case "eventId":
		return pick(`"e1"`, `"e17"`, `"none"`)
	case "executionId":
		return pick(`"1"`, `"2"`, `"none"`)
	case "id":
		return pick(nodeIDs...)
	case "ids":
		return "[" + pick(nodeIDs...) + ", " + pick(nodeIDs...) + ", " + pick(nodeIDs...) + "]"
	case "template":
		return `"{{ event_id }}"`
	case "direction":
		return pick("", "ASC", "DESC")
	case "orderBy":
		return pick("", "{field: UPDATED_AT}", "{field: PATH, direction: DESC}", "$order")
	case "filter":
		if argument.Type.Name() == "EventFilter" {
			return pick("", "", `{types: ["UPDATED"]}`, `{types: []}`, `{path: $path}`, `{step: "s1"}`, `{meta: {k: 1}}`, `$filter`, `{since: "2020-01-01T00:00:00Z"}`)
		}
		if argument.Type.Name() == "ResourceFilter" {
			return pick("", "", `{pathPrefix: "p/"}`, `{types: ["playbook", "task"]}`, `{paths: []}`)
		}
	}
	return ""
}

// singleRoot returns an operation of one root field, with the variables that it uses.
func (g *generator) singleRoot() string {
	g.withoutDirectives = true
	var text string
	if rapid.Bool().Draw(g.t, "tree") {
		text = g.tree()
	} else {
		roots := slices.DeleteFunc(slices.Clone(g.schema.Query.Fields), func(f *ast.FieldDefinition) bool { return strings.HasPrefix(f.Name, "__") })
		text = g.field(rapid.SampledFrom(roots).Draw(g.t, "root"), 4)
	}
	var declared []string
	for name, declaration := range map[string]string{
		"$n": "$n: Int = 2", "$path": "$path: String!", "$order": "$order: ResourceOrder", "$filter": "$filter: EventFilter",
	} {
		if strings.Contains(text+strings.Join(g.fragments, " "), name) {
			declared = append(declared, declaration)
		}
	}
	slices.Sort(declared)
	if len(declared) > 0 {
		return "query(" + strings.Join(declared, ", ") + ") { " + text + " } " + strings.Join(g.fragments, " ")
	}
	return "{ " + text + " } " + strings.Join(g.fragments, " ")
}

// tree returns a field whose levels one statement reads, and other fields below it that
// this statement does not read.
func (g *generator) tree() string {
	list := func(name, typeName, below string) string {
		field := g.schema.Types[typeName].Fields.ForName(name)
		connection := field.Type.Name()
		node := g.schema.Types[connection].Fields.ForName("nodes").Type.Name()
		nodes := "{ " + below + " ... " + g.selection(node, 1) + " }"
		if rapid.IntRange(0, 3).Draw(g.t, "edges") == 0 {
			nodes = "edges { cursor node " + nodes + " }"
		} else {
			nodes = "nodes " + nodes
		}
		switch rapid.IntRange(0, 3).Draw(g.t, "more") {
		case 0:
			nodes += " pageInfo { hasNextPage hasPreviousPage }"
		case 1:
			nodes += " ... " + g.selection(connection, 2)
		}
		arguments := rapid.SampledFrom([]string{"", "(first: 2)", "(first: $n)", "(first: 1)", "(last: 2)", g.arguments(field)}).Draw(g.t, "arguments")
		g.aliases++
		return fmt.Sprintf("a%d: %s%s { %s }", g.aliases, name, arguments, nodes)
	}
	versions := func() string { return list("versions", "Resource", list("events", "Version", "")) }
	switch rapid.IntRange(0, 2).Draw(g.t, "of") {
	case 0:
		return list("events", "Query", "resource { "+rapid.SampledFrom([]string{"type { name }", "id path", "name"}).Draw(g.t, "resource")+" }")
	case 1:
		return `a0: resource(path: "p/3") { ` + versions() + " ... " + g.selection("Resource", 2) + " }"
	}
	return list("resources", "Query", versions())
}

// nodeIDs are the global ids of a resource, a version, an event and an execution,
// one of a missing object, and an invalid one.
var nodeIDs = func() (ids []string) {
	for _, id := range []string{"Resource:p/0", "Version:p/3\x001.0.1", "Event:e1", "Event:e17", "Execution:1", "Resource:none"} {
		ids = append(ids, fmt.Sprintf("%q", base64.RawURLEncoding.EncodeToString([]byte(id))))
	}
	return append(ids, `"?"`)
}()

// insertSamples registers resources and records events for generated queries, and returns
// the schema and some cursors.
func (a *api) insertSamples() (*ast.Schema, []string) {
	a.t.Helper()
	a.exec(`INSERT INTO event_type VALUES ('templated', '{{ resource_type }} {{ payload.n }} {{ meta.k | default("-") }}'), ('broken', '{{ payload.n | upper }} {{'), ('plain', NULL)`)
	for i := range 6 {
		for v := range 1 + i%4 {
			a.mustAsk(nil, `mutation($input: RegisterResourceInput!) { registerResource(input: $input) { status } }`, variables{"input": variables{
				"path": fmt.Sprintf("p/%d", i), "type": []string{"playbook", "task"}[i%2], "meta": []any{nil, variables{"by": "me\t\"\u0001"}}[v%2],
				"payload": variables{"yaml": fmt.Sprintf("# \"quoted\"\\\t\nname: n%d\nn: %d.50\nmetadata: {description: 'dé<&>'}\n", i, v)},
			}})
		}
	}
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		SELECT 'e' || n, (ARRAY['templated', 'broken', 'plain', 'UPDATED', 'EXECUTION_STARTED'])[1 + n % 5], 'p/' || n % 6, '1.0.0',
			CASE WHEN n % 3 > 0 THEN jsonb_build_object('n', n * 1.10) END,
			CASE WHEN n % 4 > 0 THEN jsonb_build_object('k', n % 3, 'node_name', 's' || n % 2, 'status', n, 'execution_id', n % 4) END
		FROM generate_series(1, 90) n`)
	var page struct {
		Resources, Events struct{ Edges []struct{ Cursor string } }
		Resource          struct {
			Versions struct{ Edges []struct{ Cursor string } }
		}
	}
	a.mustAsk(&page, `{ resources(first: 4) { edges { cursor } } events(first: 40) { edges { cursor } } resource(path: "p/3") { versions { edges { cursor } } } }`, nil)
	return gqlparser.MustLoadSchema(&ast.Source{Input: a.sdl()}), []string{"", "no cursor", page.Resources.Edges[1].Cursor, page.Events.Edges[3].Cursor, page.Events.Edges[30].Cursor, page.Resource.Versions.Edges[1].Cursor}
}

// Plans and resolvers give the same answer to any query, byte for byte, and plans answer
// every root field.
func TestPlan_AnyQuery_AnsweredAsByTheResolvers(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	planned := setupAt(t, url)
	resolved := setupAt(t, url, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	schema, cursors := planned.insertSamples()
	ask := func(a *api, body []byte) (data string, errs []string) {
		var answer struct {
			Data   json.RawMessage
			Errors []json.RawMessage
		}
		if err := json.Unmarshal([]byte(a.read(a.post("application/json", string(body)))), &answer); err != nil {
			t.Fatal(err)
		}
		for _, failure := range answer.Errors {
			errs = append(errs, string(failure))
		}
		slices.Sort(errs)
		return string(answer.Data), errs
	}
	var good, all int
	check := func(t *rapid.T) {
		g := &generator{t: t, schema: schema, cursors: cursors}
		query := g.selection("Query", 4)
		roots := g.roots + 2
		// Every variable has to be used.
		used := `used: resource(path: $path) { events(first: $n, filter: $filter) { __typename } __typename @include(if: $yes) } ` +
			`order: resources(first: 1, orderBy: $order) { __typename } }`
		query = `query($n: Int = 2, $path: String!, $yes: Boolean!, $order: ResourceOrder, $filter: EventFilter) ` +
			strings.TrimSuffix(query, "}") + used + strings.Join(g.fragments, " ")
		times := 1
		if rapid.Bool().Draw(t, "alone") {
			g.fragments = nil
			query, times, roots = g.singleRoot(), 2, 1 // the second time by the cached plan
		}
		body, err := json.Marshal(map[string]any{"query": query, "variables": map[string]any{
			"path": "p/1", "yes": rapid.Bool().Draw(t, "yes"), "order": map[string]any{"field": "CREATED_AT"},
			"filter": map[string]any{"statuses": []string{"1", "2", "5"}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		want, wantErrs := ask(resolved, body)
		all++
		if len(wantErrs) == 0 {
			good++
		}
		for range times {
			before := planned.planAnswers()
			got, gotErrs := ask(planned, body)
			// An operation that is refused as a whole has no data.
			if answers := planned.planAnswers() - before; want != "" && answers != roots {
				t.Fatalf("%s\nplans answered %d of %d fields", query, answers, roots)
			}
			// Beyond its limit of errors, gqlgen reports an arbitrary subset.
			equalErrs := slices.Equal(gotErrs, wantErrs) || min(len(gotErrs), len(wantErrs)) >= apierror.MaxErrors
			if got != want || !equalErrs {
				t.Fatalf("%s\nplanned  %s %s\nresolved %s %s", query, got, gotErrs, want, wantErrs)
			}
		}
	}
	for range 5 { // a hundred queries cover too little of the schema
		rapid.Check(t, check)
	}
	if good < all/2 || good == all {
		t.Errorf("%d of %d queries are without an error", good, all)
	}
}

// The memory of an answer is reused only after the answer has been sent.
func TestPlan_ConcurrentRequests_AnswersNotMixed(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const paths = 8
	want := make([]string, paths)
	for i := range paths {
		a.register(fmt.Sprintf("p/%d", i), variables{"text": strings.Repeat(fmt.Sprint(i), 3000+500*i)})
		want[i] = fmt.Sprintf(`{"data":{"version":{"payload":{"text": "%s"}}}}`, strings.Repeat(fmt.Sprint(i), 3000+500*i))
	}
	var group sync.WaitGroup
	for client := range paths {
		group.Go(func() {
			for n := range 60 {
				i := (client + n) % paths
				body := fmt.Sprintf(`{"query": "{ version(path: \"p/%d\") { payload } }"}`, i)
				request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.http.URL+"/graphql", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Content-Type", "application/json")
				if n%2 == 0 {
					request.Header.Set("Accept-Encoding", "identity")
				}
				response, err := http.DefaultClient.Do(request)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil || string(got) != want[i] {
					t.Errorf("%v: the answer about p/%d is %.200s", err, i, got)
					return
				}
			}
		})
	}
	group.Wait()
	if answers := a.planAnswers(); answers < paths*60 {
		t.Errorf("plans gave only %d answers", answers)
	}
}
