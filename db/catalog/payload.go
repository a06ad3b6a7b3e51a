package catalog

import (
	"bytes"
	"encoding/json"
	"hash/maphash"
	"math/bits"
	"strconv"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Limits bound what a payload may cost the database and every later reader.
type Limits struct {
	// PayloadBytes is the largest JSON or YAML text, in bytes.
	PayloadBytes int
	// Depth is how many lists and objects may stand inside one another; a
	// payload without any has depth 0.
	Depth int
}

// DefaultLimits are those of DESIGN section 3: 8 MiB and 100 levels.
func DefaultLimits() Limits {
	return Limits{PayloadBytes: 8 << 20, Depth: 100}
}

// PostgreSQL's jsonb stores a number as numeric, which writes out every digit
// of 1e131071: 901 bytes of input become 13 MB for each reader, for ever.
const (
	maxNumberLength   = 400
	maxNumberExponent = 308
)

// CheckJSON says whether raw is one JSON document (RFC 8259, UTF-8) that jsonb
// stores as it was meant. It reads the bytes once and builds nothing.
//
// BAD_USER_INPUT, with line and column, for a syntax error, anything after the
// document, invalid UTF-8, \u0000 and lone surrogates (jsonb has neither), a
// number of more than 400 characters or an exponent beyond ±308, and a key
// that appears twice in one object (jsonb would drop the first silently).
// PAYLOAD_TOO_LARGE for more bytes or levels than the limits allow.
func CheckJSON(argument string, raw []byte, limits Limits) error {
	if len(raw) > limits.PayloadBytes {
		return tooLarge(argument, len(raw), limits)
	}
	s := jsonScanner{argument: argument, raw: raw, maxDepth: limits.Depth, keys: make([]jsonKey, 0, 64)}
	s.space()
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.pos < len(raw) {
		return s.fault(s.pos, "%s follows the end of the JSON document", s.found())
	}
	return nil
}

func tooLarge(argument string, size int, limits Limits) *fault.Error {
	return fault.New(fault.PayloadTooLarge, argument,
		"is %d bytes long; %d are allowed", size, limits.PayloadBytes)
}

func tooDeep(argument string, line, column, maxDepth int) *fault.Error {
	err := fault.New(fault.PayloadTooLarge, argument,
		"is nested too deeply: lists and objects may stand %d levels inside one another", maxDepth)
	err.Line, err.Column = line, column
	return err
}

// jsonScanner is a recursive-descent recogniser; its recursion is bounded by
// maxDepth.
type jsonScanner struct {
	argument string
	raw      []byte
	pos      int
	maxDepth int

	// keys is a stack: the keys of each object that is still open.
	keys []jsonKey
	// table and seed serve duplicateKey; made when a large object needs them.
	table []int32
	seed  maphash.Seed
}

type jsonKey struct {
	text []byte // unescaped
	pos  int    // of the opening quote
}

func (s *jsonScanner) fault(pos int, format string, args ...any) *fault.Error {
	line, column := position(s.raw[:pos])
	return fault.At(s.argument, line, column, format, args...)
}

// position is the line and column, both from 1, of the character that follows
// before. A column is a character (code point), as editors count.
func position(before []byte) (line, column int) {
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte{'\n'}) + 1, utf8.RuneCount(before[start:]) + 1
}

// found names what stands at the current position, for a message.
func (s *jsonScanner) found() string {
	if s.pos == len(s.raw) {
		return "the end of the text"
	}
	r, size := utf8.DecodeRune(s.raw[s.pos:])
	if r == utf8.RuneError && size == 1 {
		return "a byte that is not UTF-8"
	}
	return strconv.QuoteRuneToASCII(r)
}

func (s *jsonScanner) space() {
	for s.pos < len(s.raw) {
		switch s.raw[s.pos] {
		case ' ', '\n', '\t', '\r':
			s.pos++
		default:
			return
		}
	}
}

// next is the byte at the current position, or 0 at the end; a NUL in the text
// is no more acceptable to any caller than its end.
func (s *jsonScanner) next() byte {
	if s.pos < len(s.raw) {
		return s.raw[s.pos]
	}
	return 0
}

