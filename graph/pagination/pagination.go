// Package pagination turns Relay's arguments into a half-open range of a
// sorted list and back into a page: keyset pagination, exact in both
// directions.
//
//	args, err := pagination.Parse(first, after, last, before, "event")
//	lists := &pagination.Lists[*Event]{Args: args, Read: read, Count: count, Place: place}
//	pages, err := lists.Pages(ctx)
package pagination

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/noetl/noetl-catalog/db/fault"
)

// The sizes of a page (docs/clients.md, "Limits").
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

// Purpose says which of a connection's reads a read is for.
type Purpose string

// The reads of a connection.
const (
	Items    Purpose = "items"
	Next     Purpose = "next"
	Previous Purpose = "previous"
)

// Lists are sorted lists, one for each of several parents, and the page that a request
// asks for.
type Lists[T any] struct {
	Args Args
	// Descending is the lists' own order; paging backward walks them the other way.
	Descending bool
	// More reads one item more than the page holds, for PageInfo.
	More bool
	// Read reads up to limit items of a span of each list.
	Read func(ctx context.Context, purpose Purpose, span Span, descending bool, limit int) ([][]T, error)
	// Count counts each list.
	Count func(ctx context.Context) ([]int, error)
	// Place is where an item stands.
	Place func(T) Place
	// Empty: the N lists have no items. Read and Count are not called.
	Empty bool
	N     int

	next, previous memo[[][]T]
	counts         memo[[]int]
}

// Pages reads one page of each list.
func (l *Lists[T]) Pages(ctx context.Context) ([]Page[T], error) {
	if l.Empty {
		l.Read = func(context.Context, Purpose, Span, bool, int) ([][]T, error) { return make([][]T, l.N), nil }
		l.Count = func(context.Context) ([]int, error) { return make([]int, l.N), nil }
	}
	span, descending := l.span()
	size := l.Args.Size
	if l.More {
		size++
	}
	lists, err := l.Read(ctx, Items, span, descending, size)
	if err != nil {
		return nil, err
	}
	pages := make([]Page[T], len(lists))
	for i, items := range lists {
		pages[i] = Page[T]{items: items, of: l, at: i}
		if pages[i].more = len(items) > l.Args.Size; pages[i].more {
			pages[i].items = items[:l.Args.Size:l.Args.Size]
		}
		if l.Args.Backward {
			pages[i].items = slices.Clone(pages[i].items)
			slices.Reverse(pages[i].items)
		}
	}
	return pages, nil
}

// span returns where the page lies, and whether to walk there from high to low.
func (l *Lists[T]) span() (span Span, descending bool) {
	span = Span{Low: l.Args.After.successor(), High: l.Args.Before}
	if l.Descending {
		span = Span{Low: l.Args.Before.successor(), High: l.Args.After}
	}
	return span, l.Descending != l.Args.Backward
}

// Page is the page of one list. Values that its items do not determine, such as
// TotalCount, are read once for the pages of all lists.
type Page[T any] struct {
	items []T
	// more: there are more in the direction of the walk.
	more bool
	of   *Lists[T]
	at   int
}

// Nodes returns the page's items.
func (p *Page[T]) Nodes() []T { return p.items }

// Edges returns the page's items with their cursors.
func (p *Page[T]) Edges() []*Edge[T] {
	edges, pointers := make([]Edge[T], len(p.items)), make([]*Edge[T], len(p.items))
	for i, item := range p.items {
		edges[i] = Edge[T]{Node: item, page: p}
		pointers[i] = &edges[i]
	}
	return pointers
}

// TotalCount counts the whole list.
func (p *Page[T]) TotalCount(ctx context.Context) (int, error) {
	counts, err := p.of.counts.get(func() ([]int, error) { return p.of.Count(ctx) })
	if err != nil {
		return 0, err
	}
	return counts[p.at], nil
}

// PageInfo describes the page.
func (p *Page[T]) PageInfo() *PageInfo { return &PageInfo{p} }

func (p *Page[T]) hasNext(ctx context.Context) (bool, error) {
	args := &p.of.Args
	// What lies on the far side of the cursor, itself included.
	beyond := Span{Low: args.Before}
	if p.of.Descending {
		beyond = Span{High: args.Before.successor()}
	}
	return p.exists(ctx, Next, &p.of.next, beyond, p.more && !args.Backward)
}

func (p *Page[T]) hasPrevious(ctx context.Context) (bool, error) {
	args := &p.of.Args
	beyond := Span{High: args.After.successor()}
	if p.of.Descending {
		beyond = Span{Low: args.After}
	}
	return p.exists(ctx, Previous, &p.of.previous, beyond, p.more && args.Backward)
}

func (p *Page[T]) exists(ctx context.Context, purpose Purpose, found *memo[[][]T], beyond Span, known bool) (bool, error) {
	if known || (beyond.Low == nil && beyond.High == nil) {
		return known, nil
	}
	lists, err := found.get(func() ([][]T, error) { return p.of.Read(ctx, purpose, beyond, p.of.Descending, 1) })
	if err != nil {
		return false, err
	}
	return len(lists[p.at]) > 0, nil
}

// ends returns the cursors of the first and the last item; nil for an empty page.
func (p *Page[T]) ends() (start, end *string) {
	if len(p.items) == 0 {
		return nil, nil
	}
	first, last := p.cursor(p.items[0]), p.cursor(p.items[len(p.items)-1])
	return &first, &last
}

func (p *Page[T]) cursor(item T) string { return p.of.Place(item).encode(p.of.Args.kind) }

// Edge is an item of a page.
type Edge[T any] struct {
	Node T
	page *Page[T]
}

// Cursor returns where the item stands in the list.
func (e *Edge[T]) Cursor() string { return e.page.cursor(e.Node) }

// PageInfo describes a page.
type PageInfo struct {
	page interface {
		hasNext(ctx context.Context) (bool, error)
		hasPrevious(ctx context.Context) (bool, error)
		ends() (start, end *string)
	}
}

// HasNextPage reports whether there is a page after this one. It asks the
// database only where the items cannot tell.
func (i *PageInfo) HasNextPage(ctx context.Context) (bool, error) { return i.page.hasNext(ctx) }

// HasPreviousPage reports whether there is a page before this one, as
// HasNextPage does.
func (i *PageInfo) HasPreviousPage(ctx context.Context) (bool, error) {
	return i.page.hasPrevious(ctx)
}

// StartCursor returns the cursor of the first item; nil for an empty page.
func (i *PageInfo) StartCursor() *string {
	start, _ := i.page.ends()
	return start
}

// EndCursor returns the cursor of the last item; nil for an empty page.
func (i *PageInfo) EndCursor() *string {
	_, end := i.page.ends()
	return end
}

// memo is a value that is computed once.
type memo[T any] struct {
	once  sync.Once
	value T
	err   error
}

func (m *memo[T]) get(read func() (T, error)) (T, error) {
	m.once.Do(func() {
		m.err = errors.New("the read before panicked")
		m.value, m.err = read()
	})
	return m.value, m.err
}
