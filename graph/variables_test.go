package graph_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

// An invalid variable is refused before anything executes, with the message of a
// literal and the variable's name, by plans and by resolvers.
func TestVariables_NotOfTheirType_RefusedByName(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	planned := setupAt(t, databaseURL)
	resolved := setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	planned.register("t/0", variables{"n": 1})
	const (
		first    = `query($v: Int) { resources(first: $v) { nodes { path } } }`
		register = `mutation($v: RegisterResourceInput!) { registerResource(input: $v) { status } }`
		order    = `query($v: ResourceOrder) { resources(orderBy: $v) { nodes { path } } }`
	)
	for name, test := range map[string]struct{ query, variables, code, argument, message string }{
		"text for an Int":             {first, `{"v": "2"}`, "", "v", `$v: Int cannot represent non-integer value: "2"`},
		"fraction for an Int":         {first, `{"v": 1.9}`, "", "v", `$v: Int cannot represent non-integer value: 1.9`},
		"whole fraction for an Int":   {first, `{"v": 2.0}`, "", "v", `$v: Int cannot represent non-integer value: 2.0`},
		"exponent for an Int":         {first, `{"v": 1e1}`, "", "v", `$v: Int cannot represent non-integer value: 1e1`},
		"33 bits for an Int":          {first, `{"v": 2147483648}`, "", "v", `$v: Int cannot represent non 32-bit signed integer value: 2147483648`},
		"64 bits for an Int":          {first, `{"v": 3000000000000}`, "", "v", `$v: Int cannot represent non 32-bit signed integer value: 3000000000000`},
		"100 bits for an Int":         {first, `{"v": 1267650600228229401496703205376}`, "", "v", `$v: Int cannot represent non 32-bit signed integer value: 1267650600228229401496703205376`},
		"list for an Int":             {first, `{"v": [1]}`, "", "v", `$v: Int cannot represent non-integer value: a list`},
		"Boolean for an Int":          {first, `{"v": true}`, "", "v", `$v: Int cannot represent non-integer value: true`},
		"number for a String":         {`query($v: String!) { resource(path: $v) { path } }`, `{"v": 5}`, "", "v", `$v: String cannot represent a non string value: 5`},
		"number for a text in a list": {`query($v: [String!]!) { resourcesByPath(paths: $v) { path } }`, `{"v": ["a", 5]}`, "", "v[1]", `$v[1]: String cannot represent a non string value: 5`},
		"null in a list":              {`query($v: [String!]!) { resourcesByPath(paths: $v) { path } }`, `{"v": ["a", null]}`, "", "v[1]", `$v[1]: must not be null, as its type is String!`},
		"null for a list":             {`query($v: [String!]!) { resourcesByPath(paths: $v) { path } }`, `{"v": null}`, "", "v", `$v: must not be null, as its type is [String!]!`},
		"nothing":                     {`query($v: [String!]!) { resourcesByPath(paths: $v) { path } }`, `{}`, "", "v", `$v: must be given, as its type is [String!]!`},
		"fraction for an ID":          {`query($v: ID!) { node(id: $v) { id } }`, `{"v": 5.5}`, "", "v", `$v: ID cannot represent a non-string and non-integer value: 5.5`},
		"Boolean for an ID":           {`query($v: ID!) { node(id: $v) { id } }`, `{"v": true}`, "", "v", `$v: ID cannot represent a non-string and non-integer value: true`},
		"100 bits for an ID":          {`query($v: ID!) { node(id: $v) { id } }`, `{"v": 1267650600228229401496703205376}`, "", "v", `$v: ID cannot represent a non-string and non-integer value: 1267650600228229401496703205376`},
		"text for a Boolean":          {`query($v: Boolean!) { resource(path: "t/0") { path @include(if: $v) } }`, `{"v": "true"}`, "", "v", `$v: Boolean cannot represent a non boolean value: "true"`},
		"number for a Boolean":        {`query($v: Boolean!) { resource(path: "t/0") { path @include(if: $v) } }`, `{"v": 1}`, "", "v", `$v: Boolean cannot represent a non boolean value: 1`},
		"enum in another case":        {`query($v: OrderDirection) { events(direction: $v) { nodes { eventId } } }`, `{"v": "desc"}`, "", "v", `$v: Value "desc" does not exist in "OrderDirection" enum.`},
		"number for an enum":          {`query($v: OrderDirection) { events(direction: $v) { nodes { eventId } } }`, `{"v": 0}`, "", "v", `$v: Enum "OrderDirection" cannot represent non-enum value: 0.`},
		"enum in an object":           {order, `{"v": {"field": "path"}}`, "", "v.field", `$v.field: Value "path" does not exist in "ResourceOrderField" enum.`},
		"null in an object":           {order, `{"v": {"field": null}}`, "", "v.field", `$v.field: must not be null, as its type is ResourceOrderField!`},
		"text for an object":          {order, `{"v": "PATH"}`, "", "v", `$v: Expected value of type "ResourceOrder", found "PATH".`},
		"unknown field":               {order, `{"v": {"size": 1, "order": 1}}`, "", "v", `$v: Field "order" is not defined by type "ResourceOrder".`},
		"__typename":                  {order, `{"v": {"__typename": "ResourceOrder"}}`, "", "v", `$v: Field "__typename" is not defined by type "ResourceOrder".`},
		"missing field":               {register, `{"v": {"path": "new"}}`, "", "v.payload", `$v.payload: Field "RegisterResourceInput.payload" of required type "PayloadInput!" was not provided.`},
		"two of one":                  {register, `{"v": {"path": "new", "type": "playbook", "payload": {"json": null, "yaml": "a: 1"}}}`, "BAD_USER_INPUT", "v.payload", `$v.payload: OneOf Input Object "PayloadInput" must specify exactly one key, with a value that is not null.`},
		"null of one":                 {register, `{"v": {"path": "new", "type": "playbook", "payload": {"json": null}}}`, "BAD_USER_INPUT", "v.payload", `$v.payload: OneOf Input Object "PayloadInput" must specify exactly one key, with a value that is not null.`},
		"key twice":                   {register, `{"v": {"path": "new", "type": "playbook", "payload": {"json": {"a": 1, "a": 2}}}}`, "BAD_USER_INPUT", "variables.v.payload.json.a", `the request is not one JSON value of the allowed form: a key stands twice in an object at byte 183`},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range []*api{planned, resolved} {
				a := a.forTest(t)
				data, errs := a.decode(a.read(a.post("application/json", `{"query": `+quote(test.query)+`, "variables": `+test.variables+`}`)))
				if len(errs) != 1 || len(data) > 0 {
					t.Fatalf("data %s, errors %+v", data, errs)
				}
				if test.code == "" {
					test.code = "GRAPHQL_VALIDATION_FAILED"
				}
				if errs[0].Extensions["code"] != test.code || errs[0].Extensions["argument"] != test.argument || errs[0].Message != test.message {
					t.Errorf("got %+v", errs[0])
				}
			}
		})
	}
	planned.wantData(`{"resources": {"totalCount": 1}}`, `{ resources { totalCount } }`, nil)
	if log := planned.log.String() + resolved.log.String(); log != "" {
		t.Errorf("the log: %s", log)
	}
}

