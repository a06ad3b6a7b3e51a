package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// plannedColumns are the large columns that a selection of versions asks for.
func plannedColumns(p ...*plan) (columns catalog.Columns) {
	for _, each := range p {
		columns.Payload = columns.Payload || each.has("payload")
		columns.Content = columns.Content || each.has("content")
		columns.Meta = columns.Meta || each.has("meta")
	}
	return columns
}

func versionKeyOf(v *catalog.Version) catalog.LabelKey {
	return catalog.LabelKey{Path: v.Path, Label: v.Label}
}

// names writes objects that are a name and nothing more: resource types.
func names(p *plan, nameOf func(at int) string) *objects {
	values, _ := each(p, func(*plannedField) (writer, error) {
		return func(buf []byte, at int) []byte { return appendText(buf, nameOf(at)) }, nil
	})
	return &objects{plan: p, values: values, absent: func(int) bool { return false }}
}

// resources answers a selection of resources.
func (x *execution) resources(rows []*catalog.Resource, p *plan) (*objects, error) {
	x.ahead.read = append(x.ahead.read, rows)
	var paths []string
	var places []int
	if p.has("versions", "events", "latestEvent") {
		paths, places = gather(rows, func(r *catalog.Resource) string { return r.ResourcePath })
	}
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "id":
			return func(buf []byte, at int) []byte { return appendID(buf, "Resource", rows[at].ResourcePath) }, nil
		case "path":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].ResourcePath) }, nil
		case "name":
			return func(buf []byte, at int) []byte { return appendOptional(buf, rows[at].Name) }, nil
		case "description":
			return func(buf []byte, at int) []byte { return appendOptional(buf, rows[at].Description) }, nil
		case "versionCount":
			return func(buf []byte, at int) []byte { return appendInt(buf, rows[at].LatestRevision) }, nil
		case "createdAt":
			return func(buf []byte, at int) []byte { return appendTime(buf, rows[at].CreatedAt) }, nil
		case "updatedAt":
			return func(buf []byte, at int) []byte { return appendTime(buf, rows[at].UpdatedAt) }, nil
		case "type":
			return names(f.child, func(at int) string { return rows[at].ResourceType }).write, nil
		case "latestVersion":
			return x.latestVersions(rows, f)
		case "version":
			label, err := x.word(f, "version")
			if err != nil || label == nil {
				return nil, errUnplanned
			}
			if *label == catalog.Latest {
				return x.latestVersions(rows, f)
			}
			keys, places := gather(rows, func(r *catalog.Resource) catalog.LabelKey {
				return catalog.LabelKey{Path: r.ResourcePath, Label: *label}
			})
			return x.versionsByLabel(keys, places, f, false)
		case "versions":
			return x.history(rows, paths, places, f)
		case "events":
			return x.eventsOf(places, len(paths), f,
				func(filter eventlog.Filter, within eventlog.Range, direction eventlog.Direction, limit int, columns eventlog.Columns) ([][]*eventlog.Event, error) {
					return x.events.ListOfPaths(x.ctx, x.scopes, paths, filter, within, direction, limit, columns)
				},
				func(filter eventlog.Filter) ([]int, error) {
					return x.events.CountOfPaths(x.ctx, x.scopes, paths, filter)
				})
		case "latestEvent":
			if len(paths) == 0 {
				return nothingToWrite, nil
			}
			lists, err := x.events.ListOfPaths(x.ctx, x.scopes, paths, eventlog.Filter{},
				eventlog.WholeRange(), eventlog.NewestFirst, 1, plannedEventColumns(f.child))
			if err != nil {
				return nil, err
			}
			newest := make([]*eventlog.Event, len(lists))
			for i, list := range lists {
				if len(list) > 0 {
					newest[i] = list[0]
				}
			}
			child, err := x.eventRows(newest, f.child)
			if err != nil {
				return nil, err
			}
			return through(places, child), nil
		}
		return nil, errUnplanned
	})
	return &objects{plan: p, values: values, absent: func(at int) bool { return rows[at] == nil }}, err
}

