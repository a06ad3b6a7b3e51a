package transport

import (
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is net/http's server with limits on what a client may send and how
// slowly. There is no limit on writing, which would cut off streams: each
// stream has a deadline per write instead.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	server := &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	spare := &spareConnections{}
	server.ConnState = spare.note
	server.RegisterOnShutdown(spare.close)
	return server
}

// spareConnections are those that have sent nothing yet. Browsers open such,
// and Shutdown would wait five seconds for each to make up its mind.
type spareConnections struct {
	open sync.Map // of net.Conn; each request looks into it, and nearly always in vain
}

func (s *spareConnections) note(conn net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.open.Store(conn, nil)
		return
	}
	s.open.Delete(conn)
}

func (s *spareConnections) close() {
	s.open.Range(func(conn, _ any) bool {
		_ = conn.(net.Conn).Close() //nolint:forcetypeassert // it holds nothing else
		return true
	})
}
