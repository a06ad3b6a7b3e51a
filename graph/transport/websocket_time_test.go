package transport_test

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"github.com/noetl/noetl-catalog/graph/transport"
	"github.com/noetl/noetl-catalog/internal/logtest"
)

// The tests of this file run on the clock of synctest, over pipes: a write
// blocks until it is read, so times are exact.

// pipes is a listener that accepts one end of each pipe.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case conn := <-p.conns:
		return conn, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	p.conns <- server
	return client, nil
}

// bubble is a server inside of synctest.
type bubble struct {
	*testing.T
	pipes
	streams *transport.Streams
	log     logtest.Buffer
	slow    []string // cursors passed to OnSlow; read after all sockets have ended
}

// onFakeClock runs test with a server. At its end all sockets must have ended.
func onFakeClock(t *testing.T, ws transport.Options, ops operations, test func(b *bubble)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bubble{T: t, pipes: pipes{make(chan net.Conn), make(chan struct{})}, streams: transport.NewStreams()}
		ws.Streams = b.streams
		ws.Logger = slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelInfo}))
		ws.OnSlow = func(cursor string) { b.slow = append(b.slow, cursor) }
		server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: ops.server(ws)}
		go server.Serve(b.pipes)
		t.Cleanup(func() { // after the clients have gone
			server.Close()
			synctest.Wait()
			if open := b.streams.Open(); open != 0 {
				t.Errorf("%d sockets have not ended", open)
			}
		})
		test(b)
	})
}

func (b *bubble) connect() client {
	b.Helper()
	return dialWith(b.T, &http.Client{Transport: &http.Transport{DialContext: b.dial}}, "localhost", "graphql-transport-ws")
}

// raw returns a connection after the handshake, with a reader.
func (b *bubble) raw() (net.Conn, *bufio.Reader) {
	conn, err := b.dial(context.Background(), "", "")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	return conn, shakeHands(b.T, conn)
}

// wantElapsed fails unless exactly this time has passed since began.
func (b *bubble) wantElapsed(began time.Time, want time.Duration) {
	b.Helper()
	if got := time.Since(began); got != want {
		b.Errorf("%s elapsed, want %s", got, want)
	}
}

func (b *bubble) wantCutOff(c client) {
	b.Helper()
	if text, err := c.read(); err == nil || websocket.CloseStatus(err) != -1 {
		b.Errorf("got %s %v, want the connection to break", text, err)
	}
}

func TestWebSocket_NoInit_4408(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, nil, func(b *bubble) {
		began := time.Now()
		c := b.connect()
		c.play(`> {"type":"ping"}`, `< {"type":"pong"}`, "! 4408 Connection initialisation timeout")
		b.wantElapsed(began, 5*time.Second)
	})
}

func TestWebSocket_InitInTime_NoTimeout(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{InitTimeout: 3 * time.Second}, nil, func(b *bubble) {
		c := b.connect()
		time.Sleep(2 * time.Second)
		began := time.Now()
		c.play(initialise, acknowledged)
		for range 5 {
			c.play(`< {"type":"ping"}`, `> {"type":"pong"}`)
		}
		b.wantElapsed(began, 5*25*time.Second)
	})
}

func TestWebSocket_SilentPeer_CutAfterTwoIntervals(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{KeepAlive: 10 * time.Second}, operations{"Never": noEvents}, func(b *bubble) {
		began := time.Now()
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Never"), `< {"type":"ping"}`)
		b.wantCutOff(c)
		b.wantElapsed(began, 20*time.Second)
	})
}

func TestWebSocket_Checkpoints_InThePing(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{KeepAlive: 10 * time.Second}, operations{"Never": withCheckpoint}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Never"), subscribed("b", "Never"))
		checkpoints := map[string]bool{}
		for range 2 {
			text, err := c.read()
			if err != nil {
				b.Fatal(err)
			}
			checkpoints[text] = true
		}
		for _, id := range []string{"a", "b"} {
			if !checkpoints[`{"type":"ping","payload":{"checkpoint":{"id":"`+id+`","cursor":"somewhere"}}}`] {
				b.Errorf("none for %s in %v", id, checkpoints)
			}
		}
		c.play(`> {"type":"pong"}`, `< {"type":"ping"}`)
	})
}

