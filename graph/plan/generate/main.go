// Command generate runs gqlgen with a plugin that writes the tables of package plan,
// from which the fields of the schema are answered. `make generate` calls it.
package main

import (
	_ "embed"
	"fmt"
	"go/types"
	"log"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/99designs/gqlgen/api"
	"github.com/99designs/gqlgen/codegen"
	"github.com/99designs/gqlgen/codegen/config"
	"github.com/99designs/gqlgen/codegen/templates"
)

func main() {
	cfg, err := config.LoadConfigFromDefaultLocations()
	if err != nil {
		log.Fatal("read gqlgen.yml: ", err)
	}
	if err := api.Generate(cfg, api.AddPlugin(tables{})); err != nil {
		log.Fatal("generate: ", err)
	}
}

//go:embed tables.gotpl
var template string

// tables is the plugin.
type tables struct{}

func (tables) Name() string { return "plan" }

// GenerateCode implements plugin.CodeGenerator.
func (tables) GenerateCode(data *codegen.Data) error {
	g := &generator{Data: data}
	return templates.Render(templates.Options{
		PackageName: data.Config.Exec.Package,
		Filename:    filepath.Join(data.Config.Exec.DirName, "plan.generated.go"),
		Template:    template,
		Data:        g,
		Funcs: map[string]any{
			"get": g.get, "append": g.appendField, "of": ofObject, "args": args, "null": nullability, "local": local, "kind": g.kind,
		},
		GeneratedHeader: true,
		Packages:        data.Config.Packages,
	})
}

type generator struct{ *codegen.Data }

// Types are the object types of the schema, roots included and introspection
// excluded.
func (g *generator) Types() []*codegen.Object {
	var objects []*codegen.Object
	for _, object := range g.Objects {
		if !strings.HasPrefix(object.Name, "__") {
			objects = append(objects, object)
		}
	}
	return objects
}

// Fields are those of a type that a plan answers: not those of introspection, nor
// those with a directive that gqlgen executes, on the field if it is not of a root, or
// on an argument.
func (g *generator) Fields(object *codegen.Object) []*codegen.Field {
	var fields []*codegen.Field
	for _, field := range object.Fields {
		directed := slices.ContainsFunc(field.Args, func(arg *codegen.FieldArgument) bool { return len(arg.ImplDirectives()) > 0 })
		if !field.IsReserved() && !directed && (object.Root || !field.HasDirectives()) {
			fields = append(fields, field)
		}
	}
	return fields
}

// Parent is the Go type of a type's objects; a root has none.
func (g *generator) Parent(object *codegen.Object) string {
	if object.Root {
		return "struct{}"
	}
	return templates.CurrentImports.LookupType(types.NewPointer(object.Type))
}

// Abstracts are the interfaces and unions that fields lead to.
func (g *generator) Abstracts() []*codegen.Interface {
	var abstracts []*codegen.Interface
	for _, name := range slices.Sorted(maps.Keys(g.Interfaces)) {
		abstract := g.Interfaces[name]
		slices.SortFunc(abstract.Implementors, func(a, b codegen.InterfaceImplementor) int { return strings.Compare(a.Name, b.Name) })
		abstracts = append(abstracts, abstract)
	}
	return abstracts
}

// kind is the constructor in package plan for a field.
func (g *generator) kind(field *codegen.Field) string {
	switch {
	case !field.TypeReference.Definition.IsCompositeType():
		if local(field) && !field.IsResolver {
			return "Scalar"
		}
		return "Value"
	case field.TypeReference.IsSlice():
		return "Objects"
	}
	return "Object"
}

// local reports whether a field's value comes from its parent, without reading.
func local(field *codegen.Field) bool {
	return !field.IsResolver && !field.MethodHasContext && (field.IsVariable() || field.NoErr)
}

func nullability(field *codegen.Field) string {
	value, element := !field.TypeReference.GQL.NonNull, false
	if elem := field.TypeReference.GQL.Elem; elem != nil {
		element = !elem.NonNull
	}
	switch {
	case value && element:
		return "plan.Nullability{Value: true, Element: true}"
	case value:
		return "plan.Nullability{Value: true}"
	case element:
		return "plan.Nullability{Element: true}"
	}
	return "plan.Nullability{}"
}

