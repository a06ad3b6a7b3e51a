package transport_test

import (
	"bufio"
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// deferred returns a response in three parts.
func deferred(context.Context) graphql.ResponseHandler {
	left := []*graphql.Response{
		{Data: []byte(`{"n":1}`), HasNext: new(true)},
		{Data: []byte(`{"m":2}`), Path: ast.Path{ast.PathName("n")}, Label: "two", HasNext: new(true)},
		{
			Data: []byte(`null`), Errors: gqlerror.List{{Message: "too late"}},
			Path: ast.Path{ast.PathName("n"), ast.PathIndex(3)}, HasNext: new(false),
		},
	}
	return func(context.Context) *graphql.Response {
		if len(left) == 0 {
			return nil
		}
		next := left[0]
		left = left[1:]
		return next
	}
}

// serveAll serves the operations with all transports over HTTP, and returns the
// address.
func (ops operations) serveAll(t testing.TB, options transport.Options) string {
	t.Helper()
	// On a busy machine the defaults would end a stream, or send a comment that the
	// test does not expect.
	options.KeepAlive = cmp.Or(options.KeepAlive, time.Hour)
	options.SlowTimeout = cmp.Or(options.SlowTimeout, patience)
	server := httptest.NewServer(ops.server(options))
	t.Cleanup(server.Close)
	return server.URL
}

const (
	// What Apollo Client sends with a subscription and with @defer, and urql
	// with everything.
	apolloSubscribes = "multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/graphql-response+json,application/json;q=0.9"
	apolloDefers     = "multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json;q=0.9"
	apolloNewer      = "multipart/mixed;incrementalSpec=v0.2,application/graphql-response+json,application/json;q=0.9"
	urqlAccepts      = "application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed"

	increments = `multipart/mixed; boundary="graphql"; deferSpec=20220824`
	payloads   = `multipart/mixed; boundary="graphql"; subscriptionSpec="1.0"`
	stream     = "text/event-stream; charset=utf-8"
	part       = "\r\nContent-Type: application/json; charset=utf-8\r\n\r\n"
)

// Each response has a form that its client accepts, and is complete.
func TestStreaming_Answer_InAFormThatTheClientAccepts(t *testing.T) {
	t.Parallel()
	failure := apierror.Errorf(fault.StreamChanged, "another log")
	address := operations{
		"Deferred": deferred,
		"Plain":    oneResponse(&graphql.Response{Data: []byte(`{"a":1}`)}),
		"Two":      numbered(2, nil),
		"Fails":    numbered(1, failure),
	}.serveAll(t, transport.Options{})
	const (
		query    = "query Plain {name}"
		defers   = "query Deferred {... @defer(label: \"two\") {name}}"
		events   = "subscription Two {name}"
		fails    = "subscription Fails {name}"
		invalid  = "{other}"
		mutation = "mutation Plain {... @defer {save}}"

		first    = `{"data":{"n":1},"hasNext":true}`
		second   = `{"incremental":[{"data":{"m":2},"path":["n"],"label":"two"}],"hasNext":true}`
		third    = `{"incremental":[{"errors":[{"message":"too late"}],"data":null,"path":["n",3]}],"hasNext":false}`
		delim    = "\r\n--graphql"
		inJSON   = "application/graphql-response+json; charset=utf-8"
		next     = "event: next\ndata: "
		ended    = "event: complete\ndata:\n\n"
		badInput = "BAD_USER_INPUT"
	)
	for name, tc := range map[string]struct {
		accept, operation string
		status            int
		mediaType         string
		// body is the whole body, or the code of an error in it.
		body string
	}{
		"Apollo, query":                      {apolloDefers, query, 200, inJSON, `{"data":{"a":1}}`},
		"Apollo, @defer":                     {apolloDefers, defers, 200, increments, "--graphql" + part + first + delim + part + second + delim + part + third + delim + "--\r\n"},
		"Apollo, subscription":               {apolloSubscribes, events, 200, payloads, "--graphql" + part + `{"payload":{"data":{"n":1}}}` + delim + part + `{"payload":{"data":{"n":2}}}` + delim + "--\r\n"},
		"Apollo, failing subscription":       {apolloSubscribes, fails, 200, payloads, `{"payload":{"errors":[{"message":"another log","extensions":{"code":"STREAM_CHANGED"}}]}}` + delim + "--\r\n"},
		"Apollo, invalid":                    {apolloDefers, invalid, 400, inJSON, "GRAPHQL_VALIDATION_FAILED"},
		"Apollo, mutation with @defer":       {apolloDefers, mutation, 400, inJSON, badInput},
		"Apollo, @defer in a newer form":     {apolloNewer, defers, 400, inJSON, badInput},
		"@defer without multipart":           {"application/json", defers, 400, "application/json; charset=utf-8", badInput},
		"@defer switched off":                {"application/json", `query Plain {... @defer(if: false) {name}}`, 200, "application/json; charset=utf-8", `{"data":{"a":1}}`},
		"@defer of another operation":        {"application/json", `query Plain {name}`, 200, "application/json; charset=utf-8", `{"data":{"a":1}}`},
		"@defer where a subscription may be": {apolloSubscribes, defers, 400, inJSON, badInput},
		"subscription where @defer may be":   {apolloDefers, events, 400, inJSON, badInput},
		"subscription, multipart alone":      {"multipart/mixed", events, 400, "application/json; charset=utf-8", badInput},
		"subscription, JSON only":            {"application/json", events, 400, "application/json; charset=utf-8", badInput},
		"query, multipart only":              {"multipart/mixed", query, 200, increments, "--graphql" + part + `{"data":{"a":1}}` + delim + "--\r\n"},
		"query, multipart events only":       {"multipart/mixed;subscriptionSpec=1.0", query, 200, payloads, "--graphql" + part + `{"payload":{"data":{"a":1}}}` + delim + "--\r\n"},
		"invalid, multipart only":            {"multipart/mixed", invalid, 200, increments, "GRAPHQL_VALIDATION_FAILED"},
		"multipart refused":                  {"multipart/mixed;q=0", query, 406, "application/json; charset=utf-8", badInput},
		"multipart of an unknown form":       {"multipart/mixed;incrementalSpec=v0.2", query, 406, "application/json; charset=utf-8", badInput},
		"urql, query":                        {urqlAccepts, query, 200, inJSON, `{"data":{"a":1}}`},
		"urql, @defer":                       {urqlAccepts, defers, 200, stream, opened + next + first + "\n\n" + next + second + "\n\n" + next + third + "\n\n" + ended},
		"urql, subscription":                 {urqlAccepts, events, 200, stream, opened + "event: next\nid: cursor-1\ndata: {\"data\":{\"n\":1}}\n\nevent: next\nid: cursor-2\ndata: {\"data\":{\"n\":2}}\n\n" + ended},
		"event stream only, @defer":          {"text/event-stream", defers, 200, stream, opened + next + first + "\n\n" + next + second + "\n\n" + next + third + "\n\n" + ended},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, strings.NewReader(fmt.Sprintf(`{"query":%q}`, tc.operation)))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", "application/json")
			request.Header.Set("Accept", tc.accept)
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != tc.status || response.Header.Get("Content-Type") != tc.mediaType || !strings.Contains(string(body), tc.body) {
				t.Errorf("%v\ngot  %d %s %q\nwant %d %s %q", err, response.StatusCode, response.Header.Get("Content-Type"), body, tc.status, tc.mediaType, tc.body)
			}
			if tc.status == 200 && !strings.HasPrefix(tc.body, "GRAPHQL_") && !strings.HasPrefix(tc.body, `{"payload":{"errors"`) && string(body) != tc.body {
				t.Errorf("got  %q\nwant %q", body, tc.body)
			}
		})
	}
}