func TestWebSocket_AnyMessage_KeepsTheSocket(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{KeepAlive: 10 * time.Second}, nil, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged)
		for range 5 {
			c.play(`< {"type":"ping"}`, `> {"id":"a","type":"complete"}`)
		}
	})
}

func TestWebSocket_SlowReader_ErrorWithCursor(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, operations{"Numbered": numbered(9, nil), "Never": noEvents}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("other", "Never"), subscribed("a", "Numbered"),
			`< {"id":"a","type":"next","payload":{"data":{"n":1}}}`)
		time.Sleep(6 * time.Second)
		c.play(`< {"id":"a","type":"next","payload":{"data":{"n":2}}}`,
			`< {"id":"a","type":"error","payload":[{"message":"events were not accepted in time; subscribe again after the last cursor",`+
				`"extensions":{"code":"SLOW_CONSUMER","cursor":"cursor-2","retryable":true}}]}`,
			// The socket stays open, and the other operation runs.
			`> {"type":"ping"}`, `< {"type":"pong"}`, subscribed("other", "Never"), "! 4409 Subscriber for other already exists")
		b.wantSlow("cursor-2")
	})
}

// wantSlow fails unless OnSlow and the log have these cursors.
func (b *bubble) wantSlow(cursors ...string) {
	b.Helper()
	synctest.Wait()
	if got, want := strings.Join(b.slow, " "), strings.Join(cursors, " "); got != want {
		b.Errorf("OnSlow got %q, want %q", got, want)
	}
	text := b.log.String()
	if got := strings.Count(text, "level=WARN"); got != len(cursors) || strings.Count(text, "\n") != got {
		b.Errorf("want %d warnings and nothing else: %s", len(cursors), text)
	}
	for _, cursor := range cursors {
		if !strings.Contains(text, "code=SLOW_CONSUMER cursor="+cursor) {
			b.Errorf("no %s in the log: %s", cursor, text)
		}
	}
}

func TestWebSocket_SlowReader_NotSlowEnough(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, operations{"Numbered": numbered(2, nil), "Data": oneResponse(&graphql.Response{Data: []byte("1")})}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Numbered"))
		time.Sleep(5*time.Second - 1)
		c.play(`< {"id":"a","type":"next","payload":{"data":{"n":1}}}`)
		time.Sleep(5*time.Second - 1)
		c.play(`< {"id":"a","type":"next","payload":{"data":{"n":2}}}`, `< {"id":"a","type":"complete"}`)
		// A query has nothing to resume.
		c.play(subscribe("a", "query Data {name}"))
		time.Sleep(9 * time.Second)
		c.play(`< {"id":"a","type":"next","payload":{"data":1}}`, `< {"id":"a","type":"complete"}`)
		c.conn.CloseNow()
		b.wantSlow()
	})
}

func TestWebSocket_WaitingForAnother_IsNotSlow(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	ops := operations{
		"Slow": numbered(9, nil),
		"Waits": func(ctx context.Context) graphql.ResponseHandler {
			<-release
			return numbered(1, nil)(ctx)
		},
	}
	onFakeClock(t, transport.Options{}, ops, func(b *bubble) {
		release = make(chan struct{})
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("b", "Waits"), subscribed("a", "Slow"))
		synctest.Wait() // a writes
		close(release)
		time.Sleep(6 * time.Second)
		c.play(`< {"id":"a","type":"next","payload":{"data":{"n":1}}}`,
			`< {"id":"b","type":"next","payload":{"data":{"n":1}}}`)
		for range 2 {
			text, err := c.read()
			if err != nil || !strings.Contains(text, `"a","type":"error"`) && !strings.Contains(text, `"b","type":"complete"`) {
				b.Errorf("got %s %v", text, err)
			}
		}
		c.conn.CloseNow()
		b.wantSlow("cursor-1")
	})
}

