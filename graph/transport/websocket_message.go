package transport

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// The types of messages, named in PROTOCOL.md.
const (
	typeConnectionInit = "connection_init"
	typePing           = "ping"
	typePong           = "pong"
	typeSubscribe      = "subscribe"
	typeNext           = "next"
	typeError          = "error"
	typeComplete       = "complete"
)

// message is one message of a client.
type message struct {
	kind string
	// id is that of the operation, for subscribe and complete.
	id string
	// payload is that of connection_init, ping and pong.
	payload map[string]any
	// params are to be executed, unless refused says why not.
	params  *graphql.RawParams
	refused *gqlerror.Error
}

// parseMessage parses a message, or returns the reason for closing the socket
// with 4400, which quotes nothing of the message.
func parseMessage(text []byte) (m message, invalid string) {
	value, refused := decodeJSON(text)
	if refused != nil {
		return parseRefused(text, refused)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return message{}, "Invalid message: it must be a JSON object"
	}
	m.kind, _ = object["type"].(string)
	switch m.kind {
	case typeConnectionInit, typePing, typePong:
		if member(object["payload"], "payload", "object", &m.payload) != nil {
			return message{}, "Invalid message: the payload must be an object"
		}
		return m, ""
	case typeSubscribe, typeComplete:
		if m.id, _ = object["id"].(string); m.id == "" {
			return message{}, "Invalid message: the id must be a non-empty string"
		}
	default:
		return message{}, "Invalid message: its type is missing or unknown"
	}
	if m.kind == typeComplete {
		return m, ""
	}
	payload, ok := object["payload"].(map[string]any)
	if !ok {
		return message{}, "Invalid message: the payload must be an object"
	}
	m.params, invalid = parseParams(payload)
	return m, invalid
}

func parseParams(payload map[string]any) (*graphql.RawParams, string) {
	params, refused := rawParams(payload)
	if refused != nil {
		return nil, "Invalid message: the payload has a member of the wrong type"
	}
	// Execution responds to an empty query.
	if payload["query"] == nil && params.Extensions["persistedQuery"] == nil {
		return nil, "Invalid message: the payload has no query"
	}
	return params, ""
}

// parseRefused parses a message that is JSON with a value that is not accepted,
// such as half of an emoji. Only its operation fails, not the socket.
func parseRefused(text []byte, refused *gqlerror.Error) (message, string) {
	var head struct {
		Type string `json:"type"`
		ID   string `json:"id"`
	}
	if !utf8.Valid(text) || json.Unmarshal(text, &head) != nil {
		return message{}, "Invalid message: it is not JSON"
	}
	if head.Type != typeSubscribe || head.ID == "" || strings.ContainsRune(head.ID, utf8.RuneError) {
		return message{}, "Invalid message: it has a value that is not allowed"
	}
	if argument, ok := refused.Extensions["argument"].(string); ok {
		refused.Extensions["argument"] = strings.TrimPrefix(argument, "payload.")
	}
	return message{kind: typeSubscribe, id: head.ID, refused: refused}, ""
}

// frameHead returns the start of an operation's messages, up to their type.
func frameHead(id string) string {
	var head bytes.Buffer
	head.WriteString(`{"id":`)
	encode(&head, id)
	head.WriteString(`,"type":"`)
	return head.String()
}

// frame returns a message of an operation, with its payload in parts, if any.
func frame(head, kind string, payload ...[]byte) []byte {
	size := len(head) + len(kind) + len(`","payload":}`)
	for _, part := range payload {
		size += len(part)
	}
	text := make([]byte, 0, size)
	text = append(text, head...)
	text = append(text, kind...)
	text = append(text, '"')
	if len(payload) > 0 {
		text = append(text, `,"payload":`...)
	}
	for _, part := range payload {
		text = append(text, part...)
	}
	return append(text, '}')
}

// errorFrame returns the message that ends an operation with errors.
func errorFrame(head string, errs gqlerror.List) []byte {
	var payload bytes.Buffer
	encode(&payload, errs)
	return frame(head, typeError, payload.Bytes())
}

// checkpointFrame returns a ping with a cursor to resume a subscription after.
func checkpointFrame(id, cursor string) []byte {
	text := bytes.NewBufferString(`{"type":"ping","payload":{"checkpoint":{"id":`)
	encode(text, id)
	text.WriteString(`,"cursor":"` + cursor + `"}}}`)
	return text.Bytes()
}

// pongFrame answers a ping with its payload.
func pongFrame(payload map[string]any) []byte {
	if payload == nil {
		return []byte(`{"type":"pong"}`)
	}
	var text bytes.Buffer
	text.WriteString(`{"type":"pong","payload":`)
	encode(&text, payload)
	text.WriteByte('}')
	return text.Bytes()
}

// cutReason cuts the reason of a close frame to its limit of 123 bytes.
func cutReason(reason string) string {
	const most = 123
	if len(reason) <= most {
		return reason
	}
	end := most
	for !utf8.RuneStart(reason[end]) {
		end--
	}
	return reason[:end]
}