// A nullable variable with a default is allowed for a non-null argument; a null in
// it is refused, and nothing is written or logged.
func TestVariables_NullForANonNullArgument_Refused(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	planned := setupAt(t, databaseURL)
	resolved := setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	planned.register("t/0", variables{"n": 1})
	for query, argument := range map[string]string{
		`query($v: String = "t/0") { resource(path: $v) { path } }`:                                                                                                             "path",
		`query($v: String = "t/0") { version(path: $v) { version } }`:                                                                                                           "path",
		`query($v: [String!] = ["t/0"]) { resourcesByPath(paths: $v) { path } }`:                                                                                                "paths",
		`query($v: String = "t/0") { resourcesByPath(paths: ["t/0", $v]) { path } }`:                                                                                            "paths[1]",
		`query($v: ID = "x") { node(id: $v) { id } }`:                                                                                                                           "id",
		`query($v: ID = "x") { nodes(ids: [$v]) { id } }`:                                                                                                                       "ids[0]",
		`query($v: String = "t/0") { events(filter: {types: [$v]}) { nodes { eventId } } }`:                                                                                     "filter.types[0]",
		`query($v: String = "t/0") { resources(filter: {paths: ["t/0", $v]}) { nodes { path } } }`:                                                                              "filter.paths[1]",
		`query($v: ResourceOrderField) { resources(orderBy: {field: $v}) { nodes { path } } }`:                                                                                  "orderBy.field",
		`query($v: String = "1.0.0") { resource(path: "t/0") { ...F } } fragment F on Resource { version(version: $v) { version } }`:                                            "version",
		`query($v: Boolean = false) { resource(path: "t/0") { path @include(if: $v) } }`:                                                                                        "if",
		`query($v: Boolean = true) { executions(first: 5) { nodes { status @skip(if: $v) } } }`:                                                                                 "if",
		`query($v: Boolean = true) { resource(path: "t/0") { ... @include(if: $v) { path } } }`:                                                                                 "if",
		`query($v: Boolean = true) { ...F @skip(if: $v) } fragment F on Query { resource(path: "t/0") { path } }`:                                                               "if",
		`mutation($v: Boolean = true) { registerResources(atomic: $v, inputs: [{path: "new", type: "playbook", payload: {json: {}}}]) { results { error { code } } } }`:         "atomic",
		`mutation($v: Boolean) { registerResources(atomic: $v, inputs: [{path: "new", type: "playbook", payload: {json: {}}}]) { results { error { code } } } }`:                "atomic",
		`mutation($v: String = "UPDATED") { recordEvents(inputs: [{path: "t/0", type: "UPDATED"}, {path: "t/0", type: $v}]) { results { duplicate } } }`:                        "inputs[1].type",
		`mutation($v: PayloadInput = {json: {}}) { registerResource(input: {path: "new", type: "playbook", payload: $v}) { status } }`:                                          "input.payload",
		`mutation($v: String = "UPDATED") { a: recordEvent(input: {path: "t/0", type: "UPDATED"}) { duplicate } b: recordEvent(input: {path: "t/0", type: $v}) { duplicate } }`: "input.type",
		`query($v: Boolean = true) { __type(name: "Event") { fields @include(if: $v) { name } } }`:                                                                              "if",
	} {
		for _, a := range []*api{planned, resolved} {
			problem := a.forTest(t).wantError("GRAPHQL_VALIDATION_FAILED", argument, query, variables{"v": nil})
			if !strings.Contains(problem.Message, "must not be null") {
				t.Errorf("%s: %s", query, problem.Message)
			}
		}
	}
	planned.wantData(`{"resources": {"totalCount": 1}, "events": {"totalCount": 1}}`, `{ resources { totalCount } events { totalCount } }`, nil)
	if log := planned.log.String() + resolved.log.String(); log != "" {
		t.Errorf("the log: %s", log)
	}
}

