package transport

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

const (
	// maxNesting bounds the recursion of the decoder, and of all code that walks
	// the values after it.
	maxNesting = 200
	// maxValues bounds the memory of a body: a value of `[1,1,1,…` takes 2 bytes on the
	// wire and about 40 in memory.
	maxValues = 1_000_000
)

// decodeRequest reads a GraphQL-over-HTTP request: exactly one JSON object
// with query, variables, operationName and extensions, each of its type;
// unknown keys are skipped. A repeated key is rejected, as in a GraphQL literal
// and in the URL of a GET. Numbers stay json.Number. Unlike encoding/json it does
// not accept "QUERY" as "query", and rejects half a surrogate pair.
//
// The error is BAD_USER_INPUT, PAYLOAD_TOO_LARGE for more than a million values, or the
// error of charging the request for the values. It does not quote the body, which may
// contain a password.
func decodeRequest(body []byte, request *admission.Request) (*graphql.RawParams, *gqlerror.Error) {
	repeated := ""
	value, refused := decode(body, request, func(key string) {
		if slices.Contains(requestKeys, key) {
			repeated = key
		}
	})
	if refused != nil {
		return nil, refused
	}
	if repeated != "" {
		return nil, argumentError(repeated, "%s is given more than once", repeated)
	}
	object, ok := value.(map[string]any)
	if !ok {
		if _, ok := value.([]any); ok {
			return nil, apierror.Errorf(fault.BadUserInput, "batches are not supported: send one JSON object per request")
		}
		return nil, apierror.Errorf(fault.BadUserInput, "the request must be a JSON object")
	}
	return requestOf(object)
}

// requestKeys are the keys of a request.
var requestKeys = []string{"query", "operationName", "variables", "extensions"}

// requestOf returns the request in an object, which must have a document or name a
// persisted one.
func requestOf(object map[string]any) (*graphql.RawParams, *gqlerror.Error) {
	params, refused := rawParams(object)
	if refused == nil && params.Query == "" && params.Extensions["persistedQuery"] == nil {
		refused = argumentError("query", "query must be given")
	}
	if refused != nil {
		return nil, refused
	}
	return params, nil
}

// rawParams checks the types of a request's members.
func rawParams(object map[string]any) (*graphql.RawParams, *gqlerror.Error) {
	params := &graphql.RawParams{}
	return params, cmp.Or(
		member(object["query"], "query", "text", &params.Query),
		member(object["operationName"], "operationName", "text", &params.OperationName),
		member(object["variables"], "variables", "object", &params.Variables),
		member(object["extensions"], "extensions", "object", &params.Extensions),
	)
}

// member reads the value of one key of the request; null counts as absent.
func member[T any](value any, key, kind string, into *T) *gqlerror.Error {
	if value == nil {
		return nil
	}
	var ok bool
	if *into, ok = value.(T); !ok {
		return argumentError(key, "%s must be a JSON %s", key, kind)
	}
	return nil
}

func argumentError(name, format string, args ...any) *gqlerror.Error {
	err := apierror.Errorf(fault.BadUserInput, format, args...)
	err.Extensions["argument"] = name
	return err
}

// decodeJSON reads one JSON text.
func decodeJSON(text []byte, request *admission.Request) (any, *gqlerror.Error) {
	return decode(text, request, nil)
}

// decode reads one JSON text. Repeated keys of the outermost object are passed
// to repeated, if that is not nil, and rejected otherwise.
func decode(text []byte, request *admission.Request, repeated func(key string)) (any, *gqlerror.Error) {
	if !utf8.Valid(text) {
		return nil, apierror.Errorf(fault.BadUserInput, "the request is not valid UTF-8")
	}
	d := decoders.get()
	if d == nil {
		d = &decoder{Decoder: jsontext.NewDecoder(&bytes.Buffer{})}
	}
	// The decoder reads the text in place.
	d.text = *bytes.NewBuffer(text)
	d.Reset(&d.text, jsontext.AllowDuplicateNames(true))
	d.values, d.uncharged, d.request, d.repeated = 0, 0, request, repeated
	defer func() {
		d.text, d.request, d.repeated = bytes.Buffer{}, nil, nil
		d.Reset(&d.text)
		decoders.put(d, 0)
	}()
	value, err := d.value()
	if err == nil {
		err = d.charge(0)
	}
	if err == nil {
		if _, err = d.ReadToken(); errors.Is(err, io.EOF) {
			return value, nil
		}
		err = errMore
	}
	return nil, d.refusal(err)
}

var decoders = make(pool[*decoder], maxPooled)

// decoder builds the values of a JSON text.
type decoder struct {
	*jsontext.Decoder
	text     bytes.Buffer
	values   int
	repeated func(key string)
	// request is charged for the values, uncharged bytes at a time.
	request   *admission.Request
	uncharged int
}