// nothingToWrite is for a selection of no objects.
func nothingToWrite(buf []byte, _ int) []byte { return buf }

// latestVersions leads from resources to their latest versions.
func (x *execution) latestVersions(rows []*catalog.Resource, f *plannedField) (writer, error) {
	keys, places := gather(rows, func(r *catalog.Resource) catalog.LabelKey {
		return catalog.LabelKey{Path: r.ResourcePath, Label: r.LatestVersion}
	})
	return x.versionsByLabel(keys, places, f, true)
}

// versionsByLabel leads from rows to versions.
func (x *execution) versionsByLabel(keys []catalog.LabelKey, places []int, f *plannedField, always bool) (writer, error) {
	if len(keys) == 0 {
		return nothingToWrite, nil
	}
	found, err := x.catalog.VersionsByLabel(x.ctx, x.scopes, keys, plannedColumns(f.child))
	if err != nil {
		return nil, err
	}
	if always {
		if err := required(found); err != nil {
			return nil, err
		}
	}
	child, err := x.versionRows(found, f.child)
	if err != nil {
		return nil, err
	}
	return through(places, child), nil
}

// history leads from resources to pages of their versions.
func (x *execution) history(rows []*catalog.Resource, paths []string, places []int, f *plannedField) (writer, error) {
	args, err := x.pageArgs(f, pagination.Revisions)
	if err != nil || len(paths) == 0 {
		return nothingToWrite, err
	}
	pages, err := readPages(f.child, args, true,
		func(_ pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*catalog.Version, error) {
			if lists, ok := x.ahead.versions[f]; ok { // of first pages only
				return lists, nil
			}
			return x.catalog.ListVersions(x.ctx, x.scopes, paths, revisions(span), descending, limit, plannedColumns(nodePlans(f.child)...))
		},
		func(v *catalog.Version) pagination.Place { return pagination.Place{Number: int64(v.Revision)} })
	if err != nil {
		return nil, err
	}
	counts := make([]int, len(paths))
	for i, row := range rows {
		if row != nil {
			counts[places[i]] = int(row.LatestRevision)
		}
	}
	child, err := connection(x.ctx, pages, f.child, x.versionRows, func() ([]int, error) { return counts, nil })
	if err != nil {
		return nil, err
	}
	return through(places, child), nil
}

// versionRows answers a selection of versions.
func (x *execution) versionRows(rows []*catalog.Version, p *plan) (*objects, error) {
	var heads []*catalog.Resource
	var headPlaces []int
	if p.has("isLatest", "resource") {
		var paths []string
		if paths, headPlaces = gather(rows, func(v *catalog.Version) string { return v.Path }); len(paths) > 0 {
			var err error
			if heads, err = x.heads(paths); err != nil {
				return nil, err
			}
			if err := required(heads); err != nil {
				return nil, err
			}
		}
	}
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "id":
			return func(buf []byte, at int) []byte { return appendID(buf, "Version", rows[at].Path, rows[at].Label) }, nil
		case "path":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Path) }, nil
		case "version":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Label) }, nil
		case "revision":
			return func(buf []byte, at int) []byte { return appendInt(buf, rows[at].Revision) }, nil
		case "source":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Source) }, nil
		case "location":
			return func(buf []byte, at int) []byte { return appendOptional(buf, rows[at].Location) }, nil
		case "payload":
			return func(buf []byte, at int) []byte { return appendJSON(buf, rows[at].Payload) }, nil
		case "content":
			return func(buf []byte, at int) []byte {
				if rows[at].Content == "" {
					return append(buf, "null"...)
				}
				return appendText(buf, rows[at].Content)
			}, nil
		case "meta":
			return func(buf []byte, at int) []byte { return appendJSON(buf, rows[at].Meta) }, nil
		case "timestamp":
			return func(buf []byte, at int) []byte { return appendTime(buf, rows[at].Timestamp) }, nil
		case "type":
			return names(f.child, func(at int) string { return rows[at].Type }).write, nil
		case "isLatest":
			return func(buf []byte, at int) []byte {
				if heads[headPlaces[at]].LatestRevision == rows[at].Revision {
					return append(buf, "true"...)
				}
				return append(buf, "false"...)
			}, nil
		case "resource":
			child, err := x.resources(heads, f.child)
			if err != nil {
				return nil, err
			}
			return through(headPlaces, child), nil
		case "previous":
			return x.neighbours(rows, -1, f)
		case "next":
			return x.neighbours(rows, 1, f)
		case "events":
			keys, places := gather(rows, versionKeyOf)
			return x.eventsOf(places, len(keys), f,
				func(filter eventlog.Filter, within eventlog.Range, direction eventlog.Direction, limit int, columns eventlog.Columns) ([][]*eventlog.Event, error) {
					return x.events.ListOfVersions(x.ctx, x.scopes, keys, filter, within, direction, limit, columns)
				},
				func(filter eventlog.Filter) ([]int, error) {
					return x.events.CountOfVersions(x.ctx, x.scopes, keys, filter)
				})
		}
		return nil, errUnplanned
	})
	return &objects{plan: p, values: values, absent: func(at int) bool { return rows[at] == nil }}, err
}

