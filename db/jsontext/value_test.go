package jsontext

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/dbtest"
)

// The special cases of @> in PostgreSQL's documentation and source. The test compares the
// wanted results with PostgreSQL's.
func TestContains_SpecialCases_AsPostgreSQL(t *testing.T) {
	t.Parallel()
	deep := func(levels int, core string) string {
		return strings.Repeat("[", levels) + core + strings.Repeat("]", levels)
	}
	cases := []struct {
		outer, inner string
		want         bool
	}{
		// A scalar at the root acts as an array of one, but does not contain arrays.
		{`["a","b"]`, `"a"`, true},
		{`"a"`, `["a"]`, false},
		{`"a"`, `"a"`, true},
		{`"a"`, `[]`, false},
		{`"a"`, `{}`, false},
		{`[["a"]]`, `"a"`, false},
		{`{"a":1}`, `"a"`, false},
		{`{"a":[1]}`, `{"a":1}`, false},
		{`[[1]]`, `[1]`, false},
		{`null`, `null`, true},
		{`[null]`, `null`, true},
		{`[]`, `null`, false},
		{`true`, `false`, false},
		{`"1"`, `1`, false},

		{`{}`, `{}`, true},
		{`[]`, `[]`, true},
		{`{}`, `[]`, false},
		{`[]`, `{}`, false},
		{`[1]`, `[]`, true},
		{`{"a":1}`, `{}`, true},
		{`{}`, `{"a":1}`, false},
		{`[]`, `[1]`, false},
		{`[]`, `[[]]`, false},
		{`[{}]`, `[[]]`, false},
		{`[[]]`, `[{}]`, false},
		{`[{"a":1}]`, `[{}]`, true},
		{`[[1,2]]`, `[[]]`, true},

		{`[1,2,3]`, `[3,1,3,1]`, true},
		{`[1]`, `[1,1]`, true},
		{`[1,1]`, `[1,2]`, false},
		{`[[1,2],[3]]`, `[[1],[2],[3]]`, true},
		{`[[1],[2]]`, `[[1,2]]`, false},
		{`[{"a":1},{"b":2}]`, `[{"a":1,"b":2}]`, false},
		{`[{"a":1,"b":2}]`, `[{"a":1},{"b":2}]`, true},
		{`{"a":{"b":[1,{"c":2,"d":3}]}}`, `{"a":{"b":[{"d":3}]}}`, true},
		{`{"a":{"b":1}}`, `{"b":1}`, false},
		{`{"a":null}`, `{"a":null}`, true},
		{`{"a":null}`, `{"a":false}`, false},
		{`{"a":[]}`, `{"a":{}}`, false},
		{`{"a":1,"bb":2,"":3}`, `{"":3,"bb":2}`, true},

		// The last of duplicate keys counts.
		{`{"a":2}`, `{"a":1,"a":2}`, true},
		{`{"a":1}`, `{"a":1,"a":2}`, false},
		{`{"a":1}`, `{"a":{"b":1,"b":2},"b":2,"a":1}`, false},
		{`{"a":1,"b":2}`, `{"a":0,"b":2,"\u0061":1}`, true},

		{`1`, `1.000`, true},
		{`1.0`, `10e-1`, true},
		{`0`, `-0.00e5`, true},
		{`-1`, `1`, false},
		{`-120`, `-1.2E+2`, true},
		{`0.00120`, `12e-4`, true},
		{`12`, `12e1`, false},
		{`1e308`, `1` + strings.Repeat("0", 308), true},
		{`1e-308`, `0.` + strings.Repeat("0", 307) + `1`, true},
		{`9007199254740992`, `9007199254740993`, false},
		{strings.Repeat("9", 400), strings.Repeat("9", 399) + "8", false},

		{`"é"`, `"\u00e9"`, true},
		{`"é"`, "\"e\u0301\"", false},
		{`"😀"`, `"\uD83D\ude00"`, true},
		{`"/\b\f\n\r\t\"\\"`, `"\/\u0008\u000c\u000a\u000D\u0009\u0022\u005c"`, true},
		{`"\u007f\u0001"`, "\"\x7f\\u0001\"", true},
		{`"A"`, `"a"`, false},
		{" [ 1 ,\t{ \"a\" : [ ] }\r\n] ", `[{"a":[]},1]`, true},

		{deep(3_000, `"x",1`), deep(90, ``), true},
		{deep(3_000, `"x",1`), deep(3_000, `1`), true},
		{deep(3_000, `"x",1`), deep(2_999, `1`), false},
	}
	outers, inners := make([]string, len(cases)), make([]string, len(cases))
	for i, c := range cases {
		outers[i], inners[i] = c.outer, c.inner
	}
	type row struct {
		Stored   string
		Contains bool
	}
	rows, err := dbtest.Pool(t).Query(t.Context(), `
		SELECT o::jsonb::text, o::jsonb @> i::jsonb
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS c (o, i, n) ORDER BY n`, outers, inners)
	if err != nil {
		t.Fatal(err)
	}
	answers, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		inner, err := Parse(c.inner)
		if err != nil {
			t.Errorf("%.80s: %v", c.inner, err)
			continue
		}
		if answers[i].Contains != c.want {
			t.Errorf("%.80s @> %.80s: want %t; PostgreSQL returns %t", c.outer, c.inner, c.want, answers[i].Contains)
		}
		for _, source := range []string{c.outer, answers[i].Stored} {
			outer, err := Parse(source)
			if err != nil {
				t.Errorf("%.80s: %v", source, err)
				continue
			}
			if got := outer.Contains(inner); got != c.want {
				t.Errorf("%.80s @> %.80s: want %t, got %t", source, c.inner, c.want, got)
			}
		}
	}
}

