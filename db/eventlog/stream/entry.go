package stream

import (
	"cmp"
	"sync"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/db/words"
)

// Entry is an event at its position in the log. It is read once, shared by all
// subscriptions, and immutable.
type Entry struct {
	Position int64
	// Event is nil if the event has been dropped with its month.
	Event *eventlog.Event
	// ResourceType is the type of the event's version.
	ResourceType string
	// Phase says what the event does to its execution: STARTED, COMPLETED,
	// FAILED, CANCELLED or nothing.
	Phase string
	// Template is that of the event's type, for its message; nil if it has none.
	Template *string

	// cursor is the text of the cursor at this position; empty for an entry that
	// was not read by the tail.
	cursor string
	// size caches Size; 0 for an entry that was not read from the log.
	size int

	// Data that matchers derive from the event's JSON, parsed by the first matcher
	// that needs it. once guards metaKeys, folding guards folded.
	once, folding sync.Once
	metaKeys      metaKeys
	folded        string
	payload, meta parsedColumn
}

// ends reports whether the event ends its execution.
func (e *Entry) ends() bool { return e.Phase != "" && e.Phase != "STARTED" }

// Size estimates the memory that the entry may hold, in bytes.
func (e *Entry) Size() int {
	if e.size > 0 {
		return e.size
	}
	size := 512
	if e.Event != nil {
		size += jsontext.Size(e.Event.Payload) + jsontext.Size(e.Event.Meta) +
			len(e.Event.ID) + len(e.Event.Type) + len(e.Event.Path) + len(e.Event.Version) + len(e.ResourceType)
	}
	if e.Template != nil {
		size += len(*e.Template)
	}
	return size
}

// keys returns the keys of meta that filters use, parsed once.
func (e *Entry) keys() *metaKeys {
	e.once.Do(func() { e.metaKeys.read(e.Event.Meta) })
	return &e.metaKeys
}

// words returns event_words of the event, folded once.
func (e *Entry) words() string {
	e.folding.Do(func() {
		texts, keys := []string{e.Event.Path, e.Event.Type}, e.keys()
		for _, text := range []*string{keys.step, keys.status, cmp.Or(jsontext.Text(e.Event.Payload, "error"), jsontext.Text(e.Event.Meta, "error"))} {
			if text != nil {
				texts = append(texts, *text)
			}
		}
		e.folded = words.Of(texts...)
	})
	return e.folded
}
