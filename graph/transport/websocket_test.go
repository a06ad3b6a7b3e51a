package transport_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"go.uber.org/goleak"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/transport"
	"github.com/noetl/noetl-catalog/internal/await"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for a condition.
const patience = time.Minute

const (
	initialise   = `> {"type":"connection_init"}`
	acknowledged = `< {"type":"connection_ack"}`
)

// operations maps the name of an operation to what executes it.
type operations map[string]func(ctx context.Context) graphql.ResponseHandler

// noEvents is a subscription without events.
func noEvents(ctx context.Context) graphql.ResponseHandler {
	return func(context.Context) *graphql.Response {
		<-ctx.Done()
		return nil
	}
}

// oneResponse returns an operation with one response.
func oneResponse(response *graphql.Response) func(context.Context) graphql.ResponseHandler {
	return func(context.Context) graphql.ResponseHandler {
		if response == nil {
			return graphql.OneShot(nil)
		}
		clone := *response // gqlgen writes to it
		return graphql.OneShot(&clone)
	}
}

// numbered returns an operation with responses 1 to n, which ends with failure unless it
// is nil. The cursor of response n is "cursor-n".
func numbered(n int, failure *gqlerror.Error) func(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) graphql.ResponseHandler {
		stream, sent := transport.StreamOf(ctx), 0
		return func(context.Context) *graphql.Response {
			if sent == n {
				if failure != nil {
					stream.Failure = failure
				}
				return nil
			}
			sent++
			stream.Cursor = fmt.Sprint("cursor-", sent)
			return &graphql.Response{Data: fmt.Appendf(nil, `{"n":%d}`, sent)}
		}
	}
}

func (ops operations) server(ws transport.Options) *handler.Server {
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	gql := handler.New(&graphql.ExecutableSchemaMock{
		SchemaFunc: func() *ast.Schema { return schema },
		ExecFunc: func(ctx context.Context) graphql.ResponseHandler {
			return ops[graphql.GetOperationContext(ctx).Operation.Name](ctx)
		},
	})
	present := apierror.NewPresenter(slog.New(slog.DiscardHandler), func() string { return "id-1" })
	gql.SetErrorPresenter(present.Present)
	gql.SetRecoverFunc(present.Recover)
	transport.Add(gql, ws)
	return gql
}

// listen serves the operations on TCP and returns the address. At the end of
// the test all sockets must end by themselves.
func (ops operations) listen(t testing.TB, ws transport.Options) string {
	t.Helper()
	if ws.Streams == nil {
		ws.Streams = transport.NewStreams()
	}
	// On a busy machine the defaults would end a socket, or send a ping that the
	// test does not expect.
	ws.InitTimeout = cmp.Or(ws.InitTimeout, time.Hour)
	ws.KeepAlive = cmp.Or(ws.KeepAlive, time.Hour)
	ws.SlowTimeout = cmp.Or(ws.SlowTimeout, patience)
	routes := http.NewServeMux()
	routes.Handle("/graphql", ops.server(ws))
	server := httptest.NewUnstartedServer(guarded(t, routes, nil))
	var noise logtest.Buffer
	server.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(&noise, nil), slog.LevelWarn)
	server.Start()
	t.Cleanup(func() {
		server.Close()
		deadline := time.Now().Add(patience)
		for ws.Streams.Open() > 0 && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		if open := ws.Streams.Open(); open > 0 {
			t.Errorf("%d sockets have not ended", open)
		}
		if text := noise.String(); text != "" {
			t.Errorf("net/http logged: %s", text)
		}
	})
	return server.Listener.Addr().String()
}

// mustReturn fails the test if f does not return.
func mustReturn(t testing.TB, what string, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
	case <-time.After(patience):
		t.Errorf("timed out waiting for %s", what)
	}
}

// client is a client of graphql-transport-ws.
type client struct {
	testing.TB
	conn *websocket.Conn
}

func dial(t testing.TB, addr string, subprotocols ...string) client {
	t.Helper()
	httpClient := &http.Client{Transport: &http.Transport{}}
	return dialWith(t, httpClient, addr, subprotocols...)
}

