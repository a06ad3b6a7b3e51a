// Package rows reads the rows of sqlc's queries without a sqlc struct for each:
// lists of hundreds of rows are decoded directly into the callers' types, with few
// allocations for all their texts.
package rows

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Reader reads rows of a database. Stores embed it.
type Reader struct {
	// custom runs statements with custom plans.
	database, custom sqlc.DBTX
	// memory is reused by every read; nil if each read has its own.
	memory *memory
}

// NewReader makes a reader over a pool, a connection or a transaction.
func NewReader(database customplan.Database) Reader {
	return Reader{database: database, custom: customplan.Of(database)}
}

// Reusing returns a reader of the same database that reuses its memory: the rows
// it returns are valid until Reset. Unlike other readers, it is not safe for
// concurrent use.
func (r *Reader) Reusing() Reader {
	reusing := *r
	reusing.memory = &memory{}
	return reusing
}

// Reset lets a reader from Reusing reuse its memory.
func (r *Reader) Reset() { r.memory.reset() }

// Plan selects how PostgreSQL plans a statement.
type Plan bool

// The two plans.
const (
	// GenericPlan is made once for any arguments.
	GenericPlan Plan = false
	// CustomPlan is made for the arguments of this call.
	CustomPlan Plan = true
)

// Each runs one :many query of sqlc and calls use with each row; the query itself
// returns no rows. The row is valid until use returns, and the
// values taken from it are in the reader's memory. Each fails if the names of
// the query's columns differ from those given.
func (r *Reader) Each(plan Plan, columns []string, run func(*sqlc.Queries) error, use func(*Row)) error {
	into := &tap{DBTX: r.database, memory: r.memory, columns: columns, use: use}
	if plan == CustomPlan {
		into.DBTX = r.custom
	}
	if into.memory == nil {
		into.memory = &memory{}
	}
	return run(sqlc.New(into))
}

// tap reads the rows of a query before sqlc does.
type tap struct {
	sqlc.DBTX
	memory  *memory
	columns []string
	use     func(*Row)
}

func (t *tap) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.DBTX.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	read := false
	defer func() { // also if use panics: the connection must return to the pool
		if !read {
			rows.Close()
		}
	}()
	row := &t.memory.row
	*row = Row{memory: t.memory, texts: row.texts}
	budget, size := budgetOf(ctx), 0
	for rows.Next() {
		if row.fields == nil {
			row.fields = rows.FieldDescriptions()
			if err := checkNames(row.fields, t.columns); err != nil {
				return nil, err
			}
			row.types = rows.Conn().TypeMap()
			row.texts = append(row.texts[:0], make([]string, len(row.fields))...)
		}
		row.values = rows.RawValues()
		for _, value := range row.values {
			size += len(value) + valueSize
		}
		if budget != nil && size >= chargeAt {
			if err := budget.Hold(size); err != nil {
				return nil, err
			}
			size = 0
		}
		t.use(row)
		if row.err != nil {
			return nil, row.err
		}
	}
	read = true
	if budget != nil && size > 0 {
		if err := budget.Hold(size); err != nil {
			return nil, err
		}
	}
	return rows, nil // all rows are consumed; Err reports whether reading failed
}

// Cut splits rows, sorted by parent, into a list for each of n parents; parents
// holds the index of each row's parent.
func Cut[T any](rows []T, parents []int, n int) [][]T {
	lists := make([][]T, n)
	for begin := 0; begin < len(rows); {
		end := begin + 1
		for end < len(rows) && parents[end] == parents[begin] {
			end++
		}
		lists[parents[begin]] = rows[begin:end:end]
		begin = end
	}
	return lists
}

func checkNames(fields []pgconn.FieldDescription, names []string) error {
	if len(fields) != len(names) {
		return fmt.Errorf("a query has %d columns, not %d", len(fields), len(names))
	}
	for i, name := range names {
		if fields[i].Name != name {
			return fmt.Errorf("column %d of a query is %q, not %q", i, fields[i].Name, name)
		}
	}
	return nil
}
