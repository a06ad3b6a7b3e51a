package transport

import (
	"cmp"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/noetl/noetl-catalog/db/fault"
)

var noSniff = []string{"nosniff"}

// Guard rejects, before parsing, requests that a browser sends on behalf of a foreign
// page: 421 for a Host that does not name this machine, since any web page can
// have its own name resolved to 127.0.0.1 (DNS rebinding), and 403 for a foreign
// Origin of anything but a plain GET, HEAD or OPTIONS. Origins are those of other
// web pages that may send requests, such as "https://app.example.com". The
// logger may be nil.
func Guard(next http.Handler, origins []string, logger *slog.Logger) (http.Handler, error) {
	own := http.NewCrossOriginProtection()
	refusals := &refusalLog{logger: cmp.Or(logger, slog.New(slog.DiscardHandler)), logged: map[string]bool{}}
	for _, origin := range origins {
		if err := own.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allowing the origin %q: %w", origin, err)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Content-Type-Options"] = noSniff

		switch {
		case !isLoopback(r.Host):
			refusals.host(r)
			newAnswer(w, r).refuse(refuse(http.StatusMisdirectedRequest, fault.Forbidden,
				"this server answers on this machine only: to localhost, 127.0.0.1 and [::1]"))
			return
		case own.Check(unsafeMethod(r)) != nil:
			refusals.origin(r)
			newAnswer(w, r).refuse(refuse(http.StatusForbidden, fault.Forbidden, "requests from this origin are not allowed; serve --allow-origin lets its pages in"))
			return
		case isPreflight(r) && own.Check(asPost(r)) != nil:
			// Logged here: the browser finds no permission, and never sends the
			// request itself.
			refusals.origin(r)
		}
		next.ServeHTTP(w, r)
	}), nil
}

// unsafeMethod returns a WebSocket handshake as a POST: it is a GET, which the
// standard library considers safe, but CORS does not restrict the socket.
func unsafeMethod(r *http.Request) *http.Request {
	if r.Header.Get("Upgrade") == "" {
		return r
	}
	return asPost(r)
}

// asPost returns a request as if it were a POST.
func asPost(r *http.Request) *http.Request {
	post := *r
	post.Method = http.MethodPost
	return &post
}

// isPreflight reports whether the request is a CORS preflight (Fetch standard).
func isPreflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
}

// isLoopback reports whether a Host header, with or without a port, names this
// machine.
func isLoopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	if bare, ok := strings.CutPrefix(name, "["); ok {
		name, _ = strings.CutSuffix(bare, "]")
	}
	if strings.EqualFold(name, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(name)
	return err == nil && addr.Zone() == "" && addr.IsLoopback()
}
