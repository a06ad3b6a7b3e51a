package catalog

import (
	"context"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/db/words"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Resource is the head row of a path: what its latest version is.
type Resource struct {
	ResourcePath   string
	ResourceType   string
	LatestVersion  string
	LatestRevision int32
	Name           *string
	Description    *string
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// Rank is how well it matches the search that it was listed by.
	Rank int64
}

// ResourceFilter narrows a list of resources; the fields given must all match.
// A nil slice or pointer and an empty prefix do not narrow.
type ResourceFilter struct {
	Paths      []string
	Types      []string
	PathPrefix string
	// PayloadContains and MetaContains are JSON that the latest version's
	// payload or meta contains, as @> does.
	PayloadContains []byte
	MetaContains    []byte
	UpdatedSince    *time.Time
	UpdatedBefore   *time.Time
	// Search are words that all match.
	Search words.Query
	// Tags are alternatives.
	Tags                            []string
	Calls, UsesTool, UsesCredential *string
}

func (f ResourceFilter) contains() bool {
	return f.PayloadContains != nil || f.MetaContains != nil
}

// narrows reports whether the filter excludes anything.
func (f ResourceFilter) narrows() bool {
	return f.contains() || f.finds() || f.Paths != nil || f.Types != nil || f.PathPrefix != "" || f.UpdatedSince != nil || f.UpdatedBefore != nil
}

// OrderField is the sort key of a list of resources.
type OrderField string

// The order fields; the path breaks ties of the two times.
const (
	OrderByPath      OrderField = "PATH"
	OrderByUpdatedAt OrderField = "UPDATED_AT"
	OrderByCreatedAt OrderField = "CREATED_AT"
	// OrderByRank is for a search: the best match first.
	OrderByRank OrderField = "RANK"
)

// Order is an order of a list of resources.
type Order struct {
	Field      OrderField
	Descending bool
}

// SortTime is the time that a resource is sorted by: one for all in the order of paths, the
// negative rank in microseconds in the order of ranks.
func (o Order) SortTime(r *Resource) time.Time {
	switch o.Field {
	case OrderByUpdatedAt:
		return r.UpdatedAt
	case OrderByCreatedAt:
		return r.CreatedAt
	case OrderByRank:
		return time.UnixMicro(-r.Rank)
	case OrderByPath:
	}
	return time.UnixMicro(0)
}

// Range is a part of an ordered list: low <= (sort time, path) < high. An
// empty HighPath with a zero HighTime, in the order of paths, has no upper end.
type Range struct {
	LowTime  time.Time
	LowPath  string
	HighTime time.Time
	HighPath string
}

// All times of a catalog are between these.
var (
	distantPast   = time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC)
	distantFuture = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
)

// WholeRange includes everything.
func WholeRange() Range {
	return Range{LowTime: distantPast, HighTime: distantFuture}
}

// OnePath includes a single path, in the order of paths: text in PostgreSQL has no
// zero byte, so no other path lies before the range's end.
func OnePath(path string) Range {
	within := WholeRange()
	within.LowPath, within.HighPath = path, path+"\x01"
	return within
}

// ResourcesByPath returns the resources at these paths, in their order: nil for
// one that is not registered or is out of scope.
func (s *Store) ResourcesByPath(ctx context.Context, scopes, paths []string) ([]*Resource, error) {
	byPath := make(map[string]*Resource, len(paths))
	err := s.readResources(rows.GenericPlan, resourceColumns, func(queries *sqlc.Queries) error {
		_, err := queries.ResourcesByPath(ctx, sqlc.ResourcesByPathParams{Paths: paths, Scopes: scopes})
		return err
	}, func(_ int, resource *Resource) { byPath[resource.ResourcePath] = resource })
	if err != nil {
		return nil, fmt.Errorf("read resources: %w", err)
	}
	found := make([]*Resource, len(paths))
	for i, path := range paths {
		found[i] = byPath[path]
	}
	return found, nil
}

