package catalog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/fault"
)

// refusal is what a test expects of a *fault.Error about the argument "input".
type refusal struct {
	code         fault.Code
	line, column int
	message      string // a part of it
}

func badInput(line, column int, message string) refusal {
	return refusal{fault.BadUserInput, line, column, message}
}

func tooLargeAt(line, column int, message string) refusal {
	return refusal{fault.PayloadTooLarge, line, column, message}
}

func (want refusal) check(t testing.TB, err error) {
	t.Helper()
	got, ok := fault.As(err)
	if !ok {
		t.Fatalf("error = %v, want a fault with %q", err, want.message)
	}
	if got.Code != want.code || got.Argument != "input" || got.Line != want.line || got.Column != want.column {
		t.Errorf("fault = %s %s %d:%d, want %s input %d:%d (%v)",
			got.Code, got.Argument, got.Line, got.Column, want.code, want.line, want.column, err)
	}
	if !strings.Contains(got.Message, want.message) {
		t.Errorf("message = %q, want %q in it", got.Message, want.message)
	}
}

func TestCheckJSON_OneDocument_Accepted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-0`, `12`, `-1.5e+3`, `1E-3`, `""`, `[]`, `{}`, " \t\r\n{ } \n",
		`{"a":[1,{"b":null},"x"],"c":{}}`,
		`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, `"é😀` + "\u2028\u007f\uffff" + `"`,
		`{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"":1," ":2,"A":3,"a":4}`,
		strings.Repeat("9", 400), "0." + strings.Repeat("0", 397) + "1",
		`1e308`, `1e-308`, `0e308`, `123.4e306`, `1e0308`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if err := CheckJSON("input", []byte(text), DefaultLimits()); err != nil {
			t.Errorf("CheckJSON(%.60q) = %v, want nil", text, err)
		}
	}
}

