package yaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v4"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/fault/faulttest"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/db/jsontext/jsontest"
)

func TestParse_Text_JSONAsListed(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, want string }{
		{"nested blocks", "b: 1\na:\n- x\n- - y\n  - k: v\n", `{"b":1,"a":["x",["y",{"k":"v"}]]}`},
		{"a list at the top", "- a\n- b", `["a","b"]`},
		{"a string at the top", "hello", `"hello"`},
		{"an empty document", "---\n", `null`},
		{"document markers", "# %YAML 1.2\n\n%YAML  1.2 # so\n---\na: 1\n...\n# end\n", `{"a":1}`},
		{"a directive that is text", "--- 'a\n%YAML 1.2'", `"a %YAML 1.2"`},
		{"byte order mark", "\ufeffa: 1", `{"a":1}`},
		{"line ends of Windows", "a: 1\r\nb: |\r\n  x\r\n  y\r\n", `{"a":1,"b":"x\ny\n"}`},
		{"nulls", "[null, Null, NULL, ~, nUll]", `[null,null,null,null,"nUll"]`},
		{"empty values", "a:\nb: \n", `{"a":null,"b":null}`},
		{"booleans", "[true, True, TRUE, false, False, FALSE, tRue]", `[true,true,true,false,false,false,"tRue"]`},
		{
			"YAML 1.1 booleans", "[yes, Yes, no, on, off, y, n, YES]",
			`["yes","Yes","no","on","off","y","n","YES"]`,
		},
		{"integers", "[0, -0, +1, -12, 12345678901234567890123456789]", `[0,-0,1,-12,12345678901234567890123456789]`},
		{"octal and hexadecimal", "[0o17, 0xfF, 0x0, 0xFFFFFFFFFFFFFFFFFFFF]", `[15,255,0,1208925819614629174706175]`},
		{
			"neither in YAML 1.2", "[0o18, 0xg, -0x1, 0b11, 1_000, 12:30:45, 0O7, 0x, 0o]",
			`["0o18","0xg","-0x1","0b11","1_000","12:30:45","0O7","0x","0o"]`,
		},
		{"leading zeros", "[0755, 007, 00, -01, 01.5, 08]", `["0755","007","00","-01","01.5","08"]`},
		{
			"floats", "[.5, -.5, +.5, 1., 1.50, 1e3, 1E+3, 1.e-3, .5e1, -0.0, 1e05]",
			`[0.5,-0.5,0.5,1.0,1.50,1e3,1E+3,1.0e-3,0.5e1,-0.0,1e05]`,
		},
		{"almost floats", "[., -, +, -., .e1, 1e, 1e+, 1.2.3, 1e1e1, 1e1.5, e3, --1]", `[".","-","+","-.",".e1","1e","1e+","1.2.3","1e1e1","1e1.5","e3","--1"]`},
		{"the number limits", "- " + strings.Repeat("9", 400) + "\n- 1e308", "[" + strings.Repeat("9", 400) + ",1e308]"},
		{"dates", "[2001-01-01, 2001-12-14t21:59:43.10-05:00]", `["2001-01-01","2001-12-14t21:59:43.10-05:00"]`},
		{"quotes", `['1', "true", 'it''s', "a\tb\x41\u00e9\U0001F600", '\n']`, `["1","true","it's","a\tbAé😀","\\n"]`},
		{"blocks of text", "a: |\n  x\n\n  y\nb: >-\n  x\n  y\n", `{"a":"x\n\ny\n","b":"x y"}`},
		{"control characters", `"\a\e\x7f\"\\"`, `"\u0007\u001b` + "\u007f" + `\"\\"`},
		{"line separators escaped", `"\L\P\N"`, "\"\u2028\u2029\u0085\""},
		{
			"tags", "[!!str 12, !!str , !!int '3', !!int 0x10, !!float 3, !!float 1.5, !!bool 'true', !!null '', !!map {}, !!seq []]",
			`["12","",3,16,3.0,1.5,true,null,{},[]]`,
		},
		{"tags in full", "[!<tag:yaml.org,2002:str> 1, !!binary aGk=, !!timestamp 2001-01-01]", `["1","aGk=","2001-01-01"]`},
		{"the non-specific tag", "[! 12, &a ! true, é, ! null, 'x! ', 12]", `["12","true","é","null","x! ",12]`},
		{"the non-specific tag over lines", "- ! 0x1F # 12 ! \n- 12\n- Hi! 12\n", `["0x1F",12,"Hi! 12"]`},
		{"the non-specific tag with line ends of Windows", "- ! 1\r\n- ! 2\r\n- 3\r\n", `["1","2",3]`},
		{"keys that look like other types", "yes: 1\n0755: 2\n2001-01-01: 3\n\"200\": 4\n'null': 5\n!!str 7: 6", `{"yes":1,"0755":2,"2001-01-01":3,"200":4,"null":5,"7":6}`},
		{"an empty key", `"": 1`, `{"":1}`},
		{"anchors", "a: &x [1, &y {k: v}]\nb: *x\nc: *y\nd: &z s\n*z : 2\n", `{"a":[1,{"k":"v"}],"b":[1,{"k":"v"}],"c":{"k":"v"},"d":"s","s":2}`},
		{"an anchor redefined", "[&a 1, *a, &a 2, *a]", `[1,1,2,2]`},
		{"merge", "base: &b {x: 1, y: 2}\nuse:\n  y: 3\n  <<: *b\n  z: 4\n", `{"base":{"x":1,"y":2},"use":{"y":3,"z":4,"x":1}}`},
		{"merge of many", "<<: [{a: 1, b: 1}, {b: 2, c: 2}]\nc: 3\n", `{"c":3,"a":1,"b":1}`},
		{"merge of merges", "- &a {x: 1}\n- &b {<<: *a, y: 2}\n- &c [*a, *b]\n- <<: *c\n", `[{"x":1},{"y":2,"x":1},[{"x":1},{"y":2,"x":1}],{"x":1,"y":2}]`},
		{"the merge key quoted, and as a value", "'<<': <<\n", `{"<<":"<<"}`},
		{"JSON unchanged", " {\"a\": \"\\ud83d\\ude00\\/\"}\n", " {\"a\": \"\\ud83d\\ude00\\/\"}\n"},
		{"a long JSON key", `{"` + strings.Repeat("k", 2000) + `":1}`, `{"` + strings.Repeat("k", 2000) + `":1}`},
		{"slashes escaped", `url: "http:\/\/x"`, `{"url":"http://x"}`},
		{"text that begins with a tab", "script: |\n  \tif x\n  fi\nfold: >\n  \ta\n  b\n", `{"script":"\tif x\nfi\n","fold":"\ta\nb\n"}`},
		{"a line of spaces at the end of text", "a: |\n  x\n   ", `{"a":"x\n \n"}`},
		{"tabs between tokens", "a:\t1\nb:\t[\n\t1,\t2\n]\n\t\nc: x\t# y\nd:\n-\tz\n", `{"a":1,"b":[1,2],"c":"x","d":["z"]}`},
		{"words that begin with an indicator", "[?x, :y, -z, a:b]", `["?x",":y","-z","a:b"]`},
		{"a bracket below its key", "a: [\nb,\nc\n]\nd: {\n}\n", `{"a":["b","c"],"d":{}}`},
		{"lone dashes in flow", "- [tar, -, -x-, '-]', \"-}\", -]\n- {k-: -, -: -}\n- \"[-,]\"\n- |\n  a[-,-]\n- b-, # [-]\n", `[["tar","-","-x-","-]","-}","-"],{"k-":"-","-":"-"},"[-,]","a[-,-]\n","b-,"]`},
		{
			"surrogate pairs", `["\uD83D\ude00-\\\ud83d\ude00", '\ud83d\ude00', \ud83d\ude00] # "\ud83d\ude00"`,
			`["😀-\\😀","\\ud83d\\ude00","\\ud83d\\ude00"]`,
		},
		{"later versions and reserved directives", "%YAML 1.3 # so\n%FOO bar\n# x\n--- '%FOO'\n", `"%FOO"`},
		{"a block that is the document", "--- |\n a\n ---\n b\n...\n", `"a\n---\nb\n"`},
		{"a list with the non-specific tag", "! [! {a: ! 1}]", `[{"a":"1"}]`},
		{"templates", "a: '{{ x }}'\nb: pre {{ y }}\n", `{"a":"{{ x }}","b":"pre {{ y }}"}`},
		{"100 levels", strings.Repeat("[", 100) + strings.Repeat("]", 100), strings.Repeat("[", 100) + strings.Repeat("]", 100)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("input", test.text, jsontext.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(got.JSON)); diff != "" {
				t.Errorf("JSON (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParse_NotStorable_RefusedWithItsPosition(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text string
		want       faulttest.Refusal
	}{
		{"nothing", "", faulttest.BadInput(1, 1, "no YAML document")},
		{"a comment only", "# x\n\n", faulttest.BadInput(1, 1, "no YAML document")},
		{"two documents", "a: 1\n---\nb: 2\n", faulttest.BadInput(2, 1, "more than one")},
		{"an empty second document", "a: 1\n---\n", faulttest.BadInput(2, 1, "more than one")},
		{"a broken second document", "a: 1\n---\nb: [}\n", faulttest.BadInput(3, 5, "not valid YAML")},

		{"a key twice", "a: 1\nb:\n  a: 2\na: 3\n", faulttest.BadInput(4, 1, `"a" appears twice in one mapping (first in line 1)`)},
		{"a key twice, once quoted", "x:\n  a: 1\n  \"\\x61\": 2", faulttest.BadInput(3, 3, `"a" appears twice`)},
		{"a key twice by alias", "- &k a\n- {a: 1, *k : 2}", faulttest.BadInput(2, 10, `"a" appears twice`)},
		{"a key twice in a large mapping", largeMapping(30) + "k25: 1", faulttest.BadInput(31, 1, `"k25" appears twice in one mapping (first in line 26)`)},
		{"two merges", "<<: {a: 1}\n<<: {b: 1}\n", faulttest.BadInput(2, 1, "<< appears twice")},
		{"an integer key", "a:\n  200: x", faulttest.BadInput(2, 3, `"200" is not one unless it is quoted`)},
		{"a float key", "{1.5: x}", faulttest.BadInput(1, 2, "must be a string")},
		{"a boolean key", "é: {true: 1}", faulttest.BadInput(1, 5, "must be a string")},
		{"a null key", "{null: 1}", faulttest.BadInput(1, 2, "must be a string")},
		{"no key", "a: 1\n?\n: 1", faulttest.BadInput(2, 2, "must be a string")},
		{"a key with another tag", "!!int '1': x", faulttest.BadInput(1, 1, "must be a string")},
		{"a list as key", "? [a]\n: b", faulttest.BadInput(1, 3, "a list or a mapping")},
		{"a mapping as key", "{{a: 1}: b}", faulttest.BadInput(1, 2, "a list or a mapping")},
		{"an alias of a number as key", "- &n 1\n- {*n : 2}", faulttest.BadInput(2, 4, "must be a string")},
		{"merge of a scalar", "a: 1\n<<: 3\n", faulttest.BadInput(2, 5, "takes a mapping")},
		{"merge of a list of scalars", "<<: [{}, x]\n", faulttest.BadInput(1, 10, "takes a mapping")},
		{"merge of itself", "a: &a\n  <<: *a\n", faulttest.BadInput(2, 7, "refers to the mapping it stands in")},

		{"merge of a tagged mapping", "<<: !!set {a}\n", faulttest.BadInput(1, 5, "not one that a mapping may have")},

		{"NaN", "a: .nan", faulttest.BadInput(1, 4, "no NaN")},
		{"infinity", "a:\n- 1\n- -.Inf\n", faulttest.BadInput(3, 3, "no infinity")},
		{"tagged infinity", "!!float .inf", faulttest.BadInput(1, 1, "no infinity")},
		{"a long number", "a: " + strings.Repeat("1", 401), faulttest.BadInput(1, 4, "this one is 401")},
		{"a long hexadecimal number", "a: 0x" + strings.Repeat("f", 396), faulttest.BadInput(1, 4, "a number may be 400")},
		{"a long hexadecimal number of zeros", "a: 0x" + strings.Repeat("0", 400), faulttest.BadInput(1, 4, "this one is 402")},
		{"a very long hexadecimal number", "a: 0x" + strings.Repeat("f", 1<<20), faulttest.BadInput(1, 4, "a number may be 400")},
		{"a large exponent", "a: 1e309", faulttest.BadInput(1, 4, "beyond ±308; quote it")},
		{"a large effective exponent", "a: 1000e306", faulttest.BadInput(1, 4, "beyond ±308")},

		{"an unknown tag", "a: !thing 1", faulttest.BadInput(1, 4, `"!thing" is not known`)},
		{"an unknown tag of a mapping", "a: !!set {b}", faulttest.BadInput(1, 4, "not one that a mapping may have")},
		{"an unknown tag of a list", "a:\n  - !x [b]", faulttest.BadInput(2, 5, "not one that a list may have")},
		{"the wrong tag of a list", "!!map []", faulttest.BadInput(1, 1, "not one that a list may have")},
		{"text tagged int", "a: !!int x", faulttest.BadInput(1, 4, `"x" is not what its tag !!int says`)},
		{"a float tagged int", "!!int 1.5", faulttest.BadInput(1, 1, "not what its tag")},
		{"yes tagged bool", "!!bool yes", faulttest.BadInput(1, 1, "not what its tag")},
		{"text tagged null", "!!null x", faulttest.BadInput(1, 1, "not what its tag")},

		{"an alias without an anchor", "a: 1\nb: [x, *b]\n", faulttest.BadInput(2, 8, `"*b" has no anchor before it`)},
		{"an alias inside its value", "&a [*a]", faulttest.BadInput(1, 5, `"*a" stands inside the value`)},
		{"an alias deep inside its value", "x: &a\n  - k: [1, *a]\n", faulttest.BadInput(2, 12, `"*a" stands inside the value`)},

		{"a NUL", "a: \x00", faulttest.BadInput(1, 4, "U+0000")},
		{"an escaped NUL", "a:\n- \"x\\0\"", faulttest.BadInput(2, 3, "NUL")},
		{"an escaped NUL in a key", "a: {\"\\x00\": 1}", faulttest.BadInput(1, 5, "NUL")},
		{"an escaped surrogate", "a: 1\nb: \"\\ud800\"", faulttest.BadInput(2, 7, "invalid Unicode character")},
		{"a control character", "a: 1\né: \x07", faulttest.BadInput(2, 4, "U+0007")},
		{"DEL", "a\x7f", faulttest.BadInput(1, 2, "U+007F")},
		{"a C1 control character", "a\u0080", faulttest.BadInput(1, 2, "U+0080")},
		{"a byte order mark inside", "a: 1\n\ufeffb: 2", faulttest.BadInput(2, 1, "U+FEFF")},
		{"a raw line separator", "a: x\u2028y", faulttest.BadInput(1, 5, `"\u2028" in double quotes`)},
		{"a raw next line", "a: 'x\u0085y'", faulttest.BadInput(1, 6, `"\u0085" in double quotes`)},
		{"not UTF-8", "a: é\xff", faulttest.BadInput(1, 5, "UTF-8")},
		{"UTF-16", "\xff\xfea\x00", faulttest.BadInput(1, 1, "UTF-8")},

		{"an extra colon", "a: b: c", faulttest.BadInput(1, 5, "mapping values are not allowed")},
		{"text after a quoted string", "x: 1\na: 'b' c\n", faulttest.BadInput(2, 8, "did not find expected key")},
		{"wrong indentation", "m:\n  a: 1\n b: 2\n", faulttest.BadInput(3, 2, "did not find expected key")},
		{"a list item outside of its list", "path: x\nsteps:\n  - a: 1\n   b: 2\n", faulttest.BadInput(4, 4, "'-' indicator")},
		{"a key after a list", "- a\nb: 1\n", faulttest.BadInput(2, 1, "'-' indicator")},
		{"an extra bracket", "m: {a: 1}}\n", faulttest.BadInput(1, 10, "did not find expected key")},
		{"an open list", "a: 1\nb: [1,\nc\n", faulttest.BadInput(2, 4, "',' or ']'")},
		{"an open string", "a: 1\nb: 'x\nc: 1\n", faulttest.BadInput(2, 4, "unexpected end of stream")},
		{"nothing between commas", "a: 1\nx: [a, , b]\n", faulttest.BadInput(2, 8, "expected node content")},
		{"a tab as indentation", "a:\n\t- b\n", faulttest.BadInput(2, 1, "cannot start any token")},
		{"a reserved character", "k: 1\na:   @x\n", faulttest.BadInput(2, 6, "cannot start any token")},
		{"a line without a colon", "a: 1\nword\nb: 2\n", faulttest.BadInput(2, 1, "could not find expected ':'")},
		{"an escape that YAML lacks", `a: "\'"`, faulttest.BadInput(1, 5, "unknown escape character")},
		{"half a surrogate pair", `a: ["x", "\ud83d"]`, faulttest.BadInput(1, 13, "invalid Unicode character")},
		{"a backslash and half a surrogate pair", `["\ud83d\ude00", "\\ud83d\ude00"]`, faulttest.BadInput(1, 28, "invalid Unicode character")},
		{"a reserved directive without a document", "%FOO\na: 1\n", faulttest.BadInput(1, 5, "unknown directive")},
		{"a marker in a block that is the document", "--- |\na\n---\nb\n", faulttest.BadInput(3, 1, "more than one")},
		{"an end in a block that is the document", "|\na\n...\n", faulttest.BadInput(3, 1, "more than one")},
		{"a mistake after a lone dash", "- [-, é-]\n- [a, -] b\n", faulttest.BadInput(2, 10, "did not find expected '-' indicator")},
		{"an alias without an anchor after a lone dash", "[-, *b-x]", faulttest.BadInput(1, 5, `"*b-x" has no anchor`)},
		{"another YAML", "%YAML 2.0\n---\na", faulttest.BadInput(1, 1, "incompatible YAML document")},

		{"101 levels", strings.Repeat("[", 101) + strings.Repeat("]", 101), faulttest.TooLarge(1, 101, "100 levels")},
		{"101 levels of blocks", strings.Repeat("- ", 101) + "a", faulttest.TooLarge(1, 201, "100 levels")},
		{"101 levels by alias", "- &a " + strings.Repeat("[", 98) + strings.Repeat("]", 98) + "\n- [[*a]]", faulttest.TooLarge(1, 103, "100 levels")},
		{"101 levels of merges", strings.Repeat("{<<: ", 150) + "{}" + strings.Repeat("}", 150), faulttest.TooLarge(1, 501, "100 levels")},
		{"too many bytes", "a: " + strings.Repeat("x", 8<<20), faulttest.TooLarge(0, 0, "8388611 bytes")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("input", test.text, jsontext.DefaultLimits())
			test.want.Check(t, err)
			if strings.Contains(err.Error(), "yaml:") {
				t.Errorf("the message names the parser: %v", err)
			}
		})
	}
}

func largeMapping(size int) string {
	var text strings.Builder
	for i := range size {
		fmt.Fprintf(&text, "k%d: 1\n", i)
	}
	return text.String()
}

func TestParse_HostileText_RefusedCheaply(t *testing.T) {
	t.Parallel()
	laughs := "a0: &a0 [lol]\n"
	chain := "- &m0 {" + strings.Repeat("k", 100) + ": 1}\n"
	for i := 1; i < 40; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [*a%d, *a%d, *a%d]\n", i, i, i-1, i-1, i-1)
		chain += fmt.Sprintf("- &m%d {<<: [*m%d, *m%d, *m%d]}\n", i, i-1, i-1, i-1)
	}
	tests := []struct {
		name, text string
		want       faulttest.Refusal
	}{
		{"billion laughs", laughs, faulttest.BadInput(9, 15, "expand the document to more than 65536 bytes")},
		{"billion merges", chain, faulttest.BadInput(8, 23, "expand the document to more than 65536 bytes")},
		{
			"a large anchor a thousand times", "a: &a " + strings.Repeat("x", 100<<10) + "\nb: [" + strings.Repeat("*a,", 1000) + "]",
			faulttest.BadInput(2, 32, "expand the document to more than 1054120 bytes"),
		},
		{
			"beyond 16 MiB", "a: &a " + strings.Repeat("x", 4<<20) + "\nb: [*a, *a, *a, *a]",
			faulttest.BadInput(2, 13, "expand the document to more than 16777216 bytes"),
		},
		{"beyond 16 MiB without an alias", `"` + strings.Repeat(`\a`, 3<<20) + `"`, faulttest.TooLarge(1, 1, "more than 16777216 bytes as JSON")},
		{
			"one merge many times", "- &m {k: " + strings.Repeat("x", 2000) + "}\n" + strings.Repeat("- {<<: *m}\n", 100),
			faulttest.BadInput(1, 10, "expand the document to more than 65536 bytes"),
		},
		{"50,000 lists in flow", strings.Repeat("[", 50000), faulttest.TooLarge(1, 101, "100 levels")},
		{"50,000 mappings in flow", strings.Repeat("{a: ", 50000), faulttest.TooLarge(1, 401, "100 levels")},
		{"50,000 lists in block", strings.Repeat("- ", 50000), faulttest.TooLarge(1, 201, "100 levels")},
		{"50,000 keys in block", strings.Repeat("? ", 50000), faulttest.TooLarge(1, 201, "100 levels")},
		{"four million values", "[" + strings.Repeat("a,", 4<<20-2) + "]", faulttest.TooLarge(0, 0, "262144 values")},
		{"three million nested dashes", strings.Repeat(strings.Repeat("- ", 90)+"\n", 20000), faulttest.TooLarge(0, 0, "262144 values")},
		{"an error at the end of many lines", strings.Repeat("k: [a, b]\n", 3000) + "a: 'b' c", faulttest.BadInput(3001, 8, "expected key")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse("input", test.text, jsontext.DefaultLimits())
			test.want.Check(t, err)
		})
	}
}

