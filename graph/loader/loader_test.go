package loader_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/noetl/noetl-catalog/graph/loader"
)

// Keys that several callers request at the same time are read once.
func TestLoadMany_SameKeysAtOnce_ReadOnce(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var read []string
	batch := func(_ context.Context, keys []string) ([]int, error) {
		mu.Lock()
		defer mu.Unlock()
		read = append(read, keys...)
		lengths := make([]int, len(keys))
		for i, key := range keys {
			lengths[i] = len(key)
		}
		return lengths, nil
	}
	loaders := loader.New(100)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			values, err := loader.LoadMany(t.Context(), loaders, "length", []string{"a", "bb", "a"}, batch)
			if err != nil || !slices.Equal(values, []int{1, 2, 1}) {
				t.Errorf("%v, %v", values, err)
			}
		})
	}
	group.Wait()
	slices.Sort(read)
	if !slices.Equal(read, []string{"a", "bb"}) {
		t.Errorf("read %v", read)
	}
}

func TestLoadMany_BatchFails_ErrorOfEachKey(t *testing.T) {
	t.Parallel()
	failure := errors.New("away")
	loaders := loader.New(1)
	for range 2 {
		_, err := loader.LoadMany(t.Context(), loaders, "x", []string{"a"}, func(context.Context, []string) ([]int, error) { return nil, failure })
		if !errors.Is(err, failure) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := loader.LoadMany(t.Context(), loaders, "y", []string{"a"}, func(context.Context, []string) ([]int, error) { return nil, nil }); err == nil {
		t.Error("a batch that returns no values is accepted")
	}
}

// A hundred keys in one batch.
func BenchmarkLoadMany(b *testing.B) {
	keys := make([]string, 100)
	for i := range keys {
		keys[i] = fmt.Sprint("p/", i)
	}
	batch := func(_ context.Context, keys []string) ([]int, error) { return make([]int, len(keys)), nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := loader.LoadMany(b.Context(), loader.New(len(keys)), "x", keys, batch); err != nil {
			b.Fatal(err)
		}
	}
}
