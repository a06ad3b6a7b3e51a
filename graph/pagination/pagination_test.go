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
	fetch := func(context.Context, pagination.Purpose, pagination.Span, bool, int) ([]pagination.Place, bool, error) {
		return items, true, nil
	}
	first := 100
	var after *string
	b.ReportAllocs()
	for b.Loop() {
		args, err := pagination.Parse(&first, after, nil, nil, "event")
		if err != nil {
			b.Fatal(err)
		}
		page, err := pagination.Read(b.Context(), args, true, fetch, func(p pagination.Place) pagination.Place { return p })
		if err != nil {
			b.Fatal(err)
		}
		for _, item := range page.Items {
			cursor := page.Cursor(item)
			after = &cursor
		}
	}
}
