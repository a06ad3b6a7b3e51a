package words_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/words"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// Each code point is folded as in SQL, and folding is idempotent. From U+20000 on there are
// no letters, only ideographs, of which only the compatibility ones change.
func TestFold_AnyCodePoint_AsSQL(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Release()
	if _, err := connection.Exec(t.Context(), `SET statement_timeout = 0`); err != nil {
		t.Fatal(err)
	}
	rows, err := connection.Query(t.Context(), `SELECT n, text_fold('a' || chr(n) || 'B'), text_words('a' || chr(n) || 'B')
		FROM generate_series(1, x'e01ff'::int) AS n
		WHERE n < x'd800'::int OR n BETWEEN x'e000'::int AND x'1ffff'::int OR n BETWEEN x'2f800'::int AND x'2fa1f'::int OR n >= x'e0000'::int
		ORDER BY n`)
	if err != nil {
		t.Fatal(err)
	}
	seen, differing := 0, 0
	var r rune
	var folded, found string
	_, err = pgx.ForEachRow(rows, []any{&r, &folded, &found}, func() error {
		seen++
		if 0x1e030 <= r && r <= 0x1e08f { // PostgreSQL 15 does not know this block
			return nil
		}
		text := "a" + string(r) + "B"
		if got := words.Fold(text); got != folded || words.Fold(folded) != folded {
			differing++
			if differing < 10 {
				t.Errorf("Fold(%+q) = %+q, folded again %+q; SQL: %+q", text, got, words.Fold(folded), folded)
			}
		}
		if got := words.Of(text); got != found {
			differing++
			if differing < 10 {
				t.Errorf("Of(%+q) = %+q; SQL: %+q", text, got, found)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if seen < 0x1ffff-0x800 || differing > 0 {
		t.Errorf("%d of %d code points differ", differing, seen)
	}
}

// letters draws letters of which many are folded.
var letters = rapid.SampledFrom([]rune("aAbB1 -_/.éÉèẼßẞøØŁæÆıİſΣσςЖжЙйاًあがﬁ²한日ー\u0301\u00ad\u200b\u00a0—"))

func texts() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(letters, 0, 12).Draw(t, "letters")) })
}

func TestWords_AnyText_AsSQL(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	rapid.Check(t, func(r *rapid.T) {
		text, query := texts().Draw(r, "text"), words.Parse(texts().Draw(r, "query"))
		var folded, found string
		var matches bool
		if err := pool.QueryRow(t.Context(), `SELECT text_fold($1), text_words($1), text_words($1) LIKE ALL ($2::text[])`, text, query.Patterns()).
			Scan(&folded, &found, &matches); err != nil {
			r.Fatal(err)
		}
		if got := words.Fold(text); got != folded {
			r.Errorf("Fold(%+q) = %+q; SQL: %+q", text, got, folded)
		}
		if got := words.Of(text); got != found {
			r.Errorf("Of(%+q) = %+q; SQL: %+q", text, got, found)
		}
		if got := query.In(words.Of(text)); got != matches {
			r.Errorf("%+q in %+q: %v; SQL: %v", query, text, got, matches)
		}
	})
}

func TestFold_Example(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Größe": "grosse", "ÉTÉ": "ete", "Øystein Ærø": "oystein aero", "İstanbul": "istanbul", "ΣΊΣΥΦΟΣ": "σισυφοσ",
		"ЁЛКА": "елка", "ﬁne²": "fine2", "Łódź": "lodz", "plain-ASCII_1": "plain-ascii_1", "bad\xffbyte": "bad\ufffdbyte",
	} {
		if got := words.Fold(text); got != want {
			t.Errorf("Fold(%q) = %q, want %q", text, got, want)
		}
	}
}

// A word of one or two letters is found at the beginning of a word, others everywhere.
func TestQuery_ShortWord_AtBeginning(t *testing.T) {
	t.Parallel()
	document := words.Of("examples/load_Größe", "wait for HTTP")
	if want := " examples load grosse wait for http "; document != want {
		t.Fatalf("Of returns %q, want %q", document, want)
	}
	for query, want := range map[string]bool{
		"": true, "GRÖ": true, "ross": true, "se": false, "ht wa": true, "tp": false, "ttp": true, "load/gros": true, "loadgros": false, "- -": true,
	} {
		if got := words.Parse(query).In(document); got != want {
			t.Errorf("%q is found: %v, want %v", query, got, want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Größe İ \xff")
	f.Fuzz(func(t *testing.T, text string) {
		folded := words.Fold(text)
		if !utf8.ValidString(folded) || words.Fold(folded) != folded {
			t.Errorf("Fold(%+q) = %+q, folded again %+q", text, folded, words.Fold(folded))
		}
		if split := words.Split(text); slices.ContainsFunc(split, func(word string) bool { return word == "" || strings.Contains(word, " ") }) {
			t.Errorf("Split(%+q) = %+q", text, split)
		}
	})
}
