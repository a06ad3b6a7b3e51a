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

// findResources lists resources by conditions on resource_index.
func (s *Store) findResources(ctx context.Context, scopes []string, f ResourceFilter, order Order, within Range, limit int) ([]*Resource, error) {
	low, high := f.pathRange(order, within)
	columns, find := resourceColumns, func(queries *sqlc.Queries) (err error) {
		params := sqlc.FindResourcesAscParams{
			SortField: string(order.Field), PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
			UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
			Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
			LowTime: within.LowTime, LowPath: within.LowPath, HighTime: within.HighTime, HighPath: within.HighPath, PageSize: int32(limit),
		}
		if order.Descending {
			_, err = queries.FindResourcesDesc(ctx, sqlc.FindResourcesDescParams(params))
			return err
		}
		_, err = queries.FindResourcesAsc(ctx, params)
		return err
	}
	if order.Field == OrderByRank {
		columns, find = rankedColumns, func(queries *sqlc.Queries) (err error) {
			params := sqlc.SearchResourcesAscParams{
				Words: f.Search, PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
				UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
				Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
				HasParts: f.hasParts(), LowRank: within.LowTime.UnixMicro(), LowPath: within.LowPath, HighRank: within.HighTime.UnixMicro(), HighPath: within.HighPath, PageSize: int32(limit),
			}
			if order.Descending {
				_, err = queries.SearchResourcesDesc(ctx, sqlc.SearchResourcesDescParams(params))
				return err
			}
			_, err = queries.SearchResourcesAsc(ctx, params)
			return err
		}
	}
	list := make([]*Resource, 0, min(limit, 128))
	if err := s.readResources(rows.CustomPlan, columns, find, func(_ int, resource *Resource) { list = append(list, resource) }); err != nil {
		return nil, fmt.Errorf("find resources: %w", err)
	}
	return list, nil
}

// findResourcesOfTypes is findResources for each of several types.
func (s *Store) findResourcesOfTypes(ctx context.Context, scopes, types []string, f ResourceFilter, order Order, within Range, limit int) ([][]*Resource, error) {
	low, high := f.pathRange(order, within)
	columns, find := columnsWithParent, func(queries *sqlc.Queries) (err error) {
		params := sqlc.FindResourcesOfTypesAscParams{
			Parents: types, SortField: string(order.Field), PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
			UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
			Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
			LowTime: within.LowTime, LowPath: within.LowPath, HighTime: within.HighTime, HighPath: within.HighPath, PageSize: int32(limit),
		}
		if order.Descending {
			_, err = queries.FindResourcesOfTypesDesc(ctx, sqlc.FindResourcesOfTypesDescParams(params))
			return err
		}
		_, err = queries.FindResourcesOfTypesAsc(ctx, params)
		return err
	}
	if order.Field == OrderByRank {
		columns, find = rankedWithParent, func(queries *sqlc.Queries) (err error) {
			params := sqlc.SearchResourcesOfTypesAscParams{
				Parents: types, Words: f.Search, PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
				UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
				Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
				HasParts: f.hasParts(), LowRank: within.LowTime.UnixMicro(), LowPath: within.LowPath, HighRank: within.HighTime.UnixMicro(), HighPath: within.HighPath, PageSize: int32(limit),
			}
			if order.Descending {
				_, err = queries.SearchResourcesOfTypesDesc(ctx, sqlc.SearchResourcesOfTypesDescParams(params))
				return err
			}
			_, err = queries.SearchResourcesOfTypesAsc(ctx, params)
			return err
		}
	}
	lists := make([][]*Resource, len(types))
	if err := s.readResources(rows.CustomPlan, columns, find, func(parent int, resource *Resource) { lists[parent] = append(lists[parent], resource) }); err != nil {
		return nil, fmt.Errorf("find resources of types: %w", err)
	}
	return lists, nil
}

func (s *Store) countFound(ctx context.Context, scopes []string, f ResourceFilter) (int, error) {
	low, high := PrefixRange(f.PathPrefix)
	count, err := s.custom.CountFoundResources(ctx, sqlc.CountFoundResourcesParams{
		PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
		UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
		Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
	})
	if err != nil {
		return 0, fmt.Errorf("count found resources: %w", err)
	}
	return int(count), nil
}

func (s *Store) countFoundOfTypes(ctx context.Context, scopes, types []string, f ResourceFilter) ([]int, error) {
	low, high := PrefixRange(f.PathPrefix)
	found, err := s.custom.CountFoundResourcesOfTypes(ctx, sqlc.CountFoundResourcesOfTypesParams{
		Parents: types, PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
		UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
		Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
	})
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
	low, high := PrefixRange(f.PathPrefix)
	found, err := s.custom.CountFacets(ctx, sqlc.CountFacetsParams{
		PrefixLow: low, PrefixHigh: high, Scopes: scopes, Paths: f.Paths, Calls: f.Calls,
		UpdatedSince: f.UpdatedSince, UpdatedBefore: f.UpdatedBefore, PayloadContains: f.PayloadContains, MetaContains: f.MetaContains,
		Patterns: f.patterns(), Types: f.typeTerms(), UsesTool: f.UsesTool, UsesCredential: f.UsesCredential, Tags: f.tagTerms(),
		AtMost: int64(limit),
	})
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
