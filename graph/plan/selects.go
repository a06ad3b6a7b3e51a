package plan

import (
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// Selects reports whether the field's selection asks for a field of one of these
// names of the objects that it leads to: of its nodes, for a connection, and of
// the connection itself.
func (n *Node) Selects(names ...string) bool {
	return slices.ContainsFunc(n.Objects(), func(field *Node) bool { return slices.Contains(names, field.Name()) })
}

// Selects is Node.Selects for a field that gqlgen's executor resolves.
func Selects(op *graphql.OperationContext, field graphql.CollectedField, names ...string) bool {
	selected := func(of graphql.CollectedField) []graphql.CollectedField {
		return graphql.CollectFields(op, of.Selections, nil)
	}
	any := func(fields []graphql.CollectedField) bool {
		return slices.ContainsFunc(fields, func(f graphql.CollectedField) bool { return slices.Contains(names, f.Name) })
	}
	for _, below := range selected(field) {
		switch below.Name {
		case "nodes":
			if any(selected(below)) {
				return true
			}
		case "edges":
			for _, edge := range selected(below) {
				if edge.Name == "node" && any(selected(edge)) {
					return true
				}
			}
		default:
			if slices.Contains(names, below.Name) {
				return true
			}
		}
	}
	return false
}

// SelectsOnly reports whether nothing but fields of these names is selected.
func (n *Node) SelectsOnly(names ...string) bool {
	return !slices.ContainsFunc(slices.Concat(n.below, n.later), func(field *Node) bool { return !slices.Contains(names, field.Name()) })
}

// Repeats reports whether a connection's items are selected more than once.
func (n *Node) Repeats() bool {
	times := 0
	for _, below := range n.below {
		switch below.Name() {
		case "nodes":
			times++
		case "edges":
			for _, edge := range below.below {
				if edge.Name() == "node" {
					times++
				}
			}
		}
	}
	return times > 1
}
