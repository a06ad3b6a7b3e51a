package pagination

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Place is where an item stands in a sorted list: by number, then by key. The
// number is a revision, or a time in microseconds.
type Place struct {
	Number int64
	Key    string
}

// At returns the place of something sorted by time and then by key.
func At(t time.Time, key string) Place {
	return Place{Number: t.UnixMicro(), Key: key}
}

// Time returns the place's number as a time.
func (p *Place) Time() time.Time { return time.UnixMicro(p.Number).UTC() }

// successor returns the least place after p. No text in PostgreSQL holds a zero
// byte, so nothing lies between a key and the key with \x01 behind it.
func (p *Place) successor() *Place {
	if p == nil {
		return nil
	}
	return &Place{Number: p.Number, Key: p.Key + "\x01"}
}

func (p Place) encode(kind string) string {
	raw := append(append(make([]byte, 0, 128), kind...), ':')
	raw = append(append(strconv.AppendInt(raw, p.Number, 10), ':'), p.Key...)
	return string(base64.RawURLEncoding.AppendEncode(make([]byte, 0, 192), raw))
}

// maxCursor is far beyond the longest cursor that encode makes.
const maxCursor = 4096

func decode(kind, argument string, cursor *string) (*Place, error) {
	if cursor == nil {
		return nil, nil
	}
	invalid := fault.Input(argument, "is not a cursor of this list")
	if len(*cursor) > maxCursor {
		return nil, invalid
	}
	raw, err := base64.RawURLEncoding.DecodeString(*cursor)
	if err != nil {
		return nil, invalid
	}
	rest, ofKind := strings.CutPrefix(string(raw), kind+":")
	number, key, complete := strings.Cut(rest, ":")
	n, err := strconv.ParseInt(number, 10, 64)
	if !ofKind || !complete || err != nil || !utf8.ValidString(key) || strings.ContainsRune(key, 0) {
		return nil, invalid
	}
	if n < minTime || n > maxTime || (kind == Revisions && (n < 0 || n > math.MaxInt32)) {
		return nil, invalid
	}
	return &Place{Number: n, Key: key}, nil
}

// Revisions is the kind of a list sorted by revision.
const Revisions = "revision"

// What PostgreSQL holds as a timestamp and more: the years -4000 to 9999.
var (
	minTime = time.Date(-4000, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	maxTime = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMicro()
)
