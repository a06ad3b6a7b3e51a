package graph_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// Bad input gets a stable code and the invalid argument (docs/clients.md,
// "Errors"). Afterwards the server still answers, and nothing has been written.
func TestBadInput_EachKind_CodeAndArgument(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("known", variables{"a": 1})
	a.mustAsk(nil, `mutation { recordEvent(input: {eventId: "taken", type: "UPDATED", path: "known", payload: {a: 1}}) { duplicate } }`, nil)
	const (
		register = `mutation($input: RegisterResourceInput!) { registerResource(input: $input) { status } }`
		record   = `mutation($input: RecordEventInput!) { recordEvent(input: $input) { duplicate } }`
	)
	yaml := func(text string) variables {
		return variables{"input": variables{"path": "new", "type": "playbook", "payload": variables{"yaml": text}}}
	}
	payload := func(value any) variables {
		return variables{"input": variables{"path": "new", "type": "playbook", "payload": variables{"json": value}}}
	}
	with := func(vars variables, field string, value any) variables {
		input := variables{}
		for name, old := range vars["input"].(variables) {
			input[name] = old
		}
		input[field] = value
		return variables{"input": input}
	}
	event := func(field string, value any) variables {
		return with(variables{"input": variables{"type": "UPDATED", "path": "known"}}, field, value)
	}
	deep := strings.Repeat("[", 101) + strings.Repeat("]", 101)

	for name, test := range map[string]struct {
		code, argument, query string
		vars                  variables
	}{
		"not GraphQL":             {"GRAPHQL_PARSE_FAILED", "", `{ resources(`, nil},
		"unknown field":           {"GRAPHQL_VALIDATION_FAILED", "", `{ nothing }`, nil},
		"missing variable":        {"GRAPHQL_VALIDATION_FAILED", "input", register, nil},
		"too deep":                {"DEPTH_LIMIT_EXCEEDED", "", `{ resource(path: "a") ` + strings.Repeat("{ latestVersion { resource ", 10) + "{ path }" + strings.Repeat("} }", 10) + ` }`, nil},
		"too much":                {"COMPLEXITY_LIMIT_EXCEEDED", "", `{ resources(first: 200) { nodes { versions(first: 200) { nodes { version } } } } }`, nil},
		"first and last":          {"BAD_USER_INPUT", "last", `{ resources(first: 1, last: 1) { totalCount } }`, nil},
		"first too small":         {"BAD_USER_INPUT", "first", `{ resources(first: 0) { totalCount } }`, nil},
		"first negative":          {"BAD_USER_INPUT", "first", `{ events(first: -1) { totalCount } }`, nil},
		"last too large":          {"BAD_USER_INPUT", "last", `{ events(last: 201) { totalCount } }`, nil},
		"garbage cursor":          {"BAD_USER_INPUT", "after", `{ events(after: "garbage") { totalCount } }`, nil},
		"cursor of another list":  {"BAD_USER_INPUT", "before", `{ resources(before: "ZXZlbnQ6MTox") { totalCount } }`, nil},
		"too many paths":          {"BAD_USER_INPUT", "paths", `query($p: [String!]!) { resourcesByPath(paths: $p) { path } }`, variables{"p": strings.Split(strings.Repeat("a,", 200)+"a", ",")}},
		"too many filter values":  {"BAD_USER_INPUT", "filter.types", `query($p: [String!]!) { events(filter: {types: $p}) { totalCount } }`, variables{"p": strings.Split(strings.Repeat("a,", 200)+"a", ",")}},
		"too many ids":            {"BAD_USER_INPUT", "ids", `query($p: [ID!]!) { nodes(ids: $p) { id } }`, variables{"p": strings.Split(strings.Repeat("a,", 200)+"a", ",")}},
		"NUL in a path":           {"BAD_USER_INPUT", "path", `query($p: String!) { resource(path: $p) { path } }`, variables{"p": "a\x00b"}},
		"NUL in a filter":         {"BAD_USER_INPUT", "filter.step", `query($p: String!) { events(filter: {step: $p}) { totalCount } }`, variables{"p": "\x00"}},
		"no payload":              {"BAD_USER_INPUT", "input.payload", register, variables{"input": variables{"path": "new", "type": "playbook", "payload": variables{}}}},
		"two payloads":            {"BAD_USER_INPUT", "input.payload", register, variables{"input": variables{"path": "new", "type": "playbook", "payload": variables{"json": 1, "yaml": "a: 1"}}}},
		"empty path":              {"BAD_USER_INPUT", "input.path", register, with(payload(1), "path", "")},
		"path with spaces around": {"BAD_USER_INPUT", "input.path", register, with(payload(1), "path", " a")},
		"path with a newline":     {"BAD_USER_INPUT", "input.path", register, with(payload(1), "path", "a\nb")},
		"path too long":           {"BAD_USER_INPUT", "input.path", register, with(payload(1), "path", strings.Repeat("a", 1025))},
		"no path in YAML":         {"BAD_USER_INPUT", "input.path", register, variables{"input": variables{"type": "playbook", "payload": variables{"yaml": "a: 1"}}}},
		"no type in YAML":         {"BAD_USER_INPUT", "input.type", register, variables{"input": variables{"path": "new", "payload": variables{"yaml": "a: 1"}}}},
		"unknown type":            {"BAD_USER_INPUT", "input.type", register, with(payload(1), "type", "poem")},
		"empty label":             {"BAD_USER_INPUT", "input.version", register, with(payload(1), "version", "")},
		"label too long":          {"BAD_USER_INPUT", "input.version", register, with(payload(1), "version", strings.Repeat("1", 129))},
		"label taken":             {"CONFLICT", "input.version", register, with(with(payload(2), "path", "known"), "version", "1.0.0")},
		"YAML syntax":             {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("a: [1")},
		"YAML duplicate key":      {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("a: 1\na: 2")},
		"YAML two documents":      {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("a: 1\n---\nb: 2")},
		"YAML not a number":       {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("a: .nan")},
		"YAML number as a key":    {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("{a: b}: c")},
		"YAML alias bomb":         {"BAD_USER_INPUT", "input.payload.yaml", register, yaml(aliasBomb())},
		"YAML too deep":           {"PAYLOAD_TOO_LARGE", "input.payload.yaml", register, yaml(deep)},
		"JSON NUL":                {"BAD_USER_INPUT", "input.payload.json", register, payload(variables{"a": []any{"x\x00"}})},
		"JSON too deep":           {"PAYLOAD_TOO_LARGE", "input.payload.json", register, payload(nested(101))},
		"JSON too large":          {"PAYLOAD_TOO_LARGE", "input.payload.json", register, payload(strings.Repeat("a", 8<<20))},
		"JSON long number":        {"BAD_USER_INPUT", "input.payload.json", register, payload(number(strings.Repeat("9", 401)))},
		"JSON exponent":           {"BAD_USER_INPUT", "input.payload.json", register, payload(number("1e309"))},
		"meta NUL":                {"BAD_USER_INPUT", "input.meta", register, with(payload(1), "meta", "\x00")},
		"not a time":              {"BAD_USER_INPUT", "input.timestamp", record, event("timestamp", "yesterday")},
		"finer than microseconds": {"BAD_USER_INPUT", "input.timestamp", record, event("timestamp", "2026-01-01T00:00:00.0000001Z")},
		"YAML NUL":                {"BAD_USER_INPUT", "input.payload.yaml", register, yaml(`a: "\0"`)},
		"YAML null":               {"BAD_USER_INPUT", "input.payload.yaml", register, yaml("--- !!null\n")},
		"JSON null":               {"BAD_USER_INPUT", "input.payload", register, payload(nil)},
		"JSON null literal":       {"GRAPHQL_VALIDATION_FAILED", "", `mutation { registerResource(input: {path: "new", type: "playbook", payload: {json: null}}) { status } }`, nil},
		"JSON null in a literal":  {"GRAPHQL_VALIDATION_FAILED", "", `mutation($null: JSON) { registerResource(input: {path: "new", type: "playbook", payload: {json: $null}}) { status } }`, variables{"null": nil}},
		"history of nothing":      {"BAD_USER_INPUT", "historyFrom", `mutation { registerResources(historyFrom: 1, inputs: [{path: "new", type: "playbook", payload: {json: 1}}]) { createdTypes } }`, nil},
		"history from before":     {"BAD_USER_INPUT", "historyFrom", `mutation { registerResources(asHistory: true, historyFrom: -1, inputs: [{path: "new", type: "playbook", payload: {json: 1}}]) { createdTypes } }`, nil},
		"YAML too large":          {"PAYLOAD_TOO_LARGE", "input.payload.yaml", register, yaml(strings.Repeat("a", 8<<20+1))},
		"event without resource":  {"NOT_FOUND", "input.path", record, event("path", "nowhere")},
		"event without version":   {"NOT_FOUND", "input.version", record, event("version", "9.9.9")},
		"event of unknown type":   {"BAD_USER_INPUT", "input.type", record, event("type", "SNEEZED")},
		"event far ahead":         {"BAD_USER_INPUT", "input.timestamp", record, event("timestamp", "2999-01-01T00:00:00Z")},
		"event id too long":       {"BAD_USER_INPUT", "input.eventId", record, event("eventId", strings.Repeat("x", 256))},
		"event id taken":          {"CONFLICT", "input.eventId", record, event("eventId", "taken")},
		"template syntax":         {"BAD_USER_INPUT", "input.template", `mutation { saveEventType(input: {name: "X", template: "{{ a"}) { eventType { name } } }`, nil},
		"template statement":      {"BAD_USER_INPUT", "template", `{ renderTemplate(template: "{% for x in y %}{% endfor %}") }`, nil},
		"template without event":  {"NOT_FOUND", "eventId", `{ renderTemplate(template: "x", eventId: "none") }`, nil},
		"empty type name":         {"BAD_USER_INPUT", "input.name", `mutation { saveResourceType(input: {name: ""}) { resourceType { name } } }`, nil},
		"batch, second bad":       {"BAD_USER_INPUT", "inputs[1].type", `mutation { registerResources(inputs: [{path: "new", type: "playbook", payload: {json: 1}}, {path: "new2", type: "poem", payload: {json: 1}}]) { results { error { code } } } }`, nil},
		"batch of events, bad":    {"NOT_FOUND", "inputs[1].path", `mutation { recordEvents(inputs: [{type: "UPDATED", path: "known"}, {type: "UPDATED", path: "nowhere"}]) { results { duplicate } } }`, nil},
		"mixed dry run":           {"BAD_USER_INPUT", "inputs", `mutation { registerResources(inputs: [{path: "new", type: "playbook", payload: {json: 1}, dryRun: true}, {path: "new2", type: "playbook", payload: {json: 1}}]) { results { error { code } } } }`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			problem := a.forTest(t).wantError(test.code, test.argument, test.query, test.vars)
			for _, leak := range []string{"SQLSTATE", "pgx", "sqlc", "ERROR:"} {
				if strings.Contains(problem.Message, leak) {
					t.Errorf("the message leaks %s: %s", leak, problem.Message)
				}
			}
		})
	}
	t.Run("numbers that jsonb would expand", func(t *testing.T) {
		for _, number := range []string{"1e400", "1e-400", strings.Repeat("9", 401)} {
			_, errs := a.ask(fmt.Sprintf(`mutation { registerResource(input: {path: "new", type: "playbook", payload: {json: {n: %s}}}) { status } }`, number), nil)
			if len(errs) != 1 || errs[0].Extensions["code"] != "BAD_USER_INPUT" {
				t.Errorf("%.10s…: %+v", number, errs)
			}
		}
	})
	a.wantData(`{"resources": {"totalCount": 1}, "events": {"totalCount": 2}}`, `{ resources { totalCount } events { totalCount } }`, nil)
	if log := a.log.String(); strings.Contains(log, "level=ERROR") {
		t.Errorf("bad input was logged as the server's fault:\n%s", log)
	}
}

// aliasBomb is nine YAML anchors, each of nine aliases of the one before: 9^9
// scalars.
func aliasBomb() string {
	text := "a0: &a0 [x,x,x,x,x,x,x,x,x]\n"
	for i := 1; i < 9; i++ {
		text += fmt.Sprintf("a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return text
}

func nested(levels int) any {
	var value any = 1
	for range levels {
		value = []any{value}
	}
	return value
}

func number(digits string) any { return json.Number(digits) }