func (s *jsonScanner) value(depth int) *fault.Error {
	switch c := s.next(); c {
	case '{', '[':
		if depth >= s.maxDepth {
			line, column := position(s.raw[:s.pos])
			return tooDeep(s.argument, line, column, s.maxDepth)
		}
		if c == '{' {
			return s.object(depth + 1)
		}
		return s.array(depth + 1)
	case '"':
		_, err := s.text()
		return err
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return s.number()
	default:
		return s.fault(s.pos, "%s where a JSON value should begin", s.found())
	}
}

func (s *jsonScanner) word(word string) *fault.Error {
	if !bytes.HasPrefix(s.raw[s.pos:], []byte(word)) {
		return s.fault(s.pos, "%s where a JSON value should begin", s.found())
	}
	s.pos += len(word)
	return nil
}

func (s *jsonScanner) array(depth int) *fault.Error {
	s.pos++
	s.space()
	if s.next() == ']' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		switch s.next() {
		case ',':
			s.pos++
		case ']':
			s.pos++
			return nil
		default:
			return s.fault(s.pos, "%s where ',' or ']' should follow", s.found())
		}
	}
}

func (s *jsonScanner) object(depth int) *fault.Error {
	first := len(s.keys)
	s.pos++
	s.space()
	if s.next() == '}' {
		s.pos++
		return nil
	}
	for {
		s.space()
		if err := s.key(); err != nil {
			return err
		}
		s.space()
		if err := s.value(depth); err != nil {
			return err
		}
		s.space()
		switch s.next() {
		case ',':
			s.pos++
		case '}':
			s.pos++
			if again, found := s.duplicateKey(s.keys[first:]); found {
				return s.fault(again.pos, "the key %s appears twice in one object", excerpt(string(again.text)))
			}
			s.keys = s.keys[:first]
			return nil
		default:
			return s.fault(s.pos, "%s where ',' or '}' should follow", s.found())
		}
	}
}

// key reads a key and its colon and puts it on the stack.
func (s *jsonScanner) key() *fault.Error {
	start := s.pos
	if s.next() != '"' {
		return s.fault(s.pos, "%s where a quoted key should begin", s.found())
	}
	escaped, err := s.text()
	if err != nil {
		return err
	}
	text := s.raw[start+1 : s.pos-1]
	if escaped {
		var plain string
		if err := json.Unmarshal(s.raw[start:s.pos], &plain); err != nil {
			return s.fault(start, "the key is not a JSON string")
		}
		text = []byte(plain)
	}
	s.keys = append(s.keys, jsonKey{text: text, pos: start})
	s.space()
	if s.next() != ':' {
		return s.fault(s.pos, "%s where ':' should follow the key", s.found())
	}
	s.pos++
	return nil
}

// duplicateKey finds a key of one object that repeats an earlier one: by
// comparing each with each in the usual small object, with a hash table of
// indexes where that would be quadratic.
func (s *jsonScanner) duplicateKey(keys []jsonKey) (again jsonKey, found bool) {
	if len(keys) <= 16 {
		for i, key := range keys {
			for _, earlier := range keys[:i] {
				if bytes.Equal(key.text, earlier.text) {
					return key, true
				}
			}
		}
		return jsonKey{}, false
	}
	size := 1 << bits.Len(uint(2*len(keys)))
	if cap(s.table) < size {
		// The seed is random, so that nobody can choose keys that collide.
		s.table, s.seed = make([]int32, size), maphash.MakeSeed()
	}
	table := s.table[:size]
	clear(table)
	for i, key := range keys {
		slot := int(maphash.Bytes(s.seed, key.text) & uint64(size-1))
		for table[slot] != 0 {
			if bytes.Equal(key.text, keys[table[slot]-1].text) {
				return key, true
			}
			slot = (slot + 1) & (size - 1)
		}
		table[slot] = int32(i + 1) //nolint:gosec // an index into a text of fewer than 2^31 bytes
	}
	return jsonKey{}, false
}

