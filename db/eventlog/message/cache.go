package message

import "github.com/noetl/noetl-catalog/db/lru"

// parsedSize is the approximate number of bytes that a byte of a template takes once
// parsed, if it consists of steps or expressions.
const parsedSize = 18

// Cache caches the most recently used templates, and the errors of invalid ones.
type Cache struct {
	parsed *lru.Cache[string, parsed]
}

type parsed struct {
	template *Template
	err      error
}

// NewCache makes a cache of at most limit bytes.
func NewCache(limit int) *Cache { return &Cache{lru.New[string, parsed](limit)} }

// Parse is like the function Parse, but parses each template once.
func (c *Cache) Parse(text string) (*Template, error) {
	if known, ok := c.parsed.Get(text); ok {
		return known.template, known.err
	}
	template, err := Parse(text)
	c.parsed.Add(text, parsed{template, err}, parsedSize*len(text))
	return template, err
}
