package eventlog

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/rawrow"
	"github.com/noetl/noetl-catalog/sqlc"
)

// read runs the list query of an access path, and gives each event to add,
// with the place of the key that it was found by, from 0. limit bounds what
// each key brings, and the whole of the lists that merge keys.
func (s *Store) read(ctx context.Context, access accessPath, scopes []string, filter Filter, within Range, direction Direction, limit int, columns Columns, add func(parent int, event *Event)) error {
	within = filter.within(within)
	database := s.database
	if access.kind == byTime && filter.contains() {
		// The GIN indexes serve the very JSON asked for.
		database = s.plannedDatabase
	}
	return s.readEvents(database, columns, func(queries *sqlc.Queries) error {
		return list(ctx, queries, access, scopes, filter, within, direction, limit, columns)
	}, add)
}

// eventColumns are those of every list of events; the last only where it is
// asked for.
var eventColumns = []string{"parent", "event_id", "event_type", "resource_path", "resource_version", "payload", "meta", "timestamp", "resource_type"}

// readEvents gives each event that a query finds to add.
func (s *Store) readEvents(database sqlc.DBTX, columns Columns, run func(*sqlc.Queries) error, add func(parent int, event *Event)) error {
	names := eventColumns
	if !columns.ResourceType {
		names = names[:8]
	}
	memory := s.memoryToUse()
	return rawrow.Each(&memory.rows, database, names, run, func(row *rawrow.Row) {
		event := memory.events.Next()
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

// list runs the query of an access path and a direction.
func list(ctx context.Context, queries *sqlc.Queries, access accessPath, scopes []string, filter Filter, within Range, direction Direction, limit int, columns Columns) (err error) {
	if direction == NewestFirst && within.whole() && filter.timeline() {
		if known, err := newest(ctx, queries, access, scopes, limit, columns); known {
			return err
		}
	}
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
			PageSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.EventsOfPathsOldestFirst(ctx, sqlc.EventsOfPathsOldestFirstParams(params))
		} else {
			_, err = queries.EventsOfPathsNewestFirst(ctx, params)
		}
	case byPaths:
		params := sqlc.MergedEventsOfPathsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentPaths: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(limit), TotalSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.MergedEventsOfPathsOldestFirst(ctx, sqlc.MergedEventsOfPathsOldestFirstParams(params))
		} else {
			_, err = queries.MergedEventsOfPathsNewestFirst(ctx, params)
		}
	case byVersion:
		params := sqlc.EventsOfVersionsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentPaths: access.keys, ParentLabels: access.labels,
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.EventsOfVersionsOldestFirst(ctx, sqlc.EventsOfVersionsOldestFirstParams(params))
		} else {
			_, err = queries.EventsOfVersionsNewestFirst(ctx, params)
		}
	case byType:
		params := sqlc.MergedEventsOfTypesNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentTypes: access.keys,
			LowTime:     within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(limit), TotalSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.MergedEventsOfTypesOldestFirst(ctx, sqlc.MergedEventsOfTypesOldestFirstParams(params))
		} else {
			_, err = queries.MergedEventsOfTypesNewestFirst(ctx, params)
		}
	case byExecution:
		params := sqlc.EventsOfExecutionsNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			ParentExecutions: access.keys,
			LowTime:          within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			PageSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.EventsOfExecutionsOldestFirst(ctx, sqlc.EventsOfExecutionsOldestFirstParams(params))
		} else {
			_, err = queries.EventsOfExecutionsNewestFirst(ctx, params)
		}
	case byTime:
		params := sqlc.FeedNewestFirstParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta,
			LowTime: within.LowTime, HighTime: within.HighTime, LowID: within.LowID, HighID: within.HighID,
			Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
			ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
			PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
			Scopes: scopes, ResourceTypes: filter.ResourceTypes,
			TotalSize: int32(limit),
		}
		if direction == OldestFirst {
			_, err = queries.FeedOldestFirst(ctx, sqlc.FeedOldestFirstParams(params))
		} else {
			_, err = queries.FeedNewestFirst(ctx, params)
		}
	}
	return err
}

// newest runs the query of an access path that asks for nothing but what is
// newest, and reports whether there is one.
func newest(ctx context.Context, queries *sqlc.Queries, access accessPath, scopes []string, limit int, columns Columns) (known bool, err error) {
	switch access.kind {
	case byPath:
		_, err = queries.NewestEventsOfPaths(ctx, sqlc.NewestEventsOfPathsParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta, Scopes: scopes, PageSize: int32(limit),
			ParentPaths: access.keys,
		})
	case byVersion:
		_, err = queries.NewestEventsOfVersions(ctx, sqlc.NewestEventsOfVersionsParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta, Scopes: scopes, PageSize: int32(limit),
			ParentPaths: access.keys, ParentLabels: access.labels,
		})
	case byTime:
		_, err = queries.NewestEvents(ctx, sqlc.NewestEventsParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta, Scopes: scopes, PageSize: int32(limit),
		})
	case byPaths, byType, byExecution:
		return false, nil
	}
	return true, err
}

// count runs the count query of an access path: a number for each key, or one
// for all where the access path has no keys.
func (s *Store) count(ctx context.Context, access accessPath, scopes []string, filter Filter) ([]int64, error) {
	within := filter.within(WholeRange())
	switch access.kind {
	case byPath, byPaths:
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

func rowsOf[From, To any](rows []From, convert func(From) To) []To {
	converted := make([]To, len(rows))
	for i, row := range rows {
		converted[i] = convert(row)
	}
	return converted
}
