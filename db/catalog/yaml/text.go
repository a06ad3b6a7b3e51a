package yaml

import (
	"regexp"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"

	"github.com/noetl/noetl-catalog/db/fault"
)

// maxEntries bounds the values of one text: the parser takes some 400 bytes for
// each, so 8 MiB of "a,a,a" would take 2 GB.
const maxEntries = 1 << 18

// checkText refuses, before the parser sees them, characters that YAML does not
// allow, those that only the parser takes for line breaks (it turns U+0085 into a
// space), and texts with more values than maxEntries.
func checkText(argument, text string) *fault.Error {
	// Each value but the first of its list or mapping follows one of these, or
	// a chain of indicators as in "- - - a". Commas in prose count as well, so
	// this is an upper bound.
	entries := 0
	var last rune // the last one that is not a blank
	for i, r := range text {
		refuse := func(format string, args ...any) *fault.Error {
			line, column := fault.Position([]byte(text[:i]))
			return fault.At(argument, line, column, format, args...)
		}
		switch {
		case r == ' ', r == '\t':
			continue
		case r == ',', r == '[', r == '{', r == '\n', r == '\r':
			entries++
		case r == '-', r == '?':
			if last == '-' || last == '?' || last == ':' {
				entries++
			}
		case r < ' ', r == 0x7F:
			return refuse("a control character (U+%04X) is not allowed in YAML", r)
		case r < utf8.RuneSelf:
		case r == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)):
			return refuse("the text is not valid UTF-8")
		case r == 0x85, r == 0x2028, r == 0x2029:
			return refuse(`the line separator U+%04X must be written as "\u%04x" in double quotes`, r, r)
		case r < 0xA0, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
			return refuse("the character U+%04X is not allowed in YAML", r)
		}
		last = r
	}
	if entries > maxEntries {
		return fault.New(fault.PayloadTooLarge, argument,
			"may hold more than %d values (commas, brackets and line breaks count); send it as JSON", maxEntries)
	}
	return nil
}

var (
	// directives matches a text's directives, with the comments between them, up
	// to the marker of the document.
	directives    = regexp.MustCompile(`\A(?:(?:%.*|[ \t\r]*(?:#.*)?)\n)*---`)
	directiveName = regexp.MustCompile(`(?m)^%[^ \r\n]*`)
	laterVersion  = regexp.MustCompile(`(?m)^(%YAML [ \t]*1\.)[1-9]`)
)

// forParser changes, without moving any character, the directives that the
// parser refuses and YAML 1.2 has it accept: %YAML 1.2 becomes 1.1 (checkText and
// resolvePlain decide what differs between the two), and a reserved directive
// becomes a comment.
func forParser(text string) string {
	head := directives.FindString(text)
	changed := directiveName.ReplaceAllStringFunc(head, func(name string) string {
		if name == "%TAG" || name == "%YAML" {
			return name
		}
		return "#" + name[1:]
	})
	return laterVersion.ReplaceAllString(changed, "${1}1") + text[len(head):]
}

// The parser refuses two spellings that NoETL's parser takes:
//
//   - a lone dash in a flow collection, as in [tar, -], a string to every
//     parser of YAML 1.1, though YAML 1.2 has no such scalar. A dash before
//     , ] or } is never an indicator: it is part of a scalar, a name or a comment;
//   - a surrogate pair, "\ud83d\ude00", as JSON writes it.
//
// mask replaces these dashes, and the backslashes of what looks like such pairs,
// by private characters, one for one, so that positions stay the same. unmask
// restores them in the nodes, and decodes the pairs of double-quoted scalars.
const (
	noToken         = "found character that cannot start any token"
	noCharacter     = "found invalid Unicode character escape code"
	maskedDash      = "\ue0ad"
	maskedBackslash = "\ue0ae"
)

var (
	dashInFlow = regexp.MustCompile(`-([,\]}])`)
	// The second alternative keeps pairs and other escapes apart: \\ud83d has none.
	escapes      = regexp.MustCompile(`\\(?:(u[dD][89abAB][[:xdigit:]]{2})\\(u[dD][c-fC-F][[:xdigit:]]{2})|.)`)
	maskedPair   = regexp.MustCompile(maskedBackslash + `u[[:xdigit:]]{4}` + maskedBackslash + `u[[:xdigit:]]{4}`)
	maskedAsText = strings.NewReplacer(maskedDash, "-", maskedBackslash, `\`)
)

func mask(text string) string {
	if strings.ContainsAny(text, maskedDash+maskedBackslash) {
		return text
	}
	text = escapes.ReplaceAllStringFunc(text, func(escape string) string {
		if len(escape) < len(`\ud83d\ude00`) {
			return escape
		}
		return strings.ReplaceAll(escape, `\`, maskedBackslash)
	})
	return dashInFlow.ReplaceAllString(text, maskedDash+"$1")
}

func unmask(n *yaml.Node) {
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		n.Value = maskedPair.ReplaceAllStringFunc(n.Value, func(pair string) string {
			return jsonString([]byte(`"` + maskedAsText.Replace(pair) + `"`))
		})
	}
	n.Value = maskedAsText.Replace(n.Value)
	n.Tag = maskedAsText.Replace(n.Tag)
	for _, child := range n.Content {
		unmask(child)
	}
}
