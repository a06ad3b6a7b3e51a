package graph

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
	"github.com/noetl/noetl-catalog/graph/plan"
)

// eventColumns returns the large columns that the current field selects. message does
// not count: few templates use them.
func eventColumns(ctx context.Context) eventlog.Columns {
	return eventlog.Columns{Payload: selects(ctx, "payload"), Meta: selects(ctx, metaFields...)}
}

// metaFields are the fields of an event that are read from its meta.
var metaFields = []string{"meta", "executionId", "step", "status", "execution"}

// messageName names messages by event.
type messageName struct{}

func eventPath(e *model.Event) (string, bool) { return e.Row.Path, true }
func eventID(e *model.Event) (string, bool)   { return e.Row.ID, true }
func eventVersion(e *model.Event) (catalog.LabelKey, bool) {
	return catalog.LabelKey{Path: e.Row.Path, Label: e.Row.Version}, true
}
func eventPlace(e *model.Event) pagination.Place { return pagination.At(e.Row.Timestamp, e.Row.ID) }

// wholeEvents returns the events with these large columns.
func (r *Resolver) wholeEvents(ctx context.Context, events []*model.Event, columns eventlog.Columns) ([]*eventlog.Event, error) {
	rows, lacking := rowsOf(events, eventRow, (*eventlog.Event).Has, columns)
	if !lacking {
		return rows, nil
	}
	all := eventlog.Columns{Payload: true, Meta: true}
	return complete(ctx, r.readsOf(ctx, events), eventName{"event", all}, events, rows, eventRow, (*eventlog.Event).Has, columns, eventID, r.eventsByID(all))
}

func eventRow(e *model.Event) *eventlog.Event { return e.Row }

// eventValues returns the values of a large column of events, or of a part of one.
func eventValues[V any](ctx context.Context, r *Resolver, events []*model.Event, columns eventlog.Columns, value func(*eventlog.Event) V) ([]V, error) {
	rows, err := r.wholeEvents(ctx, events, columns)
	return valuesOf(rows, err, value)
}

// metaTexts returns the value of a key of events' meta as text, as ->> does.
func (r *Resolver) metaTexts(ctx context.Context, events []*model.Event, key string) ([]*string, error) {
	return eventValues(ctx, r, events, eventlog.Columns{Meta: true}, func(e *eventlog.Event) *string { return textIn(e.Meta, key) })
}

// textIn returns the value of a key of a JSON object, as PostgreSQL writes it, as
// text; nil if there is none.
func textIn(object []byte, key string) *string {
	var members map[string]json.RawMessage
	if object == nil || json.Unmarshal(object, &members) != nil {
		return nil // an array or a scalar has no keys
	}
	raw := members[key]
	if raw == nil || bytes.Equal(raw, []byte("null")) {
		return nil
	}
	text := string(raw)
	if raw[0] == '"' {
		_ = json.Unmarshal(raw, &text) // it is well formed
	}
	return &text
}

// eventFilter checks a filter. empty says that a list of alternatives is empty, so
// that nothing passes.
func (r *Resolver) eventFilter(filter *model.EventFilter) (checked eventlog.Filter, empty bool, err error) {
	if filter == nil {
		return eventlog.Filter{}, false, nil
	}
	checked = eventlog.Filter{
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: filter.Statuses,
		Types: filter.Types, ExcludeTypes: filter.ExcludeTypes, ResourceTypes: filter.ResourceTypes,
		Path: filter.Path, Paths: filter.Paths, PathPrefix: filter.PathPrefix, Version: filter.Version,
		Since: filter.Since, Until: filter.Until,
		PayloadContains: filter.Payload, MetaContains: filter.Meta, Text: filter.Text,
	}
	empty = isEmpty(filter.Statuses) || isEmpty(filter.Types) || isEmpty(filter.ResourceTypes) || isEmpty(filter.Paths)
	return checked, empty, firstFault(
		checkWord("filter.executionId", filter.ExecutionID), checkWord("filter.step", filter.Step),
		checkWords("filter.statuses", filter.Statuses), checkWords("filter.types", filter.Types),
		checkWords("filter.excludeTypes", filter.ExcludeTypes), checkWords("filter.resourceTypes", filter.ResourceTypes),
		checkWord("filter.path", filter.Path), checkWords("filter.paths", filter.Paths), checkWord("filter.pathPrefix", filter.PathPrefix),
		checkWord("filter.version", filter.Version), checkWord("filter.text", filter.Text),
		r.checkFilterJSON("filter.payload", filter.Payload), r.checkFilterJSON("filter.meta", filter.Meta),
	)
}

