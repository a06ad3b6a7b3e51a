package jsontext

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/fault/faulttest"
	"github.com/noetl/noetl-catalog/db/jsontext/jsontest"
)

func TestCheck_OneDocument_Accepted(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`null`, `true`, `false`, `0`, `-0`, `12`, `-1.5e+3`, `1E-3`, `""`, `[]`, `{}`, " \t\r\n{ } \n",
		`{"a":[1,{"b":null},"x"],"c":{}}`,
		`"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, `"é😀` + "\u2028\u007f\uffff" + `"`,
		`{"a":{"a":{"a":1}},"b":{"a":1}}`, `{"":1," ":2,"A":3,"a":4}`, `"\\u0000"`,
		strings.Repeat("9", 400), "0." + strings.Repeat("0", 397) + "1",
		`1e308`, `1e-308`, `0e308`, `123.4e306`, `1e0308`,
		strings.Repeat("[", 100) + strings.Repeat("]", 100),
	} {
		if err := Check("input", []byte(text), DefaultLimits()); err != nil {
			t.Errorf("Check(%.60q) = %v, want nil", text, err)
		}
	}
}

func TestCheck_NotStorable_RefusedWithPosition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       faulttest.Refusal
	}{
		{"nothing", ``, faulttest.BadInput(1, 1, "the end of the text where a JSON value should begin")},
		{"white space only", " \n ", faulttest.BadInput(2, 2, "the end of the text")},
		{"byte order mark", "\ufeff1", faulttest.BadInput(1, 1, "at start of value")},
		{"second document", "1\n 2", faulttest.BadInput(2, 2, "'2' follows the end")},
		{"bare word", `nul`, faulttest.BadInput(1, 1, "begins here is not complete")},
		{"single quotes", `{'a':1}`, faulttest.BadInput(1, 2, `'\'' at start of a quoted key`)},
		{"comma at the end of a list", `[1,]`, faulttest.BadInput(1, 3, "',' at start of value")},
		{"comma at the end of an object", `{"a":1,}`, faulttest.BadInput(1, 7, "',' at start of value")},
		{"no comma", `[1 2]`, faulttest.BadInput(1, 4, "',' or ']'")},
		{"no comma in an object", `{"a":1 "b":2}`, faulttest.BadInput(1, 8, "',' or '}'")},
		{"no colon", `{"a" 1}`, faulttest.BadInput(1, 6, "':'")},
		{"open list", "[\n[1]", faulttest.BadInput(2, 4, "not complete")},
		{"open string", `["a`, faulttest.BadInput(1, 2, "begins here is not complete")},
		{"open escape", `"\`, faulttest.BadInput(1, 1, "begins here is not complete")},
		{"comment", "// x\n1", faulttest.BadInput(1, 1, "'/'")},
		{"NaN", `NaN`, faulttest.BadInput(1, 1, "'N'")},
		{"plus sign", `+1`, faulttest.BadInput(1, 1, "'+'")},
		{"leading zero", `[007]`, faulttest.BadInput(1, 3, "',' or ']'")},
		{"no digit before the point", `.5`, faulttest.BadInput(1, 1, "'.'")},
		{"no digit after the point", `1.`, faulttest.BadInput(1, 1, "begins here is not complete")},
		{"no digit in the exponent", `1e+`, faulttest.BadInput(1, 1, "begins here is not complete")},
		{"only a minus", `[-]`, faulttest.BadInput(1, 3, "expecting digit")},
		{"NUL byte", "[1,\x00]", faulttest.BadInput(1, 4, "'\\x00'")},
		{"raw control character", "\"a\nb\"", faulttest.BadInput(1, 3, `invalid character '\n' in string`)},
		{"unknown escape", `"é\x"`, faulttest.BadInput(1, 3, "invalid escape sequence `\\x`")},
		{"short escape", `"\u12g4"`, faulttest.BadInput(1, 2, "invalid escape sequence `\\u12g4`")},
		{"escaped NUL", `{"é":"ab\u0000"}`, faulttest.BadInput(1, 9, `\u0000 cannot`)},
		{"escaped NUL after a backslash", `"\\\u0000"`, faulttest.BadInput(1, 4, `\u0000 cannot`)},
		{"escaped NUL in a key", `{"\u0000":1}`, faulttest.BadInput(1, 3, `\u0000 cannot`)},
		{"high surrogate alone", `"\ud83d"`, faulttest.BadInput(1, 2, `\ud83d`)},
		{"high surrogate twice", `"\ud83d\ud83d"`, faulttest.BadInput(1, 2, `\ud83d`)},
		{"low surrogate alone", `"\ude00"`, faulttest.BadInput(1, 2, `\ude00`)},
		{"low surrogate twice", `"\ude00\ude00"`, faulttest.BadInput(1, 2, `\ude00`)},
		{"low surrogate in a key", `{"a\udE00":1}`, faulttest.BadInput(1, 4, `\udE00`)},
		{"not UTF-8", "\"a\xff\"", faulttest.BadInput(1, 3, "invalid UTF-8")},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", faulttest.BadInput(1, 2, "invalid UTF-8")},
		{"overlong UTF-8", "\"\xc0\x80\"", faulttest.BadInput(1, 2, "invalid UTF-8")},
		{"long number", "[" + strings.Repeat("9", 401) + "]", faulttest.BadInput(1, 2, "this one is 401")},
		{"large exponent", `{"a":1e309}`, faulttest.BadInput(1, 6, "beyond ±308")},
		{"small exponent", `1e-309`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"large exponent of zero", `0e999`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"exponent beyond int", `1e99999999999999999999`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"large effective exponent", `-1000e306`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"small effective exponent", `0.001e-306`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"large exponent of a small number", `0.01e310`, faulttest.BadInput(1, 1, "beyond ±308")},
		{"key twice", "{\"a\":1,\n \"b\":2, \"a\":3}", faulttest.BadInput(2, 9, `"a" appears twice`)},
		{"key twice, once escaped", `{"a":1,"\u0061":2}`, faulttest.BadInput(1, 8, `"a" appears twice`)},
		{"key twice, deep", `[{"x":{"a":1,"a":1}}]`, faulttest.BadInput(1, 14, `"a" appears twice`)},
		{"key twice around an object", `{"a":{"b":1},"a":2}`, faulttest.BadInput(1, 14, `"a" appears twice`)},
		{"101 levels", strings.Repeat("[", 101) + strings.Repeat("]", 101), faulttest.TooLarge(1, 101, "100 levels")},
		{"101 levels of objects", strings.Repeat(`{"":`, 101), faulttest.TooLarge(1, 401, "100 levels")},
		{"ten million levels", strings.Repeat(`[`, 8<<20), faulttest.TooLarge(1, 101, "100 levels")},
		{"too many bytes", `"` + strings.Repeat("x", 8<<20) + `"`, faulttest.TooLarge(0, 0, "8388610 bytes")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.want.Check(t, Check("input", []byte(test.text), DefaultLimits()))
		})
	}
}

func TestCheck_Limits_Enforced(t *testing.T) {
	t.Parallel()
	limits := Limits{PayloadBytes: 4, Depth: 1}
	if err := Check("input", []byte(`[10]`), limits); err != nil {
		t.Errorf("at the limits: %v", err)
	}
	faulttest.TooLarge(0, 0, "5 bytes").Check(t, Check("input", []byte(`[100]`), limits))
	faulttest.TooLarge(1, 2, "1 levels").Check(t, Check("input", []byte(`[[]]`), limits))
}

func TestCheck_LargeObject_DuplicateKeyFound(t *testing.T) {
	t.Parallel()
	for _, size := range []int{15, 16, 17, 100, 5000} {
		var object strings.Builder
		object.WriteString(`{"inner":{"k0":1,"k1":2}`)
		for i := range size {
			fmt.Fprintf(&object, `,"k%d":{"k%d":0}`, i, i)
		}
		if err := Check("input", []byte(object.String()+"}"), DefaultLimits()); err != nil {
			t.Errorf("%d keys: %v", size, err)
		}
		// One object after another: the keys of the first must not count for the second.
		twice := "[" + object.String() + "}," + object.String() + "}]"
		if err := Check("input", []byte(twice), DefaultLimits()); err != nil {
			t.Errorf("%d keys, twice: %v", size, err)
		}
		repeated := fmt.Sprintf("%s,\n%q:1}", object.String(), fmt.Sprintf("k%d", size/2))
		faulttest.BadInput(2, 1, "appears twice").Check(t, Check("input", []byte(repeated), DefaultLimits()))
	}
}

func TestCheck_LongInput_MessageStaysShort(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 1000)
	for _, text := range []string{
		`{"` + long + `":1,"` + long + `":2}`,
		strings.Repeat("1", 399) + "e9",
		long,
	} {
		err := Check("input", []byte(text), DefaultLimits())
		if err == nil || len(err.Error()) > 160 || !utf8.ValidString(err.Error()) {
			t.Errorf("error = %v, want one of at most 160 bytes of UTF-8", err)
		}
	}
}

func TestCheck_AnyMarshalledValue_Accepted(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(jsontest.Any(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		if err := Check("input", raw, DefaultLimits()); err != nil {
			t.Fatalf("Check(%s) = %v", raw, err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-2.5e3,true,false,null,"x\u00e9\ud83d\ude00"],"b":{}}`, `{"a":1,"\u0061":2}`, `"\ud800"`, `1e309`, ` [ ] `, "\"\xff\"",
		`[[[[[[`, `{"":{"":{"":0}}}`, `01`, `1 2`, "\"\\u0000\"",
	} {
		f.Add([]byte(seed))
	}
	limits := Limits{PayloadBytes: 1 << 16, Depth: 20}
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := Check("input", raw, limits)
		if err == nil {
			if !json.Valid(raw) || !utf8.Valid(raw) {
				t.Fatalf("accepted %q", raw)
			}
			return
		}
		faulttest.CheckAny(t, err)
		if !json.Valid(raw) {
			return
		}
		// If encoding/json accepts a text that Check refuses, one of Check's rules must
		// be the reason.
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

// benchmarkJSON returns about 1.5 KB of JSON like a playbook's.
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

func BenchmarkCheck(b *testing.B) {
	payload := []byte(benchmarkJSON())
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if err := Check("input", payload, DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}
