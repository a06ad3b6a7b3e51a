package transport

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/noetl/noetl-catalog/db/fault"
)

// GuardOptions define whose requests the server accepts.
type GuardOptions struct {
	// Loopback: the server listens on loopback only, and accepts only Hosts
	// that name this machine, since any web page can have its own name resolved
	// to 127.0.0.1 (DNS rebinding).
	Loopback bool
	// Origins are those of other web pages that may send requests, such as
	// "https://app.example.com"; none by default.
	Origins []string
	// Logger logs refusals; may be nil.
	Logger *slog.Logger
}

// Guard rejects, before parsing, what a browser sends on behalf of a foreign
// page.
type Guard struct {
	loopback bool
	origins  *http.CrossOriginProtection
	refusals *refusalLog
}

// NewGuard returns a guard, or an error for an invalid origin.
func NewGuard(options GuardOptions) (*Guard, error) {
	g := &Guard{loopback: options.Loopback, origins: http.NewCrossOriginProtection(), refusals: newRefusalLog(options.Logger)}
	for _, origin := range options.Origins {
		if err := g.origins.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allowing the origin %q: %w", origin, err)
		}
	}
	return g, nil
}

var noSniff = []string{"nosniff"}

// Wrap returns next behind the guard: 421 for a foreign Host, 403 for a
// foreign Origin of anything but a plain GET, HEAD or OPTIONS.
func (g *Guard) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["X-Content-Type-Options"] = noSniff

		a := answer{w: w, mediaType: plainJSON}
		if g.loopback && !isLoopback(r.Host) {
			g.refusals.host(r)
			a.refuse(refuse(http.StatusMisdirectedRequest, fault.Forbidden,
				"this server answers on this machine only: to localhost, 127.0.0.1 and [::1]"))
			return
		}
		if g.foreign(r) {
			g.refusals.origin(r)
			a.refuse(refuse(http.StatusForbidden, fault.Forbidden, "requests from this origin are not allowed; serve --allow-origin lets its pages in"))
			return
		}
		if isPreflight(r) && g.foreign(asPost(r)) {
			// Logged here: the browser finds no permission, and never sends the
			// request itself.
			g.refusals.origin(r)
		}
		next.ServeHTTP(w, r)
	})
}

// foreign reports whether a page of another origin caused the request. A
// WebSocket handshake is a GET, which the standard library considers safe, but
// CORS does not restrict the socket.
func (g *Guard) foreign(r *http.Request) bool {
	if r.Header.Get("Upgrade") != "" {
		r = asPost(r)
	}
	return g.origins.Check(r) != nil
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
