package graph

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// eventColumns are the large columns that the running field's selection asks
// for. message is not among them: few templates look into them.
func eventColumns(ctx context.Context) eventlog.Columns {
	names := selected(ctx)
	return eventlog.Columns{
		Payload: names["payload"],
		Meta:    names["meta"] || names["executionId"] || names["step"] || names["status"] || names["execution"],
	}
}

func eventPath(e *model.Event) string { return e.Row.Path }
func eventID(e *model.Event) string   { return e.Row.ID }
func eventType(e *model.Event) string { return e.Row.Type }
func eventVersion(e *model.Event) catalog.LabelKey {
	return catalog.LabelKey{Path: e.Row.Path, Label: e.Row.Version}
}
func eventPlace(e *model.Event) pagination.Place { return pagination.At(e.Row.Timestamp, e.Row.ID) }

// eventsByID reads events as a loader's batch.
func (r *Resolver) eventsByID(columns eventlog.Columns) loader.Batch[string, *model.Event] {
	return func(ctx context.Context, ids []string) ([]*model.Event, error) {
		rows, err := r.events.ByID(ctx, auth.Scopes(ctx), ids, columns)
		return model.NewEvents(rows), err
	}
}

// wholeEvent is the event with its large columns, which a list may have left out.
func (r *Resolver) wholeEvent(ctx context.Context, e *model.Event, has bool) (*eventlog.Event, error) {
	if has {
		return e.Row, nil
	}
	full, err := loader.Load(ctx, loadersOf(ctx, e), loader.Field{Name: "Event columns", Group: e.Siblings},
		keysOf(e.Siblings, eventID), e.Row.ID, r.eventsByID(eventlog.Columns{Payload: true, Meta: true}))
	if err != nil {
		return nil, err
	}
	if full == nil {
		return nil, fmt.Errorf("event %q is gone", e.Row.ID)
	}
	return full.Row, nil
}

// metaText is a key of an event's meta as text, as ->> gives it.
func (r *Resolver) metaText(ctx context.Context, e *model.Event, key string) (*string, error) {
	full, err := r.wholeEvent(ctx, e, e.Row.Columns.Meta)
	if err != nil {
		return nil, err
	}
	return textIn(full.Meta, key)
}

// textIn is a key of a JSON object as text; nil where there is none.
func textIn(object []byte, key string) (*string, error) {
	var members map[string]json.RawMessage
	if object == nil || json.Unmarshal(object, &members) != nil {
		return nil, nil // an array or a scalar has no keys
	}
	raw := members[key]
	switch {
	case raw == nil || bytes.Equal(raw, []byte("null")):
		return nil, nil
	case raw[0] == '"':
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, fmt.Errorf("read %s: %w", key, err)
		}
		return &text, nil
	}
	text := string(raw)
	return &text, nil
}

// eventTypeOf is the row of an event's type.
func (r *Resolver) eventTypeOf(ctx context.Context, e *model.Event) (*eventlog.EventType, error) {
	return loader.Load(ctx, loadersOf(ctx, e), loader.Field{Name: "Event.type", Group: e.Siblings},
		keysOf(e.Siblings, eventType), e.Row.Type, shareable(r, e, r.events.EventTypesByName))
}

// messageOf is an event's message, rendered once for all subscriptions.
func (r *Resolver) messageOf(ctx context.Context, e *model.Event) (string, error) {
	if e.Shared == nil {
		return r.renderMessage(ctx, e)
	}
	return loader.Load(ctx, e.Shared, loader.Field{Name: "Event.message", Group: e.Siblings}, keysOf(e.Siblings, eventID), e.Row.ID,
		func(ctx context.Context, _ []string) ([]string, error) {
			text, err := r.renderMessage(context.WithoutCancel(ctx), e)
			r.shared.Grow(e.Entry, len(text))
			return []string{text}, err
		})
}

