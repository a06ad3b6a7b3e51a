package transport

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

const (
	// maxNesting bounds the decoder's recursion, and that of all who walk the
	// values after it.
	maxNesting = 200
	// maxValues bounds what a body can grow to: `[1,1,1,…` takes 2 bytes a
	// value on the wire and about 40 in memory.
	maxValues = 1_000_000
)

// DecodeRequest reads a GraphQL-over-HTTP request: exactly one JSON object
// with query, variables, operationName and extensions, each of its type;
// unknown keys are skipped. A repeated key is refused, as it is in a literal of
// GraphQL and in the address of a GET. Numbers stay json.Number. Unlike
// encoding/json it does not take "QUERY" for "query", and does not turn half a
// surrogate pair into U+FFFD without a word.
//
// The error is BAD_USER_INPUT, or PAYLOAD_TOO_LARGE for more than a million
// values, and quotes nothing of the body: a body may hold a password.
func DecodeRequest(body []byte) (*graphql.RawParams, *gqlerror.Error) {
	var query, operationName, variables, extensions given
	repeated := ""
	value, refused := decodeMembers(body, func(key string, value any) {
		var member *given
		switch key {
		case "query":
			member = &query
		case "operationName":
			member = &operationName
		case "variables":
			member = &variables
		case "extensions":
			member = &extensions
		default:
			return
		}
		if member.is {
			repeated = key
		}
		*member = given{value, true}
	})
	if refused != nil {
		return nil, refused
	}
	if repeated != "" {
		return nil, argument(repeated, "%s is given more than once", repeated)
	}
	if _, ok := value.(map[string]any); !ok {
		if _, ok := value.([]any); ok {
			return nil, apierror.Errorf(fault.BadUserInput, "batches are not supported: send one JSON object per request")
		}
		return nil, apierror.Errorf(fault.BadUserInput, "the request must be a JSON object")
	}
	var params graphql.RawParams
	if refused := member(query.value, "query", "text", &params.Query); refused != nil {
		return nil, refused
	}
	if refused := member(operationName.value, "operationName", "text", &params.OperationName); refused != nil {
		return nil, refused
	}
	if refused := member(variables.value, "variables", "object", &params.Variables); refused != nil {
		return nil, refused
	}
	if refused := member(extensions.value, "extensions", "object", &params.Extensions); refused != nil {
		return nil, refused
	}
	if refused := queryGiven(&params); refused != nil {
		return nil, refused
	}
	return &params, nil
}

// given is the value of a key of the request.
type given struct {
	value any
	is    bool
}

// queryGiven refuses a request without a document, unless it names a
// persisted one.
func queryGiven(params *graphql.RawParams) *gqlerror.Error {
	if params.Query != "" || params.Extensions["persistedQuery"] != nil {
		return nil
	}
	return argument("query", "query must be given")
}

// member takes the value of one key of the request; null counts as not given.
func member[T any](value any, key, kind string, into *T) *gqlerror.Error {
	if value == nil {
		return nil
	}
	var ok bool
	if *into, ok = value.(T); !ok {
		return argument(key, "%s must be a JSON %s", key, kind)
	}
	return nil
}

func argument(name, format string, args ...any) *gqlerror.Error {
	err := apierror.Errorf(fault.BadUserInput, format, args...)
	err.Extensions["argument"] = name
	return err
}

// decodeJSON reads one JSON text.
func decodeJSON(text []byte) (any, *gqlerror.Error) { return decodeMembers(text, nil) }

// decodeMembers reads one JSON text. Where it is an object, member is told of
// what it holds, and the object that is returned is empty.
func decodeMembers(text []byte, member func(key string, value any)) (any, *gqlerror.Error) {
	if !utf8.Valid(text) {
		return nil, apierror.Errorf(fault.BadUserInput, "the request is not valid UTF-8")
	}
	d := decoder{text: text, member: member}
	value, err := d.value(0)
	if err == nil {
		d.space()
		if d.at < len(text) {
			err = d.fail("more follows after the first JSON value")
		}
	}
	if err == nil {
		return value, nil
	}
	refused := apierror.Errorf(err.code, "the request is not one JSON value of the allowed form: %s at byte %d", err.message, err.at)
	if err.code == fault.BadUserInput && len(err.path) > 0 {
		refused.Extensions["argument"] = strings.Join(err.path, ".")
	}
	return nil, refused
}