func TestParse_SmallTextWithManyAliases_MayReach64KiB(t *testing.T) {
	t.Parallel()
	text := "a: &a " + strings.Repeat("x", 1000) + "\nb: [" + strings.Repeat("*a,", 60) + "]"
	got, err := Parse("input", text, jsontext.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.JSON) < 10*len(text) {
		t.Errorf("%d bytes from %d: the text expands too little for this test", len(got.JSON), len(text))
	}
}

func TestParse_LongLineOfSpecialCases_TakesLinearTime(t *testing.T) {
	t.Parallel()
	// Searching the line from its start for each number would take minutes here.
	text := "[ ! é," + strings.Repeat("1234567,", 200_000) + "]"
	got, err := Parse("input", text, jsontext.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	if want := len(`["é",`) + 200_000*8; len(got.JSON) != want {
		t.Errorf("%d bytes, want %d", len(got.JSON), want)
	}
}

func TestParse_Document_PathAndKind(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, text, path, kind string }{
		{"a playbook", "kind: Playbook\nmetadata: {name: n, path: a/b}\n", "a/b", "playbook"},
		{"path at the top", "kind: playbook\npath: a/b\n", "a/b", "playbook"},
		{"both paths", "path: top\nmetadata:\n  path: inner\n", "inner", ""},
		{"both paths in the other order", "metadata:\n  path: inner\npath: top\n", "inner", ""},
		{"a path that is not a string", "path: top\nmetadata: {path: 12}\nkind: [x]\n", "top", ""},
		{"a quoted number is a string", "metadata: {path: '12'}\nkind: \"1\"\n", "12", "1"},
		{"metadata that is not a mapping", "metadata: path\nkind: true\n", "", ""},
		{"deeper ones are ignored", "a: {path: x, kind: y, metadata: {path: z}}\n", "", ""},
		{"a list", "[{path: x, kind: y}]\n", "", ""},
		{"as JSON", `{"kind":"Playbook","Path":"x","metadata":{"path":"a\/b"},"path":"y"}`, "a/b", "playbook"},
		{"as JSON, path at the top", `{"kind":null,"metadata":[],"path":"y"}`, "y", ""},
		{"as JSON, a list", `[{"path":"x"}]`, "", ""},
		{"by alias", "x: &m {path: p}\ny: &k Kind\nmetadata: *m\nkind: *k\n", "p", "kind"},
		{"by merge", "x: &m {path: p}\nmetadata: {<<: *m}\n<<: {kind: K}\n", "p", "k"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse("input", test.text, jsontext.DefaultLimits())
			if err != nil {
				t.Fatal(err)
			}
			if got.Path != test.path || got.Kind != test.kind {
				t.Errorf("path %q, kind %q; want %q, %q", got.Path, got.Kind, test.path, test.kind)
			}
		})
	}
}

