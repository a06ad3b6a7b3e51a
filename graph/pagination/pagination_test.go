package pagination_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/noetl/noetl-catalog/graph/pagination"
)

// A page of 100 with all its cursors, read after the cursor of another.
func BenchmarkRead_Cursors(b *testing.B) {
	items := make([]pagination.Place, 100)
	for i := range items {
		items[i] = pagination.At(time.UnixMicro(int64(1_700_000_000_000_000+i)), fmt.Sprint("event-", i))
	}
	read := func(context.Context, pagination.Purpose, pagination.Span, bool, int) ([][]pagination.Place, error) {
		return [][]pagination.Place{items}, nil
	}
	first := 100
	var after *string
	b.ReportAllocs()
	for b.Loop() {
		args, err := pagination.Parse(&first, after, nil, nil, "event")
		if err != nil {
			b.Fatal(err)
		}
		lists := &pagination.Lists[pagination.Place]{Args: args, Descending: true, Read: read, Place: func(p pagination.Place) pagination.Place { return p }}
		pages, err := lists.Pages(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		for _, edge := range pages[0].Edges() {
			cursor := edge.Cursor()
			after = &cursor
		}
	}
}
