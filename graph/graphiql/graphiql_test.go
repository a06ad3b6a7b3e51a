package graphiql

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

const (
	page   = "<!doctype html><title>page</title>"
	script = `console.log("script")`
)

// testBundle returns a bundle. Its brotli files are not valid brotli: the handler
// sends them unchanged.
func testBundle(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		".gitkeep":               {},
		"index.html.br":          {Data: []byte("brotli of the page")},
		"index.html.gz":          {Data: gzipOf(t, page)},
		"assets/main-1a2b.js.br": {Data: []byte("brotli of the script")},
		"assets/main-1a2b.js.gz": {Data: gzipOf(t, script)},
		"assets/damaged.js.gz":   {Data: []byte("no gzip")},
	}
}

func gzipOf(t *testing.T, text string) []byte {
	t.Helper()
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	if _, err := io.WriteString(writer, text); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return packed.Bytes()
}

func serve(handler http.Handler, method, target string, header ...string) *http.Response {
	request := httptest.NewRequest(method, target, nil)
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, request)
	return recorder.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHandler_EachCoding_SendsTheFileInIt(t *testing.T) {
	t.Parallel()
	handler := newHandler(testBundle(t))
	for _, c := range []struct{ accept, coding, want string }{
		{"br", "br", "brotli of the script"},
		{"gzip, deflate, br, zstd", "br", "brotli of the script"},
		{"gzip", "gzip", string(gzipOf(t, script))},
		{"", "", script},
	} {
		response := serve(handler, http.MethodGet, "/assets/main-1a2b.js", "Accept-Encoding", c.accept)
		if got := response.Header.Get("Content-Encoding"); got != c.coding {
			t.Errorf("Accept-Encoding %q: Content-Encoding is %q, want %q", c.accept, got, c.coding)
		}
		if got := response.Header.Get("Content-Length"); got != fmt.Sprint(len(c.want)) {
			t.Errorf("Accept-Encoding %q: Content-Length is %s, want %d", c.accept, got, len(c.want))
		}
		if got := body(t, response); got != c.want {
			t.Errorf("Accept-Encoding %q: body is %q, want %q", c.accept, got, c.want)
		}
	}
}

func TestHandler_PageAndAssets_CacheControl(t *testing.T) {
	t.Parallel()
	handler := newHandler(testBundle(t))
	for _, c := range []struct{ path, mediaType, caching string }{
		{"/", "text/html; charset=utf-8", "no-cache"},
		{"/assets/main-1a2b.js", "text/javascript; charset=utf-8", "public, max-age=31536000, immutable"},
	} {
		response := serve(handler, http.MethodGet, c.path)
		want := map[string]string{"Content-Type": c.mediaType, "Cache-Control": c.caching, "Vary": "Accept-Encoding"}
		for name, value := range want {
			if got := response.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", c.path, name, got, value)
			}
		}
	}
}

func TestHandler_SameETag_NotModified(t *testing.T) {
	t.Parallel()
	handler := newHandler(testBundle(t))
	tags := map[string]bool{}
	for _, accept := range []string{"br", "gzip", "identity"} {
		tag := serve(handler, http.MethodGet, "/", "Accept-Encoding", accept).Header.Get("ETag")
		tags[tag] = true
		again := serve(handler, http.MethodGet, "/", "Accept-Encoding", accept, "If-None-Match", `"other", `+tag)
		if again.StatusCode != http.StatusNotModified || body(t, again) != "" {
			t.Errorf("%s with its ETag: status %d, want 304 and no body", accept, again.StatusCode)
		}
		if got := again.Header.Get("ETag"); got != tag {
			t.Errorf("%s: the 304 has the ETag %s, want %s", accept, got, tag)
		}
	}
	if len(tags) != 3 {
		t.Errorf("the codings share ETags: %v", tags)
	}
	if got := serve(handler, http.MethodGet, "/", "If-None-Match", `"other"`).StatusCode; got != http.StatusOK {
		t.Errorf("another ETag: status %d, want 200", got)
	}
}

func TestHandler_Head_SendsTheHeaderOnly(t *testing.T) {
	t.Parallel()
	response := serve(newHandler(testBundle(t)), http.MethodHead, "/", "Accept-Encoding", "br")
	if got := response.Header.Get("Content-Length"); got != fmt.Sprint(len("brotli of the page")) {
		t.Errorf("Content-Length is %s", got)
	}
	if got := body(t, response); response.StatusCode != http.StatusOK || got != "" {
		t.Errorf("status %d, body %q", response.StatusCode, got)
	}
}

