package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// part is the part of one parent's list that a batch has read.
type part[T any] struct {
	items []T
	more  bool
	// tail is the log's end in the snapshot of the batch, where it was asked for.
	tail *eventlog.Tail
}

// cut shortens lists that were read one item too long to limit, and wraps
// what is left of all of them as read together.
func cut[R, T any](lists [][]R, limit int, wrap func([]R) []T) []part[T] {
	var kept []R
	parts := make([]part[T], len(lists))
	for i, list := range lists {
		if parts[i].more = len(list) > limit; parts[i].more {
			lists[i] = list[:limit]
		}
		kept = append(kept, lists[i]...)
	}
	wrapped := wrap(kept)
	for i, list := range lists {
		parts[i].items, wrapped = wrapped[:len(list):len(list)], wrapped[len(list):]
	}
	return parts
}

// listOf reads one list, at the root.
func listOf[R, T any](wrap func([]R) []T, read func(ctx context.Context, span pagination.Span, descending bool, limit int) ([]R, error)) pagination.Fetch[T] {
	return func(ctx context.Context, _ pagination.Purpose, span pagination.Span, descending bool, limit int) ([]T, bool, error) {
		list, err := read(ctx, span, descending, limit+1)
		if err != nil {
			return nil, false, err
		}
		one := cut([][]R{list}, limit, wrap)[0]
		return one.items, one.more, nil
	}
}

// listsOf reads the lists of siblings: one statement for all of them. The first
// read's tail, if it has one, goes to tail.
func listsOf[P any, K comparable, R, T any](
	name string, arguments any, group *model.Group[P], keyOf func(P) K, key K,
	wrap func([]R) []T, tail **eventlog.Tail,
	read func(ctx context.Context, keys []K, span pagination.Span, descending bool, limit int) ([][]R, *eventlog.Tail, error),
) pagination.Fetch[T] {
	return func(ctx context.Context, purpose pagination.Purpose, span pagination.Span, descending bool, limit int) ([]T, bool, error) {
		field := loader.Field{Name: name + " " + string(purpose), Group: group, Arguments: arguments}
		own, err := loader.Load(ctx, loader.From(ctx), field, keysOf(group, keyOf), key,
			func(ctx context.Context, keys []K) ([]part[T], error) {
				lists, tail, err := read(ctx, keys, span, descending, limit+1)
				if err != nil {
					return nil, err
				}
				parts := cut(lists, limit, wrap)
				for i := range parts {
					parts[i].tail = tail
				}
				return parts, nil
			})
		if tail != nil && purpose == pagination.Items {
			*tail = own.tail
		}
		return own.items, own.more, err
	}
}

// keysOf are the keys of all the members of a group.
func keysOf[P any, K comparable](group *model.Group[P], keyOf func(P) K) func() []K {
	return func() []K {
		keys := make([]K, len(group.Members))
		for i, member := range group.Members {
			keys[i] = keyOf(member)
		}
		return keys
	}
}

func value[T any](pointer *T) T {
	if pointer == nil {
		var zero T
		return zero
	}
	return *pointer
}
