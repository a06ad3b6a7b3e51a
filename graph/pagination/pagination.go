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

// FromStart reports whether the page is the list's first.
func (a Args) FromStart() bool { return !a.Backward && a.After == nil && a.Before == nil }

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

// List is a sorted list, and what a request wants of it.
type List[T any] struct {
	Args Args
	// Descending is the list's own order; paging backward walks it the other way.
	Descending bool
	Fetch      Fetch[T]
	// Place is where an item stands.
	Place func(T) Place
}

// Read reads one page of a list.
func Read[T any](ctx context.Context, args Args, descending bool, fetch Fetch[T], place func(T) Place) (*Page[T], error) {
	list := &List[T]{Args: args, Descending: descending, Fetch: fetch, Place: place}
	span, walkDescending := list.Span()
	items, more, err := fetch(ctx, Items, span, walkDescending, args.Size)
	if err != nil {
		return nil, err
	}
	page := list.Page(items, more)
	return &page, nil
}

// Span is where the page lies, and whether to walk there from high to low.
func (l *List[T]) Span() (span Span, descending bool) {
	span = Span{Low: l.Args.After.successor(), High: l.Args.Before}
	if l.Descending {
		span = Span{Low: l.Args.Before.successor(), High: l.Args.After}
	}
	return span, l.Descending != l.Args.Backward
}

// Page is the page of these items, as they were read, and whether there are more.
func (l *List[T]) Page(items []T, more bool) Page[T] {
	if l.Args.Backward {
		items = slices.Clone(items)
		slices.Reverse(items)
	}
	return Page[T]{Items: items, more: more, list: l}
}

// Page is what a connection shows.
type Page[T any] struct {
	Items []T
	// more: there are more in the direction of the walk.
	more bool
	list *List[T]
}

// Next reports whether there is a page after this one. It asks the database
// only where the items cannot tell.
func (p *Page[T]) Next(ctx context.Context) (bool, error) {
	args := &p.list.Args
	// What lies on the far side of the cursor, itself included.
	beyond := Span{Low: args.Before}
	if p.list.Descending {
		beyond = Span{High: args.Before.successor()}
	}
	return p.exists(ctx, Next, beyond, p.more && !args.Backward)
}

// Previous reports whether there is a page before this one, as Next does.
func (p *Page[T]) Previous(ctx context.Context) (bool, error) {
	args := &p.list.Args
	beyond := Span{High: args.After.successor()}
	if p.list.Descending {
		beyond = Span{Low: args.After}
	}
	return p.exists(ctx, Previous, beyond, p.more && args.Backward)
}

func (p *Page[T]) exists(ctx context.Context, purpose Purpose, beyond Span, known bool) (bool, error) {
	if known || (beyond.Low == nil && beyond.High == nil) {
		return known, nil
	}
	found, _, err := p.list.Fetch(ctx, purpose, beyond, p.list.Descending, 1)
	return len(found) > 0, err
}

// Cursor is the cursor of an item.
func (p *Page[T]) Cursor(item T) string { return p.list.Place(item).encode(p.list.Args.kind) }

// Ends are the cursors of the first and the last item; nil for an empty page.
func (p *Page[T]) Ends() (start, end *string) {
	if len(p.Items) == 0 {
		return nil, nil
	}
	first, last := p.Cursor(p.Items[0]), p.Cursor(p.Items[len(p.Items)-1])
	return &first, &last
}
