package plan

import "slices"

// Kept keeps what was written of objects, for others that ask for the same.
type Kept[P any] interface {
	// Get returns what was written of a field of an object.
	Get(of P, field *Node) ([]byte, bool)
	// Add is given what was written; the text is its own.
	Add(of P, field *Node, text []byte)
}

// Keep keeps what is written of a field that leads to an object, where nothing is
// selected of the object but its own values. These must never change.
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

// keptValues reads nothing before something is not found.
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
	if ok && !w.failed {
		k.kept.Add(k.parents[at], k.node, slices.Clone(w.buf[start:]))
	}
	return ok
}
