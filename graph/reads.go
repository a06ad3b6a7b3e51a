package graph

import (
	"context"
	"errors"
	"sync"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
)

// reads is what batch resolvers read with: a plan's, for one goroutine, or that of
// a request that gqlgen's executor answers.
type reads struct {
	catalog *catalog.Store
	events  *eventlog.Store
	models  *model.Memory
	scopes  []string
	// once is what the request has read; nil without a plan, where loaders have it.
	once    *once
	loaders *loader.Loaders
	// event is the one that subscriptions deliver whose loaders these are.
	event    *model.Event
	resolver *Resolver
	ahead    ahead
}

type readsKey struct{}

// withReads returns a context for a plan.
func withReads(ctx context.Context, x *reads) context.Context {
	return context.WithValue(ctx, readsKey{}, x)
}

// reads are those of the plan that is executed, or of gqlgen's executor.
func (r *Resolver) reads(ctx context.Context) *reads {
	if x, ok := ctx.Value(readsKey{}).(*reads); ok {
		return x
	}
	return &reads{catalog: r.catalog, events: r.events, models: &model.Memory{}, scopes: auth.Scopes(ctx), loaders: loader.From(ctx)}
}

// once is what a request has read, by name: each key is read once, also where
// root fields that are read beside each other ask for the same.
type once struct {
	mu     sync.Mutex
	byName map[any]any
}

// batch are the values of keys that were read together, once done is closed. Of
// values that came with something else the key is told by keyOf; done is then nil.
type batch[K comparable, V any] struct {
	keys   []K
	values []V
	keyOf  func(V) K
	done   chan struct{}
	err    error
}

// batches are those of one name. The index is made when they are looked at for
// the first time, which is seldom.
type batches[K comparable, V any] struct {
	all     []*batch[K, V]
	indexed int
	index   map[K]place[K, V]
}

type place[K comparable, V any] struct {
	batch *batch[K, V]
	at    int
}

// batchesOf are the batches of a name; once.mu is held.
func batchesOf[K comparable, V any](o *once, name any) *batches[K, V] {
	if o.byName == nil {
		o.byName = map[any]any{}
	}
	known, ok := o.byName[name].(*batches[K, V])
	if !ok {
		known = &batches[K, V]{}
		o.byName[name] = known
	}
	return known
}

// missing are those of the keys that no batch has.
func (b *batches[K, V]) missing(keys []K) []K {
	if len(b.all) == 0 {
		return keys
	}
	if b.index == nil {
		b.index = map[K]place[K, V]{}
	}
	for ; b.indexed < len(b.all); b.indexed++ {
		batch := b.all[b.indexed]
		if batch.keyOf != nil {
			for i, value := range batch.values {
				b.index[batch.keyOf(value)] = place[K, V]{batch, i}
			}
			continue
		}
		for i, key := range batch.keys {
			b.index[key] = place[K, V]{batch, i}
		}
	}
	var missing []K
	for _, key := range keys {
		if _, ok := b.index[key]; !ok {
			missing = append(missing, key)
		}
	}
	return missing
}

var errPanicked = errors.New("what reads the same has panicked")

// load reads the values of distinct keys, each once for the request. name is
// anything comparable that stands for what is read.
func load[K comparable, V any](ctx context.Context, x *reads, name any, keys []K, read loader.Batch[K, V]) ([]V, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	if x.event != nil {
		return loader.LoadMany(ctx, x.loaders, name, keys, shareable(x, read))
	}
	if x.once == nil {
		return loader.LoadMany(ctx, x.loaders, name, keys, read)
	}
	x.once.mu.Lock()
	known := batchesOf[K, V](x.once, name)
	missing := known.missing(keys)
	var own *batch[K, V]
	if len(missing) > 0 {
		own = &batch[K, V]{keys: missing, done: make(chan struct{}), err: errPanicked}
		known.all = append(known.all, own)
	}
	if len(missing) < len(keys) {
		known.missing(nil)
	}
	x.once.mu.Unlock()
	if own != nil {
		func() {
			defer close(own.done)
			own.values, own.err = read(ctx, missing)
		}()
		if len(missing) == len(keys) {
			return own.values, own.err
		}
	}
	return known.values(x.once, keys)
}

// values are those of keys that batches have, which may still be read.
func (b *batches[K, V]) values(o *once, keys []K) ([]V, error) {
	places := make([]place[K, V], len(keys))
	o.mu.Lock()
	for i, key := range keys {
		places[i] = b.index[key]
	}
	o.mu.Unlock()
	values := make([]V, len(keys))
	for i, at := range places {
		if at.batch.done != nil {
			<-at.batch.done
		}
		if at.batch.err != nil {
			return nil, at.batch.err
		}
		values[i] = at.batch.values[at.at]
	}
	return values, nil
}

// remember notes values that came with something else, so that they are not read
// again; none of them is nil.
func remember[K comparable, V any](x *reads, name any, values []V, keyOf func(V) K) {
	if x.once == nil || len(values) == 0 {
		return
	}
	x.once.mu.Lock()
	defer x.once.mu.Unlock()
	known := batchesOf[K, V](x.once, name)
	known.all = append(known.all, &batch[K, V]{values: values, keyOf: keyOf})
}

// byKey reads what a key of each parent leads to. Parents that are nil, or whose
// key is not ok, lead to nothing.
func byKey[P any, K comparable, V any](
	ctx context.Context, x *reads, name any, parents []*P, keyOf func(*P) (K, bool), read loader.Batch[K, V],
) ([]V, error) {
	keys, places := distinct(parents, keyOf)
	found, err := load(ctx, x, name, keys, read)
	if err != nil {
		return nil, err
	}
	if len(found) == len(parents) { // each has its own
		return found, nil
	}
	values := make([]V, len(parents))
	for i, at := range places {
		if at >= 0 {
			values[i] = found[at]
		}
	}
	return values, nil
}

// distinct are the distinct keys of parents, and for each parent the place of its
// key; -1 for one without.
func distinct[P any, K comparable](parents []*P, keyOf func(*P) (K, bool)) (keys []K, places []int) {
	keys, places = make([]K, 0, len(parents)), make([]int, len(parents))
	var seen map[K]int
	for i, parent := range parents {
		places[i] = -1
		if parent == nil {
			continue
		}
		key, ok := keyOf(parent)
		if !ok {
			continue
		}
		if last := len(keys) - 1; last >= 0 && keys[last] == key { // as it often is
			places[i] = last
			continue
		}
		if seen == nil {
			seen = make(map[K]int, len(parents))
		}
		at, known := seen[key]
		if !known {
			at = len(keys)
			seen[key] = at
			keys = append(keys, key)
		}
		places[i] = at
	}
	return keys, places
}
