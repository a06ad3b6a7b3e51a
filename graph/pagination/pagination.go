// Package pagination turns Relay's arguments into a half-open range of a
// sorted list and back into a page: keyset pagination, exact in both
// directions.
//
//	args, err := pagination.Parse(first, after, last, before, "event")
//	page, err := pagination.Read(ctx, args, descending, fetch, place)
package pagination

import (
	"context"
	"slices"

	"github.com/noetl/noetl-catalog/db/fault"
)

// The sizes of a page (DESIGN section 5).
const (
	DefaultSize = 20
	MaxSize     = 200
)

// Args are first, after, last and before, checked.
type Args struct {
	Size int
	// Backward: the last of the range instead of the first.
	Backward      bool
	After, Before *Place
	kind          string
}

// Parse checks the four arguments. kind names the list's order: a cursor of
// another one is refused.
func Parse(first *int, after *string, last *int, before *string, kind string) (Args, error) {
	args := Args{Size: DefaultSize, kind: kind}
	switch {
	case first != nil && last != nil:
		return args, fault.Input("last", "give first or last, not both")
	case first != nil:
		args.Size = *first
	case last != nil:
		args.Size, args.Backward = *last, true
	}
	if args.Size < 1 || args.Size > MaxSize {
		argument := "first"
		if args.Backward {
			argument = "last"
		}
		return args, fault.Input(argument, "must be from 1 to %d, not %d", MaxSize, args.Size)
	}
	var err error
	if args.After, err = decode(kind, "after", after); err != nil {
		return args, err
	}
	if args.Before, err = decode(kind, "before", before); err != nil {
		return args, err
	}
	return args, nil
}

// Span is the part of a list, in ascending order, with low <= place < high; a
// nil end is open.
type Span struct{ Low, High *Place }

// Purpose says which of a connection's reads a fetch is for; a batch of
// sibling connections has one statement for each.
type Purpose string

// The reads of a connection.
const (
	Items    Purpose = "items"
	Next     Purpose = "next"
	Previous Purpose = "previous"
	Count    Purpose = "count"
)

// Fetch reads up to limit items of a span, and tells whether there are more.
type Fetch[T any] func(ctx context.Context, purpose Purpose, span Span, descending bool, limit int) (items []T, more bool, err error)

// Page is what a connection shows. Next and Previous ask the database only
// where the items cannot tell.
type Page[T any] struct {
	Items    []T
	Next     func(context.Context) (bool, error)
	Previous func(context.Context) (bool, error)
	place    func(T) Place
	kind     string
}

// Read reads one page of a list. descending is the list's own order; paging
// backward walks it the other way.
func Read[T any](ctx context.Context, args Args, descending bool, fetch Fetch[T], place func(T) Place) (*Page[T], error) {
	span := Span{Low: args.After.successor(), High: args.Before}
	if descending {
		span = Span{Low: args.Before.successor(), High: args.After}
	}
	items, more, err := fetch(ctx, Items, span, descending != args.Backward, args.Size)
	if err != nil {
		return nil, err
	}
	if args.Backward {
		items = slices.Clone(items)
		slices.Reverse(items)
	}
	exists := func(purpose Purpose, beyond Span, known bool) func(context.Context) (bool, error) {
		return func(ctx context.Context) (bool, error) {
			if known || (beyond.Low == nil && beyond.High == nil) {
				return known, nil
			}
			found, _, err := fetch(ctx, purpose, beyond, descending, 1)
			return len(found) > 0, err
		}
	}
	// What lies on the far side of each cursor, itself included.
	beyondAfter, beyondBefore := Span{High: args.After.successor()}, Span{Low: args.Before}
	if descending {
		beyondAfter, beyondBefore = Span{Low: args.After}, Span{High: args.Before.successor()}
	}
	return &Page[T]{
		Items:    items,
		Next:     exists(Next, beyondBefore, more && !args.Backward),
		Previous: exists(Previous, beyondAfter, more && args.Backward),
		place:    place,
		kind:     args.kind,
	}, nil
}

// Cursor is the cursor of an item.
func (p *Page[T]) Cursor(item T) string { return p.place(item).encode(p.kind) }

// Ends are the cursors of the first and the last item; nil for an empty page.
func (p *Page[T]) Ends() (start, end *string) {
	if len(p.Items) == 0 {
		return nil, nil
	}
	first, last := p.Cursor(p.Items[0]), p.Cursor(p.Items[len(p.Items)-1])
	return &first, &last
}
