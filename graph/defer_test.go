package graph_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"runtime"
	"runtime/pprof"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/transport"
)

const deferredQuery = `query($defer: Boolean!) { resources(first: 20) { totalCount nodes { path
	... @defer(if: $defer, label: "versions") { versionCount versions(first: 2) { nodes { version content previous { version }
		... @defer(if: $defer, label: "events") { events(first: 2) { nodes { message } } } } } }
	... @defer(if: $defer) { latestVersion { version payload } } }
	... @defer(if: $defer) { all: totalCount pageInfo { hasNextPage } } } }`

// askInParts sends a query as Apollo Client does, and returns the parts of the answer.
func (a *api) askInParts(query string, vars variables) []map[string]any {
	a.t.Helper()
	response := a.post("multipart/mixed;deferSpec=20220824,application/json", a.encode(variables{"query": query, "variables": vars}))
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

// merge inserts the increments at their paths.
func merge(t *testing.T, parts []map[string]any) any {
	t.Helper()
	merged := parts[0]["data"]
	for i, part := range parts {
		if part["hasNext"] != (i < len(parts)-1) {
			t.Errorf("part %d of %d: hasNext is %v", i, len(parts), part["hasNext"])
		}
		increments, _ := part["incremental"].([]any)
		for _, increment := range increments {
			target := merged
			for _, key := range increment.(map[string]any)["path"].([]any) {
				switch key := key.(type) {
				case string:
					target = target.(map[string]any)[key]
				case float64:
					target = target.([]any)[int(key)]
				}
			}
			for name, value := range increment.(map[string]any)["data"].(map[string]any) {
				if earlier, ok := target.(map[string]any)[name]; ok {
					t.Errorf("%s is in an earlier part already: %v", name, earlier)
				}
				target.(map[string]any)[name] = value
			}
		}
	}
	return merged
}

// A deferred answer equals the answer in a single part, and its number of
// statements does not grow with the page.
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
		a.mustAsk(&want, deferredQuery, variables{"defer": false})
		a.sql.take()
		parts := a.askInParts(deferredQuery, variables{"defer": true})
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

// For any query and any deferred fragments, the merged parts equal the answer in one part.
func TestDefer_AnyQuery_MergedPartsEqualTheWholeAnswer(t *testing.T) {
	t.Parallel()
	a := setup(t)
	schema, cursors := a.insertSamples()
	deferred := 0
	rapid.Check(t, func(rt *rapid.T) {
		g := &generator{t: rt, schema: schema, cursors: cursors[:1], withDefer: true}
		query := `query($n: Int = 2, $path: String!, $yes: Boolean!, $order: ResourceOrder, $filter: EventFilter, $defer: Boolean!) ` +
			strings.TrimSuffix(g.selection("Query", 4), "}") + `
			used: resource(path: $path) { events(first: $n, filter: $filter) { __typename } __typename @include(if: $yes) }
			order: resources(first: 1, orderBy: $order) { __typename } last: resourceTypes { ... @defer(if: $defer) { name } } }` + strings.Join(g.fragments, " ")
		given := variables{"path": "p/1", "yes": rapid.Bool().Draw(rt, "yes"), "filter": variables{"statuses": []string{"1"}}, "defer": false}
		data, errs := a.ask(query, given)
		if len(errs) > 0 {
			return // refused, or nulls propagate differently
		}
		var whole any
		if err := json.Unmarshal(data, &whole); err != nil {
			rt.Fatal(err)
		}
		given["defer"] = true
		parts := a.askInParts(query, given)
		deferred += len(parts) - 1
		if diff := cmp.Diff(whole, merge(t, parts)); diff != "" {
			rt.Fatalf("%s\n(-whole +merged):\n%s", query, diff)
		}
	})
	if deferred < 200 {
		t.Errorf("%d parts were deferred: too few", deferred)
	}
}

// Colocated fragments, as Apollo's clients send them, defer one field several
// times, with and without labels.
func TestDefer_OneFieldSeveralTimes_AllPartsSent(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("deferred/twice", variables{"version": 1})
	a.register("deferred/another", variables{"version": 1})
	const resource = `{resource(path: "deferred/twice") `
	for _, query := range []string{
		resource + `{path @D{latestVersion{version}} @D{latestVersion{revision}}}}`,
		resource + `{path @D{@D{latestEvent{type{name}}}}}}`,
		resource + `{path @D{latestVersion{version @D{revision latestEvent: events(first: 1){totalCount}}}}}}`,
		resource + `{path @D{latestVersion{version @D{events{totalCount}}}} @D{latestVersion{@D{events{totalCount}}}}}}`,
		resource + `{@D{latestVersion{@D{previous{version} @D{type{name}}}}} latestVersion{@D{type{name}}}}}`,
		`{resources(first: 1) {nodes{path} @D{pageInfo{hasNextPage}}} events(first: 1) {nodes{eventId} @D{tailCursor}}}`,
		resource + `{...F ...F @D{...F}}} fragment F on Resource {path @D{latestVersion{...V ...V}}}
			fragment V on Version {version @D{resource{...R}}} fragment R on Resource {path @D{versionCount}}`,
	} {
		var want any
		a.mustAsk(&want, strings.ReplaceAll(query, "@D", "..."), nil)
		for _, directive := range []string{"@defer", `@defer(label: "same")`, "@defer(label: null)", "@defer(if: true)"} {
			deferred := strings.ReplaceAll(query, "@D", "... "+directive)
			parts := a.askInParts(deferred, nil)
			if diff := cmp.Diff(want, merge(t, parts)); diff != "" {
				t.Errorf("%s (-whole +merged):\n%s", deferred, diff)
			}
			for _, part := range parts[1:] {
				for _, increment := range part["incremental"].([]any) {
					label, labelled := increment.(map[string]any)["label"]
					if labelled != strings.Contains(directive, "same") || labelled && label != "same" {
						t.Errorf("%s: a part is labelled %v", deferred, label)
					}
				}
			}
		}
	}
}

// While a lock blocks the deferred parts, anything that ends the request ends them,
// over every transport.
func TestDefer_BlockedParts_EndWithTheRequest(t *testing.T) {
	t.Parallel()
	const query = `{resource(path: "deferred/locked") {path ... @defer{latestEvent{eventId}} ... @defer{latestEvent{message}} ... @defer{events{totalCount}}}}`
	for _, ending := range []string{"timeout", "client", "shutdown"} {
		t.Run(ending, func(t *testing.T) {
			t.Parallel()
			streams := transport.NewStreams()
			a := setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) {
				o.Streams = streams
				if ending == "timeout" {
					o.QueryTimeout = time.Second
				}
			})
			a.register("deferred/locked", variables{"version": 1})
			lock, err := a.pool.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = lock.Rollback(context.Background()) }()
			if _, err := lock.Exec(t.Context(), "LOCK TABLE event IN ACCESS EXCLUSIVE MODE"); err != nil {
				t.Fatal(err)
			}

			var answers []io.Reader
			var bodies []io.Closer
			for _, accept := range []string{"multipart/mixed;deferSpec=20220824", "text/event-stream"} {
				response := a.post(accept, a.encode(variables{"query": query}))
				bodies = append(bodies, response.Body)
				answer := bufio.NewReader(response.Body)
				for line := ""; !strings.Contains(line, `"hasNext":true`); {
					if line, err = answer.ReadString('\n'); err != nil {
						t.Fatal(err)
					}
				}
				answers = append(answers, answer)
			}
			socket := a.socket()
			a.send(socket, variables{"type": "subscribe", "id": "1", "payload": variables{"query": query}})
			for next := a.receive(socket); next.Type != "next"; next = a.receive(socket) {
			}

			switch ending {
			case "timeout":
				for _, answer := range answers {
					text, err := io.ReadAll(answer)
					if err != nil || !strings.Contains(string(text), "TIMEOUT") || !strings.Contains(string(text), `"hasNext":false`) {
						t.Errorf("%v after %s", err, text)
					}
				}
				for last := a.receive(socket); last.Type != "complete"; last = a.receive(socket) {
				}
			case "client":
				for _, body := range bodies {
					_ = body.Close()
				}
				_ = socket.CloseNow()
			case "shutdown":
				if err := streams.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
			// Only the transaction that holds the lock still has a connection.
			eventually(t, func() bool { return a.pool.Stat().AcquiredConns() == 1 })
			// Other goroutines of this process start and end meanwhile.
			eventually(t, func() bool {
				var stacks bytes.Buffer
				_ = pprof.Lookup("goroutine").WriteTo(&stacks, 2)
				return !strings.Contains(stacks.String(), "ProcessDeferredGroup")
			})
		})
	}
}

// eventually waits until a condition is true.
func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatal("the condition never became true")
		}
		runtime.Gosched()
	}
}

func TestDefer_TransportWithoutParts_Refused(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.wantError("BAD_USER_INPUT", "", `{resources {nodes {... @defer {path}}}}`, nil)
	a.wantError("BAD_USER_INPUT", "", `mutation {saveResourceType(input: {name: "x"}) {... @defer {resourceType {name}}}}`, nil)
	var got any
	a.mustAsk(&got, `{resourceTypes {... @defer(if: false) {name}}}`, nil)
}
