package graph_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/eventlog/stream"
)

// setupLive returns a server that follows its event log.
func setupLive(t testing.TB) *api {
	t.Helper()
	return setup(t).startTasks()
}

// startTasks runs the background tasks of a server until the test ends.
func (a *api) startTasks() *api {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = a.runTasks(ctx) })
	a.t.Cleanup(func() { cancel(); running.Wait() })
	return a
}

type delivery struct {
	Cursor, PreviousCursor, Position string
	Live                             bool
	Event                            struct {
		EventID, Message, Path string
		Payload                json.RawMessage
		Resource               struct{ LatestVersion struct{ Version string } }
	}
}

// nextDelivery reads the next delivery, which must have its cursor as its id.
func (s *sse) nextDelivery() delivery {
	s.t.Helper()
	event := s.next()
	got, err := readDelivery(string(event.Data))
	if err != nil || event.Name != "next" || event.ID != got.Cursor {
		s.t.Fatalf("not a delivery: %+v: %v", event, err)
	}
	return got
}

func readDelivery(data string) (delivery, error) {
	var answer struct {
		Data   struct{ EventRecorded, ExecutionProgressed *delivery }
		Errors []gqlError
	}
	if err := json.Unmarshal([]byte(data), &answer); err != nil {
		return delivery{}, err
	}
	switch {
	case len(answer.Errors) > 0:
		return delivery{}, fmt.Errorf("%+v", answer.Errors)
	case answer.Data.EventRecorded != nil:
		return *answer.Data.EventRecorded, nil
	case answer.Data.ExecutionProgressed != nil:
		return *answer.Data.ExecutionProgressed, nil
	}
	return delivery{}, errors.New("no delivery")
}

// nextError reads the single error of a refused stream, and its end.
func (s *sse) nextError() gqlError {
	s.t.Helper()
	event := s.next()
	var answer struct {
		Data   json.RawMessage
		Errors []gqlError
	}
	if err := json.Unmarshal(event.Data, &answer); err != nil || len(answer.Errors) != 1 || answer.Data != nil {
		s.t.Fatalf("not one error: %s %s %v", event.Name, event.Data, err)
	}
	if end := s.next(); end.Name != "complete" {
		s.t.Errorf("after the error: %s, want complete", end.Name)
	}
	return answer.Errors[0]
}

const (
	followAll = `subscription($filter: EventFilter, $after: String) { eventRecorded(filter: $filter, after: $after) {
		cursor previousCursor position live event { eventId path message } } }`
	recordMutation = `mutation($inputs: [RecordEventInput!]!) { recordEvents(inputs: $inputs) { results { duplicate } } }`
)

func (a *api) record(path string, ids ...string) {
	a.t.Helper()
	var inputs []variables
	for _, id := range ids {
		inputs = append(inputs, variables{"eventId": id, "type": "UPDATED", "path": path})
	}
	a.mustAsk(nil, recordMutation, variables{"inputs": inputs})
}

func TestSubscription_SSE_ListThenSubscribeThenResume(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p/one", variables{"a": 1})
	var list struct {
		Events struct {
			TailCursor string
			Nodes      []struct{ EventID string }
		}
		Resource struct{ Events struct{ TailCursor string } }
	}
	a.mustAsk(&list, `{ events { tailCursor nodes { eventId } } resource(path: "p/one") { events(filter: {types: []}) { tailCursor } } }`, nil)
	if len(list.Events.Nodes) != 1 || list.Resource.Events.TailCursor != list.Events.TailCursor {
		t.Fatalf("the list: %+v", list)
	}
	a.record("p/one", "1", "2")
	stream := a.subscribe(followAll, variables{"after": list.Events.TailCursor})
	first, second := stream.nextDelivery(), stream.nextDelivery()
	want := delivery{Cursor: first.Cursor, PreviousCursor: list.Events.TailCursor, Position: "2"}
	want.Event.EventID, want.Event.Path, want.Event.Message = "1", "p/one", "Resource p/one version 1.0.0 was updated."
	if diff := cmp.Diff(want, first); diff != "" {
		t.Errorf("first delivery (-want +got):\n%s", diff)
	}
	if second.Event.EventID != "2" || second.PreviousCursor != first.Cursor || second.Position != "3" || second.Live {
		t.Errorf("second delivery: %+v", second)
	}
	a.record("p/one", "3")
	if third := stream.nextDelivery(); third.Event.EventID != "3" || !third.Live {
		t.Errorf("a live delivery: %+v", third)
	}

	// As a browser's EventSource reconnects: GET, with the last id it received,
	// which is newer than the argument.
	values := url.Values{"query": {followAll}, "variables": {fmt.Sprintf(`{"after": %q}`, list.Events.TailCursor)}}
	again := bufio.NewReader(a.request(http.MethodGet, "/graphql?"+values.Encode(), "", "Accept", "text/event-stream", "Last-Event-ID", second.Cursor).Body)
	for {
		line, err := again.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		data, found := strings.CutPrefix(line, "data: ")
		if !found {
			continue
		}
		if got, err := readDelivery(data); err != nil || got.Event.EventID != "3" || got.PreviousCursor != second.Cursor {
			t.Errorf("resumed: %+v, %v", got, err)
		}
		break
	}
}

