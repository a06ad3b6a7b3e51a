package input

import (
	"slices"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// deferByDefault makes @defer(if: null) defer, as @defer does. gqlgen treats a
// null or absent condition as false.
func deferByDefault(observers *core.Events, _ core.AddErrFunc) {
	observers.OnDirective(func(_ *core.Walker, directive *ast.Directive) {
		condition := directive.Arguments.ForName("if")
		if directive.Name == "defer" && condition != nil && condition.Value.Kind == ast.NullValue {
			condition.Value.Kind, condition.Value.Raw = ast.BooleanValue, "true"
		}
	})
}

// literalLabels rejects a label of @defer that is a variable, as the specification
// does.
func literalLabels(observers *core.Events, addError core.AddErrFunc) {
	observers.OnDirective(func(_ *core.Walker, directive *ast.Directive) {
		label := directive.Arguments.ForName("label")
		if directive.Name == "defer" && label != nil && label.Value.Kind == ast.Variable {
			addError(core.Message(`The label of @defer must be a literal, not the variable "$%s".`, label.Value.Raw), core.At(label.Value.Position))
		}
	})
}

// undeferIntrospection removes @defer from a document with introspection: gqlgen's
// executor answers it, whose deferred parts may never come. A server may ignore
// @defer.
func undeferIntrospection(document *ast.QueryDocument) {
	if !slices.ContainsFunc(document.Operations, introspects) {
		return
	}
	for _, operation := range document.Operations {
		undefer(operation.SelectionSet)
	}
	for _, fragment := range document.Fragments {
		undefer(fragment.SelectionSet)
	}
}

func introspects(operation *ast.OperationDefinition) (found bool) {
	Walk(operation.SelectionSet, func(selection ast.Selection, _ ast.DirectiveList) bool {
		field, isField := selection.(*ast.Field)
		found = found || isField && (field.Name == "__schema" || field.Name == "__type")
		return !isField
	})
	return found
}

func undefer(set ast.SelectionSet) {
	without := func(directives ast.DirectiveList) ast.DirectiveList {
		return slices.DeleteFunc(directives, func(d *ast.Directive) bool { return d.Name == "defer" })
	}
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			undefer(s.SelectionSet)
		case *ast.InlineFragment:
			s.Directives = without(s.Directives)
			undefer(s.SelectionSet)
		case *ast.FragmentSpread:
			s.Directives = without(s.Directives)
		}
	}
}
