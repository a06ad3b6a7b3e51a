package eventlog

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/sqlc"
)

// plannedPerCall runs statements without a name, so that PostgreSQL plans each
// call for its arguments. A prepared statement gets a generic plan after five
// calls, which cannot know that one filter matches half of the log and the
// next a single event.
type plannedPerCall struct{ db sqlc.DBTX }

func (p plannedPerCall) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return p.db.Exec(ctx, sql, unnamed(args)...)
}

func (p plannedPerCall) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return p.db.Query(ctx, sql, unnamed(args)...)
}

func (p plannedPerCall) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return p.db.QueryRow(ctx, sql, unnamed(args)...)
}

func unnamed(args []any) []any {
	return append([]any{pgx.QueryExecModeCacheDescribe}, args...)
}
