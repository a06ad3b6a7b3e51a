package plan

import "slices"

// JSONCache caches JSON by object and field.
type JSONCache[P any] interface {
	Get(of P, field *Node) ([]byte, bool)
	// Add stores text, which the caller must not change afterwards.
	Add(of P, field *Node, text []byte)
}

// CacheJSON caches the JSON of a field that leads to an object, if only scalars of the
// object are selected, which must never change.
func CacheJSON[P any](field Field[P], cache JSONCache[P]) Field[P] {
	return cachedField[P]{field, cache}
}

type cachedField[P any] struct {
	Field[P]
	cache JSONCache[P]
}

func (f cachedField[P]) compile(c *compiler, m *member[P]) bool {
	if !f.Field.compile(c, m) {
		return false
	}
	notScalar := func(n *Node) bool { return !n.local && !n.valued }
	if c.cached && len(m.later) == 0 && !slices.ContainsFunc(m.below, notScalar) {
		m.step = cachedStep[P]{m.step, f.cache, m.Node}
	}
	return true
}

type cachedStep[P any] struct {
	step[P]
	cache JSONCache[P]
	node  *Node
}

func (s cachedStep[P]) read(e *Execution, parents []P) values {
	return &cachedValues[P]{cachedStep: s, e: e, parents: parents}
}

// cachedValues reads the field only if the cache lacks an object.
type cachedValues[P any] struct {
	cachedStep[P]
	e         *Execution
	parents   []P
	unwritten values
}

func (c *cachedValues[P]) write(w *writer, at int) bool {
	if text, ok := c.cache.Get(c.parents[at], c.node); ok {
		w.buf = append(w.buf, text...)
		return true
	}
	if c.unwritten == nil {
		c.unwritten = c.step.read(c.e, c.parents)
	}
	start := len(w.buf)
	ok := c.unwritten.write(w, at)
	if ok && !w.failed && w.stopped == nil {
		c.cache.Add(c.parents[at], c.node, slices.Clone(w.buf[start:]))
	}
	return ok
}
