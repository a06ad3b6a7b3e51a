package stream

import (
	"encoding/base64"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Cursor is a position in the log: everything up to Position has been seen, and
// so have the positions of Seen beyond it. Clients hold it as opaque text.
type Cursor struct {
	// Stream is the log's identity: it changes with the database, and when the
	// history is discarded.
	Stream   string
	Position int64
	// Seen are positions that were assigned to events after a list had shown them,
	// beyond positions of events that the list did not show. They are in order,
	// without overlap, and nearly always empty.
	Seen []Span
}

// Span is the positions from First to Last.
type Span struct{ First, Last int64 }

// maxCursor is the longest text of a cursor, in bytes.
const maxCursor = 64 << 10

// String is the cursor as clients hold it: base64url of
// v1:<stream>:<position>, with :<first>-<last>,… for what has been seen beyond.
func (c Cursor) String() string {
	text := make([]byte, 0, 64)
	text = append(text, "v1:"...)
	text = append(text, c.Stream...)
	text = append(text, ':')
	text = strconv.AppendInt(text, c.Position, 10)
	separator := byte(':')
	for _, span := range c.Seen {
		text = append(text, separator)
		text = strconv.AppendInt(text, span.First, 10)
		text = append(text, '-')
		text = strconv.AppendInt(text, span.Last, 10)
		separator = ','
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// ParseCursor reads a cursor that a client sent as an argument. It accepts only
// what String writes: a part that does not parse is read as zero, which String
// writes otherwise.
func ParseCursor(argument, text string) (Cursor, error) {
	refused := fault.Input(argument, "is not a cursor of an event stream")
	if len(text) > maxCursor {
		return Cursor{}, refused
	}
	decoded, _ := base64.RawURLEncoding.DecodeString(text)
	_, rest, _ := strings.Cut(string(decoded), ":")
	stream, rest, _ := strings.Cut(rest, ":")
	position, seen, _ := strings.Cut(rest, ":")
	id, _ := uuid.Parse(stream)
	cursor := Cursor{Stream: id.String(), Position: parsePosition(position)}
	if seen != "" {
		for text := range strings.SplitSeq(seen, ",") {
			first, last, _ := strings.Cut(text, "-")
			span := Span{parsePosition(first), parsePosition(last)}
			if span.First <= cursor.last() || span.Last < span.First {
				return Cursor{}, refused
			}
			cursor.Seen = append(cursor.Seen, span)
		}
	}
	if cursor.String() != text {
		return Cursor{}, refused
	}
	return cursor, nil
}

func parsePosition(text string) int64 {
	position, _ := strconv.ParseUint(text, 10, 63)
	return int64(position) //nolint:gosec // of 63 bits
}

// last is the highest position that has been seen.
func (c *Cursor) last() int64 {
	if n := len(c.Seen); n > 0 {
		return c.Seen[n-1].Last
	}
	return c.Position
}

// has reports whether the event at a position beyond the cursor's own has been
// seen.
func (c *Cursor) has(position int64) bool {
	return slices.ContainsFunc(c.Seen, func(span Span) bool { return span.First <= position && position <= span.Last })
}

// advance moves the cursor to a position and removes the spans before it.
func (c *Cursor) advance(position int64) {
	c.Position = position
	for len(c.Seen) > 0 && c.Seen[0].Last <= position {
		c.Seen = c.Seen[1:]
	}
	if len(c.Seen) > 0 && c.Seen[0].First <= position {
		rest := slices.Clone(c.Seen)
		rest[0].First = position + 1
		c.Seen = rest
	}
}

// spansOf joins positions, in rising order, into spans.
func spansOf(positions []int64) []Span {
	var spans []Span
	for _, position := range positions {
		if last := len(spans) - 1; last >= 0 && spans[last].Last == position-1 {
			spans[last].Last = position
			continue
		}
		spans = append(spans, Span{position, position})
	}
	return spans
}
