// Package loader reads a field of many objects in one statement. It stands on
// dataloader, but does not wait for siblings to turn up: objects that were
// read together know each other (model.Group), so the first one that asks for
// a field puts the keys of all into the batch, and the batch leaves at once,
// full.
//
//	loaders := loader.New()                          // one for each request
//	resource, err := loader.Load(ctx, loaders, loader.Field{Name: "Event.resource", Group: event.Siblings},
//		keys, event.Path(), batch)
package loader

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/graph-gophers/dataloader/v7"
)

// Loaders are the batches of one request. They must not outlive it: they keep
// all that they have read.
type Loaders struct {
	mu      sync.Mutex
	byField map[Field]any
}

// New makes an empty set.
func New() *Loaders { return &Loaders{byField: map[Field]any{}} }

// Field names a batch: what is read, for which objects, with which arguments.
// Fields that are equal share one statement.
type Field struct {
	// Name is the schema's, for example "Event.resource".
	Name string
	// Group is the *model.Group of the objects.
	Group any
	// Arguments is anything comparable that tells two selections of the field
	// apart: its place in the document, or the columns to read.
	Arguments any
}

// Batch reads the values of keys; it answers a value for each key, in their order.
type Batch[K comparable, V any] func(ctx context.Context, keys []K) ([]V, error)

// Load returns the value of key. keys are the keys of all the objects of the
// group, repeats allowed; they are asked for once, by the first call.
func Load[K comparable, V any](ctx context.Context, loaders *Loaders, field Field, keys func() []K, key K, batch Batch[K, V]) (V, error) {
	return batchOf(ctx, loaders, field, keys, key, batch).Load(ctx, key)()
}

// batchOf is the batch of a field, begun by the first call.
func batchOf[K comparable, V any](ctx context.Context, loaders *Loaders, field Field, keys func() []K, key K, batch Batch[K, V]) *dataloader.Loader[K, V] {
	loaders.mu.Lock()
	defer loaders.mu.Unlock() // where keys panics, too: others wait for it
	if begun, ok := loaders.byField[field]; ok {
		return begun.(*dataloader.Loader[K, V])
	}
	together := distinct(append(keys(), key))
	batched := dataloader.NewBatchedLoader(batchFunc(batch), dataloader.WithBatchCapacity[K, V](len(together)))
	loaders.byField[field] = batched
	// Fills the batch to its capacity: it is dispatched without a wait.
	for _, each := range together {
		batched.Load(ctx, each)
	}
	return batched
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

func distinct[K comparable](keys []K) []K {
	seen := make(map[K]struct{}, len(keys))
	return slices.DeleteFunc(keys, func(key K) bool {
		_, repeated := seen[key]
		seen[key] = struct{}{}
		return repeated
	})
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
