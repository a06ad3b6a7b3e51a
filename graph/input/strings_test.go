package input_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/graph/input"
)

var lineTerminator = regexp.MustCompile("\r\n|\n|\r")

// blockStringValue implements BlockStringValue(rawValue) step by step, as in section
// 2.9.4 of the specification.
func blockStringValue(raw string) string {
	lines := lineTerminator.Split(raw, -1)
	commonIndent := -1
	for i, line := range lines {
		if i == 0 {
			continue
		}
		length := len(line)
		indent := 0
		for indent < length && (line[indent] == ' ' || line[indent] == '\t') {
			indent++
		}
		if indent < length && (commonIndent < 0 || indent < commonIndent) {
			commonIndent = indent
		}
	}
	if commonIndent >= 0 {
		for i := range lines {
			if i == 0 {
				continue
			}
			if len(lines[i]) < commonIndent {
				lines[i] = ""
			} else {
				lines[i] = lines[i][commonIndent:]
			}
		}
	}
	onlyWhiteSpace := func(line string) bool { return strings.Trim(line, " \t") == "" }
	for len(lines) > 0 && onlyWhiteSpace(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && onlyWhiteSpace(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return strings.Join(lines, "\n")
}

const stringsSchema = `
directive @note(text: String) on FIELD | QUERY
scalar JSON
input Input { text: String, texts: [String] }
type Query { f(text: String, texts: [String], input: Input, json: JSON): Query, g: Int }
`

// A block string has the value that the specification defines, anywhere in a document
// and whatever surrounds it.
func TestRules_BlockStrings_ValuesOfTheSpecification(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: stringsSchema})
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{
			"a", "é", "😀", " ", " ", "  ", "\t", "\n", "\n", "\n  ", "\r\n", "\r", `"`, `""`, `\"""`, `\`, `\n`, "#", "{", "key: value",
		})), func(parts []string) string {
			text := strings.Join(parts, "")
			// Remove what would close the string or escape its end.
			for strings.Contains(strings.ReplaceAll(text, `\"""`, ""), `"""`) {
				text = strings.ReplaceAll(text, `"""`, `"`)
			}
			return strings.TrimRight(text, `"\`)
		})
		noise := func() string {
			return rapid.SampledFrom([]string{" ", "\n", "\r\n", ",", "# \"\"\" a comment é\n", "\ufeff", "\t"}).Draw(t, "noise")
		}
		var want []string
		block := func() string {
			text := raw.Draw(t, "raw")
			want = append(want, blockStringValue(strings.ReplaceAll(text, `\"""`, `"""`)))
			return noise() + `"""` + text + `"""` + noise()
		}
		other := func() string {
			return rapid.SampledFrom([]string{`""`, `"\""`, `"é # \\"`, `"\u00e9\ud83d\ude00"`, `"\u{1F600}"`}).Draw(t, "string") + noise()
		}
		query := "query($v: String =" + block() + ", $w: [String] = [" + block() + other() + block() + "], $j: JSON = {a: " + block() + "}) @note(text: " + block() + ") {" +
			"f(text:" + block() + "texts: [" + other() + block() + block() + "] input: {text: " + block() + " texts:" + block() + "} json: [{b: " + block() + "}]) @note(text:" + block() + ") { g }" + noise() +
			"a: f(text: $v texts: $w json: $j) { ...F } } fragment F on Query { f(text: " + block() + ") { g } }"
		document, errs := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
		if errs != nil {
			t.Fatalf("%q: %v", query, errs)
		}
		var got []string
		var values func(value *ast.Value)
		values = func(value *ast.Value) {
			if value.Kind == ast.BlockValue {
				got = append(got, value.Raw)
				from := []rune(query)[value.Position.Start:]
				if !strings.HasPrefix(string(from), `"""`) {
					t.Errorf("the position is that of %.10q", string(from))
				}
			}
			for _, child := range value.Children {
				values(child.Value)
			}
		}
		arguments := func(list ast.ArgumentList) {
			for _, argument := range list {
				values(argument.Value)
			}
		}
		var selections func(set ast.SelectionSet)
		selections = func(set ast.SelectionSet) {
			for _, selection := range set {
				if field, ok := selection.(*ast.Field); ok {
					arguments(field.Arguments)
					for _, directive := range field.Directives {
						arguments(directive.Arguments)
					}
					selections(field.SelectionSet)
				}
			}
		}
		operation := document.Operations[0]
		for _, variable := range operation.VariableDefinitions {
			values(variable.DefaultValue)
		}
		arguments(operation.Directives[0].Arguments)
		selections(operation.SelectionSet)
		selections(document.Fragments[0].SelectionSet)
		if strings.Join(got, "\x00") != strings.Join(want, "\x00") {
			t.Fatalf("%q\ngot  %q\nwant %q", query, got, want)
		}
	})
}

func TestRules_TwoBlockStrings_MergedByTheirValues(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: stringsSchema})
	for query, valid := range map[string]bool{
		"{ f(text: \"\"\"a\n  b\"\"\") { g } f(text: \"\"\"a\n    b\"\"\") { g } }":                              true,
		"{ f(text: \"\"\"a\n  b\"\"\") { g } f(text: \"\"\"\na\n  b\"\"\") { g } }":                              false,
		"{ ...F f(text: \"\"\"a\n  b\"\"\") { g } } fragment F on Query { f(text: \"\"\"\na\nb\"\"\") { g } }":   true,
		"{ ...F f(text: \"\"\"a\n  b\"\"\") { g } } fragment F on Query { f(text: \"\"\"\na\n  b\"\"\") { g } }": false,
	} {
		_, errs := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
		if (errs == nil) != valid {
			t.Errorf("%s: %v", query, errs)
		}
	}
}

func TestRules_LoneSurrogate_Refused(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: stringsSchema})
	for text, valid := range map[string]bool{
		`"\ud83d\ude00"`: true, `"\u{1F600}"`: true, `"�"`: true, `"\ufffd"`: true, `"\\ud83d"`: true, `"""\ud83d"""`: true,
		`"\ud83d"`: false, `"\ude00"`: false, `"\ud83dx"`: false, `"\ude00\ud83d"`: false, `"\ud83d\ud83d\ude00"`: false,
		`"é\ud83d\n\ude00"`: false, `"\ud83d\u0041"`: false,
	} {
		for _, query := range []string{`{ f(text: ` + text + `) { g } }`, `{ f(json: {a: [` + text + `]}) { g } }`, `query($v: String = ` + text + `) { f(text: $v) { g } }`} {
			_, errs := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
			if (errs == nil) != valid {
				t.Errorf("%s: %v", query, errs)
			}
		}
	}
}

func TestRules_IntOfMoreThan32Bits_Refused(t *testing.T) {
	t.Parallel()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: `type Query { f(n: Int, list: [Int!], id: ID, x: Float, input: Input): Int } input Input { n: Int = 1 }`})
	for number, valid := range map[string]bool{
		"2147483647": true, "-2147483648": true, "2147483648": false, "-2147483649": false, "12345678901234567890": false, "-0": true,
	} {
		for _, query := range []string{
			`{ f(n: ` + number + `) }`, `{ f(list: [1, ` + number + `]) }`, `{ f(list: ` + number + `) }`, `{ f(input: {n: ` + number + `}) }`,
			`query($v: Int = ` + number + `) { f(n: $v) }`,
		} {
			_, errs := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
			if (errs == nil) != valid {
				t.Errorf("%s: %v", query, errs)
			}
		}
	}
	if _, errs := gqlparser.LoadQueryWithRules(schema, `{ f(id: 9007199254740993, x: 9007199254740993) }`, input.Rules()); errs != nil {
		t.Error(errs)
	}
}
