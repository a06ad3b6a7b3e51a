package graph_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The page shows the schema's description as its introduction, with links to documents
// that the server has.
func TestIntrospection_Description_InTheFileToo(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var got struct {
		Schema struct{ Description string } `json:"__schema"`
	}
	a.get(&got, `{ __schema { description } }`, nil)
	if want := fmt.Sprintf("\"\"\"\n%s\n\"\"\"\nschema {", got.Schema.Description); !strings.HasPrefix(a.sdl(), want) {
		t.Errorf("schema.graphql does not begin with:\n%s", want)
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(got.Schema.Description, -1)
	if len(links) == 0 {
		t.Error("the description has no links")
	}
	for _, link := range links {
		if status := a.request(http.MethodGet, "/"+link[1], "").StatusCode; status != http.StatusOK {
			t.Errorf("%s: %d", link[1], status)
		}
	}
}

// A field of __Type that does not apply to a type's kind is null.
func TestIntrospection_OtherKinds_NullNotEmpty(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const about = `{ kind fields(includeDeprecated: true) { __typename } interfaces { __typename } possibleTypes { __typename }
		enumValues(includeDeprecated: true) { __typename } inputFields(includeDeprecated: true) { __typename } isOneOf ofType { kind } }`
	type description struct {
		Kind                                                       string
		Fields, Interfaces, PossibleTypes, EnumValues, InputFields []any
		IsOneOf                                                    *bool
		OfType                                                     *struct{ Kind string }
	}
	var got struct {
		Schema struct{ Types []description } `json:"__schema"`
		Type   struct {
			Fields []struct{ Type description }
		} `json:"__type"`
	}
	a.get(&got, `{ __schema { types `+about+` } __type(name: "Event") { fields { type `+about+` } } }`, nil)
	all := got.Schema.Types
	for _, field := range got.Type.Fields {
		all = append(all, field.Type)
	}
	kinds := map[string]bool{}
	for _, of := range all {
		kinds[of.Kind] = true
		object := of.Kind == "OBJECT" || of.Kind == "INTERFACE"
		for field, problem := range map[string]bool{
			"fields": (of.Fields != nil) != object, "interfaces": (of.Interfaces != nil) != object,
			"possibleTypes": (of.PossibleTypes != nil) != (of.Kind == "INTERFACE" || of.Kind == "UNION"),
			"enumValues":    (of.EnumValues != nil) != (of.Kind == "ENUM"),
			"inputFields":   (of.InputFields != nil) != (of.Kind == "INPUT_OBJECT"),
			"isOneOf":       (of.IsOneOf != nil) != (of.Kind == "INPUT_OBJECT"),
			"ofType":        (of.OfType != nil) != (of.Kind == "NON_NULL" || of.Kind == "LIST"),
		} {
			if problem {
				t.Errorf("%s of %+v", field, of)
			}
		}
	}
	for _, kind := range []string{"SCALAR", "OBJECT", "INTERFACE", "ENUM", "INPUT_OBJECT", "NON_NULL"} {
		if !kinds[kind] {
			t.Errorf("no %s was checked", kind)
		}
	}
}