// A null is not an error where it is not used, where it is allowed, or where a
// default replaces it.
func TestVariables_NullOrAbsentWhereAllowed_Answered(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	planned := setupAt(t, databaseURL)
	resolved := setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	planned.register("t/0", variables{"n": 1})
	planned.register("t/1", variables{"n": 2})
	const two = `{"resources": {"nodes": [{"path": "t/0"}, {"path": "t/1"}]}}`
	for _, test := range []struct {
		query string
		vars  variables
		want  string
	}{
		{`query($v: String = "t/0", $with: Boolean!) { resource(path: $v) @include(if: $with) { path } resources { nodes { path } } }`, variables{"v": nil, "with": false}, two},
		{`query($v: String = "t/0", $without: Boolean!) { ...F @skip(if: $without) resources { nodes { path } } } fragment F on Query { resource(path: $v) { path } }`, variables{"v": nil, "without": true}, two},
		{`query($v: ResourceOrderField) { resources(orderBy: {field: $v}) { nodes { path } } }`, nil, two},
		{`query($v: OrderDirection) { resources(orderBy: {field: PATH, direction: $v}) { nodes { path } } }`, nil, two},
		{`query($v: Int) { resources(first: $v) { nodes { path } } }`, variables{"v": nil}, two},
		{`query($v: ResourceFilter) { resources(filter: $v) { nodes { path } } }`, variables{"v": nil, "unknown": 1}, two},
		{`query($v: String) { resources(filter: {pathPrefix: $v}) { nodes { path } } }`, nil, two},
		{`query($v: [String!] = "t/0") { resources(filter: {paths: $v}) { nodes { path } } }`, nil, `{"resources": {"nodes": [{"path": "t/0"}]}}`},
		{`query($v: [String!]) { resources(filter: {paths: $v}) { nodes { path } } }`, variables{"v": "t/1"}, `{"resources": {"nodes": [{"path": "t/1"}]}}`},
		{`query($v: ResourceFilter) { resources(filter: $v) { nodes { path } } }`, variables{"v": variables{"paths": "t/1"}}, `{"resources": {"nodes": [{"path": "t/1"}]}}`},
		{`query($v: ID!) { node(id: $v) { id } }`, variables{"v": 5}, `{"node": null}`},
		{`query($v: ID = 5) { node(id: $v) { id } }`, nil, `{"node": null}`},
	} {
		for _, a := range []*api{planned, resolved} {
			a.forTest(t).wantData(test.want, test.query, test.vars)
		}
	}
}

