package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
	"golang.org/x/sync/errgroup"
)

const (
	subscribers = 10_000
	stuck       = 10
)

// fanout opens ten thousand sockets, each with a subscription to its own path,
// and measures the server's memory, the latency of events, and the effect of
// subscribers that never read.
func fanout(ctx context.Context, b *bench) error {
	url, pool, err := b.database(ctx, "fanout", subscribers)
	if err != nil {
		return err
	}
	defer pool.Close()
	server, err := b.serve(ctx, url)
	if err != nil {
		return err
	}
	defer server.stop()
	before, err := server.memory()
	if err != nil {
		return err
	}

	fan := &fan{}
	defer fan.close()
	began := time.Now()
	if err := fan.open(ctx, subscribers, func(i int) (*websocket.Conn, error) {
		return subscribe(ctx, server.address, fmt.Sprintf("p/%d", i), nil)
	}); err != nil {
		return err
	}
	opened := time.Since(began)
	if err := server.until(ctx, "catalog_subscriptions{state=\"live\"}", subscribers); err != nil {
		return err
	}
	after, err := server.memory()
	if err != nil {
		return err
	}
	fmt.Printf("fan-out: %d WebSockets, each with a subscription to a path of its own, opened in %.1f s\n", subscribers, opened.Seconds())
	fmt.Printf("  server memory each      %5.1f KB resident; in use %5.1f KB of heap and %5.1f KB of stacks\n", float64(after.resident-before.resident)/subscribers/1024,
		float64(after.heap-before.heap)/subscribers/1024, float64(after.stacks-before.stacks)/subscribers/1024)

	deliver := func(what string) error {
		fan.take()
		const events, perSecond = 2000, 200
		payload := []byte(`{"text": "` + strings.Repeat("x", 20<<10) + `"}`)
		pace := time.NewTicker(time.Second / perSecond)
		defer pace.Stop()
		for n := range events {
			<-pace.C
			if err := insert(ctx, pool, fmt.Sprintf("p/%d", n*4999%subscribers), payload); err != nil {
				return err
			}
		}
		took, err := fan.wait(ctx, events)
		if err != nil {
			return err
		}
		fmt.Printf("  %-22s  p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms  (%d events of 20 KB, %d/s, from before the insert)\n", what,
			milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.99)), milliseconds(took[len(took)-1]), events, perSecond)
		return nil
	}
	if err := deliver("all of them reading"); err != nil {
		return err
	}
	// A small window, so that the server's writes soon block.
	narrow := &http.Client{Transport: &http.Transport{DialContext: (&net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		var failed error
		err := c.Control(func(fd uintptr) { failed = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
		if err != nil {
			return err
		}
		return failed
	}}).DialContext}}
	for range stuck {
		socket, err := subscribe(ctx, server.address, "", &websocket.DialOptions{HTTPClient: narrow})
		if err != nil {
			return err
		}
		defer func() { _ = socket.CloseNow() }()
	}
	stuckSince := time.Now()
	if err := deliver(fmt.Sprintf("beside %d stuck", stuck)); err != nil {
		return err
	}
	if err := server.until(ctx, "catalog_slow_consumers_total", stuck); err != nil {
		return err
	}
	fmt.Printf("  the stuck were cut off  within %.0f s of subscribing\n\n", time.Since(stuckSince).Seconds())
	return nil
}

// fan reads the subscriptions of many sockets.
type fan struct {
	// counting: deliveries are only counted.
	counting bool
	got      atomic.Int64
	readers  sync.WaitGroup

	mu      sync.Mutex
	sockets []*websocket.Conn
	took    []time.Duration
}

// open opens n sockets and reads them until they are closed.
func (f *fan) open(ctx context.Context, n int, dial func(i int) (*websocket.Conn, error)) error {
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
	return opening.Wait()
}

func (f *fan) read(ctx context.Context, socket *websocket.Conn) {
	for {
		_, message, err := socket.Reader(ctx)
		if err != nil {
			return
		}
		if !f.counting {
			text, err := io.ReadAll(message)
			if err != nil {
				return
			}
			f.received(text)
		} else if n, err := io.Copy(io.Discard, message); err == nil && n > 100 { // longer than a ping
			f.got.Add(1)
		}
	}
}

// received records a delivery. An event's timestamp is the start of its insert.
func (f *fan) received(message []byte) {
	const mark = `"timestamp":"`
	text := string(message[:min(len(message), 512)])
	_, rest, found := strings.Cut(text, mark)
	if !found {
		return // a ping
	}
	stamp, _, _ := strings.Cut(rest, `"`)
	at, err := time.Parse(time.RFC3339Nano, stamp)
	if err != nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = append(f.took, time.Since(at))
	f.got.Add(1)
}

// take resets what was received.
func (f *fan) take() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.took = nil
	f.got.Store(0)
}

// wait waits for n deliveries and returns their latencies, sorted.
func (f *fan) wait(ctx context.Context, n int64) ([]time.Duration, error) {
	if err := await(ctx, "deliveries", func() (bool, error) { return f.got.Load() >= n, nil }); err != nil {
		return nil, fmt.Errorf("%d of %d %w", f.got.Load(), n, err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.Sort(f.took)
	return f.took, nil
}

func (f *fan) close() {
	for _, socket := range f.sockets {
		_ = socket.CloseNow()
	}
	f.readers.Wait()
}

// memory is that of the server's process, in bytes.
type memory struct{ resident, heap, stacks int64 }

func (s *server) memory() (memory, error) {
	resident, err := s.status("VmRSS:")
	if err != nil {
		return memory{}, err
	}
	metrics, err := s.metrics()
	if err != nil {
		return memory{}, err
	}
	return memory{resident, int64(metrics["go_memstats_heap_inuse_bytes"]), int64(metrics["go_memstats_stack_inuse_bytes"])}, nil
}

func (s *server) metrics() (map[string]float64, error) {
	response, err := http.Get("http://" + s.address + "/metrics") //nolint:noctx // answers within two seconds
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	values := map[string]float64{}
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		name, text, found := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); found && err == nil {
			values[name] = value
		}
	}
	return values, lines.Err()
}

// until waits until a metric reaches a value.
func (s *server) until(ctx context.Context, name string, value float64) error {
	return await(ctx, fmt.Sprintf("%s does not reach %g", name, value), func() (bool, error) {
		metrics, err := s.metrics()
		return metrics[name] >= value, err
	})
}
