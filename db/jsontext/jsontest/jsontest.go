// Package jsontest generates JSON values for property tests.
package jsontest

import (
	"strings"

	"pgregory.net/rapid"
)

// Any generates values that encoding/json marshals, depth levels deep at most.
func Any(depth int) *rapid.Generator[any] {
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
			rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return Any(depth - 1) }), 0, 5).AsAny(),
			rapid.MapOfN(storableString(), rapid.Deferred(func() *rapid.Generator[any] { return Any(depth - 1) }), 0, 20).AsAny())
	}
	return rapid.OneOf(kinds...)
}

func storableString() *rapid.Generator[string] {
	return rapid.Map(rapid.StringN(0, 20, -1), func(s string) string { return strings.ReplaceAll(s, "\x00", "") })
}
