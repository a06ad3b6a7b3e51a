package jsontext

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

// kind is the kind of a JSON value.
type kind uint8

// The kinds; the scalars come first.
const (
	kindNull kind = iota
	kindFalse
	kindTrue
	kindNumber
	kindString
	kindArray
	kindObject
)

// Value is a JSON value made ready for containment. It never changes, and
// many may read it at once.
type Value struct {
	kind kind
	// text is a string without its escapes, or a number as canonicalNumber
	// writes it: equal scalars have equal kinds and texts.
	text string
	// inside is what an array or an object holds; nil where it is empty.
	inside *container
}

type container struct {
	// members are an object's, by key; members of one key are one, the last.
	members []member
	// scalars are an array's, in order and without repetition: containment
	// knows no more of an array, and finds one among thousands quickly.
	scalars []Value
	// nested are the arrays and objects of an array.
	nested []Value
}

type member struct {
	key   string
	value Value
}

// Contains is PostgreSQL's v @> inner for two whole documents. An array
// contains a scalar of its own; this is so at the root only.
func (v Value) Contains(inner Value) bool {
	if v.kind == kindArray && inner.isScalar() {
		return v.hasScalar(inner)
	}
	return v.covers(inner)
}

// covers is containment below the root: kinds must agree. Its depth is that of
// the shallower value, and it compares two values at most once.
func (v Value) covers(inner Value) bool {
	if v.kind != inner.kind {
		return false
	}
	if v.isScalar() {
		return v.text == inner.text
	}
	if inner.inside == nil {
		return true
	}
	if v.inside == nil {
		return false
	}
	if v.kind == kindObject {
		return v.coversMembers(inner.inside.members)
	}
	for _, scalar := range inner.inside.scalars {
		if !v.hasScalar(scalar) {
			return false
		}
	}
	for _, nested := range inner.inside.nested {
		if !slices.ContainsFunc(v.inside.nested, func(own Value) bool { return own.covers(nested) }) {
			return false
		}
	}
	return true
}

func (v Value) coversMembers(members []member) bool {
	own := v.inside.members
	if len(own) < len(members) {
		return false
	}
	for _, wanted := range members {
		at, found := slices.BinarySearchFunc(own, wanted.key, func(m member, key string) int { return compareKeys(m.key, key) })
		if !found || !own[at].value.covers(wanted.value) {
			return false
		}
	}
	return true
}

func (v Value) isScalar() bool { return v.kind < kindArray }

// hasScalar tells whether an array has this very scalar.
func (v Value) hasScalar(scalar Value) bool {
	if v.inside == nil {
		return false
	}
	_, found := slices.BinarySearchFunc(v.inside.scalars, scalar, compareScalars)
	return found
}

func compareScalars(a, b Value) int {
	if a.kind != b.kind {
		return cmp.Compare(a.kind, b.kind)
	}
	return strings.Compare(a.text, b.text)
}

// compareKeys is the order in which jsonb keeps and writes keys: by length
// first. So what comes from PostgreSQL need not be sorted again.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}

// maxLevels keeps the parser's recursion within some 20 MB of stack. With
// its default max_stack_depth PostgreSQL gives up before 20,000 levels.
const maxLevels = 50_000

// Parse reads one JSON document that jsonb would take. The error tells no
// more than the place: a filter has been checked where it came in.
func Parse(source string) (Value, error) {
	p := parser{source: source}
	p.space()
	root, ok := p.value(0)
	p.space()
	if !ok || p.at < len(source) {
		return Value{}, fmt.Errorf("not a JSON document, from byte %d on", p.at)
	}
	if !utf8.ValidString(source) {
		return Value{}, fmt.Errorf("not a JSON document: invalid UTF-8")
	}
	return root, nil
}

// parser is a recursive-descent parser. What it returns shares the
// source's memory where it can.
type parser struct {
	source string
	at     int
	// open is a stack: what has been read of each container still open.
	open []member
}

