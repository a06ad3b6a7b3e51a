package graph

import (
	"context"
	"fmt"
	"math"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// maxList is the most paths, ids or filter values that one argument takes.
const maxList = 200

// versionColumns are the large columns that the running field's selection asks for.
func versionColumns(ctx context.Context) catalog.Columns {
	names := selected(ctx)
	return catalog.Columns{Payload: names["payload"], Content: names["content"], Meta: names["meta"]}
}

func resourcePath(r *model.Resource) string { return r.Row.ResourcePath }
func versionPath(v *model.Version) string   { return v.Row.Path }
func versionKey(v *model.Version) catalog.LabelKey {
	return catalog.LabelKey{Path: v.Row.Path, Label: v.Row.Label}
}

// versionsByLabel reads versions as a loader's batch.
func (r *Resolver) versionsByLabel(columns catalog.Columns) loader.Batch[catalog.LabelKey, *model.Version] {
	return func(ctx context.Context, keys []catalog.LabelKey) ([]*model.Version, error) {
		rows, err := r.catalog.VersionsByLabel(ctx, auth.Scopes(ctx), keys, columns)
		return model.NewVersions(rows), err
	}
}

// resourcesByPath reads resources as a loader's batch.
func (r *Resolver) resourcesByPath(ctx context.Context, paths []string) ([]*model.Resource, error) {
	rows, err := r.catalog.ResourcesByPath(ctx, auth.Scopes(ctx), paths)
	return model.NewResources(rows), err
}

// resourceAt reads one resource; nil if there is none.
func (r *Resolver) resourceAt(ctx context.Context, path string) (*model.Resource, error) {
	found, err := r.resourcesByPath(ctx, []string{path})
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// versionAt reads one version; nil if there is none.
func (r *Resolver) versionAt(ctx context.Context, key catalog.LabelKey, columns catalog.Columns) (*model.Version, error) {
	row, err := r.catalog.VersionByLabel(ctx, auth.Scopes(ctx), key, columns)
	if err != nil {
		return nil, err
	}
	return model.NewVersions([]*catalog.Version{row})[0], nil
}

// head is the resource of a version.
func (r *Resolver) head(ctx context.Context, v *model.Version) (*model.Resource, error) {
	head, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Version.resource", Group: v.Siblings},
		keysOf(v.Siblings, versionPath), v.Row.Path, r.resourcesByPath)
	if err != nil || head != nil || !v.Draft {
		return head, err
	}
	resource := model.NewResources([]*catalog.Resource{{
		ResourcePath: v.Row.Path, ResourceType: v.Row.Type,
		LatestVersion: v.Row.Label, LatestRevision: v.Row.Revision,
		CreatedAt: v.Row.Timestamp, UpdatedAt: v.Row.Timestamp,
	}})[0]
	resource.Draft = v
	return resource, nil
}

// whole is the version with its large columns, which a list may have left out.
func (r *Resolver) whole(ctx context.Context, v *model.Version, has bool) (*catalog.Version, error) {
	if has {
		return v.Row, nil
	}
	full, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Version columns", Group: v.Siblings},
		keysOf(v.Siblings, versionKey), versionKey(v),
		r.versionsByLabel(catalog.Columns{Payload: true, Content: true, Meta: true}))
	if err != nil {
		return nil, err
	}
	if full == nil {
		return nil, fmt.Errorf("version %q of a resource is gone", v.Row.Label)
	}
	return full.Row, nil
}

// neighbour is the version some revisions away; nil beyond the history's ends.
func (r *Resolver) neighbour(ctx context.Context, v *model.Version, away int32) (*model.Version, error) {
	columns := versionColumns(ctx)
	keyOf := func(v *model.Version) catalog.RevisionKey {
		return catalog.RevisionKey{Path: v.Row.Path, Revision: v.Row.Revision + away}
	}
	field := loader.Field{Name: "Version.neighbour", Group: v.Siblings, Arguments: place(ctx)}
	return loader.Load(ctx, loader.From(ctx), field, keysOf(v.Siblings, keyOf), keyOf(v),
		func(ctx context.Context, keys []catalog.RevisionKey) ([]*model.Version, error) {
			rows, err := r.catalog.VersionsByRevision(ctx, auth.Scopes(ctx), keys, columns)
			return model.NewVersions(rows), err
		})
}

// Lists of resources.

type resourceQuery struct {
	args   pagination.Args
	filter catalog.ResourceFilter
	order  catalog.Order
	// empty: the filter holds an empty list of alternatives; nothing passes.
	empty bool
}

func (r *Resolver) resourceQuery(first *int, after *string, last *int, before *string, filter *model.ResourceFilter, orderBy *model.ResourceOrder) (resourceQuery, error) {
	query := resourceQuery{order: catalog.Order{Field: catalog.OrderByPath}}
	if orderBy != nil {
		query.order.Field = catalog.OrderField(orderBy.Field)
		query.order.Descending = orderBy.Direction == model.OrderDirectionDesc
	}
	var err error
	if query.args, err = pagination.Parse(first, after, last, before, "resource."+string(query.order.Field)); err != nil {
		return query, err
	}
	if filter == nil {
		return query, nil
	}
	query.filter = catalog.ResourceFilter{
		Paths: filter.Paths, Types: filter.Types, PathPrefix: value(filter.PathPrefix),
		PayloadContains: filter.Payload, MetaContains: filter.Meta,
		UpdatedSince: filter.UpdatedSince, UpdatedBefore: filter.UpdatedBefore,
	}
	query.empty = isEmpty(filter.Paths) || isEmpty(filter.Types)
	return query, firstFault(
		checkWords("filter.paths", filter.Paths), checkWords("filter.types", filter.Types),
		checkWord("filter.pathPrefix", filter.PathPrefix),
		r.checkFilterJSON("filter.payload", filter.Payload), r.checkFilterJSON("filter.meta", filter.Meta),
	)
}

func (q resourceQuery) place(r *model.Resource) pagination.Place {
	return pagination.At(q.order.SortTime(r.Row), r.Row.ResourcePath)
}

// within turns a span into the domain's range.
func (q resourceQuery) within(span pagination.Span) catalog.Range {
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
	return catalog.CheckJSON(argument, json, r.limits)
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

// revisions turns a span into a range of revisions.
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

// resourceConnection reads a page of resources.
func resourceConnection(ctx context.Context, query resourceQuery, fetch pagination.Fetch[*model.Resource], count func(context.Context) (int, error)) (*model.ResourceConnection, error) {
	if query.empty {
		fetch, count = nothing[*model.Resource], func(context.Context) (int, error) { return 0, nil }
	}
	page, err := pagination.Read(ctx, query.args, query.order.Descending, fetch, query.place)
	return &model.ResourceConnection{Page: page, Count: count}, err
}
