package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/transport"
	"github.com/noetl/noetl-catalog/internal/await"
)

// serveSSE serves the operations as server-sent events, and returns the address.
func (ops operations) serveSSE(t testing.TB, sse transport.Options) string {
	t.Helper()
	server := httptest.NewServer(ops.server(sse))
	t.Cleanup(server.Close)
	return server.URL
}

// readAll sends an operation and returns the whole response.
func readAll(t testing.TB, request *http.Request, header http.Header) (*http.Response, string, error) {
	t.Helper()
	request.Header.Set("Accept", "text/event-stream")
	for name, values := range header {
		request.Header[name] = values
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	return response, string(body), err
}

func getRequest(t testing.TB, address, operation string) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+"?query="+url.QueryEscape(operation), nil)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

const opened = ":\n\n"

func TestSSE_Operations_AsEvents(t *testing.T) {
	t.Parallel()
	failure := apierror.Errorf(fault.StreamChanged, "another log")
	address := operations{
		"Two":    numbered(2, nil),
		"Fails":  numbered(1, failure),
		"Query":  oneResponse(&graphql.Response{Data: []byte(`{"a":1}`)}),
		"Errors": oneResponse(&graphql.Response{Errors: gqlerror.List{failure}}),
	}.serveSSE(t, transport.Options{})
	const complete = "event: complete\ndata:\n\n"
	first := "event: next\nid: cursor-1\ndata: {\"data\":{\"n\":1}}\n\n"
	failed := "event: next\ndata: {\"errors\":[{\"message\":\"another log\",\"extensions\":{\"code\":\"STREAM_CHANGED\"}}]}\n\n"
	for operation, want := range map[string]string{
		"subscription Two {name}":    opened + first + "event: next\nid: cursor-2\ndata: {\"data\":{\"n\":2}}\n\n" + complete,
		"subscription Fails {name}":  opened + first + failed + complete,
		"subscription Errors {name}": opened + failed + complete,
		"query Query {name}":         opened + "event: next\ndata: {\"data\":{\"a\":1}}\n\n" + complete,
	} {
		response, got, err := readAll(t, getRequest(t, address, operation), nil)
		if err != nil || got != want {
			t.Errorf("%s: %v\ngot  %q\nwant %q", operation, err, got, want)
		}
		if cache := response.Header.Get("Cache-Control"); cache != "no-store" {
			t.Errorf("%s: Cache-Control %q", operation, cache)
		}
	}
}

func TestSSE_LastEventID_StreamStartsAfterIt(t *testing.T) {
	t.Parallel()
	address := operations{"Tells": func(ctx context.Context) graphql.ResponseHandler {
		return graphql.OneShot(&graphql.Response{Data: fmt.Appendf(nil, "%q", transport.StreamOf(ctx).After)})
	}}.serveSSE(t, transport.Options{})
	_, got, err := readAll(t, getRequest(t, address, "subscription Tells {name}"), http.Header{"Last-Event-Id": {"cursor-7"}})
	if err != nil || !strings.Contains(got, `data: {"data":"cursor-7"}`) {
		t.Errorf("%v: %q", err, got)
	}
}

// A quiet stream gets comments. If the server stops, the stream breaks off
// without `complete`, which would end the subscription.
func TestSSE_QuietStream_CommentsUntilTheServerCloses(t *testing.T) {
	t.Parallel()
	streams := transport.NewStreams()
	address := operations{"Never": noEvents}.serveSSE(t, transport.Options{KeepAlive: time.Millisecond, Streams: streams})
	response, err := http.DefaultClient.Do(withAccept(getRequest(t, address, "subscription Never {name}")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for range 6 {
		if line, err := lines.ReadString('\n'); err != nil || line != ":\n" && line != "\n" {
			t.Fatalf("got %q: %v", line, err)
		}
	}
	if err := streams.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(lines)
	if err == nil || strings.Contains(string(rest), "complete") {
		t.Errorf("the stream ended with %v after %q, want it cut off", err, rest)
	}
	refused, body, _ := readAll(t, getRequest(t, address, "subscription Never {name}"), nil)
	if refused.StatusCode != http.StatusServiceUnavailable || !strings.Contains(body, "UNAVAILABLE") {
		t.Errorf("a stream after Close: %d %s", refused.StatusCode, body)
	}
}

func TestSSE_QuietStream_CheckpointAsAnIDAlone(t *testing.T) {
	t.Parallel()
	address := operations{"Never": withCheckpoint}.serveSSE(t, transport.Options{KeepAlive: time.Millisecond})
	response, err := http.DefaultClient.Do(withAccept(getRequest(t, address, "subscription Never {name}")))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	got := make([]byte, len(":\n\nid: somewhere\n\n:\n\n"))
	if _, err := io.ReadFull(response.Body, got); err != nil || !strings.Contains(string(got), "\n\nid: somewhere\n\n") {
		t.Errorf("%v: got %q", err, got)
	}
}

func withAccept(request *http.Request) *http.Request {
	request.Header.Set("Accept", "text/event-stream")
	return request
}

// A client that is slow to accept an event gets the cursor to resume after, and
// one that accepts nothing is cut off.
func TestSSE_SlowClient_ErrorOrCutOff(t *testing.T) {
	t.Parallel()
	large := []byte(`"` + strings.Repeat("x", 16<<20) + `"`)
	slow := make(chan string, 2)
	ops := operations{"Large": func(ctx context.Context) graphql.ResponseHandler {
		stream, sent := transport.StreamOf(ctx), 0
		return func(context.Context) *graphql.Response {
			sent++
			stream.Cursor = fmt.Sprint("cursor-", sent)
			if sent == 1 {
				return &graphql.Response{Data: []byte(`1`)}
			}
			return &graphql.Response{Data: large}
		}
	}}
	for name, test := range map[string]struct {
		sse transport.Options
		// told: the client reads again before it is cut off.
		told   bool
		cursor string
	}{
		"told":    {transport.Options{SlowTimeout: 200 * time.Millisecond, WriteTimeout: time.Minute}, true, "cursor-2"},
		"cut off": {transport.Options{SlowTimeout: 100 * time.Millisecond, WriteTimeout: 200 * time.Millisecond}, false, "cursor-1"},
	} {
		test.sse.OnSlow = func(cursor string) { slow <- cursor }
		address := ops.serveSSE(t, test.sse)
		connection, err := net.Dial("tcp", strings.TrimPrefix(address, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer connection.Close()
		fmt.Fprintf(connection, "GET /?query=%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n", url.QueryEscape("subscription Large {name}"))
		if !test.told {
			if got := await.Value(t, slow); got != test.cursor {
				t.Errorf("%s: slow after %q, want %q", name, got, test.cursor)
			}
			continue
		}
		// Longer than the client may take, and shorter than until it is cut off.
		<-time.After(2 * test.sse.SlowTimeout)
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if tail := string(body[max(0, len(body)-400):]); err != nil || !strings.Contains(tail, `"cursor":"cursor-2"`) ||
			!strings.Contains(tail, `"SLOW_CONSUMER"`) || !strings.HasSuffix(tail, "event: complete\ndata:\n\n") {
			t.Errorf("%s: %v, ends with %q", name, err, tail)
		}
		if got := await.Value(t, slow); got != test.cursor {
			t.Errorf("%s: slow after %q, want %q", name, got, test.cursor)
		}
	}
}
