package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coder/websocket"
	"github.com/jackc/pgx/v5/pgxpool"
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
		crowd := &fan{counting: true}
		defer crowd.close()
		if err := crowd.open(ctx, many, func(i int) (*websocket.Conn, error) {
			// An alias makes another document and another response.
			query := fmt.Sprintf(`subscription { eventRecorded { cursor position event { %s eventId path timestamp message payload type { name } executionId step status } } }`,
				strings.Repeat("a", 1+i%different)+": __typename")
			return open(ctx, server.address, query, nil, nil)
		}); err != nil {
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
		if _, err := crowd.wait(ctx, many*events); err != nil {
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
	if err := fan.open(ctx, many, func(int) (*websocket.Conn, error) { return subscribe(ctx, server.address, "", nil) }); err != nil {
		return err
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
