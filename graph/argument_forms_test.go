package graph_test

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
)

// inputValue is an input value that can be written as JSON and as a literal.
type inputValue struct {
	// scalar is the JSON text of a null, a Boolean or a number.
	scalar  string
	text    *string
	list    []inputValue
	members []inputMember // nil if it is not an object
}

type inputMember struct {
	name  string
	value inputValue
}

func (v inputValue) json() string {
	switch {
	case v.scalar != "":
		return v.scalar
	case v.text != nil:
		return quote(*v.text)
	case v.members != nil:
		parts := make([]string, len(v.members))
		for i, member := range v.members {
			parts[i] = quote(member.name) + ":" + member.value.json()
		}
		return "{" + strings.Join(parts, ",") + "}"
	}
	parts := make([]string, len(v.list))
	for i, element := range v.list {
		parts[i] = element.json()
	}
	return "[" + strings.Join(parts, ",") + "]"
}

// argumentWriter writes operations that pass the same arguments to a field in different
// ways.
type argumentWriter struct {
	t      *rapid.T
	schema *ast.Schema
	// nested passes parts of an argument by their own variables. loose declares
	// variables as nullable with a default, wherever that is allowed.
	nested, loose bool
	declared      []string
	given         []inputMember
}

var namePattern = regexp.MustCompile(`^[A-Za-z_][A-Za-z_0-9]*$`)

// fieldOf returns a field of an input object type; nil if it does not exist.
func (w *argumentWriter) fieldOf(t *ast.Type, name string) *ast.FieldDefinition {
	if t == nil || t.Elem != nil {
		return nil
	}
	return w.schema.Types[t.NamedType].Fields.ForName(name)
}

// element returns the type of a list's elements; nil if the type is not a list.
func (*argumentWriter) element(t *ast.Type) *ast.Type {
	if t == nil {
		return nil
	}
	return t.Elem
}

func (w *argumentWriter) kind(t *ast.Type) ast.DefinitionKind {
	if t == nil {
		return ""
	}
	return w.schema.Types[t.Name()].Kind
}

