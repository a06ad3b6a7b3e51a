package eventlog

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/sqlc"
)

// read runs the list query of an access path. pageSize bounds what each key
// brings, totalSize the whole.
func (s *Store) read(ctx context.Context, access accessPath, scopes []string, filter Filter, within Range, direction Direction, pageSize, totalSize int, columns Columns) ([]found, error) {
	within = filter.within(within)
	switch access.kind {
	case byPath:
		params := sqlc.EventsOfPathsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentPaths: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(pageSize), TotalSize: int32(totalSize),
		}
		if direction == OldestFirst {
			rows, err := s.queries.EventsOfPathsOldestFirst(ctx, sqlc.EventsOfPathsOldestFirstParams(params))
			return rowsOf(rows, func(r sqlc.EventsOfPathsOldestFirstRow) found { return foundOf(eventRow(r), columns) }), err
		}
		rows, err := s.queries.EventsOfPathsNewestFirst(ctx, params)
		return rowsOf(rows, func(r sqlc.EventsOfPathsNewestFirstRow) found { return foundOf(eventRow(r), columns) }), err
	case byVersion:
		params := sqlc.EventsOfVersionsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentPaths: access.keys, ParentLabels: access.labels,
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(pageSize), TotalSize: int32(totalSize),
		}
		if direction == OldestFirst {
			rows, err := s.queries.EventsOfVersionsOldestFirst(ctx, sqlc.EventsOfVersionsOldestFirstParams(params))
			return rowsOf(rows, func(r sqlc.EventsOfVersionsOldestFirstRow) found { return foundOf(eventRow(r), columns) }), err
		}
		rows, err := s.queries.EventsOfVersionsNewestFirst(ctx, params)
		return rowsOf(rows, func(r sqlc.EventsOfVersionsNewestFirstRow) found { return foundOf(eventRow(r), columns) }), err
	case byType:
		params := sqlc.EventsOfTypesNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentTypes: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(pageSize), TotalSize: int32(totalSize),
		}
		if direction == OldestFirst {
			rows, err := s.queries.EventsOfTypesOldestFirst(ctx, sqlc.EventsOfTypesOldestFirstParams(params))
			return rowsOf(rows, func(r sqlc.EventsOfTypesOldestFirstRow) found { return foundOf(eventRow(r), columns) }), err
		}
		rows, err := s.queries.EventsOfTypesNewestFirst(ctx, params)
		return rowsOf(rows, func(r sqlc.EventsOfTypesNewestFirstRow) found { return foundOf(eventRow(r), columns) }), err
	case byExecution:
		params := sqlc.EventsOfExecutionsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentExecutions: access.keys,
			LowTime:          within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(pageSize), TotalSize: int32(totalSize),
		}
		if direction == OldestFirst {
			rows, err := s.queries.EventsOfExecutionsOldestFirst(ctx, sqlc.EventsOfExecutionsOldestFirstParams(params))
			return rowsOf(rows, func(r sqlc.EventsOfExecutionsOldestFirstRow) found { return foundOf(eventRow(r), columns) }), err
		}
		rows, err := s.queries.EventsOfExecutionsNewestFirst(ctx, params)
		return rowsOf(rows, func(r sqlc.EventsOfExecutionsNewestFirstRow) found { return foundOf(eventRow(r), columns) }), err
	case byTime:
		params := sqlc.FeedNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			TotalSize: int32(totalSize),
		}
		if direction == OldestFirst {
			rows, err := s.feed(filter).FeedOldestFirst(ctx, sqlc.FeedOldestFirstParams(params))
			return rowsOf(rows, func(r sqlc.FeedOldestFirstRow) found { return foundOf(eventRow(r), columns) }), err
		}
		rows, err := s.feed(filter).FeedNewestFirst(ctx, params)
		return rowsOf(rows, func(r sqlc.FeedNewestFirstRow) found { return foundOf(eventRow(r), columns) }), err
	}
	return nil, nil
}

// count runs the count query of an access path: a number for each key, or one
// for all where the access path has no keys.
func (s *Store) count(ctx context.Context, access accessPath, scopes []string, filter Filter) ([]int64, error) {
	within := filter.within(WholeRange())
	switch access.kind {
	case byPath:
		rows, err := s.queries.CountEventsOfPaths(ctx, sqlc.CountEventsOfPathsParams{
			ParentPaths: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
		})
		return rowsOf(rows, func(r sqlc.CountEventsOfPathsRow) int64 { return r.Count }), err
	case byVersion:
		rows, err := s.queries.CountEventsOfVersions(ctx, sqlc.CountEventsOfVersionsParams{
			ParentPaths: access.keys, ParentLabels: access.labels,
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
		})
		return rowsOf(rows, func(r sqlc.CountEventsOfVersionsRow) int64 { return r.Count }), err
	case byType:
		rows, err := s.queries.CountEventsOfTypes(ctx, sqlc.CountEventsOfTypesParams{
			ParentTypes: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
		})
		return rowsOf(rows, func(r sqlc.CountEventsOfTypesRow) int64 { return r.Count }), err
	case byExecution:
		rows, err := s.queries.CountEventsOfExecutions(ctx, sqlc.CountEventsOfExecutionsParams{
			ParentExecutions: access.keys,
			LowTime:          within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
		})
		return rowsOf(rows, func(r sqlc.CountEventsOfExecutionsRow) int64 { return r.Count }), err
	case byTime:
		if filter.timeline() {
			count, err := s.planned.CountTimeline(ctx, sqlc.CountTimelineParams{
				LowTime: within.LowTime, HighTime: within.HighTime, Scopes: scopes,
			})
			return []int64{count}, err
		}
		if filter.PathPrefix != nil && filter.PayloadContains == nil && filter.MetaContains == nil {
			low, high := catalog.PrefixRange(*filter.PathPrefix)
			count, err := s.planned.CountEventsUnderPrefix(ctx, sqlc.CountEventsUnderPrefixParams{
				PrefixLow: low, PrefixHigh: high,
				LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
				Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
				ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
				PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
				Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			})
			return []int64{count}, err
		}
		count, err := s.planned.CountFeed(ctx, sqlc.CountFeedParams{
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
		})
		return []int64{count}, err
	}
	return nil, nil
}

// feed chooses how the timeline's queries are planned: for containment, for
// the very JSON asked for.
func (s *Store) feed(filter Filter) *sqlc.Queries {
	if filter.PayloadContains != nil || filter.MetaContains != nil {
		return s.planned
	}
	return s.queries
}

func rowsOf[From, To any](rows []From, convert func(From) To) []To {
	converted := make([]To, len(rows))
	for i, row := range rows {
		converted[i] = convert(row)
	}
	return converted
}
