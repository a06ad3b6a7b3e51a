package graph

import (
	"context"
	"errors"
	"sync"

	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// requestCache holds what one request has read, so that it reads each key once.
// Root fields that are executed concurrently share it.
type requestCache struct {
	mu sync.Mutex
	// byName maps a name to its *batches.
	byName map[any]any
}

// batches are the batches that were read under one name, in order.
type batches[K comparable, V any] struct {
	all []*batch[K, V]
	// index finds the values of the first indexed batches. It is built on the
	// second read of a name: most names are read once.
	index   map[K]batchValue[K, V]
	indexed int
}

// batch holds the values of keys that were read together.
type batch[K comparable, V any] struct {
	keys   []K
	values []V
	err    error
	// done is closed when values and err are set; nil if they were set from the
	// beginning.
	done chan struct{}
	// keyOf returns the key of a value, if keys is nil.
	keyOf func(V) K
}

type batchValue[K comparable, V any] struct {
	batch *batch[K, V]
	at    int
}

var errReadPanicked = errors.New("a concurrent read of the same key panicked")

// batchesOf returns the batches of a name. The caller holds cache.mu.
func batchesOf[K comparable, V any](cache *requestCache, name any) *batches[K, V] {
	if cache.byName == nil {
		cache.byName = map[any]any{}
	}
	known, ok := cache.byName[name].(*batches[K, V])
	if !ok {
		known = &batches[K, V]{}
		cache.byName[name] = known
	}
	return known
}

// missing returns the keys that no batch holds.
func (b *batches[K, V]) missing(keys []K) (missing []K) {
	if len(b.all) == 0 {
		return keys
	}
	b.reindex()
	for _, key := range keys {
		if _, ok := b.index[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

// reindex adds the batches that the index lacks.
func (b *batches[K, V]) reindex() {
	if b.index == nil {
		b.index = map[K]batchValue[K, V]{}
	}
	for ; b.indexed < len(b.all); b.indexed++ {
		batch := b.all[b.indexed]
		for i, key := range batch.keys {
			b.index[key] = batchValue[K, V]{batch, i}
		}
		if batch.keyOf != nil {
			for i, value := range batch.values {
				b.index[batch.keyOf(value)] = batchValue[K, V]{batch, i}
			}
		}
	}
}

// cached returns the values of distinct keys, and reads those that the cache
// lacks. It waits for keys that are being read concurrently.
func cached[K comparable, V any](ctx context.Context, cache *requestCache, name any, keys []K, read loader.Batch[K, V]) ([]V, error) {
	cache.mu.Lock()
	known := batchesOf[K, V](cache, name)
	missing := known.missing(keys)
	var own *batch[K, V]
	if len(missing) > 0 {
		own = &batch[K, V]{keys: missing, done: make(chan struct{}), err: errReadPanicked}
		known.all = append(known.all, own)
	}
	var found []batchValue[K, V]
	if len(missing) < len(keys) {
		known.reindex()
		found = make([]batchValue[K, V], len(keys))
		for i, key := range keys {
			found[i] = known.index[key]
		}
	}
	cache.mu.Unlock()

	if own != nil {
		func() {
			defer close(own.done)
			telemetry.Of(ctx).Loaded(len(missing))
			own.values, own.err = read(ctx, missing)
		}()
		if found == nil {
			return own.values, own.err
		}
	}
	values := make([]V, len(keys))
	for i, value := range found {
		if value.batch.done != nil {
			<-value.batch.done
		}
		if value.batch.err != nil {
			return nil, value.batch.err
		}
		values[i] = value.batch.values[value.at]
	}
	return values, nil
}

// add adds values that were read together with something else. keyOf returns the
// key of a value; no value is nil.
func add[K comparable, V any](cache *requestCache, name any, values []V, keyOf func(V) K) {
	if cache == nil || len(values) == 0 {
		return
	}
	cache.mu.Lock()
	defer cache.mu.Unlock()
	known := batchesOf[K, V](cache, name)
	known.all = append(known.all, &batch[K, V]{values: values, keyOf: keyOf})
}
