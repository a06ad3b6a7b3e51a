package transport_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"runtime/metrics"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/transport"
)

// TestWebSocket_IdleSubscriptions_MemoryPerSocket is not parallel: it measures
// the whole process. The clients are bare connections, which need little
// memory.
func TestWebSocket_IdleSubscriptions_MemoryPerSocket(t *testing.T) {
	const sockets = 500
	started := make(chan struct{}, sockets)
	ops := operations{"Never": func(ctx context.Context) graphql.ResponseHandler {
		return func(context.Context) *graphql.Response {
			started <- struct{}{}
			<-ctx.Done()
			return nil
		}
	}}
	addr := ops.listen(t, transport.Options{})
	open := func() {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		reader := shakeHands(t, conn)
		writeText(t, conn, `{"type":"connection_init"}`)
		expectText(t, reader, `{"type":"connection_ack"}`)
		writeText(t, conn, `{"id":"1","type":"subscribe","payload":{"query":"subscription Never {name}"}}`)
		<-started
	}
	open() // creates what is created once
	memory, goroutines := memoryInUse(), runtime.NumGoroutine()
	for range sockets {
		open()
	}
	memory, goroutines = memoryInUse()-memory, runtime.NumGoroutine()-goroutines
	t.Logf("per socket: %d bytes, %.1f goroutines", memory/sockets, float64(goroutines)/sockets)
	if memory/sockets >= 64<<10 {
		t.Errorf("a socket takes %d bytes", memory/sockets)
	}
	if goroutines != 2*sockets {
		t.Errorf("%d goroutines for %d sockets, want a reader and an operation each", goroutines, sockets)
	}
}

// memoryInUse returns the memory of heap and stacks, after garbage has been collected and
// stacks have shrunk.
func memoryInUse() int64 {
	for range 4 {
		runtime.GC()
	}
	samples := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64() + samples[1].Value.Uint64())
}

func writeText(t testing.TB, conn net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(conn, frameOf(text, 0)); err != nil {
		t.Fatal(err)
	}
}

// expectText expects a short text frame.
func expectText(t testing.TB, reader *bufio.Reader, want string) {
	t.Helper()
	got := make([]byte, 2+len(want))
	if _, err := io.ReadFull(reader, got); err != nil || string(got) != fmt.Sprintf("\x81%c%s", len(want), want) {
		t.Fatalf("got %q %v, want %s", got, err, want)
	}
}

// BenchmarkWebSocket_Next sends responses of 1 KB to one subscriber.
func BenchmarkWebSocket_Next(b *testing.B) {
	response := &graphql.Response{Data: fmt.Appendf(nil, `{"name":"%01000d"}`, 1)}
	count := 0
	ops := operations{"Flood": func(context.Context) graphql.ResponseHandler {
		return func(context.Context) *graphql.Response {
			if count == b.N {
				return nil
			}
			count++
			return response
		}
	}}
	conn, err := net.DialTimeout("tcp", ops.listen(b, transport.Options{}), time.Second)
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close()
	reader := shakeHands(b, conn)
	writeText(b, conn, `{"type":"connection_init"}`)
	expectText(b, reader, `{"type":"connection_ack"}`)
	b.ReportAllocs()
	b.ResetTimer()
	writeText(b, conn, `{"id":"1","type":"subscribe","payload":{"query":"subscription Flood {name}"}}`)
	const overhead = 4 + len(`{"id":"1","type":"next","payload":{"data":}}`)
	if _, err := io.CopyN(io.Discard, reader, int64(b.N*(overhead+len(response.Data)))); err != nil {
		b.Fatal(err)
	}
}
