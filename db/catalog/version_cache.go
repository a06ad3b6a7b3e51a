package catalog

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/noetl/noetl-catalog/db/lru"
)

// versionCacheBytes bounds the memory of the cached versions.
const versionCacheBytes = 9 << 20

// versionCache caches versions that were read by label more than once: a client
// that reads the whole catalog evicts none. A version never changes, so a cached
// one stays right; misses in the database are not cached, since such a version
// may be registered.
type versionCache struct {
	limit int
	kept  *lru.Cache[LabelKey, *Version]
	seed  maphash.Seed

	mu sync.Mutex // of missed and marks
	// missed holds hashes of the keys that missed; marks counts them since the
	// table was cleared.
	missed [4 * recent]uint32
	marks  int
}

// recent is how many missed keys are remembered, about as many as the cache has
// room for versions of 1.5 KB: a version that is read less often would be evicted
// before it is read again.
const recent = 1 << 11

func newVersionCache(limit int) *versionCache {
	return &versionCache{limit: limit, kept: lru.New[LabelKey, *Version](limit), seed: maphash.MakeSeed()}
}

// Size estimates the memory of a version in bytes.
func (v *Version) Size() int {
	size := 256 + 2*len(v.Path) + 2*len(v.Label) + len(v.Type) + len(v.Source) + len(v.Payload) + len(v.Content) + len(v.Meta)
	if v.Location != nil {
		size += len(*v.Location)
	}
	return size
}

// WithoutColumns returns the version without its large columns, sharing no memory
// with other rows.
func (v *Version) WithoutColumns() *Version {
	without := *v
	without.Payload, without.Content, without.Meta, without.Columns = nil, "", nil, Columns{}
	return without.detached()
}

// get returns the version of a key, if it is cached with these columns and in the
// caller's scope; else nil.
func (c *versionCache) get(scopes []string, key LabelKey, columns Columns) *Version {
	if v, ok := c.kept.Get(key); ok && v.Has(columns) && inScope(scopes, key.Path) {
		return v
	}
	return nil
}

// add records a miss; the second miss of a key caches it.
func (c *versionCache) add(v *Version) {
	size := v.Size()
	if size > c.limit/16 {
		return // one large payload must not push out all the others
	}
	key := LabelKey{Path: v.Path, Label: v.Label}
	switch kept, ok := c.kept.Get(key); {
	case ok && kept.Has(v.Columns):
		return // another goroutine has cached more columns
	case !ok && !c.missedBefore(key):
		return
	}
	v = v.detached()
	c.kept.Add(LabelKey{Path: v.Path, Label: v.Label}, v, size)
}

// missedBefore marks a key, and reports whether it was marked already.
func (c *versionCache) missedBefore(key LabelKey) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	hash := maphash.Comparable(c.seed, key)
	slot, mark := &c.missed[hash%uint64(len(c.missed))], uint32(hash>>32)|1
	before := *slot == mark
	if c.marks++; c.marks > recent {
		clear(c.missed[:])
		c.marks = 0
	}
	*slot = mark
	return before
}

// detached returns a copy that shares no memory with other rows.
func (v *Version) detached() *Version {
	own := *v
	for _, text := range []*string{&own.Path, &own.Type, &own.Label, &own.Source, &own.Content} {
		*text = strings.Clone(*text)
	}
	own.Payload, own.Meta = bytes.Clone(own.Payload), bytes.Clone(own.Meta)
	if v.Location != nil {
		own.Location = new(strings.Clone(*v.Location))
	}
	return &own
}

// inScope reports whether a caller with these scopes may see a path, as the
// queries define it: the path begins with one of them.
func inScope(scopes []string, path string) bool {
	for _, scope := range scopes {
		if strings.HasPrefix(path, scope) {
			return true
		}
	}
	return false
}