func TestWebSocket_StuckReader_CutAfterWriteTimeout(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{KeepAlive: 2 * time.Second}, operations{"Numbered": numbered(9, nil)}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Numbered"), `< {"id":"a","type":"next","payload":{"data":{"n":1}}}`)
		synctest.Wait()
		// No more is read. A second operation and the pings queue up behind.
		c.play(subscribed("b", "Numbered"))
		time.Sleep(10*time.Second - 1)
		synctest.Wait()
		if b.streams.Open() != 1 {
			b.Error("cut too early")
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if b.streams.Open() != 0 {
			b.Error("not cut")
		}
		b.wantSlow("cursor-1")
	})
}

func TestWebSocket_StuckBeforeTheFirst_NoCursor(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{SlowTimeout: time.Second, WriteTimeout: time.Second}, operations{"Numbered": numbered(9, nil)}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Numbered"))
		time.Sleep(time.Minute)
		b.wantSlow("")
	})
}

func TestWebSocket_CompletedWhileItWrites_SocketStaysOpen(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, operations{"Numbered": numbered(9, nil)}, func(b *bubble) {
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Numbered"))
		synctest.Wait() // in the middle of the first response
		c.play(`> {"id":"a","type":"complete"}`)
		synctest.Wait()
		c.play(`< {"id":"a","type":"next","payload":{"data":{"n":1}}}`, `> {"type":"ping"}`, `< {"type":"pong"}`)
	})
}

// lingers returns a subscription that continues after its context has ended, until it
// is released.
func lingers(cancelled *atomic.Bool, released <-chan struct{}) func(context.Context) graphql.ResponseHandler {
	return func(ctx context.Context) graphql.ResponseHandler {
		return func(context.Context) *graphql.Response {
			<-ctx.Done()
			cancelled.Store(true)
			<-released
			return nil
		}
	}
}

func TestWebSocket_OperationsThatLinger_SocketWaits(t *testing.T) {
	t.Parallel()
	var cancelled atomic.Bool
	var released chan struct{}
	ops := operations{"Lingers": func(ctx context.Context) graphql.ResponseHandler { return lingers(&cancelled, released)(ctx) }}
	onFakeClock(t, transport.Options{}, ops, func(b *bubble) {
		released = make(chan struct{})
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Lingers"))
		synctest.Wait()
		c.conn.CloseNow()
		synctest.Wait()
		if !cancelled.Load() || b.streams.Open() != 1 {
			b.Errorf("cancelled: %t, %d sockets", cancelled.Load(), b.streams.Open())
		}
		close(released)
	})
}

func TestWebSocket_OperationsThatLinger_CountAfterComplete(t *testing.T) {
	t.Parallel()
	var cancelled atomic.Bool
	var released chan struct{}
	ops := operations{"Lingers": func(ctx context.Context) graphql.ResponseHandler { return lingers(&cancelled, released)(ctx) }}
	onFakeClock(t, transport.Options{MaxOperations: 1}, ops, func(b *bubble) {
		released = make(chan struct{})
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Lingers"))
		synctest.Wait()
		c.play(`> {"id":"a","type":"complete"}`, subscribe("a", "{"))
		if text, err := c.read(); err != nil || !strings.Contains(text, "TOO_MANY_REQUESTS") {
			b.Errorf("got %s %v, want TOO_MANY_REQUESTS", text, err)
		}
		close(released)
		synctest.Wait()
		c.play(subscribe("a", "{"))
		if text, err := c.read(); err != nil || !strings.Contains(text, "PARSE_FAILED") {
			b.Errorf("got %s %v, want the operation accepted", text, err)
		}
	})
}