func TestSubscription_ExecutionProgressed_CompletesByItself(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p", variables{})
	a.mustAsk(nil, `mutation { a: saveEventType(input: {name: "playbook.started"}) { eventType { name } } b: saveEventType(input: {name: "playbook.failed"}) { eventType { name } } }`, nil)
	inputs := []variables{
		{"eventId": "1", "type": "playbook.started", "path": "p", "meta": variables{"execution_id": "run"}},
		{"eventId": "2", "type": "UPDATED", "path": "p", "meta": variables{"execution_id": "run"}},
		{"eventId": "3", "type": "playbook.failed", "path": "p", "meta": variables{"execution_id": "run"}, "payload": variables{"error": "no such table"}},
	}
	a.mustAsk(nil, recordMutation, variables{"inputs": inputs[:2]})
	stream := a.subscribe(`subscription { executionProgressed(executionId: "run") { cursor event { eventId } live } }`, nil)
	var got []string
	for range 2 {
		got = append(got, stream.nextDelivery().Event.EventID)
	}
	a.mustAsk(nil, recordMutation, variables{"inputs": inputs[2:]})
	got = append(got, stream.nextDelivery().Event.EventID)
	if end := stream.next(); !slices.Equal(got, []string{"1", "2", "3"}) || end.Name != "complete" {
		t.Errorf("got %v, then %+v", got, end)
	}
	a.wantData(`{"execution": {"status": "FAILED", "eventCount": 3, "error": "no such table", "resource": {"path": "p"}, "version": {"version": "1.0.0"},
		"events": {"nodes": [{"eventId": "1", "execution": {"executionId": "run"}}, {"eventId": "2", "execution": {"executionId": "run"}}, {"eventId": "3", "execution": {"executionId": "run"}}]}}}`,
		`{ execution(executionId: "run") { status eventCount error resource { path } version { version } events { nodes { eventId execution { executionId } } } } }`, nil)
}

func TestSubscription_BadArguments_RefusedBeforeAnyEvent(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p", variables{})
	var list struct{ Events struct{ TailCursor string } }
	a.mustAsk(&list, `{ events { tailCursor } }`, nil)
	a.exec(`UPDATE event_head SET floor = 1, position = 1`)
	for name, test := range map[string]struct {
		query          string
		vars           variables
		code, argument string
	}{
		"not a cursor":       {followAll, variables{"after": "x"}, "BAD_USER_INPUT", "after"},
		"a list's cursor":    {followAll, variables{"after": "ZXZlbnQ6MTox"}, "BAD_USER_INPUT", "after"},
		"another log's":      {followAll, variables{"after": "djE6MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOjE"}, "STREAM_CHANGED", "after"},
		"below the floor":    {followAll, variables{"after": cursorAtZero(t, list.Events.TailCursor)}, "CURSOR_EXPIRED", "after"},
		"filter":             {followAll, variables{"filter": variables{"path": "a\x00"}}, "BAD_USER_INPUT", "filter.path"},
		"execution":          {`subscription { executionProgressed(executionId: "run", after: "x") { cursor } }`, nil, "BAD_USER_INPUT", "after"},
		"no such field":      {`subscription { none }`, nil, "GRAPHQL_VALIDATION_FAILED", ""},
		"two root fields":    {`subscription { a: eventRecorded { cursor } b: eventRecorded { cursor } }`, nil, "GRAPHQL_VALIDATION_FAILED", ""},
		"does not parse":     {`subscription {`, nil, "GRAPHQL_PARSE_FAILED", ""},
		"too deep or costly": {`subscription { eventRecorded { event { resource { events(first: 200) { nodes { resource { events(first: 200) { nodes { eventId } } } } } } } } }`, nil, "COMPLEXITY_LIMIT_EXCEEDED", ""},
	} {
		got := a.forTest(t).subscribe(test.query, test.vars).nextError()
		argument, _ := got.Extensions["argument"].(string)
		if got.Extensions["code"] != test.code || argument != test.argument {
			t.Errorf("%s: %+v, want %s %q", name, got, test.code, test.argument)
		}
	}
}

