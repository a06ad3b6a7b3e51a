package message

import lru "github.com/hashicorp/golang-lru/v2"

// Cache keeps the templates parsed last, and the errors of those that do not
// parse.
type Cache struct {
	parsed *lru.Cache[string, parsed]
}

type parsed struct {
	template *Template
	err      error
}

// NewCache makes a cache of at most size templates, at least one.
func NewCache(size int) *Cache {
	cache, err := lru.New[string, parsed](max(size, 1))
	if err != nil {
		panic("message: a cache of a positive size: " + err.Error())
	}
	return &Cache{parsed: cache}
}

// Parse is like the function Parse, but parses each template once. Texts that
// are too long are refused without being kept: so the cache's memory is bounded.
func (c *Cache) Parse(text string) (*Template, error) {
	if len(text) > MaxTemplate {
		return Parse(text)
	}
	if known, ok := c.parsed.Get(text); ok {
		return known.template, known.err
	}
	template, err := Parse(text)
	c.parsed.Add(text, parsed{template, err})
	return template, err
}
