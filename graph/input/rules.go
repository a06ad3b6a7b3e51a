package input

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
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
	var literals map[int]string
	observers.OnValue(func(_ *core.Walker, value *ast.Value) {
		suspect := value.Kind == ast.StringValue && strings.ContainsRune(value.Raw, utf8.RuneError)
		if value.Kind != ast.BlockValue && !suspect {
			return
		}
		if literals == nil {
			literals = stringLiterals(value.Position.Src)
		}
		literal := literals[value.Position.Start]
		if value.Kind == ast.BlockValue {
			value.Raw = blockStringValue(rawBlock.Replace(literal[3 : len(literal)-3]))
		} else if hasHalfPair(literal) {
			addError(core.Message("half a surrogate pair stands in a text"), core.At(value.Position))
		}
	})
}

// rawBlock converts the source of a block string to its raw value.
var rawBlock = strings.NewReplacer(`\"""`, `"""`, "\r\n", "\n", "\r", "\n")

// hasHalfPair reports whether a string literal has half a surrogate pair.
func hasHalfPair(literal string) bool {
	half, high := false, false // high: the previous escape is the first half of a pair
	for at := 0; at < len(literal); {
		code := uint64(0)
		switch rest := literal[at:]; {
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
	return half || high
}

// stringLiterals returns the string literals of a document that gqlparser has
// parsed, by the offset of their first character, in characters.
func stringLiterals(source *ast.Source) map[int]string {
	literals := map[int]string{}
	rest, at := source.Input, 0
	take := func(end int) string {
		length := 0
		for ; at < end; at++ {
			_, width := utf8.DecodeRuneInString(rest[length:])
			length += width
		}
		taken := rest[:length]
		rest = rest[length:]
		return taken
	}
	for tokens := lexer.New(source); ; {
		token, err := tokens.ReadToken()
		if err != nil || token.Kind == lexer.EOF {
			return literals
		}
		if token.Kind != lexer.String && token.Kind != lexer.BlockString {
			continue
		}
		take(token.Pos.Start)
		literal := take(token.Pos.End)
		if more := len(rest) - len(strings.TrimLeft(rest, `"`)); more > 0 && token.Kind == lexer.BlockString {
			// Of more than three quotes, the last three close the string. The end
			// of the token is that of the first three.
			literal += rest[:more]
		}
		literals[token.Pos.Start] = literal
	}
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
