package transport

import (
	"log/slog"
	"net/http"
	"time"
)

// Server is net/http's server with limits on what a client may send and how
// slowly. There is no limit on writing, which would cut off streams: each
// stream has a deadline per write instead.
func Server(addr string, handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Addr:              addr,
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}
