package catalog

import (
	"bytes"
	"hash/maphash"
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// versionCacheBytes is how much the cached versions may take of the memory.
const versionCacheBytes = 9 << 20

// versionCache keeps versions that were asked for by label, and more than once:
// a reader who goes through the whole catalog takes nobody's place. A version
// never changes, so that what is kept is right for ever; what did not exist is
// not kept, since it may be registered.
type versionCache struct {
	limit int
	seed  maphash.Seed

	mu    sync.Mutex
	lru   *simplelru.LRU[LabelKey, *Version]
	bytes int
	// missed are marks of the keys that were asked for in vain, as many as
	// marks, since they were wiped last.
	missed [4 * recent]uint32
	marks  int
}

// recent is how many keys that are not kept are remembered, about as many as
// there is room for versions of 1.5 KB: what is asked for more seldom would be
// gone before it is asked for again.
const recent = 1 << 11

func newVersionCache(limit int) *versionCache {
	c := &versionCache{limit: limit, seed: maphash.MakeSeed()}
	// Only a size below 1 is an error. The bytes bound it long before.
	c.lru, _ = simplelru.NewLRU(limit, func(_ LabelKey, v *Version) { c.bytes -= v.Size() })
	return c
}

// Size is about how many bytes a version takes of the memory.
func (v *Version) Size() int {
	size := 512 + 2*len(v.Path) + 2*len(v.Label) + len(v.Type) + len(v.Source) + len(v.Payload) + len(v.Content) + len(v.Meta)
	if v.Location != nil {
		size += len(*v.Location)
	}
	return size
}

// WithoutColumns is a version that has neither its large columns nor any memory
// with what else was read.
func (v *Version) WithoutColumns() *Version {
	without := *v
	without.Payload, without.Content, without.Meta, without.Columns = nil, "", nil, Columns{}
	return without.detached()
}

// get is the version of a key, if it has it with the columns asked for and the
// caller may see it; else nil.
func (c *versionCache) get(scopes []string, key LabelKey, columns Columns) *Version {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.lru.Get(key); ok && v.Columns.cover(columns) && inScope(scopes, key.Path) {
		return v
	}
	return nil
}

// add is told of a version that get did not find, and keeps what it is told of
// again.
func (c *versionCache) add(v *Version) {
	size := v.Size()
	if size > c.limit/16 {
		return // one large payload must not push out all the others
	}
	key := LabelKey{Path: v.Path, Label: v.Label}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch kept, ok := c.lru.Peek(key); {
	case ok && kept.Columns.cover(v.Columns):
		return // others asked for more of it meanwhile
	case !ok && !c.missedBefore(key):
		return
	}
	v = v.detached()
	c.lru.Remove(key)
	c.bytes += size
	c.lru.Add(LabelKey{Path: v.Path, Label: v.Label}, v)
	for c.bytes > c.limit {
		c.lru.RemoveOldest()
	}
}

// missedBefore marks a key, and reports whether it bears the mark already.
func (c *versionCache) missedBefore(key LabelKey) bool {
	hash := maphash.Comparable(c.seed, key)
	place, mark := &c.missed[hash%uint64(len(c.missed))], uint32(hash>>32)|1
	before := *place == mark
	if c.marks++; c.marks > recent {
		clear(c.missed[:])
		c.marks = 0
	}
	*place = mark
	return before
}

// detached is a version that shares no memory with what else was read.
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

// inScope reports whether a caller of these scopes may see a path, as the
// queries have it: it begins with one of them.
func inScope(scopes []string, path string) bool {
	for _, scope := range scopes {
		if strings.HasPrefix(path, scope) {
			return true
		}
	}
	return false
}
