package main

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
)

// writers compares the rate of single-row commits over 16 connections, while a server
// sequences and follows the events, with the rate on tables without the log's triggers.
func writers(ctx context.Context, b *bench) {
	url, with := b.database(ctx, "with_triggers", 64)
	defer with.Close()
	_, without := b.database(ctx, "without_triggers", 64)
	defer without.Close()
	must(without.Exec(ctx, `
		DO $$ DECLARE partition regclass; BEGIN
			FOR partition IN SELECT 'event'::regclass UNION ALL SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'event'::regclass LOOP
				EXECUTE format('DROP TRIGGER IF EXISTS event_after_insert ON %s', partition);
			END LOOP;
		END $$`))
	server := b.serve(ctx, url)
	defer server.stop()

	const connections, rounds, each = 16, 4, 4 * time.Second
	rates, ratios := inTurn(rounds, func(which int) float64 {
		return commits(ctx, []*pgxpool.Pool{with, without}[which], connections, each)
	})
	fmt.Printf("writers: single-row commits, %d connections, median of %d rounds of %s\n", connections, rounds, each)
	fmt.Printf("  with the log, a server following    %7.0f commits/s\n", rates[0])
	fmt.Printf("  same tables without its triggers    %7.0f commits/s\n", rates[1])
	fmt.Printf("  ratio                               %7.2f  (rounds: %.2f)\n\n", median(ratios), ratios)
}

// commits counts single-row commits per second.
func commits(ctx context.Context, pool *pgxpool.Pool, connections int, duration time.Duration) float64 {
	deadline := time.Now().Add(duration)
	var count atomic.Int64
	var group errgroup.Group
	for c := range connections {
		group.Go(func() error {
			for time.Now().Before(deadline) {
				if err := insert(ctx, pool, fmt.Sprintf("p/%d", c), nil); err != nil {
					return err
				}
				count.Add(1)
			}
			return nil
		})
	}
	check(group.Wait())
	return float64(count.Load()) / duration.Seconds()
}

func insert(ctx context.Context, pool *pgxpool.Pool, path string, payload []byte) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	_, err = pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		VALUES ($1, 'UPDATED', $2, '1', $3, '{"node_name": "step", "status": "completed"}')`, id.String(), path, payload)
	return err
}
