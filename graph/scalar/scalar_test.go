package scalar_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/scalar"
)

func TestJSON_Out_BytesUnchanged(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"b": "<&>\u2028",  "a": 1.10, "a": 1e1}`: `{"b": "<&>\u2028",  "a": 1.10, "a": 1e1}`,
		"": "null",
	} {
		var j scalar.JSON
		if text != "" {
			j = scalar.JSON(text)
		}
		var got bytes.Buffer
		j.MarshalGQL(&got)
		if got.String() != want {
			t.Errorf("got %s, want %s", &got, want)
		}
	}
}

func TestJSON_InsideEncodingJSON_IsNotBase64(t *testing.T) {
	t.Parallel()
	got, err := json.Marshal(map[string]scalar.JSON{"a": scalar.JSON(`[1]`), "b": nil})
	if err != nil || string(got) != `{"a":[1],"b":null}` {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestJSON_FromVariable_CanonicalWithEveryDigit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   any
		want string
	}{
		{nil, `null`},
		{true, `true`},
		{json.Number("12345678901234567890.10"), `12345678901234567890.10`},
		{json.Number("-1.5E+300"), `-1.5E+300`},
		{"a\"b\\c\n\r\t\x01<é\u2028>", `"a\"b\\c\n\r\t\u0001<é` + "\u2028" + `>"`},
		{[]any{}, `[]`},
		{[]any(nil), `[]`},
		{map[string]any{}, `{}`},
		{map[string]any{"b": []any{json.Number("1"), nil}, "a": map[string]any{"": "x"}}, `{"a":{"":"x"},"b":[1,null]}`},
		{[]string{"a"}, `["a"]`},
		{[]json.Number{"1"}, `[1]`},
		{int64(-7), `-7`},
		{7, `7`},
		{0.5, `0.5`},
	} {
		var got scalar.JSON
		if err := got.UnmarshalGQL(tc.in); err != nil || string(got) != tc.want {
			t.Errorf("%#v: got %s, %v; want %s", tc.in, got, err, tc.want)
		}
		if !json.Valid(got) {
			t.Errorf("%s is not JSON", got)
		}
	}
}

func nested(levels int) any {
	var v any = "x"
	for range levels {
		v = []any{v}
	}
	return v
}

func TestJSON_NotStorable_RefusedWithItsPath(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		in   any
		want string
	}{
		{"NUL", map[string]any{"a/b": []any{"x", "\x00"}}, `has the character \u0000, which cannot be stored at /a~1b/1`},
		{"NUL in a key", map[string]any{"\x00": nil}, `has a key that has the character \u0000, which cannot be stored`},
		{"not UTF-8", "a\xffb", "has a text that is not valid UTF-8"},
		{"exponent", json.Number("1e309"), "has a number whose exponent is beyond ±308"},
		{"negative exponent", json.Number("1e-131072"), "has a number whose exponent is beyond ±308"},
		{"huge exponent", json.Number("1e99999999999999999999"), "has a number whose exponent is beyond ±308"},
		{"long number", json.Number(strings.Repeat("9", 401)), "has a number of more than 400 characters"},
		{"not a number", json.Number("0x1"), "has a number that JSON does not allow"},
		{"a string as a number", json.Number(`"x"`), "has a number that JSON does not allow"},
		{"101 levels", nested(101), "has more than 100 levels at " + strings.Repeat("/0", 100)},
		{"not a JSON type", struct{}{}, "is not a value of JSON"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got scalar.JSON
			err := got.UnmarshalGQL(tc.in)
			f, ok := fault.As(err)
			code := fault.BadUserInput
			if tc.name == "101 levels" {
				code = fault.PayloadTooLarge // docs/clients.md, "Limits"
			}
			if !ok || f.Code != code || f.Message != tc.want {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func TestJSON_AtTheLimits_Accepted(t *testing.T) {
	t.Parallel()
	for name, in := range map[string]any{
		"100 levels":     nested(100),
		"400 characters": json.Number(strings.Repeat("9", 400)),
		"exponent":       json.Number("1e308"),
	} {
		var got scalar.JSON
		if err := got.UnmarshalGQL(in); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

const schemaText = `
scalar JSON
input Input { payload: JSON first: Int }
type Query { f(json: JSON, list: [JSON!], input: Input, id: ID, n: Float): Int }
`

func argument(t *testing.T, query, name string) (any, error) {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, scalar.ExactNumbers())
	if errs != nil {
		return nil, errs
	}
	op := doc.Operations[0]
	variables, err := validator.VariableValues(schema, op, map[string]any{"given": json.Number("1.10")})
	if err != nil {
		return nil, err
	}
	return op.SelectionSet[0].(*ast.Field).ArgumentMap(variables)[name], nil
}

func TestExactNumbers_LiteralsOfJSON_KeepTheirDigits(t *testing.T) {
	t.Parallel()
	const big, fine = "123456789012345678901234567890", "0.1234567890123456789012345"
	for _, tc := range []struct{ query, argument, want string }{
		{`{f(json:` + big + `)}`, "json", big},
		{`{f(json:1)}`, "json", "1"},
		{`{f(json:-0.50)}`, "json", "-0.50"},
		{
			`{f(json:{a:[` + big + `,{b:` + fine + `}] c:"1" d:E e:"""x""" f:null g:true})}`, "json",
			`{"a":[` + big + `,{"b":` + fine + `}],"c":"1","d":"E","e":"x","f":null,"g":true}`,
		},
		{`query($given:JSON){f(json:{a:$given b:1.10})}`, "json", `{"a":1.10,"b":1.10}`},
		{`query($v:JSON={a:` + big + `}){f(json:$v)}`, "json", `{"a":` + big + `}`},
		{`{f(list:[1.0,[2.0]])}`, "list", `[1.0,[2.0]]`},
		{`{f(input:{payload:{a:` + big + `}first:3})}`, "input", `{"first":3,"payload":{"a":` + big + `}}`},
	} {
		value, err := argument(t, tc.query, tc.argument)
		if err != nil {
			t.Errorf("%s: %v", tc.query, err)
			continue
		}
		var got scalar.JSON
		if err := got.UnmarshalGQL(value); err != nil {
			t.Errorf("%s: %v", tc.query, err)
		}
		if d := cmp.Diff(tc.want, string(got)); d != "" {
			t.Errorf("%s (-want +got)\n%s", tc.query, d)
		}
	}
}

func TestExactNumbers_NumberBombInALiteral_IsRefused(t *testing.T) {
	t.Parallel()
	value, err := argument(t, `{f(json:[1e131071])}`, "json")
	if err != nil {
		t.Fatal(err)
	}
	if err := new(scalar.JSON).UnmarshalGQL(value); err == nil {
		t.Error("accepted")
	}
}

func TestExactNumbers_BuiltInScalars_AreLeftToValidation(t *testing.T) {
	t.Parallel()
	if value, err := argument(t, `{f(n:1.5)}`, "n"); value != 1.5 || err != nil {
		t.Errorf("got %v, %v", value, err)
	}
	for _, query := range []string{`{f(id:99999999999999999999)}`, `{f(n:1e999)}`, `{f(input:{first:99999999999999999999})}`} {
		if _, err := argument(t, query, "id"); err == nil {
			t.Errorf("%s passed validation", query)
		}
	}
}

func TestDateTime_Out_UTCWithSixDigits(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Time]string{
		time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC):                             `"2026-03-01T12:00:00.000001Z"`,
		time.Date(2026, 3, 1, 0, 30, 0, 0, time.FixedZone("", 3600)):                `"2026-02-28T23:30:00.000000Z"`,
		time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC):                                    `"0001-01-01T00:00:00.000000Z"`,
		time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC):                  `"9999-12-31T23:59:59.999999Z"`,
		time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.FixedZone("x", -8*60*60)): `"2026-03-01T20:00:00.123000Z"`,
	} {
		var got bytes.Buffer
		scalar.MarshalDateTime(in).MarshalGQL(&got)
		if got.String() != want {
			t.Errorf("%v: got %s, want %s", in, &got, want)
		}
	}
}

func TestAppendDateTime_AnyInstant_AsTheTimePackageWritesIt(t *testing.T) {
	t.Parallel()
	const layout = `"2006-01-02T15:04:05.000000Z"`
	rapid.Check(t, func(rt *rapid.T) {
		at := time.UnixMicro(rapid.Int64Range(-62_135_596_800_000_000, 253_402_300_799_999_999).Draw(rt, "microseconds")).
			In(time.FixedZone("", rapid.IntRange(-50_000, 50_000).Draw(rt, "offset")))
		if got, want := string(scalar.AppendDateTime([]byte("x"), at)), "x"+at.UTC().Format(layout); got != want {
			rt.Fatalf("%s, want %s", got, want)
		}
	})
}

func TestDateTime_In_RFC3339OfAnyOffset(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"2026-03-01T12:00:00Z":                "2026-03-01T12:00:00Z",
		"2026-03-01T12:00:00.000001+05:30":    "2026-03-01T06:30:00.000001Z",
		"2026-03-01T12:00:00.123456000-08:00": "2026-03-01T20:00:00.123456Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00Z",
		"9999-12-31T23:59:59.999999Z":         "9999-12-31T23:59:59.999999Z",
	} {
		got, err := scalar.UnmarshalDateTime(in)
		if err != nil || got.Format(time.RFC3339Nano) != want || got.Location() != time.UTC {
			t.Errorf("%s: got %v, %v; want %s", in, got, err, want)
		}
	}
}

func TestDateTime_In_AnythingElse_RefusedWithMessage(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   any
		want string
	}{
		{json.Number("1"), "must be a text"},
		{nil, "must be a text"},
		{"", "is not an instant"},
		{"yesterday", "is not an instant"},
		{"2026-03-01", "is not an instant"},
		{"2026-03-01T12:00:00", "is not an instant"},
		{"2026-03-01 12:00:00Z", "is not an instant"},
		{"2026-03-01T1:00:00Z", "is not an instant"},
		{"2026-03-01T12:00:00,5Z", "is not an instant"},
		{"2026-02-29T12:00:00Z", "is not an instant"},
		{"10000-01-01T00:00:00Z", "is not an instant"},
		{"infinity", "is not an instant"},
		{"2026-03-01T12:00:00.1234567Z", "finer than a microsecond"},
		{"2026-03-01T12:00:00.000000001Z", "finer than a microsecond"},
		{"2026-03-01T12:00:00.1234560000Z", "finer than a microsecond"},
		{"0000-12-31T00:00:00Z", "years 1 to 9999"},
		{"0001-01-01T00:00:00+01:00", "years 1 to 9999"},
		{"9999-12-31T23:59:59-01:00", "years 1 to 9999"},
	} {
		t.Run(fmt.Sprint(tc.in), func(t *testing.T) {
			t.Parallel()
			_, err := scalar.UnmarshalDateTime(tc.in)
			f, ok := fault.As(err)
			if !ok || f.Code != fault.BadUserInput || !strings.Contains(f.Message, tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

func BenchmarkJSON_FromVariable(b *testing.B) {
	var in any
	d := json.NewDecoder(strings.NewReader(`{"steps":[` + strings.Repeat(`{"name":"fetch","call":"http","n":17,"args":{"url":"https://example.com","retry":true}},`, 20) + `{}]}`))
	d.UseNumber()
	if err := d.Decode(&in); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		var j scalar.JSON
		if err := j.UnmarshalGQL(in); err != nil {
			b.Fatal(err)
		}
	}
}
