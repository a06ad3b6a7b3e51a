package fault

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// Position returns the line and column, both from 1, of the character that
// follows before. A column is a character (code point), as editors count.
func Position(before []byte) (line, column int) {
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// maxExcerpt is the most bytes of the caller's text that a message quotes.
const maxExcerpt = 48

// Excerpt quotes the caller's text for a message: its beginning only, and with
// control characters escaped.
func Excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return strconv.Quote(text)
	}
	cut := maxExcerpt
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}
