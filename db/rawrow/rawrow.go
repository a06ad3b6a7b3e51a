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
			row.ends = make([]int, len(row.fields))
		}
		row.set(rows.RawValues())
		t.use(row)
		if row.err != nil {
			rows.Close()
			return nil, row.err
		}
	}
	return rows, nil // none are left, and Err tells whether all have come
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
	// texts are those of the row, one behind the other, cut out of a block that
	// holds those of several rows; ends are where each column's text ends.
	texts    string
	ends     []int
	block    *strings.Builder
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

func (r *Row) set(values [][]byte) {
	r.values = values
	end := 0
	for i, value := range values {
		if r.fields[i].DataTypeOID == pgtype.TextOID {
			end += len(value)
		}
		r.ends[i] = end
	}
	switch {
	case r.block == nil: // there may be no other row
		r.block = &strings.Builder{}
		r.block.Grow(end)
	case r.block.Cap()-r.block.Len() < end:
		size := max(min(2*r.block.Cap(), maxBlock), end)
		r.block = &strings.Builder{}
		r.block.Grow(size)
	}
	start := r.block.Len()
	for i, value := range values {
		if r.fields[i].DataTypeOID == pgtype.TextOID {
			r.block.Write(value)
		}
	}
	r.texts = r.block.String()[start:]
}

// Text is a column of type text; empty where it is null. It shares its memory
// with the texts of other rows: what is kept for long is cloned.
func (r *Row) Text(i int) string {
	return r.texts[r.ends[i]-len(r.values[i]) : r.ends[i]]
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
