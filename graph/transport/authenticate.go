package transport

import (
	"context"
	"net/http"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Authenticate knows a caller by an Authorization header and returns the
// context of what the caller does. Its error is for the caller to read.
type Authenticate func(ctx context.Context, authorization string) (context.Context, error)

// Authenticated answers 401 to callers who are not known. The handshake of a
// WebSocket passes: its client says who it is in connection_init.
func Authenticated(next http.Handler, authenticate Authenticate) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if (WebSocket{}).Supports(r) {
			next.ServeHTTP(w, r)
			return
		}
		ctx, err := authenticate(r.Context(), r.Header.Get("Authorization"))
		if err != nil {
			mediaType, ok := negotiate(r.Header.Values("Accept"))
			if !ok {
				mediaType = plainJSON
			}
			w.Header().Set("WWW-Authenticate", "Bearer")
			a := answer{w: w, mediaType: mediaType}
			a.refuse(refuse(http.StatusUnauthorized, apierror.Unauthenticated, "%s", err))
			return
		}
		if ctx != r.Context() {
			r = r.WithContext(ctx)
		}
		next.ServeHTTP(w, r)
	})
}
