package eventlog

import (
	"fmt"
	"testing"
)

func entries(n int) []*Entry {
	made := make([]*Entry, n)
	for i := range made {
		made[i] = &Entry{Position: int64(i + 1), Event: &Event{ID: fmt.Sprint("e", i), Type: "UPDATED", Path: fmt.Sprint("team/", i%1000), Meta: []byte(`{"execution_id": "7"}`)}}
	}
	return made
}

// An event's way into the ring, and to those ten of 10,000 subscriptions, each
// to one of a thousand paths, that it concerns.
func BenchmarkRing_PushAndWake(b *testing.B) {
	made := entries(8192)
	kept := newRing(4096, 64<<20)
	sets := newWakeups()
	for i := range 10_000 {
		sets.add(&Subscription{filter: Filter{Path: new(fmt.Sprint("team/", i%1000))}})
	}
	woken, position := 0, int64(0)
	b.ReportAllocs()
	for b.Loop() {
		entry := made[position%int64(len(made))]
		position++
		entry.Position = position
		kept.push(entry)
		sets.concerned(entry, func(*Subscription) { woken++ })
	}
	b.ReportMetric(float64(woken)/float64(b.N), "woken/op")
}
