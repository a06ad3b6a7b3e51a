package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const deferredQuery = `query($defer: Boolean!) { resources(first: 20) { totalCount nodes { path
	... @defer(if: $defer, label: "versions") { versionCount versions(first: 2) { nodes { version content previous { version }
		... @defer(if: $defer, label: "events") { events(first: 2) { nodes { message } } } } } }
	... @defer(if: $defer) { latestVersion { version payload } } }
	... @defer(if: $defer) { all: totalCount pageInfo { hasNextPage } } } }`

// parts asks for the answer as Apollo Client does, and returns its parts.
func (a *api) parts(query string, vars variables) []map[string]any {
	a.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		a.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(a.t.Context(), http.MethodPost, a.http.URL+"/graphql", strings.NewReader(string(body)))
	if err != nil {
		a.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "multipart/mixed;deferSpec=20220824,application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	_, parameters, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil || parameters["deferspec"] != "20220824" {
		a.t.Fatalf("Content-Type %q: %v", response.Header.Get("Content-Type"), err)
	}
	var parts []map[string]any
	for reader := multipart.NewReader(response.Body, parameters["boundary"]); ; {
		part, err := reader.NextPart()
		if err == io.EOF {
			return parts
		}
		if err != nil {
			a.t.Fatal(err)
		}
		var document map[string]any
		if err := json.NewDecoder(part).Decode(&document); err != nil {
			a.t.Fatal(err)
		}
		parts = append(parts, document)
	}
}

// merge puts the increments where their paths say.
func merge(t *testing.T, parts []map[string]any) any {
	t.Helper()
	whole := parts[0]["data"]
	for i, part := range parts {
		if part["hasNext"] != (i < len(parts)-1) {
			t.Errorf("part %d of %d: hasNext is %v", i, len(parts), part["hasNext"])
		}
		increments, _ := part["incremental"].([]any)
		for _, increment := range increments {
			at := whole
			for _, key := range increment.(map[string]any)["path"].([]any) {
				switch key := key.(type) {
				case string:
					at = at.(map[string]any)[key]
				case float64:
					at = at.([]any)[int(key)]
				}
			}
			for name, value := range increment.(map[string]any)["data"].(map[string]any) {
				if had, ok := at.(map[string]any)[name]; ok {
					t.Errorf("%s came before it was ready: %v", name, had)
				}
				at.(map[string]any)[name] = value
			}
		}
	}
	return whole
}

// What is deferred is no other answer than the one in a single part, and costs
// a number of statements that does not grow with the page.
func TestDefer_MergedParts_EqualTheWholeAnswer(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var statements []int
	registered := 0
	for _, resources := range []int{3, 15} {
		for ; registered < resources; registered++ {
			for version := range 3 {
				a.register(fmt.Sprintf("deferred/%02d", registered), variables{"version": version})
			}
		}
		var want any
		a.get(&want, deferredQuery, variables{"defer": false})
		a.sql.take()
		parts := a.parts(deferredQuery, variables{"defer": true})
		statements = append(statements, len(a.sql.take()))
		if len(parts) < 1+resources {
			t.Errorf("%d resources came in %d parts", resources, len(parts))
		}
		if diff := cmp.Diff(want, merge(t, parts)); diff != "" {
			t.Errorf("%d resources (-whole +merged):\n%s", resources, diff)
		}
	}
	if statements[0] != statements[1] {
		t.Errorf("3 resources took %d statements, 15 took %d", statements[0], statements[1])
	}
}

func TestDefer_RefusedWhereItsPartsWouldBeLost(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.refused("BAD_USER_INPUT", "", `{resources {nodes {... @defer {path}}}}`, nil)
	a.refused("BAD_USER_INPUT", "", `mutation {saveResourceType(input: {name: "x"}) {... @defer {resourceType {name}}}}`, nil)
	var got any
	a.get(&got, `{resourceTypes {... @defer(if: false) {name}}}`, nil)
}
