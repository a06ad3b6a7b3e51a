// Package lru is a cache that is bounded by the memory it holds, not by how
// many entries it has.
//
//	texts := lru.New[string, string](1 << 20)
//	texts.Add("key", text, len(text))
package lru

import (
	"math"
	"sync"

	"github.com/hashicorp/golang-lru/v2/simplelru"
)

// overhead is the approximate size of an entry without its key and value, in bytes.
const overhead = 256

// Cache caches the most recently used entries. It is safe for concurrent use.
type Cache[K comparable, V any] struct {
	limit int

	mu    sync.Mutex
	lru   *simplelru.LRU[K, sized[V]]
	bytes int
}

type sized[V any] struct {
	value V
	size  int
}

// New makes a cache of at most limit bytes.
func New[K comparable, V any](limit int) *Cache[K, V] {
	c := &Cache[K, V]{limit: limit}
	// Only a size below 1 is an error; the bytes are what bounds it.
	c.lru, _ = simplelru.NewLRU(math.MaxInt, func(_ K, v sized[V]) { c.bytes -= v.size })
	return c
}

// Get returns the value of a key; false if it is not cached.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.lru.Get(key)
	return kept.value, ok
}

// Add caches a value. size is the number of bytes that the key and the value hold. A
// value of more than an eighth of the limit is not cached: it would evict too many
// others.
func (c *Cache[K, V]) Add(key K, value V, size int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lru.Remove(key)
	c.keep(key, value, size+overhead)
}

// GetOrAdd returns the cached value of a key; if there is none, it adds the given
// one.
func (c *Cache[K, V]) GetOrAdd(key K, value V, size int) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if kept, ok := c.lru.Get(key); ok {
		return kept.value
	}
	c.keep(key, value, size+overhead)
	return value
}

// Grow records that the value of a key, if it is still cached, has grown by bytes.
func (c *Cache[K, V]) Grow(key K, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	kept, ok := c.lru.Peek(key)
	if !ok {
		return
	}
	c.lru.Remove(key)
	c.keep(key, kept.value, kept.size+bytes)
}

// keep adds an entry whose key is not cached; mu is held.
func (c *Cache[K, V]) keep(key K, value V, size int) {
	if size > c.limit/8 {
		return
	}
	c.bytes += size
	c.lru.Add(key, sized[V]{value, size})
	for c.bytes > c.limit {
		c.lru.RemoveOldest()
	}
}

// Bytes returns the number of bytes held.
func (c *Cache[K, V]) Bytes() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.bytes
}