// neighbours leads from versions to those some revisions away.
func (x *execution) neighbours(rows []*catalog.Version, away int32, f *plannedField) (writer, error) {
	keys, places := gather(rows, func(v *catalog.Version) catalog.RevisionKey {
		return catalog.RevisionKey{Path: v.Path, Revision: v.Revision + away}
	})
	if len(keys) == 0 {
		return nothingToWrite, nil
	}
	found, err := x.catalog.VersionsByRevision(x.ctx, x.scopes, keys, plannedColumns(f.child))
	if err != nil {
		return nil, err
	}
	child, err := x.versionRows(found, f.child)
	if err != nil {
		return nil, err
	}
	return through(places, child), nil
}

// nodePlans are the selections of a connection's nodes.
func nodePlans(p *plan) []*plan {
	var plans []*plan
	for i := range p.fields {
		f := &p.fields[i]
		switch f.name {
		case "nodes":
			plans = append(plans, f.child)
		case "edges":
			for j := range f.child.fields {
				if edge := &f.child.fields[j]; edge.name == "node" {
					plans = append(plans, edge.child)
				}
			}
		}
	}
	return plans
}

// rowsBeyond is how many rows to read that only tell that there are more.
func rowsBeyond(p *plan) int {
	if p.has("pageInfo") {
		return 1
	}
	return 0
}

// readLists reads the part of each parent's list that lies in a span, in one
// statement.
type readLists[R any] func(purpose pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*R, error)

// readPages reads a page of each parent's list.
func readPages[R any](
	p *plan, args pagination.Args, descending bool, read readLists[R], place func(*R) pagination.Place,
) ([]pagination.Page[*R], error) {
	list := &pagination.List[*R]{Args: args, Descending: descending, Place: place}
	span, walkDescending := list.Span()
	lists, err := read(pagination.Items, span, walkDescending, args.Size+rowsBeyond(p))
	if err != nil {
		return nil, err
	}
	var beyond func(parent int) pagination.Fetch[*R]
	if args.After != nil || args.Before != nil {
		beyond = beyondCursors(read)
	}
	pages := make([]pagination.Page[*R], len(lists))
	for i, items := range lists {
		more := len(items) > args.Size
		if more {
			items = items[:args.Size:args.Size]
		}
		own := list
		if beyond != nil {
			own = &pagination.List[*R]{Args: args, Descending: descending, Place: place, Fetch: beyond(i)}
		}
		pages[i] = own.Page(items, more)
	}
	return pages, nil
}

