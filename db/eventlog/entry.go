package eventlog

import "sync"

// Entry is an event at its place in the log. It is read once and shared by
// all subscriptions; nothing of it changes.
type Entry struct {
	Position int64
	// Event is nil where the event has been dropped with its month.
	Event *Event
	// ResourceType is the type of the event's version.
	ResourceType string
	// Phase says what the event does to its execution: STARTED, COMPLETED,
	// FAILED, CANCELLED or nothing.
	Phase string
	// Template is that of the event's type, for its message; nil where it has none.
	Template *string

	// cursor is the text of the cursor at this position; empty for an entry that
	// was not read by the tail.
	cursor string

	once   sync.Once
	parsed parsedEntry
}

// ends tells whether the event ends its execution.
func (e *Entry) ends() bool { return e.Phase != "" && e.Phase != "STARTED" }

// size is about how much memory the entry may hold, in bytes. JSON that a
// filter has looked into stays as a tree of some four times its length.
func (e *Entry) size() int {
	const fixed = 512
	if e.Event == nil {
		return fixed
	}
	return fixed + 5*(len(e.Event.Payload)+len(e.Event.Meta)) + len(e.Event.Path)
}

// executionID is meta.execution_id as text; nil where there is none.
func (e *Entry) executionID() *string {
	e.once.Do(func() { e.parsed.readMeta(e.Event.Meta) })
	return e.parsed.execution
}
