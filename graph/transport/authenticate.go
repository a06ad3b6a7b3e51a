package transport

import (
	"cmp"
	"context"
	"net/http"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Authenticate identifies a caller by an Authorization header and returns the
// context of the caller's operations. Its error is shown to the caller.
type Authenticate func(ctx context.Context, authorization string) (context.Context, error)

// Authenticated responds 401 to unknown callers. A WebSocket handshake passes:
// its client authenticates in connection_init.
func Authenticated(next http.Handler, authenticate Authenticate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if IsHandshake(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, err := authenticate(r.Context(), r.Header.Get("Authorization"))
		if err != nil {
			w.Header().Set("WWW-Authenticate", "Bearer")
			a := newAnswer(w, r)
			a.mediaType = cmp.Or(parseAccept(r.Header.Values("Accept")).json, plainJSON)
			a.refuse(refuse(http.StatusUnauthorized, apierror.Unauthenticated, "%s", err))
			return
		}
		if ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}
