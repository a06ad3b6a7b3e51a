package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/auth"
)

// A mutation without a role would be open to every caller.
func TestSchema_EveryMutation_HasARole(t *testing.T) {
	t.Parallel()
	a := setup(t)
	schema, err := gqlparser.LoadSchema(&ast.Source{Input: a.sdl()})
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range schema.Mutation.Fields {
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		if field.Directives.ForName("auth") == nil {
			t.Errorf("Mutation.%s has no @auth", field.Name)
		}
	}
}

// withTokens returns a server that requires tokens, and a token of each role.
func withTokens(t *testing.T, options ...func(*graph.HandlerOptions)) (a *api, tokens map[auth.Role]string) {
	t.Helper()
	tokens = map[auth.Role]string{}
	var file strings.Builder
	for _, role := range []auth.Role{auth.Viewer, auth.Publisher, auth.Admin} {
		token, line := auth.NewToken(role, "")
		tokens[role] = token
		file.WriteString(line + "\n")
	}
	known, err := auth.ReadTokens(strings.NewReader(file.String()))
	if err != nil {
		t.Fatal(err)
	}
	return setupAt(t, dbtest.URL(t), append(options, func(o *graph.HandlerOptions) { o.Tokens = known })...), tokens
}

var (
	readRequest        = `{"query":"{ resourceTypes { name } }"}`
	registerRequest    = `{"query":"mutation { registerResource(input: {path: \"a\", type: \"playbook\", payload: {json: {}}}) { status } }"}`
	createTypesRequest = `{"query":"mutation { registerResources(createTypes: true, inputs: [{path: \"b\", type: \"song\", payload: {json: {}}}]) { createdTypes } }"}`
	saveTypeRequest    = `{"query":"mutation { saveResourceType(input: {name: \"dag\"}) { resourceType { name } } }"}`
)

func TestTokens_EachRole_HasItsPermissions(t *testing.T) {
	t.Parallel()
	a, tokens := withTokens(t)
	for _, tc := range []struct {
		name, authorization, body string
		status                    int
		want                      string
	}{
		{"no token", "", readRequest, 401, `"UNAUTHENTICATED"`},
		{"no token, not GraphQL", "", "{", 401, `"UNAUTHENTICATED"`},
		{"wrong token", "Bearer x", readRequest, 401, `does not know the token`},
		{"wrong scheme", "Basic " + tokens[auth.Admin], readRequest, 401, `Authorization: Bearer`},
		{"viewer reads", "Bearer " + tokens[auth.Viewer], readRequest, 200, `"playbook"`},
		{"viewer registers", "Bearer " + tokens[auth.Viewer], registerRequest, 200, `"FORBIDDEN"`},
		{"publisher registers", "bearer " + tokens[auth.Publisher], registerRequest, 200, `"REGISTERED"`},
		{"publisher saves", "Bearer " + tokens[auth.Publisher], saveTypeRequest, 200, `"FORBIDDEN"`},
		{"publisher creates types", "Bearer " + tokens[auth.Publisher], createTypesRequest, 200, `adding resource types needs the role ADMIN, and the token has PUBLISHER`},
		{"admin creates types", "Bearer " + tokens[auth.Admin], createTypesRequest, 200, `"createdTypes":["song"]`},
		{"admin saves", "Bearer  " + tokens[auth.Admin] + " ", saveTypeRequest, 200, `"dag"`},
		{"admin registers", "Bearer " + tokens[auth.Admin], registerRequest, 200, `"UNCHANGED"`},
	} {
		headers := []string{"Content-Type", "application/json"}
		if tc.authorization != "" {
			headers = append(headers, "Authorization", tc.authorization)
		}
		response := a.request(http.MethodPost, "/graphql", tc.body, headers...)
		if got := a.read(response); response.StatusCode != tc.status || !strings.Contains(got, tc.want) {
			t.Errorf("%s: %d %s, want %d %s", tc.name, response.StatusCode, got, tc.status, tc.want)
		}
		if challenge := response.Header.Get("WWW-Authenticate"); (challenge == "Bearer") != (tc.status == 401) {
			t.Errorf("%s: WWW-Authenticate %q", tc.name, challenge)
		}
	}
	for path, want := range map[string]int{"/schema.graphql": 401, "/": 200, "/healthz": 200, "/readyz": 200} {
		if response := a.request(http.MethodGet, path, ""); response.StatusCode != want {
			t.Errorf("%s without a token: %d, want %d", path, response.StatusCode, want)
		}
	}
}

func TestTokens_WebSocket_ReadFromConnectionInitOrHandshake(t *testing.T) {
	t.Parallel()
	a, tokens := withTokens(t)
	for name, tc := range map[string]struct {
		header, payload string
		// want is a part of the answer to a registration, or a close code.
		want  string
		close websocket.StatusCode
	}{
		"no token":                    {"", "", "", 4403},
		"wrong token":                 {"", `{"Authorization":"Bearer x"}`, "", 4403},
		"not a string":                {"", `{"Authorization":1}`, "", 4403},
		"message overrides handshake": {"Bearer " + tokens[auth.Admin], `{"Authorization":"Bearer x"}`, "", 4403},
		"viewer":                      {"", `{"Authorization":"Bearer ` + tokens[auth.Viewer] + `"}`, `"FORBIDDEN"`, 0},
		"publisher, lower case":       {"", `{"authorization":"Bearer ` + tokens[auth.Publisher] + `"}`, `"status":`, 0},
		"publisher, handshake":        {"Bearer " + tokens[auth.Publisher], `{"other":true}`, `"status":`, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			header := http.Header{}
			if tc.header != "" {
				header.Set("Authorization", tc.header)
			}
			a := a.forTest(t)
			conn := a.dial(header)
			initialise := variables{"type": "connection_init"}
			if tc.payload != "" {
				initialise["payload"] = json.RawMessage(tc.payload)
			}
			a.send(conn, initialise)
			a.send(conn, variables{"id": "1", "type": "subscribe", "payload": json.RawMessage(registerRequest)})
			var got string
			for range 2 { // connection_ack, next
				_, text, err := conn.Read(ctx)
				var closed websocket.CloseError
				if errors.As(err, &closed) && closed.Code == tc.close && strings.HasPrefix(closed.Reason, "Forbidden: this server") {
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				got = string(text)
			}
			if tc.close != 0 || !strings.Contains(got, tc.want) {
				t.Errorf("got %s, want %q or close %d", got, tc.want, tc.close)
			}
		})
	}
}
