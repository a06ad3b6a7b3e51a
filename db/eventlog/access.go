package eventlog

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// listing is a list of events to read along an access path.
type listing struct {
	access Keys
	scopes []string
	filter Filter
	page   Page
}

// read runs the listing's query, and calls add for each event with the index of
// the key that found it. The page's limit applies to each key, and to the whole
// list if the access path merges its keys.
func (s *Store) read(ctx context.Context, l listing, add func(parent int, event *Event)) error {
	l.page.Range = l.filter.narrow(l.page.Range)
	// The GIN indexes are used only with a plan for the particular JSON.
	plan := rows.Plan(l.access.kind == byTime && l.filter.contains())
	return s.readEvents(plan, l.page.Columns, func(queries *sqlc.Queries) error { return l.run(ctx, queries) }, add)
}

// eventColumns are the columns of every list of events; the last one is read
// only on request.
var eventColumns = []string{"parent", "event_id", "event_type", "resource_path", "resource_version", "payload", "meta", "timestamp", "resource_type"}

// readEvents calls add for each event that a query returns.
func (s *Store) readEvents(plan rows.Plan, columns Columns, run func(*sqlc.Queries) error, add func(parent int, event *Event)) error {
	names := eventColumns
	if !columns.ResourceType {
		names = names[:8]
	}
	return s.Each(plan, names, run, func(row *rows.Row) {
		event := rows.Next[Event](row)
		*event = Event{
			ID: row.Text(1), Type: row.Text(2), Path: row.Text(3), Version: row.Text(4),
			Payload: row.JSON(5), Meta: row.JSON(6), Timestamp: row.Time(7), Columns: columns,
		}
		if columns.ResourceType {
			event.ResourceType = row.Text(8)
		}
		add(int(row.Int32(0))-1, event)
	})
}

func (l *listing) run(ctx context.Context, queries *sqlc.Queries) (err error) {
	access, filter, page := &l.access, &l.filter, &l.page
	newestFirst := page.Direction == NewestFirst
	unfiltered := access.kind == byPath || access.kind == byVersion || access.kind == byTime
	if unfiltered && newestFirst && page.Range == WholeRange() && filter.timeline() {
		return l.runNewest(ctx, queries)
	}
	params := sqlc.FeedNewestFirstParams{
		WithPayload: page.Columns.Payload, WithMeta: page.Columns.Meta,
		Keys: access.keys, Labels: access.labels,
		LowTime: page.LowTime, HighTime: page.HighTime, LowID: page.LowID, HighID: page.HighID,
		Types: filter.Types, ExcludeTypes: filter.ExcludeTypes, Path: filter.Path, Paths: filter.Paths, PathPrefix: filter.PathPrefix, Version: filter.Version,
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: ASCIILowers(filter.Statuses),
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains, WordPatterns: wordPatterns(filter.Text),
		Scopes: l.scopes, ResourceTypes: filter.ResourceTypes,
		PageSize: int32(page.Limit),
	}
	switch {
	case access.kind == byPath && newestFirst:
		_, err = queries.EventsOfPathsNewestFirst(ctx, sqlc.EventsOfPathsNewestFirstParams(params))
	case access.kind == byPath:
		_, err = queries.EventsOfPathsOldestFirst(ctx, sqlc.EventsOfPathsOldestFirstParams(params))
	case access.kind == byPaths && newestFirst:
		_, err = queries.MergedEventsOfPathsNewestFirst(ctx, sqlc.MergedEventsOfPathsNewestFirstParams(params))
	case access.kind == byPaths:
		_, err = queries.MergedEventsOfPathsOldestFirst(ctx, sqlc.MergedEventsOfPathsOldestFirstParams(params))
	case access.kind == byVersion && newestFirst:
		_, err = queries.EventsOfVersionsNewestFirst(ctx, sqlc.EventsOfVersionsNewestFirstParams(params))
	case access.kind == byVersion:
		_, err = queries.EventsOfVersionsOldestFirst(ctx, sqlc.EventsOfVersionsOldestFirstParams(params))
	case access.kind == byType && newestFirst:
		_, err = queries.MergedEventsOfTypesNewestFirst(ctx, sqlc.MergedEventsOfTypesNewestFirstParams(params))
	case access.kind == byType:
		_, err = queries.MergedEventsOfTypesOldestFirst(ctx, sqlc.MergedEventsOfTypesOldestFirstParams(params))
	case access.kind == byExecution && newestFirst:
		_, err = queries.EventsOfExecutionsNewestFirst(ctx, sqlc.EventsOfExecutionsNewestFirstParams(params))
	case access.kind == byExecution:
		_, err = queries.EventsOfExecutionsOldestFirst(ctx, sqlc.EventsOfExecutionsOldestFirstParams(params))
	case newestFirst:
		_, err = queries.FeedNewestFirst(ctx, params)
	default:
		_, err = queries.FeedOldestFirst(ctx, sqlc.FeedOldestFirstParams(params))
	}
	return err
}

