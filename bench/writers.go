package main

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
)

// writers compares single-row commits of 16 connections on the product's
// tables, while a server sequences and follows them, with the same on tables
// without the log's triggers.
func writers(ctx context.Context, b *bench) error {
	url, with, err := b.database(ctx, "with_triggers", 64)
	if err != nil {
		return err
	}
	defer with.Close()
	_, without, err := b.database(ctx, "without_triggers", 64)
	if err != nil {
		return err
	}
	defer without.Close()
	if _, err := without.Exec(ctx, `
		DO $$ DECLARE partition regclass; BEGIN
			FOR partition IN SELECT 'event'::regclass UNION ALL SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'event'::regclass LOOP
				EXECUTE format('DROP TRIGGER IF EXISTS event_after_insert ON %s', partition);
			END LOOP;
		END $$`); err != nil {
		return err
	}
	server, err := b.serve(ctx, url)
	if err != nil {
		return err
	}
	defer server.stop()

	const connections, rounds, each = 16, 4, 4 * time.Second
	rates, ratios, err := inTurn(rounds, func(which int) (float64, error) {
		return commits(ctx, []*pgxpool.Pool{with, without}[which], connections, each)
	})
	if err != nil {
		return err
	}
	fmt.Printf("writers: single-row commits, %d connections, median of %d rounds of %s\n", connections, rounds, each)
	fmt.Printf("  with the log, a server following    %7.0f commits/s\n", rates[0])
	fmt.Printf("  same tables without its triggers    %7.0f commits/s\n", rates[1])
	fmt.Printf("  ratio                               %7.2f  (rounds: %.2f)\n\n", median(ratios), ratios)
	return nil
}

// commits counts single-row commits per second.
func commits(ctx context.Context, pool *pgxpool.Pool, connections int, duration time.Duration) (float64, error) {
	deadline := time.Now().Add(duration)
	var count atomic.Int64
	errs := make([]error, connections)
	var group sync.WaitGroup
	for c := range connections {
		group.Go(func() {
			for time.Now().Before(deadline) {
				if errs[c] = insert(ctx, pool, fmt.Sprintf("p/%d", c), nil); errs[c] != nil {
					return
				}
				count.Add(1)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return 0, err
		}
	}
	return float64(count.Load()) / duration.Seconds(), nil
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

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}
