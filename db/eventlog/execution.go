package eventlog

import (
	"context"
	"fmt"
	"time"

	"github.com/noetl/noetl-catalog/sqlc"
)

// Execution is one run: the events that carry the same meta.execution_id.
type Execution = sqlc.Execution

// ExecutionFilter narrows a list of executions; the fields given must all match.
type ExecutionFilter struct {
	// Statuses are words of column status; nil for any.
	Statuses   []string
	Path       *string
	PathPrefix *string
	Version    *string
	// StartedSince is at or after, StartedBefore is before.
	StartedSince, StartedBefore *time.Time
	// IdleSince passes executions without an event since.
	IdleSince *time.Time
}

// narrow narrows a range of starts to the filter's.
func (f *ExecutionFilter) narrow(r Range) Range {
	return (&Filter{Since: f.StartedSince, Until: f.StartedBefore}).narrow(r)
}

// ExecutionsByID are the executions of these ids, in their order, nil for one
// that does not exist or is out of scope.
func (s *Store) ExecutionsByID(ctx context.Context, scopes, ids []string) ([]*Execution, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	rows, err := s.queries.ExecutionsByID(ctx, sqlc.ExecutionsByIDParams{ExecutionIds: ids, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("read executions: %w", err)
	}
	byID := make(map[string]*Execution, len(rows))
	for i := range rows {
		byID[rows[i].ExecutionID] = &rows[i]
	}
	found := make([]*Execution, len(ids))
	for i, id := range ids {
		found[i] = byID[id]
	}
	return found, nil
}

// ListExecutions lists up to limit executions by their start.
func (s *Store) ListExecutions(ctx context.Context, scopes []string, filter ExecutionFilter, span Range, direction Direction, limit int) ([]*Execution, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	paths, err := s.fewPathsOf(ctx, scopes, Filter{Path: filter.Path, PathPrefix: filter.PathPrefix})
	if err != nil {
		return nil, err
	}
	rows, err := s.listExecutions(ctx, scopes, filter, filter.narrow(span), direction, limit, paths)
	if err != nil {
		return nil, fmt.Errorf("list executions: %w", err)
	}
	return pointersTo(rows), nil
}

func (s *Store) listExecutions(ctx context.Context, scopes []string, filter ExecutionFilter, span Range, direction Direction, limit int, paths []string) ([]Execution, error) {
	switch {
	case paths != nil:
		params := sqlc.ExecutionsOfPathsNewestFirstParams{
			Paths:   paths,
			LowTime: span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
			Statuses: filter.Statuses, Version: filter.Version, IdleSince: filter.IdleSince,
			Scopes: scopes, PageSize: int32(limit),
		}
		if direction == OldestFirst {
			return s.queries.ExecutionsOfPathsOldestFirst(ctx, sqlc.ExecutionsOfPathsOldestFirstParams(params))
		}
		return s.queries.ExecutionsOfPathsNewestFirst(ctx, params)
	case filter.Statuses != nil:
		params := sqlc.ExecutionsOfStatusesNewestFirstParams{
			Statuses: distinct(filter.Statuses),
			LowTime:  span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
			PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
			Scopes: scopes, PageSize: int32(limit),
		}
		if direction == OldestFirst {
			return s.queries.ExecutionsOfStatusesOldestFirst(ctx, sqlc.ExecutionsOfStatusesOldestFirstParams(params))
		}
		return s.queries.ExecutionsOfStatusesNewestFirst(ctx, params)
	}
	params := sqlc.ExecutionsNewestFirstParams{
		LowTime: span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
		PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		Scopes: scopes, PageSize: int32(limit),
	}
	if direction == OldestFirst {
		return s.queries.ExecutionsOldestFirst(ctx, sqlc.ExecutionsOldestFirstParams(params))
	}
	return s.queries.ExecutionsNewestFirst(ctx, params)
}

// CountExecutions counts the executions that pass the filter.
func (s *Store) CountExecutions(ctx context.Context, scopes []string, filter ExecutionFilter) (int, error) {
	if err := s.settleAll(ctx); err != nil {
		return 0, err
	}
	paths, err := s.fewPathsOf(ctx, scopes, Filter{Path: filter.Path, PathPrefix: filter.PathPrefix})
	if err != nil {
		return 0, err
	}
	within := filter.narrow(WholeRange())
	count, err := s.custom.CountExecutions(ctx, sqlc.CountExecutionsParams{
		LowTime: within.LowTime, HighTime: within.HighTime, Statuses: filter.Statuses, Paths: paths,
		PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince, Scopes: scopes,
	})
	if err != nil {
		return 0, fmt.Errorf("count executions: %w", err)
	}
	return int(count), nil
}

// ListExecutionsOfPaths lists, for each path, up to limit executions that pass the
// filter, by their start, in the order of paths.
func (s *Store) ListExecutionsOfPaths(ctx context.Context, scopes, paths []string, filter ExecutionFilter, span Range, direction Direction, limit int) ([][]*Execution, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	span = filter.narrow(span)
	params := sqlc.ExecutionsOfEachPathNewestFirstParams{
		Parents: paths,
		LowTime: span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
		Statuses: filter.Statuses, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		Scopes: scopes, PageSize: int32(limit),
	}
	var rows []sqlc.ExecutionsOfEachPathNewestFirstRow
	var err error
	if direction == OldestFirst {
		var oldest []sqlc.ExecutionsOfEachPathOldestFirstRow
		oldest, err = s.queries.ExecutionsOfEachPathOldestFirst(ctx, sqlc.ExecutionsOfEachPathOldestFirstParams(params))
		rows = convert(oldest, func(r sqlc.ExecutionsOfEachPathOldestFirstRow) sqlc.ExecutionsOfEachPathNewestFirstRow {
			return sqlc.ExecutionsOfEachPathNewestFirstRow(r)
		})
	} else {
		rows, err = s.queries.ExecutionsOfEachPathNewestFirst(ctx, params)
	}
	if err != nil {
		return nil, fmt.Errorf("list executions of paths: %w", err)
	}
	lists := make([][]*Execution, len(paths))
	for _, row := range rows {
		lists[row.Ordinal-1] = append(lists[row.Ordinal-1], childOf(sqlc.ExecutionsOfParentsRow(row)))
	}
	return lists, nil
}

// CountExecutionsOfPaths counts, for each path, the executions that pass the filter.
func (s *Store) CountExecutionsOfPaths(ctx context.Context, scopes, paths []string, filter ExecutionFilter) ([]int, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	within := filter.narrow(WholeRange())
	rows, err := s.queries.CountExecutionsOfEachPath(ctx, sqlc.CountExecutionsOfEachPathParams{
		Parents: paths, LowTime: within.LowTime, HighTime: within.HighTime, Statuses: filter.Statuses,
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince, Scopes: scopes,
	})
	if err != nil {
		return nil, fmt.Errorf("count executions of paths: %w", err)
	}
	return ints(rows), nil
}

func childOf(row sqlc.ExecutionsOfParentsRow) *Execution {
	return &Execution{
		ExecutionID: row.ExecutionID, Path: row.Path, Version: row.Version, Status: row.Status,
		Started: row.Started, StartedAt: row.StartedAt, FinishedAt: row.FinishedAt,
		LastEventAt: row.LastEventAt, EventCount: row.EventCount, Error: row.Error, Parent: row.Parent, FailedStepCount: row.FailedStepCount,
	}
}

// ExecutionsOfParents lists, for each execution, up to limit of those that it
// started, newest first, in the order of parents.
func (s *Store) ExecutionsOfParents(ctx context.Context, scopes, parents []string, span Range, limit int) ([][]*Execution, error) {
	rows, err := s.queries.ExecutionsOfParents(ctx, sqlc.ExecutionsOfParentsParams{
		Parents: parents,
		LowTime: span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
		Scopes: scopes, PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list child executions: %w", err)
	}
	lists := make([][]*Execution, len(parents))
	for _, row := range rows {
		lists[row.Ordinal-1] = append(lists[row.Ordinal-1], childOf(row))
	}
	return lists, nil
}

// CountOfParents counts, for each execution, those that it started.
func (s *Store) CountOfParents(ctx context.Context, scopes, parents []string) ([]int, error) {
	rows, err := s.queries.CountExecutionsOfParents(ctx, sqlc.CountExecutionsOfParentsParams{Parents: parents, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("count child executions: %w", err)
	}
	return ints(rows), nil
}

// ListOfExecutions lists a page of the events of each execution, in the order
// of executions.
func (s *Store) ListOfExecutions(ctx context.Context, scopes, executions []string, filter Filter, page Page) ([][]*Event, error) {
	return s.listPerParent(ctx, listing{accessPath{kind: byExecution, keys: executions}, scopes, filter, page})
}

// CountOfExecutions counts, for each execution, its events that pass the filter.
func (s *Store) CountOfExecutions(ctx context.Context, scopes, executions []string, filter Filter) ([]int, error) {
	return s.countPerParent(ctx, accessPath{kind: byExecution, keys: executions}, scopes, filter)
}

func pointersTo[T any](rows []T) []*T {
	pointers := make([]*T, len(rows))
	for i := range rows {
		pointers[i] = &rows[i]
	}
	return pointers
}
