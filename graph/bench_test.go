package graph_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

// The workloads of docs/performance.md, "Requests", from the request's bytes to
// the answer's, with plans and with resolvers only.
func BenchmarkQuery(b *testing.B) {
	url := dbtest.URL(b)
	planned := setupAt(b, url)
	resolved := setupAt(b, url, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	planned.exec(`INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || n, 'playbook', '1.0.' || v, jsonb_build_object('name', n, 'text', repeat('x', 1400)) FROM generate_series(1, 100) n CROSS JOIN generate_series(0, 4) v`)
	planned.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, payload)
		SELECT 'e' || n, 'UPDATED', 'p/' || 1 + n % 100, '1.0.' || n % 5, '{}' FROM generate_series(1, 5000) n`)
	planned.exec(`ANALYZE`)
	var page struct {
		Resources struct{ PageInfo struct{ EndCursor string } }
	}
	planned.mustAsk(&page, `{ resources(first: 20) { pageInfo { endCursor } } }`, nil)
	const versions = `nodes { path versions(first: 5) { nodes { version timestamp events(first: 5) { nodes { eventId type { name } timestamp } } } } }`
	for _, workload := range []struct{ name, query string }{
		{"Q1", `query($path: String!, $version: String!) { version(path: $path, version: $version) { path version payload } }`},
		{"Q2", `{ resources(first: 50) { nodes { path type { name } latestVersion { version revision timestamp source } } } }`},
		{"Q3", `{ resources(first: 20) { ` + versions + ` } }`},
		{"Q3_page_2", `query($after: String) { resources(first: 20, after: $after) { pageInfo { hasPreviousPage } ` + versions + ` } }`},
		{"Q4", `{ events(first: 100) { nodes { eventId timestamp type { name } resource { path type { name } } } } }`},
	} {
		for name, a := range map[string]*api{"plan": planned, "resolvers": resolved} {
			b.Run(workload.name+"/"+name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					request := httptest.NewRequestWithContext(b.Context(), http.MethodPost, "http://localhost/graphql", strings.NewReader(`{"query":"`+workload.query+`","variables":{"path":"p/1","version":"1.0.3","after":"`+page.Resources.PageInfo.EndCursor+`"}}`))
					request.Header.Set("Content-Type", "application/json")
					answer := httptest.NewRecorder()
					a.http.Config.Handler.ServeHTTP(answer, request)
					if answer.Code != http.StatusOK {
						text, _ := io.ReadAll(answer.Body)
						b.Fatal(string(text))
					}
				}
			})
		}
	}
}