// renderMessage renders an event's template. Reading an event never fails for its
// message: without a template, or with one that fails, it is '<type> <path>'.
func (r *Resolver) renderMessage(ctx context.Context, e *model.Event) (string, error) {
	plain := e.Row.Type + " " + e.Row.Path
	source, err := r.templateOf(ctx, e)
	if err != nil {
		return "", err
	}
	if source == nil {
		return plain, nil
	}
	template, err := r.templates.Parse(*source)
	if err != nil {
		r.logFailure(ctx, e, *source, err)
		return plain, nil
	}
	text, err := r.render(ctx, template, e)
	if err != nil && ctx.Err() == nil {
		r.logFailure(ctx, e, *source, err)
		return plain, nil
	}
	return text, err
}

// templateOf is the template of an event's type; nil for none.
func (r *Resolver) templateOf(ctx context.Context, e *model.Event) (*string, error) {
	if e.Entry != nil {
		return e.Entry.Template, nil
	}
	kind, err := r.eventTypeOf(ctx, e)
	if err != nil || kind == nil {
		return nil, err
	}
	return kind.Template, nil
}

// render renders a template over an event, reading only what it refers to.
func (r *Resolver) render(ctx context.Context, template *message.Template, e *model.Event) (string, error) {
	values := message.Values{
		EventID: e.Row.ID, EventType: e.Row.Type,
		ResourcePath: e.Row.Path, ResourceVersion: e.Row.Version, Timestamp: e.Row.Timestamp,
	}
	if template.Uses("payload") || template.Uses("meta") {
		full, err := r.wholeEvent(ctx, e, e.Row.Columns == eventlog.Columns{Payload: true, Meta: true})
		if err != nil {
			return "", err
		}
		values.Payload, values.Meta = full.Payload, full.Meta
	}
	if e.Entry != nil {
		values.ResourceType = e.Entry.ResourceType
	} else if template.Uses("resource_type") {
		version, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Event.version type", Group: e.Siblings},
			keysOf(e.Siblings, eventVersion), eventVersion(e), r.versionsByLabel(catalog.Columns{}))
		if err != nil {
			return "", err
		}
		if version != nil {
			values.ResourceType = version.Row.Type
		}
	}
	return template.Render(values)
}

// logFailure logs a template's failure the first time.
func (r *Resolver) logFailure(ctx context.Context, e *model.Event, template string, err error) {
	if !r.failedBefore(template) {
		r.logger.WarnContext(ctx, "an event type's template fails; its events read '<type> <path>'",
			"event_type", e.Row.Type, "error", err)
	}
}

// failedBefore notes that a template has failed, and reports whether it has been
// noted before.
func (r *Resolver) failedBefore(template string) bool {
	hash := sha256.Sum256([]byte(template))
	_, before := r.failed.Get(hash)
	if !before {
		r.failed.Add(hash, struct{}{}, len(hash))
	}
	return before
}

// eventFilter checks a filter. empty: it holds an empty list of alternatives,
// and nothing passes.
func (r *Resolver) eventFilter(filter *model.EventFilter) (checked eventlog.Filter, empty bool, err error) {
	if filter == nil {
		return eventlog.Filter{}, false, nil
	}
	checked = eventlog.Filter{
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: filter.Statuses,
		Types: filter.Types, ResourceTypes: filter.ResourceTypes,
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
		Since: filter.Since, Until: filter.Until,
		PayloadContains: filter.Payload, MetaContains: filter.Meta,
	}
	empty = isEmpty(filter.Statuses) || isEmpty(filter.Types) || isEmpty(filter.ResourceTypes)
	return checked, empty, firstFault(
		checkWord("filter.executionId", filter.ExecutionID), checkWord("filter.step", filter.Step),
		checkWords("filter.statuses", filter.Statuses), checkWords("filter.types", filter.Types),
		checkWords("filter.resourceTypes", filter.ResourceTypes),
		checkWord("filter.path", filter.Path), checkWord("filter.pathPrefix", filter.PathPrefix),
		checkWord("filter.version", filter.Version),
		r.checkFilterJSON("filter.payload", filter.Payload), r.checkFilterJSON("filter.meta", filter.Meta),
	)
}

