package catalog

import (
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/db/fault"
)

func TestCheckNames_EachKind_OneRule(t *testing.T) {
	t.Parallel()
	kinds := []struct {
		name  string
		check func(argument, name string) error
		max   int
	}{
		{"path", CheckPath, 1024},
		{"label", CheckLabel, 128},
		{"event id", CheckEventID, 255},
		{"type name", CheckTypeName, 128},
	}
	for _, kind := range kinds {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			for _, name := range []string{
				"a", "team/a b.yaml", "1.0.0", "é/日本/😀", strings.Repeat("x", kind.max), "%_\\'\"", "\u200b",
			} {
				if err := kind.check("input", name); err != nil {
					t.Errorf("%.40q = %v, want nil", name, err)
				}
			}
			for _, test := range []struct{ name, message string }{
				{"", "empty"},
				{strings.Repeat("x", kind.max+1), "bytes long"},
				{strings.Repeat("é", kind.max/2+1), "bytes long"},
				{"a\xffb", "UTF-8"},
				{"a\x00b", "U+0000"},
				{"a\nb", "U+000A"},
				{"a\n", "U+000A"},
				{"a\x7fb", "U+007F"},
				{"a\u0085b", "U+0085"},
				{" a", "white space"},
				{"a ", "white space"},
				{"\u00a0a", "white space"},
				{"a\u3000", "white space"},
				{"a\u2028", "white space"},
				{" ", "white space"},
			} {
				refusal{fault.BadUserInput, 0, 0, test.message}.check(t, kind.check("input", test.name))
			}
		})
	}
}

func TestCheckText_NotStorable_RefusedWithItsPlace(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a\r\n\tb", " é \u2028", strings.Repeat("x", 20)} {
		if err := CheckText("input", text, 20); err != nil {
			t.Errorf("%q = %v, want nil", text, err)
		}
	}
	tooLargeAt(0, 0, "21 bytes").check(t, CheckText("input", strings.Repeat("x", 21), 20))
	badInput(2, 2, "NUL").check(t, CheckText("input", "a\né\x00", 20))
	badInput(2, 3, "UTF-8").check(t, CheckText("input", "a\né\ufffd\xffb", 20))
}
