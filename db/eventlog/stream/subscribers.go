package stream

import "github.com/noetl/noetl-catalog/db/eventlog"

// wakeups finds the subscriptions that an event may concern: an event of one path must
// not wake the subscriptions to ten thousand others. A subscription is listed
// under the most selective field of its filter.
type wakeups struct {
	byTopic map[topic]subscribers
	// fields counts the topics of each field.
	fields map[field]int
}

type subscribers map[*Subscription]struct{}

// topic is a field of events with its value.
type topic struct {
	field field
	value string
}

// field is a field of events; a number above 0 is a prefix of the path, of so many
// bytes.
type field int

const (
	noField     field = 0 // of every event, with an empty value
	path        field = -1
	eventType   field = -2
	executionID field = -3
)

func newWakeups() wakeups {
	return wakeups{byTopic: map[topic]subscribers{}, fields: map[field]int{}}
}

// topicsOf are the topics that a filter is listed under.
func topicsOf(filter *eventlog.Filter) []topic {
	switch {
	case filter.ExecutionID != nil:
		return []topic{{executionID, *filter.ExecutionID}}
	case filter.Path != nil:
		return []topic{{path, *filter.Path}}
	case filter.Paths != nil:
		return topicsOfAny(path, filter.Paths)
	case filter.PathPrefix != nil && *filter.PathPrefix != "":
		return []topic{{field(len(*filter.PathPrefix)), *filter.PathPrefix}}
	case filter.Types != nil:
		return topicsOfAny(eventType, filter.Types)
	}
	return []topic{{}}
}

func topicsOfAny(of field, values []string) []topic {
	topics := make([]topic, len(values))
	for i, value := range values {
		topics[i] = topic{of, value}
	}
	return topics
}

// value returns the field's value in an entry.
func (f field) value(entry *Entry) (value string, found bool) {
	switch {
	case f == noField:
		return "", true
	case entry.Event == nil:
	case f == path:
		return entry.Event.Path, true
	case f == eventType:
		return entry.Event.Type, true
	case f == executionID:
		if id := entry.keys().execution; id != nil {
			return *id, true
		}
	case int(f) <= len(entry.Event.Path):
		return entry.Event.Path[:f], true
	}
	return "", false
}

func (w *wakeups) add(s *Subscription) {
	for _, topic := range topicsOf(&s.filter) {
		set := w.byTopic[topic]
		if set == nil {
			set = subscribers{}
			w.byTopic[topic] = set
			w.fields[topic.field]++
		}
		set[s] = struct{}{}
	}
}

func (w *wakeups) remove(s *Subscription) {
	for _, topic := range topicsOf(&s.filter) {
		set := w.byTopic[topic]
		if delete(set, s); set == nil || len(set) > 0 {
			continue
		}
		delete(w.byTopic, topic)
		if w.fields[topic.field]--; w.fields[topic.field] == 0 {
			delete(w.fields, topic.field)
		}
	}
}

// concerned calls wake for the subscriptions that an event may concern.
func (w *wakeups) concerned(entry *Entry, wake func(*Subscription)) {
	for field := range w.fields {
		if value, found := field.value(entry); found {
			for s := range w.byTopic[topic{field, value}] {
				wake(s)
			}
		}
	}
}