// decoder reads JSON as RFC 8259 has it.
type decoder struct {
	text   []byte
	at     int
	values int
	// member is told of the members of the outermost object; nil for none.
	member func(key string, value any)
}

// decodeError says what is wrong where, and never what stands there.
type decodeError struct {
	code    fault.Code
	message string
	at      int
	// path leads to a text that cannot be kept, and is nil for bad syntax.
	path []string
}

func (d *decoder) fail(message string) *decodeError {
	return &decodeError{code: fault.BadUserInput, message: message, at: d.at}
}

func (d *decoder) space() {
	for d.at < len(d.text) {
		switch d.text[d.at] {
		case ' ', '\t', '\n', '\r':
			d.at++
		default:
			return
		}
	}
}

// peek returns the next byte, or 0 at the end: no JSON token begins with 0.
func (d *decoder) peek() byte {
	if d.at < len(d.text) {
		return d.text[d.at]
	}
	return 0
}

func (d *decoder) value(nesting int) (any, *decodeError) {
	if d.values++; d.values > maxValues {
		return nil, &decodeError{
			code: fault.PayloadTooLarge, message: fmt.Sprintf("it has more than %d values", maxValues), at: d.at,
		}
	}
	d.space()
	switch c := d.peek(); {
	case c == '{':
		return d.object(nesting + 1)
	case c == '[':
		return d.array(nesting + 1)
	case c == '"':
		return d.quoted()
	case c == '-' || '0' <= c && c <= '9':
		return d.number()
	case c == 't':
		return true, d.word("true")
	case c == 'f':
		return false, d.word("false")
	case c == 'n':
		return nil, d.word("null")
	}
	return nil, d.fail("a value is missing")
}

func (d *decoder) word(word string) *decodeError {
	if !bytes.HasPrefix(d.text[d.at:], []byte(word)) {
		return d.fail("an unknown word stands")
	}
	d.at += len(word)
	return nil
}

func (d *decoder) object(nesting int) (any, *decodeError) {
	if nesting > maxNesting {
		return nil, d.fail(fmt.Sprintf("it nests deeper than %d", maxNesting))
	}
	d.at++
	var object map[string]any
	if nesting > 1 || d.member == nil {
		object = map[string]any{}
	}
	if d.space(); d.peek() == '}' {
		d.at++
		return object, nil
	}
	for members := 1; ; members++ {
		if d.space(); d.peek() != '"' {
			return nil, d.fail("a key is missing")
		}
		key, err := d.quoted()
		if err != nil {
			return nil, err
		}
		if d.space(); d.peek() != ':' {
			return nil, d.fail("a colon is missing")
		}
		d.at++
		value, err := d.value(nesting)
		if err != nil {
			return nil, err.under(key)
		}
		if object != nil {
			object[key] = value
			if len(object) < members {
				err := d.fail("a key stands twice in an object")
				err.path = []string{}
				return nil, err.under(key)
			}
		} else {
			d.member(key, value)
		}
		switch d.space(); d.peek() {
		case ',':
			d.at++
		case '}':
			d.at++
			return object, nil
		default:
			return nil, d.fail("a comma or brace is missing")
		}
	}
}

func (d *decoder) array(nesting int) (any, *decodeError) {
	if nesting > maxNesting {
		return nil, d.fail(fmt.Sprintf("it nests deeper than %d", maxNesting))
	}
	d.at++
	array := []any{}
	if d.space(); d.peek() == ']' {
		d.at++
		return array, nil
	}
	for {
		element, err := d.value(nesting)
		if err != nil {
			return nil, err.under(fmt.Sprint(len(array)))
		}
		array = append(array, element)
		switch d.space(); d.peek() {
		case ',':
			d.at++
		case ']':
			d.at++
			return array, nil
		default:
			return nil, d.fail("a comma or bracket is missing")
		}
	}
}