func TestParse_AnyValueAsFlow_SameJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, err := json.Marshal(jsontest.Any(3).Draw(t, "value"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse("input", "--- "+escapeForYAML(string(want)), jsontext.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", want, err)
		}
		if err := jsontext.Check("input", got.JSON, jsontext.DefaultLimits()); err != nil {
			t.Fatalf("%s: %v", got.JSON, err)
		}
		if diff := cmp.Diff(decodeExactly(t, want), decodeExactly(t, got.JSON)); diff != "" {
			t.Fatalf("JSON (-want +got):\n%s", diff)
		}
	})
}

// Masking a text for the parser changes nothing else in it.
func TestParse_AnyTextBesideLoneDash_Unchanged(t *testing.T) {
	t.Parallel()
	pieces := rapid.SampledFrom([]string{"-", ",", "]", "}", `\`, "ud83d", `\ude00`, `\ud83d\ude00`, "'", `"`, " ", "x", ":", "#", "é"})
	rapid.Check(t, func(t *rapid.T) {
		value := "x" + strings.Join(rapid.SliceOfN(pieces, 0, 12).Draw(t, "value"), "") + "x"
		quoted, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		text := "- [-, \"\\ud83d\\ude00\"]\n- '" + strings.ReplaceAll(value, "'", "''") + "'\n- " + string(quoted) + "\n- |-\n  " + value + "\n# " + value + "\n"
		got, err := Parse("input", text, jsontext.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := []any{[]any{"-", "😀"}, value, value, value}
		if diff := cmp.Diff(any(want), decodeExactly(t, got.JSON)); diff != "" {
			t.Fatalf("of %s JSON (-want +got):\n%s", text, diff)
		}
	})
}

func TestParse_AnyValueAsBlocks_SameJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := jsontest.Any(3).Draw(t, "value")
		text, err := yaml.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(string(text), "\u0085\u2028\u2029") {
			t.Skip("the library does not escape them, and we refuse that")
		}
		if yaml.Unmarshal(text, new(any)) != nil {
			t.Skip("the library cannot read what it wrote: a key with leading line breaks, in a list")
		}
		got, err := Parse("input", string(text), jsontext.DefaultLimits())
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		wantJSON, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		// As float64s: the two libraries write them differently.
		var want, have any
		if err := json.Unmarshal(wantJSON, &want); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(got.JSON, &have); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, have); diff != "" {
			t.Fatalf("of %q JSON (-want +got):\n%s", text, diff)
		}
	})
}

