package transport_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/noetl/noetl-catalog/graph/transport"
)

// net/http itself waits five seconds for a connection that has sent nothing.
func TestServer_Shutdown_DoesNotWaitForSpareConnections(t *testing.T) {
	t.Parallel()
	server := transport.Server("", http.NotFoundHandler(), slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan struct{})
	note := server.ConnState
	server.ConnState = func(conn net.Conn, state http.ConnState) {
		note(conn, state)
		if state == http.StateNew {
			close(accepted)
		}
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	spare, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer spare.Close()
	<-accepted
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := spare.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the spare connection: %v", err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}
