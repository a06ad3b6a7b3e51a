package catalog

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/sqlc"
)

// ErrNoPartition means that no partition of event takes an event of this time.
var ErrNoPartition = errors.New("no partition takes an event of this time")

// ErrDetached means that an event has an identity and is in no partition.
var ErrDetached = errors.New("an event is recorded and in no partition")

// mendTries is how often mending is tried: writers that hold locks of other partitions
// may deadlock with it.
const mendTries = 3

// WithPartition runs a statement that writes events. If one of them has no partition,
// which somebody has dropped or detached, or write returns ErrDetached, it mends the
// partitions in a transaction of its own, and runs the statement once more. The error is
// ErrNoPartition if that does not help.
func WithPartition[T any](ctx context.Context, queries *sqlc.Queries, write func() (T, error)) (T, error) {
	written, err := write()
	if !withoutPartition(err) {
		return written, err
	}
	for try := 1; ; try++ {
		// An event may be of tomorrow, and so of the next month.
		_, err := queries.MendPartitions(ctx, 1)
		if err == nil {
			break
		}
		if failure, ok := errors.AsType[*pgconn.PgError](err); try == mendTries || !ok || failure.Code != "40P01" {
			return written, fmt.Errorf("mend the partitions of event: %w", err)
		}
	}
	if written, err = write(); withoutPartition(err) {
		err = fmt.Errorf("%w: %w", ErrNoPartition, err)
	}
	return written, err
}

// withoutPartition reports whether there is no partition for an event. PostgreSQL's code is
// that of a violated check, of which a constraint or refuse_value would say more.
func withoutPartition(err error) bool {
	failure, ok := errors.AsType[*pgconn.PgError](err)
	return errors.Is(err, ErrDetached) || ok && failure.Code == "23514" && failure.TableName == "event" && failure.ConstraintName == "" && failure.ColumnName == ""
}
