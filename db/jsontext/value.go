package jsontext

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"github.com/go-json-experiment/json/jsontext"
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

// Value is a JSON value prepared for containment. It is immutable and safe for
// concurrent use.
type Value struct {
	kind kind
	// text is a string without its escapes, or a number as canonicalNumber
	// writes it: equal scalars have equal kinds and texts.
	text string
	// inside is the content of an array or an object; nil if it is empty.
	inside *container
}

type container struct {
	// members are an object's, sorted by key; of duplicate keys, the last.
	members []member
	// scalars are an array's, sorted and without duplicates: containment needs no
	// more, and finds one among thousands quickly.
	scalars []Value
	// nested are the arrays and objects of an array.
	nested []Value
}

type member struct {
	key   string
	value Value
}

// Contains is PostgreSQL's v @> inner for two whole documents. Only at the root,
// an array also contains each scalar that is one of its elements.
func (v Value) Contains(inner Value) bool {
	if v.kind == kindArray && inner.isScalar() {
		return v.hasScalar(inner)
	}
	return v.covers(inner)
}

// covers is containment below the root, where kinds must agree. It recurses as deep
// as the shallower value, and compares two values at most once.
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

// hasScalar reports whether an array has this scalar.
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

// compareKeys is the order of keys in jsonb: by length first. So objects from
// PostgreSQL are sorted already.
func compareKeys(a, b string) int {
	if len(a) != len(b) {
		return cmp.Compare(len(a), len(b))
	}
	return strings.Compare(a, b)
}

// Parse reads one JSON document that jsonb accepts. The error does not quote the
// document, since filters are checked on input.
func Parse(source string) (Value, error) {
	p := parser{source: source, Decoder: jsontext.NewDecoder(bytes.NewBufferString(source), jsontext.AllowDuplicateNames(true))}
	root, err := p.value()
	if err == nil {
		if _, err = p.ReadToken(); errors.Is(err, io.EOF) {
			return root, nil
		}
	}
	return Value{}, fmt.Errorf("not a JSON document, from byte %d on", p.InputOffset())
}

// parser reads values. They share the source's memory where possible.
type parser struct {
	*jsontext.Decoder
	source string
	// open is a stack of the values read so far of each open container.
	open []member
}

var (
	errNUL    = errors.New("a string has the character U+0000")
	errNumber = errors.New("a number has too large an exponent")
)

func (p *parser) value() (Value, error) {
	switch p.PeekKind() {
	case jsontext.KindBeginObject:
		return p.container(jsontext.KindEndObject)
	case jsontext.KindBeginArray:
		return p.container(jsontext.KindEndArray)
	case jsontext.KindString:
		text, err := p.text()
		return Value{kind: kindString, text: text}, err
	case jsontext.KindNumber:
		raw, err := p.raw()
		if err != nil {
			return Value{}, err
		}
		text, ok := canonicalNumber(raw)
		if !ok {
			err = errNumber
		}
		return Value{kind: kindNumber, text: text}, err
	}
	token, err := p.ReadToken()
	switch token.Kind() {
	case jsontext.KindTrue:
		return Value{kind: kindTrue}, err
	case jsontext.KindFalse:
		return Value{kind: kindFalse}, err
	}
	return Value{kind: kindNull}, err
}

// raw reads a string, with its quotes, or a number.
func (p *parser) raw() (string, error) {
	value, err := p.ReadValue()
	end := int(p.InputOffset())
	return p.source[end-len(value) : end], err
}

func (p *parser) text() (string, error) {
	raw, err := p.raw()
	if err != nil {
		return "", err
	}
	if strings.IndexByte(raw, '\\') < 0 {
		return raw[1 : len(raw)-1], nil
	}
	plain, err := jsontext.AppendUnquote(nil, raw)
	if err == nil && bytes.IndexByte(plain, 0) >= 0 { // as jsonb does
		err = errNUL
	}
	return string(plain), err
}

func (p *parser) container(end jsontext.Kind) (Value, error) {
	if _, err := p.ReadToken(); err != nil {
		return Value{}, err
	}
	first := len(p.open)
	for p.PeekKind() != end {
		var read member
		var err error
		if end == jsontext.KindEndObject {
			if read.key, err = p.text(); err != nil {
				return Value{}, err
			}
		}
		if read.value, err = p.value(); err != nil {
			return Value{}, err
		}
		p.open = append(p.open, read)
	}
	inside := p.open[first:]
	p.open = p.open[:first]
	_, err := p.ReadToken()
	switch {
	case len(inside) == 0 && end == jsontext.KindEndObject:
		return Value{kind: kindObject}, err
	case len(inside) == 0:
		return Value{kind: kindArray}, err
	case end == jsontext.KindEndObject:
		return objectOf(inside), err
	}
	return arrayOf(inside), err
}

// objectOf returns an object of members, which it sorts in place.
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

// arrayOf returns an array of elements.
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

// canonicalNumber writes a JSON number so that numbers of the same value are
// written the same: its significant digits as an integer and the power of ten
// that it is multiplied by, if that is not 1. It never expands an exponent into
// zeros, and refuses one beyond 32 bits, which numeric does not have.
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

// Size estimates the bytes of a JSON text together with its Value.
func Size(raw []byte) int {
	if raw == nil {
		return 0
	}
	const value, container = int(unsafe.Sizeof(member{})), int(unsafe.Sizeof(container{}) + 3*unsafe.Sizeof(member{}))
	values := 1 + bytes.Count(raw, []byte(","))
	containers := bytes.Count(raw, []byte("[")) + bytes.Count(raw, []byte("{"))
	return 2*len(raw) + values*value + containers*container
}
