package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for an expected event.
const patience = 20 * time.Second

// player is a fake server. It handles each subscription with the next function of its
// connections, and after the last one opens a stream without events.
type player struct {
	tail func(w http.ResponseWriter)
	// names answers the query knownNames; nil for a server that does not support it.
	names       func(w http.ResponseWriter)
	connections []func(*connection)

	mu       sync.Mutex
	requests []playedRequest
	afters   []string
	tails    int
	named    int
}

type playedRequest struct {
	accept, authorization string
	query                 string
	variables             map[string]json.RawMessage
}

// connection is a subscription as the player sees it.
type connection struct {
	w    http.ResponseWriter
	done <-chan struct{}
}

func (p *player) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Query     string
		Variables map[string]json.RawMessage
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil || r.Method != http.MethodPost ||
		r.URL.Path != "/graphql" || r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "not a GraphQL request", http.StatusNotFound)
		return
	}
	p.mu.Lock()
	if strings.Contains(body.Query, "KnownNames") {
		p.named++
		p.mu.Unlock()
		if p.names == nil {
			fmt.Fprint(w, `{"errors":[{"message":"Cannot query field","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`)
			return
		}
		p.names(w)
		return
	}
	p.requests = append(p.requests, playedRequest{r.Header.Get("Accept"), r.Header.Get("Authorization"), body.Query, body.Variables})
	if !strings.Contains(body.Query, "subscription") {
		p.tails++
		p.mu.Unlock()
		if p.tail != nil {
			p.tail(w)
			return
		}
		fmt.Fprint(w, `{"data":{"events":{"tailCursor":"c0"}}}`)
		return
	}
	var after string
	_ = json.Unmarshal(body.Variables["after"], &after)
	p.afters = append(p.afters, after)
	n := len(p.afters)
	p.mu.Unlock()
	c := &connection{w, r.Context().Done()}
	if n > len(p.connections) {
		c.open()
		c.hold()
		return
	}
	p.connections[n-1](c)
}

// seen returns the cursor after which each subscription began.
func (p *player) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.afters)
}

func (c *connection) open() {
	c.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	c.w.WriteHeader(http.StatusOK)
	c.write("")
}

func (c *connection) write(text string) {
	_, _ = io.WriteString(c.w, text)
	_ = http.NewResponseController(c.w).Flush()
}

// send sends the events of the numbers from to to; c1 follows c0, and so on.
func (c *connection) send(from, to int) {
	for n := from; n <= to; n++ {
		c.write(streamed(n))
	}
}

func (c *connection) fail(code string) {
	c.write(fmt.Sprintf("event: next\ndata: {\"errors\":[{\"message\":\"no\",\"extensions\":{\"code\":%q}}],\"data\":null}\n\n", code))
}

// cut closes the connection in the middle of the response.
func (c *connection) cut() { panic(http.ErrAbortHandler) }

// hold keeps the connection open until the client closes it.
func (c *connection) hold() { <-c.done }

func (c *connection) answer(status int, body string) {
	c.w.WriteHeader(status)
	c.write(body)
}

func streamed(n int) string {
	return fmt.Sprintf("event: next\nid: c%d\ndata: %s\n\n", n, message(n, `"it happened"`))
}

func message(n int, text string) string {
	return fmt.Sprintf(`{"data":{"eventRecorded":{"cursor":"c%d","previousCursor":"c%d","position":"%d","event":{"eventId":"e%d",`+
		`"type":{"name":"step.done"},"path":"a/b","version":{"version":"1.0.0"},"timestamp":"2026-03-01T12:00:00.123456Z","message":%s,`+
		`"payload":{"n":%d},"meta":null}}}}`, n, n-1, n, n, text, n)
}

// output records each call of Write.
type output struct {
	mu    sync.Mutex
	calls []string
	came  chan struct{}
}

func newOutput() *output { return &output{came: make(chan struct{}, 1)} }

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, string(p))
	select {
	case o.came <- struct{}{}:
	default:
	}
	return len(p), nil
}

func (o *output) written() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.calls)
}

// await waits until enough returns true for the lines written.
func (o *output) await(t *testing.T, enough func([]string) bool) []string {
	t.Helper()
	deadline := time.After(patience)
	for {
		if got := o.written(); enough(got) {
			return got
		}
		select {
		case <-o.came:
		case <-deadline:
			t.Fatalf("written so far: %q", o.written())
		}
	}
}