// cursorAtZero returns a cursor of the same log at position 0.
func cursorAtZero(t testing.TB, cursor string) string {
	t.Helper()
	parsed, err := stream.ParseCursor("after", cursor)
	if err != nil {
		t.Fatal(err)
	}
	parsed.Position = 0
	return parsed.String()
}

// A client that accepts JSON, too, gets JSON except for subscriptions.
func TestSSE_AcceptsBoth_StreamsSubscriptionsOnly(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p", variables{})
	for name, test := range map[string]struct{ accept, body, mediaType string }{
		"query, both":        {"application/graphql-response+json, application/json, text/event-stream", `{"query": "{ __typename }"}`, "application/graphql-response+json; charset=utf-8"},
		"query, stream only": {"text/event-stream", `{"query": "{ __typename }"}`, "text/event-stream; charset=utf-8"},
		"subscription, both": {"application/json, text/event-stream;q=0.1", `{"query": "subscription { eventRecorded(after: \"x\") { cursor } }"}`, "text/event-stream; charset=utf-8"},
		"not JSON":           {"text/event-stream", `{`, "application/json; charset=utf-8"},
	} {
		response := a.post(test.accept, test.body)
		body := a.read(response)
		if got := response.Header.Get("Content-Type"); got != test.mediaType {
			t.Errorf("%s: %s, want %s: %s", name, got, test.mediaType, body)
		}
	}
	mutation := "/graphql?query=" + url.QueryEscape(`mutation { saveResourceType(input: {name: "x"}) { resourceType { name } } }`)
	response, streamed := a.request(http.MethodGet, mutation, ""), a.request(http.MethodGet, mutation, "", "Accept", "text/event-stream")
	if response.StatusCode != 405 || streamed.StatusCode != 405 {
		t.Errorf("a mutation by GET: %d, and as a stream %d, want 405", response.StatusCode, streamed.StatusCode)
	}
}

func TestSubscription_WebSocket_DeliversAndResumes(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p", variables{})
	var list struct{ Events struct{ TailCursor string } }
	a.mustAsk(&list, `{ events { tailCursor } }`, nil)
	socket := a.socket()
	subscribe := func(id, query string, vars variables) {
		a.send(socket, variables{"id": id, "type": "subscribe", "payload": variables{"query": query, "variables": vars}})
	}
	subscribe("s", followAll, variables{"after": list.Events.TailCursor})
	a.record("p", "1", "2")
	var got []delivery
	for range 2 {
		message := a.receive(socket)
		next, err := readDelivery(string(message.Payload))
		if err != nil || message.ID != "s" || message.Type != "next" {
			t.Fatalf("%+v: %v", message, err)
		}
		got = append(got, next)
	}
	if got[0].Event.EventID != "1" || got[1].Event.EventID != "2" || got[1].PreviousCursor != got[0].Cursor {
		t.Errorf("deliveries: %+v", got)
	}
	subscribe("r", followAll, variables{"after": got[0].Cursor})
	if message := a.receive(socket); message.ID != "r" || message.Type != "next" {
		t.Errorf("resumed: %+v", message)
	}
	subscribe("x", followAll, variables{"after": "x"})
	if message := a.receive(socket); message.ID != "x" || message.Type != "error" || !strings.Contains(string(message.Payload), `"BAD_USER_INPUT"`) {
		t.Errorf("bad cursor: %+v", message)
	}
	subscribe("q", `{ resource(path: "p") { path } }`, nil)
	if message := a.receive(socket); message.Type != "next" || string(message.Payload) != `{"data":{"resource":{"path":"p"}}}` {
		t.Errorf("a query: %+v", message)
	}
	if message := a.receive(socket); message.ID != "q" || message.Type != "complete" {
		t.Errorf("after a query: %+v", message)
	}
}