func (p *parser) space() {
	for p.at < len(p.source) {
		switch p.source[p.at] {
		case ' ', '\n', '\t', '\r':
			p.at++
		default:
			return
		}
	}
}

// next is the byte at the current place, or 0 at the end.
func (p *parser) next() byte {
	if p.at < len(p.source) {
		return p.source[p.at]
	}
	return 0
}

// take steps over a byte, if it is this one.
func (p *parser) take(c byte) bool {
	if p.next() != c {
		return false
	}
	p.at++
	return true
}

func (p *parser) value(level int) (value Value, ok bool) {
	switch p.next() {
	case '{':
		return p.container(level, kindObject, '}')
	case '[':
		return p.container(level, kindArray, ']')
	case '"':
		text, ok := p.text()
		return Value{kind: kindString, text: text}, ok
	case 'n':
		return p.word("null", kindNull)
	case 'f':
		return p.word("false", kindFalse)
	case 't':
		return p.word("true", kindTrue)
	}
	return p.number()
}

func (p *parser) word(word string, kind kind) (value Value, ok bool) {
	if !strings.HasPrefix(p.source[p.at:], word) {
		return Value{}, false
	}
	p.at += len(word)
	return Value{kind: kind}, true
}

func (p *parser) container(level int, kind kind, closing byte) (value Value, ok bool) {
	if level >= maxLevels {
		return Value{}, false
	}
	p.at++
	p.space()
	if p.take(closing) {
		return Value{kind: kind}, true
	}
	first := len(p.open)
	for {
		var key string
		if kind == kindObject {
			if key, ok = p.key(); !ok {
				return Value{}, false
			}
		}
		value, ok := p.value(level + 1)
		if !ok {
			return Value{}, false
		}
		p.open = append(p.open, member{key: key, value: value})
		p.space()
		if p.take(closing) {
			break
		}
		if !p.take(',') {
			return Value{}, false
		}
		p.space()
	}
	inside := p.open[first:]
	p.open = p.open[:first]
	if kind == kindObject {
		return objectOf(inside), true
	}
	return arrayOf(inside), true
}

// key reads a key and its colon.
func (p *parser) key() (key string, ok bool) {
	key, ok = p.text()
	p.space()
	if !ok || !p.take(':') {
		return "", false
	}
	p.space()
	return key, true
}

// objectOf makes an object of its members, which it sorts in place.
func objectOf(members []member) Value {
	compare := func(a, b member) int { return compareKeys(a.key, b.key) }
	slices.SortStableFunc(members, compare)
	kept := members[:0]
	for i, member := range members {
		if i+1 == len(members) || member.key != members[i+1].key {
			kept = append(kept, member)
		}
	}
	return Value{kind: kindObject, inside: &container{members: slices.Clone(kept)}}
}

// arrayOf makes an array of its elements.
func arrayOf(elements []member) Value {
	scalars := 0
	for i := range elements {
		if elements[i].value.isScalar() {
			scalars++
		}
	}
	array := &container{scalars: make([]Value, 0, scalars), nested: make([]Value, 0, len(elements)-scalars)}
	for i := range elements {
		if element := elements[i].value; element.isScalar() {
			array.scalars = append(array.scalars, element)
		} else {
			array.nested = append(array.nested, element)
		}
	}
	slices.SortFunc(array.scalars, compareScalars)
	array.scalars = slices.Compact(array.scalars)
	return Value{kind: kindArray, inside: array}
}

// text reads a string.
func (p *parser) text() (text string, ok bool) {
	if !p.take('"') {
		return "", false
	}
	start := p.at
	for p.at < len(p.source) {
		switch c := p.source[p.at]; {
		case c == '"':
			p.at++
			return p.source[start : p.at-1], true
		case c == '\\':
			return p.escapedText(start)
		case c < ' ':
			return "", false
		}
		p.at++
	}
	return "", false
}

