package transport

import (
	"context"
	"net"
	"net/http"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/admission"
)

// maxRefusedConnections is how many connections beyond the limit are open at a time, to
// be answered why they are refused. Others are closed at once.
const maxRefusedConnections = 64

// Limited bounds how many connections of a listener are open, of all clients and of
// each address. Server answers 429 or 503 on those beyond.
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
		caller := admission.Caller{Address: hostOf(conn.RemoteAddr().String())}
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

// limitedConn is a connection that counts until it is closed.
type limitedConn struct {
	net.Conn
	// refused says why the connection is beyond the limit; nil if it is not.
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

// withRefused is http.Server.ConnContext: it marks the requests of a connection that is
// beyond the limit.
func withRefused(ctx context.Context, conn net.Conn) context.Context {
	if limited, ok := conn.(*limitedConn); ok && limited.refused != nil {
		return context.WithValue(ctx, refusedKey{}, limited.refused)
	}
	return ctx
}

// refuseBeyondLimit answers the requests of connections that are beyond the limit, and
// closes these.
func refuseBeyondLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refused, ok := r.Context().Value(refusedKey{}).(*gqlerror.Error)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Connection", "close")
		a := answer{w: w, mediaType: plainJSON}
		a.refuse(limited(refused))
	})
}

// limited is the refusal of what is beyond a limit.
func limited(err *gqlerror.Error) *refusal {
	return &refusal{status: requestStatus(plainJSON, gqlerror.List{err}), err: err}
}
