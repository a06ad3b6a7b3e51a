package plan

import "slices"

// Selects reports whether the field's selection asks for a field of one of these
// names of the objects that it leads to: of its nodes, for a connection, and of
// the connection itself.
func (n *Node) Selects(names ...string) bool {
	return slices.ContainsFunc(n.Objects(), func(field *Node) bool { return slices.Contains(names, field.Name()) })
}

// SelectsEver is Selects for the connection itself, deferred fields included.
func (n *Node) SelectsEver(name string) bool {
	return Find(n.below, name) != nil || Find(n.later, name) != nil
}

// SelectsOnly reports whether nothing but fields of these names is selected.
func (n *Node) SelectsOnly(names ...string) bool {
	return !slices.ContainsFunc(slices.Concat(n.below, n.later), func(field *Node) bool { return !slices.Contains(names, field.Name()) })
}

// Repeats reports whether a connection's items are selected more than once.
func (n *Node) Repeats() bool { return n.items > 1 }