func dialWith(t testing.TB, httpClient *http.Client, addr string, subprotocols ...string) client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/graphql", &websocket.DialOptions{
		Subprotocols: subprotocols, HTTPClient: httpClient, CompressionMode: websocket.CompressionContextTakeover,
	})
	if err != nil {
		t.Fatalf("no handshake: %v", err)
	}
	conn.SetReadLimit(-1)
	t.Cleanup(func() { conn.CloseNow() })
	return client{t, conn}
}

func connect(t testing.TB, addr string) client {
	t.Helper()
	return dial(t, addr, "graphql-transport-ws")
}

// ready returns a client that has sent connection_init.
func ready(t testing.TB, addr string) client {
	t.Helper()
	c := connect(t, addr)
	c.play(initialise, acknowledged)
	return c
}

func (c client) read() (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, text, err := c.conn.Read(ctx)
	return string(text), err
}

func (c client) write(kind websocket.MessageType, text string) {
	c.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := c.conn.Write(ctx, kind, []byte(text)); err != nil {
		c.Fatalf("sending %.100s: %v", text, err)
	}
}

// play runs a script: "> text" sends a message, "# text" a binary one,
// "< text" expects exactly this message next, "! 4400 reason" expects this
// close frame.
func (c client) play(script ...string) {
	c.Helper()
	for i, step := range script {
		action, text := step[:2], step[2:]
		switch action {
		case "> ":
			c.write(websocket.MessageText, text)
		case "# ":
			c.write(websocket.MessageBinary, text)
		case "< ":
			if got, err := c.read(); err != nil || got != text {
				c.Fatalf("step %d\n got %s %v\nwant %s", i, got, err, text)
			}
		case "! ":
			got, err := c.read()
			var closed websocket.CloseError
			if !errors.As(err, &closed) || fmt.Sprintf("%d %s", closed.Code, closed.Reason) != text {
				c.Fatalf("step %d\n got %s %v\nwant a close frame %s", i, got, err, text)
			}
		}
	}
}

func subscribe(id, query string) string {
	return fmt.Sprintf(`> {"id":%q,"type":"subscribe","payload":{"query":%q}}`, id, query)
}

func subscribed(id, name string) string { return subscribe(id, "subscription "+name+" {name}") }

