package transport_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/transport"
	"github.com/noetl/noetl-catalog/internal/await"
)

// limitedServer serves "ok" on a limited number of connections.
func limitedServer(t *testing.T, limit *admission.Limit) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ok := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	server := transport.Server("", ok, slog.New(slog.DiscardHandler))
	served := make(chan error, 1)
	go func() { served <- server.Serve(transport.Limited(listener, limit)) }()
	t.Cleanup(func() {
		_ = server.Close()
		if err := await.Value(t, served); !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
	return listener.Addr().String()
}

// dialFrom opens a connection from an address of this machine.
func dialFrom(t *testing.T, from, to string) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext(t.Context(), "tcp", to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(patience))
	return conn
}

// requestOn sends a request, and returns the response with its body.
func requestOn(t *testing.T, conn net.Conn) (*http.Response, string) {
	t.Helper()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestLimited_ConnectionsBeyond_RefusedWithTheReason(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("needs several loopback addresses")
	}
	address := limitedServer(t, admission.NewLimits(admission.LimitOptions{Connections: 4}).Connections)
	connect := func(from string, status int, code string) net.Conn {
		t.Helper()
		conn := dialFrom(t, from, address)
		response, body := requestOn(t, conn)
		if response.StatusCode != status || !strings.Contains(body, code) {
			t.Errorf("%s: %s %s", from, response.Status, body)
		}
		if refused := status != http.StatusOK; refused != response.Close || refused != (response.Header.Get("Retry-After") != "") {
			t.Errorf("%s: headers %v", from, response.Header)
		}
		return conn
	}
	first := connect("127.0.0.1", http.StatusOK, "ok")
	connect("127.0.0.1", http.StatusOK, "ok")
	connect("127.0.0.1", http.StatusTooManyRequests, "TOO_MANY_REQUESTS")
	connect("127.0.0.2", http.StatusOK, "ok")
	connect("127.0.0.3", http.StatusOK, "ok")
	connect("127.0.0.4", http.StatusServiceUnavailable, "OVERLOADED")
	_ = first.Close()
	mustReturn(t, "a closed connection to be free again", func() {
		for {
			if response, _ := requestOn(t, dialFrom(t, "127.0.0.4", address)); response.StatusCode == http.StatusOK {
				return
			}
		}
	})
}

func TestLimited_ManyConnectionsBeyond_ClosedAtOnce(t *testing.T) {
	t.Parallel()
	address := limitedServer(t, admission.NewLimits(admission.LimitOptions{Connections: 1, CallerShare: 100}).Connections)
	dialFrom(t, "127.0.0.1", address)
	for range 64 {
		dialFrom(t, "127.0.0.1", address)
	}
	if _, err := dialFrom(t, "127.0.0.1", address).Read(make([]byte, 1)); err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the connection is open: %v", err)
	}
}

// A socket counts for its address, and once its client is identified for its token.
func TestWebSocket_TooManySockets_Refused(t *testing.T) {
	t.Parallel()
	accept := func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil }
	limits := admission.NewLimits(admission.LimitOptions{Sockets: 4})
	address := operations{}.listen(t, transport.Options{Limits: limits, ByToken: true, Authenticate: accept})
	withToken := func(token string) string {
		return `> {"type":"connection_init","payload":{"Authorization":"` + token + `"}}`
	}
	var sockets []client
	for range 2 {
		sockets = append(sockets, connect(t, address))
		sockets[len(sockets)-1].play(withToken("a"), acknowledged)
	}
	connect(t, address).play(withToken("a"), "! 1013 this caller has its share of 2 WebSockets: close some first")
	mustReturn(t, "the refused socket to be free again", func() {
		for limits.Sockets.Take(admission.Caller{Authorization: "b"}, 2) != nil {
			runtime.Gosched()
		}
	})
	if response := handshake(t, address); response.StatusCode != http.StatusServiceUnavailable || response.Header.Get("Retry-After") == "" {
		t.Errorf("beyond the server's limit: %s %v", response.Status, response.Header)
	}
	limits.Sockets.Release(admission.Caller{Authorization: "b"}, 2)
	_ = sockets[0].conn.CloseNow()
	mustReturn(t, "a closed socket to be free again", func() {
		for limits.Sockets.Take(admission.Caller{Authorization: "a"}, 1) != nil {
			runtime.Gosched()
		}
	})
	limits.Sockets.Release(admission.Caller{Authorization: "a"}, 1)
	connect(t, address)
	connect(t, address) // not identified yet
	if response := handshake(t, address); response.StatusCode != http.StatusTooManyRequests {
		t.Errorf("beyond the address's share: %s", response.Status)
	}
}

