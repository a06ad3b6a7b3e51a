package db

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/sqlc"
)

// reconcileSize is how many resources a transaction of ReconcileResources repairs.
const reconcileSize = 1000

// ReconcileResources repairs what lists find resources by, and returns how many
// resources lacked something. It also creates the index of words if the database has got
// pg_trgm since; indexed reports whether that is there.
func ReconcileResources(ctx context.Context, connection sqlc.DBTX) (repaired int, indexed bool, err error) {
	queries := sqlc.New(connection)
	for after := ""; ; {
		batch, err := queries.ReconcileResources(ctx, sqlc.ReconcileResourcesParams{AfterPath: after, AtMost: reconcileSize})
		if err != nil {
			return repaired, false, fmt.Errorf("reconcile the index of resources: %w", err)
		}
		repaired += int(batch.Repaired)
		if batch.LastPath == nil {
			break
		}
		after = *batch.LastPath
	}
	if indexed, err = queries.IndexTrigrams(ctx); err != nil {
		return repaired, false, fmt.Errorf("index the words of resources: %w", err)
	}
	return repaired, indexed, nil
}

// mergeResourceIndex keeps searches fast: the indexes collect what is registered in a
// list that each search reads.
func mergeResourceIndex(ctx context.Context, pool *Pool) error {
	if err := sqlc.New(pool).MergeResourceIndex(ctx); err != nil {
		return fmt.Errorf("merge the index of resources: %w", err)
	}
	return nil
}
