package message

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Parse reads a template. What is not in the subset is a *fault.Error on
// argument "template" with its line and column.
func Parse(text string) (t *Template, err error) {
	if len(text) > MaxTemplate {
		return nil, fault.Input("template", "is %d bytes long; %d are allowed", len(text), MaxTemplate)
	}
	if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return nil, fault.Input("template", "must be UTF-8 text without NUL characters")
	}
	defer func() { // of fail
		switch failed := recover().(type) {
		case nil:
		case *fault.Error:
			t, err = nil, failed
		default:
			panic(failed)
		}
	}()
	p := parser{text: text}
	t = &Template{}
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
			p.fail(open, "statements ({%% … %%}) are not part of what templates can do; use {{ name | filter }}")
		case '#':
			comment, _, ended := strings.Cut(text[open+len("{#"):], "#}")
			switch {
			case !ended:
				p.fail(open, "this comment has no end (#})")
			case strings.HasPrefix(comment, "-") || strings.HasSuffix(comment, "-"):
				p.fail(open, noWhitespaceControl)
			}
			p.at = open + len("{#") + len(comment) + len("#}")
		default:
			t.parts = append(t.parts, part{expression: p.expression()})
		}
	}
	return t, nil
}

const noWhitespaceControl = "whitespace control ({{-, -}}, {#-, -#}) is not part of what templates can do"

type parser struct {
	text string
	at   int
}

// fail ends Parse with an error: it panics.
func (p *parser) fail(at int, format string, args ...any) {
	before := p.text[:at]
	line := 1 + strings.Count(before, "\n")
	column := 1 + utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:])
	panic(fault.At("template", line, column, format, args...))
}

// nextOpening returns the index of the next {{, {% or {#, or the text's end.
func (p *parser) nextOpening() int {
	for at := p.at; at+1 < len(p.text); at++ {
		if p.text[at] == '{' && strings.IndexByte("{%#", p.text[at+1]) >= 0 {
			return at
		}
	}
	return len(p.text)
}

// expression reads {{ name.key['key'][0] | filter(argument) }}.
func (p *parser) expression() *expression {
	const noEnd = "this expression has no end (}})"
	opening := p.at
	p.at += len("{{")
	if p.peek() == '-' {
		p.fail(p.at, noWhitespaceControl)
	}
	p.space()
	start := p.at
	e := &expression{name: p.identifier()}
	e.read = readers[e.name]
	switch {
	case e.read != nil:
	case e.name == "" && p.at < len(p.text):
		p.fail(start, "a name is expected here: one of %s", templateNames)
	case !strings.Contains(p.text[p.at:], "}}"):
		p.fail(opening, noEnd)
	default:
		p.fail(start, "unknown name %q; known are %s", e.name, templateNames)
	}
	for s, ok := p.step(); ok; s, ok = p.step() {
		e.steps = append(e.steps, s)
	}
	for p.space(); p.peek() == '|'; p.space() {
		p.at++
		p.space()
		e.filters = append(e.filters, p.filter())
	}
	switch rest := p.text[p.at:]; {
	case rest == "":
		p.fail(opening, noEnd)
	case strings.HasPrefix(rest, "-}}"):
		p.fail(p.at, noWhitespaceControl)
	case !strings.HasPrefix(rest, "}}"):
		p.fail(p.at, "only names, .key, [index] and filters (| name) can stand in an expression")
	}
	p.at += len("}}")
	return e
}

// step reads .key, ['key'] or [0].
func (p *parser) step() (s step, found bool) {
	switch p.peek() {
	case '.':
		p.at++
		if s = (step{key: p.identifier(), index: -1}); s.key == "" {
			p.fail(p.at, "a key is expected after the dot; write ['…'] for one that is not a name")
		}
		return s, true
	case '[':
		p.at++
		p.space()
		if c := p.peek(); c == '\'' || c == '"' {
			s = step{key: p.string(), index: -1}
		} else {
			start := p.at
			index, err := strconv.ParseInt(p.take(digits), 10, 32)
			if err != nil {
				p.fail(start, "an index from 0, or a key in quotes, is expected in [ ]")
			}
			s.index = int(index)
		}
		if p.space(); p.peek() != ']' {
			p.fail(p.at, "] is expected here")
		}
		p.at++
		return s, true
	}
	return s, false
}

// filter reads a filter's name and its arguments.
func (p *parser) filter() filter {
	start := p.at
	name := p.identifier()
	var arguments []value
	if p.peek() == '(' {
		p.at++
		for p.space(); p.peek() != ')'; p.space() {
			if len(arguments) > 0 {
				if p.peek() != ',' {
					p.fail(p.at, ", or ) is expected here")
				}
				p.at++
				p.space()
			}
			arguments = append(arguments, p.argument())
		}
		p.at++
	}
	f, problem := makeFilter(name, arguments)
	if problem != "" {
		p.fail(start, "%s", problem)
	}
	return f
}

// argument reads a literal; none is undefined.
func (p *parser) argument() value {
	start := p.at
	switch c := p.peek(); {
	case c == '\'' || c == '"':
		return textValue(p.string())
	case c == '-' || c >= '0' && c <= '9':
		number := p.take("-." + digits)
		if !json.Valid([]byte(number)) {
			p.fail(start, "%q is not a number that can stand here", number)
		}
		return value{kind: isJSON, json: []byte(number)}
	}
	switch word := p.identifier(); word {
	case "true", "True", "false", "False":
		return value{kind: isJSON, json: []byte(strings.ToLower(word))}
	case "none", "None":
	default:
		p.fail(start, "a string, a number, true, false or none is expected here")
	}
	return value{}
}

// string reads a quoted string, with \\, \n, \t, \' and \" in it.
func (p *parser) string() string {
	start, quote := p.at, p.text[p.at]
	var out strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; c {
		case quote:
			p.at++
			return out.String()
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
				p.fail(p.at-1, `only \\, \n, \t, \' and \" are known in strings`)
			}
		default:
			out.WriteByte(c)
		}
	}
	p.fail(start, "this string has no end")
	return ""
}

// peek is the next byte, or 0 at the end.
func (p *parser) peek() byte {
	if p.at < len(p.text) {
		return p.text[p.at]
	}
	return 0
}

const (
	digits  = "0123456789"
	letters = "_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

// take reads all that follows of these characters.
func (p *parser) take(characters string) string {
	rest := strings.TrimLeft(p.text[p.at:], characters)
	taken := p.text[p.at : len(p.text)-len(rest)]
	p.at += len(taken)
	return taken
}

func (p *parser) space() { p.take(" \t\r\n") }

func (p *parser) identifier() string {
	if strings.IndexByte(letters, p.peek()) < 0 {
		return ""
	}
	return p.take(letters + digits)
}
