// Package scalar has the schema's scalars for gqlgen.
//
//	models:
//	  JSON:
//	    model: github.com/noetl/noetl-catalog/graph/scalar.JSON
//	  DateTime:
//	    model: github.com/noetl/noetl-catalog/graph/scalar.DateTime
//
// A number in a literal keeps its digits by the rule ExactNumbers, which
// input.Rules holds.
package scalar

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/noetl/noetl-catalog/db/fault"
)

// JSON is a JSON text. On the way out it passes through byte for byte. On the
// way in it is written anew from the value that gqlgen hands over: compact,
// keys sorted, and with every digit of its numbers.
type JSON json.RawMessage

// MarshalGQL writes the text unchanged, or null where there is none.
func (j JSON) MarshalGQL(w io.Writer) {
	if j == nil {
		j = JSON("null")
	}
	// The writer is gqlgen's buffer, which does not fail.
	_, _ = w.Write(j)
}

// AppendGQL appends the text, or returns false where there is none.
func (j JSON) AppendGQL(buf []byte) ([]byte, bool) { return append(buf, j...), j != nil }

// UnmarshalGQL takes the value of a variable, with its numbers as json.Number,
// or of a literal. It refuses, with a fault, what PostgreSQL cannot store:
// NUL characters, text that is not UTF-8, numbers of more than 400 characters
// or with an exponent beyond ±308 (which jsonb would write out in full on each read),
// and, as PAYLOAD_TOO_LARGE, more than 100 levels.
func (j *JSON) UnmarshalGQL(v any) error {
	w := writer{out: make([]byte, 0, 256)}
	if problem := w.value(v, 1); problem != "" {
		code := fault.BadUserInput
		if problem == tooDeep {
			code = fault.PayloadTooLarge
		}
		if len(w.path) == 0 {
			return fault.New(code, "", "%s", problem)
		}
		slices.Reverse(w.path)
		return fault.New(code, "", "%s at %s", problem, "/"+strings.Join(w.path, "/"))
	}
	*j = w.out
	return nil
}

// MarshalJSON implements json.Marshaler, with which a JSON inside another
// structure is still JSON and not the base64 of its bytes.
func (j JSON) MarshalJSON() ([]byte, error) {
	return json.RawMessage(j).MarshalJSON()
}

const (
	maxLevels       = 100
	maxNumberLength = 400
	maxExponent     = 308
)

const tooDeep = "has more than 100 levels"

// writer builds the JSON text of a value. A problem is described by a message and by its
// path, innermost step first.
type writer struct {
	out  []byte
	path []string
}

func (w *writer) value(v any, level int) (problem string) {
	switch v := v.(type) {
	case nil:
		w.out = append(w.out, "null"...)
	case bool:
		w.out = strconv.AppendBool(w.out, v)
	case string:
		if digits, ok := strings.CutPrefix(v, exactNumber); ok {
			return w.number(digits)
		}
		return w.text(v)
	case json.Number:
		return w.number(v.String())
	case int64:
		w.out = strconv.AppendInt(w.out, v, 10)
	case float64:
		digits, err := json.Marshal(v)
		if err != nil {
			return "is not a number of JSON"
		}
		return w.number(string(digits))
	case map[string]any:
		return w.object(v, level)
	case []any:
		return w.array(len(v), func(i int) any { return v[i] }, level)
	default:
		return w.other(reflect.ValueOf(v), level)
	}
	return ""
}

// other writes values that gqlparser's coercion of variables makes inside literals:
// typed slices and numbers.
func (w *writer) other(v reflect.Value, level int) string {
	switch v.Kind() {
	case reflect.Slice:
		return w.array(v.Len(), func(i int) any { return v.Index(i).Interface() }, level)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32:
		w.out = strconv.AppendInt(w.out, v.Int(), 10)
		return ""
	}
	return "is not a value of JSON"
}

func (w *writer) object(object map[string]any, level int) string {
	if level > maxLevels {
		return tooDeep
	}
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	w.out = append(w.out, '{')
	for i, key := range keys {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if problem := w.text(key); problem != "" {
			return "has a key that " + problem
		}
		w.out = append(w.out, ':')
		if problem := w.value(object[key], level+1); problem != "" {
			w.path = append(w.path, strings.NewReplacer("~", "~0", "/", "~1").Replace(key))
			return problem
		}
	}
	w.out = append(w.out, '}')
	return ""
}

func (w *writer) array(length int, element func(int) any, level int) string {
	if level > maxLevels {
		return tooDeep
	}
	w.out = append(w.out, '[')
	for i := range length {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if problem := w.value(element(i), level+1); problem != "" {
			w.path = append(w.path, strconv.Itoa(i))
			return problem
		}
	}
	w.out = append(w.out, ']')
	return ""
}

func (w *writer) number(digits string) string {
	if len(digits) > maxNumberLength {
		return fmt.Sprintf("has a number of more than %d characters", maxNumberLength)
	}
	if i := strings.IndexAny(digits, "eE"); i >= 0 {
		exponent, err := strconv.Atoi(digits[i+1:])
		if err != nil || exponent > maxExponent || exponent < -maxExponent {
			return fmt.Sprintf("has a number whose exponent is beyond ±%d", maxExponent)
		}
	}
	if digits == "" || digits[0] != '-' && (digits[0] < '0' || digits[0] > '9') || !json.Valid([]byte(digits)) {
		return "has a number that JSON does not allow"
	}
	w.out = append(w.out, digits...)
	return ""
}

// text writes a string, with only the escapes that JSON requires.
func (w *writer) text(s string) string {
	if strings.IndexByte(s, 0) >= 0 {
		return "has the character \\u0000, which cannot be stored"
	}
	var err error
	if w.out, err = jsontext.AppendQuote(w.out, s); err != nil {
		return "has a text that is not valid UTF-8"
	}
	return ""
}
