//go:build linux

package main

import (
	"maps"
	"slices"
	"testing"
	"time"
)

func newFindings() *findings {
	return &findings{counts: map[kind]int{}, examples: map[kind][]string{}, report: func(string) {}}
}

// second returns the nth second of a test.
func second(n int) time.Time { return time.Unix(int64(n), 0) }

func TestLedger_OneError_IsFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		want  []kind
		spoil func(l *ledger, s *stored)
	}{
		"nothing":                             {nil, func(*ledger, *stored) {}},
		"an acknowledged event is not stored": {[]kind{lost}, func(l *ledger, s *stored) { l.order = nil; s.log = s.log[:3]; delete(s.events, "soak-3") }},
		"an event has no position":            {[]kind{lost}, func(l *ledger, s *stored) { l.order = nil; s.log = s.log[:3] }},
		"an event has two positions":          {[]kind{doubled}, func(_ *ledger, s *stored) { s.log = append(s.log, "soak-3") }},
		"an event was rolled back":            {[]kind{forged}, func(l *ledger, _ *stored) { l.transactions[0].outcome = rolledBack }},
		"nobody wrote an event":               {[]kind{forged}, func(l *ledger, _ *stored) { l.transactions = l.transactions[1:] }},
		"an effect comes before its cause":    {[]kind{reordered}, func(l *ledger, s *stored) { l.order = nil; s.log[0], s.log[3] = s.log[3], s.log[0] }},
		"delivered in another order":          {[]kind{reordered}, func(l *ledger, _ *stored) { l.order[0], l.order[1] = l.order[1], l.order[0] }},
		"more is delivered than stored":       {[]kind{forged}, func(l *ledger, _ *stored) { l.delivered("a follower", 14, "soak-9") }},
		"two followers see two orders":        {[]kind{reordered}, func(l *ledger, _ *stored) { l.delivered("a follower", 10, "soak-1") }},
		"an unknown outcome is stored":        {nil, func(l *ledger, _ *stored) { l.transactions[2].outcome = unknown }},
		"an unknown outcome is not stored": {nil, func(l *ledger, s *stored) {
			l.transactions[3].outcome = unknown
			l.order = nil
			s.log = s.log[:3]
			delete(s.events, "soak-3")
		}},
		"a version has another payload":        {[]kind{wrong}, func(l *ledger, _ *stored) { l.register("p", revision{"1", 1, "b"}) }},
		"a label has two revisions":            {[]kind{wrong}, func(l *ledger, _ *stored) { l.register("p", revision{"1", 2, "a"}) }},
		"a version is acknowledged once more":  {nil, func(l *ledger, _ *stored) { l.register("p", revision{"1", 1, "a"}) }},
		"a version of another path is another": {nil, func(l *ledger, _ *stored) { l.register("q", revision{"1", 1, "b"}) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLedger(newFindings())
			l.first = 10
			s := stored{events: map[string]bool{}}
			for i, id := range []string{"soak-0", "soak-1", "soak-2", "soak-3"} {
				l.transactions = append(l.transactions, &transaction{ids: []string{id}, outcome: committed, began: second(2 * i), ended: second(2*i + 1)})
				l.delivered("a follower", l.first+int64(i), id)
				s.log, s.events[id] = append(s.log, id), true
			}
			l.register("p", revision{"1", 1, "a"})
			test.spoil(l, &s)
			l.check(s)
			if got := slices.Sorted(maps.Keys(l.found.counts)); !slices.Equal(got, slices.Sorted(slices.Values(test.want))) {
				t.Errorf("found %q, want %q: %v", got, test.want, l.found.examples)
			}
		})
	}
}

func TestFindings_PositionsOfAFollower_OneErrorFound(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		want []kind
		got  []int64
	}{
		"as they should be":   {nil, []int64{2, 4, 7}},
		"one is missing":      {[]kind{lost}, []int64{2, 7}},
		"the last is missing": {[]kind{lost}, []int64{2, 4}},
		"one is repeated":     {[]kind{doubled}, []int64{2, 4, 4, 7}},
		"two are swapped":     {[]kind{reordered}, []int64{2, 7, 4}},
		"one is too many":     {[]kind{wrong}, []int64{2, 3, 4, 7}},
	} {
		f := newFindings()
		f.checkPositions("a follower", test.got, []int64{2, 4, 7})
		if got := slices.Sorted(maps.Keys(f.counts)); !slices.Equal(got, test.want) {
			t.Errorf("%s: found %q, want %q", name, got, test.want)
		}
	}
}

// A fault explains only errors of operations that overlap it.
func TestWindows_OverlappingOperation_Explained(t *testing.T) {
	t.Parallel()
	w := &windows{}
	before := time.Now()
	if w.explain(before) {
		t.Error("an error is explained without a fault")
	}
	end := w.open(true)
	if !w.explain(time.Now()) || !w.hide(time.Now()) {
		t.Error("an error during a fault is not explained")
	}
	end()
	if !w.explain(before) {
		t.Error("an operation that began before the end of a fault is not explained")
	}
	if after := time.Now().Add(grace); w.explain(after) || w.hide(after) {
		t.Error("an operation that began after a fault is explained")
	}
}