func TestCheckJSON_NotStorable_RefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       refusal
	}{
		{"nothing", ``, badInput(1, 1, "the end of the text where a JSON value should begin")},
		{"white space only", " \n ", badInput(2, 2, "the end of the text")},
		{"byte order mark", "\ufeff1", badInput(1, 1, "where a JSON value should begin")},
		{"second document", "1\n 2", badInput(2, 2, "'2' follows the end")},
		{"bare word", `nul`, badInput(1, 1, "'n'")},
		{"single quotes", `{'a':1}`, badInput(1, 2, "quoted key")},
		{"comma at the end of a list", `[1,]`, badInput(1, 4, "']'")},
		{"comma at the end of an object", `{"a":1,}`, badInput(1, 8, "'}'")},
		{"no comma", `[1 2]`, badInput(1, 4, "',' or ']'")},
		{"no comma in an object", `{"a":1 "b":2}`, badInput(1, 8, "',' or '}'")},
		{"no colon", `{"a" 1}`, badInput(1, 6, "':'")},
		{"open list", "[\n[1]", badInput(2, 4, "the end of the text")},
		{"open string", `["a`, badInput(1, 2, "has no end")},
		{"open escape", `"\`, badInput(1, 2, "the end of the text")},
		{"comment", "// x\n1", badInput(1, 1, "'/'")},
		{"NaN", `NaN`, badInput(1, 1, "'N'")},
		{"plus sign", `+1`, badInput(1, 1, "'+'")},
		{"leading zero", `[007]`, badInput(1, 2, "begin with 0")},
		{"no digit before the point", `.5`, badInput(1, 1, "'.'")},
		{"no digit after the point", `1.`, badInput(1, 3, "a digit should follow")},
		{"no digit in the exponent", `1e+`, badInput(1, 4, "a digit should follow")},
		{"only a minus", `[-]`, badInput(1, 3, "a digit should follow")},
		{"NUL byte", "[1,\x00]", badInput(1, 4, "'\\x00'")},
		{"raw control character", "\"a\nb\"", badInput(1, 3, "U+000A")},
		{"unknown escape", `"é\x"`, badInput(1, 3, "'x'")},
		{"short escape", `"\u12g4"`, badInput(1, 2, "four hexadecimal digits")},
		{"escaped NUL", `{"é":"ab\u0000"}`, badInput(1, 9, `\u0000 cannot`)},
		{"escaped NUL in a key", `{"\u0000":1}`, badInput(1, 3, `\u0000 cannot`)},
		{"high surrogate alone", `"\ud83d"`, badInput(1, 2, `\ud83d`)},
		{"high surrogate twice", `"\ud83d\ud83d"`, badInput(1, 2, `\ud83d`)},
		{"low surrogate alone", `"\ude00"`, badInput(1, 2, `\ude00`)},
		{"low surrogate twice", `"\ude00\ude00"`, badInput(1, 2, `\ude00`)},
		{"low surrogate in a key", `{"a\udE00":1}`, badInput(1, 4, `\ude00`)},
		{"not UTF-8", "\"a\xff\"", badInput(1, 3, "not valid UTF-8")},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", badInput(1, 2, "not valid UTF-8")},
		{"overlong UTF-8", "\"\xc0\x80\"", badInput(1, 2, "not valid UTF-8")},
		{"long number", "[" + strings.Repeat("9", 401) + "]", badInput(1, 2, "this one is 401")},
		{"large exponent", `{"a":1e309}`, badInput(1, 6, "beyond ±308")},
		{"small exponent", `1e-309`, badInput(1, 1, "beyond ±308")},
		{"large exponent of zero", `0e999`, badInput(1, 1, "beyond ±308")},
		{"exponent beyond int", `1e99999999999999999999`, badInput(1, 1, "beyond ±308")},
		{"large effective exponent", `-1000e306`, badInput(1, 1, "beyond ±308")},
		{"small effective exponent", `0.001e-306`, badInput(1, 1, "beyond ±308")},
		{"large exponent of a small number", `0.01e310`, badInput(1, 1, "beyond ±308")},
		{"key twice", "{\"a\":1,\n \"b\":2, \"a\":3}", badInput(2, 9, `"a" appears twice`)},
		{"key twice, once escaped", `{"a":1,"\u0061":2}`, badInput(1, 8, `"a" appears twice`)},
		{"key twice, deep", `[{"x":{"a":1,"a":1}}]`, badInput(1, 14, `"a" appears twice`)},
		{"key twice around an object", `{"a":{"b":1},"a":2}`, badInput(1, 14, `"a" appears twice`)},
		{"101 levels", strings.Repeat("[", 101) + strings.Repeat("]", 101), tooLargeAt(1, 101, "100 levels")},
		{"101 levels of objects", strings.Repeat(`{"":`, 101), tooLargeAt(1, 401, "100 levels")},
		{"ten million levels", strings.Repeat(`[`, 8<<20), tooLargeAt(1, 101, "100 levels")},
		{"too many bytes", `"` + strings.Repeat("x", 8<<20) + `"`, tooLargeAt(0, 0, "8388610 bytes")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.check(t, CheckJSON("input", []byte(test.text), DefaultLimits()))
		})
	}
}

func TestCheckJSON_LimitsGiven_Obeyed(t *testing.T) {
	t.Parallel()
	limits := Limits{PayloadBytes: 4, Depth: 1}
	if err := CheckJSON("input", []byte(`[10]`), limits); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	tooLargeAt(0, 0, "5 bytes").check(t, CheckJSON("input", []byte(`[100]`), limits))
	tooLargeAt(1, 2, "1 levels").check(t, CheckJSON("input", []byte(`[[]]`), limits))
}

func TestCheckJSON_LargeObject_DuplicateKeyFound(t *testing.T) {
	t.Parallel()
	for _, size := range []int{15, 16, 17, 100, 5000} {
		var object strings.Builder
		object.WriteString(`{"inner":{"k0":1,"k1":2}`)
		for i := range size {
			fmt.Fprintf(&object, `,"k%d":{"k%d":0}`, i, i)
		}
		if err := CheckJSON("input", []byte(object.String()+"}"), DefaultLimits()); err != nil {
			t.Errorf("%d keys: %v", size, err)
		}
		// One object after another: what is kept of the first must not count.
		twice := "[" + object.String() + "}," + object.String() + "}]"
		if err := CheckJSON("input", []byte(twice), DefaultLimits()); err != nil {
			t.Errorf("%d keys, twice: %v", size, err)
		}
		repeated := fmt.Sprintf("%s,\n%q:1}", object.String(), fmt.Sprintf("k%d", size/2))
		badInput(2, 1, "appears twice").check(t, CheckJSON("input", []byte(repeated), DefaultLimits()))
	}
}

func TestCheckJSON_LongInput_MessageStaysShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1000)
	for _, text := range []string{
		`{"` + long + `":1,"` + long + `":2}`,
		strings.Repeat("1", 399) + "e9",
		long,
	} {
		err := CheckJSON("input", []byte(text), DefaultLimits())
		if err == nil || len(err.Error()) > 160 || !utf8.ValidString(err.Error()) {
			t.Errorf("error = %v, want one of at most 160 bytes of UTF-8", err)
		}
	}
}

func TestCheckJSON_SmallPayload_AllocatesOnce(t *testing.T) {
	payload := []byte(benchmarkJSON())
	if allocations := testing.AllocsPerRun(100, func() {
		if err := CheckJSON("input", payload, DefaultLimits()); err != nil {
			t.Fatal(err)
		}
	}); allocations > 1 {
		t.Errorf("%v allocations, want one at most", allocations)
	}
}

func TestCheckJSON_AnyMarshalledValue_Accepted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(anyJSON(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckJSON("input", raw, DefaultLimits()); err != nil {
			t.Fatalf("CheckJSON(%s) = %v", raw, err)
		}
	})
}

// anyJSON generates what encoding/json marshals, depth levels deep at most.
func anyJSON(depth int) *rapid.Generator[any] {
	kinds := []*rapid.Generator[any]{
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.Int64().AsAny(),
		rapid.Float64Range(-1e300, 1e300).Filter(func(f float64) bool { return f == 0 || f > 1e-300 || f < -1e-300 }).AsAny(),
		storableString().AsAny(),
		rapid.SampledFrom([]any{
			"", "null", "~", "yes", "0755", "1e3", "- a", "a: b", "# c", "<<", "!x", "&a", "*a", "|", ">", "{", "]", ",", "@", "`",
			"%", "'", "\"", "\\", "a\nb\n", "\n", " a", "a ", "\ta", "---", "...", "?", ":", "2001-01-01", ".inf", "=",
		}),
	}
	if depth > 0 {
		kinds = append(kinds,
			rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(depth - 1) }), 0, 5).AsAny(),
			rapid.MapOfN(storableString(), rapid.Deferred(func() *rapid.Generator[any] { return anyJSON(depth - 1) }), 0, 20).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func storableString() *rapid.Generator[string] {
	return rapid.Map(rapid.StringN(0, 20, -1), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
}

func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00"],"b":{}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, `1e309`, ` [ ] `, "\"\xff\"",
		`[[[[[[`, `{"":{"":{"":0}}}`, `01`, `1 2`, "\"\\u0000\"",
	} {
		f.Add([]byte(seed))
	}
	limits := Limits{PayloadBytes: 1 << 16, Depth: 20}
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := CheckJSON("input", raw, limits)
		if err == nil {
			if !json.Valid(raw) || !utf8.Valid(raw) {
				t.Fatalf("accepted %q", raw)
			}
			return
		}
		checkFuzzedFault(t, err)
		if !json.Valid(raw) {
			return
		}
		// What encoding/json takes and we do not must be one of our own rules.
		for _, rule := range []string{
			"appears twice", "beyond ±308", "a number may be", `\u0000`, "surrogate", "UTF-8", "levels", "bytes long",
		} {
			if strings.Contains(err.Error(), rule) {
				return
			}
		}
		t.Fatalf("refused valid JSON %q: %v", raw, err)
	})
}