const (
	// valueSize and objectSize are the approximate sizes of a value and an object in
	// memory, without their texts.
	valueSize, objectSize = 48, 96
	// chargeAt is the number of bytes that are charged together.
	chargeAt = 32 << 10
)

// charge charges the uncharged bytes if there are more than above.
func (d *decoder) charge(above int) error {
	if d.uncharged <= above {
		return nil
	}
	bytes := d.uncharged
	d.uncharged = 0
	return d.request.Hold(bytes)
}

var (
	errRepeated = errors.New("a key stands twice in an object")
	errMore     = errors.New("more follows after the first JSON value")
	errTooMany  = fmt.Errorf("it has more than %d values", maxValues)
	errTooDeep  = fmt.Errorf("it nests deeper than %d", maxNesting)
)

func (d *decoder) value() (any, error) {
	if d.values++; d.values > maxValues {
		return nil, errTooMany
	}
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	d.uncharged += valueSize
	if err := d.charge(chargeAt); err != nil {
		return nil, err
	}
	switch token.Kind() {
	case jsontext.KindBeginObject:
		return d.object()
	case jsontext.KindBeginArray:
		return d.array()
	case jsontext.KindString:
		text := token.String()
		d.uncharged += len(text)
		return text, nil
	case jsontext.KindNumber:
		text := token.String()
		d.uncharged += len(text)
		return json.Number(text), nil
	case jsontext.KindTrue, jsontext.KindFalse:
		return token.Bool(), nil
	case jsontext.KindNull, jsontext.KindInvalid, jsontext.KindEndObject, jsontext.KindEndArray:
	}
	return nil, nil
}

func (d *decoder) object() (any, error) {
	if d.StackDepth() > maxNesting {
		return nil, errTooDeep
	}
	object := map[string]any{}
	d.uncharged += objectSize
	for members := 1; d.PeekKind() != jsontext.KindEndObject; members++ {
		key, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := key.String()
		d.uncharged += valueSize + len(name)
		value, err := d.value()
		if err != nil {
			return nil, err
		}
		if object[name] = value; len(object) == members {
			continue
		}
		if d.StackDepth() > 1 || d.repeated == nil {
			return nil, errRepeated
		}
		d.repeated(name)
		members--
	}
	_, err := d.ReadToken()
	return object, err
}

func (d *decoder) array() (any, error) {
	if d.StackDepth() > maxNesting {
		return nil, errTooDeep
	}
	array := []any{}
	for d.PeekKind() != jsontext.KindEndArray {
		element, err := d.value()
		if err != nil {
			return nil, err
		}
		array = append(array, element)
	}
	_, err := d.ReadToken()
	return array, err
}

// refusal returns the error for a client, without the text that err may quote. It
// has the argument if the text is syntactically JSON: for half a surrogate pair and
// a repeated key.
func (d *decoder) refusal(err error) *gqlerror.Error {
	if refused := admission.Refusal(err); refused != nil {
		return refused
	}
	code, message, at, path := fault.BadUserInput, err.Error(), d.InputOffset(), ""
	pointer := d.StackPointer()
	var invalid *jsontext.SyntacticError
	if errors.As(err, &invalid) {
		at, pointer = invalid.ByteOffset, invalid.JSONPointer
	}
	_, expected, incomplete := strings.Cut(message, "(expecting ")
	switch {
	case errors.Is(err, errTooMany):
		code = fault.PayloadTooLarge
	case errors.Is(err, errMore), errors.Is(err, errTooDeep):
	case errors.Is(err, errRepeated):
		path = argumentPath(pointer)
	case strings.Contains(message, "invalid surrogate pair"):
		message, path = "half a surrogate pair stands in a text", argumentPath(pointer)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		message = "it ends too early"
	case incomplete && strings.Contains(expected, "'"):
		expected, _, _ = strings.Cut(expected, ")")
		message = expected + " is missing"
	default:
		message = "a value or a key is malformed"
	}
	refused := apierror.Errorf(code, "the request is not one JSON value of the allowed form: %s at byte %d", message, at)
	if path != "" {
		refused.Extensions["argument"] = path
	}
	return refused
}

// identifier matches the name of a variable or field, and an index.
var identifier = regexp.MustCompile(`^\w{1,64}$`)

// argumentPath returns the path to a value, up to a key that cannot be the name
// of a variable or field: it is the caller's data, which may be secret.
func argumentPath(pointer jsontext.Pointer) string {
	var path []string
	for step := range pointer.Tokens() {
		if !identifier.MatchString(step) {
			break
		}
		path = append(path, step)
	}
	return strings.Join(path, ".")
}
