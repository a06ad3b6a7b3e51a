package transport

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

const (
	// refusalWindow is the time in which a host or an origin is logged once.
	refusalWindow = time.Minute
	// maxRefusals is the most hosts and origins that are logged in that time.
	maxRefusals = 10
	// maxRefused is the length to which a logged header is cut, in bytes.
	maxRefused = 200
)

// refusalLog logs what the Guard rejects, and what would allow it: each host
// and origin once a minute, ten of them at most. The next line counts those
// omitted.
type refusalLog struct {
	logger *slog.Logger

	mu sync.Mutex
	// began is the start of the window, logged what was logged in it, and
	// omitted the number of refusals not logged since the last line.
	began   time.Time
	logged  map[string]bool
	omitted int
}

// host logs a request rejected for its Host.
func (l *refusalLog) host(r *http.Request) {
	l.log(r, slog.String("host", shortened(r.Host)),
		"a request for another host was refused", "no flag allows it: use localhost, 127.0.0.1 or [::1] in the URL, or have the proxy send one of them as Host")
}

// origin logs a request rejected for the page that caused it.
func (l *refusalLog) origin(r *http.Request) {
	const message = "a request of another web page was refused"
	origin := shortened(r.Header.Get("Origin"))
	switch parsed, err := url.Parse(origin); {
	case origin == "":
		l.log(r, slog.String("sec_fetch_site", shortened(r.Header.Get("Sec-Fetch-Site"))), message, "no flag allows it: it names no origin")
	case err != nil || parsed.Scheme == "" || parsed.Host == "":
		// A page that was opened as a file, or in a sandbox.
		l.log(r, slog.String("origin", origin), message, "no flag allows it: serve the page over HTTP, and start this server with --allow-origin and the page's origin")
	default:
		l.log(r, slog.String("origin", origin), message, "if the page is yours: serve --allow-origin "+origin)
	}
}

func (l *refusalLog) log(r *http.Request, refused slog.Attr, message, remedy string) {
	omitted, ok := l.admit(refused.String())
	if !ok {
		return
	}
	attributes := []slog.Attr{refused, slog.String("remedy", remedy)}
	if omitted > 0 {
		attributes = append(attributes, slog.Int("refusals_not_logged", omitted))
	}
	l.logger.LogAttrs(r.Context(), slog.LevelWarn, message, attributes...)
}

// admit reports whether to log a refusal, and how many were omitted before it.
func (l *refusalLog) admit(refused string) (omitted int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.began) >= refusalWindow {
		l.began = now
		clear(l.logged)
	}
	if l.logged[refused] || len(l.logged) == maxRefusals {
		l.omitted++
		return 0, false
	}
	l.logged[refused] = true
	omitted, l.omitted = l.omitted, 0
	return omitted, true
}

// shortened returns the part of a header that is logged, as a copy that does
// not retain the rest.
func shortened(header string) string {
	return strings.Clone(header[:min(len(header), maxRefused)])
}
