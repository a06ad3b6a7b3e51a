package db

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/sqlc"
)

// mergeSize is how many rows are merged in one transaction.
const mergeSize = 10_000

// mergeFolders counts the paths that registrations have added in their folders, so
// that reading a count stays cheap.
func mergeFolders(ctx context.Context, pool *Pool) error {
	for {
		merged, err := sqlc.New(pool).MergeFolders(ctx, mergeSize)
		if err != nil {
			return fmt.Errorf("merge the counts of folders: %w", err)
		}
		if merged < mergeSize {
			return nil
		}
	}
}
