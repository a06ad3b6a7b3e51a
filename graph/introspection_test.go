package graph_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The page shows the schema's description as its introduction, so its links have to
// lead to documents that the server serves.
func TestIntrospection_Description_InTheFileToo(t *testing.T) {
	t.Parallel()
	a := setup(t)
	var got struct {
		Schema struct{ Description string } `json:"__schema"`
	}
	a.mustAsk(&got, `{ __schema { description } }`, nil)
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
	const typeFields = `{ kind fields(includeDeprecated: true) { __typename } interfaces { __typename } possibleTypes { __typename }
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
	a.mustAsk(&got, `{ __schema { types `+typeFields+` } __type(name: "Event") { fields { type `+typeFields+` } } }`, nil)
	all := got.Schema.Types
	for _, field := range got.Type.Fields {
		all = append(all, field.Type)
	}
	kinds := map[string]bool{}
	for _, described := range all {
		kinds[described.Kind] = true
		object := described.Kind == "OBJECT" || described.Kind == "INTERFACE"
		for field, problem := range map[string]bool{
			"fields": (described.Fields != nil) != object, "interfaces": (described.Interfaces != nil) != object,
			"possibleTypes": (described.PossibleTypes != nil) != (described.Kind == "INTERFACE" || described.Kind == "UNION"),
			"enumValues":    (described.EnumValues != nil) != (described.Kind == "ENUM"),
			"inputFields":   (described.InputFields != nil) != (described.Kind == "INPUT_OBJECT"),
			"isOneOf":       (described.IsOneOf != nil) != (described.Kind == "INPUT_OBJECT"),
			"ofType":        (described.OfType != nil) != (described.Kind == "NON_NULL" || described.Kind == "LIST"),
		} {
			if problem {
				t.Errorf("%s of %+v", field, described)
			}
		}
	}
	for _, kind := range []string{"SCALAR", "OBJECT", "INTERFACE", "ENUM", "INPUT_OBJECT", "NON_NULL"} {
		if !kinds[kind] {
			t.Errorf("no %s was checked", kind)
		}
	}
}