// text reads a string with its quotes and says whether it holds an escape.
func (s *jsonScanner) text() (escaped bool, err *fault.Error) {
	start := s.pos
	s.pos++
	for s.pos < len(s.raw) {
		c := s.raw[s.pos]
		switch {
		case c == '"':
			s.pos++
			return escaped, nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return escaped, err
			}
		case c < ' ':
			return escaped, s.fault(s.pos, "a control character (U+%04X) stands in a string unescaped", c)
		case c < utf8.RuneSelf:
			s.pos++
		default:
			r, size := utf8.DecodeRune(s.raw[s.pos:])
			if r == utf8.RuneError && size == 1 {
				return escaped, s.fault(s.pos, "the text is not valid UTF-8")
			}
			s.pos += size
		}
	}
	return escaped, s.fault(start, "the string that begins here has no end")
}

func (s *jsonScanner) escape() *fault.Error {
	start := s.pos
	s.pos++
	switch s.next() {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.pos++
		return nil
	case 'u':
	default:
		return s.fault(start, `a backslash is followed by %s; it may be one of "\/bfnrtu`, s.found())
	}
	unit, ok := hexUnit(s.raw[start:])
	switch {
	case !ok:
		return s.fault(start, `\u is not followed by four hexadecimal digits`)
	case unit == 0:
		return s.fault(start, `\u0000 cannot be stored`)
	case unit < 0xD800 || unit > 0xDFFF:
		s.pos = start + 6
		return nil
	}
	low, ok := hexUnit(s.raw[start+6:])
	if unit > 0xDBFF || !ok || low < 0xDC00 || low > 0xDFFF {
		return s.fault(start, `\u%04x is one half of a surrogate pair without the other`, unit)
	}
	s.pos = start + 12
	return nil
}

// hexUnit reads the UTF-16 unit of the \uXXXX that text begins with.
func hexUnit(text []byte) (unit uint16, ok bool) {
	if len(text) < 6 || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	for _, c := range text[2:6] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		unit = unit<<4 | uint16(c)
	}
	return unit, true
}

func (s *jsonScanner) number() *fault.Error {
	start := s.pos
	if s.next() == '-' {
		s.pos++
	}
	if s.next() == '0' {
		s.pos++
		if c := s.next(); '0' <= c && c <= '9' {
			return s.fault(start, "a JSON number does not begin with 0")
		}
	} else if err := s.digits(); err != nil {
		return err
	}
	if s.next() == '.' {
		s.pos++
		if err := s.digits(); err != nil {
			return err
		}
	}
	if c := s.next(); c == 'e' || c == 'E' {
		s.pos++
		if c := s.next(); c == '+' || c == '-' {
			s.pos++
		}
		if err := s.digits(); err != nil {
			return err
		}
	}
	if problem := numberProblem(s.raw[start:s.pos]); problem != "" {
		return s.fault(start, "%s", problem)
	}
	return nil
}

func (s *jsonScanner) digits() *fault.Error {
	start := s.pos
	for c := s.next(); '0' <= c && c <= '9'; c = s.next() {
		s.pos++
	}
	if s.pos == start {
		return s.fault(s.pos, "%s where a digit should follow", s.found())
	}
	return nil
}

// numberProblem says what keeps a well-formed JSON number out of jsonb, or
// nothing. Without an exponent its length is what it will take to write; with
// one, the exponent and the place of the first digit that counts (1000e306 is
// 1e309) must both stay within a float64's range.
func numberProblem(number []byte) string {
	if len(number) > maxNumberLength {
		return "a number may be " + strconv.Itoa(maxNumberLength) + " characters long; this one is " +
			strconv.Itoa(len(number))
	}
	e := bytes.IndexAny(number, "eE")
	if e < 0 {
		return ""
	}
	// A numeral too long for an int is far beyond the limit as well.
	exponent, err := strconv.Atoi(string(number[e+1:]))
	if err != nil || beyondExponent(exponent) || beyondExponent(exponent+magnitude(number[:e])) {
		return "the exponent of the number " + excerpt(string(number)) + " is beyond ±" + strconv.Itoa(maxNumberExponent)
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

// maxExcerpt is how many bytes of the caller's text a message repeats.
const maxExcerpt = 48

// excerpt quotes the caller's text for a message: its beginning only, and no
// control character as such.
func excerpt(text string) string {
	if len(text) <= maxExcerpt {
		return strconv.Quote(text)
	}
	cut := maxExcerpt
	for cut > 0 && !utf8.RuneStart(text[cut]) {
		cut--
	}
	return strconv.Quote(text[:cut]) + "…"
}