// ListResources lists up to limit resources that pass the filter.
func (s *Store) ListResources(ctx context.Context, scopes []string, filter ResourceFilter, order Order, within Range, limit int) ([]*Resource, error) {
	if filter.finds() {
		return s.findResources(ctx, scopes, filter, order, within, limit)
	}
	if len(filter.Types) == 1 && order.Field == OrderByPath && !filter.contains() {
		// The index of types has the paths of one type in their order.
		types := filter.Types
		filter.Types = nil
		lists, err := s.ListResourcesOfTypes(ctx, scopes, types, filter, order, within, limit)
		if err != nil {
			return nil, err
		}
		return lists[0], nil
	}
	list := make([]*Resource, 0, min(limit, 128))
	err := s.readResources(rows.Plan(filter.narrows()), resourceColumns, func(queries *sqlc.Queries) error {
		return listResources(ctx, queries, scopes, filter, order, within, limit)
	}, func(_ int, resource *Resource) { list = append(list, resource) })
	if err != nil {
		return nil, fmt.Errorf("list resources: %w", err)
	}
	return list, nil
}

// The columns of the queries for resources, and of those that also return the ordinal
// of a resource's parent, from 1, or what a search sorts by.
var (
	resourceColumns = []string{
		"resource_path", "resource_type", "latest_version", "latest_revision", "name", "description", "created_at", "updated_at",
	}
	columnsWithParent = append([]string{"parent"}, resourceColumns...)
	rankedColumns     = append(slices.Clone(resourceColumns), "negative_rank")
	rankedWithParent  = append([]string{"parent"}, rankedColumns...)
)

// readResources calls add for each resource that a query returns, with the index
// of its parent if the query has parents.
func (s *Store) readResources(plan rows.Plan, columns []string, run func(*sqlc.Queries) error, add func(parent int, resource *Resource)) error {
	first := slices.Index(columns, resourceColumns[0])
	ranked := len(columns) > first+len(resourceColumns)
	return s.Each(plan, columns, run, func(row *rows.Row) {
		parent := 0
		if first > 0 {
			parent = int(row.Int32(0)) - 1
		}
		resource := rows.Next[Resource](row)
		*resource = Resource{
			ResourcePath: row.Text(first), ResourceType: row.Text(first + 1), LatestVersion: row.Text(first + 2), LatestRevision: row.Int32(first + 3),
			Name: row.OptionalText(first + 4), Description: row.OptionalText(first + 5), CreatedAt: row.Time(first + 6), UpdatedAt: row.Time(first + 7),
		}
		if ranked {
			resource.Rank = -row.Int64(first + len(resourceColumns))
		}
		add(parent, resource)
	})
}

// listResources runs the query of an order.
func listResources(ctx context.Context, queries *sqlc.Queries, scopes []string, filter ResourceFilter, order Order, within Range, limit int) (err error) {
	prefixLow, prefixHigh := PrefixRange(filter.PathPrefix)
	if filter.contains() {
		params := sqlc.ListResourcesContainingAscParams{
			SortField:       string(order.Field),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
			UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes,
			LowTime: within.LowTime, LowPath: within.LowPath, HighTime: within.HighTime, HighPath: within.HighPath,
			PageSize: int32(limit),
		}
		if order.Descending {
			_, err = queries.ListResourcesContainingDesc(ctx, sqlc.ListResourcesContainingDescParams(params))
			return err
		}
		_, err = queries.ListResourcesContainingAsc(ctx, params)
		return err
	}
	if order.Field == OrderByPath {
		params := sqlc.ListResourcesByPathAscParams{
			LowPath: within.LowPath, HighPath: within.HighPath,
			Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
			UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes, PageSize: int32(limit),
		}
		if order.Descending {
			_, err = queries.ListResourcesByPathDesc(ctx, sqlc.ListResourcesByPathDescParams(params))
			return err
		}
		_, err = queries.ListResourcesByPathAsc(ctx, params)
		return err
	}
	params := sqlc.ListResourcesByUpdatedAscParams{
		LowTime: within.LowTime, LowPath: within.LowPath, HighTime: within.HighTime, HighPath: within.HighPath,
		Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
		UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes, PageSize: int32(limit),
	}
	switch {
	case order.Field == OrderByUpdatedAt && order.Descending:
		_, err = queries.ListResourcesByUpdatedDesc(ctx, sqlc.ListResourcesByUpdatedDescParams(params))
	case order.Field == OrderByUpdatedAt:
		_, err = queries.ListResourcesByUpdatedAsc(ctx, params)
	case order.Descending:
		_, err = queries.ListResourcesByCreatedDesc(ctx, sqlc.ListResourcesByCreatedDescParams(params))
	default:
		_, err = queries.ListResourcesByCreatedAsc(ctx, sqlc.ListResourcesByCreatedAscParams(params))
	}
	return err
}