// The argument `if` of @defer defaults to true, also for null and for an omitted
// variable.
func TestVariables_NullOrAbsentForDefer_Defers(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("t/0", variables{"n": 1})
	query := func(declared, directive string) string {
		return `query` + declared + ` { resource(path: "t/0") { path ... ` + directive + ` { latestVersion { version } } } }`
	}
	variable := query("($v: Boolean)", "@defer(if: $v)")
	for _, test := range []struct {
		query string
		vars  variables
	}{
		{query("", "@defer"), nil},
		{query("", "@defer(if: null)"), nil},
		{query("", "@defer(if: true)"), nil},
		{variable, nil},
		{variable, variables{"v": nil}},
		{variable, variables{"v": true}},
		{query("($v: Boolean = null)", "@defer(if: $v)"), nil},
	} {
		a.wantError("BAD_USER_INPUT", "", test.query, test.vars) // plain JSON cannot carry an answer in parts
		if got := a.askInParts(test.query, test.vars); len(got) != 2 {
			t.Errorf("%s %v: %v", test.query, test.vars, got)
		}
	}
	const undivided = `{"resource": {"path": "t/0", "latestVersion": {"version": "1.0.0"}}}`
	a.wantData(undivided, variable, variables{"v": false})
	a.wantData(undivided, query("", "@defer(if: false)"), nil)
}

// A fragment shared by two operations uses the defaults of the one that runs.
func TestVariables_FragmentOfTwoOperations_OwnDefaults(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	planned := setupAt(t, databaseURL)
	resolved := setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	planned.register("t/0", variables{"n": 1})
	planned.register("t/1", variables{"n": 2})
	const document = `query A($p: String) { ...F } query B($p: String = "t/1") { ...F }
		fragment F on Query { resources(filter: {pathPrefix: $p}) { nodes { path } } }`
	for _, a := range []*api{planned, resolved} {
		for name, want := range map[string]string{
			"A": `{"resources":{"nodes":[{"path":"t/0"},{"path":"t/1"}]}}`, "B": `{"resources":{"nodes":[{"path":"t/1"}]}}`,
		} {
			data, errs := a.decode(a.read(a.post("application/json", `{"query": `+quote(document)+`, "operationName": "`+name+`"}`)))
			if string(data) != want || errs != nil {
				t.Errorf("%s: %s %+v", name, data, errs)
			}
		}
	}
}

