package transport

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server returns a net/http server with limits on the size of requests and the time they
// take. The limit on writing is for short answers: long ones and streams have a
// deadline for each write instead, and a WebSocket has its own.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	server := &http.Server{
		Addr:              addr,
		Handler:           refuseBeyondLimit(handler),
		ConnContext:       withRefused,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      90 * time.Second, // longer than MutationTimeout
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	// Browsers open connections in advance. Shutdown would wait five seconds for
	// each that has sent nothing yet.
	var spare sync.Map // of net.Conn; most requests do not find theirs in it
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateNew {
			spare.Store(conn, nil)
			return
		}
		spare.Delete(conn)
	}
	server.RegisterOnShutdown(func() {
		spare.Range(func(conn, _ any) bool {
			_ = conn.(net.Conn).Close() //nolint:forcetypeassert // it holds nothing else
			return true
		})
	})
	return server
}

// Shutdown ends the subscriptions and lets requests finish. When ctx ends, it closes the
// remaining connections, such as that of a client that does not read its answer.
func Shutdown(ctx context.Context, server *http.Server, streams *Streams, logger *slog.Logger) error {
	server.RegisterOnShutdown(func() { _ = streams.Close(ctx) })
	err := errors.Join(server.Shutdown(ctx), streams.Close(ctx))
	if ctx.Err() == nil {
		return err
	}
	logger.WarnContext(ctx, "closing the connections of requests that did not end in time", "error", err)
	return server.Close()
}
