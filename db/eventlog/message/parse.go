package message

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Parse reads a template. What is not in the subset is a *fault.Error on
// argument "template" with its line and column.
func Parse(text string) (*Template, error) {
	if len(text) > MaxTemplate {
		return nil, fault.Input("template", "is %d bytes long; %d are allowed", len(text), MaxTemplate)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fault.Input("template", "must be UTF-8 text without NUL characters")
	}
	p := parser{text: text}
	t := &Template{}
	for p.at < len(text) {
		open := p.nextOpening()
		if open > p.at {
			t.parts = append(t.parts, part{text: text[p.at:open]})
		}
		if p.at = open; open == len(text) {
			break
		}
		switch text[open+1] {
		case '%':
			return nil, p.fail(open, "statements ({%% … %%}) are not part of what templates can do; use {{ name | filter }}")
		case '#':
			comment, _, ended := strings.Cut(text[open+len("{#"):], "#}")
			if !ended {
				return nil, p.fail(open, "this comment has no end (#})")
			}
			if strings.HasPrefix(comment, "-") || strings.HasSuffix(comment, "-") {
				return nil, p.fail(open, noWhitespaceControl)
			}
			p.at = open + len("{#") + len(comment) + len("#}")
		default:
			e, err := p.expression()
			if err != nil {
				return nil, err
			}
			t.parts = append(t.parts, part{expression: e})
		}
	}
	return t, nil
}

const noWhitespaceControl = "whitespace control ({{-, -}}, {#-, -#}) is not part of what templates can do"

type parser struct {
	text string
	at   int
}

// nextOpening returns the index of the next {{, {% or {#, or the text's end.
func (p *parser) nextOpening() int {
	for at := p.at; ; at++ {
		brace := strings.IndexByte(p.text[at:], '{')
		if brace < 0 || at+brace+1 >= len(p.text) {
			return len(p.text)
		}
		at += brace
		if strings.IndexByte("{%#", p.text[at+1]) >= 0 {
			return at
		}
	}
}