// ListResourcesOfTypes lists up to limit resources of each type that pass the
// filter, in the order of types.
func (s *Store) ListResourcesOfTypes(ctx context.Context, scopes, types []string, filter ResourceFilter, order Order, within Range, limit int) ([][]*Resource, error) {
	if filter.finds() {
		return s.findResourcesOfTypes(ctx, scopes, types, filter, order, within, limit)
	}
	prefixLow, prefixHigh := filter.pathRange(order, within) // which the index of types serves
	params := sqlc.ListResourcesOfTypesAscParams{
		Parents: types, SortField: string(order.Field),
		Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
		UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes,
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
		LowTime: within.LowTime, LowPath: within.LowPath, HighTime: within.HighTime, HighPath: within.HighPath,
		PageSize: int32(limit),
	}
	lists := make([][]*Resource, len(types))
	err := s.readResources(rows.CustomPlan, columnsWithParent, func(queries *sqlc.Queries) (err error) {
		if order.Descending {
			_, err = queries.ListResourcesOfTypesDesc(ctx, sqlc.ListResourcesOfTypesDescParams(params))
		} else {
			_, err = queries.ListResourcesOfTypesAsc(ctx, params)
		}
		return err
	}, func(parent int, resource *Resource) { lists[parent] = append(lists[parent], resource) })
	if err != nil {
		return nil, fmt.Errorf("list resources of types: %w", err)
	}
	return lists, nil
}

// CountResources counts the resources that pass the filter.
func (s *Store) CountResources(ctx context.Context, scopes []string, filter ResourceFilter) (int, error) {
	if filter.finds() {
		return s.countFound(ctx, scopes, filter)
	}
	prefixLow, prefixHigh := PrefixRange(filter.PathPrefix)
	var count int64
	var err error
	if filter.contains() {
		count, err = s.custom.CountResourcesContaining(ctx, sqlc.CountResourcesContainingParams{
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
			UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes,
		})
	} else {
		count, err = s.custom.CountResources(ctx, sqlc.CountResourcesParams{
			Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
			UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes,
		})
	}
	if err != nil {
		return 0, fmt.Errorf("count resources: %w", err)
	}
	return int(count), nil
}

// CountResourcesOfTypes counts, for each type, the resources that pass the filter.
func (s *Store) CountResourcesOfTypes(ctx context.Context, scopes, types []string, filter ResourceFilter) ([]int, error) {
	if filter.finds() {
		return s.countFoundOfTypes(ctx, scopes, types, filter)
	}
	prefixLow, prefixHigh := PrefixRange(filter.PathPrefix)
	rows, err := s.custom.CountResourcesOfTypes(ctx, sqlc.CountResourcesOfTypesParams{
		Parents: types, Types: filter.Types, Paths: filter.Paths, PrefixLow: prefixLow, PrefixHigh: prefixHigh,
		UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore, Scopes: scopes,
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
	})
	if err != nil {
		return nil, fmt.Errorf("count resources of types: %w", err)
	}
	byType := make(map[string]int, len(rows))
	for _, row := range rows {
		byType[row.ResourceType] = int(row.Count)
	}
	counts := make([]int, len(types))
	for i, name := range types {
		counts[i] = byType[name]
	}
	return counts, nil
}

// PrefixRange turns a prefix into the half-open range of the strings that
// begin with it, in byte order. An empty high end means no end.
func PrefixRange(prefix string) (low, high string) {
	for rest := prefix; rest != ""; {
		last, size := utf8.DecodeLastRuneInString(rest)
		rest = rest[:len(rest)-size]
		switch {
		case last == utf8.MaxRune:
			continue
		case last == 0xD7FF: // the next code points are surrogates, which no text holds
			last = 0xDFFF
		}
		return prefix, rest + string(last+1)
	}
	return prefix, ""
}