// escapeForYAML escapes, in JSON text, the characters that JSON allows in a
// string and YAML does not.
func escapeForYAML(text string) string {
	var escaped strings.Builder
	for _, r := range text {
		if r >= 0x7F && r < 0xA0 || r == 0xFEFF || r == 0xFFFE || r == 0xFFFF {
			fmt.Fprintf(&escaped, `\u%04x`, r)
			continue
		}
		escaped.WriteRune(r)
	}
	return escaped.String()
}

func decodeExactly(t interface{ Fatal(args ...any) }, raw []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		benchmarkYAML()[:600], "a: &x [1, *x]", "a: &x {b: 1}\nc: {<<: *x}", "- ! 1\n- !!int '2'\n- !<x> y", "%TAG ! a\n---\n!b c",
		"a: |2-\n   x\n", "? a\n: - b\n  - c # d\n", "{a: 'b', \"c\": \"\\u00e9\"}", "---\n---\n", "0x1F", "<<: [{a: 1}, {b: 2}]", "\t@", "a: b: c",
		"[-, 'a-]', -]", `["\ud83d\ude00", -]`, "%FOO\n---\n", "--- |\na\n...\n", "a: |\n  \tb\n",
	} {
		f.Add(seed)
	}
	limits := jsontext.Limits{PayloadBytes: 1 << 16, Depth: 20}
	f.Fuzz(func(t *testing.T, text string) {
		document, err := Parse("input", text, limits)
		if err != nil {
			faulttest.CheckAny(t, err)
			return
		}
		if len(document.JSON) > max(maxExpansion*len(text), minExpansionBytes) {
			t.Fatalf("%d bytes from %d", len(document.JSON), len(text))
		}
		wide := jsontext.Limits{PayloadBytes: maxExpansionBytes, Depth: limits.Depth}
		if err := jsontext.Check("input", document.JSON, wide); err != nil || !json.Valid(document.JSON) {
			t.Fatalf("%q became %q: %v", text, document.JSON, err)
		}
	})
}

// benchmarkYAML returns about 3 KB, the median of NoETL's own playbooks.
func benchmarkYAML() string {
	var text strings.Builder
	text.WriteString("apiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  name: load\n  path: examples/load\nworkflow:\n")
	for i := range 9 {
		fmt.Fprintf(&text, "- step: step_%d\n  desc: Fetch page %d of the report\n  tool:\n    kind: python\n    input:\n"+
			"      page: '{{ page.%d }}'\n      timeout: 2.5\n    code: |\n      result = fetch(page)\n      print(f\"got {len(result)} rows\")\n"+
			"  next:\n    spec: {mode: exclusive}\n    arcs:\n    - step: step_%d\n", i, i, i, i+1)
	}
	return text.String()
}

func BenchmarkParse(b *testing.B) {
	text := benchmarkYAML()
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("input", text, jsontext.DefaultLimits()); err != nil {
			b.Fatal(err)
		}
	}
}
