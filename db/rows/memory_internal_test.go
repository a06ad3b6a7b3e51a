package rows

import (
	"runtime"
	"slices"
	"testing"
)

// Values waiting for reuse must not keep alive the objects that they referred to.
func TestSlab_Reset_ReferencesReleased(t *testing.T) {
	t.Parallel()
	var kept slab[*[64 << 10]byte]
	collected := make(chan struct{}, 200)
	for i := range cap(collected) {
		large := new([64 << 10]byte)
		runtime.AddCleanup(large, func(into chan struct{}) { into <- struct{}{} }, collected)
		*kept.next() = large
		if i%50 == 49 {
			kept.reset()
		}
	}
	for range 1000 {
		if runtime.GC(); len(collected) == cap(collected) {
			break
		}
	}
	if referenced := cap(collected) - len(collected); referenced > 0 {
		t.Errorf("%d of %d values are still referred to", referenced, cap(collected))
	}
	runtime.KeepAlive(&kept)
}

func TestSlab_Reset_ValuesReused(t *testing.T) {
	t.Parallel()
	var kept slab[int]
	take := func(n int) []*int {
		values := make([]*int, n)
		for i := range values {
			values[i] = kept.next()
			*values[i] = i
		}
		for i, value := range values {
			if *value != i {
				t.Fatalf("value %d of %d is %d", i, n, *value)
			}
		}
		return values
	}
	first := take(1000)
	kept.reset()
	if again := take(900); !slices.Equal(again, first[:900]) {
		t.Error("values were not reused after Reset")
	}
	take(5000)
	kept.reset()
	if again := take(1); again[0] == first[0] {
		t.Error("a long list is kept")
	}
}
