package model

import (
	"context"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Event is a row of table event.
type Event struct {
	Row      *eventlog.Event
	Siblings *Group[*Event]
	// Shared, of an event that subscriptions deliver, is what all of them have
	// read of it; nil for any other.
	Shared *loader.Loaders
	// Entry is its place in the log, of an event that subscriptions deliver: the
	// type's template and the version's type have been read with it.
	Entry *eventlog.Entry
}

// NewSharedEvent wraps an entry of the log for all the subscriptions that
// deliver it.
func NewSharedEvent(entry *eventlog.Entry) *Event {
	event := NewEvents([]*eventlog.Event{entry.Event})[0]
	event.Shared, event.Entry = loader.New(), entry
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

// NewEvents wraps rows that were read together; a nil row stays nil.
func NewEvents(rows []*eventlog.Event) []*Event {
	group := &Group[*Event]{}
	wrapped := make([]*Event, len(rows))
	for i, row := range rows {
		if row != nil {
			wrapped[i] = &Event{Row: row, Siblings: group}
			group.Members = append(group.Members, wrapped[i])
		}
	}
	return wrapped
}

// IsNode marks an implementation of Node.
func (*Event) IsNode() {}

// ID is the global id.
func (e *Event) ID() string { return EventNodeID(e.Row.ID) }

// EventID is the stored event_id.
func (e *Event) EventID() string { return e.Row.ID }

// Type is its event type.
func (e *Event) Type() *EventType { return &EventType{Name: e.Row.Type, event: e} }

// Path is its resource's.
func (e *Event) Path() string { return e.Row.Path }

// Timestamp is when it happened.
func (e *Event) Timestamp() time.Time { return e.Row.Timestamp }

// EventType is a row of table event_type.
type EventType struct {
	Name string
	// Row is nil where only the name is known yet.
	Row   *eventlog.EventType
	event *Event
}

// Event is the event that the type was reached by; nil where it was listed.
func (t *EventType) Event() *Event { return t.event }

// EventEdge is an event in a page, with its cursor.
type EventEdge struct {
	Cursor string
	Node   *Event
}

// EventConnection is a page of events.
type EventConnection struct {
	*pagination.Page[*Event]
	Count func(context.Context) (int, error)
	// Tail is the cursor of the snapshot that the page was read from.
	Tail func(context.Context) (string, error)
}

// TailCursor is the log's end as the page's query saw it.
func (c *EventConnection) TailCursor(ctx context.Context) (string, error) { return c.Tail(ctx) }

// Edges are the page's events with their cursors.
func (c *EventConnection) Edges() []*EventEdge {
	edges := make([]*EventEdge, len(c.Items))
	for i, item := range c.Items {
		edges[i] = &EventEdge{Cursor: c.Cursor(item), Node: item}
	}
	return edges
}

// Nodes are the page's events.
func (c *EventConnection) Nodes() []*Event { return c.Items }

// PageInfo describes the page.
func (c *EventConnection) PageInfo() *PageInfo { return pageInfo(c.Page) }

// TotalCount counts the whole list.
func (c *EventConnection) TotalCount(ctx context.Context) (int, error) { return c.Count(ctx) }