func TestWebSocket_Closing_OperationsEndAtOnce(t *testing.T) {
	t.Parallel()
	var cancelled atomic.Bool
	var released chan struct{}
	ops := operations{"Lingers": func(ctx context.Context) graphql.ResponseHandler { return lingers(&cancelled, released)(ctx) }}
	onFakeClock(t, transport.Options{}, ops, func(b *bubble) {
		released = make(chan struct{})
		c, reader := b.raw()
		go io.Copy(io.Discard, reader)
		for _, text := range []string{
			`{"type":"connection_init"}`, `{"id":"a","type":"subscribe","payload":{"query":"subscription Lingers {name}"}}`, "not JSON",
		} {
			io.WriteString(c, frameOf(text, 0))
			synctest.Wait()
		}
		// The peer does not answer the close frame.
		if !cancelled.Load() || b.streams.Open() != 1 {
			b.Errorf("cancelled: %t, %d sockets", cancelled.Load(), b.streams.Open())
		}
		close(released)
	})
}

func TestWebSocket_ShutdownOfAStuckSocket_IsBounded(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, nil, func(b *bubble) {
		streams := transport.NewStreams()
		gql := operations{"Numbered": numbered(9, nil)}.server(transport.Options{Streams: streams})
		server := &http.Server{Handler: gql, ReadHeaderTimeout: time.Minute}
		b.pipes = pipes{make(chan net.Conn), make(chan struct{})}
		go server.Serve(b.pipes)
		c := b.connect()
		c.play(initialise, acknowledged, subscribed("a", "Numbered"))
		synctest.Wait()
		began := time.Now()
		if err := streams.Close(context.Background()); err != nil {
			b.Error(err)
		}
		b.wantElapsed(began, 5*time.Second)
		server.Close()
	})
}

func TestWebSocket_PeerThatNeverAnswersClose_IsBounded(t *testing.T) {
	t.Parallel()
	for name, rest := range map[string]string{
		"says nothing":                    "",
		"breaks off in the next header":   "\x81",
		"breaks off in the next message":  "\x81\xff\x00\x00\x00\xff\xff\xff\xff\xff\x00\x00\x00\x00some",
		"sends without end what is read":  strings.Repeat("\x81\x80\x00\x00\x00\x00", 1000),
		"sends a control frame too long":  "\x89\xff\x00\x00\x00\xff\xff\xff\xff\xff\x00\x00\x00\x00",
		"sends an unmasked frame":         "\x81\x01a",
		"sends continuation of no frame":  "\x80\x80\x00\x00\x00\x00",
		"sends a close frame of one byte": "\x88\x81\x00\x00\x00\x00a",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onFakeClock(t, transport.Options{}, nil, func(b *bubble) {
				c, reader := b.raw()
				go io.Copy(io.Discard, reader)
				io.WriteString(c, frameOf("not JSON", 0))
				go io.WriteString(c, rest)
				time.Sleep(5*time.Second + 1)
				synctest.Wait()
				if b.streams.Open() != 0 {
					b.Error("the handler has not returned")
				}
			})
		})
	}
}

func TestWebSocket_MessageThatDoesNotArrive_Cut(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, nil, func(b *bubble) {
		c, reader := b.raw()
		go io.Copy(io.Discard, reader)
		io.WriteString(c, frameOf(`{"type":"connection_init"}`, 0))
		io.WriteString(c, frameOf(`{"type":"pi`, 1<<40))
		go func() {
			// Single bytes do not extend the timeout.
			for {
				time.Sleep(time.Second)
				if _, err := c.Write([]byte("x")); err != nil {
					return
				}
			}
		}()
		time.Sleep(15*time.Second + 1)
		synctest.Wait()
		if b.streams.Open() != 0 {
			b.Error("the handler has not returned")
		}
		time.Sleep(time.Second) // until the writer's Write has failed
	})
}

func TestWebSocket_LargeMessageOverTheLimit_1009WithoutReadingIt(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, nil, func(b *bubble) {
		c, reader := b.raw()
		began := time.Now()
		go io.WriteString(c, frameOf(strings.Repeat("x", 64<<10+1), 1<<40))
		frame := make([]byte, 4)
		if _, err := io.ReadFull(reader, frame); err != nil || !bytes.Equal(frame[2:], []byte{1009 >> 8, 1009 & 0xff}) {
			b.Errorf("got %x %v, want a close frame 1009", frame, err)
		}
		b.wantElapsed(began, 0)
		go io.Copy(io.Discard, reader)
		time.Sleep(6 * time.Second)
	})
}
