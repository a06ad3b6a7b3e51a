package loader_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/noetl/noetl-catalog/graph/loader"
)

// A hundred siblings that ask for the same field, in one batch.
func BenchmarkLoad_Siblings(b *testing.B) {
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint("p/", i)
	}
	batch := func(_ context.Context, keys []string) ([]int, error) { return make([]int, len(keys)), nil }
	group := new(int)
	b.ReportAllocs()
	for b.Loop() {
		loaders := loader.New()
		for _, key := range keys {
			field := loader.Field{Name: "Event.resource", Group: group}
			if _, err := loader.Load(b.Context(), loaders, field, func() []string { return keys }, key, batch); err != nil {
				b.Fatal(err)
			}
		}
	}
}
