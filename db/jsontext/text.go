package jsontext

import (
	"bytes"
	"iter"

	"github.com/go-json-experiment/json/jsontext"
)

// Inside yields the members of a JSON object, or the elements of an array with
// empty keys; nothing for a scalar. The values are slices of the given text. It
// stops at a syntax error.
func Inside(container []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		d := jsontext.NewDecoder(bytes.NewBuffer(container), jsontext.AllowDuplicateNames(true))
		begin, err := d.ReadToken()
		if kind := begin.Kind(); err != nil || kind != jsontext.KindBeginObject && kind != jsontext.KindBeginArray {
			return
		}
		object := begin.Kind() == jsontext.KindBeginObject
		for kind := d.PeekKind(); kind != jsontext.KindEndObject && kind != jsontext.KindEndArray; kind = d.PeekKind() {
			key := ""
			if object {
				name, err := d.ReadToken()
				if err != nil {
					return
				}
				key = name.String()
			}
			value, err := d.ReadValue()
			end := int(d.InputOffset())
			if err != nil || !yield(key, container[end-len(value):end:end]) {
				return
			}
		}
	}
}

// EachText calls take with each key of a JSON object and its value as ->> returns
// it: a string without quotes, nil for null, and JSON for other values. It stops at
// a syntax error.
func EachText(object []byte, take func(key string, text *string)) {
	for key, value := range Inside(object) {
		switch value[0] {
		case 'n':
			take(key, nil)
		case '"':
			plain, err := jsontext.AppendUnquote(nil, value)
			if err != nil {
				return
			}
			take(key, new(string(plain)))
		default:
			take(key, new(string(value)))
		}
	}
}

// Text returns a member of a JSON object if it is a string, without quotes; nil for
// any other value.
func Text(object []byte, key string) *string {
	for name, value := range Inside(object) {
		if name != key {
			continue
		}
		if plain, err := jsontext.AppendUnquote(nil, value); err == nil {
			return new(string(plain))
		}
		return nil
	}
	return nil
}
