// Package rawrow reads the rows of sqlc's queries without the struct that sqlc
// makes of each: lists of hundreds of rows are decoded straight into what the
// callers keep, with few allocations for all their texts.
package rawrow

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/noetl/noetl-catalog/sqlc"
)

// Each runs one :many query of sqlc's, which then returns no rows of its own:
// use is called for each row in its place. The row is use's until it returns,
// and what it has taken of the row lies in memory.
// Each fails where the columns of the query have other names than those given.
func Each(memory *Memory, database sqlc.DBTX, columns []string, run func(*sqlc.Queries) error, use func(*Row)) error {
	return run(sqlc.New(&tap{DBTX: database, memory: memory, columns: columns, use: use}))
}

type tap struct {
	sqlc.DBTX
	memory  *Memory
	columns []string
	use     func(*Row)
}

func (t *tap) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.DBTX.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	read := false
	defer func() { // where use panics, too: the connection must go back to the pool
		if !read {
			rows.Close()
		}
	}()
	row := &t.memory.row
	*row = Row{memory: t.memory, texts: row.texts}
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
		t.use(row)
		if row.err != nil {
			return nil, row.err
		}
	}
	read = true
	return rows, nil // none are left, and Err tells whether all have come
}

// Cut cuts rows that came parent by parent into a list for each of so many
// parents; parents are the places, from 0, of the rows' own.
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

// Row is a row of a query.
type Row struct {
	fields []pgconn.FieldDescription
	values [][]byte
	types  *pgtype.Map
	memory *Memory
	// texts are what Text made of each column last. Rows come sorted, so that
	// many a text is that of the row before.
	texts []string
	err   error
}

// Text is a column of type text; empty where it is null. It shares its memory
// with the texts of other rows: what is kept for long is cloned.
func (r *Row) Text(i int) string {
	if value := r.values[i]; r.texts[i] != string(value) {
		kept := r.keep(value)
		r.texts[i] = unsafe.String(unsafe.SliceData(kept), len(kept)) //nolint:gosec // nothing writes there before Memory.Reset
	}
	return r.texts[i]
}

// keep copies a value into a block that holds those of several rows.
func (r *Row) keep(value []byte) []byte {
	size := 0
	if r.memory.block == nil { // there may be no other row
		for _, value := range r.values {
			size += len(value)
		}
	}
	return r.memory.keep(value, size)
}

// OptionalText is a column of type text; nil where it is null.
func (r *Row) OptionalText(i int) *string {
	if r.values[i] == nil {
		return nil
	}
	text := r.memory.optional.Next()
	*text = r.Text(i)
	return text
}

// JSON is a column of type jsonb, as PostgreSQL writes it; nil where it is null.
// Its memory is as Text's.
func (r *Row) JSON(i int) []byte {
	value := r.values[i]
	if value == nil {
		return nil
	}
	if r.fields[i].Format == pgtype.BinaryFormatCode {
		value = value[1:] // behind the version of the format
	}
	return r.keep(value)
}

// Int32 is a column of type integer that is not null.
func (r *Row) Int32(i int) int32 {
	if value := r.values[i]; r.fields[i].Format == pgtype.BinaryFormatCode && len(value) == 4 {
		return int32(binary.BigEndian.Uint32(value)) //nolint:gosec // the bits of one
	}
	return scan[int32](r, i)
}

// epoch is PostgreSQL's, 2000-01-01, in microseconds of Unix.
const epoch = 946_684_800_000_000

// Time is a column of type timestamptz that is not null; in UTC.
func (r *Row) Time(i int) time.Time {
	if value := r.values[i]; r.fields[i].Format == pgtype.BinaryFormatCode && len(value) == 8 {
		microseconds := int64(binary.BigEndian.Uint64(value))               //nolint:gosec // the bits of one
		if microseconds != math.MinInt64 && microseconds != math.MaxInt64 { // the infinities, which are refused below
			return time.UnixMicro(microseconds + epoch).UTC()
		}
	}
	return scan[time.Time](r, i).UTC()
}

// scan is for what comes as text: the query mode is the database URL's to say.
func scan[T any](r *Row, i int) (value T) {
	if err := r.types.Scan(r.fields[i].DataTypeOID, r.fields[i].Format, r.values[i], &value); err != nil && r.err == nil {
		r.err = fmt.Errorf("read column %s: %w", r.fields[i].Name, err)
	}
	return value
}
