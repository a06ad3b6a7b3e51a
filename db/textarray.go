package db

import (
	"context"
	"encoding/binary"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// textArrays sends the []string of nearly every statement in one go: pgx looks
// at its texts one by one, each as an interface value of its own.
type textArrays struct{ *pgtype.ArrayCodec }

func sendTextArrays(_ context.Context, connection *pgx.Conn) error {
	types := connection.TypeMap()
	if known, ok := types.TypeForOID(pgtype.TextArrayOID); ok {
		if arrays, ok := known.Codec.(*pgtype.ArrayCodec); ok {
			types.RegisterType(&pgtype.Type{Name: known.Name, OID: known.OID, Codec: textArrays{arrays}})
		}
	}
	return nil
}

func (c textArrays) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.([]string); ok && format == pgtype.BinaryFormatCode {
		return encodeTexts{}
	}
	return c.ArrayCodec.PlanEncode(m, oid, format, value)
}

type encodeTexts struct{}

// Encode appends an array as PostgreSQL's array_recv reads it: dimensions, a
// flag for nulls, the type of the elements, and for the one dimension its
// length and lower bound.
func (encodeTexts) Encode(value any, buf []byte) ([]byte, error) {
	texts := value.([]string) //nolint:forcetypeassert // PlanEncode has looked
	if texts == nil {
		return nil, nil // NULL
	}
	put := binary.BigEndian.AppendUint32
	dimensions := min(len(texts), 1)
	buf = put(put(put(buf, uint32(dimensions)), 0), pgtype.TextOID)
	if dimensions == 0 {
		return buf, nil
	}
	buf = put(put(buf, uint32(len(texts))), 1)
	for _, text := range texts {
		buf = append(put(buf, uint32(len(text))), text...)
	}
	return buf, nil
}
