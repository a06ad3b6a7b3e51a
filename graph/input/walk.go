package input

import "github.com/vektah/gqlparser/v2/ast"

// Walk calls visit for each selection of a set and, if visit returns true, for
// those below it. It enters each fragment once.
func Walk(set ast.SelectionSet, visit func(selection ast.Selection, directives ast.DirectiveList) bool) {
	walk(set, visit, map[*ast.FragmentDefinition]bool{})
}

func walk(set ast.SelectionSet, visit func(ast.Selection, ast.DirectiveList) bool, seen map[*ast.FragmentDefinition]bool) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			if visit(s, s.Directives) {
				walk(s.SelectionSet, visit, seen)
			}
		case *ast.InlineFragment:
			if visit(s, s.Directives) {
				walk(s.SelectionSet, visit, seen)
			}
		case *ast.FragmentSpread:
			if visit(s, s.Directives) && !seen[s.Definition] {
				seen[s.Definition] = true
				walk(s.Definition.SelectionSet, visit, seen)
			}
		}
	}
}
