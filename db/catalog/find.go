package catalog

import (
	"context"
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/db/words"
	"github.com/noetl/noetl-catalog/sqlc"
)

// The bounds of a search. The statements rank as many words.
const (
	maxSearch = 1024
	maxWords  = 8
)

// ParseSearch returns the words of a search; nil if it has none.
func ParseSearch(argument, text string) (words.Query, error) {
	if err := CheckText(argument, text, maxSearch); err != nil {
		return nil, err
	}
	query := words.Parse(text)
	if len(query) > maxWords {
		return nil, fault.Input(argument, "%d words are more than the %d that it takes", len(query), maxWords)
	}
	return query, nil
}

// finds reports whether the filter has conditions on what resource_index holds.
func (f ResourceFilter) finds() bool {
	return f.Search != nil || f.Tags != nil || f.Calls != nil || f.UsesTool != nil || f.UsesCredential != nil
}

// terms returns names as resource_index has them.
func terms(kind string, names []string, write func(string) string) []string {
	if names == nil {
		return nil
	}
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = kind + write(name)
	}
	return list
}

func (f ResourceFilter) typeTerms() []string {
	return terms("type:", f.Types, func(name string) string { return name })
}

func (f ResourceFilter) tagTerms() []string { return terms("tag:", f.Tags, words.Fold) }

// patterns returns the LIKE patterns of the words; nil if there are none.
func (f ResourceFilter) patterns() []string {
	if f.Search == nil {
		return nil
	}
	return f.Search.Patterns()
}

// hasParts reports whether the search has a word that is also found inside of others.
func (f ResourceFilter) hasParts() bool {
	return slices.ContainsFunc(f.Search, func(word string) bool { return utf8.RuneCountInString(word) > 2 })
}

// pathRange narrows the range of a prefix to a page in the order of paths.
func (f ResourceFilter) pathRange(order Order, within Range) (low, high string) {
	low, high = PrefixRange(f.PathPrefix)
	if order.Field == OrderByPath {
		low = max(low, within.LowPath)
		if within.HighPath != "" && (high == "" || within.HighPath < high) {
			high = within.HighPath
		}
	}
	return low, high
}

// params are the parameters of all statements on resource_index, which have the same
// fields; types are those that a list is read for.
func (f ResourceFilter) params(scopes, types []string, order Order, within Range, limit int) sqlc.FindResourcesAscParams {
	low, high := f.pathRange(order, within)
	params := sqlc.FindResourcesAscParams{
		Parents: types, SortField: string(order.Field), LowTime: within.LowTime, LowPath: within.LowPath,
		HighTime: within.HighTime, HighPath: within.HighPath, PageSize: int32(limit),
		Words: f.Search, Patterns: f.patterns(), HasParts: f.hasParts(),
		PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
		UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
		Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
	}
	if order.Field == OrderByRank {
		params.LowRank, params.HighRank = within.LowTime.UnixMicro(), within.HighTime.UnixMicro()
	}
	return params
}

// findResources lists resources by conditions on resource_index.
func (s *Store) findResources(ctx context.Context, scopes []string, f ResourceFilter, order Order, within Range, limit int) ([]*Resource, error) {
	params, columns := f.params(scopes, nil, order, within, limit), resourceColumns
	if order.Field == OrderByRank {
		columns = rankedColumns
	}
	find := func(queries *sqlc.Queries) (err error) {
		switch {
		case order.Field == OrderByRank && order.Descending:
			_, err = queries.SearchResourcesDesc(ctx, sqlc.SearchResourcesDescParams(params))
		case order.Field == OrderByRank:
			_, err = queries.SearchResourcesAsc(ctx, sqlc.SearchResourcesAscParams(params))
		case order.Descending:
			_, err = queries.FindResourcesDesc(ctx, sqlc.FindResourcesDescParams(params))
		default:
			_, err = queries.FindResourcesAsc(ctx, params)
		}
		return err
	}
	list := make([]*Resource, 0, min(limit, 128))
	if err := s.readResources(rows.CustomPlan, columns, find, func(_ int, resource *Resource) { list = append(list, resource) }); err != nil {
		return nil, fmt.Errorf("find resources: %w", err)
	}
	return list, nil
}

// findResourcesOfTypes is findResources for each of several types.
func (s *Store) findResourcesOfTypes(ctx context.Context, scopes, types []string, f ResourceFilter, order Order, within Range, limit int) ([][]*Resource, error) {
	params, columns := f.params(scopes, types, order, within, limit), columnsWithParent
	if order.Field == OrderByRank {
		columns = rankedWithParent
	}
	find := func(queries *sqlc.Queries) (err error) {
		switch {
		case order.Field == OrderByRank && order.Descending:
			_, err = queries.SearchResourcesOfTypesDesc(ctx, sqlc.SearchResourcesOfTypesDescParams(params))
		case order.Field == OrderByRank:
			_, err = queries.SearchResourcesOfTypesAsc(ctx, sqlc.SearchResourcesOfTypesAscParams(params))
		case order.Descending:
			_, err = queries.FindResourcesOfTypesDesc(ctx, sqlc.FindResourcesOfTypesDescParams(params))
		default:
			_, err = queries.FindResourcesOfTypesAsc(ctx, sqlc.FindResourcesOfTypesAscParams(params))
		}
		return err
	}
	lists := make([][]*Resource, len(types))
	if err := s.readResources(rows.CustomPlan, columns, find, func(parent int, resource *Resource) { lists[parent] = append(lists[parent], resource) }); err != nil {
		return nil, fmt.Errorf("find resources of types: %w", err)
	}
	return lists, nil
}

func (s *Store) countFound(ctx context.Context, scopes []string, f ResourceFilter) (int, error) {
	count, err := s.custom.CountFoundResources(ctx, sqlc.CountFoundResourcesParams(f.params(scopes, nil, Order{}, Range{}, 0)))
	if err != nil {
		return 0, fmt.Errorf("count found resources: %w", err)
	}
	return int(count), nil
}

func (s *Store) countFoundOfTypes(ctx context.Context, scopes, types []string, f ResourceFilter) ([]int, error) {
	found, err := s.custom.CountFoundResourcesOfTypes(ctx, sqlc.CountFoundResourcesOfTypesParams(f.params(scopes, types, Order{}, Range{}, 0)))
	if err != nil {
		return nil, fmt.Errorf("count found resources of types: %w", err)
	}
	counts := make([]int, len(types))
	for _, row := range found {
		counts[row.Parent-1] = int(row.Count)
	}
	return counts, nil
}

// NameCount is how many have a name.
type NameCount struct {
	Name  string
	Count int
}

// Facets are how many of the resources that pass a filter have each type, tool, credential
// and tag, the most frequent first.
type Facets struct{ Types, Tools, Credentials, Tags []NameCount }

// CountFacets counts the resources that pass the filter by each facet, without the
// condition on that facet; at most limit names of each.
func (s *Store) CountFacets(ctx context.Context, scopes []string, f ResourceFilter, limit int) (*Facets, error) {
	found, err := s.custom.CountFacets(ctx, sqlc.CountFacetsParams(f.params(scopes, nil, Order{}, Range{}, limit)))
	if err != nil {
		return nil, fmt.Errorf("count facets: %w", err)
	}
	facets := &Facets{}
	lists := map[string]*[]NameCount{"type": &facets.Types, "tool": &facets.Tools, "credential": &facets.Credentials, "tag": &facets.Tags}
	for _, row := range found {
		list := lists[row.Kind]
		*list = append(*list, NameCount{row.Name, int(row.Count)})
	}
	return facets, nil
}
