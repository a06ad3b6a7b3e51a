package graph

import (
	"encoding/base64"
	"strconv"
	"time"

	"github.com/noetl/noetl-catalog/graph/scalar"
)

const hexDigits = "0123456789ABCDEF"

// appendText writes a text as gqlgen does.
func appendText(buf []byte, text string) []byte {
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

func appendOptional(buf []byte, text *string) []byte {
	if text == nil {
		return append(buf, "null"...)
	}
	return appendText(buf, *text)
}

func appendInt[N int | int32](buf []byte, n N) []byte {
	return strconv.AppendInt(buf, int64(n), 10)
}

func appendTime(buf []byte, t time.Time) []byte { return scalar.AppendDateTime(buf, t) }

// appendJSON writes JSON as PostgreSQL stores it.
func appendJSON(buf, text []byte) []byte {
	if text == nil {
		return append(buf, "null"...)
	}
	return append(buf, text...)
}

// appendID writes a global id, as model's functions make it.
func appendID(buf []byte, kind string, key ...string) []byte {
	buf = append(buf, '"')
	raw := append(append(make([]byte, 0, 128), kind...), ':')
	for i, part := range key {
		if i > 0 {
			raw = append(raw, 0)
		}
		raw = append(raw, part...)
	}
	return append(base64.RawURLEncoding.AppendEncode(buf, raw), '"')
}
