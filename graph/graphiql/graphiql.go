// Package graphiql serves GraphiQL at /. `make graphiql` builds it from npm packages into
// bundle/, which is embedded. If it is not built, the page says how to build it.
//
// bundle/ has each file as .br and as .gz. The page loads nothing from other hosts.
package graphiql

import (
	"bytes"
	"cmp"
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

// contentSecurityPolicy restricts the page to this server. It allows inline styles, since
// Monaco, GraphiQL's editor, adds style elements.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; font-src 'self' data:; connect-src 'self'; worker-src 'self'; manifest-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves / and /assets/, and answers 404 for other paths.
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
		header.Set("Content-Type", cmp.Or(mediaTypes[path.Ext(name)], "application/octet-stream"))
		header.Set("Content-Length", strconv.Itoa(len(body)))
		header.Set("Cache-Control", caching)
		header.Set("Vary", "Accept-Encoding")
		header.Set("ETag", fmt.Sprintf(`"%x"`, sha256.Sum256(body)))
		// ServeContent handles HEAD, If-None-Match and Range.
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(body))
	})
}

// read returns a file of the bundle in a coding.
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

// mediaTypes has the media types of a bundle's files, since the tables of systems differ.
var mediaTypes = map[string]string{
	".html":  "text/html; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".css":   "text/css; charset=utf-8",
	".svg":   "image/svg+xml",
	".ttf":   "font/ttf",
	".woff2": "font/woff2",
}