// handshake sends the request that opens a WebSocket.
func handshake(t *testing.T, address string) *http.Response {
	t.Helper()
	_, response, err := websocket.Dial(t.Context(), "ws://"+address+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err == nil {
		t.Fatal("the socket is open")
	}
	return response
}

func TestSubscriptions_TooMany_Refused(t *testing.T) {
	t.Parallel()
	const code = `"extensions":{"code":"OVERLOADED","retryAfter":5,"retryable":true}`
	limits := admission.NewLimits(admission.LimitOptions{Subscriptions: 1, CallerShare: 100})
	ops := operations{"Never": noEvents, "Two": numbered(2, nil)}
	options := transport.Options{Limits: limits, KeepAlive: time.Hour, SlowTimeout: patience}
	c := ready(t, ops.listen(t, options))
	server := httptest.NewServer(ops.server(options))
	t.Cleanup(server.Close)
	stream := func(accept string) (*http.Response, string) {
		t.Helper()
		response, body, err := readAll(t, getRequest(t, server.URL, "subscription Two {name}"), http.Header{"Accept": {accept}})
		if err != nil {
			t.Fatal(err)
		}
		return response, body
	}

	c.play(subscribed("1", "Never"))
	mustReturn(t, "the subscription to run", func() {
		for limits.Subscriptions.Take(admission.Caller{}, 1) == nil {
			limits.Subscriptions.Release(admission.Caller{}, 1)
			runtime.Gosched()
		}
	})
	c.play(subscribed("2", "Two"), `< {"id":"2","type":"error","payload":[{"message":"the server has its limit of 1 subscriptions: try again later",`+code+`}]}`)
	for _, accept := range []string{"text/event-stream", apolloSubscribes} {
		if response, body := stream(accept); response.StatusCode != http.StatusServiceUnavailable ||
			response.Header.Get("Retry-After") != "5" || !strings.Contains(body, code) {
			t.Errorf("%s: %s %s", accept, response.Status, body)
		}
	}
	c.play(`> {"id":"1","type":"complete"}`)
	for range 2 {
		mustReturn(t, "room for a subscription", func() {
			for {
				if response, _ := stream("text/event-stream"); response.StatusCode == http.StatusOK {
					return
				}
			}
		})
	}
}

// A long event waits for room while other clients have not accepted theirs.
func TestSubscriptions_LongEvents_WaitForRoom(t *testing.T) {
	t.Parallel()
	long := func(ctx context.Context) graphql.ResponseHandler {
		return func(context.Context) *graphql.Response {
			return &graphql.Response{Data: []byte(`"` + strings.Repeat("x", 600<<10) + `"`)}
		}
	}
	for name, test := range map[string]struct {
		writeTimeout time.Duration
		want         string
	}{
		"others are cut off": {5 * time.Second, `{"id":"1","type":"next"`},
		"others stay":        {time.Hour, `{"id":"1","type":"error","payload":[{"message":"this caller has its share of 524288 bytes of waiting events`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := transport.Options{
				Limits: admission.NewLimits(admission.LimitOptions{Waiting: 2 << 20}), SlowTimeout: time.Hour, WriteTimeout: test.writeTimeout, KeepAlive: time.Hour,
			}
			onFakeClock(t, options, operations{"Long": long}, func(b *bubble) {
				stuck, _ := b.raw()
				if _, err := io.WriteString(stuck, frameOf(`{"type":"connection_init"}`, 0)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.ReadFull(stuck, make([]byte, len(`{"type":"connection_ack"}`)+2)); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(stuck, frameOf(strings.TrimPrefix(subscribed("1", "Long"), "> "), 0)); err != nil {
					t.Fatal(err)
				}
				c := b.connect()
				c.play(initialise, acknowledged)
				time.Sleep(time.Second) // of the bubble's clock: the other holds its share
				c.play(subscribed("1", "Long"))
				if got, err := c.read(); err != nil || !strings.HasPrefix(got, test.want) {
					t.Errorf("got %.150s %v, want %s", got, err, test.want)
				}
				_ = stuck.Close()
			})
		})
	}
}
