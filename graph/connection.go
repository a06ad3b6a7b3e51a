package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/plan"
)

// pagesOf returns for each parent the page of its list. indexes are those of the
// lists, as distinct returns them.
func pagesOf[C any](indexes []int) func(pages []C, err error) ([]*C, error) {
	return func(pages []C, err error) ([]*C, error) {
		if err != nil {
			return nil, err
		}
		parents := make([]*C, len(indexes))
		for i, at := range indexes {
			if at >= 0 {
				parents[i] = &pages[at]
			}
		}
		return parents, nil
	}
}

// onePage returns the page of the only list.
func onePage[C any](pages []C, err error) (*C, error) {
	if err != nil {
		return nil, err
	}
	return &pages[0], nil
}

// wrapLists makes models of the rows of several lists.
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

// selects reports whether the current field selects a field with one of these names,
// of its objects or, if it is a connection, of its nodes. A list reads large columns
// only if they are selected. Without a plan every field counts as selected.
func selects(ctx context.Context, names ...string) bool {
	field := plan.FieldOf(ctx)
	return field == nil || field.Selects(names...)
}

// selectsEver is selects for a field of the connection itself, deferred or not: one
// that has to be read with the page.
func selectsEver(ctx context.Context, name string) bool {
	if field := plan.FieldOf(ctx); field != nil {
		return field.SelectsEver(name)
	}
	selected := graphql.CollectFields(graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field.Selections, nil)
	return slices.ContainsFunc(selected, func(f graphql.CollectedField) bool { return f.Name == name })
}

// heads returns the first element of each list; nil for an empty list.
func heads[T any](lists [][]*T) []*T {
	first := make([]*T, len(lists))
	for i, list := range lists {
		first[i] = only(list)
	}
	return first
}

// only returns the first element of a list; nil if it is empty.
func only[T any](list []*T) *T {
	if len(list) == 0 {
		return nil
	}
	return list[0]
}

// first returns the first of the values that were read; nil if there are none.
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
