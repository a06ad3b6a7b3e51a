package transport

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// FuzzWebSocket_Messages checks that any message is parsed into a valid form or
// rejected, that replies are JSON, and that reasons fit a close frame.
func FuzzWebSocket_Messages(f *testing.F) {
	for _, seed := range []string{
		`{"type":"connection_init","payload":{"token":"x"}}`, `{"type":"ping","payload":{"a":[1.10,"\u2028",null]}}`, `{"type":"pong"}`,
		`{"type":"subscribe","id":"1","payload":{"query":"{name}","operationName":"","variables":{"a":1},"extensions":{}}}`,
		`{"type":"subscribe","id":"\ud83d\ude00","payload":{"extensions":{"persistedQuery":{}}}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"\ud800"}}`, `{"type":"complete","id":"1"}`, `{"type":1}`, `[]`, `null`, ``,
		`{"type":"subscribe","id":"` + strings.Repeat("é", 200) + `","payload":{"query":""}}`, strings.Repeat("[", 300), "\xff",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		m, invalid := parseMessage(text, nil)
		if invalid != "" {
			if len(invalid) > 123 || !strings.HasPrefix(invalid, "Invalid message: it") && !strings.HasPrefix(invalid, "Invalid message: the") {
				t.Fatalf("the reason is %q", invalid)
			}
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted: %q", text)
		}
		switch m.kind {
		case typeConnectionInit, typePing, typePong:
			assertJSON(t, string(outgoing{Type: typePong, Payload: m.payload}.text()), map[string]any{"type": "pong", "payload": m.payload})
		case typeSubscribe, typeComplete:
			if m.id == "" || (m.kind == typeSubscribe) != (m.params != nil || m.refused != nil) {
				t.Fatalf("accepted: %q as %+v", text, m)
			}
			assertJSON(t, headOf(m.id)+"{}}",
				map[string]any{"id": m.id, "type": "next", "payload": map[string]any{}})
			if reason := cutReason(m.id); len(reason) > 123 || !utf8.ValidString(reason) || !strings.HasPrefix(m.id, reason) {
				t.Fatalf("cut to %q", reason)
			}
		default:
			t.Fatalf("accepted: %q", text)
		}
	})
}

// assertJSON fails unless the text is the JSON of the object; a member without a
// value may be absent.
func assertJSON(t *testing.T, text string, want map[string]any) {
	t.Helper()
	got, refused := decodeJSON([]byte(text), nil)
	if refused != nil {
		t.Fatalf("%s: %q", refused.Message, text)
	}
	if want["payload"] == nil {
		delete(want, "payload")
	}
	if d := cmp.Diff(any(want), got); d != "" {
		t.Fatalf("%q (-want +got)\n%s", text, d)
	}
}
