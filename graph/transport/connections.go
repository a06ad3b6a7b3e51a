package transport

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// maxRefusedConnections limits the connections beyond the limit that stay open to
// receive an error. Others are closed at once.
const maxRefusedConnections = 64

// Limited limits the open connections of a listener, in total and for each address.
// Server answers 429 or 503 on connections beyond the limit.
func Limited(listener net.Listener, limit *admission.Limit) net.Listener {
	return &limitedListener{listener, limit, make(chan struct{}, maxRefusedConnections)}
}

type limitedListener struct {
	net.Listener
	limit   *admission.Limit
	refused chan struct{}
}

// Accept implements net.Listener.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		caller := admission.Caller{Address: telemetry.Host(conn.RemoteAddr().String())}
		refused := l.limit.Take(caller, 1)
		if refused == nil {
			return &limitedConn{Conn: conn, release: func() { l.limit.Release(caller, 1) }}, nil
		}
		select {
		case l.refused <- struct{}{}:
			return &limitedConn{Conn: conn, refused: refused, release: func() { <-l.refused }}, nil
		default:
			_ = conn.Close()
		}
	}
}

// limitedConn counts towards the limit until it is closed.
type limitedConn struct {
	net.Conn
	// refused is the error for a connection beyond the limit; nil within it.
	refused *gqlerror.Error
	once    sync.Once
	release func()
}

// Close implements net.Conn.
func (c *limitedConn) Close() error {
	c.once.Do(c.release)
	return c.Conn.Close()
}

type refusedKey struct{}

// withRefused is http.Server.ConnContext. It marks the requests of connections beyond
// the limit.
func withRefused(ctx context.Context, conn net.Conn) context.Context {
	if limited, ok := conn.(*limitedConn); ok && limited.refused != nil {
		return context.WithValue(ctx, refusedKey{}, limited.refused)
	}
	return ctx
}

// refuseBeyondLimit answers requests on connections beyond the limit with an error, and
// closes the connections.
func refuseBeyondLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused, ok := r.Context().Value(refusedKey{}).(*gqlerror.Error)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		a := answer{w: w, mediaType: plainJSON}
		a.refuse(limitRefusal(refused))
	})
}

// limitRefusal returns the response to a request beyond a limit.
func limitRefusal(err *gqlerror.Error) *refusal {
	return &refusal{status: requestStatus(plainJSON, gqlerror.List{err}), err: err}
}
