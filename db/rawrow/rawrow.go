// Package rawrow reads the rows of sqlc's queries without the struct that sqlc
// makes of each: lists of hundreds of rows are decoded straight into what the
// callers keep, with few allocations for all their texts.
package rawrow

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/noetl/noetl-catalog/sqlc"
)

// Each runs one :many query of sqlc's, which then returns no rows of its own:
// use is called for each row in its place. The row is use's until it returns.
// Each fails where the columns of the query have other names than those given.
func Each(database sqlc.DBTX, columns []string, run func(*sqlc.Queries) error, use func(*Row)) error {
	return run(sqlc.New(&tap{DBTX: database, columns: columns, use: use}))
}

type tap struct {
	sqlc.DBTX
	columns []string
	use     func(*Row)
}

func (t *tap) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	rows, err := t.DBTX.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	row := &Row{}
	for rows.Next() {
		if row.fields == nil {
			row.fields = rows.FieldDescriptions()
			if err := checkNames(row.fields, t.columns); err != nil {
				rows.Close()
				return nil, err
			}
			row.types = rows.Conn().TypeMap()
			row.texts = make([]string, len(row.fields))
		}
		row.values = rows.RawValues()
		t.use(row)
		if row.err != nil {
			rows.Close()
			return nil, row.err
		}
	}
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
	// texts are what Text made of each column last. Rows come sorted, so that
	// many a text is that of the row before.
	texts    []string
	block    strings.Builder
	optional Slab[string]
	err      error
}

// Slab makes values that are kept together: fewer allocations, and no copies.
type Slab[T any] struct{ free []T }

// Next is a new value.
func (s *Slab[T]) Next() *T {
	if len(s.free) == cap(s.free) {
		s.free = make([]T, 0, min(max(2*cap(s.free), 1), 64))
	}
	s.free = s.free[:len(s.free)+1]
	return &s.free[len(s.free)-1]
}

// maxBlock is the most, in bytes, that the texts of several rows take together.
const maxBlock = 8 << 10

// Text is a column of type text; empty where it is null. It shares its memory
// with the texts of other rows: what is kept for long is cloned.
func (r *Row) Text(i int) string {
	if value := r.values[i]; r.texts[i] != string(value) {
		r.texts[i] = r.keep(value)
	}
	return r.texts[i]
}

// keep copies a text into a block that holds those of several rows.
func (r *Row) keep(value []byte) string {
	if r.block.Cap()-r.block.Len() < len(value) {
		size := min(2*r.block.Cap(), maxBlock)
		if r.block.Cap() == 0 { // there may be no other row
			for i, value := range r.values {
				if r.fields[i].DataTypeOID == pgtype.TextOID {
					size += len(value)
				}
			}
		}
		r.block = strings.Builder{}
		r.block.Grow(max(size, len(value)))
	}
	start := r.block.Len()
	r.block.Write(value)
	return r.block.String()[start:]
}

// OptionalText is a column of type text; nil where it is null.
func (r *Row) OptionalText(i int) *string {
	if r.values[i] == nil {
		return nil
	}
	text := r.optional.Next()
	*text = r.Text(i)
	return text
}

// JSON is a column of type jsonb, as PostgreSQL writes it; nil where it is null.
func (r *Row) JSON(i int) []byte {
	value := r.values[i]
	if value != nil && r.fields[i].Format == pgtype.BinaryFormatCode {
		value = value[1:] // behind the version of the format
	}
	return bytes.Clone(value)
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