func TestWebSocket_Rules(t *testing.T) {
	t.Parallel()
	slow := apierror.Errorf(apierror.SlowConsumer, "too slow")
	ops := operations{
		"Never":   noEvents,
		"Two":     numbered(2, nil),
		"Fails":   numbered(1, slow),
		"Refused": oneResponse(&graphql.Response{Errors: gqlerror.List{slow}}),
		"Panics": func(context.Context) graphql.ResponseHandler {
			return func(context.Context) *graphql.Response { panic("secret") }
		},
		"Data":     oneResponse(&graphql.Response{Data: []byte(payload)}),
		"Deferred": deferred,
		"Partial":  oneResponse(&graphql.Response{Data: []byte(`null`), Errors: gqlerror.List{slow}}),
		"Nothing":  oneResponse(nil),
		"Breaks":   func(context.Context) graphql.ResponseHandler { panic("secret") },
	}
	addr := ops.listen(t, transport.Options{MaxOperations: 3, MaxBody: 100_000})

	const (
		internal = `[{"message":"internal error; its id in the server's log is id-1","extensions":{"code":"INTERNAL","id":"id-1"}}]`
		tooSlow  = `[{"message":"too slow","extensions":{"code":"SLOW_CONSUMER"}}]`
		noObject = "! 4400 Invalid message: it must be a JSON object"
		noJSON   = "! 4400 Invalid message: it is not JSON"
		badType  = "! 4400 Invalid message: its type is missing or unknown"
		badID    = "! 4400 Invalid message: the id must be a non-empty string"
		badLoad  = "! 4400 Invalid message: the payload must be an object"
		noQuery  = "! 4400 Invalid message: the payload has no query"
		badParam = "! 4400 Invalid message: the payload has a member of the wrong type"
		oddValue = "! 4400 Invalid message: it has a value that is not allowed"
	)
	long := strings.Repeat("x", 500)
	script := func(steps ...string) []string { return append([]string{initialise, acknowledged}, steps...) }
	for name, steps := range map[string][]string{
		"init with a payload":           {`> {"type":"connection_init","payload":{"token":"x"}}`, acknowledged},
		"init with payload null":        {`> {"type":"connection_init","payload":null}`, acknowledged},
		"init with a text as payload":   {`> {"type":"connection_init","payload":"x"}`, badLoad},
		"init with a list as payload":   {`> {"type":"connection_init","payload":[]}`, badLoad},
		"second init":                   script(initialise, "! 4429 Too many initialisation requests"),
		"subscribe before init":         {subscribed("1", "Never"), "! 4401 Unauthorized"},
		"complete before init":          {`> {"id":"1","type":"complete"}`, initialise, acknowledged},
		"ping before init":              {`> {"type":"ping"}`, `< {"type":"pong"}`, initialise, acknowledged},
		"ping with a payload":           script(`> {"type":"ping","payload":{"a":[1.10,"<&>"]}}`, `< {"type":"pong","payload":{"a":[1.10,"<&>"]}}`),
		"ping with an empty payload":    script(`> {"type":"ping","payload":{}}`, `< {"type":"pong","payload":{}}`),
		"ping with payload null":        script(`> {"type":"ping","payload":null}`, `< {"type":"pong"}`),
		"ping with a number as payload": script(`> {"type":"ping","payload":1}`, badLoad),
		"pong at any time":              {`> {"type":"pong"}`, initialise, acknowledged, `> {"type":"pong","payload":{"a":1}}`, `> {"type":"ping"}`, `< {"type":"pong"}`},
		"pong with a wrong payload":     script(`> {"type":"pong","payload":true}`, badLoad),

		"binary":                   script(`# {"type":"ping"}`, "! 4400 Invalid message: it must be text"),
		"binary before init":       {`# {"type":"ping"}`, "! 4400 Invalid message: it must be text"},
		"not JSON":                 script(`> secret`, noJSON),
		"empty":                    script(`> `, noJSON),
		"two values":               script(`> {"type":"ping"}{"type":"ping"}`, noJSON),
		"not UTF-8":                script("> {\"type\":\"ping\",\"payload\":{\"a\":\"\xff\"}}", noJSON),
		"a list":                   script(`> [{"type":"ping"}]`, noObject),
		"a text":                   script(`> "ping"`, noObject),
		"null":                     script(`> null`, noObject),
		"no type":                  script(`> {}`, badType),
		"a number as type":         script(`> {"type":1}`, badType),
		"unknown type":             script(`> {"type":"secret"}`, badType),
		"type in capitals":         script(`> {"TYPE":"ping"}`, badType),
		"legacy type":              script(`> {"type":"start","id":"1","payload":{"query":"{name}"}}`, badType),
		"the server's type":        script(`> {"type":"next","id":"1","payload":{}}`, badType),
		"half a surrogate in ping": script(`> {"type":"ping","payload":{"a":"\ud800"}}`, oddValue),

		"subscribe without id":                 script(`> {"type":"subscribe","payload":{"query":"{name}"}}`, badID),
		"subscribe with an empty id":           script(subscribe("", "{name}"), badID),
		"subscribe with a number as id":        script(`> {"type":"subscribe","id":1,"payload":{"query":"{name}"}}`, badID),
		"subscribe without payload":            script(`> {"type":"subscribe","id":"1"}`, badLoad),
		"subscribe with a text as payload":     script(`> {"type":"subscribe","id":"1","payload":"{name}"}`, badLoad),
		"subscribe without query":              script(`> {"type":"subscribe","id":"1","payload":{}}`, noQuery),
		"subscribe with query null":            script(`> {"type":"subscribe","id":"1","payload":{"query":null}}`, noQuery),
		"subscribe with a number as query":     script(`> {"type":"subscribe","id":"1","payload":{"query":1}}`, badParam),
		"subscribe with a list as variables":   script(`> {"type":"subscribe","id":"1","payload":{"query":"{name}","variables":[]}}`, badParam),
		"subscribe with a list as extensions":  script(`> {"type":"subscribe","id":"1","payload":{"query":"{name}","extensions":[]}}`, badParam),
		"subscribe with a number as operation": script(`> {"type":"subscribe","id":"1","payload":{"query":"{name}","operationName":1}}`, badParam),
		"complete without id":                  script(`> {"type":"complete"}`, badID),

		"over the limit before init": {`> {"type":"connection_init","payload":{"a":"` + strings.Repeat("x", 64<<10) + `"}}`, "! 1009 Message longer than 65536 bytes"},
		"over the limit":             script(`> {"type":"ping","payload":{"a":"`+strings.Repeat("x", 100_000)+`"}}`, "! 1009 Message longer than 100000 bytes"),
		"within the limit":           script(`> {"type":"pong","payload":{"a":"`+strings.Repeat("x", 99_900)+`"}}`, `> {"type":"ping"}`, `< {"type":"pong"}`),

		"id in use":      script(subscribed("a", "Never"), subscribed("a", "Never"), "! 4409 Subscriber for a already exists"),
		"id in use, cut": script(subscribed(long, "Never"), subscribed(long, "Never"), "! 4409 "+("Subscriber for " + long)[:123]),
		"id free after complete by the client": script(subscribed("a", "Never"), `> {"id":"a","type":"complete"}`,
			subscribed("a", "Two"), `< {"id":"a","type":"next","payload":{"data":{"n":1}}}`, `< {"id":"a","type":"next","payload":{"data":{"n":2}}}`,
			`< {"id":"a","type":"complete"}`),
		"id free after complete by the server": script(subscribe("a", "query Data {name}"), `< {"id":"a","type":"next","payload":{"data":`+payload+`}}`,
			`< {"id":"a","type":"complete"}`, subscribe("a", "query Data {name}"), `< {"id":"a","type":"next","payload":{"data":`+payload+`}}`,
			`< {"id":"a","type":"complete"}`),
		"id free after error": script(subscribed("a", "Refused"), `< {"id":"a","type":"error","payload":`+tooSlow+`}`,
			subscribed("a", "Refused"), `< {"id":"a","type":"error","payload":`+tooSlow+`}`),
		"id is escaped": script(`> {"id":"<\"\n>","type":"subscribe","payload":{"query":"subscription Refused {name}"}}`,
			`< {"id":"<\"\n>","type":"error","payload":`+tooSlow+`}`),
		"complete is not echoed": script(subscribed("a", "Never"), `> {"id":"a","type":"complete"}`, `> {"type":"ping"}`, `< {"type":"pong"}`),
		"complete of nothing":    script(`> {"id":"a","type":"complete"}`, `> {"type":"ping"}`, `< {"type":"pong"}`),

		"syntax error": script(subscribe("a", "{"),
			`< {"id":"a","type":"error","payload":[{"message":"Expected Name, found <EOF>","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_PARSE_FAILED"}}]}`),
		"unknown field": script(subscribe("a", "{other}"),
			`< {"id":"a","type":"error","payload":[{"message":"Cannot query field \"other\" on type \"Query\".","locations":[{"line":1,"column":2}],"extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`),
		"empty query": script(subscribe("a", ""),
			`< {"id":"a","type":"error","payload":[{"message":"no operation provided","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}`),
		"half a surrogate": script(`> {"id":"a","type":"subscribe","payload":{"query":"{name}","variables":{"v":"\ud800"}}}`,
			`< {"id":"a","type":"error","payload":[{"message":"the request is not one JSON value of the allowed form: half a surrogate pair stands in a text at byte 75","extensions":{"argument":"variables.v","code":"BAD_USER_INPUT"}}]}`),
		"half a surrogate before init": {`> {"id":"a","type":"subscribe","payload":{"query":"\ud800"}}`, "! 4401 Unauthorized"},
		"half a surrogate in the id":   script(`> {"id":"\ud800","type":"subscribe","payload":{"query":"{name}"}}`, oddValue),
		"defer": script(subscribe("a", "query Deferred {... @defer {name}}"),
			`< {"id":"a","type":"next","payload":{"data":{"n":1},"hasNext":true}}`,
			`< {"id":"a","type":"next","payload":{"incremental":[{"data":{"m":2},"path":["n"],"label":"two"}],"hasNext":true}}`,
			`< {"id":"a","type":"next","payload":{"incremental":[{"errors":[{"message":"too late"}],"data":null,"path":["n",3]}],"hasNext":false}}`,
			`< {"id":"a","type":"complete"}`),
		"defer in a mutation": script(subscribe("a", "mutation Data {... @defer {save}}"),
			`< {"id":"a","type":"error","payload":[{"message":"@defer works in queries, not in a mutation","extensions":{"code":"BAD_USER_INPUT"}}]}`),
		"refused subscription": script(subscribed("a", "Refused"), `< {"id":"a","type":"error","payload":`+tooSlow+`}`, `> {"type":"ping"}`, `< {"type":"pong"}`),
		"query with errors":    script(subscribe("a", "query Partial {name}"), `< {"id":"a","type":"next","payload":{"errors":`+tooSlow+`,"data":null}}`, `< {"id":"a","type":"complete"}`),
		"mutation":             script(subscribe("a", "mutation Data {save}"), `< {"id":"a","type":"next","payload":{"data":`+payload+`}}`, `< {"id":"a","type":"complete"}`),
		"query without answer": script(subscribe("a", "query Nothing {name}"), `< {"id":"a","type":"error","payload":`+internal+`}`),
		"subscription":         script(subscribed("a", "Two"), `< {"id":"a","type":"next","payload":{"data":{"n":1}}}`, `< {"id":"a","type":"next","payload":{"data":{"n":2}}}`, `< {"id":"a","type":"complete"}`),
		"empty subscription":   script(subscribed("a", "Nothing"), `< {"id":"a","type":"complete"}`),
		"failing subscription": script(subscribed("a", "Fails"), `< {"id":"a","type":"next","payload":{"data":{"n":1}}}`, `< {"id":"a","type":"error","payload":`+tooSlow+`}`, `> {"type":"ping"}`, `< {"type":"pong"}`),
		"panic":                script(subscribed("a", "Panics"), `< {"id":"a","type":"error","payload":`+internal+`}`, subscribed("a", "Nothing"), `< {"id":"a","type":"complete"}`),
		"panic at the start":   script(subscribed("a", "Breaks"), `< {"id":"a","type":"error","payload":`+internal+`}`),
		"panic in a query":     script(subscribe("a", "query Panics {name}"), `< {"id":"a","type":"error","payload":`+internal+`}`),
		"client closes":        script(subscribed("a", "Never")),
		"too many at once": script(subscribed("a", "Never"), subscribed("b", "Never"), subscribed("c", "Never"), subscribed("d", "Never"),
			`< {"id":"d","type":"error","payload":[{"message":"3 operations run on this socket, and no more are allowed; complete one first","extensions":{"code":"TOO_MANY_REQUESTS"}}]}`,
			`> {"type":"ping"}`, `< {"type":"pong"}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, addr)
			c.play(steps...)
			if strings.HasPrefix(steps[len(steps)-1], "! ") {
				return
			}
			if err := c.conn.Close(websocket.StatusNormalClosure, "bye"); err != nil {
				t.Errorf("the server does not answer a close: %v", err)
			}
		})
	}
}

func TestWebSocket_OtherSubprotocol_4406(t *testing.T) {
	t.Parallel()
	addr := operations{}.listen(t, transport.Options{})
	for _, subprotocols := range [][]string{nil, {"graphql-ws"}, {"a", "b"}} {
		dial(t, addr, subprotocols...).play("! 4406 Subprotocol not acceptable")
	}
	c := dial(t, addr, "graphql-ws", "graphql-transport-ws")
	c.play(initialise, acknowledged)
	if got := c.conn.Subprotocol(); got != "graphql-transport-ws" {
		t.Errorf("the server chose %q of both", got)
	}
}

func TestIsHandshake_UpgradesToWebSocketOnly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		method, connection, upgrade string
		want                        bool
	}{
		{"GET", "Upgrade", "websocket", true},
		{"GET", "keep-alive, Upgrade", "WebSocket", true},
		{"GET", "keep-alive", "websocket", false},
		{"GET", "upgrade", "h2c", false},
		{"GET", "", "", false},
		{"POST", "Upgrade", "websocket", false},
	} {
		r := httptest.NewRequest(test.method, "/graphql", nil)
		r.Header.Set("Connection", test.connection)
		r.Header.Set("Upgrade", test.upgrade)
		if got := transport.IsHandshake(r); got != test.want {
			t.Errorf("%+v: got %t", test, got)
		}
	}
}

func TestWebSocket_ForeignOrigin_403ByTheGuard(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(guarded(t, operations{}.server(transport.Options{}), nil, "https://app.example.com"))
	t.Cleanup(server.Close)
	for origin, want := range map[string]int{
		"": 101, server.URL: 101, "https://app.example.com": 101, "https://evil.example.com": 403, "null": 403,
	} {
		header := http.Header{}
		if origin != "" {
			header.Set("Origin", origin)
		}
		conn, answer, err := websocket.Dial(t.Context(), server.URL+"/graphql", &websocket.DialOptions{
			HTTPClient: server.Client(), HTTPHeader: header, Subprotocols: []string{"graphql-transport-ws"},
		})
		if answer == nil || answer.StatusCode != want {
			t.Errorf("Origin %q: %v, want %d", origin, err, want)
		}
		if conn != nil {
			conn.CloseNow()
		}
	}
}

func TestWebSocket_BadHandshake_Refused(t *testing.T) {
	t.Parallel()
	addr := operations{}.listen(t, transport.Options{})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr+"/graphql", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}, "Sec-Websocket-Version": {"8"}}
	answer, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusBadRequest {
		t.Errorf("got %s", answer.Status)
	}
}

func TestWebSocket_CompleteByTheClient_CancelsThatOperationOnly(t *testing.T) {
	t.Parallel()
	ended, left := make(chan struct{}), make(chan struct{})
	ops := operations{
		"Watched": func(ctx context.Context) graphql.ResponseHandler {
			context.AfterFunc(ctx, func() { close(ended) })
			return noEvents(ctx)
		},
		"Other": func(ctx context.Context) graphql.ResponseHandler {
			context.AfterFunc(ctx, func() { close(left) })
			return noEvents(ctx)
		},
	}
	c := ready(t, ops.listen(t, transport.Options{}))
	c.play(subscribed("a", "Watched"), subscribed("b", "Other"), `> {"id":"a","type":"complete"}`)
	mustReturn(t, "the context to end", func() { <-ended })
	select {
	case <-left:
		t.Error("the other operation has ended, too")
	default:
	}
	c.conn.CloseNow()
	mustReturn(t, "the context to end with the socket", func() { <-left })
}

func TestWebSocket_EndingOperation_DoesNotAffectItsSuccessor(t *testing.T) {
	t.Parallel()
	// The first operation runs on after the client has completed it, until its successor
	// runs under the same id, and then returns one more response.
	started, successor := make(chan struct{}), make(chan struct{})
	ops := operations{
		"First": func(context.Context) graphql.ResponseHandler {
			close(started)
			return func(context.Context) *graphql.Response {
				<-successor
				return &graphql.Response{Data: []byte(`"late"`)}
			}
		},
		"Second": func(ctx context.Context) graphql.ResponseHandler {
			close(successor)
			return noEvents(ctx)
		},
	}
	c := ready(t, ops.listen(t, transport.Options{MaxOperations: 2}))
	c.play(subscribed("a", "First"))
	mustReturn(t, "the first to start", func() { <-started })
	c.play(`> {"id":"a","type":"complete"}`, subscribed("a", "Second"))
	mustReturn(t, "the second to start", func() { <-successor })
	// The first operation has ended when another one may start.
	for {
		c.play(subscribe("b", "{"))
		text, err := c.read()
		if err != nil || strings.Contains(text, "late") {
			t.Fatalf("got %s %v", text, err)
		}
		if !strings.Contains(text, "TOO_MANY_REQUESTS") {
			break
		}
	}
	c.play(subscribed("a", "Second"), "! 4409 Subscriber for a already exists")
}

func TestWebSocket_QueryTimeout_Error(t *testing.T) {
	t.Parallel()
	ops := operations{"Never": noEvents, "Cooperates": func(ctx context.Context) graphql.ResponseHandler {
		return func(ctx context.Context) *graphql.Response {
			<-ctx.Done()
			graphql.AddError(ctx, ctx.Err())
			return &graphql.Response{Data: []byte("null")}
		}
	}}
	c := ready(t, ops.listen(t, transport.Options{QueryTimeout: time.Millisecond, MutationTimeout: time.Hour}))
	const timeout = `[{"message":"the request took too long and was stopped","extensions":{"code":"TIMEOUT"}}]`
	c.play(subscribed("subscription", "Never"), subscribe("mutation", "mutation Never {save}"),
		subscribe("a", "query Never {name}"), `< {"id":"a","type":"error","payload":`+timeout+`}`,
		subscribe("a", "query Cooperates {name}"), `< {"id":"a","type":"next","payload":{"errors":`+timeout+`,"data":null}}`,
		`< {"id":"a","type":"complete"}`)
}

func TestWebSocket_ManyOperations_EachInOrder(t *testing.T) {
	t.Parallel()
	const perOperation, count = 50, 40
	c := ready(t, operations{"Numbered": numbered(perOperation, nil)}.listen(t, transport.Options{}))
	for id := range count {
		c.play(subscribed(strconv.Itoa(id), "Numbered"))
	}
	got := map[string]int{}
	for completed := 0; completed < count; {
		text, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		id := strings.Split(text, `"`)[3]
		got[id]++
		want := fmt.Sprintf(`{"id":"%s","type":"next","payload":{"data":{"n":%d}}}`, id, got[id])
		if got[id] > perOperation {
			want = fmt.Sprintf(`{"id":"%s","type":"complete"}`, id)
			completed++
		}
		if text != want {
			t.Fatalf("got %s, want %s", text, want)
		}
	}
}

func TestWebSocket_SubscribersComeAndGo_AllEnded(t *testing.T) {
	t.Parallel()
	addr := operations{"Numbered": numbered(20, nil), "Never": noEvents}.listen(t, transport.Options{})
	var clients sync.WaitGroup
	for range 10 {
		clients.Go(func() {
			c := ready(t, addr)
			for range 50 {
				c.play(subscribed("a", "Numbered"), subscribed("b", "Never"), `> {"id":"a","type":"complete"}`, `> {"id":"b","type":"complete"}`)
			}
			c.play(`> {"type":"ping","payload":{"last":1}}`)
			for {
				text, err := c.read()
				if err != nil {
					t.Error(err)
					return
				}
				if strings.Contains(text, "pong") {
					return
				}
			}
		})
	}
	clients.Wait()
}

func TestWebSocket_Shutdown_1001NeverComplete(t *testing.T) {
	t.Parallel()
	streams := transport.NewStreams()
	ops := operations{"Never": noEvents, "Ends": func(ctx context.Context) graphql.ResponseHandler {
		return func(context.Context) *graphql.Response {
			<-ctx.Done()
			transport.StreamOf(ctx).Failure = apierror.Errorf(apierror.Unavailable, "shutting down")
			return nil
		}
	}}
	addr := ops.listen(t, transport.Options{Streams: streams})
	var clients []client
	for range 5 {
		c := ready(t, addr)
		c.play(subscribed("a", "Never"), subscribed("b", "Ends"), `> {"type":"ping"}`, `< {"type":"pong"}`)
		clients = append(clients, c)
	}
	clients = append(clients, connect(t, addr)) // has not sent connection_init
	if got := streams.Open(); got != len(clients) {
		t.Errorf("%d are open, want %d", got, len(clients))
	}
	closed := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		closed <- streams.Close(ctx)
	}()
	for _, c := range clients {
		c.play("! 1001 Going away")
	}
	if err := await.Value(t, closed); err != nil {
		t.Error(err)
	}
	_, answer, err := websocket.Dial(t.Context(), "ws://"+addr+"/graphql", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{}}})
	if answer == nil || answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("after that: %v, want 503", err)
	}
}

// shakeHands does the handshake for a client of bare frames, and returns the
// reader after it.
func shakeHands(t testing.TB, conn net.Conn) *bufio.Reader {
	t.Helper()
	const handshake = "GET /graphql HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n" +
		"Sec-WebSocket-Protocol: graphql-transport-ws\r\n\r\n"
	if _, err := io.WriteString(conn, handshake); err != nil {
		t.Fatal(err)
	}
	reader := bufio.NewReaderSize(conn, 512)
	for {
		line, err := reader.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			return reader
		}
	}
}

// frameOf returns a text frame with a mask of zeros, without its last `missing` bytes.
func frameOf(text string, missing int) string {
	head := binary.BigEndian.AppendUint64([]byte{0x81, 0xff}, uint64(len(text)+missing))
	return string(head) + "\x00\x00\x00\x00" + text
}