func (p *parser) fail(at int, format string, args ...any) error {
	before := p.text[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	return fault.At("template", line, column, format, args...)
}

// expression reads {{ name.key['key'][0] | filter(argument) }}.
func (p *parser) expression() (*expression, error) {
	opening := p.at
	p.at += len("{{")
	if p.peek() == '-' {
		return nil, p.fail(p.at, noWhitespaceControl)
	}
	p.space()
	start := p.at
	name := p.identifier()
	switch {
	case name == "" && p.at >= len(p.text):
		return nil, p.fail(opening, "this expression has no end (}})")
	case name == "":
		return nil, p.fail(start, "a name is expected here: one of %s", strings.Join(names(), ", "))
	case !slices.Contains(names(), name) && !strings.Contains(p.text[p.at:], "}}"):
		return nil, p.fail(opening, "this expression has no end (}})")
	case !slices.Contains(names(), name):
		return nil, p.fail(start, "unknown name %q; known are %s", name, strings.Join(names(), ", "))
	}
	e := &expression{name: name}
	for {
		s, found, err := p.step()
		if err != nil {
			return nil, err
		}
		if !found {
			break
		}
		e.way = append(e.way, s)
	}
	for p.space(); p.peek() == '|'; p.space() {
		p.at++
		p.space()
		f, err := p.filter()
		if err != nil {
			return nil, err
		}
		e.filters = append(e.filters, f)
	}
	if !strings.HasPrefix(p.text[p.at:], "}}") {
		if p.at >= len(p.text) {
			return nil, p.fail(opening, "this expression has no end (}})")
		}
		if strings.HasPrefix(p.text[p.at:], "-}}") {
			return nil, p.fail(p.at, noWhitespaceControl)
		}
		return nil, p.fail(p.at, "only names, .key, [index] and filters (| name) can stand in an expression")
	}
	p.at += len("}}")
	return e, nil
}

// step reads .key, ['key'] or [0].
func (p *parser) step() (step, bool, error) {
	switch p.peek() {
	case '.':
		p.at++
		start := p.at
		if key := p.identifier(); key != "" {
			return step{key: key, index: -1}, true, nil
		}
		return step{}, false, p.fail(start, "a key is expected after the dot; write ['…'] for one that is not a name")
	case '[':
		p.at++
		p.space()
		s := step{index: -1}
		start := p.at
		switch c := p.peek(); {
		case c == '\'' || c == '"':
			key, err := p.string()
			if err != nil {
				return step{}, false, err
			}
			s.key = key
		default:
			digits := p.digits()
			index, err := strconv.ParseInt(digits, 10, 32)
			if err != nil {
				return step{}, false, p.fail(start, "an index from 0, or a key in quotes, is expected in [ ]")
			}
			s.index = int(index)
		}
		if p.space(); p.peek() != ']' {
			return step{}, false, p.fail(p.at, "] is expected here")
		}
		p.at++
		return s, true, nil
	}
	return step{}, false, nil
}

// filter reads a filter's name and its arguments.
func (p *parser) filter() (filter, error) {
	start := p.at
	name := p.identifier()
	var arguments []argument
	if p.peek() == '(' {
		p.at++
		for p.space(); p.peek() != ')'; p.space() {
			if len(arguments) > 0 {
				if p.peek() != ',' {
					return nil, p.fail(p.at, ", or ) is expected here")
				}
				p.at++
				p.space()
			}
			a, err := p.argument()
			if err != nil {
				return nil, err
			}
			arguments = append(arguments, a)
		}
		p.at++
	}
	f, problem := makeFilter(name, arguments)
	if problem != "" {
		return nil, p.fail(start, "%s", problem)
	}
	return f, nil
}

// argument is a literal.
type argument struct {
	value  value
	number int    // of an integer
	is     string // "string", "integer", "number" or "boolean"; "" for none
}

func (p *parser) argument() (argument, error) {
	start := p.at
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		text, err := p.string()
		return argument{value: textValue(text), is: "string"}, err
	case c == '-' || c >= '0' && c <= '9':
		return p.number()
	}
	switch word := p.identifier(); word {
	case "true", "True", "false", "False":
		return argument{value: value{kind: isJSON, json: []byte(strings.ToLower(word))}, is: "boolean"}, nil
	case "none", "None":
		return argument{}, nil
	}
	return argument{}, p.fail(start, "a string, a number, true, false or none is expected here")
}

// number reads a number such as 12, -3 or 0.5. One that is not an integer of 32
// bits can stand where only its digits matter.
func (p *parser) number() (argument, error) {
	start := p.at
	if p.peek() == '-' {
		p.at++
	}
	p.digits()
	if p.peek() == '.' {
		p.at++
		p.digits()
	}
	text := p.text[start:p.at]
	if !json.Valid([]byte(text)) {
		return argument{}, p.fail(start, "%q is not a number that can stand here", text)
	}
	a := argument{value: value{kind: isJSON, json: []byte(text)}, is: "number"}
	if number, err := strconv.ParseInt(text, 10, 32); err == nil {
		a.number, a.is = int(number), "integer"
	}
	return a, nil
}

// string reads a quoted string, with \\, \n, \t, \' and \" in it.
func (p *parser) string() (string, error) {
	start, quote := p.at, p.text[p.at]
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case quote:
			p.at++
			return out.String(), nil
		case '\\':
			p.at++
			switch p.peek() {
			case 'n':
				out.WriteByte('\n')
			case 't':
				out.WriteByte('\t')
			case '\\', '\'', '"':
				out.WriteByte(p.peek())
			default:
				return "", p.fail(p.at-1, `only \\, \n, \t, \' and \" are known in strings`)
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", p.fail(start, "this string has no end")
}

// peek is the next byte, or 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

func (p *parser) space() {
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.at]) >= 0 {
		p.at++
	}
}

func (p *parser) identifier() string {
	start := p.at
	for p.at < len(p.text) {
		c := p.text[p.at]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (p.at == start || c < '0' || c > '9') {
			break
		}
		p.at++
	}
	return p.text[start:p.at]
}

func (p *parser) digits() string {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.text[start:p.at]
}
