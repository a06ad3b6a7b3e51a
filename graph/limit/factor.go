package limit

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// factor returns how many times the children of a field are counted, 1 at least.
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
			if n, ok := number(w.argument(f, definition)); ok {
				page = max(page, w.page(n))
			}
		case definition.Type.Elem != nil && slices.Contains(w.options.ListArguments, definition.Name):
			factor = product(factor, w.page(int64(w.length(f, definition))))
		}
	}
	if paged && page == 0 {
		page = int64(w.options.DefaultPage)
	}
	if paged {
		factor = product(factor, page)
	}
	return factor
}

// page keeps a length between 1 and the longest page: what is outside is
// refused by the field itself, with the argument's name.
func (w *walk) page(n int64) int64 { return max(1, min(n, int64(w.options.MaxPage))) }

// argument returns the value of an argument: the literal or variable given, else
// the schema's default; nil where there is none.
func (w *walk) argument(f *ast.Field, definition *ast.ArgumentDefinition) any {
	if given := f.Arguments.ForName(definition.Name); given != nil {
		if given.Value.Kind != ast.Variable {
			return given.Value
		}
		// The variable's own default is among the values already.
		if value, ok := w.variables[given.Value.Raw]; ok {
			return value
		}
	}
	if definition.DefaultValue != nil {
		return definition.DefaultValue
	}
	return nil
}

// number reads a whole number in any of the forms in which gqlgen has it.
func number(value any) (int64, bool) {
	switch v := value.(type) {
	case *ast.Value:
		if v.Kind != ast.IntValue {
			return 0, false
		}
		return clamped(v.Raw), true
	case json.Number:
		return clamped(v.String()), true
	case string:
		return clamped(v), true
	case int:
		return int64(v), true
	case int64:
		return v, true
	case float64:
		return int64(max(-1, min(v, ceiling))), true
	}
	return 0, false
}

// clamped reads digits; strconv answers with the nearest bound for a number
// that is out of range.
func clamped(digits string) int64 {
	n, _ := strconv.ParseInt(digits, 10, 64)
	return n
}

// length returns the number of elements of a list argument; a single value counts
// as a list of one, as GraphQL has it.
func (w *walk) length(f *ast.Field, definition *ast.ArgumentDefinition) int {
	switch v := w.argument(f, definition).(type) {
	case nil:
		return 0
	case *ast.Value:
		if v.Kind != ast.ListValue {
			return 1
		}
		return len(v.Children)
	case []any:
		return len(v)
	default:
		if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
			return list.Len()
		}
		return 1
	}
}

// included evaluates @skip and @include. What it cannot tell counts.
func (w *walk) included(directives ast.DirectiveList) bool {
	for _, d := range directives {
		switch d.Name {
		case "skip":
			if w.isTrue(d, false) {
				return false
			}
		case "include":
			if !w.isTrue(d, true) {
				return false
			}
		}
	}
	return true
}

func (w *walk) isTrue(d *ast.Directive, unknown bool) bool {
	condition := d.Arguments.ForName("if")
	if condition == nil || condition.Value == nil {
		return unknown
	}
	switch condition.Value.Kind {
	case ast.BooleanValue:
		return condition.Value.Raw == "true"
	case ast.Variable:
		if value, ok := w.variables[condition.Value.Raw].(bool); ok {
			return value
		}
	}
	return unknown
}