// get returns the field's batch resolver.
func (g *generator) get(field *codegen.Field) string {
	parent, value := g.Parent(field.Object), templates.CurrentImports.LookupType(field.TypeReference.GO)
	switch {
	case field.Object == g.QueryRoot:
		return fmt.Sprintf("plan.Root(func(ctx context.Context, fc *plan.Arguments) (%s, error) { return %s })",
			value, "resolvers."+field.ShortInvocation())
	case field.Object.Root:
		return fmt.Sprintf("plan.Root[%s](nil)", value)
	case field.IsBatch():
		return fmt.Sprintf("func(ctx context.Context, fc *plan.Arguments, objs []%s) ([]%s, error) { return resolvers.%s().%s(%s) }",
			parent, value, field.Object.Name, field.GoFieldName, field.BatchCallArgs("objs", ""))
	}
	read := ofObject(field)
	if !field.IsMethod() || field.NoErr {
		read += ", nil"
	}
	return fmt.Sprintf("plan.PerParent(func(ctx context.Context, obj %s) (%s, error) { return %s })", parent, value, read)
}

// args returns decoders of a field's arguments, gqlgen's function for each type.
// gqlgen's function for all arguments makes two maps and a context for each path,
// which only errors need, and a plan that cannot decode an argument declines.
func args(field *codegen.Field) string {
	if len(field.Args) == 0 {
		return "nil"
	}
	decoders := make([]string, len(field.Args))
	for i, arg := range field.Args {
		decoders[i] = fmt.Sprintf("plan.Arg(%q, ec.%s)", arg.Name, arg.TypeReference.UnmarshalFunc())
	}
	return "plan.Args{" + strings.Join(decoders, ", ") + "}"
}

// ofObject returns the value of a field that is a method or a variable of obj.
func ofObject(field *codegen.Field) string {
	if field.IsMethod() {
		return "obj." + field.GoFieldName + "(" + field.CallArgs() + ")"
	}
	return "obj." + field.GoFieldName
}

// appendField returns code that appends the value of a scalar field, and false for
// null.
func (g *generator) appendField(field *codegen.Field, value string) string {
	return g.appendOf(field.TypeReference, value)
}

func (g *generator) appendOf(t *config.TypeReference, value string) string {
	lookup := templates.CurrentImports.Lookup
	switch {
	case t.IsSlice():
		return fmt.Sprintf("plan.AppendList(buf, %s, %t, func(buf []byte, v %s) ([]byte, bool) { return %s })",
			value, !t.GQL.NonNull, templates.CurrentImports.LookupType(t.Elem().GO), g.appendOf(t.Elem(), "v"))
	case t.IsPtr() && (!t.IsMarshaler || t.Definition.Kind == "ENUM"):
		return fmt.Sprintf("plan.AppendPointer(buf, %s, func(buf []byte, v %s) ([]byte, bool) { return %s })",
			value, templates.CurrentImports.LookupType(t.Elem().GO), g.appendOf(t.Elem(), "v"))
	case t.Definition.Kind == "ENUM":
		return fmt.Sprintf("plan.AppendString(buf, string(%s)), true", value)
	case hasMethod(t.GO, "AppendGQL"):
		return fmt.Sprintf("%s.AppendGQL(buf)", value)
	case t.Marshaler != nil && t.Marshaler.Pkg() != nil:
		function := strings.TrimPrefix(t.Marshaler.Name(), "Marshal")
		if t.Marshaler.Pkg().Scope().Lookup("Append"+function) != nil {
			return fmt.Sprintf("%s.Append%s(buf, %s), true", lookup(t.Marshaler.Pkg().Path()), function, value)
		}
		switch function {
		case "String", "ID":
			return fmt.Sprintf("plan.AppendString(buf, %s), true", value)
		case "Int":
			return fmt.Sprintf("strconv.AppendInt(buf, int64(%s), 10), true", value)
		case "Boolean":
			return fmt.Sprintf("strconv.AppendBool(buf, %s), true", value)
		}
		return fmt.Sprintf("plan.AppendMarshaler(buf, %s.%s(%s))", lookup(t.Marshaler.Pkg().Path()), t.Marshaler.Name(), value)
	}
	return fmt.Sprintf("plan.AppendMarshaler(buf, %s)", value)
}

func hasMethod(t types.Type, name string) bool {
	method, _, _ := types.LookupFieldOrMethod(t, true, nil, name)
	_, ok := method.(*types.Func)
	return ok
}
