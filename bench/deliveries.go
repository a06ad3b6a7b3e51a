package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// deliveries measures subscribers that all follow every event: deliveries a
// second and processor time for each, if all select the same fields and if each
// selects others; and the latency at a rate that the server can sustain.
func deliveries(ctx context.Context, b *bench) error {
	url, pool, err := b.database(ctx, "deliveries", 64)
	if err != nil {
		return err
	}
	defer pool.Close()
	server, err := b.serve(ctx, url)
	if err != nil {
		return err
	}
	defer server.stop()
	const many, events, batch = 200, 1000, 100
	for _, different := range []int{1, 10, many} {
		crowd, err := gather(ctx, server.address, many, different)
		if err != nil {
			return err
		}
		before, err := timesOf(server.command.Process.Pid)
		if err != nil {
			return err
		}
		began := time.Now()
		for range events / batch {
			if err := copyEvents(pool, makeRows(0, batch))(ctx); err != nil {
				return err
			}
		}
		if err := awaitCount(ctx, &crowd.got, many*events); err != nil {
			return err
		}
		took := time.Since(began)
		after, err := timesOf(server.command.Process.Pid)
		if err != nil {
			return err
		}
		fmt.Printf("deliveries: %d events × %d subscribers, %3d different selections: %6.0f a second, %5.1f µs of the server's CPU each\n",
			events, many, different, many*events/took.Seconds(), float64((after.own-before.own).Microseconds())/(many*events))
		crowd.close()
	}
	if err := paced(ctx, pool, server, many); err != nil {
		return err
	}
	fmt.Println()
	return nil
}

// paced records events at a rate that makes 5,000 deliveries a second.
func paced(ctx context.Context, pool *pgxpool.Pool, server *server, many int) error {
	const perSecond, seconds = 5000, 8
	fan := &fan{}
	defer fan.close()
	for range many {
		socket, err := subscribe(ctx, server.address, "", nil)
		if err != nil {
			return err
		}
		fan.add(ctx, socket)
	}
	rate := perSecond / many
	pace := time.NewTicker(time.Second / time.Duration(rate))
	defer pace.Stop()
	for n := range rate * seconds {
		<-pace.C
		if err := insert(ctx, pool, fmt.Sprintf("p/%d", n%64), []byte(`{"rows": 1}`)); err != nil {
			return err
		}
	}
	took, err := fan.wait(ctx, int64(rate*seconds*many))
	if err != nil {
		return err
	}
	fmt.Printf("deliveries: %d events/s × %d subscribers: p50 %.2f ms  p99 %.2f ms  max %.2f ms (from before the insert)\n", rate, many,
		milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.99)), milliseconds(took[len(took)-1]))
	return nil
}

// crowd are subscribers that only count deliveries.
type crowd struct {
	sockets []*websocket.Conn
	got     atomic.Int64
	readers sync.WaitGroup
}

func gather(ctx context.Context, address string, many, different int) (*crowd, error) {
	c := &crowd{sockets: make([]*websocket.Conn, many)}
	var opening errgroup.Group
	opening.SetLimit(16)
	for i := range many {
		opening.Go(func() (err error) {
			// An alias makes another document and another response.
			query := fmt.Sprintf(`subscription { eventRecorded { cursor position event { %s eventId path timestamp message payload type { name } executionId step status } } }`,
				strings.Repeat("a", 1+i%different)+": __typename")
			c.sockets[i], err = open(ctx, address, query, nil, nil)
			return err
		})
	}
	if err := opening.Wait(); err != nil {
		c.close()
		return nil, err
	}
	for _, socket := range c.sockets {
		c.readers.Go(func() {
			for {
				_, message, err := socket.Reader(ctx)
				if err != nil {
					return
				}
				if n, err := io.Copy(io.Discard, message); err == nil && n > 100 { // no ping
					c.got.Add(1)
				}
			}
		})
	}
	return c, nil
}

func (c *crowd) close() {
	for _, socket := range c.sockets {
		if socket != nil {
			_ = socket.CloseNow()
		}
	}
	c.readers.Wait()
}
