package plan

import "slices"

// Selects reports whether one of these fields of the field's objects is selected. For
// a connection these are its own fields and those of its nodes.
func (n *Node) Selects(names ...string) bool {
	return slices.ContainsFunc(n.Objects(), func(field *Node) bool { return slices.Contains(names, field.Name()) })
}

// SelectsEver reports whether a field of the object or connection itself is selected,
// deferred or not.
func (n *Node) SelectsEver(name string) bool {
	return Find(n.below, name) != nil || Find(n.later, name) != nil
}

// SelectsOnly reports whether no other fields than these are selected.
func (n *Node) SelectsOnly(names ...string) bool {
	return !slices.ContainsFunc(slices.Concat(n.below, n.later), func(field *Node) bool { return !slices.Contains(names, field.Name()) })
}

// Repeats reports whether a connection's items are selected more than once.
func (n *Node) Repeats() bool { return n.items > 1 }
