package transport_test

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/transport"
)

// Errors before the stream begins are JSON with an HTTP status, and nothing is
// executed.
func TestSSE_Refused_AsJSONBeforeTheStream(t *testing.T) {
	t.Parallel()
	address := operations{
		"Data": func(context.Context) graphql.ResponseHandler {
			t.Error("the operation was executed")
			return graphql.OneShot(&graphql.Response{Data: []byte("1")})
		},
	}.serveAll(t, transport.Options{MaxBody: 1000})
	const subscription = `{"query":"subscription Data {name}"}`
	for name, tc := range map[string]struct {
		method, query, body, contentType string
		status                           int
		code, allow                      string
	}{
		"GET of a mutation":      {"GET", "?query=mutation%20Data{save}", "", "", 405, "BAD_USER_INPUT", "POST"},
		"GET without a query":    {"GET", "", "", "", 400, "BAD_USER_INPUT", ""},
		"HEAD":                   {"HEAD", "?query=subscription%20Data{name}", "", "", 405, "", "GET, POST, OPTIONS"},
		"PUT, for a token":       {"PUT", "", "", "", 405, "BAD_USER_INPUT", "GET, POST, OPTIONS"},
		"DELETE of an operation": {"DELETE", "?operationId=1", "", "", 405, "BAD_USER_INPUT", "GET, POST, OPTIONS"},
		"POST of text":           {"POST", "", subscription, "text/plain", 415, "BAD_USER_INPUT", ""},
		"POST of a form":         {"POST", "", "query={name}", "application/x-www-form-urlencoded", 415, "BAD_USER_INPUT", ""},
		"POST of no JSON":        {"POST", "", subscription[1:], plainType, 400, "BAD_USER_INPUT", ""},
		"POST of two values":     {"POST", "", subscription + subscription, plainType, 400, "BAD_USER_INPUT", ""},
		"POST of too much":       {"POST", "", subscription + strings.Repeat(" ", 1000), plainType, 413, "PAYLOAD_TOO_LARGE", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), tc.method, address+tc.query, strings.NewReader(tc.body))
			if err != nil {
				t.Fatal(err)
			}
			response, body, err := readAll(t, withHeaders(request, "Content-Type", tc.contentType), nil)
			if err != nil || response.StatusCode != tc.status || !strings.Contains(body, tc.code) {
				t.Errorf("%d %s %v, want %d %s", response.StatusCode, body, err, tc.status, tc.code)
			}
			if got := response.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
				t.Errorf("Content-Type %s", got)
			}
			if got := response.Header.Get("Allow"); got != tc.allow {
				t.Errorf("Allow: %q, want %q", got, tc.allow)
			}
		})
	}
}

// A browser's EventSource cannot read the body of a 400, so an invalid
// operation is reported in an event.
func TestSSE_InvalidOperation_EventWithErrors(t *testing.T) {
	t.Parallel()
	address := operations{}.serveAll(t, transport.Options{})
	for operation, code := range map[string]string{
		"{": "GRAPHQL_PARSE_FAILED", "subscription {other}": "GRAPHQL_VALIDATION_FAILED", "subscription($n:Int!){name}": "GRAPHQL_VALIDATION_FAILED",
		"{" + strings.Repeat("x", 5000) + "}": "…",
	} {
		response, got, err := readAll(t, getRequest(t, address, operation), nil)
		if err != nil || response.StatusCode != http.StatusOK || !strings.HasPrefix(got, opened+`event: next`+"\n"+`data: {"errors":[`) ||
			!strings.Contains(got, code) || !strings.HasSuffix(got, "\n\nevent: complete\ndata:\n\n") || len(got) > 1500 {
			t.Errorf("%.100s: %d %v %q", operation, response.StatusCode, err, got)
		}
	}
}

// If clients disconnect without notice, their subscriptions end and leave
// nothing behind.
func TestSSE_ClientsGoAway_NothingIsLeft(t *testing.T) {
	t.Parallel()
	const clients = 50
	var running atomic.Int64
	streams := transport.NewStreams()
	defer streams.Close(t.Context())
	address := operations{"Never": func(ctx context.Context) graphql.ResponseHandler {
		running.Add(1)
		// The response function of a disconnected client may never be called.
		context.AfterFunc(ctx, func() { running.Add(-1) })
		return noEvents(ctx)
	}}.serveAll(t, transport.Options{Streams: streams, KeepAlive: time.Hour})
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	for range clients {
		response, err := http.DefaultClient.Do(withAccept(getRequest(t, address, "subscription Never {name}")).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
	}
	if running.Load() != clients || streams.Open() != clients {
		t.Errorf("%d operations on %d streams, want %d", running.Load(), streams.Open(), clients)
	}
	leave()
	mustReturn(t, "all to end", func() {
		for running.Load() > 0 || streams.Open() > 0 {
			runtime.Gosched()
		}
	})
}

// Keep-alives detect a proxy that keeps the connection of a lost client, and
// show clients that the server is alive.
func TestSSE_Quiet_CommentEvery12Seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := pipes{make(chan net.Conn), make(chan struct{})}
		streams := transport.NewStreams()
		gql := operations{"Never": noEvents}.server(transport.Options{Streams: streams})
		server := &http.Server{Handler: gql, ReadHeaderTimeout: time.Minute, ReadTimeout: 15 * time.Second, IdleTimeout: time.Minute}
		go server.Serve(listener)
		defer server.Close()

		client := &http.Client{Transport: &http.Transport{DialContext: listener.dial}}
		began := time.Now()
		response, err := client.Do(withAccept(getRequest(t, "http://localhost/graphql", "subscription Never {name}")))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		lines := bufio.NewReader(response.Body)
		for n := range 10 {
			for _, want := range []string{":\n", "\n"} {
				if got, err := lines.ReadString('\n'); err != nil || got != want {
					t.Fatalf("comment %d: got %q %v", n, got, err)
				}
			}
			if got, want := time.Since(began), time.Duration(n)*12*time.Second; got != want {
				t.Errorf("comment %d came after %s, want %s", n, got, want)
			}
		}
	})
}