func checkFuzzedFault(t *testing.T, err error) {
	t.Helper()
	refused, ok := fault.As(err)
	if !ok || len(refused.Message) > 400 || !utf8.ValidString(refused.Message) {
		t.Fatalf("error = %v, want a fault with a short message", err)
	}
	if refused.Code == fault.BadUserInput && (refused.Line < 1 || refused.Column < 1) {
		t.Fatalf("place = %d:%d for %v", refused.Line, refused.Column, err)
	}
}

// benchmarkJSON is some 1.5 KB of a playbook's kind.
func benchmarkJSON() string {
	var text strings.Builder
	text.WriteString(`{"apiVersion":"noetl.io/v2","kind":"Playbook","metadata":{"name":"load","path":"examples/load"},"workflow":[`)
	for i := range 7 {
		if i > 0 {
			text.WriteString(",")
		}
		fmt.Fprintf(&text, `{"step":"step_%d","desc":"Fetch page %d of the \"orders\" report","tool":{"kind":"http","method":"GET",`+
			`"url":"https://api.example.com/orders?page=%d","timeout":2.5,"retry":{"max":3,"wait":[1,2,4]}},"next":["step_%d"]}`, i, i, i, i+1)
	}
	text.WriteString(`]}`)
	return text.String()
}

func BenchmarkCheckJSON(b *testing.B) {
	payload := []byte(benchmarkJSON())
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := CheckJSON("input", payload, DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}
