package input

import (
	"slices"
	"strconv"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// uses searches the arguments of an operation for variables.
type uses struct {
	// found is called with each variable, the argument of the field or directive, and
	// the path below it: `filter.paths[0]`. The search ends if it returns false.
	found func(value *ast.Value, argument, of string) bool
	// variables evaluate @skip and @include; nil includes everything.
	variables map[string]any
	ended     bool
}

func findUses(operation *ast.OperationDefinition, variables map[string]any, found func(value *ast.Value, argument, of string) bool) {
	u := &uses{found: found, variables: variables}
	u.directives(operation.Directives)
	Walk(operation.SelectionSet, func(selection ast.Selection, directives ast.DirectiveList) bool {
		below := !u.ended && u.directives(directives)
		if field, ok := selection.(*ast.Field); ok && below {
			for _, argument := range field.Arguments {
				u.value(argument.Value, argument.Name, field.Name)
			}
		}
		return below
	})
}

// directives searches directives, and reports whether to search the selection that they
// apply to.
func (u *uses) directives(list ast.DirectiveList) bool {
	for _, directive := range list {
		for _, argument := range directive.Arguments {
			u.value(argument.Value, argument.Name, "@"+directive.Name)
		}
	}
	return !u.ended && (u.variables == nil || Included(list, u.variables))
}

// Included evaluates @skip and @include.
func Included(directives ast.DirectiveList, variables map[string]any) bool {
	for _, directive := range directives {
		condition := directive.Arguments.ForName("if")
		if condition == nil {
			continue
		}
		value, _ := condition.Value.Value(variables)
		if directive.Name == "skip" && value == true || directive.Name == "include" && value == false {
			return false
		}
	}
	return true
}

func (u *uses) value(value *ast.Value, argument, of string) {
	switch value.Kind {
	case ast.Variable:
		u.ended = u.ended || !u.found(value, argument, of)
	case ast.ListValue:
		for i, child := range value.Children {
			u.value(child.Value, argument+"["+strconv.Itoa(i)+"]", of)
		}
	case ast.ObjectValue:
		for _, child := range value.Children {
			u.value(child.Value, argument+"."+child.Name, of)
		}
	}
}

// specialVariables returns two lists of an operation's variables. A nullable variable is
// used where null is invalid; validation accepts it because it or the argument has a
// default. A deferring variable may be null or absent and is only used as the condition
// of @defer. specialVariables also removes the definition from each use: gqlparser would
// take the default of another operation that shares the fragment from it.
func specialVariables(operation *ast.OperationDefinition) (nullable, deferring []string) {
	var otherwise []string
	findUses(operation, nil, func(value *ast.Value, argument, of string) bool {
		value.VariableDefinition = nil
		name, definition := value.Raw, operation.VariableDefinitions.ForName(value.Raw)
		if mustNotBeNull(value) && !definition.Type.NonNull && !slices.Contains(nullable, name) {
			nullable = append(nullable, name)
		}
		if of == "@defer" && argument == "if" {
			if !definition.Type.NonNull {
				deferring = append(deferring, name)
			}
		} else {
			otherwise = append(otherwise, name)
		}
		return true
	})
	return nullable, slices.DeleteFunc(deferring, func(name string) bool { return slices.Contains(otherwise, name) })
}

func mustNotBeNull(value *ast.Value) bool {
	return value.ExpectedType != nil && value.ExpectedType.NonNull
}

// nullArgument rejects a null in a part that is executed and must have a value.
func nullArgument(operation *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	var refused *gqlerror.Error
	findUses(operation, variables, func(value *ast.Value, argument, of string) bool {
		if given, ok := variables[value.Raw]; !ok || given != nil || !mustNotBeNull(value) {
			return true
		}
		refused = refuse(argument, "argument %q of %s must not be null, which $%s is", argument, of, value.Raw)
		refused.Locations = []gqlerror.Location{{Line: value.Position.Line, Column: value.Position.Column}}
		return false
	})
	return refused
}
