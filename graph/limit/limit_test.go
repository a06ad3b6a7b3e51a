package limit

import (
	"fmt"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

const schemaText = `
type Query {
	resource(path: String): Resource
	resources(first: Int, last: Int): Connection
	tens(first: Int = 10): Connection
	nodes(ids: [ID!]!): [Resource]
	paths(paths: [String!]! = ["a", "b", "c"]): [Resource]
	inputs(inputs: [String!]!): Resource
}
type Connection { nodes: [Resource] }
type Resource { path: String version: Resource versions(first: Int, last: Int): Connection }
`

func operation(t testing.TB, query string, variables map[string]any) *graphql.OperationContext {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, rules.NewDefaultRules())
	if errs != nil {
		t.Fatalf("%s: %v", query, errs)
	}
	values, err := validator.VariableValues(schema, doc.Operations[0], variables)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return &graphql.OperationContext{Doc: doc, Operation: doc.Operations[0], Variables: values}
}

func measured(t *testing.T, query string, variables map[string]any) measure {
	t.Helper()
	op := operation(t, query, variables)
	w := walk{variables: op.Variables}
	return w.selections(op.Operation.SelectionSet)
}

func TestCost_IsFieldsTimesPageSize(t *testing.T) {
	t.Parallel()
	type vars = map[string]any
	for _, tc := range []struct {
		name, query string
		variables   vars
		want        int64
	}{
		{"plain fields", `{resource{path version{path}}}`, nil, 4},
		{"page from a literal", `{resources(first:50){nodes{path}}}`, nil, 1 + 50*2},
		{"last counts like first", `{resources(last:50){nodes{path}}}`, nil, 101},
		{"no page given", `{resources{nodes{path}}}`, nil, 1 + 20*2},
		{"null is no page", `{resources(first:null){nodes{path}}}`, nil, 41},
		{"page from a variable", `query($n:Int){resources(first:$n){nodes{path}}}`, vars{"n": int64(7)}, 15},
		{"page from the variable's default", `query($n:Int=9){resources(first:$n){nodes{path}}}`, nil, 19},
		{"variable not given", `query($n:Int){resources(first:$n){nodes{path}}}`, nil, 41},
		{"page from the schema's default", `{tens{nodes{path}}}`, nil, 21},
		{"page above the longest", `{resources(first:2147483647){nodes{path}}}`, nil, 401},
		{"page below one", `{resources(first:-5){nodes{path}}}`, nil, 3},
		{"pages multiply", `{resources(first:10){nodes{versions(first:5){nodes{path}}}}}`, nil, 1 + 10*(1+1+5*2)},
		{"list literal", `{nodes(ids:[1,2,3]){path}}`, nil, 4},
		{"list variable", `query($i:[ID!]!){nodes(ids:$i){path}}`, vars{"i": []any{"a", "b"}}, 3},
		{"single variable for a list", `query($i:[ID!]!){nodes(ids:$i){path}}`, vars{"i": "a"}, 2},
		{"list from the schema's default", `{paths{path}}`, nil, 4},
		{"list of something else", `{inputs(inputs:["a","b"]){path}}`, nil, 2},
		{"aliases", `{a:resource{path} b:resource{path}}`, nil, 4},
		{"fragments", `{...F resource{...G}} fragment F on Query{resource{...G}} fragment G on Resource{path}`, nil, 4},
		{"inline fragments", `{...{resource{...on Resource{path}}}}`, nil, 2},
		{"skipped by a literal", `{resource{path version@skip(if:true){path}}}`, nil, 2},
		{"not included by a variable", `query($b:Boolean!){resource{path version@include(if:$b){path}}}`, vars{"b": false}, 2},
		{"included by a variable", `query($b:Boolean!){resource{path version@include(if:$b){path}}}`, vars{"b": true}, 4},
		{"skipped fragment", `{resource{path}...F@skip(if:true)} fragment F on Query{resource{path}}`, nil, 2},
		{"introspection counts", `{__schema{types{name}}}`, nil, 1 + 1 + 4},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := measured(t, tc.query, tc.variables).cost; got != tc.want {
				t.Errorf("%s costs %d, want %d", tc.query, got, tc.want)
			}
		})
	}
}

func deep(levels int) string {
	return "{resource{" + strings.Repeat("version{", levels-2) + "path" + strings.Repeat("}", levels)
}

// introspection is the query of GraphiQL, which must always pass.
const introspection = `{__schema{queryType{name}mutationType{name}subscriptionType{name}types{...FullType}
directives{name description locations args{...InputValue}}}}
fragment FullType on __Type{kind name description specifiedByURL
fields(includeDeprecated:true){name description args{...InputValue}type{...TypeRef}isDeprecated deprecationReason}
inputFields{...InputValue}interfaces{...TypeRef}enumValues(includeDeprecated:true){name description isDeprecated deprecationReason}
possibleTypes{...TypeRef}}
fragment InputValue on __InputValue{name description type{...TypeRef}defaultValue}
fragment TypeRef on __Type{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name
ofType{kind name ofType{kind name ofType{kind name ofType{kind name ofType{kind name}}}}}}}}}}`

