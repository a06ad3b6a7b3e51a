package plan

import "slices"

// Kept is a cache of JSON, by object and field.
type Kept[P any] interface {
	Get(of P, field *Node) ([]byte, bool)
	// Add takes ownership of the text.
	Add(of P, field *Node, text []byte)
}

// Keep caches the JSON of a field that leads to an object, if only scalars of the
// object are selected, which must never change.
func Keep[P any](field Field[P], kept Kept[P]) Field[P] { return keptField[P]{field, kept} }

type keptField[P any] struct {
	Field[P]
	kept Kept[P]
}

func (f keptField[P]) compile(c *compiler, m *member[P]) bool {
	if !f.Field.compile(c, m) {
		return false
	}
	own := func(n *Node) bool { return n.fixed || n.valued }
	if c.keeps && len(m.later) == 0 && !slices.ContainsFunc(m.below, func(n *Node) bool { return !own(n) }) {
		m.step = keptStep[P]{m.step, f.kept, m.Node}
	}
	return true
}

type keptStep[P any] struct {
	step[P]
	kept Kept[P]
	node *Node
}

func (s keptStep[P]) read(e *Execution, parents []P) values {
	return &keptValues[P]{keptStep: s, e: e, parents: parents}
}

// keptValues reads the field only if the cache lacks an object.
type keptValues[P any] struct {
	keptStep[P]
	e         *Execution
	parents   []P
	unwritten values
}

func (k *keptValues[P]) write(w *writer, at int) bool {
	if text, ok := k.kept.Get(k.parents[at], k.node); ok {
		w.buf = append(w.buf, text...)
		return true
	}
	if k.unwritten == nil {
		k.unwritten = k.step.read(k.e, k.parents)
	}
	start := len(w.buf)
	ok := k.unwritten.write(w, at)
	if ok && !w.failed && w.refused == nil {
		k.kept.Add(k.parents[at], k.node, slices.Clone(w.buf[start:]))
	}
	return ok
}
