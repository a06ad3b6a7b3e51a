// Package message renders the messages of events from their type's template:
// a subset of Jinja that only reads values.
//
//	template, err := message.Parse("{{ resource_path }}: {{ payload.rows | default('no') }} rows")
//	text, err := template.Render(message.Values{ResourcePath: "a/b", Payload: payload})
//
// A template is text with expressions: a name, the steps into its value, and filters.
//
//	{{ payload.error.message | default('unknown') | truncate(80) }}
//	{{ meta['node name'] | upper }}   {{ payload.items[0] | tojson }}   {# a comment #}
//
// Statements ({% … %}), calculations, includes and calls are refused. The
// subset is small on purpose: templates come from users and are rendered in
// the server, for every reader.
package message

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/noetl/noetl-catalog/db/jsontext"
)

// Limits in bytes of a template, of its output, and of what it reads and filters.
// Without the last, a short template could go through a large payload hundreds of
// times, and each tojson of a chain could double its input.
const (
	MaxTemplate = 8 << 10
	MaxOutput   = 64 << 10
	MaxWork     = 32 << 20
)

// Render's errors for more than MaxOutput and MaxWork bytes.
var (
	ErrTooLong     = errors.New("the message is longer than 64 KiB")
	ErrTooMuchWork = errors.New("the template reads more than 32 MiB")
)

// Values are what a template is rendered over.
type Values struct {
	EventID, EventType, ResourcePath, ResourceVersion, ResourceType string
	// Payload and Meta are valid JSON, or nil.
	Payload, Meta json.RawMessage
	Timestamp     time.Time
}

// templateNames are the names that a template may refer to.
const templateNames = "event_id, event_type, resource_path, resource_version, resource_type, payload, meta, timestamp"

// readers read the value of each name.
var readers = map[string]func(*Values) value{
	"event_id":         func(v *Values) value { return textValue(v.EventID) },
	"event_type":       func(v *Values) value { return textValue(v.EventType) },
	"resource_path":    func(v *Values) value { return textValue(v.ResourcePath) },
	"resource_version": func(v *Values) value { return textValue(v.ResourceVersion) },
	"resource_type":    func(v *Values) value { return textValue(v.ResourceType) },
	"payload":          func(v *Values) value { return jsonValue(v.Payload) },
	"meta":             func(v *Values) value { return jsonValue(v.Meta) },
	"timestamp":        func(v *Values) value { return textValue(v.Timestamp.UTC().Format("2006-01-02T15:04:05.000000Z")) },
}

// Template is a parsed template. It may be rendered concurrently.
type Template struct {
	parts []part
}

// part is a piece of text, or an expression.
type part struct {
	text       string
	expression *expression
}

type expression struct {
	name    string
	read    func(*Values) value
	steps   []step
	filters []filter
}

// step goes into an object by key, or into an array by index.
type step struct {
	key   string
	index int // -1 for a key
}

// Uses reports whether the template refers to one of the names, for example
// "payload": what it does not refer to need not be loaded.
func (t *Template) Uses(name string) bool {
	return slices.ContainsFunc(t.parts, func(p part) bool {
		return p.expression != nil && p.expression.name == name
	})
}

// Render renders the template. An undefined name or key renders as nothing, as does
// null; text as it is, numbers with their digits as stored, and objects and arrays as
// compact JSON. Nothing is escaped for HTML, not even by tojson. The errors are
// ErrTooLong and ErrTooMuchWork.
func (t *Template) Render(values Values) (string, error) {
	var scratch [256]byte // most messages fit, and need no other allocation than their own
	out, work := scratch[:0], MaxWork
	for i := range t.parts {
		text := t.parts[i].text
		if e := t.parts[i].expression; e != nil {
			v, left := e.evaluate(&values, work)
			if left < 0 {
				return "", ErrTooMuchWork
			}
			text, work = v.String(), left
		}
		if len(out)+len(text) > MaxOutput {
			return "", ErrTooLong
		}
		out = append(out, text...)
	}
	return string(out), nil
}

// evaluate returns the expression's value and the work that is left: a negative number
// if the limit was exceeded.
func (e *expression) evaluate(values *Values, work int) (value, int) {
	v := e.read(values)
	for _, s := range e.steps {
		if work -= v.size(); work < 0 {
			return value{}, work
		}
		v = v.step(s)
	}
	for _, f := range e.filters {
		if work -= v.size(); work < 0 {
			return value{}, work
		}
		v = f(v)
	}
	return v, work - v.size()
}

// value is text, JSON that is not text, or nothing.
type value struct {
	kind kind
	text string
	json []byte
}

type kind int

const (
	undefined kind = iota
	isText
	isJSON
)

func textValue(text string) value { return value{kind: isText, text: text} }

func (v value) size() int { return len(v.text) + len(v.json) }

// jsonValue takes JSON; text in it becomes text, null and nil are undefined.
func jsonValue(raw []byte) value {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return value{}
	case raw[0] == '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return value{}
		}
		return textValue(text)
	}
	return value{kind: isJSON, json: raw}
}

func (v value) String() string {
	if v.kind == isJSON {
		return v.compact()
	}
	return v.text
}

// truthy is Jinja's: text and collections that are not empty, numbers that
// are not zero, and true.
func (v value) truthy() bool {
	if v.kind != isJSON {
		return v.text != ""
	}
	switch v.json[0] {
	case 't':
		return true
	case 'f':
		return false
	case '{', '[':
		for range jsontext.Inside(v.json) {
			return true
		}
		return false
	}
	digits, _, _ := strings.Cut(strings.ToLower(string(v.json)), "e")
	return strings.ContainsAny(digits, "123456789")
}

func (v value) isBoolean() bool { return v.kind == isJSON && (v.json[0] == 't' || v.json[0] == 'f') }

func (v value) toJSON() string {
	switch v.kind {
	case undefined:
		return "null"
	case isJSON:
		return v.compact()
	case isText:
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(v.text) != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// compact is JSON without the space between its tokens.
func (v value) compact() string {
	var out bytes.Buffer
	if v.json[0] != '{' && v.json[0] != '[' || json.Compact(&out, v.json) != nil {
		return string(v.json)
	}
	return out.String()
}

// step returns the member or the element that a step leads to; of equal keys, the
// last counts.
func (v value) step(s step) value {
	if v.kind != isJSON || (v.json[0] == '[') != (s.index >= 0) {
		return value{}
	}
	var found []byte
	at := 0
	for key, inner := range jsontext.Inside(v.json) {
		if s.index < 0 && key == s.key || at == s.index {
			found = inner
		}
		at++
	}
	return jsonValue(found)
}
