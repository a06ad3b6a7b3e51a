package transport_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/noetl/noetl-catalog/graph/transport"
)

func guarded(t testing.TB, next http.Handler, logger *slog.Logger, origins ...string) http.Handler {
	t.Helper()
	guarded, err := transport.Guard(next, origins, logger)
	if err != nil {
		t.Fatal(err)
	}
	return guarded
}

var teapot = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })

func TestGuard_Host_OnlyThisMachine(t *testing.T) {
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
		w := send(guarded(t, teapot, nil), r)
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
	}
}

func TestGuard_Origin_ForeignPagesMayNotPost(t *testing.T) {
	t.Parallel()
	handler := guarded(t, teapot, nil, "https://app.example.com")
	for _, tc := range []struct {
		name, method string
		headers      []string
		allowed      bool
	}{
		{"no origin", "POST", nil, true},
		{"same origin", "POST", []string{"Origin", "http://localhost:8080"}, true},
		{"on the list", "POST", []string{"Origin", "https://app.example.com"}, true},
		{"another host", "POST", []string{"Origin", "http://evil.example"}, false},
		{"another port", "POST", []string{"Origin", "http://localhost:8081"}, false},
		{"on the list with another scheme", "POST", []string{"Origin", "http://app.example.com"}, false},
		{"null", "POST", []string{"Origin", "null"}, false},
		{"cross-site by Sec-Fetch-Site", "POST", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"PUT", "PUT", []string{"Origin", "http://evil.example"}, false},
		{"GET", "GET", []string{"Origin", "http://evil.example"}, true},
		{"OPTIONS", "OPTIONS", []string{"Origin", "http://evil.example"}, true},
		{"WebSocket", "GET", []string{"Origin", "http://evil.example", "Upgrade", "websocket"}, false},
		{"WebSocket on the list", "GET", []string{"Origin", "https://app.example.com", "Upgrade", "websocket"}, true},
		{"WebSocket of a program", "GET", []string{"Upgrade", "websocket"}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := withHeaders(httptest.NewRequest(tc.method, "http://localhost:8080/graphql", nil), tc.headers...)
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

func TestGuard_NotAnOrigin_Error(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{"app.example.com", "https://app.example.com/", "*", ""} {
		if _, err := transport.Guard(teapot, []string{origin}, nil); err == nil {
			t.Errorf("%q was accepted", origin)
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
		"WriteTimeout":      {s.WriteTimeout, 90 * time.Second},
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
		// It fails when the server closes the connection.
		_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nA: "+strings.Repeat("a", 300<<10)+"\r\n\r\n")
	}()
	status := make([]byte, len("HTTP/1.1 431"))
	if _, err := io.ReadFull(conn, status); err != nil || string(status) != "HTTP/1.1 431" {
		t.Errorf("got %q, %v", status, err)
	}
}

// logOf sends a request to a guard and returns what it logs.
func logOf(t *testing.T, handler http.Handler, log *bytes.Buffer, method, target string, headers ...string) string {
	t.Helper()
	log.Reset()
	send(handler, withHeaders(httptest.NewRequest(method, target, nil), headers...))
	return log.String()
}

func logging(t *testing.T) (http.Handler, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	return guarded(t, teapot, slog.New(slog.NewTextHandler(&log, nil)), "https://app.example.com"), &log
}

// The log says what was rejected, and how to allow it.
func TestGuard_Refusal_LoggedWithWhatAllowsIt(t *testing.T) {
	t.Parallel()
	const ours = "http://localhost:8080/graphql"
	for name, tc := range map[string]struct {
		method, target string
		headers        []string
		want           []string
	}{
		"host":                 {"GET", "http://catalog.example:8080/", nil, []string{"level=WARN", "host=catalog.example:8080", "use localhost, 127.0.0.1 or [::1]"}},
		"origin":               {"POST", ours, []string{"Origin", "https://other.example"}, []string{"level=WARN", "origin=https://other.example", "--allow-origin https://other.example"}},
		"WebSocket":            {"GET", ours, []string{"Origin", "https://other.example", "Upgrade", "websocket"}, []string{"--allow-origin https://other.example"}},
		"preflight":            {"OPTIONS", ours, []string{"Origin", "https://other.example", "Access-Control-Request-Method", "POST"}, []string{"--allow-origin https://other.example"}},
		"null":                 {"POST", ours, []string{"Origin", "null"}, []string{"origin=null", "no flag allows it"}},
		"no origin":            {"POST", ours, []string{"Sec-Fetch-Site", "cross-site"}, []string{"sec_fetch_site=cross-site", "no flag allows it"}},
		"another line":         {"POST", ours, []string{"Origin", "https://a\nlevel=ERROR"}, []string{`\n`}},
		"allowed":              {"POST", ours, []string{"Origin", "https://app.example.com"}, nil},
		"preflight of allowed": {"OPTIONS", ours, []string{"Origin", "https://app.example.com", "Access-Control-Request-Method", "POST"}, nil},
		"OPTIONS":              {"OPTIONS", ours, []string{"Origin", "https://other.example"}, nil},
		"program":              {"POST", ours, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			handler, log := logging(t)
			got := logOf(t, handler, log, tc.method, tc.target, tc.headers...)
			for _, part := range tc.want {
				if !strings.Contains(got, part) {
					t.Errorf("logged %q, want it to say %q", got, part)
				}
			}
			if lines := strings.Count(got, "\n"); lines != min(len(tc.want), 1) {
				t.Errorf("logged %d lines: %q", lines, got)
			}
		})
	}
}

// The log of many requests is bounded: each host and origin once a minute, ten
// of them, and cut to a length.
func TestGuard_ManyRefusals_FewLines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, log := logging(t)
		const ours = "http://localhost/graphql"
		lines := 0
		for i := range 1000 {
			got := logOf(t, handler, log, "POST", ours, "Origin", fmt.Sprintf("https://%d.example", i%100))
			lines += strings.Count(got, "\n")
		}
		if lines != 10 {
			t.Errorf("%d lines of 1,000 refusals, want 10", lines)
		}
		time.Sleep(time.Minute)
		long := "https://" + strings.Repeat("a", 10_000) + ".example"
		got := logOf(t, handler, log, "POST", ours, "Origin", long)
		if !strings.Contains(got, "refusals_not_logged=990") {
			t.Errorf("logged %q, want it to count those left out", got)
		}
		if len(got) > 1000 {
			t.Errorf("logged %d bytes of one refusal", len(got))
		}
		if got := logOf(t, handler, log, "POST", ours, "Origin", long); got != "" {
			t.Errorf("logged %q again", got)
		}
		if got := logOf(t, handler, log, "GET", "http://other.example/"); strings.Count(got, "\n") != 1 {
			t.Errorf("logged %q for another host", got)
		}
	})
}
