package jsontext

import (
	"bytes"

	"github.com/go-json-experiment/json/jsontext"
)

// EachText calls take with each key of a JSON object and what ->> makes of its
// value: a string without quotes, nil for null, and the JSON itself of anything
// else. It stops at a syntax error.
func EachText(object []byte, take func(key string, text *string)) {
	d := jsontext.NewDecoder(bytes.NewBuffer(object), jsontext.AllowDuplicateNames(true))
	if token, err := d.ReadToken(); err != nil || token.Kind() != jsontext.KindBeginObject {
		return
	}
	for d.PeekKind() != jsontext.KindEndObject {
		name, err := d.ReadToken()
		if err != nil {
			return
		}
		key, kind := name.String(), d.PeekKind()
		value, err := d.ReadValue()
		if err != nil {
			return
		}
		switch kind {
		case jsontext.KindNull:
			take(key, nil)
		case jsontext.KindString:
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
