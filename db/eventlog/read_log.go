package eventlog

import (
	"context"
	"fmt"
	"strings"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Head is the end of the log.
type Head struct {
	Stream   string
	Position int64
	// Floor is the last position of which events may have been dropped.
	Floor int64
}

// Head reads the end of the log.
func (s *Store) Head(ctx context.Context) (Head, error) {
	row, err := s.queries.LogHead(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("read the log's head: %w", err)
	}
	return Head(row), nil
}

// maxKey is the longest execution id or step of an event, in bytes, as the
// database's text_limit has it.
const maxKey = 255

const (
	// logPage is how many rows of the log a page looks at, at most.
	logPage = 500
	// logWindow is how many positions a page may skip by their type or path.
	logWindow = 200_000
	// logBytes bounds the payloads and metas of a page, in bytes as they are
	// sent, but for its first event.
	logBytes = 4 << 20
)

// pageLimit is how many rows the next page looks at. Rows that a page finds too
// many bytes in are read again for the next, so that large events need small
// pages. The zero value is the largest.
type pageLimit int32

func (l pageLimit) rows() int32 {
	if l == 0 {
		return logPage
	}
	return int32(l)
}

// read notes a page of so many entries: whether it ended for its bytes.
func (l *pageLimit) read(entries int, over bool) {
	if over {
		*l = pageLimit(min(max(2*entries, 2), logPage)) //nolint:gosec // within logPage
	} else {
		*l = pageLimit(min(2*l.rows(), logPage))
	}
}

// ReadLog reads, in the log's order, events after a position and up to
// another that pass the filter: one page of them, and how far it has looked.
// That is past `after` always, and upTo where nothing is left.
func (s *Store) ReadLog(ctx context.Context, scopes []string, filter Filter, after, upTo int64) (entries []*Entry, looked int64, err error) {
	return s.readPage(ctx, scopes, filter, after, upTo, new(pageLimit))
}

func (s *Store) readPage(ctx context.Context, scopes []string, filter Filter, after, upTo int64, limit *pageLimit) (entries []*Entry, looked int64, err error) {
	rows, end, err := s.readLog(ctx, scopes, filter, after, upTo, limit.rows())
	if err != nil {
		return nil, 0, fmt.Errorf("read the log: %w", err)
	}
	looked = end
	if len(rows) == int(limit.rows()) {
		looked = rows[len(rows)-1].Position
	}
	over := false
	defer func() { limit.read(len(entries), over) }()
	for _, row := range rows {
		if row.Over {
			over = true
			return entries, row.Position - 1, nil
		}
		if row.Passes {
			entries = append(entries, entryOf(row))
		}
	}
	return entries, looked, nil
}

// tailLog reads the log as it is: an entry for each position after `after`,
// up to upTo or the end of the page, dropped events included.
func (s *Store) tailLog(ctx context.Context, after, upTo int64, limit *pageLimit) ([]*Entry, error) {
	rows, err := s.queries.LogWalk(ctx, logParams([]string{""}, Filter{}, after, upTo, limit.rows()))
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	entries := make([]*Entry, 0, len(rows))
	over := false
	defer func() { limit.read(len(entries), over) }()
	for _, row := range rows {
		if row.Over {
			over = true
			break
		}
		entry := &Entry{Position: row.Position}
		if row.Passes {
			entry = entryOf(row)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func entryOf(row sqlc.LogWalkRow) *Entry {
	entry := &Entry{
		Position: row.Position, ResourceType: row.ResourceType, Phase: row.Phase, Template: row.Template,
		Event: &Event{
			ID: row.EventID, Type: row.EventType, Path: row.ResourcePath, Version: row.ResourceVersion,
			Payload: row.Payload, Meta: row.Meta, Timestamp: row.Timestamp,
			Columns: Columns{Payload: true, Meta: true},
		},
	}
	entry.size = entry.Size()
	return entry
}

// readLog reads a page along the index that serves the filter, and returns the
// position that the page reaches if it is not full.
func (s *Store) readLog(ctx context.Context, scopes []string, filter Filter, after, upTo int64, limit int32) ([]sqlc.LogWalkRow, int64, error) {
	params := logParams(scopes, filter, after, upTo, limit)
	// The log holds no execution ids that are longer.
	if filter.ExecutionID != nil && len(*filter.ExecutionID) <= maxKey {
		rows, err := s.planned.LogOfExecution(ctx, sqlc.LogOfExecutionParams(params))
		return convert(rows, func(row sqlc.LogOfExecutionRow) sqlc.LogWalkRow { return sqlc.LogWalkRow(row) }), upTo, err
	}
	paths, err := s.fewPathsOf(ctx, scopes, filter)
	if err != nil {
		return nil, 0, err
	}
	if paths != nil {
		params.Keys = paths
		rows, err := s.planned.LogOfPaths(ctx, sqlc.LogOfPathsParams(params))
		return convert(rows, func(row sqlc.LogOfPathsRow) sqlc.LogWalkRow { return sqlc.LogWalkRow(row) }), upTo, err
	}
	params.UpTo = min(upTo, after+logWindow)
	rows, err := s.planned.LogWalk(ctx, params)
	return rows, params.UpTo, err
}

func logParams(scopes []string, filter Filter, after, upTo int64, limit int32) sqlc.LogWalkParams {
	within := filter.within(WholeRange())
	return sqlc.LogWalkParams{
		After: after, UpTo: upTo, PageSize: limit, MaxBytes: logBytes,
		LowTime: within.LowTime, HighTime: within.HighTime,
		Types: filter.Types, Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: lowered(filter.Statuses),
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains,
		Scopes: scopes, ResourceTypes: filter.ResourceTypes,
	}
}

// fewPathsOf are the paths that a filter narrows the log to, where they are
// few enough to be read one by one; else nil. It is asked after upTo is known:
// a path with an event up to there is registered by then.
func (s *Store) fewPathsOf(ctx context.Context, scopes []string, filter Filter) ([]string, error) {
	if filter.Path != nil {
		if filter.PathPrefix != nil && !strings.HasPrefix(*filter.Path, *filter.PathPrefix) {
			return []string{}, nil
		}
		return []string{*filter.Path}, nil
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