// A missing or unknown operation name gives the same error over every transport.
func TestOperationName_MissingOrUnknown_ErrorListsOperations(t *testing.T) {
	t.Parallel()
	a := setup(t)
	const two, one, none = "query A { __typename } query B { __typename }", "{ __typename }", "# nothing\n"
	for _, test := range []struct{ query, name, argument, message string }{
		{two, "", "operationName", "the document has several operations; operationName must be one of A, B"},
		{two, "C", "operationName", `the document has no operation "C"; it has A, B`},
		{one, "C", "operationName", `the document has no operation "C"; its only one has no name`},
		{none, "", "query", "the document has no operation"},
		{"fragment F on Query { __typename }", "", "query", "the document has no operation"},
		{"query A { __typename } " + manyOperations(30), "", "operationName", "the document has several operations; operationName must be one of A, Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, Q8, Q9, Q10, Q11, Q12, Q13, Q14, Q15, Q16, Q17, Q18 and 11 more"},
	} {
		for way, answer := range a.askOverAllTransports(test.query, test.name) {
			want, err := json.Marshal(map[string]any{"message": test.message, "extensions": map[string]any{"argument": test.argument, "code": "GRAPHQL_VALIDATION_FAILED"}})
			if err != nil {
				t.Fatal(err)
			}
			// The same members in the order in which they are sent.
			extensions := strings.Index(string(want), `"message"`)
			sent := "{" + string(want[extensions:len(want)-1]) + "," + string(want[1:extensions-1]) + "}"
			if !strings.Contains(answer, sent) || strings.Contains(answer, `"data":`) {
				t.Errorf("%q %q over %s: %s\nwant %s", test.query, test.name, way, answer, sent)
			}
		}
	}
}

// askOverAllTransports sends a query over every transport, and returns the responses.
func (a *api) askOverAllTransports(query, operationName string) map[string]string {
	a.t.Helper()
	request := variables{"query": query}
	if operationName != "" {
		request["operationName"] = operationName
	}
	text := a.encode(request)
	return map[string]string{
		"POST":      a.read(a.post("application/json", text)),
		"GET":       a.read(a.request(http.MethodGet, "/graphql?"+url.Values{"query": {query}, "operationName": {operationName}}.Encode(), "")),
		"SSE":       a.read(a.post("text/event-stream", text)),
		"multipart": a.read(a.post("multipart/mixed", text)),
		"WebSocket": a.overSocket(text),
	}
}

func TestDocument_Invalid_EveryErrorOverEveryTransport(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for query, want := range map[string]struct {
		code  string
		count int
	}{
		"{ a resource(path: 1) { b } }":         {"GRAPHQL_VALIDATION_FAILED", 3},
		"{ a" + strings.Repeat(" a", 30) + " }": {"GRAPHQL_VALIDATION_FAILED", 20},
		"{ a(":                                  {"GRAPHQL_PARSE_FAILED", 1},
		"{" + strings.Repeat(" __typename", 10_000) + " }": {"GRAPHQL_PARSE_FAILED", 1},
	} {
		for way, answer := range a.askOverAllTransports(query, "") {
			if got := strings.Count(answer, `"code":"`+want.code+`"`); got != want.count || strings.Count(answer, `"message"`) != got {
				t.Errorf("%.50s over %s: want %d errors %s, got %s", query, way, want.count, want.code, answer)
			}
		}
	}
}

func manyOperations(n int) string {
	var text strings.Builder
	for i := range n {
		fmt.Fprintf(&text, "query Q%d { __typename } ", i)
	}
	return text.String()
}
