//go:build linux

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// kind of finding. Any finding makes the verdict red.
type kind string

const (
	lost       kind = "lost"              // acknowledged but not stored, or stored but not delivered
	doubled    kind = "doubled"           // delivered or stored twice
	reordered  kind = "reordered"         // not in the common order, or an effect before its cause
	forged     kind = "never written"     // stored or delivered, but not written
	wrong      kind = "wrong answer"      // contradicts what was acknowledged
	unexpected kind = "unexpected error"  // no fault explains it
	unhealthy  kind = "not healthy again" // not within the bound after a fault
	leaked     kind = "not given back"    // memory, goroutines or descriptors
	broken     kind = "of the run itself" // a fault could not be injected, and the like
)

// findings counts the findings of each kind and keeps the first examples.
type findings struct {
	mu       sync.Mutex
	counts   map[kind]int
	examples map[kind][]string
	report   func(string)
}

const maxExamples = 5

func (f *findings) add(k kind, format string, arguments ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.counts[k]++; len(f.examples[k]) < maxExamples {
		example := fmt.Sprintf(format, arguments...)
		f.examples[k] = append(f.examples[k], example)
		f.report(fmt.Sprintf("FINDING, %s: %s", k, example))
	}
}

// outcome of a transaction, as its writer knows it.
type outcome int

const (
	unknown outcome = iota // the commit, or its answer, was lost
	committed
	rolledBack
)

// transaction is a completed transaction. began is a time before its first statement was
// sent, ended a time after its outcome was known.
type transaction struct {
	ids          []string
	outcome      outcome
	began, ended time.Time
}

// fact is an acknowledged event that readers ask for.
type fact struct{ id, path, run string }

// revision is an acknowledged version of a resource.
type revision struct {
	label  string
	number int
	text   string // of the payload, unique to this version
}

// ledger is the oracle: what the writers know, and the order in which followers received
// events.
type ledger struct {
	found *findings

	mu           sync.Mutex
	transactions []*transaction
	facts        []fact
	runs         map[string]int // acknowledged events of each run
	revisions    map[string][]revision
	first        int64    // position of order[0]
	order        []string // the event at each position
}

func newLedger(found *findings) *ledger {
	return &ledger{found: found, runs: map[string]int{}, revisions: map[string][]revision{}}
}

// note records a completed transaction and, if it was committed, the facts that readers
// may check.
func (l *ledger) note(tx *transaction, facts ...fact) {
	tx.ended = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.transactions = append(l.transactions, tx)
	if tx.outcome != committed {
		return
	}
	l.facts = append(l.facts, facts...)
	for _, f := range facts {
		if f.run != "" {
			l.runs[f.run]++
		}
	}
}

// fact returns an acknowledged event; pick chooses its index from their number.
func (l *ledger) fact(pick func(int) int) (fact, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.facts) == 0 {
		return fact{}, false
	}
	return l.facts[pick(len(l.facts))], true
}

func (l *ledger) ofRun(run string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.runs[run]
}

// register records an acknowledged version. It adds a finding if its number or label
// already has other content.
func (l *ledger) register(path string, r revision) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, known := range l.revisions[path] {
		if (known.number == r.number || known.label == r.label) && known != r {
			l.found.add(wrong, "%s has versions %+v and %+v", path, known, r)
		}
		if known == r {
			return
		}
	}
	l.revisions[path] = append(l.revisions[path], r)
}

// version returns an acknowledged version; pick chooses its index from their number.
func (l *ledger) version(pick func(int) int) (path string, r revision, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.revisions) == 0 {
		return "", r, false
	}
	paths := slices.Sorted(maps.Keys(l.revisions))
	path = paths[pick(len(paths))]
	return path, l.revisions[path][pick(len(l.revisions[path]))], true
}

// latest returns the highest acknowledged revision of each path.
func (l *ledger) latest() map[string]int {
	l.mu.Lock()
	defer l.mu.Unlock()
	highest := map[string]int{}
	for path, all := range l.revisions {
		for _, r := range all {
			highest[path] = max(highest[path], r.number)
		}
	}
	return highest
}

// delivered compares a delivery with the order in which other followers received events.
// Followers of all events receive them without a gap, so the order grows at its end.
func (l *ledger) delivered(name string, position int64, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at := position - l.first
	for int64(len(l.order)) <= at {
		l.order = append(l.order, "")
	}
	switch seen := &l.order[at]; *seen {
	case "":
		*seen = id
	case id:
	default:
		l.found.add(reordered, "position %d is %s to %s and %s to another", position, id, name, *seen)
	}
}

