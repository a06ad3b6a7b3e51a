package stream

// wakeups finds the subscriptions that an event may concern, so that an event
// of one path does not wake those of ten thousand others. A subscription is listed
// under the most selective field of its filter.
type wakeups struct {
	byExecution map[string]subscribers
	byPath      map[string]subscribers
	byPrefix    map[string]subscribers
	// prefixLengths counts the prefixes of each length, in bytes.
	prefixLengths map[int]int
	byType        map[string]subscribers
	everything    subscribers
}

type subscribers map[*Subscription]struct{}

func newWakeups() wakeups {
	return wakeups{
		byExecution: map[string]subscribers{}, byPath: map[string]subscribers{},
		byPrefix: map[string]subscribers{}, prefixLengths: map[int]int{},
		byType: map[string]subscribers{}, everything: subscribers{},
	}
}

func (w *wakeups) add(s *Subscription) {
	switch filter := &s.filter; {
	case filter.ExecutionID != nil:
		put(w.byExecution, *filter.ExecutionID, s)
	case filter.Path != nil:
		put(w.byPath, *filter.Path, s)
	case filter.PathPrefix != nil && *filter.PathPrefix != "":
		if len(w.byPrefix[*filter.PathPrefix]) == 0 {
			w.prefixLengths[len(*filter.PathPrefix)]++
		}
		put(w.byPrefix, *filter.PathPrefix, s)
	case filter.Types != nil:
		for _, name := range filter.Types {
			put(w.byType, name, s)
		}
	default:
		w.everything[s] = struct{}{}
	}
}

func (w *wakeups) remove(s *Subscription) {
	switch filter := &s.filter; {
	case filter.ExecutionID != nil:
		take(w.byExecution, *filter.ExecutionID, s)
	case filter.Path != nil:
		take(w.byPath, *filter.Path, s)
	case filter.PathPrefix != nil && *filter.PathPrefix != "":
		take(w.byPrefix, *filter.PathPrefix, s)
		if length := len(*filter.PathPrefix); len(w.byPrefix[*filter.PathPrefix]) == 0 {
			if w.prefixLengths[length]--; w.prefixLengths[length] == 0 {
				delete(w.prefixLengths, length)
			}
		}
	case filter.Types != nil:
		for _, name := range filter.Types {
			take(w.byType, name, s)
		}
	default:
		delete(w.everything, s)
	}
}

// concerned calls wake for the subscriptions that an event may concern.
func (w *wakeups) concerned(entry *Entry, wake func(*Subscription)) {
	for s := range w.everything {
		wake(s)
	}
	if entry.Event == nil {
		return
	}
	for s := range w.byPath[entry.Event.Path] {
		wake(s)
	}
	for length := range w.prefixLengths {
		if length <= len(entry.Event.Path) {
			for s := range w.byPrefix[entry.Event.Path[:length]] {
				wake(s)
			}
		}
	}
	for s := range w.byType[entry.Event.Type] {
		wake(s)
	}
	if len(w.byExecution) == 0 {
		return
	}
	if id := entry.executionID(); id != nil {
		for s := range w.byExecution[*id] {
			wake(s)
		}
	}
}

func put(sets map[string]subscribers, key string, s *Subscription) {
	set := sets[key]
	if set == nil {
		set = subscribers{}
		sets[key] = set
	}
	set[s] = struct{}{}
}

func take(sets map[string]subscribers, key string, s *Subscription) {
	delete(sets[key], s)
	if len(sets[key]) == 0 {
		delete(sets, key)
	}
}
