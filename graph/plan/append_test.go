package plan

import (
	"bytes"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
)

func FuzzAppendString_AsGqlgenWrites(f *testing.F) {
	for _, text := range []string{
		"", "p/1", "workflows/etl/load", `say "hello"`, `C:\dir`, "a\nb\tc\rd", "\x00\x1f\x20\x7f", "é 漢 😀", "no\xffUTF-8",
	} {
		for _, at := range []int{0, 1, 7, 8, 9, 30} {
			f.Add(strings.Repeat("x", at)+text+strings.Repeat("y", at), uint8(at))
		}
	}
	f.Fuzz(func(t *testing.T, text string, before uint8) {
		var want bytes.Buffer
		want.WriteString(strings.Repeat(" ", int(before)))
		start := want.String()
		graphql.MarshalString(text).MarshalGQL(&want)
		if got := AppendString([]byte(start), text); string(got) != want.String() {
			t.Errorf("%q is written as %s, want %s", text, got[before:], want.String()[before:])
		}
	})
}

func BenchmarkAppendString(b *testing.B) {
	buf := make([]byte, 0, 256)
	for b.Loop() {
		buf = AppendString(buf[:0], "team17/folder17/resource-6417")
	}
}