func (o *output) lines(t *testing.T, n int) []string {
	t.Helper()
	return o.await(t, func(got []string) bool { return len(got) >= n })
}

func (o *output) text(t *testing.T, want string) {
	t.Helper()
	o.await(t, func(got []string) bool { return strings.Contains(strings.Join(got, ""), want) })
}

// following is a running command.
type following struct {
	stdout, stderr *output
	cancel         context.CancelFunc
	ended          chan error
}

var testPace = pace{silence: patience, settle: patience, shortest: time.Millisecond, longest: 5 * time.Millisecond}

func follow(t *testing.T, command Follow, pace pace) *following {
	t.Helper()
	f := &following{stdout: newOutput(), stderr: newOutput(), ended: make(chan error, 1)}
	follower, err := newFollower(&command, f.stdout, f.stderr)
	if err != nil {
		t.Fatal(err)
	}
	follower.pace, follower.client.Silence = pace, pace.silence
	return start(t, follower, f)
}

func start(t *testing.T, follower *follower, f *following) *following {
	ctx, cancel := context.WithCancel(context.Background())
	f.cancel = cancel
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		f.ended <- follower.follow(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	return f
}

// stop ends the command as Ctrl-C does.
func (f *following) stop(t *testing.T) {
	t.Helper()
	f.cancel()
	if err := f.wait(t); err != nil {
		t.Errorf("error %v, want none", err)
	}
}

func (f *following) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-f.ended:
		return err
	case <-time.After(patience):
		t.Fatalf("the command does not end; stdout %q, stderr %q", f.stdout.written(), f.stderr.written())
		return nil
	}
}

func serve(t *testing.T, p *player) string {
	t.Helper()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return server.URL
}

