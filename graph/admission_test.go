package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/internal/await"
)

// metric returns the value of one of the handler's metrics: for a label, or,
// without one, the sum over all labels.
func (a *api) metric(name, label string) (sum float64) {
	a.t.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			if label == "" || m.GetLabel()[0].GetValue() == label {
				sum += metricValue(m)
			}
		}
	}
	return sum
}

func metricValue(m *dto.Metric) float64 { return m.GetGauge().GetValue() + m.GetCounter().GetValue() }

// setupLarge returns a server with five resources with payloads of 60 KB.
func setupLarge(t testing.TB, options ...func(*graph.HandlerOptions)) *api {
	t.Helper()
	a := setupAt(t, dbtest.URL(t), options...)
	for i := range 5 {
		a.register(fmt.Sprintf("large/%d", i), variables{"text": strings.Repeat("x", 60_000)})
	}
	return a
}

const payloads = `{ resources(pathPrefix: "large/") { nodes { path latestVersion { payload } } } }`

var largeList = strings.Replace(payloads, `(pathPrefix: "large/")`, `(filter: {pathPrefix: "large/"})`, 1)

// Large requests wait for each other, restart where that is cheaper, and get the
// same answers as if they ran alone.
func TestAdmission_LargeRequestsAtOnce_AllAnswered(t *testing.T) {
	t.Parallel()
	a := setupLarge(t, func(o *graph.HandlerOptions) {
		o.Admission = admission.Options{Slots: 1, Light: 20_000, MaxQueue: 1000, MaxWait: 1 << 40, MaxTime: time.Hour}
		o.QueryTimeout = time.Hour // requests are slow on a busy machine
	})
	want, errs := a.ask(largeList, nil)
	if len(errs) > 0 || len(want) < 300_000 {
		t.Fatalf("%v: %.200s", errs, want)
	}
	// A comment makes another document, whose size is not known yet.
	queries := []string{
		largeList, "#\n" + largeList, `{ a: resources(filter: {pathPrefix: "large/"}) { nodes { latestVersion { payload } } } b: resources { nodes { path } } }`,
		`{ resources { nodes { path ... @defer { latestVersion { payload } } } } }`, `{ resources { nodes { path versions(first: 2) { nodes { payload } } } } }`,
	}
	wants := make([]string, len(queries))
	for i, query := range queries {
		wants[i] = a.fullBody(query)
	}
	var group sync.WaitGroup
	for n := range 60 {
		group.Go(func() {
			i := n % len(queries)
			query := queries[i]
			if n%2 == 0 {
				query += fmt.Sprintf("# %d", n)
			}
			if diff := cmp.Diff(wants[i], a.fullBody(query)); diff != "" {
				t.Errorf("%s: %.500s", query, diff)
			}
		})
	}
	group.Wait()
	if strings.Contains(a.log.String(), "error while answering") {
		t.Error(a.log.String())
	}
	for _, name := range []string{"catalog_requests_held_bytes", "catalog_requests_heavy", "catalog_requests_rejected_total"} {
		if left := a.metric(name, ""); left != 0 {
			t.Errorf("%s is %v", name, left)
		}
	}
}

// fullBody returns the body of an answer, with all its parts.
func (a *api) fullBody(query string) string {
	a.t.Helper()
	return a.attempt(query, "", nil).body
}

type httpAnswer struct {
	status int
	retry  string
	body   string
	code   string
}

// attempt sends a request that need not succeed.
func (a *api) attempt(query, token string, vars variables) httpAnswer {
	a.t.Helper()
	response := a.request(http.MethodPost, "/graphql", a.encode(map[string]any{"query": query, "variables": vars}),
		"Content-Type", "application/json", "Accept", "text/event-stream, application/json", "Authorization", "Bearer "+token)
	got := httpAnswer{status: response.StatusCode, retry: response.Header.Get("Retry-After"), body: a.read(response)}
	var decoded struct{ Errors []gqlError }
	if json.Unmarshal([]byte(got.body), &decoded) == nil && len(decoded.Errors) > 0 {
		got.code, _ = decoded.Errors[0].Extensions["code"].(string)
	}
	return got
}