// beyondCursors reads what lies on the far side of a cursor, which all parents
// share: for all of them when the first asks.
func beyondCursors[R any](read readLists[R]) func(parent int) pagination.Fetch[*R] {
	lists := map[pagination.Purpose][][]*R{}
	return func(parent int) pagination.Fetch[*R] {
		return func(_ context.Context, purpose pagination.Purpose, span pagination.Span, descending bool, limit int) ([]*R, bool, error) {
			if lists[purpose] == nil {
				var err error
				if lists[purpose], err = read(purpose, span, descending, limit); err != nil {
					return nil, false, err
				}
			}
			return lists[purpose][parent], false, nil
		}
	}
}

// connection answers a selection of pages.
func connection[R any](
	ctx context.Context, pages []pagination.Page[*R], p *plan,
	answer func(rows []*R, p *plan) (*objects, error), count func() ([]int, error),
) (*objects, error) {
	begins := make([]int, len(pages)+1)
	for i := range pages {
		begins[i+1] = begins[i] + len(pages[i].Items)
	}
	var rows []*R
	if len(pages) == 1 {
		rows = pages[0].Items
	} else {
		rows = make([]*R, 0, begins[len(pages)])
		for i := range pages {
			rows = append(rows, pages[i].Items...)
		}
	}
	list := func(write writer) writer {
		return func(buf []byte, at int) []byte {
			buf = append(buf, '[')
			for i := begins[at]; i < begins[at+1]; i++ {
				if i > begins[at] {
					buf = append(buf, ',')
				}
				buf = write(buf, i)
			}
			return append(buf, ']')
		}
	}
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "nodes":
			nodes, err := answer(rows, f.child)
			if err != nil {
				return nil, err
			}
			return list(nodes.write), nil
		case "edges":
			edges, err := edgesOf(pages, begins, rows, f.child, answer)
			if err != nil {
				return nil, err
			}
			return list(edges.write), nil
		case "pageInfo":
			info, err := pageInfos(ctx, pages, f.child)
			if err != nil {
				return nil, err
			}
			return info.write, nil
		case "totalCount":
			counts, err := count()
			if err != nil {
				return nil, err
			}
			return func(buf []byte, at int) []byte { return appendInt(buf, counts[at]) }, nil
		}
		return nil, errUnplanned
	})
	return &objects{plan: p, values: values, absent: func(int) bool { return false }}, err
}

func edgesOf[R any](
	pages []pagination.Page[*R], begins []int, rows []*R, p *plan, answer func(rows []*R, p *plan) (*objects, error),
) (*objects, error) {
	cursors := make([]string, 0, len(rows))
	if p.has("cursor") {
		for i := range pages {
			for _, row := range pages[i].Items {
				cursors = append(cursors, pages[i].Cursor(row))
			}
		}
	}
	values, err := each(p, func(f *plannedField) (writer, error) {
		if f.name == "cursor" {
			return func(buf []byte, at int) []byte { return appendText(buf, cursors[at]) }, nil
		}
		nodes, err := answer(rows, f.child)
		if err != nil {
			return nil, err
		}
		return nodes.write, nil
	})
	return &objects{plan: p, values: values, absent: func(int) bool { return false }}, err
}

func pageInfos[R any](ctx context.Context, pages []pagination.Page[*R], p *plan) (*objects, error) {
	flags := func(ask func(*pagination.Page[*R], context.Context) (bool, error)) (writer, error) {
		answers := make([]bool, len(pages))
		for i := range pages {
			var err error
			if answers[i], err = ask(&pages[i], ctx); err != nil {
				return nil, err
			}
		}
		return func(buf []byte, at int) []byte {
			if answers[at] {
				return append(buf, "true"...)
			}
			return append(buf, "false"...)
		}, nil
	}
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "hasNextPage":
			return flags((*pagination.Page[*R]).Next)
		case "hasPreviousPage":
			return flags((*pagination.Page[*R]).Previous)
		case "startCursor":
			return func(buf []byte, at int) []byte { start, _ := pages[at].Ends(); return appendOptional(buf, start) }, nil
		}
		return func(buf []byte, at int) []byte { _, end := pages[at].Ends(); return appendOptional(buf, end) }, nil
	})
	return &objects{plan: p, values: values, absent: func(int) bool { return false }}, err
}