// escapedText goes on with a string at its first escape.
func (p *parser) escapedText(start int) (text string, ok bool) {
	plain := []byte(p.source[start:p.at])
	for p.at < len(p.source) {
		switch c := p.source[p.at]; {
		case c == '"':
			p.at++
			return string(plain), true
		case c == '\\':
			char, ok := p.escape()
			if !ok {
				return "", false
			}
			plain = utf8.AppendRune(plain, char)
		case c < ' ':
			return "", false
		default:
			plain = append(plain, c)
			p.at++
		}
	}
	return "", false
}

// escape reads a backslash and what belongs to it. Like jsonb, it refuses
// \u0000 and half a surrogate pair.
func (p *parser) escape() (char rune, ok bool) {
	p.at++
	c := p.next()
	p.at++
	switch c {
	case '"', '\\', '/':
		return rune(c), true
	case 'b':
		return '\b', true
	case 'f':
		return '\f', true
	case 'n':
		return '\n', true
	case 'r':
		return '\r', true
	case 't':
		return '\t', true
	case 'u':
	default:
		return 0, false
	}
	char, ok = p.hexUnit()
	if !ok || !utf16.IsSurrogate(char) {
		return char, ok && char != 0
	}
	if !p.take('\\') || !p.take('u') {
		return 0, false
	}
	low, ok := p.hexUnit()
	char = utf16.DecodeRune(char, low)
	return char, ok && char != unicode.ReplacementChar
}

// hexUnit reads four hexadecimal digits.
func (p *parser) hexUnit() (unit rune, ok bool) {
	if len(p.source)-p.at < 4 {
		return 0, false
	}
	number, err := strconv.ParseUint(p.source[p.at:p.at+4], 16, 16)
	p.at += 4
	return rune(number), err == nil
}

func (p *parser) number() (value Value, ok bool) {
	start := p.at
	p.take('-')
	if !p.take('0') && !p.digits() {
		return Value{}, false
	}
	if p.take('.') && !p.digits() {
		return Value{}, false
	}
	if p.take('e') || p.take('E') {
		if !p.take('+') {
			p.take('-')
		}
		if !p.digits() {
			return Value{}, false
		}
	}
	text, ok := canonicalNumber(p.source[start:p.at])
	return Value{kind: kindNumber, text: text}, ok
}

func (p *parser) digits() bool {
	start := p.at
	for c := p.next(); '0' <= c && c <= '9'; c = p.next() {
		p.at++
	}
	return p.at > start
}

// canonicalNumber writes a JSON number so that numbers of the same value are
// written the same: its significant digits as an integer and the power of ten
// that it is multiplied by, where that is not 1. It never writes zeros out,
// whatever the exponent; one beyond 32 bits, which numeric has not, is refused.
func canonicalNumber(number string) (canonical string, ok bool) {
	mantissa, exponent := number, 0
	if e := strings.IndexAny(number, "eE"); e >= 0 {
		power, err := strconv.ParseInt(number[e+1:], 10, 32)
		if err != nil {
			return "", false
		}
		mantissa, exponent = number[:e], int(power)
	}
	mantissa, negative := strings.CutPrefix(mantissa, "-")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	exponent += len(digits) - len(significant) - len(fraction)
	switch {
	case significant == "":
		return "0", true
	case exponent != 0:
		significant += "e" + strconv.Itoa(exponent)
	}
	if negative {
		significant = "-" + significant
	}
	return significant, true
}

// Size is about how many bytes JSON takes together with the tree that
// stays of it where a filter has looked into it.
func Size(raw []byte) int {
	if raw == nil {
		return 0
	}
	const value, container = int(unsafe.Sizeof(member{})), int(unsafe.Sizeof(container{}) + 3*unsafe.Sizeof(member{}))
	values := 1 + bytes.Count(raw, []byte(","))
	containers := bytes.Count(raw, []byte("[")) + bytes.Count(raw, []byte("{"))
	return 2*len(raw) + values*value + containers*container
}
