package scalar

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator/core"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// exactNumber begins a text that stands for a number, its digits following. No
// text of a client's can begin so: the byte is in no UTF-8 text, and requests
// are checked to be UTF-8.
const exactNumber = "\xff"

// ExactNumbers is gqlparser's set of rules plus one that refuses nothing: it
// keeps the digits of numbers in literals of custom scalars. gqlparser gives
// such a number as an int64 or float64: 0.1234567890123456789 would silently lose
// digits, and 12345678901234567890 would panic in gqlgen.
// A rule is the one place where a document may still be changed: afterwards it
// is cached and shared by requests.
//
// The built-in scalars need none of this; a number that is out of their range
// is refused by validation.
func ExactNumbers() *rules.Rules {
	all := rules.NewDefaultRules()
	all.AddRule("ExactNumbers", func(observers *core.Events, _ core.AddErrFunc) {
		observers.OnValue(func(_ *core.Walker, value *ast.Value) {
			if d := value.Definition; d != nil && d.Kind == ast.Scalar && !d.BuiltIn {
				keepDigits(value)
			}
		})
	})
	return all
}

func keepDigits(value *ast.Value) {
	switch value.Kind {
	case ast.IntValue, ast.FloatValue:
		value.Kind, value.Raw = ast.EnumValue, exactNumber+value.Raw
	case ast.ListValue, ast.ObjectValue:
		for _, child := range value.Children {
			keepDigits(child.Value)
		}
	}
}
