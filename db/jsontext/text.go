package jsontext

import "strings"

// EachText gives take each key of a JSON object with what ->> makes of its value.
func EachText(object []byte, take func(key string, text *string)) {
	parser := parser{source: string(object)}
	parser.space()
	if !parser.take('{') {
		return
	}
	for more := true; more; more = parser.take(',') {
		parser.space()
		key, ok := parser.key()
		if !ok {
			return
		}
		start := parser.at
		value, ok := parser.value(1)
		if !ok {
			return
		}
		take(key, textOf(value, parser.source[start:parser.at]))
		parser.space()
	}
}

// textOf is what ->> makes of a value: a string without quotes, nil for JSON
// null, and the JSON itself of anything else. It is a copy, so that it does
// not keep the whole of meta in memory.
func textOf(value Value, raw string) *string {
	switch value.kind {
	case kindNull:
		return nil
	case kindString:
		return new(strings.Clone(value.text))
	case kindFalse, kindTrue, kindNumber, kindArray, kindObject:
	}
	return new(strings.Clone(raw))
}
