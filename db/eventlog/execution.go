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
	// HasErrors is whether a step has failed.
	HasErrors *bool
	// MinDurationMs passes executions that ran, or have been running, at least so long.
	MinDurationMs *int32
	// Text is the words to find in the path, the id and the error.
	Text *string
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
	return inOrder(ids, rows, func(e *Execution) string { return e.ExecutionID }), nil
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
	params := executionParams(scopes, filter, span, direction, limit)
	params.Total = params.PageSize
	var rows []Execution
	switch {
	case paths != nil:
		params.Keys = paths
		rows, err = s.queries.ExecutionsOfPaths(ctx, sqlc.ExecutionsOfPathsParams(params))
	case filter.Statuses != nil:
		params.Keys = distinct(filter.Statuses)
		rows, err = s.queries.ExecutionsOfStatuses(ctx, sqlc.ExecutionsOfStatusesParams(params))
	default:
		rows, err = s.queries.Executions(ctx, params)
	}
	if err != nil {
		return nil, fmt.Errorf("list executions: %w", err)
	}
	executions := make([]*Execution, len(rows))
	for i := range rows {
		executions[i] = &rows[i]
	}
	return executions, nil
}

// executionParams are the parameters of every list of executions, without its keys.
func executionParams(scopes []string, filter ExecutionFilter, span Range, direction Direction, limit int) sqlc.ExecutionsParams {
	span = filter.narrow(span)
	return sqlc.ExecutionsParams{
		LowTime: span.LowTime, LowID: span.LowID, HighTime: span.HighTime, HighID: span.HighID,
		Statuses: filter.Statuses, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		HasErrors: filter.HasErrors, MinDurationMs: filter.MinDurationMs, WordPatterns: wordPatterns(filter.Text),
		Scopes: scopes, NewestFirst: bool(direction), PageSize: int32(limit),
	}
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
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		HasErrors: filter.HasErrors, MinDurationMs: filter.MinDurationMs, WordPatterns: wordPatterns(filter.Text), Scopes: scopes,
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
	params := executionParams(scopes, filter, span, direction, limit)
	params.Keys = distinct(paths)
	params.Total = params.PageSize * int32(len(params.Keys)) //nolint:gosec // pages and batches are bounded
	rows, err := s.queries.ExecutionsOfPaths(ctx, sqlc.ExecutionsOfPathsParams(params))
	if err != nil {
		return nil, fmt.Errorf("list executions of paths: %w", err)
	}
	return listsOf(paths, rows, func(e *Execution) string { return e.Path }), nil
}

// LatestExecutions are the newest executions of paths, in their order, nil for a path
// without any. Only where events are pending, or nothing is found, it waits for them and
// reads again.
func (s *Store) LatestExecutions(ctx context.Context, scopes, paths []string) ([]*Execution, error) {
	params := sqlc.LatestExecutionsParams{Keys: distinct(paths), Scopes: scopes}
	rows, err := s.queries.LatestExecutions(ctx, params)
	if err == nil && (len(rows) == 0 || rows[0].Pending) {
		if err = s.settleAll(ctx); err == nil {
			rows, err = s.queries.LatestExecutions(ctx, params)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the latest executions of paths: %w", err)
	}
	executions := convert(rows, func(row sqlc.LatestExecutionsRow) Execution { return row.Execution })
	return inOrder(paths, executions, func(e *Execution) string { return e.Path }), nil
}

// listsOf returns the rows of each key, in the order of keys.
func listsOf[T any](keys []string, rows []T, keyOf func(*T) string) [][]*T {
	byKey := make(map[string][]*T, len(keys))
	for i := range rows {
		key := keyOf(&rows[i])
		byKey[key] = append(byKey[key], &rows[i])
	}
	return convert(keys, func(key string) []*T { return byKey[key] })
}

// inOrder returns the row of each key, in the order of keys; nil for a key without
// a row.
func inOrder[T any](keys []string, rows []T, keyOf func(*T) string) []*T {
	return convert(listsOf(keys, rows, keyOf), func(list []*T) *T {
		if len(list) == 0 {
			return nil
		}
		return list[0]
	})
}

// CountExecutionsOfPaths counts, for each path, the executions that pass the filter.
func (s *Store) CountExecutionsOfPaths(ctx context.Context, scopes, paths []string, filter ExecutionFilter) ([]int, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	within := filter.narrow(WholeRange())
	rows, err := s.queries.CountExecutionsOfPaths(ctx, sqlc.CountExecutionsOfPathsParams{
		Parents: paths, LowTime: within.LowTime, HighTime: within.HighTime, Statuses: filter.Statuses,
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		HasErrors: filter.HasErrors, MinDurationMs: filter.MinDurationMs, WordPatterns: wordPatterns(filter.Text), Scopes: scopes,
	})
	if err != nil {
		return nil, fmt.Errorf("count executions of paths: %w", err)
	}
	return ints(rows), nil
}

// ExecutionsOfParents lists, for each execution, up to limit of those that it
// started, newest first, in the order of parents.
func (s *Store) ExecutionsOfParents(ctx context.Context, scopes, parents []string, span Range, limit int) ([][]*Execution, error) {
	params := executionParams(scopes, ExecutionFilter{}, span, NewestFirst, limit)
	params.Keys = distinct(parents)
	params.Total = params.PageSize * int32(len(params.Keys)) //nolint:gosec // pages and batches are bounded
	rows, err := s.queries.ExecutionsOfParents(ctx, sqlc.ExecutionsOfParentsParams(params))
	if err != nil {
		return nil, fmt.Errorf("list child executions: %w", err)
	}
	return listsOf(parents, rows, func(e *Execution) string { return *e.Parent }), nil
}

// CountOfParents counts, for each execution, those that it started.
func (s *Store) CountOfParents(ctx context.Context, scopes, parents []string) ([]int, error) {
	rows, err := s.queries.CountExecutionsOfParents(ctx, sqlc.CountExecutionsOfParentsParams{Parents: parents, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("count child executions: %w", err)
	}
	return ints(rows), nil
}