// stored is the final state of the database: the event of each position from first on, and
// the ids of all events.
type stored struct {
	log    []string
	events map[string]bool
}

// check compares the ledger with the database.
func (l *ledger) check(s stored) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known, times := map[string]*transaction{}, map[string]int{}
	for _, id := range s.log {
		if times[id]++; times[id] > 1 {
			l.found.add(doubled, "%s is in the log twice", id)
		}
	}
	for _, tx := range l.transactions {
		for _, id := range tx.ids {
			known[id] = tx
			switch {
			case tx.outcome == committed && !s.events[id]:
				l.found.add(lost, "%s was acknowledged at %s and is not stored", id, tx.ended.Format(time.TimeOnly))
			case tx.outcome == rolledBack && s.events[id]:
				l.found.add(forged, "%s was rolled back and is stored", id)
			}
		}
	}
	// A transaction that began after another one's acknowledgement comes later in the log.
	var latest *transaction
	for i, id := range s.log {
		tx := known[id]
		if tx == nil {
			// The ids of registrations whose answer was lost are known to the server only.
			if strings.HasPrefix(id, eventPrefix) {
				l.found.add(forged, "%s is in the log, and nobody wrote it", id)
			}
			continue
		}
		if tx.outcome == committed && latest != nil && tx.ended.Before(latest.began) {
			l.found.add(reordered, "%s was committed %s before %s was sent, and comes after it", id, latest.began.Sub(tx.ended), latest.ids[0])
		}
		if latest == nil || tx.began.After(latest.began) {
			latest = tx
		}
		if i < len(l.order) && l.order[i] != "" && l.order[i] != id {
			l.found.add(reordered, "position %d was delivered as %s and is %s", l.first+int64(i), l.order[i], id)
		}
	}
	for id := range s.events {
		if times[id] == 0 {
			l.found.add(lost, "%s is stored and has no position", id)
		}
	}
	if len(l.order) > len(s.log) {
		l.found.add(forged, "%d positions were delivered, and the log has %d", len(l.order), len(s.log))
	}
}

// checkPositions compares the positions that a follower received with those it should
// have received.
func (f *findings) checkPositions(name string, got, want []int64) {
	seen := map[int64]bool{}
	for i, position := range got {
		switch {
		case seen[position]:
			f.add(doubled, "position %d, to %s", position, name)
		case i > 0 && position < got[i-1]:
			f.add(reordered, "position %d after %d, to %s", position, got[i-1], name)
		}
		seen[position] = true
	}
	wanted := map[int64]bool{}
	for _, position := range want {
		if wanted[position] = true; !seen[position] {
			f.add(lost, "position %d, to %s", position, name)
		}
	}
	for position := range seen {
		if !wanted[position] {
			f.add(wrong, "position %d does not pass the filter of %s", position, name)
		}
	}
}

// windows are the periods in which faults explain errors.
type windows struct {
	mu  sync.Mutex
	all []window
}

type window struct {
	began, ended time.Time
	// hides: events cannot be read.
	hides bool
}

// grace extends a window: the next request on each pooled session that the fault has ended
// fails, even after other requests have succeeded.
const grace = time.Second

// open begins a window; the result ends it.
func (w *windows) open(hides bool) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, window{began: time.Now(), hides: hides})
	at := len(w.all) - 1
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.all[at].ended = time.Now().Add(grace)
	}
}

// explain reports whether a fault was active between began and now.
func (w *windows) explain(began time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.during(began) != nil
}

// hide reports whether a fault that hides events was active between began and now.
func (w *windows) hide(began time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	last := w.during(began)
	return last != nil && last.hides
}

// during returns the last window if it overlaps the time since began. The caller holds mu.
func (w *windows) during(began time.Time) *window {
	if len(w.all) == 0 {
		return nil
	}
	last := &w.all[len(w.all)-1]
	if !last.ended.IsZero() && last.ended.Before(began) {
		return nil
	}
	return last
}

// tally counts answers by caller and code.
type tally struct {
	mu     sync.Mutex
	counts map[string]map[string]int
}

func (t *tally) count(who, code string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[who] == nil {
		t.counts[who] = map[string]int{}
	}
	t.counts[who][code]++
}

// String returns a line for each caller.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var text strings.Builder
	for _, who := range slices.Sorted(maps.Keys(t.counts)) {
		fmt.Fprintf(&text, "  %-9s", who)
		for _, code := range slices.Sorted(maps.Keys(t.counts[who])) {
			fmt.Fprintf(&text, " %s %d,", code, t.counts[who][code])
		}
		text.WriteByte('\n')
	}
	return strings.ReplaceAll(text.String(), ",\n", "\n")
}
