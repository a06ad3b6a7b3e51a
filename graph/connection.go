package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/graph/pagination"
	"github.com/noetl/noetl-catalog/graph/plan"
)

// pagesOf gives each parent the page of its list: places are those of the lists,
// as distinct makes them.
func pagesOf[C any](places []int) func(pages []C, err error) ([]*C, error) {
	return func(pages []C, err error) ([]*C, error) {
		if err != nil {
			return nil, err
		}
		parents := make([]*C, len(places))
		for i, at := range places {
			if at >= 0 {
				parents[i] = &pages[at]
			}
		}
		return parents, nil
	}
}

// onePage is the page of the only list.
func onePage[C any](pages []C, err error) (*C, error) {
	if err != nil {
		return nil, err
	}
	return &pages[0], nil
}

// noLists are those that nothing passes into, for n parents.
func noLists[T any](n int) func(context.Context, pagination.Purpose, pagination.Span, bool, int) ([][]T, error) {
	return func(context.Context, pagination.Purpose, pagination.Span, bool, int) ([][]T, error) {
		return make([][]T, n), nil
	}
}

func noCounts(n int) func(context.Context) ([]int, error) {
	return func(context.Context) ([]int, error) { return make([]int, n), nil }
}

// wrapLists makes models of the rows of lists.
func wrapLists[R, M any](lists [][]*R, wrap func([]*R) []*M) [][]*M {
	if len(lists) == 1 {
		return [][]*M{wrap(lists[0])}
	}
	var all []*R
	for _, list := range lists {
		all = append(all, list...)
	}
	models, wrapped := wrap(all), make([][]*M, len(lists))
	for i, list := range lists {
		wrapped[i], models = models[:len(list):len(list)], models[len(list):]
	}
	return wrapped
}

// selects reports whether the running field's selection asks for a field of one of
// these names of the objects that it leads to: of its nodes, for a connection, and
// of the connection itself. It lets a list read the large columns in its own
// statement, and only where they are asked for. Where no plan is executed, all are
// taken to be.
func selects(ctx context.Context, names ...string) bool {
	field := plan.FieldOf(ctx)
	return field == nil || field.Selects(names...)
}

// heads are the first elements of lists; nil of an empty one.
func heads[T any](lists [][]*T) []*T {
	first := make([]*T, len(lists))
	for i, list := range lists {
		first[i] = only(list)
	}
	return first
}

// only is the only element of a list; nil of none.
func only[T any](list []*T) *T {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// first is the only value that was read.
func first[T any](list []*T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return only(list), nil
}

func value[T any](pointer *T) T {
	if pointer == nil {
		var zero T
		return zero
	}
	return *pointer
}
