package catalog

import (
	"strings"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// versionCacheBytes is how much the cached versions may take of the memory.
const versionCacheBytes = 6 << 20

// versionCache keeps versions that were asked for by label. A version never
// changes, so that what is kept is right for ever; what did not exist is not
// kept, since it may be registered.
type versionCache struct {
	limit int

	mu    sync.Mutex
	lru   *simplelru.LRU[LabelKey, *Version]
	bytes int
}

func newVersionCache(limit int) *versionCache {
	c := &versionCache{limit: limit}
	// Only a size below 1 is an error. The bytes bound it long before.
	c.lru, _ = simplelru.NewLRU(limit, func(_ LabelKey, v *Version) { c.bytes -= sizeOf(v) })
	return c
}

// sizeOf is about what a version takes of the memory, in bytes.
func sizeOf(v *Version) int {
	return 512 + 2*len(v.Path) + 2*len(v.Label) + len(v.Payload) + len(v.Content) + len(v.Meta)
}

// get finds the versions of keys that it has with the columns asked for, each
// in its key's place, and tells the places of the others.
func (c *versionCache) get(scopes []string, keys []LabelKey, columns Columns) (found []*Version, missing []int) {
	found = make([]*Version, len(keys))
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, key := range keys {
		if v, ok := c.lru.Get(key); ok && v.Columns.cover(columns) && inScope(scopes, key.Path) {
			found[i] = v
		} else {
			missing = append(missing, i)
		}
	}
	return found, missing
}

// add keeps the versions at these places.
func (c *versionCache) add(versions []*Version, places []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, place := range places {
		v := versions[place]
		if v == nil {
			continue
		}
		size := sizeOf(v)
		if size > c.limit/16 {
			continue // one large payload must not push out all the others
		}
		key := LabelKey{Path: v.Path, Label: v.Label}
		if kept, ok := c.lru.Peek(key); ok && kept.Columns.cover(v.Columns) {
			continue // others asked for more of it meanwhile
		}
		c.lru.Remove(key)
		c.bytes += size
		c.lru.Add(key, v.detached())
	}
	for c.bytes > c.limit {
		c.lru.RemoveOldest()
	}
}

// detached is a version that shares no memory with the others of its list.
func (v *Version) detached() *Version {
	own := *v
	for _, text := range []*string{&own.Path, &own.Type, &own.Label, &own.Source, &own.Content} {
		*text = strings.Clone(*text)
	}
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
