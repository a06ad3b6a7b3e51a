// Package loader batches and caches concurrent reads, by dataloader. It serves
// subscriptions that deliver the same event, and gqlgen's executor, which calls batch
// resolvers list by list. Plans do not need it: they have all keys of a level at once.
//
//	loaders := loader.New(200)
//	resources, err := loader.LoadMany(ctx, loaders, "resource", paths, batch)
package loader

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"
)

// Loaders holds one dataloader for each name, which caches everything it reads.
type Loaders struct {
	capacity int
	mu       sync.Mutex
	byName   map[any]any
}

// batchWait is how long a batch waits for more keys.
const batchWait = time.Millisecond

// New returns an empty set, whose batches are read when they have capacity keys, or
// after a short wait.
func New(capacity int) *Loaders { return &Loaders{capacity: capacity, byName: map[any]any{}} }

// Batch returns the value of each key, in the order of the keys.
type Batch[K comparable, V any] func(ctx context.Context, keys []K) ([]V, error)

// LoadMany returns the values of keys, in their order. name identifies what is read;
// it is comparable. The first batch function of a name is used for all later calls.
func LoadMany[K comparable, V any](ctx context.Context, loaders *Loaders, name any, keys []K, batch Batch[K, V]) ([]V, error) {
	loader := loaderOf(loaders, name, batch)
	thunks := make([]dataloader.Thunk[V], len(keys))
	for i, key := range keys {
		thunks[i] = loader.Load(ctx, key)
	}
	values := make([]V, len(keys))
	for i, thunk := range thunks {
		var err error
		if values[i], err = thunk(); err != nil {
			return nil, err
		}
	}
	return values, nil
}

func loaderOf[K comparable, V any](loaders *Loaders, name any, batch Batch[K, V]) *dataloader.Loader[K, V] {
	loaders.mu.Lock()
	defer loaders.mu.Unlock()
	known, ok := loaders.byName[name].(*dataloader.Loader[K, V])
	if !ok {
		known = dataloader.NewBatchedLoader(batchFunc(batch), dataloader.WithBatchCapacity[K, V](loaders.capacity), dataloader.WithWait[K, V](batchWait))
		loaders.byName[name] = known
	}
	return known
}

func batchFunc[K comparable, V any](batch Batch[K, V]) dataloader.BatchFunc[K, V] {
	return func(ctx context.Context, keys []K) []*dataloader.Result[V] {
		results := make([]*dataloader.Result[V], len(keys))
		values, err := batch(ctx, keys)
		if err == nil && len(values) != len(keys) {
			err = fmt.Errorf("a batch of %d keys was answered with %d values", len(keys), len(values))
		}
		for i := range results {
			results[i] = &dataloader.Result[V]{Error: err}
			if err == nil {
				results[i].Data = values[i]
			}
		}
		return results
	}
}

type contextKey struct{}

// WithLoaders returns a context that carries the loaders of one request.
func WithLoaders(ctx context.Context, loaders *Loaders) context.Context {
	return context.WithValue(ctx, contextKey{}, loaders)
}

// From returns the request's loaders.
func From(ctx context.Context) *Loaders {
	loaders, ok := ctx.Value(contextKey{}).(*Loaders)
	if !ok {
		panic("loader: the context carries no loaders")
	}
	return loaders
}
