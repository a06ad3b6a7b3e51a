package graph

import (
	"context"
	"fmt"
	"math"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// maxList is the most paths, ids or filter values that one argument takes.
const maxList = 200

// maxFacets is the most names of a facet.
const maxFacets = 100

// versionColumns returns the large columns that the current field selects.
func versionColumns(ctx context.Context) catalog.Columns {
	return catalog.Columns{Payload: selects(ctx, "payload"), Content: selects(ctx, "content"), Meta: selects(ctx, "meta")}
}

func resourcePath(r *model.Resource) (string, bool) { return r.Row.ResourcePath, true }
func folderPath(f *model.Folder) (string, bool)     { return f.Path, true }
func versionPath(v *model.Version) (string, bool)   { return v.Row.Path, true }
func versionKey(v *model.Version) (catalog.LabelKey, bool) {
	return catalog.LabelKey{Path: v.Row.Path, Label: v.Row.Label}, true
}

// resourcesByPath is heads for paths that may repeat.
func (r *Resolver) resourcesByPath(ctx context.Context, paths []string) ([]*model.Resource, error) {
	pointers := make([]*string, len(paths))
	for i := range paths {
		pointers[i] = &paths[i]
	}
	return byKey(ctx, r.reads(ctx), resourceName{}, pointers, func(path *string) (string, bool) { return *path, true }, r.readHeads)
}

// headsOf returns the resources of versions.
func (r *Resolver) headsOf(ctx context.Context, versions []*model.Version) ([]*model.Resource, error) {
	heads, err := byKey(ctx, r.reads(ctx), resourceName{}, versions, versionPath, r.readHeads)
	if err != nil {
		return nil, err
	}
	for i, v := range versions {
		if v == nil || heads[i] != nil || !v.Draft {
			continue
		}
		heads[i] = model.DraftResource(v)
	}
	return heads, nil
}

// whole returns the versions with these large columns.
func (r *Resolver) whole(ctx context.Context, versions []*model.Version, columns catalog.Columns) ([]*catalog.Version, error) {
	rows, lacking := rowsOf(versions, versionRow, (*catalog.Version).Has, columns)
	if !lacking {
		return rows, nil
	}
	all := catalog.Columns{Payload: true, Content: true, Meta: true}
	return complete(ctx, r.reads(ctx), versionName(all), versions, rows, versionRow, (*catalog.Version).Has, columns, versionKey, r.versionsByLabel(all))
}

func versionRow(v *model.Version) *catalog.Version { return v.Row }

// wholeVersions returns the values of a large column.
func wholeVersions[V any](ctx context.Context, r *Resolver, versions []*model.Version, columns catalog.Columns, value func(*catalog.Version) V) ([]V, error) {
	rows, err := r.whole(ctx, versions, columns)
	return valuesOf(rows, err, value)
}

// neighbours returns the versions some revisions away; nil beyond a history's ends.
func (r *Resolver) neighbours(ctx context.Context, versions []*model.Version, away int32, columns catalog.Columns) ([]*model.Version, error) {
	x := r.reads(ctx)
	return byKey(ctx, x, revisionName(columns), versions, func(v *model.Version) (catalog.RevisionKey, bool) {
		return catalog.RevisionKey{Path: v.Row.Path, Revision: v.Row.Revision + away}, true
	}, func(ctx context.Context, keys []catalog.RevisionKey) ([]*model.Version, error) {
		rows, err := x.catalog.VersionsByRevision(ctx, x.scopes, keys, columns)
		return x.models.Versions(rows), err
	})
}

// Lists of resources.

type resourceQuery struct {
	args   pagination.Args
	filter catalog.ResourceFilter
	order  catalog.Order
	// empty: a list of alternatives in the filter is empty, so that nothing passes.
	empty bool
}

func (r *Resolver) resourceQuery(first *int, after *string, last *int, before *string, filter *model.ResourceFilter, orderBy *model.ResourceOrder) (resourceQuery, error) {
	query := resourceQuery{order: catalog.Order{Field: catalog.OrderByPath}}
	if filter != nil && filter.Search != nil {
		var err error
		if query.filter.Search, err = catalog.ParseSearch("filter.search", *filter.Search); err != nil {
			return query, err
		}
		if query.filter.Search != nil {
			query.order.Field = catalog.OrderByRank
		}
	}
	if orderBy != nil {
		query.order.Field = catalog.OrderField(orderBy.Field)
		query.order.Descending = orderBy.Direction == model.OrderDirectionDesc
	}
	var err error
	list := "resource." + string(query.order.Field)
	if query.order.Field == catalog.OrderByRank { // a rank of another search is another
		list = fmt.Sprintf("%s %q", list, query.filter.Search)
	}
	if query.args, err = pagination.Parse(first, after, last, before, list); err != nil {
		return query, err
	}
	if filter == nil {
		return query, nil
	}
	query.filter = catalog.ResourceFilter{
		Paths: filter.Paths, Types: filter.Types, PathPrefix: value(filter.PathPrefix),
		PayloadContains: filter.Payload, MetaContains: filter.Meta,
		UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore,
		Search: query.filter.Search, Tags: filter.Tags, Calls: filter.Calls, UsesTool: filter.UsesTool, UsesCredential: filter.UsesCredential,
	}
	query.empty = isEmpty(filter.Paths) || isEmpty(filter.Types) || isEmpty(filter.Tags)
	return query, firstFault(
		checkWords("filter.paths", filter.Paths), checkWords("filter.types", filter.Types),
		checkWord("filter.pathPrefix", filter.PathPrefix), checkWords("filter.tags", filter.Tags), checkWord("filter.calls", filter.Calls),
		checkWord("filter.usesTool", filter.UsesTool), checkWord("filter.usesCredential", filter.UsesCredential),
		r.checkFilterJSON("filter.payload", filter.Payload), r.checkFilterJSON("filter.meta", filter.Meta),
	)
}

// pages reads a page of each of n lists.
func (q resourceQuery) pages(ctx context.Context, x *reads,
	read func(ctx context.Context, purpose pagination.Purpose, order catalog.Order, within catalog.Range, limit int) ([][]*model.Resource, error),
	count func(context.Context) ([]int, error), n int,
) ([]model.ResourceConnection, error) {
	lists := &pagination.Lists[*model.Resource]{
		Args: q.args, Descending: q.order.Descending, More: selectsEver(ctx, "pageInfo"), Count: count, Empty: q.empty, N: n,
		Place: func(r *model.Resource) pagination.Place {
			return pagination.At(q.order.SortTime(r.Row), r.Row.ResourcePath)
		},
		Read: func(ctx context.Context, purpose pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*model.Resource, error) {
			order := q.order
			order.Descending = descending
			lists, err := read(ctx, purpose, order, rangeOf(span), limit)
			for _, list := range lists {
				add(x.cache, resourceName{}, list, func(r *model.Resource) string { return r.Row.ResourcePath })
			}
			return lists, err
		},
	}
	return lists.Pages(ctx)
}

// rangeOf converts a span to a range of resources.
func rangeOf(span pagination.Span) catalog.Range {
	within := catalog.WholeRange()
	if span.Low != nil {
		within.LowTime, within.LowPath = span.Low.Time(), span.Low.Key
	}
	if span.High != nil {
		within.HighTime, within.HighPath = span.High.Time(), span.High.Key
	}
	return within
}

// checkWord refuses text that PostgreSQL cannot hold.
func checkWord(argument string, word *string) error {
	if word == nil {
		return nil
	}
	return catalog.CheckText(argument, *word, 4096)
}

func checkWords(argument string, words []string) error {
	if len(words) > maxList {
		return fault.Input(argument, "%d values are more than the %d that it takes", len(words), maxList)
	}
	for i, word := range words {
		if err := checkWord(fmt.Sprintf("%s[%d]", argument, i), &word); err != nil {
			return err
		}
	}
	return nil
}

func (r *Resolver) checkFilterJSON(argument string, json []byte) error {
	if json == nil {
		return nil
	}
	return jsontext.Check(argument, json, r.limits)
}

func firstFault(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func isEmpty(words []string) bool { return words != nil && len(words) == 0 }

// revisions converts a span to a range of revisions.
func revisions(span pagination.Span) catalog.RevisionRange {
	within := catalog.AllRevisions()
	if span.Low != nil {
		within.Low = int32(span.Low.Number)
		if span.Low.Key != "" && within.Low < math.MaxInt32 {
			within.Low++
		}
	}
	if span.High != nil {
		within.High = int32(span.High.Number)
		if span.High.Key != "" && within.High < math.MaxInt32 {
			within.High++
		}
	}
	return within
}
