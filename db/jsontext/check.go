package jsontext

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Limits bound the size of payloads for the database and for readers.
type Limits struct {
	// PayloadBytes is the largest JSON or YAML text, in bytes.
	PayloadBytes int
	// Depth is the deepest nesting of arrays and objects; a scalar payload has
	// depth 0.
	Depth int
}

// DefaultLimits are 8 MiB and 100 levels, which the database checks too.
func DefaultLimits() Limits {
	return Limits{PayloadBytes: 8 << 20, Depth: 100}
}

// MaxNumberLength is the longest number, in characters. PostgreSQL's jsonb
// stores a number as numeric, which writes out every digit of 1e131071: 901 bytes
// of input become 13 MB for each reader.
const (
	MaxNumberLength   = 400
	maxNumberExponent = 308
)

// Check reports whether raw is one JSON document (RFC 8259, UTF-8) that jsonb
// stores unchanged in meaning.
//
// It returns BAD_USER_INPUT, with line and column, for a syntax error, anything
// after the document, invalid UTF-8, \u0000 and lone surrogates (jsonb has
// neither), a number of more than 400 characters or an exponent beyond ±308, and
// a key that appears twice in one object (jsonb would drop the first silently),
// and PAYLOAD_TOO_LARGE for more bytes or levels than the limits allow.
func Check(argument string, raw []byte, limits Limits) error {
	if len(raw) > limits.PayloadBytes {
		return TooLarge(argument, len(raw), limits)
	}
	c := checker{Decoder: jsontext.NewDecoder(bytes.NewBuffer(raw)), argument: argument, raw: raw, depth: limits.Depth}
	for next := true; next; next = c.StackDepth() > 0 {
		if err := c.token(); err != nil {
			return err
		}
	}
	end := len(raw) - len(bytes.TrimLeft(raw[c.InputOffset():], " \t\r\n"))
	if end < len(raw) {
		return c.fault(end, "%s follows the end of the JSON document", quoteFirst(raw[end:]))
	}
	return nil
}

// TooLarge returns the error for a text of too many bytes.
func TooLarge(argument string, size int, limits Limits) *fault.Error {
	return fault.New(fault.PayloadTooLarge, argument, "is %d bytes long; %d are allowed", size, limits.PayloadBytes)
}

// TooDeep returns the error for a text with more levels than limits allow.
func TooDeep(argument string, line, column int, limits Limits) *fault.Error {
	err := fault.New(fault.PayloadTooLarge, argument,
		"is nested too deeply: lists and objects may stand %d levels inside one another", limits.Depth)
	err.Line, err.Column = line, column
	return err
}

type checker struct {
	*jsontext.Decoder
	argument string
	raw      []byte
	depth    int
}

// token checks the next token of the document.
func (c *checker) token() error {
	kind := c.PeekKind()
	if kind != jsontext.KindString && kind != jsontext.KindNumber {
		if _, err := c.ReadToken(); err != nil {
			return c.refusal(err)
		}
		if c.StackDepth() > c.depth {
			line, column := fault.Position(c.raw[:c.InputOffset()-1])
			return TooDeep(c.argument, line, column, Limits{Depth: c.depth})
		}
		return nil
	}
	text, err := c.ReadValue()
	if err != nil {
		return c.refusal(err)
	}
	start := int(c.InputOffset()) - len(text)
	if kind == jsontext.KindNumber {
		if problem := NumberProblem(text); problem != "" {
			return c.fault(start, "%s", problem)
		}
	} else if at := escapedNUL(text); at >= 0 {
		return c.fault(start+at, `\u0000 cannot be stored`)
	}
	return nil
}

// escapedNUL returns the index of the escape \u0000 in a JSON string, or -1.
func escapedNUL(text []byte) int {
	if !bytes.Contains(text, []byte(`\u0000`)) {
		return -1
	}
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			if bytes.HasPrefix(text[i:], []byte(`\u0000`)) {
				return i
			}
			i++ // the escaped character may be another backslash
		}
	}
	return -1
}

// refusal converts an error of the decoder.
func (c *checker) refusal(err error) *fault.Error {
	var invalid *jsontext.SyntacticError
	if !errors.As(err, &invalid) { // io.EOF: there is no value
		return c.fault(len(c.raw), "the end of the text where a JSON value should begin")
	}
	at := int(invalid.ByteOffset)
	if errors.Is(err, jsontext.ErrDuplicateName) {
		return c.fault(at, "the key %s appears twice in one object", fault.Excerpt(invalid.JSONPointer.LastToken()))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		if last := bytes.TrimLeft(c.raw[c.InputOffset():], " \t\r\n,:"); len(last) > 0 {
			return c.fault(len(c.raw)-len(last), "the value that begins here is not complete")
		}
		return c.fault(len(c.raw), "the JSON document is not complete")
	}
	message := strings.TrimPrefix(invalid.Err.Error(), "jsontext: ")
	if strings.HasPrefix(message, "invalid surrogate pair") {
		message = string(c.raw[at:min(at+6, len(c.raw))]) + " is one half of a surrogate pair without the other"
	} else if kind, length := c.StackIndex(c.StackDepth()); kind == jsontext.KindBeginObject && length%2 == 0 && !bytes.HasPrefix(c.raw[at:], []byte{','}) {
		message = strings.Replace(message, "at start of value", "at start of a quoted key", 1)
	}
	return c.fault(at, "%s", message)
}

func (c *checker) fault(at int, format string, args ...any) *fault.Error {
	line, column := fault.Position(c.raw[:at])
	return fault.At(c.argument, line, column, format, args...)
}

// quoteFirst quotes the first character of a text for a message.
func quoteFirst(text []byte) string {
	r, size := utf8.DecodeRune(text)
	if r == utf8.RuneError && size == 1 {
		return "a byte that is not UTF-8"
	}
	return strconv.QuoteRuneToASCII(r)
}

// NumberProblem returns why jsonb should not store a well-formed JSON number;
// empty if it may. Without an exponent, PostgreSQL writes as many digits as were
// given; with one, the exponent and the position of the first significant digit
// (1000e306 is 1e309) must both stay within a float64's range.
func NumberProblem(number []byte) string {
	if len(number) > MaxNumberLength {
		return fmt.Sprintf("a number may be %d characters long; this one is %d", MaxNumberLength, len(number))
	}
	e := bytes.IndexAny(number, "eE")
	if e < 0 {
		return ""
	}
	// A numeral too long for an int is far beyond the limit as well.
	exponent, err := strconv.Atoi(string(number[e+1:]))
	if err != nil || beyondExponent(exponent) || beyondExponent(exponent+magnitude(number[:e])) {
		return "the exponent of the number " + fault.Excerpt(string(number)) + " is beyond ±" + strconv.Itoa(maxNumberExponent)
	}
	return ""
}

func beyondExponent(exponent int) bool {
	return exponent > maxNumberExponent || exponent < -maxNumberExponent
}

// magnitude is the power of ten of the first digit other than 0 in a number
// without exponent: 2 for 123.4, -3 for 0.00123, 0 for zero.
func magnitude(number []byte) int {
	point := bytes.IndexByte(number, '.')
	if point < 0 {
		point = len(number)
	}
	first := bytes.IndexAny(number, "123456789")
	switch {
	case first < 0:
		return 0
	case first < point:
		return point - first - 1
	default:
		return point - first
	}
}