func TestParse_InvalidForJSONB_Refused(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		``, ` `, `x`, `nul`, `nulL`, `tru`, `1 2`, `[1] ]`, `[`, `{`, `]`, `[1`, `[1,`, `[1,]`, `[,]`, `[1 2]`, `[1}`, `{"a":1]`,
		`{"a"}`, `{"a":}`, `{"a":1,}`, `{a:1}`, `{1:1}`, `{,}`, `{"a":1 "b":2}`, `{"a" 1}`,
		`"`, `"a`, `"\`, `"\"`, `"\x"`, `"\u"`, `"\u12"`, `"\u00g0"`, `"\u+123"`, `"\u0000"`, `"\ud800"`, `"\ud800x"`, `"\ud800\n"`, `"\ud800\u"`,
		`"\ud800\u0041"`, `"\udc00"`, `"\udc00\ud800"`, "\"\n\"", "\"\x00\"", "\"\\n\x01\"", "\"\xff\"", "\"\xed\xa0\x80\"",
		`-`, `+1`, `01`, `-01`, `1.`, `.5`, `1e`, `1e+`, `1.e1`, `0x1`, `1_0`, `NaN`, `Infinity`, `1e99999999999`, `1e-99999999999`,
		"\ufeff1", strings.Repeat("[", maxLevels+1) + strings.Repeat("]", maxLevels+1), strings.Repeat(`{"a":`, 10*maxLevels),
	} {
		if root, err := Parse(source); err == nil {
			t.Errorf("%.80q: want an error, got %+v", source, root)
		}
	}
}

// maxLevels is the library's limit. The database accepts 100 levels.
const maxLevels = 10_000

// The deepest document that the parser accepts contains itself.
func TestParse_ThousandsOfLevels_NoOverflow(t *testing.T) {
	t.Parallel()
	for _, levels := range []int{6_000, maxLevels} {
		for _, source := range []string{
			strings.Repeat("[", levels) + strings.Repeat("]", levels),
			strings.Repeat(`{"a":`, levels-1) + "{}" + strings.Repeat("}", levels-1),
		} {
			root, err := Parse(source)
			if err != nil {
				t.Fatalf("%d levels of %.1s: %v", levels, source, err)
			}
			if !root.Contains(root) {
				t.Errorf("%d levels of %.1s do not contain themselves", levels, source)
			}
		}
	}
}

func TestCanonicalNumber_OneFormPerValue(t *testing.T) {
	t.Parallel()
	for want, numbers := range map[string][]string{
		"0":              {"0", "-0", "0.000", "-0.0e7", "0e-5"},
		"1":              {"1", "1.0", "10e-1", "0.1E+1", "1e0", "1E-0"},
		"-15e-1":         {"-1.5", "-15e-1", "-1.500", "-0.15e1"},
		"12e2":           {"1200", "1200.00", "1.2e3", "12E2", "12000e-1"},
		"1e2147483647":   {"1e2147483647", "1.0e2147483647"},
		"105":            {"105", "105.0", "1.05e2"},
		"1e-3":           {"0.001", "0.0010", "1e-3", "100e-5"},
		"-9007199254741": {"-9007199254741", "-9007199254741.0"},
	} {
		for _, number := range numbers {
			if got, ok := canonicalNumber(number); !ok || got != want {
				t.Errorf("%s: want %s, got %s (%t)", number, want, got, ok)
			}
		}
	}
}

// The parser accepts only JSON, and every accepted value contains itself.
func FuzzContains_AgainstItself(f *testing.F) {
	for _, seed := range []string{
		`null`, `[1,"a",[true,{}],{"a":[1.50,-0]}]`, `{"b":{"a":"\u00e9\ud83d\ude00"},"b":[[],[]],"":null}`,
		`"\"\\\/\b\f\n\r\t"`, ` [ 1e5 , 10E-1 ] `, `[[[[`, `{"a":`, "\"\xff\"", `1e999999999`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		root, err := Parse(source)
		if err != nil {
			return
		}
		if !json.Valid([]byte(source)) {
			t.Errorf("%q is not JSON, and parses", source)
		}
		if !root.Contains(root) {
			t.Errorf("%q does not contain itself", source)
		}
		array := arrayOf([]member{{value: root}, {value: Value{kind: kindTrue}}})
		if got, want := array.Contains(root), root.isScalar(); got != want && root.kind != kindArray {
			t.Errorf("[%s, true] @> %s: want %t, got %t", source, source, want, got)
		}
	})
}
