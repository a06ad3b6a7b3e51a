package model

import (
	"context"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Event is a row of table event.
type Event struct {
	Row *eventlog.Event
	// Shared holds what all subscriptions that deliver the event have read for it;
	// nil for other events.
	Shared *loader.Loaders
	// Entry is the log entry of a delivered event; it includes the template of the
	// event's type and the type of its version.
	Entry *stream.Entry
	kind  EventType
}

// NewSharedEvent wraps a log entry for all subscriptions that deliver it.
func NewSharedEvent(entry *stream.Entry) *Event {
	event := NewEvents([]*eventlog.Event{entry.Event})[0]
	event.Shared, event.Entry = loader.New(1), entry
	event.kind.event = event
	return event
}

// EventDelivery is an event as a subscription delivers it.
type EventDelivery struct {
	Event          *Event
	Cursor         string
	PreviousCursor *string
	Position       string
	Live           bool
}

// NewEvents wraps rows; a nil row stays nil.
func NewEvents(rows []*eventlog.Event) []*Event {
	return new(Memory).Events(rows)
}

// IsNode marks an implementation of Node.
func (*Event) IsNode() {}

// ID returns the global id.
func (e *Event) ID() string { return EventNodeID(e.Row.ID) }

// EventID returns the stored event_id.
func (e *Event) EventID() string { return e.Row.ID }

// Type returns its event type.
func (e *Event) Type() *EventType { return &e.kind }

// Path returns the path of its resource.
func (e *Event) Path() string { return e.Row.Path }

// Timestamp returns when it happened.
func (e *Event) Timestamp() time.Time { return e.Row.Timestamp }

// EventType is a row of table event_type.
type EventType struct {
	Name string
	// Row is nil if only the name is known.
	Row *eventlog.EventType
	// event is the delivered event whose type it is; else nil.
	event *Event
}

// Delivered returns the delivered event whose type it is; else nil.
func (t *EventType) Delivered() *Event { return t.event }

// EventEdge is an event in a page.
type EventEdge = pagination.Edge[*Event]

// EventConnection is a page of events.
type EventConnection struct {
	pagination.Page[*Event]
	// Tail reads the cursor of the log's end in the snapshot that the page was
	// read from.
	Tail func(context.Context) (string, error)
}

// TailCursor returns the log's end as the page's query saw it.
func (c *EventConnection) TailCursor(ctx context.Context) (string, error) { return c.Tail(ctx) }