// An answer that is too long is refused as soon as it is detected: while rows are
// read, or while the answer is written.
func TestAdmission_AnswerTooLong_RefusedWithPath(t *testing.T) {
	t.Parallel()
	a := setupLarge(t, func(o *graph.HandlerOptions) { o.MaxResponse = 100_000 })
	for query, path := range map[string]string{
		largeList: "resources nodes 1 latestVersion payload",
		`{ resources { edges { node { versions { nodes { payload } } } } } }`:                                                           "resources edges 1 node versions nodes 0 payload",
		`{ a: resource(path: "large/0") { latestVersion { a: payload b: payload } } }`:                                                  "a latestVersion b",
		`{ nodes(ids: ["` + strings.Repeat(`UmVzb3VyY2U6bGFyZ2UvMA","`, 3) + `x"]) { ... on Resource { latestVersion { payload } } } }`: "nodes 1 latestVersion payload",
	} {
		data, errs := a.ask(query, nil)
		if len(errs) != 1 || errs[0].Extensions["code"] != "RESPONSE_TOO_LARGE" || string(data) != "null" {
			t.Errorf("%s: %v %.100s", query, errs, data)
			continue
		}
		if got := strings.Trim(fmt.Sprint(errs[0].Path), "[]"); got != path {
			t.Errorf("%s: path %s, want %s", query, got, path)
		}
		if !strings.Contains(errs[0].Message, "payload") {
			t.Error(errs[0].Message)
		}
	}
	bounded := setupLarge(t, func(o *graph.HandlerOptions) { o.Admission = admission.Options{MaxRows: 150_000} })
	for query, path := range map[string]string{
		`{ resources { nodes { path versions { nodes { payload } } } } }`:                       "resources",
		`{ a: resources { nodes { path } } resources { nodes { latestVersion { payload } } } }`: "resources nodes 0 latestVersion",
	} {
		data, errs := bounded.ask(query, nil)
		if len(errs) != 1 || errs[0].Extensions["code"] != "RESPONSE_TOO_LARGE" || string(data) != "null" || strings.Trim(fmt.Sprint(errs[0].Path), "[]") != path {
			t.Errorf("%s: %+v %.100s", query, errs, data)
		}
	}
	got := bounded.fullBody(`{ resources { nodes { path ... @defer { versions { nodes { payload } } } } } }`)
	if !strings.Contains(got, `"incremental"`) || !strings.Contains(got, "RESPONSE_TOO_LARGE") || strings.Count(got, `"hasNext":false`) != 1 {
		t.Errorf("a deferred part: %.500s", got)
	}
	// The limit applies to each part of an answer on its own.
	if got := a.fullBody(`{ resources { nodes { ... @defer { latestVersion { payload } } } } }`); strings.Count(got, "xxx\"") != 5 || strings.Contains(got, "TOO_LARGE") {
		t.Errorf("deferred: %.300s", got)
	}
}

// If a mutation's answer is too long, the error says that the change was made.
func TestAdmission_MutationAnswerTooLong_OutcomeDone(t *testing.T) {
	t.Parallel()
	a := setupLarge(t, func(o *graph.HandlerOptions) { o.MaxResponse = 64 << 10 })
	_, errs := a.ask(`mutation($payload: JSON!) { registerResource(input: {path: "p/long", type: "task", payload: {json: $payload}}) {
		a: version { payload } b: version { payload } } }`, variables{"payload": variables{"text": strings.Repeat("x", 40_000)}})
	if len(errs) != 1 || errs[0].Extensions["code"] != "RESPONSE_TOO_LARGE" || errs[0].Extensions["outcome"] != "done" {
		t.Errorf("%+v", errs)
	}
	a.wantData(`{"resource":{"path":"p/long"}}`, `{ resource(path: "p/long") { path } }`, nil)
}

