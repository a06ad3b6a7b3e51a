package input

import (
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
)

// labelMark stands between a label of @defer and the number that tells it from
// others. Requests are checked to be UTF-8, which never holds this byte.
const labelMark = "\xff"

// distinctLabels is a validation rule that gives each @defer of a document a
// label of its own. gqlgen keeps one part for each label of an object: where a
// field is deferred twice under one label, as colocated fragments without
// labels do, the part waits for it twice, and never comes.
//
// A label must be a literal, as the specification has it.
func distinctLabels(observers *core.Events, addError core.AddErrFunc) {
	number := 0
	observers.OnDirective(func(_ *core.Walker, directive *ast.Directive) {
		if directive.Name != "defer" {
			return
		}
		label := directive.Arguments.ForName("label")
		if label == nil {
			label = &ast.Argument{Name: "label", Value: &ast.Value{Kind: ast.NullValue, Position: directive.Position}, Position: directive.Position}
			directive.Arguments = append(directive.Arguments, label)
		}
		value := *label.Value
		switch {
		case value.Kind == ast.Variable:
			addError(core.Message(`The label of @defer must be a literal, not the variable "$%s".`, value.Raw), core.At(value.Position))
			return
		case strings.Contains(value.Raw, labelMark): // visited before: a fragment is, for each operation that spreads it
			return
		case value.Kind == ast.NullValue:
			value.Raw = ""
		}
		number++
		value.Kind, value.Raw = ast.StringValue, value.Raw+labelMark+strconv.Itoa(number)
		label.Value = &value
	})
}

// GivenLabel is a label as the document has it.
func GivenLabel(distinct string) string {
	given, _, _ := strings.Cut(distinct, labelMark)
	return given
}
