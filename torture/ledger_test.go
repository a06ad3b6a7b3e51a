//go:build linux

package torture

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// event is the payload of an event, which identifies it.
type event struct {
	Run    string `json:"run"`
	Writer int    `json:"writer"`
	Number int    `json:"number"`
}

func (e event) id() string { return fmt.Sprintf("%s-%d-%d", e.Run, e.Writer, e.Number) }

// outcome is the outcome of a transaction as its writer knows it.
type outcome int

const (
	unknown outcome = iota // the commit, or its answer, was lost
	committed
	rolledBack
)

// transaction is a completed transaction. began is a time before its first event was sent,
// ended a time after its outcome was known.
type transaction struct {
	events       []event
	outcome      outcome
	began, ended time.Time
}

// ledger records the transactions of all writers.
type ledger struct {
	mu           sync.Mutex
	transactions []*transaction
}

func (l *ledger) note(tx *transaction) {
	tx.ended = time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.transactions = append(l.transactions, tx)
}

// byEvent returns the transaction of each event.
func (l *ledger) byEvent() map[string]*transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	found := map[string]*transaction{}
	for _, tx := range l.transactions {
		for _, e := range tx.events {
			found[e.id()] = tx
		}
	}
	return found
}

func (l *ledger) count(o outcome) (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, tx := range l.transactions {
		if tx.outcome == o {
			n++
		}
	}
	return n
}

// delivery is an event that a tailer received.
type delivery struct {
	event    event
	position int64
	at       time.Time
}

// findings counts the findings of each kind, with an example of each.
type findings struct {
	counts   map[kind]int
	examples map[kind]string
}

type kind string

const (
	// The database has lost a commit or stored a rollback.
	undone kind = "committed but not stored"
	forged kind = "stored but never committed"
	// A tailer received the wrong events.
	lost     kind = "lost"
	repeated kind = "repeated"
	foreign  kind = "delivered but not stored"
	// A writer's events must arrive in the order of writing, and the events of a
	// transaction that began after another one's commit must arrive after that one's.
	disordered kind = "out of order"
	// Positions must begin at 1 and have no gap.
	misplaced kind = "at a wrong position"
	// All tailers must see the same order.
	disagreed kind = "in another order than other tailers"
	// The cursor chain has a gap, a follower gave up, and the like.
	broken kind = "broken promise"
)

func newFindings() *findings { return &findings{map[kind]int{}, map[kind]string{}} }

func (f *findings) add(k kind, format string, args ...any) {
	if f.counts[k]++; f.counts[k] == 1 {
		f.examples[k] = fmt.Sprintf(format, args...)
	}
}

func (f *findings) String() string {
	var text strings.Builder
	for _, k := range slices.Sorted(maps.Keys(f.counts)) {
		fmt.Fprintf(&text, "%6d %s, the first: %s\n", f.counts[k], k, f.examples[k])
	}
	return text.String()
}

// checkStored compares the stored events with the ledger.
func (f *findings) checkStored(ledger *ledger, stored map[string]bool) {
	known := ledger.byEvent()
	for id, tx := range known {
		if tx.outcome == committed && !stored[id] {
			f.add(undone, "%s", id)
		}
	}
	for id := range stored {
		if tx := known[id]; tx == nil || tx.outcome == rolledBack {
			f.add(forged, "%s", id)
		}
	}
}

// checkTailer compares a tailer's deliveries with the stored events, and their
// order with the ledger.
func (f *findings) checkTailer(name string, ledger *ledger, stored map[string]bool, deliveries []delivery) {
	known := ledger.byEvent()
	times := map[string]int{}
	last := map[int]int{}
	var latest *transaction // the one that began last among those seen
	for i, d := range deliveries {
		id := d.event.id()
		if times[id]++; times[id] > 1 {
			f.add(repeated, "%s at delivery %d of %s", id, i+1, name)
			continue
		}
		if !stored[id] {
			f.add(foreign, "%s at delivery %d of %s", id, i+1, name)
		}
		if before, ok := last[d.event.Writer]; ok && d.event.Number < before {
			f.add(disordered, "%s comes after the same writer's %d, to %s", id, before, name)
		}
		last[d.event.Writer] = d.event.Number
		tx := known[id]
		if tx == nil {
			continue
		}
		if tx.outcome == committed && latest != nil && tx.ended.Before(latest.began) {
			f.add(disordered, "%s was committed %s before %s was sent, and comes after it, to %s",
				id, latest.began.Sub(tx.ended), latest.events[0].id(), name)
		}
		if latest == nil || tx.began.After(latest.began) {
			latest = tx
		}
	}
	for id := range stored {
		if times[id] == 0 {
			f.add(lost, "%s, of %d, to %s", id, len(stored), name)
		}
	}
}

