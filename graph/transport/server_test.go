package transport_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/transport"

	"github.com/noetl/noetl-catalog/internal/await"
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
	await.Value(t, accepted)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if _, err := spare.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the spare connection: %v", err)
	}
	if err := await.Value(t, served); !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// The server sends a long answer only as long as the client reads it.
func TestServer_LongAnswer_OnlyAsLongAsTheClientReads(t *testing.T) {
	t.Parallel()
	long := []byte(`"` + strings.Repeat("x", 32<<20) + `"`)
	gql := newServer(t, transport.Options{AnswerTimeout: 300 * time.Millisecond}, func(context.Context) *graphql.Response {
		return &graphql.Response{Data: long}
	})
	answered := make(chan struct{}, 20)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { answered <- struct{}{} }()
		gql.ServeHTTP(w, r)
	}))
	defer srv.Close()
	const request = "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n" + `{"query":"{name}"}`
	open := func() net.Conn {
		conn, err := net.Dial("tcp", srv.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, request); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	for range 20 {
		silent := open()
		defer silent.Close()
	}
	for range 20 {
		<-answered // although nothing was read
	}
	// A client that reads, however slowly, gets the whole answer.
	reader := open()
	defer reader.Close()
	response, err := http.ReadResponse(bufio.NewReaderSize(reader, 16), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	size, buffer := 0, make([]byte, 64<<10)
	for {
		n, err := response.Body.Read(buffer)
		if size += n; err != nil {
			if !errors.Is(err, io.EOF) || size < len(long) {
				t.Errorf("after %d bytes: %v", size, err)
			}
			break
		}
		runtime.Gosched()
	}
	await.Value(t, answered)
}

// Some clients send the whole body before they read.
func TestServer_BodyTooLarge_ReportedToAClientThatSendsItAll(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newServer(t, transport.Options{MaxBody: 1 << 20}, respondData))
	t.Cleanup(srv.Close)
	const size = 40 << 20
	for name, length := range map[string]string{"length": fmt.Sprintf("Content-Length: %d", size), "chunks": "Transfer-Encoding: chunked"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", srv.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			body := strings.Repeat("x", size)
			if name == "chunks" {
				body = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", size, body)
			}
			if _, err := io.WriteString(conn, "POST /graphql HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"+length+"\r\n\r\n"+body); err != nil {
				t.Fatal("sending: ", err)
			}
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal("reading: ", err)
			}
			defer response.Body.Close()
			if response.StatusCode != http.StatusRequestEntityTooLarge {
				t.Error(response.Status)
			}
		})
	}
}

// A client that does not read its answer does not make the shutdown fail.
func TestShutdown_ClientDoesNotRead_ConnectionClosed(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{})
	server := transport.Server("", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(begun)
		for r.Context().Err() == nil {
			if _, err := w.Write(make([]byte, 1<<20)); err != nil {
				return
			}
		}
	}), slog.New(slog.DiscardHandler))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	conn, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	await.Value(t, begun)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := transport.Shutdown(ctx, server, transport.NewStreams(), slog.New(slog.DiscardHandler)); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if err := await.Value(t, served); !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
	_, _ = io.Copy(io.Discard, conn) // until the server has closed it
}
