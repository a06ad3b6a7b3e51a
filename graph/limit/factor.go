package limit

import (
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// factor returns the number of times that a field's children count, at least 1.
func (w *walk) factor(f *ast.Field) int64 {
	if f.Definition == nil || len(f.SelectionSet) == 0 {
		return 1
	}
	if f.ObjectDefinition != nil && strings.HasPrefix(f.ObjectDefinition.Name, "__") && f.Definition.Type.Elem != nil {
		return introspectionList
	}
	factor := int64(1)
	paged, page := false, int64(0)
	for _, definition := range f.Definition.Arguments {
		switch {
		case definition.Name == "first" || definition.Name == "last":
			paged = true
			if n, ok := w.argument(f, definition).(int64); ok {
				page = max(page, clamp(n))
			}
		case definition.Type.Elem != nil && slices.Contains(listArguments, definition.Name):
			factor = product(factor, clamp(length(w.argument(f, definition))))
		}
	}
	if paged && page == 0 {
		page = defaultPage
	}
	if paged {
		factor = product(factor, page)
	}
	return factor
}

// clamp limits a length to 1 and the longest page: the field itself rejects the
// others, with the argument's name.
func clamp(n int64) int64 { return max(1, min(n, maxPage)) }

// argument returns the value of an argument: the one given, or else the schema's
// default; nil if there is neither. The variables include their own defaults.
func (w *walk) argument(f *ast.Field, definition *ast.ArgumentDefinition) (value any) {
	given := f.Arguments.ForName(definition.Name)
	switch {
	case given != nil && given.Value.Kind != ast.Variable:
		value, _ = given.Value.Value(w.variables)
		return value
	case given != nil:
		if value, ok := w.variables[given.Value.Raw]; ok {
			return value
		}
	}
	if definition.DefaultValue != nil {
		value, _ = definition.DefaultValue.Value(nil)
	}
	return value
}

// length returns the number of elements of a list argument. A single value counts
// as a list of one, as in GraphQL.
func length(value any) int64 {
	if list, ok := value.([]any); ok {
		return int64(len(list))
	}
	return 1
}
