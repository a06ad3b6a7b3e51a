//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/noetl/noetl-catalog/client"
)

// attack is a request of a hostile client, with the outcomes that are right.
type attack struct {
	name string
	run  func(ctx context.Context, s *soak, server int) (outcome string)
	want []string
}

// heavy are the right outcomes of a large request.
var heavy = []string{"ok", "TOO_MANY_REQUESTS", "OVERLOADED", "BUDGET_EXCEEDED", "RESPONSE_TOO_LARGE"}

const heavyList = `{ resources(first: 60, filter: {pathPrefix: "heavy/list/"}) { nodes { path versions(first: 5) { nodes { version payload } } } } }`

func diffs(count int, field string) string {
	var text strings.Builder
	for i := range count {
		fmt.Fprintf(&text, `a%d: version(path: "heavy/compared", version: "1.0.2") { diff { %s } } `, i, field)
	}
	return "{" + text.String() + "}"
}

func attacks() []attack {
	bomb := "{...f0} fragment f40 on Query {__typename}"
	for i := range 40 {
		bomb += fmt.Sprintf(" fragment f%d on Query {...f%d ...f%d}", i, i+1, i+1)
	}
	register := func(payload string) string {
		return `{"query":"mutation ($p: PayloadInput!) {registerResource(input: {path: \"hostile\", type: \"task\", payload: $p}) {status}}","variables":{"p":` + payload + `}}`
	}
	return []attack{
		{"a deep query", send(document(strings.Repeat("{resource(path:\"x\"){latestVersion", 25) + "{version}" + strings.Repeat("}}", 25))), []string{"DEPTH_LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"}},
		{"100,000 open braces", send(document(strings.Repeat("{a", 100_000))), []string{"GRAPHQL_PARSE_FAILED"}},
		{"a bomb of fragments", send(document(bomb)), []string{"COMPLEXITY_LIMIT_EXCEEDED"}},
		{"a product of pages", send(document(`{resources(first:200){nodes{versions(first:200){nodes{events(first:200){nodes{message}}}}}}}`)), []string{"COMPLEXITY_LIMIT_EXCEEDED"}},
		{"200 root fields", send(document("{" + strings.Repeat(`a:resource(path:"x"){path} `, 200) + "}")), []string{"COMPLEXITY_LIMIT_EXCEEDED", "GRAPHQL_VALIDATION_FAILED"}},
		{"3 MB of variables", send(`{"query":"{__typename}","variables":{"v":[` + strings.Repeat("{},", 999_990) + `{}]}}`), heavy},
		{"a body of 32 MB", send(`{"query":"{__typename}","variables":{"v":"` + strings.Repeat("x", 32<<20) + `"}}`), []string{"PAYLOAD_TOO_LARGE"}},
		{"a number of 131,072 digits", send(register(`{"json": [1e131071]}`)), []string{"BAD_USER_INPUT"}},
		{"a NUL in a payload", send(register(`{"json": {"a": "\u0000"}}`)), []string{"BAD_USER_INPUT"}},
		{"a bomb of YAML aliases", send(register(`{"yaml": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d]\n"}`)), []string{"BAD_USER_INPUT", "PAYLOAD_TOO_LARGE"}},
		{"JSON of 100,000 levels", send(`{"query":"{__typename}","variables":{"v":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + `}}`), []string{"BAD_USER_INPUT", "PAYLOAD_TOO_LARGE", "GRAPHQL_PARSE_FAILED"}},
		{"not JSON", send("\x00\xff\xfe{{{{"), []string{"BAD_USER_INPUT", "GRAPHQL_PARSE_FAILED"}},
		{"a compressed body", send(document("{__typename}"), "Content-Encoding", "gzip"), []string{"HTTP 415"}},
		{"a body of another type", send(document("{__typename}"), "Content-Type", "text/plain"), []string{"HTTP 415"}},
		{"another host's name", send(document("{__typename}"), "Host", "example.com"), []string{"FORBIDDEN"}},
		{"another page's request", send(document("{__typename}"), "Origin", "https://example.com"), []string{"FORBIDDEN"}},
		{"an unknown token", send(document("{__typename}"), "Authorization", "Bearer x"), []string{"UNAUTHENTICATED"}},
		{"a type without the role", send(document(`mutation {saveEventType(input: {name: "x"}) {eventType {name}}}`)), []string{"FORBIDDEN"}},
		{"headers of 300 KB", send(document("{__typename}"), "X-Large", strings.Repeat("x", 300<<10)), []string{"HTTP 431", "connection"}},
		{"8 lists of 10 MB", concurrently(8, send(document(heavyList))), heavy},
		{"4 times 16 differences", concurrently(4, send(document(diffs(16, "text")))), heavy},
		{"4 times 16 patches", concurrently(4, send(document(diffs(16, "patch")))), heavy},
		{"garbage", garbage, []string{"closed", "HTTP 400"}},
		{"half a request", halfOpen, []string{"closed", "HTTP 400", "HTTP 408"}},
		{"an answer that is not read", unread, []string{"closed", "refused"}},
		{"a WebSocket without a token", unauthenticated, []string{"closed 4401", "closed 4403"}},
		{"garbage on a WebSocket", garbageFrame, []string{"closed 4400"}},
		{"150 operations on a WebSocket", manyOperations, []string{"TOO_MANY_REQUESTS"}},
	}
}

// hostile attacks until the context ends.
func (s *soak) hostile(ctx context.Context, random *rand.Rand, all []attack) {
	a, server := all[random.IntN(len(all))], random.IntN(2)
	began := time.Now()
	outcome := a.run(ctx, s, server)
	switch {
	case ctx.Err() != nil:
	case slices.Contains(a.want, outcome):
		s.tally.count("hostile", outcome)
	default:
		s.explain(began, "hostile", outcome, fmt.Errorf("%s: %s in place of %q", a.name, outcome, a.want))
	}
	pause(ctx, time.Duration(100+random.IntN(400))*time.Millisecond)
}

type object = map[string]any

func document(query string) string {
	text, _ := json.Marshal(object{"query": query})
	return string(text)
}

// post sends a request and returns the code of its first error, or its status.
func (s *soak) post(ctx context.Context, server int, who, text string, header ...string) string {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.system.servers[server].url()+"/graphql", strings.NewReader(text))
	if err != nil {
		return err.Error()
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer "+s.system.token(who))
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1]
		}
	}
	response, err := (&http.Client{Transport: &http.Transport{DisableCompression: true, DisableKeepAlives: true}}).Do(request)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = response.Body.Close() }()
	// Answers are long; their errors come first.
	head, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err == nil {
		_, err = io.Copy(io.Discard, response.Body)
	}
	if err != nil {
		return "connection"
	}
	if code := firstCode.FindSubmatch(head); code != nil && (response.StatusCode < 500 || response.StatusCode == http.StatusServiceUnavailable) && response.StatusCode != http.StatusUnsupportedMediaType {
		if busy := string(code[1]); busy != "TOO_MANY_REQUESTS" && busy != "OVERLOADED" || response.Header.Get("Retry-After") != "" {
			return busy
		}
		return string(code[1]) + " without Retry-After"
	}
	if response.StatusCode != http.StatusOK {
		return fmt.Sprintf("HTTP %d", response.StatusCode)
	}
	return "ok"
}

var firstCode = regexp.MustCompile(`^\{"errors":.*?"code":"([A-Z_]+)"`)

func send(text string, header ...string) func(context.Context, *soak, int) string {
	return func(ctx context.Context, s *soak, server int) string {
		return s.post(ctx, server, "hostile", text, header...)
	}
}

// concurrently sends the same request several times at once and returns the worst
// outcome.
func concurrently(once int, run func(context.Context, *soak, int) string) func(context.Context, *soak, int) string {
	return func(ctx context.Context, s *soak, server int) (worst string) {
		outcomes := make([]string, once)
		var group sync.WaitGroup
		for i := range outcomes {
			group.Go(func() { outcomes[i] = run(ctx, s, server) })
		}
		group.Wait()
		for _, outcome := range outcomes {
			if worst == "" || slices.Index(heavy, outcome) < 0 {
				worst = outcome
			}
		}
		return worst
	}
}

func (s *soak) raw(ctx context.Context, server int) (net.Conn, error) {
	return dialer(true).DialContext(ctx, "tcp", s.system.servers[server].address)
}

// untilClosed reads from a connection until the server closes it.
func untilClosed(connection net.Conn, bound time.Duration) string {
	_ = connection.SetReadDeadline(time.Now().Add(bound))
	var head [12]byte
	n, err := io.ReadFull(connection, head[:])
	if err == nil {
		_, err = io.Copy(io.Discard, connection)
	}
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
		return "open after " + bound.String()
	}
	if n == len(head) {
		return "HTTP " + string(head[9:])
	}
	return "closed"
}

func garbage(ctx context.Context, s *soak, server int) string {
	connection, err := s.raw(ctx, server)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = connection.Close() }()
	_, _ = connection.Write(bytes.Repeat([]byte{0x16, 3, 1, 0xff, '\r', '\n', '\n', 0}, 500))
	return untilClosed(connection, 30*time.Second)
}

func halfOpen(ctx context.Context, s *soak, server int) string {
	connection, err := s.raw(ctx, server)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = connection.Close() }()
	_, _ = io.WriteString(connection, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Le")
	return untilClosed(connection, 30*time.Second)
}

// unread requests a long answer, reads its status only, and waits until the server closes
// the connection.
func unread(ctx context.Context, s *soak, server int) string {
	connection, err := s.raw(ctx, server)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = connection.Close() }()
	text := document(heavyList)
	_, _ = fmt.Fprintf(connection, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", s.system.token("hostile"), len(text), text)
	var head [12]byte
	_ = connection.SetReadDeadline(time.Now().Add(30 * time.Second))
	if _, err := io.ReadFull(connection, head[:]); err != nil {
		return "connection"
	}
	if string(head[9:]) != "200" {
		return "refused"
	}
	// A write fails once the server has closed the connection.
	for began := time.Now(); time.Since(began) < 45*time.Second && pause(ctx, 500*time.Millisecond); {
		if _, err := connection.Write([]byte("\r\n")); err != nil {
			return "closed"
		}
	}
	return "open after 45s"
}

// untilWebSocketClosed reads messages until the server closes the WebSocket.
func untilWebSocketClosed(ctx context.Context, socket *client.WebSocket) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		_, _, err := socket.Read(ctx)
		switch status := websocket.CloseStatus(err); {
		case status != -1:
			return fmt.Sprintf("closed %d", status)
		case err != nil:
			return codeOf(err)
		}
	}
}

func unauthenticated(ctx context.Context, s *soak, server int) string {
	conn, _, err := websocket.Dial(ctx, s.system.servers[server].url()+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}) //nolint:bodyclose // the library's
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = conn.CloseNow() }()
	socket := &client.WebSocket{Conn: conn}
	_ = socket.Subscribe(ctx, "1", subscription, nil)
	return untilWebSocketClosed(ctx, socket)
}

func garbageFrame(ctx context.Context, s *soak, server int) string {
	socket, err := s.dial(ctx, server, "hostile", http.DefaultClient)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = socket.CloseNow() }()
	_ = socket.Write(ctx, websocket.MessageText, []byte("{{{{"))
	return untilWebSocketClosed(ctx, socket)
}

func manyOperations(ctx context.Context, s *soak, server int) string {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	socket, err := s.dial(ctx, server, "hostile", http.DefaultClient)
	if err != nil {
		return codeOf(err)
	}
	defer func() { _ = socket.CloseNow() }()
	for i := range 150 {
		_ = socket.Subscribe(ctx, fmt.Sprint(i), subscription, object{"filter": object{"path": "nothing"}})
	}
	for err == nil {
		_, err = socket.Next(ctx)
	}
	return codeOf(err)
}
