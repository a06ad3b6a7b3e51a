package stream

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

// TestRing_ThousandLargestEvents_WithinItsBounds is not parallel: it measures the
// whole process.
func TestRing_ThousandLargestEvents_WithinItsBounds(t *testing.T) {
	const limit = 2 << 20
	for name, entry := range map[string]*Entry{
		"text":       {Event: &eventlog.Event{Payload: []byte(`"` + strings.Repeat("x", 4<<10) + `"`)}},
		"numbers":    {Event: &eventlog.Event{Payload: []byte("[0" + strings.Repeat(",1", 2<<10) + "]")}},
		"lists":      {Event: &eventlog.Event{Payload: []byte("[0" + strings.Repeat(",[1]", 1<<10) + "]")}},
		"objects":    {Event: &eventlog.Event{Payload: []byte("[0" + strings.Repeat(`,{"":1}`, 512) + "]")}},
		"members":    {Event: &eventlog.Event{Meta: members(512)}},
		"deep lists": {Event: &eventlog.Event{Meta: []byte("[0" + strings.Repeat(","+strings.Repeat("[", 90)+strings.Repeat("]", 90), 20) + "]")}},
		"names":      {Event: &eventlog.Event{ID: strings.Repeat("i", 255), Type: strings.Repeat("t", 128), Path: strings.Repeat("p", 1024)}, Template: new(strings.Repeat("t", 8<<10))},
	} {
		t.Run(name, func(t *testing.T) {
			before := heapInUse()
			kept := newRing(8192, limit)
			for n := range 1000 {
				copied := &Entry{Position: int64(n + 1), Event: &eventlog.Event{
					ID: strings.Clone(entry.Event.ID), Type: strings.Clone(entry.Event.Type), Path: strings.Clone(entry.Event.Path),
					Payload: []byte(string(entry.Event.Payload)), Meta: []byte(string(entry.Event.Meta)),
				}}
				if entry.Template != nil {
					copied.Template = new(strings.Clone(*entry.Template))
				}
				copied.size = copied.Size()
				kept.push(copied)
				inner, err := jsontext.Parse(`{"a": 1}`)
				if err != nil {
					t.Fatal(err)
				}
				copied.payload.contains(copied.Event.Payload, &inner)
				copied.meta.contains(copied.Event.Meta, &inner)
			}
			held := heapInUse() - before
			t.Logf("%d KiB of %d", held>>10, limit>>10)
			if held > limit+limit/4+64<<10 {
				t.Errorf("%d bytes are held, the limit is %d", held, limit)
			}
			runtime.KeepAlive(&kept)
		})
	}
}

// members returns an object of n numbers.
func members(n int) []byte {
	text := []byte(`{"a":1`)
	for i := range n {
		text = fmt.Appendf(text, `,"%d":1`, i)
	}
	return append(text, '}')
}

func heapInUse() int {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc) //nolint:gosec // far below
}

func entries(n int) []*Entry {
	made := make([]*Entry, n)
	for i := range made {
		made[i] = &Entry{Position: int64(i + 1), Event: &eventlog.Event{ID: fmt.Sprint("e", i), Type: "UPDATED", Path: fmt.Sprint("team/", i%1000), Meta: []byte(`{"execution_id": "7"}`)}}
	}
	return made
}

// Pushes an event and wakes the ten of 10,000 subscriptions that it concerns. Each follows
// one of a thousand paths.
func BenchmarkRing_PushAndWake(b *testing.B) {
	made := entries(8192)
	kept := newRing(4096, 64<<20)
	sets := newWakeups()
	for i := range 10_000 {
		sets.add(&Subscription{filter: eventlog.Filter{Path: new(fmt.Sprint("team/", i%1000))}})
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
