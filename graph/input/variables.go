package input

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// invalidValue returns the fault of a value.
func invalidValue(format string, args ...any) *fault.Error {
	return fault.New(apierror.ValidationFailed, "", format, args...)
}

// under puts a step before the path to a fault's value: ".filter.paths[3]".
func under(step string, wrong *fault.Error) *fault.Error {
	wrong.Argument = step + wrong.Argument
	return wrong
}

// coerceVariables converts the values of an operation's variables from JSON to the
// form of a literal: whole numbers are int64, IDs are strings, a single value for a
// list is a list. It fills in defaults. Its errors are those of validation about
// such a literal.
func coerceVariables(schema *ast.Schema, definitions ast.VariableDefinitionList, given map[string]any) *gqlerror.Error {
	for _, definition := range definitions {
		value, ok := given[definition.Variable]
		if !ok && definition.DefaultValue == nil {
			if definition.Type.NonNull {
				return refuse(definition.Variable, "$%s: must be given, as its type is %s", definition.Variable, definition.Type)
			}
			continue
		}
		if !ok {
			// Validation has accepted the literal, so there is no error.
			value, _ = definition.DefaultValue.Value(nil)
		}
		coerced, wrong := coerce(schema, definition.Type, value)
		if wrong != nil {
			name := definition.Variable + wrong.Argument
			refused := refuse(name, "$%s: %s", name, wrong.Message)
			refused.Extensions["code"] = string(wrong.Code)
			return refused
		}
		given[definition.Variable] = coerced
	}
	return nil
}

func coerce(schema *ast.Schema, t *ast.Type, value any) (any, *fault.Error) {
	if value == nil {
		if t.NonNull {
			return nil, invalidValue("must not be null, as its type is %s", t)
		}
		return nil, nil
	}
	if t.Elem != nil {
		return coerceList(schema, t.Elem, value)
	}
	if _, builtIn := misfits[t.NamedType]; builtIn {
		return coerceScalar(t.NamedType, value)
	}
	definition := schema.Types[t.NamedType]
	if definition.Kind == ast.Enum {
		return coerceEnum(definition, value)
	}
	if definition.Kind == ast.InputObject {
		return coerceObject(schema, definition, value)
	}
	return value, nil // a scalar of ours reads its values itself
}

func coerceList(schema *ast.Schema, element *ast.Type, value any) (any, *fault.Error) {
	list, ok := value.([]any)
	if !ok {
		// A single value stands for a list of one.
		single, wrong := coerce(schema, element, value)
		return []any{single}, wrong
	}
	for i, each := range list {
		coerced, wrong := coerce(schema, element, each)
		if wrong != nil {
			return nil, under("["+strconv.Itoa(i)+"]", wrong)
		}
		list[i] = coerced
	}
	return list, nil
}

func coerceObject(schema *ast.Schema, definition *ast.Definition, value any) (any, *fault.Error) {
	object, ok := value.(map[string]any)
	if !ok {
		return nil, invalidValue("Expected value of type %q, found %s.", definition.Name, quoted(value))
	}
	known := 0
	for _, field := range definition.Fields {
		value, given := object[field.Name]
		if !given {
			if field.Type.NonNull && field.DefaultValue == nil {
				return nil, under("."+field.Name, invalidValue(`Field "%s.%s" of required type %q was not provided.`, definition.Name, field.Name, field.Type))
			}
			continue // gqlgen fills in its default
		}
		known++
		coerced, wrong := coerce(schema, field.Type, value)
		if wrong != nil {
			return nil, under("."+field.Name, wrong)
		}
		object[field.Name] = coerced
	}
	if known < len(object) {
		return nil, unknownField(definition, object)
	}
	if definition.Directives.ForName("oneOf") == nil {
		return object, nil
	}
	// The code is that of an empty or ambiguous payload, which no literal can have.
	for _, value := range object {
		if len(object) == 1 && value != nil {
			return object, nil
		}
	}
	return nil, fault.New(fault.BadUserInput, "", "OneOf Input Object %q must specify exactly one key, with a value that is not null.", definition.Name)
}

// unknownField reports the first field that the type does not have.
func unknownField(definition *ast.Definition, object map[string]any) *fault.Error {
	var unknown []string
	for name := range object {
		if definition.Fields.ForName(name) == nil {
			unknown = append(unknown, name)
		}
	}
	return invalidValue("Field %q is not defined by type %q.", shortened(slices.Min(unknown)), definition.Name)
}

func coerceEnum(definition *ast.Definition, value any) (any, *fault.Error) {
	name, ok := value.(string)
	if !ok {
		return nil, invalidValue("Enum %q cannot represent non-enum value: %s.", definition.Name, quoted(value))
	}
	if definition.EnumValues.ForName(name) == nil {
		return nil, invalidValue("Value %q does not exist in %q enum.", shortened(name), definition.Name)
	}
	return value, nil
}

// misfits are the messages about a value that a built-in scalar does not take.
var misfits = map[string]string{
	"String":  "String cannot represent a non string value: %s",
	"Boolean": "Boolean cannot represent a non boolean value: %s",
	"ID":      "ID cannot represent a non-string and non-integer value: %s",
	"Int":     "Int cannot represent non-integer value: %s",
	"Float":   "Float cannot represent non numeric value: %s",
}

// coerceScalar coerces a value to a built-in scalar. Numbers are json.Number, and
// int64 or float64 in a default.
func coerceScalar(name string, value any) (any, *fault.Error) {
	switch v := value.(type) {
	case bool:
		if name == "Boolean" {
			return v, nil
		}
	case string:
		if name == "String" || name == "ID" {
			return v, nil
		}
	case float64:
		if name == "Float" {
			return v, nil
		}
	case int64:
		return coerceScalar(name, json.Number(strconv.FormatInt(v, 10)))
	case json.Number:
		switch name {
		case "Int":
			n, err := strconv.ParseInt(v.String(), 10, 32)
			if err == nil {
				return n, nil
			}
			if errors.Is(err, strconv.ErrRange) {
				return nil, invalidValue("Int cannot represent non 32-bit signed integer value: %s", quoted(v))
			}
		case "ID": // 64 bits, as in a literal
			if n, err := v.Int64(); err == nil {
				return strconv.FormatInt(n, 10), nil
			}
		case "Float":
			if f, err := v.Float64(); err == nil {
				return f, nil
			}
		}
	}
	return nil, invalidValue(misfits[name], quoted(value))
}

// quoted returns a value for a message: as it was sent, if it is short.
func quoted(value any) string {
	switch v := value.(type) {
	case string:
		return strconv.Quote(shortened(v))
	case json.Number:
		return shortened(v.String())
	case []any:
		return "a list"
	case map[string]any:
		return "an object"
	}
	return fmt.Sprint(value)
}

// shortened cuts a text to its first characters.
func shortened(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
