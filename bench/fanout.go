package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"

	"github.com/noetl/noetl-catalog/client"
)

const (
	subscribers = 10_000
	stuck       = 10
)

// fanout opens ten thousand WebSockets, each with a subscription to its own path,
// and measures the server's memory, the latency of events, and the effect of
// subscribers that never read.
func fanout(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "fanout", subscribers)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	before := server.memory()

	fan := &fan{}
	defer fan.close()
	began := time.Now()
	fan.open(ctx, server, subscribers, func(i int) (*client.WebSocket, error) {
		return subscribe(ctx, server.Client, fmt.Sprintf("p/%d", i))
	})
	opened := time.Since(began)
	after := server.memory()
	fmt.Printf("fan-out: %d WebSockets, each with a subscription to a path of its own, opened in %.1f s\n", subscribers, opened.Seconds())
	fmt.Printf("  server memory each      %5.1f KB resident; in use %5.1f KB of heap and %5.1f KB of stacks\n", (after.resident-before.resident)/subscribers/1024,
		(after.heap-before.heap)/subscribers/1024, (after.stacks-before.stacks)/subscribers/1024)

	deliver := func(what string) {
		fan.reset()
		const events, perSecond = 2000, 200
		payload := []byte(`{"text": "` + strings.Repeat("x", 20<<10) + `"}`)
		insertPaced(ctx, pool, events, perSecond, payload, func(n int) int { return n * 4999 % subscribers })
		fmt.Printf("  %-22s  %s  (%d events of 20 KB, %d/s, from before the insert)\n", what, spread(fan.wait(ctx, events)), events, perSecond)
	}
	deliver("all of them reading")
	// A small window, so that the server's writes soon block.
	narrow := &client.Client{Endpoint: server.Endpoint, HTTP: &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Control: func(_, _ string, c syscall.RawConn) (failed error) {
		err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		return errors.Join(err, failed)
	}}).DialContext}}}
	for range stuck {
		socket := must(subscribe(ctx, narrow, ""))
		defer func() { _ = socket.CloseNow() }()
	}
	stuckSince := time.Now()
	deliver(fmt.Sprintf("beside %d stuck", stuck))
	await(ctx, "the stuck subscribers are not disconnected", func() bool { return server.metrics()["catalog_slow_consumers_total"] >= stuck })
	fmt.Printf("  stuck ones disconnected  within %.0f s of subscribing\n\n", time.Since(stuckSince).Seconds())
}

// fan reads the subscriptions of many sockets.
type fan struct {
	// counting: deliveries are counted, and their latencies not measured.
	counting bool
	count    atomic.Int64
	readers  sync.WaitGroup

	mu      sync.Mutex
	sockets []*client.WebSocket
	took    []time.Duration
}

// open opens n WebSockets and reads them until they are closed. It returns when the
// server has exactly n live subscriptions.
func (f *fan) open(ctx context.Context, server *server, n int, dial func(i int) (*client.WebSocket, error)) {
	var opening errgroup.Group
	opening.SetLimit(32)
	for i := range n {
		opening.Go(func() error {
			socket, err := dial(i)
			if err != nil {
				return fmt.Errorf("open %d sockets: %w", n, err)
			}
			f.mu.Lock()
			defer f.mu.Unlock()
			f.sockets = append(f.sockets, socket)
			f.readers.Go(func() { f.read(ctx, socket) })
			return nil
		})
	}
	check(opening.Wait())
	server.awaitLive(ctx, n)
}

// awaitLive waits until n subscriptions are live. Before that they may miss an event.
func (s *server) awaitLive(ctx context.Context, n int) {
	await(ctx, "not all subscriptions are live", func() bool { return s.metrics()["catalog_subscriptions{state=\"live\"}"] == float64(n) })
}

func (f *fan) read(ctx context.Context, socket *client.WebSocket) {
	for {
		_, message, err := socket.Reader(ctx)
		if err != nil {
			return
		}
		delivered := false
		if !f.counting {
			text, err := io.ReadAll(message)
			if err != nil {
				return
			}
			delivered = f.received(text)
		} else if n, err := io.Copy(io.Discard, message); err == nil && n > 100 { // longer than a ping
			f.count.Add(1)
			delivered = true
		}
		if !delivered { // a ping, without whose answer the server closes the connection
			_ = socket.Write(ctx, websocket.MessageText, []byte(`{"type":"pong"}`))
		}
	}
}

// received records a message, and reports whether it is a delivery. An event's timestamp is
// the start of its insert.
func (f *fan) received(message []byte) bool {
	const mark = `"timestamp":"`
	text := string(message[:min(len(message), 512)])
	_, rest, found := strings.Cut(text, mark)
	if !found {
		return false
	}
	stamp, _, _ := strings.Cut(rest, `"`)
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return false
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = append(f.took, time.Since(at))
	f.count.Add(1)
	return true
}

// reset forgets the deliveries so far.
func (f *fan) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = nil
	f.count.Store(0)
}

// wait waits for n deliveries and returns their latencies.
func (f *fan) wait(ctx context.Context, n int64) []time.Duration {
	if err := attempt("wait", func() { await(ctx, "deliveries are missing", func() bool { return f.count.Load() >= n }) }); err != nil {
		check(fmt.Errorf("%d of %d: %w", f.count.Load(), n, err))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.took
}

func (f *fan) close() {
	for _, socket := range f.sockets {
		_ = socket.CloseNow()
	}
	f.readers.Wait()
}

// memory is the memory of the server's process in bytes.
type memory struct{ resident, heap, stacks float64 }

func (s *server) memory() memory {
	metrics := s.metrics()
	return memory{float64(s.status("VmRSS:")), metrics["go_memstats_heap_inuse_bytes"], metrics["go_memstats_stack_inuse_bytes"]}
}

func (s *server) metrics() map[string]float64 {
	response := must(http.Get("http://" + s.address + "/metrics")) //nolint:bodyclose,noctx // is closed; answers within two seconds
	defer func() { _ = response.Body.Close() }()
	values := map[string]float64{}
	for line := range strings.Lines(string(must(io.ReadAll(response.Body)))) {
		name, text, _ := strings.Cut(strings.TrimSpace(line), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = value
		}
	}
	return values
}