// dag returns n fragments, each of which spreads the next one twice.
func dag(n int, root, on, leaf string) string {
	var b strings.Builder
	b.WriteString(root)
	for i := range n {
		fmt.Fprintf(&b, " fragment F%d on %s{...F%d ...F%d}", i, on, i+1, i+1)
	}
	fmt.Fprintf(&b, " fragment F%d on %s{%s}", n, on, leaf)
	return b.String()
}

func TestLimit_RefusesWithTheCode(t *testing.T) {
	t.Parallel()
	many := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "a%d:%s ", i, field)
		}
		return "{" + b.String() + "}"
	}
	for _, tc := range []struct {
		name, query string
		want        string
	}{
		{"15 levels", deep(15), ""},
		{"16 levels", deep(16), "DEPTH_LIMIT_EXCEEDED"},
		{"50 levels", deep(50), "DEPTH_LIMIT_EXCEEDED"},
		{"levels in fragments", `{resource{...A}} fragment A on Resource{version{version{version{version{version{version{version{...B}}}}}}}}
			fragment B on Resource{version{version{version{version{version{version{version{path}}}}}}}}`, "DEPTH_LIMIT_EXCEEDED"},
		{"introspection", introspection, ""},
		{"introspection below 15 levels of itself", `{__type(name:"A"){` + strings.Repeat("ofType{", 30) + "name" + strings.Repeat("}", 32), ""},
		{"introspection by 60 aliases", many(60, "__schema{types{name}}"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"introspection by 20 aliases", strings.Replace(introspection, "{__schema",
			strings.TrimSuffix(many(20, "__schema{types{...FullType}}"), "}")+"__schema", 1), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"50 root fields", many(50, "resource{path}"), ""},
		{"51 root fields", many(51, "resource{path}"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"52 root fields in fragments", "{...F ...G} fragment F on Query" + many(26, "resource{path}") +
			"fragment G on Query" + many(26, "resource{path}"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"1,000 lookups", many(1000, "resource{path}"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"100 × 100 × 100 rows", `{resources(first:100){nodes{versions(first:100){nodes{versions(first:100){nodes{path}}}}}}}`, "COMPLEXITY_LIMIT_EXCEEDED"},
		{"20 resources with 5 versions with 5", `{resources(first:20){nodes{path versions(first:5){nodes{path versions(first:5){nodes{path path path path}}}}}}}`, ""},
		{"fragments 2^35", dag(35, "{resource{...F0}}", "Resource", "path"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"fragments 2^30 under aliases", dag(30, "{a:resource{...F0}b:resource{...F0}}", "Resource", "x:path"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"fragments 2^35 in introspection", dag(35, "{__schema{types{...F0}}}", "__Type", "name"), "COMPLEXITY_LIMIT_EXCEEDED"},
		{"fragments 2^200: no overflow", dag(200, "{resource{...F0}}", "Resource", "path"), "COMPLEXITY_LIMIT_EXCEEDED"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			op := operation(t, tc.query, nil)
			got := ""
			if err := (Limit{}).MutateOperationContext(t.Context(), op); err != nil {
				got = string(apierror.Code(err))
			}
			if got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}

func TestLimit_PageByVariable_IsRefusedLikeALiteral(t *testing.T) {
	t.Parallel()
	op := operation(t, `query($n:Int!){resources(first:$n){nodes{versions(first:$n){nodes{path}}}}}`, map[string]any{"n": int64(200)})
	if err := (Limit{}).MutateOperationContext(t.Context(), op); err == nil {
		t.Error("200 × 200 rows passed")
	}
}

func TestWalk_FragmentsThatSpreadTheNextTwice_EachIsWalkedOnce(t *testing.T) {
	t.Parallel()
	const n = 35
	op := operation(t, dag(n, "{resource{...F0}}", "Resource", "path"), nil)
	var w walk
	got := w.selections(op.Operation.SelectionSet)
	if want := 2 + 2*n + 1; w.visits != want {
		t.Errorf("%d selections visited, want %d", w.visits, want)
	}
	if want := (measure{cost: 1 + 1<<n, depth: 2, fields: 1}); got != want {
		t.Errorf("measured %s", cmp.Diff(want, got, cmp.AllowUnexported(measure{})))
	}
}

func TestWalk_FragmentCycle_Ends(t *testing.T) {
	t.Parallel()
	cycle := &ast.FragmentDefinition{Name: "F"}
	cycle.SelectionSet = ast.SelectionSet{&ast.FragmentSpread{Name: "F", Definition: cycle}}
	var w walk
	if got := w.selections(cycle.SelectionSet); got.cost != ceiling {
		t.Errorf("cost %d, want the ceiling", got.cost)
	}
}

func BenchmarkLimit(b *testing.B) {
	for name, query := range map[string]string{
		"version":       `query($p:String){resource(path:$p){path version{path}}}`,
		"nested":        `{resources(first:20){nodes{path versions(first:5){nodes{path versions(first:5){nodes{path}}}}}}}`,
		"introspection": introspection,
		"dag":           dag(200, "{resource{...F0}}", "Resource", "path"),
	} {
		b.Run(name, func(b *testing.B) {
			op := operation(b, query, nil)
			b.ReportAllocs()
			for b.Loop() {
				_ = Limit{}.MutateOperationContext(b.Context(), op)
			}
		})
	}
}