// under puts a step before the path of a text that cannot be kept.
func (e *decodeError) under(step string) *decodeError {
	if e.path == nil {
		return e
	}
	if !isName(step) {
		// A key of the caller's data, which is not ours to repeat: the path
		// ends above it.
		e.path = []string{}
		return e
	}
	e.path = append([]string{step}, e.path...)
	return e
}

// isName reports whether the step may be the name of a variable or field, or
// an index.
func isName(step string) bool {
	if step == "" || len(step) > 64 {
		return false
	}
	for _, c := range []byte(step) {
		if c != '_' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return true
}

func (d *decoder) number() (any, *decodeError) {
	start := d.at
	if d.peek() == '-' {
		d.at++
	}
	if d.peek() == '0' {
		d.at++
	} else if !d.digits() {
		return nil, d.fail("a digit is missing")
	}
	if d.peek() == '.' {
		if d.at++; !d.digits() {
			return nil, d.fail("a digit is missing")
		}
	}
	if d.peek()|0x20 == 'e' {
		if d.at++; d.peek() == '+' || d.peek() == '-' {
			d.at++
		}
		if !d.digits() {
			return nil, d.fail("a digit is missing")
		}
	}
	return json.Number(d.text[start:d.at]), nil
}

func (d *decoder) digits() bool {
	start := d.at
	for '0' <= d.peek() && d.peek() <= '9' {
		d.at++
	}
	return d.at > start
}

// quoted reads a string whose opening quote is next.
func (d *decoder) quoted() (string, *decodeError) {
	d.at++
	start := d.at
	for d.at < len(d.text) {
		switch c := d.text[d.at]; {
		case c == '"':
			d.at++
			return string(d.text[start : d.at-1]), nil
		case c == '\\':
			return d.escaped(start)
		case c < ' ':
			return "", d.fail("a control character stands in a text")
		}
		d.at++
	}
	return "", d.fail("a text does not end")
}

// escaped goes on with a string at its first escape.
func (d *decoder) escaped(start int) (string, *decodeError) {
	out := append(make([]byte, 0, 2*(d.at-start)+32), d.text[start:d.at]...)
	for d.at < len(d.text) {
		c := d.text[d.at]
		d.at++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			d.at--
			return "", d.fail("a control character stands in a text")
		case c != '\\':
			out = append(out, c)
			continue
		}
		var err *decodeError
		if out, err = d.escape(out); err != nil {
			return "", err
		}
	}
	return "", d.fail("a text does not end")
}

// escape appends what follows a backslash.
func (d *decoder) escape(out []byte) ([]byte, *decodeError) {
	c := d.peek()
	d.at++
	switch c {
	case '"', '\\', '/':
		return append(out, c), nil
	case 'b':
		return append(out, '\b'), nil
	case 'f':
		return append(out, '\f'), nil
	case 'n':
		return append(out, '\n'), nil
	case 'r':
		return append(out, '\r'), nil
	case 't':
		return append(out, '\t'), nil
	case 'u':
		return d.unicode(out)
	}
	d.at--
	return nil, d.fail("an unknown escape stands")
}

func (d *decoder) unicode(out []byte) ([]byte, *decodeError) {
	r, ok := d.hex()
	if !ok {
		return nil, d.fail("an unknown escape stands")
	}
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r), nil
	}
	if bytes.HasPrefix(d.text[d.at:], []byte(`\u`)) {
		d.at += 2
		low, ok := d.hex()
		if !ok {
			return nil, d.fail("an unknown escape stands")
		}
		if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
			return utf8.AppendRune(out, pair), nil
		}
	}
	err := d.fail("half a surrogate pair stands in a text")
	err.path = []string{}
	return nil, err
}

func (d *decoder) hex() (rune, bool) {
	if d.at+4 > len(d.text) {
		return 0, false
	}
	var r rune
	for _, c := range d.text[d.at : d.at+4] {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	d.at += 4
	return r, true
}
