package catalog

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestVersionCache_FittingVersions_KeptForCallersInScope(t *testing.T) {
	t.Parallel()
	c := newVersionCache(64 << 10)
	version := func(i, size int, columns Columns) (LabelKey, *Version) {
		key := LabelKey{Path: fmt.Sprintf("p/%d", i), Label: "1.0.0"}
		return key, &Version{Path: key.Path, Label: key.Label, Payload: []byte(strings.Repeat("x", size)), Columns: columns}
	}
	all := []string{""}
	key, v := version(1, 100, Columns{Payload: true})
	c.add(v)
	if c.get(all, key, Columns{}) != nil {
		t.Error("a version is cached after one read")
	}
	// Several keys, since one key may overwrite the mark of another.
	const before = 8
	for i := range before + recent + before {
		_, other := version(100+i%(before+recent), 100, Columns{})
		c.add(other)
	}
	for i := range before {
		if key, _ := version(100+i, 100, Columns{}); c.get(all, key, Columns{}) != nil {
			t.Error("a version is cached although its first read was long ago")
		}
	}
	c.add(v)
	c.add(v)
	_, less := version(1, 0, Columns{})
	c.add(less)
	for name, got := range map[string]bool{
		"what it has":      cmp.Equal(c.get(all, key, Columns{Payload: true}), v),
		"less":             cmp.Equal(c.get(all, key, Columns{}), v),
		"more":             c.get(all, key, Columns{Meta: true}) == nil,
		"another":          c.get(all, LabelKey{Path: "p/1", Label: "2"}, Columns{}) == nil,
		"within the scope": cmp.Equal(c.get([]string{"q/", "p/"}, key, Columns{}), v),
		"out of scope":     c.get([]string{"q/"}, key, Columns{}) == nil,
		"no scope":         c.get(nil, key, Columns{}) == nil,
	} {
		if !got {
			t.Errorf("%s is wrong", name)
		}
	}
	key, large := version(2, 32<<10, Columns{Payload: true})
	c.add(large)
	c.add(large)
	if c.get(all, key, Columns{}) != nil {
		t.Error("a version that takes half of the cache is cached")
	}
	var wait sync.WaitGroup
	for worker := range 4 {
		wait.Go(func() {
			for i := range 200 {
				key, v := version(i*(1+worker%2), 1000, Columns{})
				c.add(v)
				c.add(v)
				c.get(all, key, Columns{})
			}
		})
	}
	wait.Wait()
	if cached := c.kept.Bytes(); cached > c.limit || cached < c.limit/2 {
		t.Errorf("%d bytes are held, of %d", cached, c.limit)
	}
}
