package graph

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// reads is what batch resolvers read with. A plan has one for each goroutine. Its
// stores and models use the memory of an earlier answer.
type reads struct {
	catalog *catalog.Store
	events  *eventlog.Store
	models  *model.Memory // nil if goroutines share the reads
	scopes  []string
	// cache is the request's; nil if loaders are used in its place.
	cache *requestCache
	// loaders serve gqlgen's executor, and the subscriptions that deliver event.
	loaders *loader.Loaders
	// event is the delivered event that the loaders belong to; else nil.
	event    *model.Event
	resolver *Resolver
	ahead    ahead
}

type readsKey struct{}

func withReads(ctx context.Context, x *reads) context.Context {
	return context.WithValue(ctx, readsKey{}, x)
}

// reads returns the plan's reads, or new ones over the request's loaders if
// gqlgen's executor calls the batch resolver.
func (r *Resolver) reads(ctx context.Context) *reads {
	if x, ok := ctx.Value(readsKey{}).(*reads); ok {
		return x
	}
	return &reads{catalog: r.catalog, events: r.events, scopes: auth.Scopes(ctx), loaders: loader.From(ctx)}
}

// load returns the values of distinct keys. Each key is read once for the request,
// or once for all subscriptions that deliver the same event. name identifies what
// is read; it is comparable.
func load[K comparable, V any](ctx context.Context, x *reads, name any, keys []K, read loader.Batch[K, V]) ([]V, error) {
	switch {
	case len(keys) == 0:
		return nil, nil
	case x.event != nil:
		return loader.LoadMany(ctx, x.loaders, name, keys, counted(shareable(x, read)))
	case x.cache == nil:
		return loader.LoadMany(ctx, x.loaders, name, keys, counted(read))
	}
	return cached(ctx, x.cache, name, keys, read)
}

// counted counts the batches that a loader reads.
func counted[K comparable, V any](read loader.Batch[K, V]) loader.Batch[K, V] {
	return func(ctx context.Context, keys []K) ([]V, error) {
		telemetry.Of(ctx).Loaded(len(keys))
		return read(ctx, keys)
	}
}

// byKey returns for each parent the value of its key: the zero value if the parent
// is nil or its key is not ok.
func byKey[P any, K comparable, V any](
	ctx context.Context, x *reads, name any, parents []*P, keyOf func(*P) (K, bool), read loader.Batch[K, V],
) ([]V, error) {
	keys, indexes := distinct(parents, keyOf)
	found, err := load(ctx, x, name, keys, read)
	if err != nil {
		return nil, err
	}
	if len(found) == len(parents) { // each parent has a key of its own
		return found, nil
	}
	values := make([]V, len(parents))
	for i, index := range indexes {
		if index >= 0 {
			values[i] = found[index]
		}
	}
	return values, nil
}

// distinct returns the distinct keys of the parents, and for each parent the index
// of its key: -1 if the parent is nil or its key is not ok.
func distinct[P any, K comparable](parents []*P, keyOf func(*P) (K, bool)) (keys []K, indexes []int) {
	keys, indexes = make([]K, 0, len(parents)), make([]int, len(parents))
	var seen map[K]int
	for i, parent := range parents {
		indexes[i] = -1
		if parent == nil {
			continue
		}
		key, ok := keyOf(parent)
		if !ok {
			continue
		}
		if last := len(keys) - 1; last >= 0 && keys[last] == key { // as it often is
			indexes[i] = last
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
		indexes[i] = at
	}
	return keys, indexes
}

// rowsOf returns the rows of models, and whether some lack columns.
func rowsOf[M, R, C any](models []*M, rowOf func(*M) *R, has func(*R, C) bool, columns C) (rows []*R, lacking bool) {
	rows = make([]*R, len(models))
	for i, m := range models {
		if m != nil {
			rows[i] = rowOf(m)
			lacking = lacking || !has(rows[i], columns)
		}
	}
	return rows, lacking
}

// complete reads the rows that lack columns.
func complete[M, R, C any, K comparable](
	ctx context.Context, x *reads, name any, models []*M, rows []*R, rowOf func(*M) *R, has func(*R, C) bool, columns C,
	keyOf func(*M) (K, bool), read loader.Batch[K, *M],
) ([]*R, error) {
	found, err := byKey(ctx, x, name, models, func(m *M) (key K, lacks bool) {
		key, _ = keyOf(m)
		return key, !has(rowOf(m), columns)
	}, read)
	if err != nil {
		return nil, err
	}
	for i, m := range models {
		switch {
		case m == nil || has(rows[i], columns):
		case found[i] == nil:
			key, _ := keyOf(m)
			return nil, fmt.Errorf("%v has been deleted while it was read", key)
		default:
			rows[i] = rowOf(found[i])
		}
	}
	return rows, nil
}

// valuesOf returns a value of each row: the zero value if the row is nil.
func valuesOf[R, V any](rows []*R, err error, value func(*R) V) ([]V, error) {
	if err != nil {
		return nil, err
	}
	values := make([]V, len(rows))
	for i, row := range rows {
		if row != nil {
			values[i] = value(row)
		}
	}
	return values, nil
}

// What is read by key. A name identifies the reads in the cache of a request.

// versionName names reads of versions by label with these columns.
type versionName catalog.Columns

// versionsByLabel returns a batch that reads versions with these columns.
func (r *Resolver) versionsByLabel(columns catalog.Columns) loader.Batch[catalog.LabelKey, *model.Version] {
	return func(ctx context.Context, keys []catalog.LabelKey) ([]*model.Version, error) {
		x := r.reads(ctx)
		rows, err := x.catalog.VersionsByLabel(ctx, x.scopes, keys, columns)
		return x.models.Versions(rows), err
	}
}

// resourceName names reads of resources by path.
type resourceName struct{}

// heads returns the resources at these paths, nil for one that is not there.
func (r *Resolver) heads(ctx context.Context, x *reads, paths []string) ([]*model.Resource, error) {
	return load(ctx, x, resourceName{}, paths, r.readHeads)
}

func (r *Resolver) readHeads(ctx context.Context, paths []string) ([]*model.Resource, error) {
	x := r.reads(ctx)
	rows, err := x.catalog.ResourcesByPath(ctx, x.scopes, paths)
	return x.models.Resources(rows), err
}

// revisionName names reads of versions by revision with these columns.
type revisionName catalog.Columns

// eventName names reads of events with these columns.
type eventName struct {
	what    string
	columns eventlog.Columns
}

// eventsByID returns a batch that reads events with these columns.
func (r *Resolver) eventsByID(columns eventlog.Columns) loader.Batch[string, *model.Event] {
	return func(ctx context.Context, ids []string) ([]*model.Event, error) {
		x := r.reads(ctx)
		rows, err := x.events.ByID(ctx, x.scopes, ids, columns)
		return x.models.Events(rows), err
	}
}

// executionName names reads of executions by id.
type executionName struct{}

// executionsByID reads executions.
func (r *Resolver) executionsByID(ctx context.Context, ids []string) ([]*model.Execution, error) {
	x := r.reads(ctx)
	rows, err := x.events.ExecutionsByID(ctx, x.scopes, ids)
	return model.NewExecutions(rows), err
}
