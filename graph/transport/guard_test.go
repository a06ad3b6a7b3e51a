package transport_test

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/noetl/noetl-catalog/graph/transport"
)

func guarded(t *testing.T, options transport.GuardOptions) http.Handler {
	t.Helper()
	guard, err := transport.NewGuard(options)
	if err != nil {
		t.Fatal(err)
	}
	return guard.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
}

func TestGuard_Host_OnLoopbackOnlyThisMachine(t *testing.T) {
	t.Parallel()
	for host, ours := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "127.0.0.1": true, "127.0.0.1:1": true, "127.9.8.7:80": true,
		"[::1]": true, "[::1]:8080": true,
		"": false, "evil.example": false, "evil.example:8080": false, "localhost.evil.example": false,
		"127.0.0.1.evil.example": false, "10.0.0.1": false, "0.0.0.0:8080": false, "[::]:8080": false,
		"[fe80::1%25lo]": false, "127.1": false,
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = host
		w := send(guarded(t, transport.GuardOptions{Loopback: true}), r)
		want := http.StatusTeapot
		if !ours {
			want = http.StatusMisdirectedRequest
			if got := codes(t, w); len(got) != 1 || got[0] != "FORBIDDEN" {
				t.Errorf("%q: codes %v", host, got)
			}
		}
		if w.Code != want {
			t.Errorf("%q: %d, want %d", host, w.Code, want)
		}
		if w := send(guarded(t, transport.GuardOptions{}), r); w.Code != http.StatusTeapot {
			t.Errorf("%q, not on loopback: %d", host, w.Code)
		}
	}
}

func TestGuard_Origin_ForeignPagesMayNotPost(t *testing.T) {
	t.Parallel()
	handler := guarded(t, transport.GuardOptions{Origins: []string{"https://app.example.com"}})
	for _, tc := range []struct {
		name, method string
		headers      []string
		allowed      bool
	}{
		{"no origin", "POST", nil, true},
		{"same origin", "POST", []string{"Origin", "http://catalog.example:8080"}, true},
		{"on the list", "POST", []string{"Origin", "https://app.example.com"}, true},
		{"another host", "POST", []string{"Origin", "http://evil.example"}, false},
		{"another port", "POST", []string{"Origin", "http://catalog.example:8081"}, false},
		{"on the list but for the scheme", "POST", []string{"Origin", "http://app.example.com"}, false},
		{"null", "POST", []string{"Origin", "null"}, false},
		{"said by the browser", "POST", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"PUT", "PUT", []string{"Origin", "http://evil.example"}, false},
		{"GET", "GET", []string{"Origin", "http://evil.example"}, true},
		{"OPTIONS", "OPTIONS", []string{"Origin", "http://evil.example"}, true},
		{"WebSocket", "GET", []string{"Origin", "http://evil.example", "Upgrade", "websocket"}, false},
		{"WebSocket on the list", "GET", []string{"Origin", "https://app.example.com", "Upgrade", "websocket"}, true},
		{"WebSocket of a program", "GET", []string{"Upgrade", "websocket"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := with(httptest.NewRequest(tc.method, "http://catalog.example:8080/graphql", nil), tc.headers...)
			w := send(handler, r)
			want := http.StatusTeapot
			if !tc.allowed {
				want = http.StatusForbidden
				if got := codes(t, w); len(got) != 1 || got[0] != "FORBIDDEN" {
					t.Errorf("codes %v", got)
				}
			}
			if w.Code != want {
				t.Errorf("%d, want %d", w.Code, want)
			}
			if got := w.Header().Get("X-Content-Type-Options"); got != "nosniff" {
				t.Errorf("X-Content-Type-Options: %q", got)
			}
		})
	}
}

func TestNewGuard_NotAnOrigin_Error(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"app.example.com", "https://app.example.com/", "*", ""} {
		if _, err := transport.NewGuard(transport.GuardOptions{Origins: []string{origin}}); err == nil {
			t.Errorf("%q was taken", origin)
		}
	}
}

func TestServer_Limits(t *testing.T) {
	t.Parallel()
	s := transport.Server("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	for name, pair := range map[string][2]time.Duration{
		"ReadHeaderTimeout": {s.ReadHeaderTimeout, 5 * time.Second},
		"ReadTimeout":       {s.ReadTimeout, 15 * time.Second},
		"IdleTimeout":       {s.IdleTimeout, time.Minute},
		"WriteTimeout":      {s.WriteTimeout, 0},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %s, want %s", name, pair[0], pair[1])
		}
	}
}

func TestServer_HeadersOf300KB_431(t *testing.T) {
	t.Parallel()
	s := transport.Server("127.0.0.1:0", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", s.Addr)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(listener) }()
	t.Cleanup(func() {
		_ = s.Close()
		<-done
	})

	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		// It fails when the server has seen enough.
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("a", 300<<10)+"\r\n\r\n")
	}()
	status := make([]byte, len("HTTP/1.1 431"))
	if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 431" {
		t.Errorf("got %q, %v", status, err)
	}
}
