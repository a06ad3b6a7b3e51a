package input

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/noetl/noetl-catalog/graph/scalar"
)

// Rules returns gqlparser's rules, those of scalar.ExactNumbers, and rules that
// gqlparser lacks for literals. Rules that change a value run before those that
// compare it with another.
func Rules() *rules.Rules {
	all := scalar.ExactNumbers()
	all.AddRule("ExactStrings", exactStrings)
	all.AddRule("IntRange", intRange)
	all.AddRule("DeferByDefault", deferByDefault)
	all.AddRule("LiteralLabels", literalLabels)
	return all
}

// intRange rejects whole numbers of more than 32 bits for an Int. gqlparser rejects
// those of more than 64.
func intRange(observers *core.Events, addError core.AddErrFunc) {
	observers.OnValue(func(_ *core.Walker, value *ast.Value) {
		if value.Kind != ast.IntValue || value.Definition == nil || value.Definition.Name != "Int" {
			return
		}
		_, err := strconv.ParseInt(value.Raw, 10, 32)
		if _, long := strconv.ParseInt(value.Raw, 10, 64); errors.Is(err, strconv.ErrRange) && long == nil {
			addError(core.Message("Int cannot represent non 32-bit signed integer value: %s", value.Raw), core.At(value.Position))
		}
	})
}

// exactStrings gives block strings the value that the specification defines.
// gqlparser includes the first line, right after the quotes, in the common
// indent, so that a YAML text that begins there keeps the document's
// indentation. It rejects half a surrogate pair, as in JSON; gqlparser replaces
// it by U+FFFD.
func exactStrings(observers *core.Events, addError core.AddErrFunc) {
	var source *stringLiterals
	observers.OnValue(func(_ *core.Walker, value *ast.Value) {
		suspect := value.Kind == ast.StringValue && strings.ContainsRune(value.Raw, utf8.RuneError)
		if value.Kind != ast.BlockValue && !suspect {
			return
		}
		if source == nil {
			source = readStrings(value.Position.Src.Input)
		}
		if value.Kind == ast.BlockValue {
			value.Raw = blockStringValue(source.blocks[value.Position.Start])
		} else if source.halves[value.Position.Start] {
			addError(core.Message("half a surrogate pair stands in a text"), core.At(value.Position))
		}
	})
}

// stringLiterals are string literals of a document, by the offset of their first
// character, in characters, as gqlparser counts.
type stringLiterals struct {
	// blocks are the raw values of block strings: the text between the quotes,
	// with \""" as """, and LF for each end of a line.
	blocks map[int]string
	// halves are strings with half a surrogate pair.
	halves map[int]bool
}

// readStrings reads a document that gqlparser has parsed.
func readStrings(text string) *stringLiterals {
	found := &stringLiterals{blocks: map[int]string{}, halves: map[int]bool{}}
	characters := 0
	for len(text) > 0 {
		_, length := utf8.DecodeRuneInString(text)
		switch {
		case text[0] == '#':
			length = endOfLine(text)
		case strings.HasPrefix(text, `"""`):
			var raw string
			raw, length = readBlock(text)
			found.blocks[characters] = raw
		case text[0] == '"':
			var half bool
			half, length = readString(text)
			if half {
				found.halves[characters] = true
			}
		}
		characters += utf8.RuneCountInString(text[:length])
		text = text[length:]
	}
	return found
}

func endOfLine(text string) int {
	if end := strings.IndexAny(text, "\r\n"); end >= 0 {
		return end
	}
	return len(text)
}

// readBlock reads the block string at the start of a text. Of more than three
// quotes, the last three close it, as in gqlparser.
func readBlock(text string) (raw string, length int) {
	var out strings.Builder
	at := len(`"""`)
	for at < len(text) {
		rest := text[at:]
		switch {
		case strings.HasPrefix(rest, `\"""`):
			out.WriteString(`"""`)
			at += len(`\"""`)
		case strings.HasPrefix(rest, `"""`):
			quotes := len(rest) - len(strings.TrimLeft(rest, `"`))
			out.WriteString(rest[len(`"""`):quotes])
			return out.String(), at + quotes
		case rest[0] == '\r':
			out.WriteByte('\n')
			at++
			if strings.HasPrefix(rest, "\r\n") {
				at++
			}
		default:
			out.WriteByte(rest[0])
			at++
		}
	}
	return out.String(), at
}

// readString reads the string at the start of a text, and reports whether it has
// half a surrogate pair.
func readString(text string) (half bool, length int) {
	high := false // the previous escape is the first half of a pair
	at := 1
	for at < len(text) && text[at] != '"' {
		code := uint64(0)
		switch rest := text[at:]; {
		case strings.HasPrefix(rest, `\u`) && !strings.HasPrefix(rest, `\u{`):
			code, _ = strconv.ParseUint(rest[2:6], 16, 16)
			at += 6
		case rest[0] == '\\':
			at += 2
		default:
			at++
		}
		low := 0xdc00 <= code && code <= 0xdfff
		half = half || high != low
		high = 0xd800 <= code && code <= 0xdbff
	}
	return half || high, at + 1
}

// blockStringValue is the specification's algorithm of that name (section
// 2.9.4, String Value).
func blockStringValue(raw string) string {
	lines := strings.Split(raw, "\n")
	indent := len(raw)
	for _, line := range lines[1:] {
		if !blank(line) {
			indent = min(indent, indentOf(line))
		}
	}
	for i, line := range lines[1:] {
		lines[1+i] = line[min(indent, len(line)):]
	}
	for len(lines) > 0 && blank(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && blank(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

func blank(line string) bool { return indentOf(line) == len(line) }