// rootFilter is eventFilter for the events of all resources, where a search for words
// has to be narrowed.
func (r *Resolver) rootFilter(filter *model.EventFilter) (checked eventlog.Filter, empty bool, err error) {
	if checked, empty, err = r.eventFilter(filter); err == nil {
		err = checked.CheckText("filter.text")
	}
	return checked, empty, err
}

// eventRange converts a span to a range of events.
func eventRange(span pagination.Span) eventlog.Range {
	within := eventlog.WholeRange()
	if span.Low != nil {
		within.LowTime, within.LowID = span.Low.Time(), span.Low.Key
	}
	if span.High != nil {
		within.HighTime, within.HighID = span.High.Time(), span.High.Key
	}
	return within
}

// eventLists reads a page of each of n lists of events, which are empty if the filter
// passes nothing. If the current field selects tailCursor, the end of the log is read
// in the same snapshot.
func (r *Resolver) eventLists(
	ctx context.Context, page pagination.Args, newestFirst, empty bool, n int,
	read func(ctx context.Context, store *eventlog.Store, purpose pagination.Purpose, within eventlog.Range, direction eventlog.Direction, limit int) ([][]*eventlog.Event, error),
	count func(context.Context) ([]int, error),
) ([]model.EventConnection, error) {
	x, snapshot := r.reads(ctx), selectsEver(ctx, "tailCursor")
	var tail eventlog.End
	pages, err := (&pagination.Lists[*model.Event]{
		Args: page, Descending: newestFirst, More: selectsEver(ctx, "pageInfo"), Place: eventPlace, Count: count, Empty: empty, N: n,
		Read: func(ctx context.Context, purpose pagination.Purpose, span pagination.Span, descending bool, limit int) (lists [][]*model.Event, err error) {
			from := func(store *eventlog.Store) error {
				rows, err := read(ctx, store, purpose, eventRange(span), eventlog.Direction(descending), limit)
				lists = wrapLists(rows, x.models.Events)
				return err
			}
			if !snapshot || purpose != pagination.Items {
				return lists, from(x.events)
			}
			tail, err = x.events.Snapshot(ctx, from)
			return lists, err
		},
	}).Pages(ctx)
	connections := make([]model.EventConnection, len(pages))
	for i := range pages {
		connections[i] = model.EventConnection{Page: pages[i], Tail: func(ctx context.Context) (string, error) {
			var cursor stream.Cursor
			var err error
			switch {
			case empty:
				cursor, err = stream.TailCursor(ctx, r.events)
			case snapshot:
				cursor, err = stream.CursorOf(ctx, r.events, tail)
			default:
				err = errors.New("tailCursor was not seen to be selected")
			}
			return cursor.String(), err
		}}
	}
	return connections, err
}

// eventArgs are the arguments of a list of events below another object.
type eventArgs struct {
	first, last   *int
	after, before *string
	filter        *model.EventFilter
	oldestFirst   bool
}

// eventsBelow reads a page of the events of each parent, in one statement.
func eventsBelow[P any, K comparable](
	ctx context.Context, r *Resolver, args eventArgs, parents []*P, keyOf func(*P) (K, bool),
	of func([]K) eventlog.Keys,
) ([]*model.EventConnection, error) {
	page, err := pagination.Parse(args.first, args.after, args.last, args.before, "event")
	if err != nil {
		return nil, err
	}
	filter, empty, err := r.eventFilter(args.filter)
	if err != nil {
		return nil, err
	}
	keys, indexes := distinct(parents, keyOf)
	x, columns, field := r.reads(ctx), eventColumns(ctx), plan.FieldOf(ctx)
	return pagesOf[model.EventConnection](indexes)(r.eventLists(ctx, page, !args.oldestFirst, empty, len(keys),
		func(ctx context.Context, store *eventlog.Store, _ pagination.Purpose, within eventlog.Range, direction eventlog.Direction, limit int) ([][]*eventlog.Event, error) {
			if lists, ok := x.ahead.eventsOf(field, len(keys)); ok { // of first pages only
				return lists, nil
			}
			return store.ListOf(ctx, x.scopes, of(keys), filter, eventlog.Page{Range: within, Direction: direction, Limit: limit, Columns: columns})
		},
		func(ctx context.Context) ([]int, error) { return x.events.CountOf(ctx, x.scopes, of(keys), filter) }))
}
