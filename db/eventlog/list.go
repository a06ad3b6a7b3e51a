package eventlog

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Event is one event. Payload and Meta are set only if Columns includes them, and
// nil if the event has none.
type Event struct {
	ID        string
	Type      string
	Path      string
	Version   string
	Payload   []byte
	Meta      []byte
	Timestamp time.Time
	// ResourceType is set only if Columns includes it.
	ResourceType string
	Columns      Columns
}

// Columns says which of the large columns to read, and whether the type of the
// resource has been read, which is not the event's own.
type Columns struct{ Payload, Meta, ResourceType bool }

// Has reports whether the event has these large columns.
func (e *Event) Has(columns Columns) bool {
	return (e.Columns.Payload || !columns.Payload) && (e.Columns.Meta || !columns.Meta)
}

// Direction is the order of a list of events, by timestamp and then id.
type Direction bool

// The two directions.
const (
	OldestFirst Direction = false
	NewestFirst Direction = true
)

// Page is a part of a list of events: up to Limit events of a range.
type Page struct {
	Range
	Direction Direction
	Limit     int
	Columns   Columns
}

// fewPaths is how many paths a prefix may have to be read path by path and merged.
// With more, matches are frequent, and the timeline is walked.
const fewPaths = 200

// List lists a page of the events that pass the filter. It reads along the
// index that serves the filter's most selective field.
func (s *Store) List(ctx context.Context, scopes []string, filter Filter, page Page) ([]*Event, error) {
	access, err := s.accessFor(ctx, scopes, &filter)
	if err != nil {
		return nil, err
	}
	list := make([]*Event, 0, min(page.Limit, 128))
	err = s.read(ctx, listing{access, scopes, filter, page}, func(_ int, event *Event) {
		list = append(list, event)
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return list, nil
}

// NewestWithResourceTypes lists the newest events, each with the type of its
// resource.
func (s *Store) NewestWithResourceTypes(ctx context.Context, scopes []string, limit int, columns Columns) ([]*Event, error) {
	columns.ResourceType = true
	list := make([]*Event, 0, min(limit, 128))
	err := s.readEvents(rows.GenericPlan, columns, func(queries *sqlc.Queries) error {
		_, err := queries.NewestEventsWithResourceTypes(ctx, sqlc.NewestEventsWithResourceTypesParams{
			WithPayload: columns.Payload, WithMeta: columns.Meta, Scopes: scopes, PageSize: int32(limit),
		})
		return err
	}, func(_ int, event *Event) { list = append(list, event) })
	if err != nil {
		return nil, fmt.Errorf("list events and the types of their resources: %w", err)
	}
	return list, nil
}

// Count counts the events that pass the filter.
func (s *Store) Count(ctx context.Context, scopes []string, filter Filter) (int, error) {
	access, err := s.accessFor(ctx, scopes, &filter)
	if err != nil {
		return 0, err
	}
	counts, err := s.count(ctx, access, scopes, filter)
	if err != nil {
		return 0, fmt.Errorf("count events: %w", err)
	}
	total := 0
	for _, count := range counts {
		total += int(count)
	}
	return total, nil
}

// ListOf lists a page of the events of each key, in the order of keys.
func (s *Store) ListOf(ctx context.Context, scopes []string, keys Keys, filter Filter, page Page) ([][]*Event, error) {
	var events []*Event
	var parents []int
	err := s.read(ctx, listing{keys, scopes, filter, page}, func(parent int, event *Event) {
		events, parents = append(events, event), append(parents, parent)
	})
	if err != nil {
		return nil, fmt.Errorf("list events: %w", err)
	}
	return rows.Cut(events, parents, len(keys.keys)), nil
}

// CountOf counts, for each key, its events that pass the filter.
func (s *Store) CountOf(ctx context.Context, scopes []string, keys Keys, filter Filter) ([]int, error) {
	counts, err := s.count(ctx, keys, scopes, filter)
	if err != nil {
		return nil, fmt.Errorf("count events: %w", err)
	}
	return ints(counts), nil
}

// ByID are the events of these ids, in their order, nil for one that does not
// exist or is out of scope.
func (s *Store) ByID(ctx context.Context, scopes, ids []string, columns Columns) ([]*Event, error) {
	rows, err := s.queries.EventsByID(ctx, sqlc.EventsByIDParams{
		WithPayload: columns.Payload, WithMeta: columns.Meta, EventIds: ids, Scopes: scopes,
	})
	if err != nil {
		return nil, fmt.Errorf("read events by id: %w", err)
	}
	events := convert(rows, func(row sqlc.EventsByIDRow) Event {
		return Event{
			ID: row.EventID, Type: row.EventType, Path: row.ResourcePath, Version: row.ResourceVersion,
			Payload: row.Payload, Meta: row.Meta, Timestamp: row.Timestamp, Columns: columns,
		}
	})
	return inOrder(ids, events, func(e *Event) string { return e.ID }), nil
}

// accessKind is the index that a list reads along.
type accessKind int

const (
	// byTime walks the timeline, or, with a custom plan, the GIN indexes of
	// payload and meta.
	byTime accessKind = iota
	byPath
	// byPaths and byType merge the events of all keys into one list.
	byPaths
	byType
	byVersion
	byExecution
)

// Keys are an index of events, and what to look up in it.
type Keys struct {
	kind   accessKind
	keys   []string
	labels []string // with byVersion, beside keys
}

// OfPaths are the keys of paths.
func OfPaths(paths []string) Keys { return Keys{kind: byPath, keys: paths} }

// OfExecutions are the keys of executions, by their ids.
func OfExecutions(ids []string) Keys { return Keys{kind: byExecution, keys: ids} }

// OfVersions are the keys of versions.
func OfVersions(versions []catalog.LabelKey) Keys {
	of := Keys{kind: byVersion, keys: make([]string, len(versions)), labels: make([]string, len(versions))}
	for i, version := range versions {
		of.keys[i], of.labels[i] = version.Path, version.Label
	}
	return of
}

// accessFor chooses the index for a filter: the fewest events first. It takes
// out of the filter what the keys say.
func (s *Store) accessFor(ctx context.Context, scopes []string, filter *Filter) (Keys, error) {
	all := *filter
	switch {
	case all.ExecutionID != nil:
		filter.ExecutionID = nil
		return OfExecutions([]string{*all.ExecutionID}), nil
	case all.Path != nil && all.Version != nil:
		filter.Path, filter.Version = nil, nil
		return OfVersions([]catalog.LabelKey{{Path: *all.Path, Label: *all.Version}}), nil
	case all.Path != nil:
		filter.Path = nil
		return OfPaths([]string{*all.Path}), nil
	case all.contains() && all.Paths == nil:
		return Keys{kind: byTime}, nil
	}
	paths, err := s.fewPathsOf(ctx, scopes, all)
	if err != nil {
		return Keys{}, err
	}
	if paths != nil {
		filter.Paths, filter.PathPrefix = nil, nil
		return Keys{kind: byPaths, keys: paths}, nil
	}
	if len(all.Types) > 0 {
		filter.Types = nil
		return Keys{kind: byType, keys: distinct(all.Types)}, nil
	}
	return Keys{kind: byTime}, nil
}

func distinct(words []string) []string {
	return slices.Compact(append([]string{}, slices.Sorted(slices.Values(words))...)) // not nil
}

func ints(numbers []int64) []int {
	return convert(numbers, func(number int64) int { return int(number) })
}

func convert[From, To any](rows []From, one func(From) To) []To {
	converted := make([]To, len(rows))
	for i, row := range rows {
		converted[i] = one(row)
	}
	return converted
}
