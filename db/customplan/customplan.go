// Package customplan runs statements with a plan made for their arguments.
//
// The pool's sessions (db.Open) plan a statement once, for any arguments, which
// is what reading by key and walking an index need: planning costs more than
// running it. Such a plan cannot know that one filter matches half of a table
// and the next a single row; where that decides about the index, a statement
// runs through this package.
package customplan

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/sqlc"
)

// Database is a pool, a connection or a transaction.
type Database interface {
	sqlc.DBTX
	SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults
}

// Of returns a database whose statements are planned at each call, for their
// arguments.
func Of(database Database) sqlc.DBTX { return planner{database} }

type planner struct{ database Database }

// setCustomPlan lasts until the end of the transaction: that of the batch, unless there is one
// around it. It costs no round trip.
const setCustomPlan = "SELECT set_config('plan_cache_mode', 'force_custom_plan', true)"

func (p planner) send(ctx context.Context, sql string, args []any) (pgx.BatchResults, error) {
	batch := &pgx.Batch{}
	batch.Queue(setCustomPlan)
	batch.Queue(sql, args...)
	results := p.database.SendBatch(ctx, batch)
	if _, err := results.Exec(); err != nil {
		_ = results.Close()
		return nil, err
	}
	return results, nil
}

func (p planner) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	results, err := p.send(ctx, sql, args)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closing := results.Close(); err == nil {
		err = closing
	}
	return tag, err
}

func (p planner) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	results, err := p.send(ctx, sql, args)
	if err != nil {
		return nil, err
	}
	found, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return rows{found, results}, nil
}

func (p planner) QueryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	found, err := p.Query(ctx, sql, args...)
	return row{found, err}
}

// rows are the last of a batch, which ends with them.
type rows struct {
	pgx.Rows
	results pgx.BatchResults
}

func (r rows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // its error is that of Rows.Err
}

type row struct {
	rows pgx.Rows
	err  error
}

func (r row) Scan(into ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return pgx.ErrNoRows
	}
	if err := r.rows.Scan(into...); err != nil {
		return err
	}
	r.rows.Close()
	return r.rows.Err()
}
