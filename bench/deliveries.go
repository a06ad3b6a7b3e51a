package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/client"
)

// deliveries measures subscribers that all follow every event: deliveries per second
// and CPU time per delivery, for equal and for different selections; and the latency
// at a rate that the server can sustain.
func deliveries(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "deliveries", 64)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	const many = 200
	for _, different := range []int{1, 10, many} {
		deliverTo(ctx, pool, server, many, different)
	}

	// At a rate that makes 5,000 deliveries a second.
	const rate, seconds = 5000 / many, 8
	fan := &fan{}
	defer fan.close()
	fan.open(ctx, server, many, func(int) (*client.WebSocket, error) { return subscribe(ctx, server.Client, "") })
	insertPaced(ctx, pool, rate*seconds, rate, []byte(`{"rows": 1}`), func(n int) int { return n % 64 })
	fmt.Printf("deliveries: %d events/s × %d subscribers: %s (from before the insert)\n\n", rate, many, spread(fan.wait(ctx, rate*seconds*many)))
}

// deliverTo measures many subscribers, which have that number of different selections.
func deliverTo(ctx context.Context, pool *pgxpool.Pool, server *server, many, different int) {
	const events, batch = 1000, 100
	crowd := &fan{counting: true}
	defer crowd.close()
	crowd.open(ctx, server, many, func(i int) (*client.WebSocket, error) {
		// A different alias makes the document and the response different.
		query := fmt.Sprintf(`subscription { eventRecorded { cursor position event { %s eventId path timestamp message payload type { name } executionId step status } } }`,
			strings.Repeat("a", 1+i%different)+": __typename")
		return openSubscription(ctx, server.Client, query, nil)
	})
	before := must(timesOf(server.command.Process.Pid))
	began := time.Now()
	for range events / batch {
		check(copyEvents(pool, makeRows(0, batch))(ctx))
	}
	crowd.wait(ctx, int64(many*events))
	took := time.Since(began)
	after := must(timesOf(server.command.Process.Pid))
	delivered := float64(many * events)
	fmt.Printf("deliveries: %d events × %d subscribers, %3d different selections: %6.0f a second, %5.1f µs of the server's CPU each\n",
		events, many, different, delivered/took.Seconds(), float64((after.own-before.own).Microseconds())/delivered)
}

// insertPaced inserts n events one by one at a constant rate; path returns the number of
// the nth event's path.
func insertPaced(ctx context.Context, pool *pgxpool.Pool, n, perSecond int, payload []byte, path func(n int) int) {
	pace := time.NewTicker(time.Second / time.Duration(perSecond))
	defer pace.Stop()
	for i := range n {
		<-pace.C
		check(insert(ctx, pool, fmt.Sprintf("p/%d", path(i)), payload))
	}
}