func TestHandler_EveryAnswer_HasTheSecurityHeaders(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]fstest.MapFS{"built": testBundle(t), "unbuilt": {".gitkeep": {}}} {
		for _, path := range []string{"/", "/assets/main-1a2b.js", "/assets/none.js"} {
			header := serve(newHandler(files), http.MethodGet, path).Header
			policy := header.Get("Content-Security-Policy")
			for _, directive := range []string{"default-src 'none'", "script-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
				if !strings.Contains(policy+";", directive+";") {
					t.Errorf("%s, %s: the policy %q lacks %q", name, path, policy, directive)
				}
			}
			if strings.Contains(policy, "script-src 'self' ") || strings.Contains(policy, "http") {
				t.Errorf("%s, %s: the policy %q allows other scripts or hosts", name, path, policy)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
			} {
				if got := header.Get(name); got != want {
					t.Errorf("%s: %s is %q, want %q", path, name, got, want)
				}
			}
		}
	}
}

func TestHandler_FileNotInBundle_NotFound(t *testing.T) {
	t.Parallel()
	handler := newHandler(testBundle(t))
	for _, path := range []string{
		"/assets/", "/assets/none.js", "/assets/main-1a2b.js.gz", "/assets/../index.html", "/assets//main-1a2b.js",
		"/index.html", "/.gitkeep", "/graphiql.go",
	} {
		response := serve(handler, http.MethodGet, path)
		if response.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, response.StatusCode)
		}
		if got := response.Header.Get("Cache-Control"); got != "" {
			t.Errorf("%s: Cache-Control %q on a 404", path, got)
		}
	}
	if got := serve(handler, http.MethodGet, "/assets/damaged.js").StatusCode; got != http.StatusInternalServerError {
		t.Errorf("a damaged file: status %d, want 500", got)
	}
}

func TestHandler_NoBundle_ExplainsHowToBuildIt(t *testing.T) {
	t.Parallel()
	handler := newHandler(fstest.MapFS{".gitkeep": {}})
	response := serve(handler, http.MethodGet, "/", "Accept-Encoding", "gzip, br")
	if got := response.Header.Get("Content-Encoding"); response.StatusCode != http.StatusOK || got != "" {
		t.Errorf("status %d, Content-Encoding %q", response.StatusCode, got)
	}
	if got := response.Header.Get("Cache-Control"); got != "no-cache" {
		t.Errorf("Cache-Control is %q: a server with the page could not replace this one", got)
	}
	text := body(t, response)
	for _, want := range []string{"make graphiql", "Node 20.19", "npm", "/graphql", `href="/schema.graphql"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	if got := serve(handler, http.MethodGet, "/assets/main-1a2b.js").StatusCode; got != http.StatusNotFound {
		t.Errorf("an asset: status %d, want 404", got)
	}
}

// The embedded bundle may be missing.
func TestHandler_Embedded_ServesAPage(t *testing.T) {
	t.Parallel()
	if text := body(t, serve(Handler(), http.MethodGet, "/")); !strings.Contains(text, "<title>noetl-catalog</title>") {
		t.Errorf("got %q", text)
	}
}

func TestNegotiate_AcceptEncoding_PicksTheBest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept []string
		want   coding
	}{
		{nil, identity},
		{[]string{""}, identity},
		{[]string{"br"}, brotli},
		{[]string{"gzip"}, gzipped},
		{[]string{"gzip, br"}, brotli},
		{[]string{"gzip", "br"}, brotli},
		{[]string{"BR"}, brotli},
		{[]string{"br;q=0.5, gzip;q=0.8"}, gzipped},
		{[]string{"br ; q=0.5,gzip ;q=0.4"}, brotli},
		{[]string{"br;q=0, gzip"}, gzipped},
		{[]string{"br;q=0, gzip;q=0"}, identity},
		{[]string{"br;q=none"}, identity},
		{[]string{"*"}, brotli},
		{[]string{"*, br;q=0"}, gzipped},
		{[]string{"*;q=0"}, identity},
		{[]string{"identity, br;q=0.5"}, identity},
		{[]string{"identity;q=0.1, br;q=0.5"}, brotli},
		{[]string{"deflate, zstd"}, identity},
	} {
		if got := negotiate(c.accept); got != c.want {
			t.Errorf("Accept-Encoding %q: %q, want %q", c.accept, got, c.want)
		}
	}
}
