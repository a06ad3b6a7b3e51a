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
// months ahead, and returns how many it made.
func EnsurePartitions(ctx context.Context, connection sqlc.DBTX) (int, error) {
	made, err := sqlc.New(connection).EnsurePartitions(ctx, monthsAhead)
	if err != nil {
		return 0, fmt.Errorf("make partitions of event: %w", err)
	}
	return int(made), nil
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
