package pagination_test

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/graph/pagination"
)

// The pages of a sorted list: Read returns a part of it, as a statement with
// WHERE, ORDER BY and LIMIT does.
func ExampleLists() {
	names := []string{"ant", "bee", "cat", "dog", "eel"}
	page := func(first int, after *string) pagination.Page[string] {
		args, err := pagination.Parse(&first, after, nil, nil, "name")
		if err != nil {
			fmt.Println(err)
		}
		pages, err := (&pagination.Lists[string]{
			Args: args, More: true,
			Place: func(name string) pagination.Place { return pagination.Place{Key: name} },
			Read: func(_ context.Context, _ pagination.Purpose, span pagination.Span, _ bool, limit int) ([][]string, error) {
				var found []string
				for _, name := range names {
					if (span.Low == nil || name >= span.Low.Key) && (span.High == nil || name < span.High.Key) && len(found) < limit {
						found = append(found, name)
					}
				}
				return [][]string{found}, nil
			},
		}).Pages(context.Background())
		if err != nil {
			fmt.Println(err)
		}
		return pages[0]
	}

	first := page(3, nil)
	edges := first.Edges()
	cursor := edges[len(edges)-1].Cursor()
	second := page(3, &cursor)
	fmt.Println(first.Nodes(), second.Nodes())
	// Output:
	// [ant bee cat] [dog eel]
}

// A cursor of another list is refused, with the argument's name.
func ExampleParse() {
	first, cursor := 3, "bm8gY3Vyc29y"
	_, err := pagination.Parse(&first, &cursor, nil, nil, "name")
	fmt.Println(err)
	// Output:
	// after: is not a cursor of this list
}
