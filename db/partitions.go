package db

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/noetl/noetl-catalog/sqlc"
)

// monthsAhead is how many months of partitions exist beyond this one.
const monthsAhead = 3

// EnsurePartitions makes the partitions of event that are missing, to three
// months ahead, and returns how many it made. A partition that was attached by
// hand without our triggers gets them, and its rows their position in the log.
func EnsurePartitions(ctx context.Context, connection sqlc.DBTX) (int, error) {
	queries := sqlc.New(connection)
	made, err := queries.EnsurePartitions(ctx, monthsAhead)
	if err != nil {
		return 0, fmt.Errorf("make partitions of event: %w", err)
	}
	guarded, err := queries.GuardPartitions(ctx)
	if err != nil {
		return 0, fmt.Errorf("guard the partitions of event: %w", err)
	}
	if guarded > 0 {
		if _, err := Reconcile(ctx, connection); err != nil {
			return 0, err
		}
	}
	return int(made), nil
}

// Reconcile takes into the log the events that came in while triggers were off
// (a restore, replication), and returns how many. It reads the whole of event.
func Reconcile(ctx context.Context, connection sqlc.DBTX) (int64, error) {
	adopted, err := sqlc.New(connection).Reconcile(ctx)
	if err != nil {
		return 0, fmt.Errorf("reconcile the event log: %w", err)
	}
	return adopted, nil
}

// RenewStream gives the event log another identity: every cursor handed out so
// far is refused with STREAM_CHANGED. A database that has gone back to an older
// backup gives positions to other events than before.
func RenewStream(ctx context.Context, connection sqlc.DBTX) error {
	if err := sqlc.New(connection).RenewStream(ctx); err != nil {
		return fmt.Errorf("renew the event log's stream: %w", err)
	}
	return nil
}

// KeepPartitions makes partitions once a day until the context ends. With
// three months in hand a failed day is only worth a warning.
func KeepPartitions(ctx context.Context, connection sqlc.DBTX, logger *slog.Logger) error {
	daily := time.NewTicker(24 * time.Hour)
	defer daily.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-daily.C:
		}
		made, err := EnsurePartitions(ctx, connection)
		switch {
		case err != nil:
			logger.WarnContext(ctx, "could not make partitions ahead; trying again tomorrow", "error", err)
		case made > 0:
			logger.InfoContext(ctx, "made partitions of event", "count", made)
		}
	}
}