// checkPositions checks the positions that a tailer of the whole log received.
func (f *findings) checkPositions(name string, deliveries []delivery) {
	for i, d := range deliveries {
		if want := int64(i + 1); d.position != want {
			f.add(misplaced, "%s is at %d and should be at %d, to %s", d.event.id(), d.position, want, name)
		}
	}
}

// checkAgreement compares the order in which two tailers received events.
func (f *findings) checkAgreement(name string, deliveries, others []delivery) {
	for i := range min(len(deliveries), len(others)) {
		if deliveries[i].event != others[i].event {
			f.add(disagreed, "delivery %d is %s to %s and %s to another", i+1, deliveries[i].event.id(), name, others[i].event.id())
			return
		}
	}
	if len(deliveries) != len(others) {
		f.add(disagreed, "%d deliveries to %s and %d to another", len(deliveries), name, len(others))
	}
}

func TestFindings_OneError_IsFound(t *testing.T) {
	t.Parallel()
	// Two writers take turns, and each begins after the other has committed,
	// except for the last two transactions, which overlap. The fourth
	// transaction is rolled back.
	build := func() (*ledger, map[string]bool, []delivery) {
		book, stored, second := &ledger{}, map[string]bool{}, time.Unix(0, 0)
		var deliveries []delivery
		for i := range 8 {
			tx := &transaction{outcome: committed, began: second.Add(time.Duration(2*i) * time.Second)}
			tx.ended = tx.began.Add(time.Second)
			if i == 7 {
				tx.began = tx.began.Add(-2 * time.Second)
			}
			if i == 3 {
				tx.outcome = rolledBack
			}
			for n := range 2 {
				e := event{"run", i % 2, i + n}
				tx.events = append(tx.events, e)
				if tx.outcome == committed {
					stored[e.id()] = true
					deliveries = append(deliveries, delivery{event: e, position: int64(len(deliveries) + 1)})
				}
			}
			book.transactions = append(book.transactions, tx)
		}
		return book, stored, deliveries
	}
	swap := func(d []delivery, i, j int) { d[i].event, d[j].event = d[j].event, d[i].event }
	tests := map[string]struct {
		want  []kind
		spoil func(book *ledger, stored map[string]bool, d []delivery) []delivery
	}{
		"nothing": {nil, func(_ *ledger, _ map[string]bool, d []delivery) []delivery { return d }},
		"one delivery is dropped": {[]kind{misplaced, disagreed, lost}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			return slices.Delete(d, 4, 5)
		}},
		"the last delivery is dropped": {[]kind{disagreed, lost}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			return d[:len(d)-1]
		}},
		"one delivery is dropped and the later positions are decremented": {[]kind{disagreed, lost}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			for i := 5; i < len(d); i++ {
				d[i].position--
			}
			return slices.Delete(d, 4, 5)
		}},
		"one delivery is repeated": {[]kind{misplaced, disagreed, repeated}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			return slices.Insert(d, 6, d[5])
		}},
		"two events of one transaction are swapped": {[]kind{disagreed, disordered}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			swap(d, 0, 1)
			return d
		}},
		"a transaction is swapped with one that began after its commit": {[]kind{disagreed, disordered}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			swap(d, 1, 2)
			return d
		}},
		"two concurrent transactions are swapped": {[]kind{disagreed}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			swap(d, 11, 12)
			return d
		}},
		"a rolled-back event is delivered at the end": {[]kind{disagreed, foreign, disordered}, func(book *ledger, _ map[string]bool, d []delivery) []delivery {
			return append(d, delivery{event: book.transactions[3].events[1], position: int64(len(d) + 1)})
		}},
		"a rolled-back event is stored": {[]kind{lost, forged}, func(book *ledger, stored map[string]bool, d []delivery) []delivery {
			stored[book.transactions[3].events[1].id()] = true
			return d
		}},
		"a committed event is not stored": {[]kind{undone, foreign}, func(book *ledger, stored map[string]bool, d []delivery) []delivery {
			delete(stored, book.transactions[2].events[0].id())
			return d
		}},
		"an event of unknown outcome is not stored": {[]kind{foreign}, func(book *ledger, stored map[string]bool, d []delivery) []delivery {
			book.transactions[2].outcome = unknown
			delete(stored, book.transactions[2].events[0].id())
			return d
		}},
		"a position is skipped": {[]kind{misplaced}, func(_ *ledger, _ map[string]bool, d []delivery) []delivery {
			d[len(d)-1].position++
			return d
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			book, stored, deliveries := build()
			others := slices.Clone(deliveries)
			deliveries = test.spoil(book, stored, deliveries)
			found := newFindings()
			found.checkStored(book, stored)
			found.checkTailer("a tailer", book, stored, deliveries)
			found.checkPositions("a tailer", deliveries)
			found.checkAgreement("a tailer", deliveries, others)
			slices.Sort(test.want)
			if got := slices.Sorted(maps.Keys(found.counts)); !slices.Equal(got, test.want) {
				t.Errorf("found %q, want %q\n%s", got, test.want, found)
			}
		})
	}
}