// ids returns the event ids of printed JSON lines.
func ids(t *testing.T, lines []string) []string {
	t.Helper()
	out := make([]string, len(lines))
	for i, line := range lines {
		var event struct {
			ID string `json:"event_id"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("line %q: %v", line, err)
		}
		out[i] = event.ID
	}
	return out
}

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// The command ends with the run.
func TestFollow_RunEnds_Ends(t *testing.T) {
	t.Parallel()
	p := &player{connections: []func(*connection){func(c *connection) {
		c.open()
		c.send(1, 2)
		c.write("event: complete\ndata:\n\n")
	}}}
	f := &following{stdout: newOutput(), stderr: newOutput(), ended: make(chan error, 1)}
	follower, err := newFollower(&Follow{Server: serve(t, p), JSON: true, After: "c0"}, f.stdout, f.stderr)
	if err != nil {
		t.Fatal(err)
	}
	follower.run, follower.pace = "r", testPace
	if err := start(t, follower, f).wait(t); err != nil {
		t.Error(err)
	}
	equal(t, "events", []string{"e1", "e2"}, ids(t, f.stdout.written()))
	equal(t, "stderr", "", strings.Join(f.stderr.written(), ""))
}

// However a connection ends, the next one resumes after the last complete event, and stderr
// has one notice.
func TestFollow_ConnectionEnds_ResumesAfterLastEvent(t *testing.T) {
	t.Parallel()
	lost := func(reason string) string {
		return "connection lost, reconnecting: " + reason + "\nconnected again\n"
	}
	for name, test := range map[string]struct {
		end  func(*connection)
		want string
	}{
		"cut between events":        {(*connection).cut, lost("unexpected EOF")},
		"cut within a line":         {func(c *connection) { c.write(streamed(3)[:40]); c.cut() }, lost("unexpected EOF")},
		"cut before the empty line": {func(c *connection) { c.write(strings.TrimSuffix(streamed(3), "\n")); c.cut() }, lost("unexpected EOF")},
		"an end without complete":   {func(*connection) {}, lost("the stream broke off")},
		"an end within an event":    {func(c *connection) { c.write(strings.TrimSuffix(streamed(3), "\n")) }, lost("the stream broke off")},
		"complete":                  {func(c *connection) { c.write("event: complete\ndata:\n\n") }, lost("the server ended the stream")},
		"complete without data":     {func(c *connection) { c.write("event: complete\n\n") }, lost("the server ended the stream")},
		"SLOW_CONSUMER":             {func(c *connection) { c.fail("SLOW_CONSUMER"); c.hold() }, lost("no (SLOW_CONSUMER)")},
		"UNAVAILABLE":               {func(c *connection) { c.fail("UNAVAILABLE"); c.hold() }, lost("no (UNAVAILABLE)")},
		"TIMEOUT":                   {func(c *connection) { c.fail("TIMEOUT"); c.hold() }, lost("no (TIMEOUT)")},
		"INTERNAL":                  {func(c *connection) { c.fail("INTERNAL"); c.hold() }, lost("no (INTERNAL)")},
		"TOO_MANY_REQUESTS":         {func(c *connection) { c.fail("TOO_MANY_REQUESTS"); c.hold() }, lost("no (TOO_MANY_REQUESTS)")},
		"an event that is not JSON": {func(c *connection) { c.write("event: next\ndata: {\n\n"); c.hold() }, lost("the server sent what is not GraphQL")},
		"a response without data":   {func(c *connection) { c.write("event: next\ndata: {\"data\":null}\n\n"); c.hold() }, lost("the server sent what is not GraphQL")},
		"an event that is null":     {func(c *connection) { c.write("event: next\ndata: {\"data\":{\"eventRecorded\":null}}\n\n"); c.hold() }, lost("the server sent no event")},
		"an event that has no cursor": {func(c *connection) {
			c.write("event: next\ndata: {\"data\":{\"eventRecorded\":{}}}\n\n")
			c.hold()
		}, lost("the server sent an event without a cursor")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{connections: []func(*connection){
				func(c *connection) { c.open(); c.send(1, 2); test.end(c) },
				func(c *connection) { c.open(); c.send(3, 4); c.hold() },
			}}
			f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
			lines := f.stdout.lines(t, 4)
			f.stop(t)
			equal(t, "events", []string{"e1", "e2", "e3", "e4"}, ids(t, lines))
			equal(t, "cursors resumed after", []string{"c0", "c2"}, p.seen())
			equal(t, "stderr", test.want, strings.Join(f.stderr.written(), ""))
		})
	}
}

// A checkpoint is a cursor to resume after, not an event: the next event on the same
// connection has the cursor of the last event as previousCursor.
func TestFollow_Checkpoint_ResumesAfterIt(t *testing.T) {
	t.Parallel()
	p := &player{connections: []func(*connection){
		func(c *connection) {
			c.open()
			c.write("id: k1\n\n")
			c.cut()
		},
		func(c *connection) {
			c.open()
			c.write(strings.ReplaceAll(streamed(1), `"previousCursor":"c0"`, `"previousCursor":"k1"`))
			c.write("id: k2\n\n")
			c.send(2, 2)
			c.write("id: k3\n\n:\n\nid: k4\n\n")
			c.cut()
		},
		func(c *connection) {
			c.open()
			c.write(strings.ReplaceAll(streamed(3), `"previousCursor":"c2"`, `"previousCursor":"k4"`))
			c.hold()
		},
	}}
	f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
	lines := f.stdout.lines(t, 3)
	f.stop(t)
	equal(t, "events", []string{"e1", "e2", "e3"}, ids(t, lines))
	equal(t, "cursors resumed after", []string{"c0", "k1", "k4"}, p.seen())
}

// After any response of a failing server the follower retries, with one notice.
func TestFollow_ServerFailing_Retries(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]func(*connection){
		"cut":                  func(c *connection) { c.cut() },
		"500 of a proxy":       func(c *connection) { c.answer(http.StatusInternalServerError, "<html>") },
		"502":                  func(c *connection) { c.answer(http.StatusBadGateway, "<html>") },
		"503":                  func(c *connection) { c.answer(http.StatusServiceUnavailable, "") },
		"504":                  func(c *connection) { c.answer(http.StatusGatewayTimeout, `{"errors":[{"message":"late"}]}`) },
		"429 of a proxy":       func(c *connection) { c.answer(http.StatusTooManyRequests, "slow down") },
		"429":                  func(c *connection) { c.answer(http.StatusTooManyRequests, refused("TOO_MANY_REQUESTS")) },
		"503 UNAVAILABLE":      func(c *connection) { c.answer(http.StatusServiceUnavailable, refused("UNAVAILABLE")) },
		"stream, UNAVAILABLE":  func(c *connection) { c.open(); c.fail("UNAVAILABLE") },
		"stream, complete":     func(c *connection) { c.open(); c.write("event: complete\ndata:\n\n") },
		"stream, only comment": func(c *connection) { c.open(); c.write(":\n\n"); c.cut() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{connections: []func(*connection){
				func(c *connection) { c.open(); c.send(1, 1); c.cut() },
				refuse, refuse, refuse, refuse,
				func(c *connection) { c.open(); c.send(2, 2); c.hold() },
			}}
			f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
			lines := f.stdout.lines(t, 2)
			f.stop(t)
			equal(t, "events", []string{"e1", "e2"}, ids(t, lines))
			equal(t, "cursors resumed after", []string{"c0", "c1", "c1", "c1", "c1", "c1"}, p.seen())
			equal(t, "stderr", "connection lost, reconnecting: unexpected EOF\nconnected again\n", strings.Join(f.stderr.written(), ""))
		})
	}
}

func refused(code string) string {
	return fmt.Sprintf(`{"errors":[{"message":"is not \u001b[31mgood\nenough","extensions":{"code":%q,"argument":"after"}}]}`, code)
}

// The cursor to start after is read before the first event, so that a lost connection misses
// no event.
func TestFollow_CutBeforeFirstEvent_ResumesAfterTail(t *testing.T) {
	t.Parallel()
	var tails int
	p := &player{
		tail: func(w http.ResponseWriter) { // one request at a time
			if tails++; tails < 3 {
				w.WriteHeader(http.StatusServiceUnavailable)
				return
			}
			fmt.Fprint(w, `{"data":{"events":{"tailCursor":"c7"}}}`)
		},
		connections: []func(*connection){
			func(c *connection) { c.cut() },
			func(c *connection) { c.open(); c.cut() },
			func(c *connection) { c.open(); c.send(8, 9); c.hold() },
		},
	}
	f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
	lines := f.stdout.lines(t, 2)
	f.stop(t)
	equal(t, "events", []string{"e8", "e9"}, ids(t, lines))
	equal(t, "cursors resumed after", []string{"c7", "c7", "c7"}, p.seen())
	equal(t, "tail queries", 3, p.tails)
}

// With --after, follow starts there and does not query the end of the log.
func TestFollow_After_StartsThere(t *testing.T) {
	t.Parallel()
	p := &player{connections: []func(*connection){func(c *connection) { c.open(); c.send(5, 5); c.hold() }}}
	f := follow(t, Follow{Server: serve(t, p), JSON: true, After: "c4"}, testPace)
	lines := f.stdout.lines(t, 1)
	f.stop(t)
	equal(t, "events", []string{"e5"}, ids(t, lines))
	equal(t, "cursors resumed after", []string{"c4"}, p.seen())
	equal(t, "tail queries", 0, p.tails)
	equal(t, "stderr", "", strings.Join(f.stderr.written(), ""))
}

// follow waits for a server that is not up yet.
func TestFollow_NoServerYet_Waits(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	f := follow(t, Follow{Server: "http://" + address}, testPace)
	f.stderr.text(t, "no connection to http://"+address+"/graphql yet, trying again: dial tcp ")

	if listener, err = net.Listen("tcp", address); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&player{connections: []func(*connection){
		func(c *connection) { c.open(); c.send(1, 1); c.cut() },
		func(c *connection) { c.open(); c.send(2, 2); c.hold() },
	}})
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	f.stdout.lines(t, 2)
	f.stop(t)
	notices := f.stderr.written()
	equal(t, "stderr after the first notice", []string{"connected\n", "connection lost, reconnecting: unexpected EOF\n", "connected again\n"}, notices[1:])
}

// A permanent error ends the command with the server's message, without control
// characters.
func TestFollow_ServerRefuses_EndsWithMessage(t *testing.T) {
	t.Parallel()
	type test struct {
		refuse func(*connection)
		want   string
	}
	cases := map[string]test{
		"404":            {func(c *connection) { c.answer(http.StatusNotFound, "<html>") }, "answered 404 Not Found with neither"},
		"401 of a proxy": {func(c *connection) { c.answer(http.StatusUnauthorized, "") }, "answered 401 Unauthorized with neither"},
		"not a stream":   {func(c *connection) { c.answer(http.StatusOK, message(1, `"m"`)) }, "answered 200 OK with neither"},
		"406":            {func(c *connection) { c.answer(http.StatusNotAcceptable, refused("")) }, "after: is not \\u001b[31mgood enough"},
	}
	for _, code := range []string{
		"BAD_USER_INPUT", "STREAM_CHANGED", "CURSOR_EXPIRED", "FORBIDDEN", "UNAUTHENTICATED",
		"GRAPHQL_VALIDATION_FAILED", "GRAPHQL_PARSE_FAILED", "COMPLEXITY_LIMIT_EXCEEDED",
	} {
		want := "the server refused the subscription: after: is not \\u001b[31mgood enough (" + code + ")"
		cases[code+" in JSON"] = test{func(c *connection) { c.answer(http.StatusBadRequest, refused(code)) }, want}
		cases[code+" in JSON, 200"] = test{func(c *connection) { c.answer(http.StatusOK, refused(code)) }, want}
		cases[code+" in the stream"] = test{func(c *connection) {
			c.open()
			c.send(1, 1)
			c.write("event: next\ndata: " + refused(code) + "\n\n")
			c.hold()
		}, want}
	}
	for name, test := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{connections: []func(*connection){test.refuse}}
			f := follow(t, Follow{Server: serve(t, p), After: "c0"}, testPace)
			if err := f.wait(t); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
			equal(t, "cursors resumed after", []string{"c0"}, p.seen())
		})
	}
}

// The server may also refuse the first query, for the end of the log.
func TestFollow_TailRefused_EndsWithMessage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status       int
		answer, want string
	}{
		"a token is needed": {http.StatusUnauthorized, refused("UNAUTHENTICATED"), "(UNAUTHENTICATED)"},
		"older server":      {http.StatusOK, refused("GRAPHQL_VALIDATION_FAILED"), "(GRAPHQL_VALIDATION_FAILED)"},
		"another server":    {http.StatusOK, "<html>", "answered 200 OK with neither"},
		"no cursor":         {http.StatusOK, `{"data":{"events":{}}}`, "has no tailCursor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{tail: func(w http.ResponseWriter) {
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.answer)
			}}
			err := follow(t, Follow{Server: serve(t, p)}, testPace).wait(t)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}

// follow does not print an event that does not follow the last one, but fetches the missing
// events first.
func TestFollow_EventsMissing_WarnsAndFetchesThem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		first    func(*connection)
		previous string
	}{
		"between two events":     {func(c *connection) { c.send(1, 1); c.send(3, 3) }, "c2"},
		"before the first event": {func(c *connection) { c.send(2, 2) }, "c1"},
		"no previous cursor": {func(c *connection) {
			c.write(strings.Replace(streamed(1), `"previousCursor":"c0"`, `"previousCursor":null`, 1))
		}, ""},
		"the same event again": {func(c *connection) { c.send(1, 1); c.send(1, 1) }, "c0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{}
			p.connections = []func(*connection){
				func(c *connection) { c.open(); test.first(c); c.hold() },
				func(c *connection) {
					from := 1
					if p.seen()[1] == "c1" {
						from = 2
					}
					c.open()
					c.send(from, 3)
					c.hold()
				},
			}
			f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
			lines := f.stdout.lines(t, 3)
			f.stop(t)
			equal(t, "events", []string{"e1", "e2", "e3"}, ids(t, lines))
			last := p.seen()[1]
			equal(t, "stderr", []string{
				fmt.Sprintf("a gap: an event came that follows cursor %q, and the last one's is %q; reconnecting after that\n", test.previous, last),
				"connected again\n",
			}, f.stderr.written())
		})
	}
}

// pipeListener is an in-memory network for a bubble of testing/synctest, in which time
// advances when all goroutines are blocked.
type pipeListener struct {
	connections chan net.Conn
	closed      chan struct{}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.connections <- server:
		return client, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// followInBubble follows with the default timeouts.
func followInBubble(t *testing.T, p *player, stdout io.Writer) *following {
	t.Helper()
	listener := &pipeListener{make(chan net.Conn), make(chan struct{})}
	server := &http.Server{Handler: p}
	t.Cleanup(func() { server.Close() })
	go server.Serve(listener)

	f := &following{stdout: newOutput(), stderr: newOutput(), ended: make(chan error, 1)}
	if stdout == nil {
		stdout = f.stdout
	}
	follower, err := newFollower(&Follow{Server: "http://bubble", JSON: true}, stdout, f.stderr)
	if err != nil {
		t.Fatal(err)
	}
	follower.client.HTTP.Transport.(*http.Transport).DialContext = listener.dial
	return start(t, follower, f)
}

// pass lets time pass in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// After 45 s of silence the connection counts as lost, both before and during the response.
func TestFollow_Silence_Reconnects(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		silent func(*connection)
		last   int
	}{
		"no answer":       {func(c *connection) { c.hold() }, 0},
		"no event":        {func(c *connection) { c.open(); c.hold() }, 0},
		"after an event":  {func(c *connection) { c.open(); c.send(1, 1); c.hold() }, 1},
		"within an event": {func(c *connection) { c.open(); c.send(1, 1); c.write("event: next\ndata: {"); c.hold() }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				p := &player{connections: []func(*connection){
					test.silent,
					func(c *connection) { c.open(); c.send(test.last+1, 3); c.hold() },
				}}
				f := followInBubble(t, p, nil)
				pass(44 * time.Second)
				equal(t, "connections before 45 s", 1, len(p.seen()))
				pass(2 * time.Second)
				f.stop(t)
				equal(t, "events", []string{"e1", "e2", "e3"}, ids(t, f.stdout.written()))
				equal(t, "cursors resumed after", []string{"c0", fmt.Sprintf("c%d", test.last)}, p.seen())
				equal(t, "stderr", "connection lost, reconnecting: the server has sent nothing for 45s\nconnected again\n", strings.Join(f.stderr.written(), ""))
			})
		})
	}
}

// A comment in the stream keeps the connection alive and has no other effect.
func TestFollow_KeepAliveComments_StaysConnected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p := &player{connections: []func(*connection){func(c *connection) {
			c.open()
			c.send(1, 1)
			for range 240 {
				<-time.After(15 * time.Second)
				c.write(":\n\n")
			}
			c.write(": not the end of anything\n")
			c.send(2, 2)
			c.hold()
		}}}
		f := followInBubble(t, p, nil)
		pass(time.Hour)
		f.stop(t)
		equal(t, "events", []string{"e1", "e2"}, ids(t, f.stdout.written()))
		equal(t, "cursors resumed after", []string{"c0"}, p.seen())
		equal(t, "stderr", "", strings.Join(f.stderr.written(), ""))
	})
}

// A new connection without events is reported only after it has lasted for a while.
func TestFollow_NoEventAfterOutage_ConnectedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ends := func(c *connection) { c.open(); <-time.After(900 * time.Millisecond) }
		f := followInBubble(t, &player{connections: []func(*connection){ends, ends, ends}}, nil)
		const lost = "connection lost, reconnecting: the stream broke off\n"
		pass(3 * time.Second)
		equal(t, "stderr while it fails", lost, strings.Join(f.stderr.written(), ""))
		pass(6 * time.Second)
		equal(t, "stderr afterwards", lost+"connected again\n", strings.Join(f.stderr.written(), ""))
		f.stop(t)
	})
}

// stoppedOutput blocks every write until it is resumed.
type stoppedOutput struct {
	*output
	goOn <-chan struct{}
}

func (o *stoppedOutput) Write(p []byte) (int, error) {
	n, err := o.output.Write(p)
	<-o.goOn
	return n, err
}

// A blocked output does not end the connection.
func TestFollow_OutputStopped_StaysConnected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		p := &player{connections: []func(*connection){func(c *connection) {
			c.open()
			c.send(1, 1)
			<-goOn
			c.send(2, 2)
			c.hold()
		}}}
		stdout := &stoppedOutput{newOutput(), goOn}
		f := followInBubble(t, p, stdout)
		pass(time.Hour)
		close(goOn)
		pass(time.Second)
		f.stop(t)
		equal(t, "events", []string{"e1", "e2"}, ids(t, stdout.written()))
		equal(t, "cursors resumed after", []string{"c0"}, p.seen())
		equal(t, "stderr", "", strings.Join(f.stderr.written(), ""))
	})
}

// While a server is down, follow retries every one to two seconds without a limit.
func TestFollow_LongOutage_BacksOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		p := &player{tail: func(w http.ResponseWriter) { asked++; w.WriteHeader(http.StatusBadGateway) }}
		f := followInBubble(t, p, nil)
		pass(time.Hour)
		f.stop(t)
		if asked < 1800 || asked > 7200 {
			t.Errorf("%d requests in an hour", asked)
		}
		equal(t, "notices", 1, len(f.stderr.written()))
	})
}

// A JSON line is written in one call, with its keys in a fixed order and every value byte
// for byte as the server sent it.
func TestFollow_JSON_BytesAsSent(t *testing.T) {
	t.Parallel()
	const payload = `{"b": 1.10, "a" :[12345678901234567890.0,1E3], "html":"<b>&\u003c", "u":"é\u2028` + "\u2028" + `\ud800"}`
	event := func(n int, rest string) string {
		return fmt.Sprintf(`{"data":{"eventRecorded":{"cursor":"c%d","previousCursor":"c%d","position":"9007199254740993","event":{"eventId":"e%d",`+
			`"type":{"name":"a<b"},"path":"a/b&c","version":{"version":"1.0.0"},"timestamp":"2026-03-01T12:00:00.123456Z","message":"a\n<b>",%s}}}}`, n, n-1, n, rest)
	}
	p := &player{connections: []func(*connection){func(c *connection) {
		c.open()
		c.write("event: next\r\ndata: " + event(1, `"payload":`+payload+`,"meta":{"execution_id": "4711"}`) + "\r\n\r\n")
		c.write("id: c2\ndata:" + event(2, `"payload":null,"meta":null`) + "\nevent:next\nretry: 5\n\n")
		c.write("event: next\ndata: " + event(3, "\"payload\":{\ndata: \"a\":1},\"meta\":[]") + "\n\n")
		c.hold()
	}}}
	f := follow(t, Follow{Server: serve(t, p), JSON: true}, testPace)
	got := f.stdout.lines(t, 3)
	f.stop(t)
	line := func(n int, rest string) string {
		return fmt.Sprintf(`{"cursor":"c%d","position":"9007199254740993","event_id":"e%d","event_type":"a<b","resource_path":"a/b&c",`+
			`"resource_version":"1.0.0","timestamp":"2026-03-01T12:00:00.123456Z","message":"a\n<b>",%s}`+"\n", n, n, rest)
	}
	equal(t, "lines", []string{
		line(1, `"payload":`+payload+`,"meta":{"execution_id": "4711"}`),
		line(2, `"payload":null,"meta":null`),
		line(3, `"payload":{ "a":1},"meta":[]`), // a line end within JSON would end the line
	}, got)
}

// Whatever an event contains, the output for people is one line.
func TestFollow_ForPeople_OneLineWithoutControlCharacters(t *testing.T) {
	t.Parallel()
	p := &player{connections: []func(*connection){func(c *connection) {
		c.open()
		c.send(1, 1)
		c.write(strings.NewReplacer(
			`"a/b"`, `"a\r\u001b]0;x\u0007b"`, `"1.0.0"`, `"1\u0000"`, `"step.done"`, `"s\u007ft"`,
			"12:00:00.123456Z", "14:00:00.9+02:00", `"it happened"`, `"a\nb\tc\u009b31m\u202ed\u2028e <é>"`,
		).Replace(streamed(2)))
		c.hold()
	}}}
	f := follow(t, Follow{Server: serve(t, p)}, testPace)
	got := f.stdout.lines(t, 2)
	f.stop(t)
	equal(t, "lines", []string{
		"2026-03-01T12:00:00.123Z  step.done             a/b                           1.0.0     it happened\n",
		"2026-03-01T12:00:00.900Z  s\\u007ft              a \\u001b]0;x\\u0007b           1\\u0000   a b c\\u009b31m\\u202ed e <é>\n",
	}, got)
}

// failingWriter fails from the second line on.
type failingWriter struct {
	err   error
	lines int
}

func (w *failingWriter) Write(p []byte) (int, error) {
	if w.lines++; w.lines > 1 {
		return 0, w.err
	}
	return len(p), nil
}

// A closed pipe ends the command without an error; a full disk is an error.
func TestFollow_StdoutFails_Ends(t *testing.T) {
	t.Parallel()
	full := errors.New("no space left on device")
	reader, closed := io.Pipe()
	reader.Close()
	for name, test := range map[string]struct {
		stdout io.Writer
		want   error
	}{
		"closed pipe": {closed, nil},
		"full disk":   {&failingWriter{err: full}, full},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{connections: []func(*connection){func(c *connection) { c.open(); c.send(1, 3); c.hold() }}}
			ctx, cancel := context.WithTimeout(context.Background(), patience)
			defer cancel()
			command := Follow{Server: serve(t, p)}
			if err := command.Run(ctx, test.stdout, io.Discard); !errors.Is(err, test.want) || ctx.Err() != nil {
				t.Errorf("error %v, want %v; context: %v", err, test.want, ctx.Err())
			}
		})
	}
}

// Each flag is sent as a field of the filter, with every digit of JSON numbers. Without
// flags no filter is sent.
func TestFollow_Flags_FormTheFilter(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		args                  []string
		filter, authorization string
		payload               bool
	}{
		"none": {nil, `null`, "", false},
		"all": {
			[]string{
				"--json", "--token=secret", "--execution-id=4711", "--step=s", "--status=FAILED", "--status=a,b", "--type=t1", "--type=t2", "--exclude-type=t3", "--text=disk full",
				"--resource-type=playbook", "--path=a/b", "--path=c,d", "--path-prefix=", "--version=1.0.0", "--since=2026-03-01T12:00:00Z",
				"--until=2026-03-01T14:00:00.000001+02:00", `--payload={"n":12345678901234567890.10,"t":"<"}`, `--meta=null`,
			},
			`{"excludeTypes":["t3"],"executionId":"4711","meta":null,"pathPrefix":"","paths":["a/b","c,d"],"payload":{"n":12345678901234567890.10,"t":"<"},` +
				`"resourceTypes":["playbook"],"since":"2026-03-01T12:00:00Z","statuses":["FAILED","a,b"],"step":"s","text":"disk full","types":["t1","t2"],` +
				`"until":"2026-03-01T14:00:00.000001+02:00","version":"1.0.0"}`,
			"Bearer secret", true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &player{connections: []func(*connection){func(c *connection) { c.open(); c.send(1, 1); c.hold() }}}
			command, err := parse(append(test.args, "--server="+serve(t, p)+"/"))
			if err != nil {
				t.Fatal(err)
			}
			f := follow(t, command, testPace)
			f.stdout.lines(t, 1)
			f.stop(t)
			equal(t, "requests", 2, len(p.requests))
			asked := p.requests[1]
			equal(t, "filter", test.filter, string(asked.variables["filter"]))
			equal(t, "Accept", "text/event-stream", asked.accept)
			equal(t, "Authorization", test.authorization, asked.authorization)
			equal(t, "Authorization of the first request", test.authorization, p.requests[0].authorization)
			equal(t, "asks for payload and meta", test.payload, strings.Contains(asked.query, " payload meta"))
		})
	}
}

// parse parses a command line as package config does.
func parse(args []string) (Follow, error) {
	var line struct {
		Follow Follow `cmd:""`
	}
	parser, err := kong.New(&line, kong.Exit(func(int) {}))
	if err != nil {
		return Follow{}, err
	}
	_, err = parser.Parse(append([]string{"follow"}, args...))
	return line.Follow, err
}

// Invalid flags are refused before any request.
func TestFollow_BadFlags_Refused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ arg, want string }{
		{"--since=yesterday", `--since "yesterday" is not an instant`},
		{"--since=", `--since "" is not an instant`},
		{"--until=2026-03-01", `--until "2026-03-01" is not an instant`},
		{"--payload={a:1}", `--payload "{a:1}" is not JSON`},
		{"--meta=", `--meta "" is not JSON`},
		{"--since=2026-03-01T14:00:00+02:00 --until=2026-03-01T12:00:00Z", "no event lies between"},
		{"--path=a/b --path-prefix=b/", `--path "a/b" does not begin with --path-prefix "b/"`},
	} {
		if _, err := parse(strings.Fields(test.arg)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.arg, err, test.want)
		}
	}
	command := Follow{Server: "localhost:8080"}
	if err := command.Run(context.Background(), io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "is not an http or https URL") {
		t.Errorf("error %v for a server without a scheme", err)
	}
}

// The pause grows with each failure, and stays within its bounds.
func TestFollow_Delay_GrowsWithinBounds(t *testing.T) {
	t.Parallel()
	follower, err := newFollower(&Follow{Server: "http://127.0.0.1:1"}, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		failures int
		most     time.Duration
	}{{0, 100 * time.Millisecond}, {1, 150 * time.Millisecond}, {3, 450 * time.Millisecond}, {6, 2 * time.Second}, {1 << 30, 2 * time.Second}} {
		follower.failures = test.failures
		for range 100 {
			if got := follower.delay(); got < 50*time.Millisecond || got > test.most {
				t.Errorf("after %d failures: %s, want 50ms to %s", test.failures, got, test.most)
			}
		}
	}
}