// eventRange turns a span into the domain's range.
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

// eventArgs are the arguments of a list of events below another object.
type eventArgs struct {
	first, last   *int
	after, before *string
	filter        *model.EventFilter
	oldestFirst   bool
}

// readEvents reads a list, and, where the running field's selection asks for
// tailCursor, the log's end in the same snapshot.
func (r *Resolver) readEvents(ctx context.Context, read func(*eventlog.Store) error) (*eventlog.Tail, error) {
	if !selected(ctx)["tailCursor"] {
		return nil, read(r.events)
	}
	tail, err := r.events.Snapshot(ctx, read)
	return &tail, err
}

// cursorOf is a connection's tailCursor.
func (r *Resolver) cursorOf(tail *eventlog.Tail) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		if tail == nil {
			return "", errors.New("tailCursor was not seen to be selected")
		}
		cursor, err := r.events.CursorOf(ctx, *tail)
		return cursor.String(), err
	}
}

// eventsBelow reads the events of siblings: one statement for all of them.
func eventsBelow[P any, K comparable](
	ctx context.Context, r *Resolver, name string, args eventArgs,
	group *model.Group[P], keyOf func(P) K, key K,
	list func(store *eventlog.Store, ctx context.Context, scopes []string, keys []K, filter eventlog.Filter, within eventlog.Range, direction eventlog.Direction, limit int, columns eventlog.Columns) ([][]*eventlog.Event, error),
	count func(store *eventlog.Store, ctx context.Context, scopes []string, keys []K, filter eventlog.Filter) ([]int, error),
) (*model.EventConnection, error) {
	page, err := pagination.Parse(args.first, args.after, args.last, args.before, "event")
	if err != nil {
		return nil, err
	}
	filter, empty, err := r.eventFilter(args.filter)
	if err != nil {
		return nil, err
	}
	if empty {
		return r.noEvents(ctx, page)
	}
	columns, position := eventColumns(ctx), place(ctx)
	var tail *eventlog.Tail
	fetch := listsOf(name, position, group, keyOf, key, model.NewEvents, &tail,
		func(ctx context.Context, keys []K, span pagination.Span, descending bool, limit int) (lists [][]*eventlog.Event, tail *eventlog.Tail, err error) {
			tail, err = r.readEvents(ctx, func(store *eventlog.Store) error {
				lists, err = list(store, ctx, auth.Scopes(ctx), keys, filter, eventRange(span), eventlog.Direction(descending), limit, columns)
				return err
			})
			return lists, tail, err
		})
	read, err := pagination.Read(ctx, page, !args.oldestFirst, fetch, eventPlace)
	if err != nil {
		return nil, err
	}
	return &model.EventConnection{Page: read, Tail: r.cursorOf(tail), Count: func(ctx context.Context) (int, error) {
		field := loader.Field{Name: name + " " + string(pagination.Count), Group: group, Arguments: position}
		return loader.Load(ctx, loader.From(ctx), field, keysOf(group, keyOf), key,
			func(ctx context.Context, keys []K) ([]int, error) {
				return count(r.events, ctx, auth.Scopes(ctx), keys, filter)
			})
	}}, nil
}

// noEvents is a page of a list that nothing passes into.
func (r *Resolver) noEvents(ctx context.Context, args pagination.Args) (*model.EventConnection, error) {
	page, err := pagination.Read(ctx, args, true, nothing[*model.Event], eventPlace)
	tail := func(ctx context.Context) (string, error) {
		cursor, err := r.events.TailCursor(ctx)
		return cursor.String(), err
	}
	return &model.EventConnection{Page: page, Tail: tail, Count: func(context.Context) (int, error) { return 0, nil }}, err
}

func nothing[T any](context.Context, pagination.Purpose, pagination.Span, bool, int) ([]T, bool, error) {
	return nil, false, nil
}
