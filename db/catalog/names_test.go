package catalog

import (
	"context"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/fault/faulttest"
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
				faulttest.BadInput(0, 0, test.message).Check(t, kind.check("input", test.name))
			}
		})
	}
}

func TestCheckText_NotStorable_RefusedWithPosition(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "a\r\n\tb", " é \u2028", strings.Repeat("x", 20)} {
		if err := CheckText("input", text, 20); err != nil {
			t.Errorf("%q = %v, want nil", text, err)
		}
	}
	faulttest.TooLarge(0, 0, "21 bytes").Check(t, CheckText("input", strings.Repeat("x", 21), 20))
	faulttest.BadInput(2, 2, "NUL").Check(t, CheckText("input", "a\né\x00", 20))
	faulttest.BadInput(2, 3, "UTF-8").Check(t, CheckText("input", "a\né\ufffd\xffb", 20))
}

// The database applies the same rule to plain SQL, with the same messages.
func TestNames_AnyText_SameVerdictInDatabaseAndGo(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	kinds := []struct {
		rule  string
		check func(argument, name string) error
		max   int
	}{
		{"name_problem('path', t)", CheckPath, maxPathBytes},
		{"label_problem(t)", CheckLabel, maxLabelBytes},
		{"name_problem('event_id', t)", CheckEventID, maxEventIDBytes},
		{"name_problem('type', t)", CheckTypeName, maxTypeNameBytes},
	}
	judge := func(t interface{ Fatalf(string, ...any) }, kind int, texts []string) {
		rows, err := pool.Query(context.Background(), `SELECT coalesce(`+kinds[kind].rule+`, '') FROM unnest($1::text[]) WITH ORDINALITY AS u(t, n) ORDER BY n`, texts)
		if err != nil {
			t.Fatalf("%v", err)
		}
		problems, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatalf("%v", err)
		}
		for i, text := range texts {
			want := ""
			if problem, ok := fault.As(kinds[kind].check("", text)); ok {
				want = problem.Message
			}
			if problems[i] != want {
				t.Fatalf("%s of %q: the database returns %q, Go %q", kinds[kind].rule, text, problems[i], want)
			}
		}
	}

	var texts []string
	for r := rune(1); r < 0x10000; r++ {
		if utf8.ValidRune(r) && (r < 0x3100 || r%97 == 0 || r > 0xfe00) {
			texts = append(texts, string(r), string(r)+"b", "a"+string(r), "a"+string(r)+"b")
		}
	}
	judge(t, 0, texts)
	judge(t, 1, []string{"latest", "Latest", "latest ", "LATEST", "1.0.0"})

	edges := rapid.SampledFrom([]rune{' ', '\t', '\n', 0x1f, 0x7f, 0x80, 0x85, 0x9f, 0xa0, 0x1680, 0x180e, 0x200b, 0x2028, 0x202f, 0x205f, 0x3000, 0xfeff, 'a', '/', 'é', '日', '😀'})
	rapid.Check(t, func(t *rapid.T) {
		kind := rapid.IntRange(0, len(kinds)-1).Draw(t, "kind")
		texts := rapid.SliceOfN(rapid.OneOf(
			rapid.StringOf(edges),
			rapid.StringOf(rapid.RuneFrom(nil, unicode.Categories["L"], unicode.Categories["Z"], unicode.Categories["P"])),
			rapid.Map(rapid.IntRange(-2, 2), func(over int) string { return strings.Repeat("x", kinds[kind].max+over) }),
			rapid.Map(rapid.IntRange(-2, 2), func(over int) string { return strings.Repeat("é", kinds[kind].max/2+over) }),
		), 1, 40).Draw(t, "texts")
		for i, text := range texts {
			texts[i] = strings.ReplaceAll(text, "\x00", "") // PostgreSQL's text cannot hold it
		}
		judge(t, kind, texts)
	})
}

func TestCheckLabel_Latest_Reserved(t *testing.T) {
	t.Parallel()
	faulttest.BadInput(0, 0, "stands for the latest version").Check(t, CheckLabel("input", "latest"))
	for _, label := range []string{"Latest", "latest-1", "LATEST"} {
		if err := CheckLabel("input", label); err != nil {
			t.Errorf("%q = %v, want nil", label, err)
		}
	}
}
