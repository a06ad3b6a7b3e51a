package plan

import (
	"bytes"
	"io"

	"github.com/99designs/gqlgen/graphql"
)

const hexDigits = "0123456789ABCDEF"

// AppendString appends a JSON string with the escapes of gqlgen.
func AppendString(buf []byte, text string) []byte {
	buf = append(buf, '"')
	start := 0
	for i := range len(text) {
		c := text[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		buf = append(buf, text[start:i]...)
		start = i + 1
		switch c {
		case '\t':
			buf = append(buf, '\\', 't')
		case '\r':
			buf = append(buf, '\\', 'r')
		case '\n':
			buf = append(buf, '\\', 'n')
		case '\\', '"':
			buf = append(buf, '\\', c)
		default:
			buf = append(buf, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xf])
		}
	}
	return append(append(buf, text[start:]...), '"')
}

// AppendPointer appends the value that a pointer refers to; nil is null.
func AppendPointer[V any](buf []byte, pointer *V, value func(buf []byte, v V) ([]byte, bool)) ([]byte, bool) {
	if pointer == nil {
		return buf, false
	}
	return value(buf, *pointer)
}

// AppendList appends a list of scalars. A nil list is null if it is nullable, and
// otherwise empty.
func AppendList[V any](buf []byte, list []V, nullable bool, value func(buf []byte, v V) ([]byte, bool)) ([]byte, bool) {
	if list == nil && nullable {
		return buf, false
	}
	start := len(buf)
	buf = append(buf, '[')
	for i, v := range list {
		if i > 0 {
			buf = append(buf, ',')
		}
		var ok bool
		if buf, ok = value(buf, v); !ok {
			return buf[:start], false
		}
	}
	return append(buf, ']'), true
}

// AppendMarshaler appends a scalar that has no Append function.
func AppendMarshaler(buf []byte, value graphql.Marshaler) ([]byte, bool) {
	out := bytes.NewBuffer(buf)
	value.MarshalGQL(out)
	if bytes.Equal(out.Bytes()[len(buf):], []byte("null")) {
		return buf, false
	}
	return out.Bytes(), true
}

// marshaled is JSON. It implements graphql.Marshaler.
type marshaled []byte

func (m marshaled) MarshalGQL(w io.Writer) { _, _ = w.Write(m) }
