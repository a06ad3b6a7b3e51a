package db

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/sqlc"
)

// monthsAhead is how many months of partitions exist beyond this one.
const monthsAhead = 3

// EnsurePartitions makes the partitions of event that are missing, to three
// months ahead, or attaches their tables again, and returns how many. A partition that
// was attached by hand without our triggers gets them, and its rows their position in
// the log.
func EnsurePartitions(ctx context.Context, connection sqlc.DBTX) (int, error) {
	queries := sqlc.New(connection)
	mended, err := queries.MendPartitions(ctx, monthsAhead)
	if err != nil {
		return 0, fmt.Errorf("make partitions of event: %w", err)
	}
	made := 0
	for _, partition := range mended {
		if partition.Outcome == "made" || partition.Outcome == "attached" {
			made++
		}
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
	return made, nil
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

// checkInterval is how often the partitions are checked: an event that is written in
// plain SQL cannot make the one that it lacks.
const checkInterval = 30 * time.Second

// mendTimeout bounds mending. PostgreSQL reads a table that it attaches.
const mendTimeout = 10 * time.Minute

// KeepPartitions keeps the partitions of event as they must be until the context ends:
// it makes those of months to come once a day, and mends what somebody has dropped or
// detached. It logs tables that it cannot attach. It also merges the counts of folders.
func KeepPartitions(ctx context.Context, pool *Pool, logger *slog.Logger) error {
	return keepPartitions(ctx, pool, logger, checkInterval)
}

func keepPartitions(ctx context.Context, pool *Pool, logger *slog.Logger, interval time.Duration) error {
	checks := time.NewTicker(interval)
	defer checks.Stop()
	made := time.Now()
	var detached []string
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-checks.C:
		}
		if err := mergeFolders(ctx, pool); err != nil {
			logger.WarnContext(ctx, "the counts of folders cannot be merged; trying again", "error", err)
		}
		if err := mergeResourceIndex(ctx, pool); err != nil {
			logger.WarnContext(ctx, "the index of resources cannot be merged; trying again", "error", err)
		}
		status, err := sqlc.New(pool).PartitionStatus(ctx)
		if err == nil && (status.Missing > 0 || status.Unguarded > 0 || time.Since(made) > 24*time.Hour) {
			if err = mend(ctx, pool, logger); err == nil {
				made = time.Now()
				status, err = sqlc.New(pool).PartitionStatus(ctx)
			}
		}
		if err != nil {
			logger.WarnContext(ctx, "the partitions of event cannot be kept; trying again", "error", err)
			continue
		}
		if !slices.Equal(status.Detached, detached) && len(status.Detached) > 0 {
			logger.ErrorContext(ctx, "tables of events are detached, and their events unreadable: attach them to event, drop them, or move them to another schema", "tables", status.Detached)
		}
		detached = status.Detached
	}
}

func mend(ctx context.Context, pool *Pool, logger *slog.Logger) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		if err := sqlc.New(tx).SetStatementTimeout(ctx, strconv.FormatInt(mendTimeout.Milliseconds(), 10)); err != nil {
			return fmt.Errorf("set the timeout: %w", err)
		}
		made, err := EnsurePartitions(ctx, tx)
		if made > 0 {
			logger.InfoContext(ctx, "made or attached partitions of event", "count", made)
		}
		return err
	})
}