// For any number of subscriptions, an event is read once, its message rendered
// once, its resource and version loaded once.
func TestSubscription_ManySubscribers_SameStatements(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p/few", variables{"a": 1})
	a.register("p/many", variables{"a": 1})
	const query = `subscription($filter: EventFilter) { eventRecorded(filter: $filter) { cursor previousCursor position
		event { eventId path message payload type { name template } resource { path latestVersion { version } } version { version payload } } } }`
	count := func(path string, subscribers int) []string {
		streams := make([]*sse, subscribers)
		for i := range streams {
			streams[i] = a.subscribe(query, variables{"filter": variables{"path": path}})
		}
		// The second read of a version caches it for good.
		for _, id := range []string{"-1", "-2", "-3"} {
			a.sql.take()
			a.record(path, path+id)
			for _, stream := range streams {
				if got := stream.nextDelivery(); got.Event.EventID != path+id || got.Event.Message != "Resource "+path+" version 1.0.0 was updated." {
					t.Fatalf("delivery: %+v", got)
				}
			}
		}
		var names []string
		for _, statement := range a.sql.take() {
			names = append(names, queryNamePattern.FindStringSubmatch(statement)[1])
		}
		slices.Sort(names)
		return names
	}
	few, many := count("p/few", 2), count("p/many", 40)
	// Resource.latestVersion is not shared: it changes over time.
	once := func(names []string) []string { return slices.Compact(slices.Clone(names)) }
	if diff := cmp.Diff(once(few), once(many)); diff != "" {
		t.Errorf("statements for 2 and for 40 subscribers differ (-2 +40):\n%s", diff)
	}
	for _, name := range []string{"ResourcesByPath", "EventTypesByName"} {
		if n := len(many) - len(slices.DeleteFunc(slices.Clone(many), func(s string) bool { return s == name })); n != 1 {
			t.Errorf("%s ran %d times for 40 subscribers, want 1", name, n)
		}
	}
}

// A list and the subscription after its tailCursor hold every event once,
// whatever commits meanwhile.
func TestSubscription_QueryThenSubscribe_EachEventOnce(t *testing.T) {
	t.Parallel()
	a := setupLive(t)
	a.register("p", variables{})
	a.exec(`DELETE FROM event_pending`)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for writer := range 6 {
		writers.Go(func() {
			for n := 0; ctx.Err() == nil && n < 400; n++ {
				_ = pgx.BeginFunc(ctx, a.pool, func(tx pgx.Tx) error {
					for part := range 1 + n%3 {
						if _, err := tx.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ($1, 'UPDATED', 'p', '1.0.0')`,
							fmt.Sprintf("%d-%d-%d", writer, n, part)); err != nil {
							return err
						}
					}
					// Commit in another order than the inserts.
					_, err := tx.Exec(ctx, `SELECT pg_sleep($1)`, float64((writer*7+n)%5)/1000)
					return err
				})
			}
		})
	}
	type page struct {
		Events struct {
			TailCursor string
			PageInfo   struct {
				HasNextPage bool
				EndCursor   string
			}
			Nodes []struct{ EventID string }
		}
	}
	const since = `query($since: DateTime) { events(first: 200, filter: {since: $since}) { tailCursor pageInfo { hasNextPage } nodes { eventId } } }`
	type view struct {
		since  time.Time
		listed map[string]bool
		stream *sse
	}
	var views []view
	for len(views) < 25 {
		// The events so far fit into one page.
		begin := time.Now().Add(-15 * time.Millisecond).Truncate(time.Microsecond)
		var list page
		a.mustAsk(&list, since, variables{"since": begin.UTC().Format(time.RFC3339Nano)})
		if list.Events.PageInfo.HasNextPage {
			continue
		}
		listed := map[string]bool{}
		for _, node := range list.Events.Nodes {
			listed[node.EventID] = true
		}
		views = append(views, view{begin, listed, a.subscribe(followAll,
			variables{"after": list.Events.TailCursor, "filter": variables{"since": begin.UTC().Format(time.RFC3339Nano)}})})
	}
	stop()
	writers.Wait()
	a.record("p", "last")
	for i, view := range views {
		rows, err := a.pool.Query(t.Context(), `SELECT event_id FROM event WHERE timestamp >= $1`, view.since)
		if err != nil {
			t.Fatal(err)
		}
		want, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		seen := view.listed
		for !seen["last"] {
			got := view.stream.nextDelivery().Event.EventID
			if seen[got] {
				t.Fatalf("view %d: event %s came twice", i, got)
			}
			seen[got] = true
		}
		if len(seen) != len(want) {
			t.Errorf("view %d: %d events listed or delivered, want %d", i, len(seen), len(want))
		}
	}
}
