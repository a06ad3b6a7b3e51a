package rows

import (
	"encoding/binary"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// Row is a row of a query.
type Row struct {
	fields []pgconn.FieldDescription
	values [][]byte
	types  *pgtype.Map
	memory *memory
	// texts holds the previous text of each column. Rows are sorted, so a text
	// often equals that of the previous row.
	texts []string
	err   error
}

// Text is a column of type text; empty if it is null. It shares its memory with
// the texts of other rows: clone it to keep it for long.
func (r *Row) Text(i int) string {
	if value := r.values[i]; r.texts[i] != string(value) {
		kept := r.keep(value)
		r.texts[i] = unsafe.String(unsafe.SliceData(kept), len(kept)) //nolint:gosec // nothing writes there before memory.reset
	}
	return r.texts[i]
}

// keep copies a value into a block shared by several rows.
func (r *Row) keep(value []byte) []byte {
	size := 0
	if r.memory.block == nil { // this may be the only row
		for _, value := range r.values {
			size += len(value)
		}
	}
	return r.memory.keep(value, size)
}

// OptionalText is a column of type text; nil if it is null.
func (r *Row) OptionalText(i int) *string {
	if r.values[i] == nil {
		return nil
	}
	text := r.memory.optional.next()
	*text = r.Text(i)
	return text
}

// JSON is a column of type jsonb, as PostgreSQL writes it; nil if it is null.
// It shares memory as Text does.
func (r *Row) JSON(i int) []byte {
	value := r.values[i]
	if value == nil {
		return nil
	}
	if r.fields[i].Format == pgtype.BinaryFormatCode {
		value = value[1:] // after the version of the format
	}
	return r.keep(value)
}

// Int32 is a column of type integer that is not null.
func (r *Row) Int32(i int) int32 {
	if value := r.values[i]; r.fields[i].Format == pgtype.BinaryFormatCode && len(value) == 4 {
		return int32(binary.BigEndian.Uint32(value)) //nolint:gosec // same bits
	}
	return scan[int32](r, i)
}

// Int64 is a column of type bigint that is not null.
func (r *Row) Int64(i int) int64 { return scan[int64](r, i) }

// Bool is a column of type boolean that is not null.
func (r *Row) Bool(i int) bool { return scan[bool](r, i) }

// epoch is PostgreSQL's, 2000-01-01, in microseconds of Unix.
const epoch = 946_684_800_000_000

// Time is a column of type timestamptz that is not null; in UTC.
func (r *Row) Time(i int) time.Time {
	if value := r.values[i]; r.fields[i].Format == pgtype.BinaryFormatCode && len(value) == 8 {
		microseconds := int64(binary.BigEndian.Uint64(value))               //nolint:gosec // same bits
		if microseconds != math.MinInt64 && microseconds != math.MaxInt64 { // scan refuses the infinities
			return time.UnixMicro(microseconds + epoch).UTC()
		}
	}
	return scan[time.Time](r, i).UTC()
}

// scan decodes values in the text format, which the database URL can select.
func scan[T any](r *Row, i int) (value T) {
	if err := r.types.Scan(r.fields[i].DataTypeOID, r.fields[i].Format, r.values[i], &value); err != nil && r.err == nil {
		r.err = fmt.Errorf("read column %s: %w", r.fields[i].Name, err)
	}
	return value
}