func TestAdmission_BudgetOfOneRequest_Stopped(t *testing.T) {
	t.Parallel()
	a := setupLarge(t, func(o *graph.HandlerOptions) { o.Admission = admission.Options{Light: 1000, MaxRequest: 150_000} })
	a.wantError("BUDGET_EXCEEDED", "", largeList, nil)
	got := a.attempt(`query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, "", variables{"ids": strings.Split(strings.Repeat("x,", 3000), ",")})
	if got.status != http.StatusRequestEntityTooLarge || got.code != "BUDGET_EXCEEDED" {
		t.Errorf("variables: %+v", got)
	}
	if left := a.metric("catalog_requests_held_bytes", ""); left != 0 {
		t.Errorf("%v bytes left", left)
	}
	if n := a.metric("catalog_requests_rejected_total", "request_memory"); n != 2 {
		t.Errorf("%v rejections were counted, want 2", n)
	}
	a.wantData(`{"resources":{"totalCount":5}}`, `{ resources { totalCount } }`, nil)
}

// For any query, an answer within the bounds equals that of a server without
// bounds, and all charged bytes are released.
func TestAdmission_AnyQuery_AnsweredAsWithoutBounds(t *testing.T) {
	t.Parallel()
	url := dbtest.URL(t)
	free := setupAt(t, url)
	for i := range 5 {
		free.register(fmt.Sprintf("large/%d", i), variables{"text": strings.Repeat("x", 3000*i)})
	}
	bounded := setupAt(t, url, func(o *graph.HandlerOptions) {
		o.Admission = admission.Options{Slots: 1, Light: 5000, MaxRequest: 60_000}
		o.MaxResponse = 40_000
	})
	rapid.Check(t, func(rt *rapid.T) {
		fields := rapid.SliceOfN(rapid.SampledFrom([]string{
			"path", "latestVersion { payload }", "versions(first: 3) { nodes { payload content } }", "latestEvent { payload message }", "versions { totalCount }",
			"a: latestVersion { diff { patch } }", "b: latestVersion { diff { text changes { after } } }", "events { nodes { meta version { payload } } }",
		}), 1, 4).Draw(rt, "fields")
		query := fmt.Sprintf(`{ resources(first: %d) { nodes { %s } } other: resourceTypes { resourceCount } }`,
			rapid.IntRange(1, 5).Draw(rt, "first"), strings.Join(rapid.Permutation(fields).Draw(rt, "order"), " "))
		want, wantErrs := free.ask(query, nil)
		got, errs := bounded.ask(query, nil)
		if len(wantErrs) > 0 && len(errs) > 0 {
			return // different fields have the same response name
		}
		if len(errs) == 0 {
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				rt.Errorf("%s: %.500s", query, diff)
			}
			if len(got) > 40_000+checkAfter {
				rt.Errorf("%s: %d bytes", query, len(got))
			}
			return
		}
		if code := errs[0].Extensions["code"]; len(errs) != 1 || code != "BUDGET_EXCEEDED" && code != "RESPONSE_TOO_LARGE" {
			rt.Errorf("%s: %v", query, errs)
		}
		if len(want) < 25_000 && strings.Count(query, "payload")+strings.Count(query, "diff") < 2 {
			rt.Errorf("%s: %v, though the answer has %d bytes", query, errs, len(want))
		}
	})
	if left := bounded.metric("catalog_requests_held_bytes", "") + bounded.metric("catalog_requests_heavy", ""); left != 0 {
		t.Errorf("%v bytes are still charged", left)
	}
}

// checkAfter is the number of bytes after which the length of an answer is checked.
const checkAfter = 32 << 10

func TestAdmission_QueueFull_LargeRefusedAtOnceLightServed(t *testing.T) {
	t.Parallel()
	a, tokens := withTokens(t, func(o *graph.HandlerOptions) {
		o.Admission = admission.Options{Slots: 1, Light: 20_000, MaxQueue: 4}
	})
	for i := range 5 {
		got := a.attempt(registerMutation, tokens[auth.Admin], variables{"input": variables{
			"path": fmt.Sprint("p/", i), "type": "playbook", "payload": variables{"json": strings.Repeat("x", 10_000)},
		}})
		if got.code != "" {
			t.Fatal(got)
		}
	}
	const large = `{ resources { nodes { latestVersion { payload } } } }`
	if got := a.attempt(large, tokens[auth.Viewer], nil); got.status != http.StatusOK || got.code != "" { // from now on the server knows that it is large
		t.Fatalf("%.300v", got)
	}
	blocked, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	a.sql.mu.Lock()
	a.sql.before = func(sql string) {
		if strings.Contains(sql, "name: VersionsByLabel ") {
			once.Do(func() {
				close(blocked)
				<-release
			})
		}
	}
	a.sql.mu.Unlock()
	var group sync.WaitGroup
	ask := func(role auth.Role) {
		group.Go(func() {
			if got := a.attempt(large, tokens[role], nil); got.status != http.StatusOK || got.code != "" {
				t.Errorf("%s: %.300v", role, got)
			}
		})
	}
	ask(auth.Viewer)
	await.Value(t, blocked)
	for n, role := range []auth.Role{auth.Viewer, auth.Viewer, auth.Publisher, auth.Publisher} {
		ask(role)
		for a.metric("catalog_requests_heavy", "waiting") != float64(n+1) {
			runtime.Gosched()
		}
		if n == 1 {
			got := a.attempt(large, tokens[auth.Viewer], nil)
			if got.status != http.StatusTooManyRequests || got.code != "TOO_MANY_REQUESTS" || got.retry == "" {
				t.Errorf("a caller with half of the queue: %.300v", got)
			}
		}
	}
	got := a.attempt(large, tokens[auth.Admin], nil)
	if got.status != http.StatusServiceUnavailable || got.code != "OVERLOADED" || got.retry == "" {
		t.Errorf("a full queue: %.300v", got)
	}
	socket := a.socket("Authorization", "Bearer "+tokens[auth.Admin])
	a.send(socket, map[string]any{"type": "subscribe", "id": "1", "payload": map[string]any{"query": large}})
	if got := a.receive(socket); got.Type != "error" || !strings.Contains(string(got.Payload), `"code":"OVERLOADED"`) {
		t.Errorf("over a WebSocket: %s %.300s", got.Type, got.Payload)
	}
	if got := a.attempt(`{ resources { nodes { path name } } }`, tokens[auth.Viewer], nil); got.status != http.StatusOK || !strings.Contains(got.body, "p/4") {
		t.Errorf("a light request: %.300v", got)
	}
	close(release)
	group.Wait()
	for _, code := range []string{"TOO_MANY_REQUESTS", "OVERLOADED"} { // the second OVERLOADED repeats the first
		if lines := strings.Count(a.log.String(), "code="+code); lines != 1 {
			t.Errorf("%d lines about %s:\n%s", lines, code, a.log)
		}
	}
	if waits := a.gather("catalog_requests_wait_seconds")[0].GetHistogram().GetSampleCount(); waits != 4 {
		t.Errorf("%d waits were measured, want 4", waits)
	}
}

// When the memory for all requests is used up, the error says when to retry, wherever
// the server detects it.
func TestAdmission_MemoryUsedUp_RetryAfter(t *testing.T) {
	t.Parallel()
	a, tokens := withTokens(t, func(o *graph.HandlerOptions) {
		o.Admission = admission.Options{Light: 20_000, MaxHeld: 200_000}
	})
	for i := range 12 {
		a.attempt(registerMutation, tokens[auth.Publisher], variables{"input": variables{
			"path": fmt.Sprint("p/", i), "type": "playbook", "payload": variables{"json": strings.Repeat("x", 15_000)},
		}})
	}
	for name, request := range map[string]struct {
		query     string
		variables variables
	}{
		"the variables": {`{ __typename }`, variables{"unused": strings.Repeat("x", 400_000)}},
		"the rows":      {`{ resources { nodes { latestVersion { payload } } } }`, nil},
	} {
		got := a.attempt(request.query, tokens[auth.Viewer], request.variables)
		if got.status != http.StatusServiceUnavailable || got.code != "OVERLOADED" || got.retry == "" {
			t.Errorf("%s: %.300v", name, got)
		}
	}
}

// An event that is too large for one delivery does not end the subscription.
func TestAdmission_DeliveredEventTooLong_NextEventsDelivered(t *testing.T) {
	t.Parallel()
	a := setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) { o.MaxResponse = 50_000 }).startTasks()
	a.register("p", variables{})
	stream := a.subscribe(`subscription { eventRecorded(filter: {types: ["UPDATED"]}) { cursor event { eventId payload } } }`, nil)
	for id, size := range []int{10, 100_000, 10} {
		a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{
			"eventId": fmt.Sprint(id), "type": "UPDATED", "path": "p", "payload": variables{"text": strings.Repeat("x", size)},
		}}})
		event := stream.next()
		if tooLong := strings.Contains(string(event.Data), "RESPONSE_TOO_LARGE"); event.Name != "next" || event.ID == "" || tooLong != (size == 100_000) {
			t.Errorf("event %d: %.300s", id, event.Data)
		}
		if len(event.Data) > 1000 {
			t.Errorf("event %d has %d bytes", id, len(event.Data))
		}
	}
}
