package transport_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/transport"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

// A single frame must not leak a descriptor: gqlgen's own transport never
// closes the socket of a client whose connection_init has a payload that is not
// an object. Not parallel: it counts the descriptors of the process.
func TestWebSocket_WrongInit_NoDescriptorAndNoGoroutineLeft(t *testing.T) {
	const sockets = 100
	// Neither the timer for connection_init nor the pings may be what ends them.
	addr := operations{}.listen(t, transport.Options{InitTimeout: time.Hour, KeepAlive: time.Hour})
	payloads := []string{`"x"`, `["x"]`, `7`, `true`}
	leave := []func(net.Conn, io.Reader){
		func(conn net.Conn, reader io.Reader) { // answers the close frame
			io.WriteString(conn, "\x88\x82\x00\x00\x00\x00\x11\x30")
			if _, err := io.Copy(io.Discard, reader); err != nil {
				t.Fatalf("the server does not close the connection: %v", err)
			}
		},
		func(net.Conn, io.Reader) {}, // does not answer
		func(conn net.Conn, _ io.Reader) { _ = conn.(*net.TCPConn).SetLinger(0) }, // resets the connection
	}
	visit := func(n int) {
		conn, reader := dialRaw(t, addr)
		defer conn.Close()
		writeText(t, conn, `{"type":"connection_init","payload":`+payloads[n%len(payloads)]+`}`)
		closedWith(t, reader, 4400)
		leave[n%len(leave)](conn, reader)
	}
	visit(0) // creates what is created once
	descriptors, goroutines := openDescriptors(t), runtime.NumGoroutine()
	for n := range sockets {
		visit(n)
	}
	deadline := time.Now().Add(patience)
	for openDescriptors(t) > descriptors || runtime.NumGoroutine() > goroutines {
		if time.Now().After(deadline) {
			t.Fatalf("after %d sockets: %d descriptors and %d goroutines, before them %d and %d",
				sockets, openDescriptors(t), runtime.NumGoroutine(), descriptors, goroutines)
		}
		runtime.Gosched()
	}
}

func openDescriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/dev/fd")
	if err != nil {
		t.Skipf("this system does not list them: %v", err)
	}
	return len(entries)
}

// A malformed message may contain a password: no byte of it is in the response,
// the reason of a close frame, or the log at any level. gqlgen's own transport
// puts the whole body into the error.
func TestAllTransports_MalformedRequest_NotInTheAnswerOrTheLog(t *testing.T) {
	t.Parallel()
	// No text of the server has one of these letters.
	const secret, letters = `hunter2-пароль`, "пароль"
	var log logtest.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))

	streams := transport.NewStreams()
	gql := operations{}.server(transport.Options{Logger: logger, Streams: streams})
	present := apierror.NewPresenter(logger, nil)
	gql.SetErrorPresenter(present.Present)
	gql.SetRecoverFunc(present.Recover)
	server := httptest.NewUnstartedServer(gql)
	server.Config.ErrorLog = slog.NewLogLogger(logger.Handler(), slog.LevelError)
	server.Start()

	request := func(method, address, body string, headers ...string) string {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+address, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := server.Client().Do(withHeaders(r, headers...))
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var answer bytes.Buffer
		if err := response.Header.Write(&answer); err != nil {
			t.Fatal(err)
		}
		if _, err := answer.ReadFrom(response.Body); err != nil || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%s %s %s: %s %v, want 400", method, address, body, response.Status, err)
		}
		return answer.String()
	}
	posted := func(accept string) func(string) string {
		return func(body string) string {
			return request(http.MethodPost, "", body, "Content-Type", plainType, "Accept", accept)
		}
	}
	overSocket := func(before ...string) func(string) string {
		return func(body string) string {
			c := connect(t, server.Listener.Addr().String())
			c.play(before...)
			c.write(websocket.MessageText, body)
			text, err := c.read()
			var closed websocket.CloseError
			if !errors.As(err, &closed) || closed.Code != 4400 {
				t.Errorf("%s: got %s %v, want a close frame 4400", body, text, err)
			}
			return text + closed.Reason
		}
	}
	senders := map[string]func(body string) string{
		"POST":                 posted(plainType),
		"POST, the newer type": posted(responseType),
		"POST, server-sent":    posted("text/event-stream"),
		"POST, multipart":      posted(apolloSubscribes),
		"GET, as variables": func(body string) string {
			return request(http.MethodGet, "?query={name}&variables="+url.QueryEscape(body), "")
		},
		"GET, as extensions": func(body string) string {
			return request(http.MethodGet, "?query={name}&extensions="+url.QueryEscape(body), "")
		},
		"GET, a broken escape": func(body string) string { return request(http.MethodGet, "?query="+url.QueryEscape(body)+"%zz", "") },
		"GET, server-sent": func(body string) string {
			return request(http.MethodGet, "?query={name}&variables="+url.QueryEscape(body), "", "Accept", "text/event-stream")
		},
		"WebSocket":               overSocket(initialise, acknowledged),
		"WebSocket, as the first": overSocket(),
	}
	for name, send := range senders {
		for _, body := range []string{
			secret,
			`{"password":"` + secret + `"`,
			`{"query":"{name}","variables":{"` + secret + `":` + secret + `}}`,
			`{"type":"connection_init","payload":{"Authorization":"Bearer ` + secret + `"}`,
			`{"type":"subscribe","id":"` + secret + `","payload":{"query":"{name}"}}}`,
			`{"query":"{name}"}` + secret,
			`["` + secret + `"]`,
			`[{"query":["` + secret + `"],"type":"` + secret + `"}]`,
			"{\"query\":\"" + secret + "\xff\"}",
			`"` + secret + `\ud800"`,
		} {
			if got := send(body); strings.Contains(got, "hunter") || strings.ContainsAny(got, letters) {
				t.Errorf("%s: %s is answered by %s", name, body, got)
			}
		}
	}
	conn, _ := dialRaw(t, server.Listener.Addr().String())
	io.WriteString(conn, frameOf(`{"type":"connection_init","payload":{"token":"`+secret, 10))
	conn.Close()
	server.Close()
	// Nothing is logged after the last socket has ended.
	mustReturn(t, "the sockets to end", func() {
		for streams.Open() > 0 {
			runtime.Gosched()
		}
	})
	text := log.String()
	if strings.Contains(text, "hunter") || strings.ContainsAny(text, letters) {
		t.Errorf("the log contains the secret: %s", text)
	}
	if !strings.Contains(text, "a message broke off") {
		t.Errorf("the log lacks the truncated message: %s", text)
	}
}
