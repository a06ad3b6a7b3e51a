package admission

import "slices"

// queue holds the requests that wait for a slot. Of several callers, the one with the
// fewest requests in slots is next; of those, the one that got a slot least recently.
type queue struct {
	// callers have requests in slots or in the queue.
	callers map[Caller]*caller
	// urgent requests go ahead of all callers.
	urgent []*waiter
	length int
	// starts counts the slots given out.
	starts uint64
}

type caller struct {
	running int
	waiting []*waiter
	// last is the number of its last start.
	last uint64
}

type waiter struct {
	caller Caller
	urgent bool
	// admitted is closed when the waiter has a slot.
	admitted chan struct{}
}

func (q *queue) of(name Caller) *caller {
	known := q.callers[name]
	if known == nil {
		if q.callers == nil {
			q.callers = map[Caller]*caller{}
		}
		known = &caller{}
		q.callers[name] = known
	}
	return known
}

// forget removes a caller without requests.
func (q *queue) forget(name Caller) {
	if c := q.callers[name]; c != nil && c.running == 0 && len(c.waiting) == 0 {
		delete(q.callers, name)
	}
}

func (q *queue) started(name Caller) {
	q.starts++
	c := q.of(name)
	c.running, c.last = c.running+1, q.starts
}

func (q *queue) ended(name Caller) {
	q.of(name).running--
	q.forget(name)
}

func (q *queue) waiting(name Caller) int {
	if c := q.callers[name]; c != nil {
		return len(c.waiting)
	}
	return 0
}

func (q *queue) add(name Caller, urgent bool) *waiter {
	w := &waiter{caller: name, urgent: urgent, admitted: make(chan struct{})}
	if urgent {
		q.urgent = append(q.urgent, w)
	} else {
		c := q.of(name)
		c.waiting = append(c.waiting, w)
	}
	q.length++
	return w
}

// remove removes a waiter. It returns false if the waiter is not in the queue.
func (q *queue) remove(w *waiter) bool {
	list := &q.urgent
	if !w.urgent {
		list = &q.of(w.caller).waiting
	}
	at := slices.Index(*list, w)
	if at >= 0 {
		*list = slices.Delete(*list, at, at+1)
		q.length--
	}
	q.forget(w.caller)
	return at >= 0
}

// next removes and returns the next waiter. The queue must not be empty.
func (q *queue) next() *waiter {
	var best *caller
	var w *waiter
	if len(q.urgent) > 0 {
		w = q.urgent[0]
	} else {
		for _, c := range q.callers {
			if len(c.waiting) == 0 {
				continue
			}
			if best == nil || c.running < best.running || c.running == best.running && c.last < best.last {
				best, w = c, c.waiting[0]
			}
		}
	}
	q.started(w.caller)
	q.remove(w)
	return w
}