// literal writes a value; t is its type, nil for one outside the schema.
func (w *argumentWriter) literal(v inputValue, t *ast.Type) string {
	inside := func(v inputValue, t *ast.Type, hasDefault bool) string {
		if !w.nested || t == nil {
			return w.literal(v, t)
		}
		return w.variable(v, t, hasDefault)
	}
	isJSON := t != nil && t.NamedType == "JSON"
	switch {
	case v.scalar != "":
		return v.scalar
	case v.text != nil:
		return w.text(*v.text, t)
	case v.members != nil:
		parts := make([]string, len(v.members))
		object := t
		for object != nil && object.Elem != nil {
			object = object.Elem // a single value for a list
		}
		for i, member := range v.members {
			of, hasDefault := (*ast.Type)(nil), false
			if field := w.fieldOf(object, member.name); field != nil {
				of, hasDefault = field.Type, field.DefaultValue != nil
				if w.schema.Types[object.NamedType].Directives.ForName("oneOf") != nil && w.nested {
					of = &ast.Type{NamedType: of.NamedType, NonNull: true}
				}
			} else if isJSON {
				of = t
			}
			parts[i] = member.name + ": " + inside(member.value, of, hasDefault)
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	parts := make([]string, len(v.list))
	element := w.element(t)
	if isJSON {
		element = t
	}
	for i, current := range v.list {
		parts[i] = inside(current, element, false)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (w *argumentWriter) text(text string, t *ast.Type) string {
	if w.kind(t) == ast.Enum && namePattern.MatchString(text) && !slices.Contains([]string{"true", "false", "null"}, text) {
		return text
	}
	lines := strings.Split(text, "\n")
	plain := !slices.ContainsFunc(lines, func(line string) bool {
		return line == "" || strings.TrimSpace(line) != line || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' })
	})
	if plain && rapid.Bool().Draw(w.t, "block string") {
		return `"""` + strings.ReplaceAll(strings.Join(lines, "\n    "), `"""`, `\"""`) + "\n  \"\"\""
	}
	return quote(text)
}

// variable passes a value by its own variable.
func (w *argumentWriter) variable(v inputValue, t *ast.Type, hasDefault bool) string {
	name := fmt.Sprintf("v%d", len(w.declared))
	declared := "$" + name + ": " + t.String()
	if w.loose && t.NonNull {
		nullable := *t
		nullable.NonNull = false
		declared = "$" + name + ": " + nullable.String()
		if !hasDefault || rapid.Bool().Draw(w.t, "own default") {
			declared += " = " + w.validLiteral(&nullable)
		}
	}
	w.declared = append(w.declared, declared)
	w.given = append(w.given, inputMember{name, v})
	return "$" + name
}

// validLiteral returns a literal that is valid for a type.
func (w *argumentWriter) validLiteral(t *ast.Type) string {
	if t.Elem != nil {
		return "[]"
	}
	definition := w.schema.Types[t.NamedType]
	switch {
	case definition.Kind == ast.Enum:
		return definition.EnumValues[0].Name
	case t.NamedType == "Int":
		return "1"
	case t.NamedType == "Boolean":
		return "true"
	case t.NamedType == "PayloadInput":
		return "{json: {}}"
	case definition.Kind == ast.InputObject:
		var parts []string
		for _, field := range definition.Fields {
			if field.Type.NonNull && field.DefaultValue == nil {
				parts = append(parts, field.Name+": "+w.validLiteral(field.Type))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return `"x"`
}

// operation writes an operation whose only field has these arguments.
func (w *argumentWriter) operation(kind string, field *ast.FieldDefinition, arguments []inputMember, argument func(v inputValue, d *ast.ArgumentDefinition) string) (query, variables string) {
	var parts []string
	for _, given := range arguments {
		parts = append(parts, given.name+": "+argument(given.value, field.Arguments.ForName(given.name)))
	}
	text := field.Name
	if len(parts) > 0 {
		text += "(" + strings.Join(parts, ", ") + ")"
	}
	text += selections[field.Type.Name()]
	if selections[field.Type.Name()] == "" && len(w.schema.Types[field.Type.Name()].Fields) > 0 {
		text += " { __typename }"
	}
	if len(w.declared) > 0 {
		kind += "(" + strings.Join(w.declared, ", ") + ")"
	}
	return kind + " { " + text + " }", inputValue{members: append([]inputMember{}, w.given...)}.json()
}

const recordedEvent = "{ eventId type { name } path version { version } payload meta timestamp }"

var selections = map[string]string{
	"Resource": " { path }", "ResourceConnection": " { nodes { path } }", "Version": " { path version }", "Node": " { id }",
	"Event": " { eventId }", "EventConnection": " { nodes { eventId } }",
	"Execution": " { executionId }", "ExecutionConnection": " { nodes { executionId } }",
	"RegisterResourcePayload":  " { status version { path version source location payload content meta type { name } } }",
	"RecordEventPayload":       " { event " + recordedEvent + " }",
	"RecordEventsPayload":      " { results { event " + recordedEvent + " } }",
	"SaveEventTypePayload":     " { eventType { name template phase } }",
	"SaveResourceTypePayload":  " { resourceType { name } }",
	"RegisterResourcesPayload": " { results { registration { status version { path payload source } } error { code argument } } }",
}

// drawValue returns a value for a type, usually a valid one.
func drawValue(t *rapid.T, schema *ast.Schema, of *ast.Type, name string, depth int) inputValue {
	pick := func(texts ...string) string { return rapid.SampledFrom(texts).Draw(t, name) }
	text := func(text string) inputValue { return inputValue{text: &text} }
	anyText := func() inputValue {
		return text(pick("p/0", "p/1", "p/", "playbook", "UPDATED", "1.0.0", "e1", "run", "UmVzb3VyY2U6cC8w", "desc", "", "é😀", "a\nb", "a: 1\nb:\n  c: 2", `"""`, `\`, "x\x00", "2020-01-01T00:00:00Z"))
	}
	anyNumber := func() inputValue {
		return inputValue{scalar: pick("0", "1", "5", "-1", "-0", "1.0", "1.5", "1e2", "2147483647", "2147483648", "-2147483649", "9007199254740993", "12345678901234567890", "1e400", "0.12345678901234567890")}
	}
	var anything func(depth int) inputValue
	anything = func(depth int) inputValue {
		switch most := rapid.IntRange(0, 4+2*min(depth, 1)).Draw(t, "form"); most {
		case 0:
			return inputValue{scalar: "null"}
		case 1:
			return inputValue{scalar: pick("true", "false")}
		case 2, 3:
			return anyNumber()
		case 4:
			return anyText()
		case 5:
			list := inputValue{list: []inputValue{}}
			for range rapid.IntRange(0, 2).Draw(t, "length") {
				list.list = append(list.list, anything(depth-1))
			}
			return list
		}
		object := inputValue{members: []inputMember{}}
		for range rapid.IntRange(0, 3).Draw(t, "members") {
			object.members = append(object.members, inputMember{pick("a", "b", "path", "json", "metadata", "c"), anything(depth - 1)})
		}
		return object
	}
	if depth == 0 || rapid.IntRange(0, 19).Draw(t, "misfit") == 0 {
		return anything(1)
	}
	if of.Elem != nil {
		if rapid.IntRange(0, 4).Draw(t, "single") == 0 {
			return drawValue(t, schema, of.Elem, name, depth-1)
		}
		list := inputValue{list: []inputValue{}}
		for range rapid.IntRange(0, 3).Draw(t, "length") {
			list.list = append(list.list, drawValue(t, schema, of.Elem, name, depth-1))
		}
		return list
	}
	definition := schema.Types[of.NamedType]
	if definition.Kind == ast.Enum {
		value := rapid.SampledFrom(definition.EnumValues).Draw(t, name).Name
		if rapid.IntRange(0, 3).Draw(t, "case") == 0 {
			value = strings.ToLower(value)
		}
		return text(value)
	}
	if definition.Kind == ast.InputObject {
		oneOf := definition.Directives.ForName("oneOf") != nil
		object := inputValue{members: []inputMember{}}
		for _, field := range definition.Fields {
			required := field.Type.NonNull && field.DefaultValue == nil
			often := 3
			if required {
				often = 12
			}
			given := rapid.IntRange(0, often).Draw(t, "given") == 0
			if field.Name != "dryRun" && of.NamedType+field.Name != "RecordEventInputeventId" && (given != required || oneOf && rapid.Bool().Draw(t, "one")) {
				object.members = append(object.members, inputMember{field.Name, drawValue(t, schema, field.Type, field.Name, depth-1)})
			}
		}
		switch rapid.IntRange(0, 24).Draw(t, "extra") {
		case 0:
			object.members = append(object.members, inputMember{"unknown", anything(0)})
		case 1:
			if len(object.members) > 0 {
				object.members = append(object.members, object.members[0])
			}
		}
		// One way must not change the answers of the others.
		switch of.NamedType {
		case "RegisterResourceInput":
			object.members = append(object.members, inputMember{"dryRun", inputValue{scalar: "true"}})
		case "RecordEventInput":
			object.members = append(object.members, inputMember{"eventId", text(uuid.NewString())})
		}
		return object
	}
	switch of.NamedType {
	case "Int":
		return inputValue{scalar: pick("1", "2", "3", "5", "200", "-0", "201")}
	case "Boolean":
		return inputValue{scalar: pick("true", "false")}
	case "ID":
		if rapid.Bool().Draw(t, "number") {
			return anyNumber()
		}
	case "DateTime":
		return text(pick("2020-01-01T00:00:00Z", "2030-01-01T00:00:00.5+01:00", "2026-13-01T00:00:00Z"))
	case "JSON":
		return anything(3)
	}
	switch name {
	case "path":
		return text(pick("p/0", "p/1", "none"))
	case "type", "types":
		return text(pick("UPDATED", "playbook"))
	case "yaml", "template":
		return text(pick("a: 1\nb: é\nc: \\d", "a: 1\nb:\n  c: 2", "é\nb"))
	}
	return anyText()
}

// socketServer is a server with an open WebSocket.
type socketServer struct {
	*api
	socket *websocket.Conn
	asked  int
}

// nextMessage returns the next message of an operation, skipping keep-alives.
func (s *socketServer) nextMessage(id string) wsMessage {
	for {
		if message := s.receive(s.socket); message.ID == id {
			return message
		}
	}
}

// askBy sends a request over a transport and returns its data, or the codes of its
// errors.
func (s *socketServer) askBy(transport, query, variables string) (data string, codes []string) {
	var text string
	switch transport {
	case "GET":
		text = s.read(s.request(http.MethodGet, "/graphql?"+url.Values{"query": {query}, "variables": {variables}}.Encode(), ""))
	case "POST":
		text = s.read(s.post("application/json", `{"query": `+quote(query)+`, "variables": `+variables+`}`))
	default:
		s.asked++
		id := fmt.Sprint(s.asked)
		if err := s.socket.Write(s.t.Context(), websocket.MessageText, []byte(`{"id": "`+id+`", "type": "subscribe", "payload": {"query": `+quote(query)+`, "variables": `+variables+`}}`)); err != nil {
			s.t.Fatal(err)
		}
		message := s.nextMessage(id)
		if text = string(message.Payload); message.Type == "next" {
			s.nextMessage(id) // complete
		} else {
			text = `{"errors":` + text + `}`
		}
	}
	answer, errs := s.decode(text)
	for _, problem := range errs {
		code, _ := problem.Extensions["code"].(string)
		codes = append(codes, code)
	}
	return string(answer), codes
}

// Every query and mutation accepts or refuses an input, and answers it, alike, whether a
// value comes as a literal, a variable, a variable's default, or variables inside
// a literal, over any transport, with plans or resolvers.
func TestInput_AnyValueAnyWay_OneVerdict(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	a := setupAt(t, databaseURL)
	b := setupAt(t, databaseURL, func(o *graph.HandlerOptions) { o.ResolversOnly = true })
	for i := range 3 {
		a.register(fmt.Sprintf("p/%d", i), variables{"n": i, "a": "b"})
	}
	a.exec(`INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ('e1', 'UPDATED', 'p/0', '1.0.0', '{"a": 1, "execution_id": "run"}')`)
	a.mustAsk(nil, `{ execution(executionId: "run") { status } }`, nil)
	servers := map[string]*socketServer{"planned": {api: a, socket: a.socket()}, "resolved": {api: b, socket: b.socket()}}
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: a.sdl()})
	var fields ast.FieldList
	for _, field := range schema.Query.Fields {
		if !strings.HasPrefix(field.Name, "__") {
			fields = append(fields, slices.Repeat(ast.FieldList{field}, len(field.Arguments))...)
		}
	}
	verdicts := map[bool]int{}

	check := func(t *rapid.T) {
		kind, field := "query", rapid.SampledFrom(fields).Draw(t, "field")
		transports := []string{"POST", "GET", "WebSocket"}
		if rapid.IntRange(0, 3).Draw(t, "mutation") == 0 {
			kind, field, transports = "mutation", rapid.SampledFrom(schema.Mutation.Fields).Draw(t, "field"), []string{"POST", "WebSocket"}
		}
		var arguments []inputMember
		for _, argument := range field.Arguments {
			required := argument.Type.NonNull && argument.DefaultValue == nil
			if rapid.IntRange(0, 2).Draw(t, "given") == 0 || required && rapid.IntRange(0, 15).Draw(t, "left out") > 0 {
				arguments = append(arguments, inputMember{argument.Name, drawValue(t, schema, argument.Type, argument.Name, 4)})
			}
		}
		type request struct{ query, variables string }
		requests := map[string]request{}
		add := func(name string, w *argumentWriter, argument func(v inputValue, d *ast.ArgumentDefinition) string) {
			w.t, w.schema = t, schema
			// The variables' declarations are complete only after the arguments are written.
			query, variables := w.operation(kind, field, arguments, argument)
			requests[name] = request{query, variables}
		}
		literal := &argumentWriter{}
		add("literal", literal, func(v inputValue, d *ast.ArgumentDefinition) string { return literal.literal(v, d.Type) })
		variable := &argumentWriter{}
		add("variable", variable, func(v inputValue, d *ast.ArgumentDefinition) string {
			return variable.variable(v, d.Type, d.DefaultValue != nil)
		})
		loose := &argumentWriter{loose: true}
		add("variable with a default", loose, func(v inputValue, d *ast.ArgumentDefinition) string {
			return loose.variable(v, d.Type, d.DefaultValue != nil)
		})
		byDefault := &argumentWriter{}
		add("default", byDefault, func(v inputValue, d *ast.ArgumentDefinition) string {
			name := fmt.Sprintf("v%d", len(byDefault.declared))
			byDefault.declared = append(byDefault.declared, "$"+name+": "+d.Type.String()+" = "+byDefault.literal(v, d.Type))
			return "$" + name
		})
		nested := &argumentWriter{nested: true}
		add("nested variables", nested, func(v inputValue, d *ast.ArgumentDefinition) string { return nested.literal(v, d.Type) })
		nestedLoose := &argumentWriter{nested: true, loose: true}
		add("nested variables with defaults", nestedLoose, func(v inputValue, d *ast.ArgumentDefinition) string { return nestedLoose.literal(v, d.Type) })

		var want, first string
		for _, way := range slices.Sorted(maps.Keys(requests)) {
			request := requests[way]
			for name, server := range servers {
				transport := rapid.SampledFrom(transports).Draw(t, "transport")
				data, codes := server.askBy(transport, request.query, request.variables)
				got := "refused"
				if len(codes) == 0 {
					got = data
				}
				for _, code := range codes {
					if code == "" || code == "INTERNAL" || code == "UNAVAILABLE" || code == "TIMEOUT" {
						t.Fatalf("%s %s %s: code %q: %s %s", way, transport, name, code, request.query, request.variables)
					}
				}
				here := fmt.Sprintf("%s, %s, %s: %s %s %v", way, transport, name, request.query, request.variables, codes)
				if want == "" {
					want, first = got, here
					verdicts[got == "refused"]++
				}
				if got != want {
					t.Fatalf("%s\n  %s\n%s\n  %s", first, want, here, got)
				}
			}
		}
	}
	for range 3 {
		rapid.Check(t, check)
	}
	if verdicts[true] < 30 || verdicts[false] < 30 {
		t.Errorf("%d refused and %d answered: too few to compare", verdicts[true], verdicts[false])
	}
	a.wantData(`{"resources": {"totalCount": 3}}`, `{ resources { totalCount } }`, nil)
	if log := a.log.String() + b.log.String(); strings.Contains(log, "ERROR") {
		t.Errorf("the log: %s", log)
	}
}