// runNewest runs the query for the newest events of an access path, without a filter;
// run knows which access paths have one.
func (l *listing) runNewest(ctx context.Context, queries *sqlc.Queries) (err error) {
	columns, limit := l.page.Columns, int32(l.page.Limit)
	if l.access.kind == byTime {
		_, err = queries.NewestEvents(ctx, sqlc.NewestEventsParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta, Scopes: l.scopes, PageSize: limit,
		})
		return err
	}
	params := sqlc.NewestEventsOfPathsParams{
		WithPayload: columns.Payload, WithMeta: columns.Meta, Keys: l.access.keys, Labels: l.access.labels, Scopes: l.scopes, PageSize: limit,
	}
	if l.access.kind == byVersion {
		_, err = queries.NewestEventsOfVersions(ctx, sqlc.NewestEventsOfVersionsParams(params))
	} else {
		_, err = queries.NewestEventsOfPaths(ctx, params)
	}
	return err
}

// count counts the events of each key of an access path; one number if the
// access path has no keys.
func (s *Store) count(ctx context.Context, access Keys, scopes []string, filter Filter) ([]int64, error) {
	within := filter.narrow(WholeRange())
	if access.kind == byTime && filter.timeline() {
		count, err := s.custom.CountTimeline(ctx, sqlc.CountTimelineParams{LowTime: within.LowTime, HighTime: within.HighTime, Scopes: scopes})
		return []int64{count}, err
	}
	params := sqlc.CountFeedParams{
		Keys: access.keys, Labels: access.labels,
		LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
		Types: filter.Types, ExcludeTypes: filter.ExcludeTypes, Path: filter.Path, Paths: filter.Paths, PathPrefix: filter.PathPrefix, Version: filter.Version,
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: ASCIILowers(filter.Statuses),
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains, WordPatterns: wordPatterns(filter.Text),
		Scopes: scopes, ResourceTypes: filter.ResourceTypes,
	}
	switch access.kind {
	case byPath, byPaths:
		return s.queries.CountEventsOfPaths(ctx, sqlc.CountEventsOfPathsParams(params))
	case byVersion:
		return s.queries.CountEventsOfVersions(ctx, sqlc.CountEventsOfVersionsParams(params))
	case byType:
		return s.queries.CountEventsOfTypes(ctx, sqlc.CountEventsOfTypesParams(params))
	case byExecution:
		return s.queries.CountEventsOfExecutions(ctx, sqlc.CountEventsOfExecutionsParams(params))
	case byTime:
	}
	var count int64
	var err error
	if filter.PathPrefix != nil && !filter.contains() {
		low, high := catalog.PrefixRange(*filter.PathPrefix)
		params.Keys = []string{low, high}
		count, err = s.custom.CountEventsUnderPrefix(ctx, sqlc.CountEventsUnderPrefixParams(params))
	} else {
		count, err = s.custom.CountFeed(ctx, params)
	}
	return []int64{count}, err
}
