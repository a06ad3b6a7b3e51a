// Package graphiql serves the page at /: GraphiQL, built from npm by `make
// graphiql` into bundle/ and embedded from there. Without it the binary builds
// all the same, and the page says how to get it.
//
// bundle/ holds each file twice, as .br and as .gz; nothing in it is fetched
// from anywhere else.
package graphiql

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"
)

//go:embed all:bundle
var bundle embed.FS

//go:embed unbuilt.html
var unbuilt []byte

// contentSecurityPolicy lets the page load and talk to nothing but this
// server. Monaco, GraphiQL's editor, writes style elements of its own.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves / and /assets/. Other paths are not found.
func Handler() http.Handler {
	files, err := fs.Sub(bundle, "bundle")
	if err != nil {
		panic(err) // "bundle" is a valid name
	}
	return newHandler(files)
}

// newHandler serves the files of a bundle, which may be empty.
func newHandler(files fs.FS) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentSecurityPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")

		name, caching := strings.TrimPrefix(r.URL.Path, "/"), "public, max-age=31536000, immutable"
		if name == "" {
			name, caching = "index.html", "no-cache"
		} else if !strings.HasPrefix(name, "assets/") || !fs.ValidPath(name) {
			http.NotFound(w, r)
			return
		}

		coding := negotiate(r.Header.Values("Accept-Encoding"))
		body, err := read(files, name, coding)
		switch {
		case errors.Is(err, fs.ErrNotExist) && name == "index.html":
			coding, body = identity, unbuilt
		case errors.Is(err, fs.ErrNotExist):
			http.NotFound(w, r)
			return
		case err != nil:
			http.Error(w, "the page's files are damaged", http.StatusInternalServerError)
			return
		}

		if coding != identity {
			header.Set("Content-Encoding", string(coding))
		}
		header.Set("Content-Type", mediaType(name))
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("Cache-Control", caching)
		header.Set("Vary", "Accept-Encoding")
		header.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body)))
		// It answers HEAD, If-None-Match and Range.
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	})
}

// read returns a file of the bundle as a coding has it.
func read(files fs.FS, name string, coding coding) ([]byte, error) {
	if coding == brotli {
		return fs.ReadFile(files, name+".br")
	}
	packed, err := fs.ReadFile(files, name+".gz")
	if err != nil || coding == gzipped {
		return packed, err
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

// mediaType knows the kinds of files in a bundle; what the machine's own tables
// say of them differs.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ttf":
		return "font/ttf"
	case ".woff2":
		return "font/woff2"
	default:
		return "application/octet-stream"
	}
}
