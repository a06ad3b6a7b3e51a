package eventlog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/sqlc"
)

// maxKey is the longest execution id or step of an event, in bytes, as the
// database's text_limit has it.
const maxKey = 255

const (
	// logWindow is how many positions a page may skip by their type or path.
	logWindow = 200_000
	// logBytes bounds the payloads and metas of a page, in bytes as they are
	// sent, except for its first event.
	logBytes = 4 << 20
)

// LogRow is a row of the log that a read looked at. Only a row that passes the
// filter is complete; the event of a row that is over is left for the next read.
type LogRow = sqlc.LogWalkRow

// ReadLog reads up to limit rows of the log between two positions, in its order,
// along the index that serves the filter. It returns the position that the rows
// reach if they are fewer than limit: upTo if nothing is left.
func (s *Store) ReadLog(ctx context.Context, scopes []string, filter Filter, after, upTo int64, limit int32) ([]LogRow, int64, error) {
	params := logParams(scopes, filter, after, upTo, limit)
	// The log holds no execution ids that are longer.
	if filter.ExecutionID != nil && len(*filter.ExecutionID) <= maxKey {
		rows, err := s.custom.LogOfExecution(ctx, sqlc.LogOfExecutionParams(params))
		return convert(rows, func(row sqlc.LogOfExecutionRow) LogRow { return LogRow(row) }), upTo, err
	}
	paths, err := s.fewPathsOf(ctx, scopes, filter)
	if err != nil {
		return nil, 0, err
	}
	if paths != nil {
		params.Keys = paths
		rows, err := s.custom.LogOfPaths(ctx, sqlc.LogOfPathsParams(params))
		return convert(rows, func(row sqlc.LogOfPathsRow) LogRow { return LogRow(row) }), upTo, err
	}
	params.UpTo = min(upTo, after+logWindow)
	rows, err := s.custom.LogWalk(ctx, params)
	return rows, params.UpTo, err
}

// WalkLog reads up to limit rows of the log between two positions, without a
// filter. A row without an event is that of an event that has been dropped.
func (s *Store) WalkLog(ctx context.Context, after, upTo int64, limit int32) ([]LogRow, error) {
	return s.queries.LogWalk(ctx, logParams([]string{""}, Filter{}, after, upTo, limit))
}

func logParams(scopes []string, filter Filter, after, upTo int64, limit int32) sqlc.LogWalkParams {
	within := filter.narrow(WholeRange())
	return sqlc.LogWalkParams{
		After: after, UpTo: upTo, PageSize: limit, MaxBytes: logBytes,
		LowTime: within.LowTime, HighTime: within.HighTime,
		Types: filter.Types, ExcludeTypes: filter.ExcludeTypes, Path: filter.Path, Paths: filter.Paths, PathPrefix: filter.PathPrefix, Version: filter.Version,
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: ASCIILowers(filter.Statuses),
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains, WordPatterns: wordPatterns(filter.Text),
		Scopes: scopes, ResourceTypes: filter.ResourceTypes,
	}
}

// fewPathsOf returns the paths that a filter narrows the log to, if they are few
// enough to be read one by one; else nil. Call it after upTo is known: a path with
// an event up to there is registered by then.
func (s *Store) fewPathsOf(ctx context.Context, scopes []string, filter Filter) ([]string, error) {
	if filter.Path != nil || filter.Paths != nil {
		paths := filter.Paths
		if paths == nil {
			paths = []string{*filter.Path}
		}
		return slices.DeleteFunc(distinct(paths), func(path string) bool {
			return filter.Path != nil && path != *filter.Path || filter.PathPrefix != nil && !strings.HasPrefix(path, *filter.PathPrefix)
		}), nil
	}
	if filter.PathPrefix == nil || *filter.PathPrefix == "" {
		return nil, nil
	}
	low, high := catalog.PrefixRange(*filter.PathPrefix)
	paths, err := s.queries.PathsUnderPrefix(ctx, sqlc.PathsUnderPrefixParams{
		PrefixLow: low, PrefixHigh: high, Scopes: scopes, AtMost: fewPaths + 1,
	})
	if err != nil {
		return nil, fmt.Errorf("find the paths of a prefix: %w", err)
	}
	if len(paths) > fewPaths {
		return nil, nil
	}
	return paths, nil
}
