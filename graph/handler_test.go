package graph_test

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

func TestHandler_LongAnswers_CompressedAsAccepted(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const long = `{"query":"{ __schema { types { name description } } }"}`
	for _, tc := range []struct {
		accept, coding string
		unpack         func(io.Reader) (io.Reader, error)
	}{
		{"gzip", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"gzip, deflate, br, zstd", "gzip", func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }},
		{"zstd", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
		{"identity", "", func(r io.Reader) (io.Reader, error) { return r, nil }},
	} {
		response := a.request(http.MethodPost, "/graphql", long, "Content-Type", "application/json", "Accept-Encoding", tc.accept)
		if got := response.Header.Get("Content-Encoding"); got != tc.coding || !strings.Contains(strings.Join(response.Header.Values("Vary"), ","), "Accept-Encoding") {
			t.Errorf("%s: Content-Encoding %q, Vary %q, want %q", tc.accept, got, response.Header.Values("Vary"), tc.coding)
		}
		unpacked, err := tc.unpack(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(unpacked); err != nil || !strings.HasPrefix(string(body), `{"data":{"__schema"`) || len(body) < 4096 {
			t.Errorf("%s: %v, %d bytes", tc.accept, err, len(body))
		}
	}
	for name, response := range map[string]*http.Response{
		"short":    a.request(http.MethodPost, "/graphql", `{"query":"{__typename}"}`, "Content-Type", "application/json", "Accept-Encoding", "gzip"),
		"in parts": a.request(http.MethodPost, "/graphql", long, "Content-Type", "application/json", "Accept-Encoding", "gzip", "Accept", "text/event-stream"),
	} {
		if got := response.Header.Get("Content-Encoding"); got != "" {
			t.Errorf("%s: Content-Encoding %q", name, got)
		}
	}
}

func TestHandler_OtherOrigins_OnlyThoseAllowed(t *testing.T) {
	t.Parallel()
	const ours, foreign = "https://app.example.com", "https://evil.example.com"
	open := setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) { o.Origins = []string{ours} })
	closed := setup(t)
	for _, tc := range []struct {
		name, origin string
		a            *api
		status       int
		allowed      string
	}{
		{"allowed", ours, open, 200, ours},
		{"another", foreign, open, 403, ""},
		{"none is allowed", ours, closed, 403, ""},
	} {
		preflight := tc.a.request(http.MethodOptions, "/graphql", "", "Origin", tc.origin,
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type")
		if got := preflight.Header.Get("Access-Control-Allow-Origin"); got != tc.allowed {
			t.Errorf("%s: preflight allows %q, want %q", tc.name, got, tc.allowed)
		}
		if got := fmt.Sprint(preflight.Header["Access-Control-Allow-Headers"]); tc.allowed != "" && !strings.Contains(got, "authorization") {
			t.Errorf("%s: preflight allows the headers %s", tc.name, got)
		}
		response := tc.a.request(http.MethodPost, "/graphql", `{"query":"{__typename}"}`, "Content-Type", "application/json", "Origin", tc.origin)
		if got := response.Header.Get("Access-Control-Allow-Origin"); response.StatusCode != tc.status || got != tc.allowed ||
			response.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d, allows %q, want %d, %q", tc.name, response.StatusCode, got, tc.status, tc.allowed)
		}
	}
}