func TestMultipart_QuietSubscription_KeepAlivesUntilTheServerCloses(t *testing.T) {
	t.Parallel()
	streams := transport.NewStreams()
	address := operations{"Never": withCheckpoint}.serveAll(t, transport.Options{KeepAlive: time.Millisecond, Streams: streams})
	request := getRequest(t, address, "subscription Never {name}")
	request.Header.Set("Accept", apolloSubscribes)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	keepAlive := part + "{}\r\n--graphql"
	body := bufio.NewReader(response.Body)
	got := make([]byte, len("--graphql")+2*len(keepAlive))
	if _, err := io.ReadFull(body, got); err != nil || string(got) != "--graphql"+keepAlive+keepAlive {
		t.Errorf("%v: got %q", err, got)
	}
	if err := streams.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	// The final boundary would tell the client that there is nothing more.
	if rest, err := io.ReadAll(body); err == nil || strings.Contains(string(rest), "--graphql--") {
		t.Errorf("the stream ended with %v after %q, want it cut off", err, rest)
	}
}

// withCheckpoint is a subscription that delivers nothing and has one checkpoint.
func withCheckpoint(ctx context.Context) graphql.ResponseHandler {
	var sent atomic.Bool
	transport.StreamOf(ctx).Checkpoint = func() string {
		if sent.Swap(true) {
			return ""
		}
		return "somewhere"
	}
	return noEvents(ctx)
}

func TestMultipart_QuietSubscription_CheckpointInAPartWithoutPayload(t *testing.T) {
	t.Parallel()
	address := operations{"Never": withCheckpoint}.serveAll(t, transport.Options{KeepAlive: time.Millisecond})
	request := getRequest(t, address, "subscription Never {name}")
	request.Header.Set("Accept", "multipart/mixed;subscriptionSpec=1.0;checkpoints=true")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for body, checkpoint := bufio.NewReader(response.Body), ""; checkpoint == ""; {
		line, err := body.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "{") && line != "{}" {
			checkpoint = line
			if line != `{"extensions":{"checkpoint":"somewhere"}}` {
				t.Errorf("got %s", line)
			}
		}
	}
}

// Parts are executed when they are sent: none after the client has gone.
func TestMultipart_ClientGoesAway_NoMorePartsAreMade(t *testing.T) {
	t.Parallel()
	var made atomic.Int64
	ended := make(chan struct{})
	address := operations{"Many": func(ctx context.Context) graphql.ResponseHandler {
		context.AfterFunc(ctx, func() { close(ended) })
		return func(context.Context) *graphql.Response {
			made.Add(1)
			return &graphql.Response{Data: []byte(`"` + strings.Repeat("x", 64<<10) + `"`), HasNext: new(true)}
		}
	}}.serveAll(t, transport.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	request := getRequest(t, address, "query Many {... @defer {name}}").WithContext(ctx)
	request.Header.Set("Accept", apolloDefers)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	// The header comes before anything is executed; only a part shows that execution
	// has begun.
	if _, err := io.ReadFull(response.Body, make([]byte, len("--graphql")+len(part))); err != nil {
		t.Fatal(err)
	}
	cancel()
	_ = response.Body.Close()
	select {
	case <-ended: // the operation's context, once its last part has been refused
	case <-time.After(patience):
		t.Errorf("parts are still made, %d by now", made.Load())
	}
}
