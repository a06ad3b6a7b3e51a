// Package detached is for work that must come to its end although the one that
// asked for it has gone: a context that does not end, under which statements do.
//
//	ctx = detached.From(ctx)             // for gqlgen, which would lose count
//	rows, err := detached.Of(pool).Query(ctx, sql)  // ends with the ctx above
package detached

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db/customplan"
)

type originKey struct{}

// From is a context with the values of ctx that does not end.
func From(ctx context.Context) context.Context {
	return context.WithValue(context.WithoutCancel(ctx), originKey{}, ctx)
}

// Statement is the context for a statement under ctx: it ends with the context
// that From was given, where there is one.
func Statement(ctx context.Context) context.Context {
	origin, ok := ctx.Value(originKey{}).(context.Context)
	// A context with a deadline of its own, such as that of a wait, ends soon.
	if !ok || ctx.Done() != nil && origin.Err() == nil {
		return ctx
	}
	return statement{ctx, origin}
}

type statement struct {
	context.Context
	origin context.Context
}

func (s statement) Deadline() (time.Time, bool) { return s.origin.Deadline() }
func (s statement) Done() <-chan struct{}       { return s.origin.Done() }
func (s statement) Err() error                  { return s.origin.Err() }

// Of is a database whose statements run under the context of Statement.
func Of(database customplan.Database) customplan.Database { return statements{database} }

type statements struct{ database customplan.Database }

func (s statements) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return s.database.Exec(Statement(ctx), sql, args...)
}

func (s statements) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.database.Query(Statement(ctx), sql, args...)
}

func (s statements) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.database.QueryRow(Statement(ctx), sql, args...)
}

func (s statements) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	return s.database.SendBatch(Statement(ctx), batch)
}
