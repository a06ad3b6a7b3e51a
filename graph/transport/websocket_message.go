package transport

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/admission"
)

// The types of messages, named in PROTOCOL.md.
const (
	typeConnectionInit = "connection_init"
	typeConnectionAck  = "connection_ack"
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
	// payload is that of connection_init, ping and pong: an object or nil.
	payload any
	// params are to be executed, unless refused says why not.
	params  *graphql.RawParams
	refused *gqlerror.Error
	// request is charged for a subscribe; nil for other messages.
	request *admission.Request
	// ctx is that of a subscribe's operation.
	ctx context.Context //nolint:containedctx // it belongs to the message
}

// parseMessage parses a message, or returns the reason for closing the socket
// with 4400, which quotes nothing of the message.
func parseMessage(text []byte, request *admission.Request) (m message, invalid string) {
	value, refused := decodeJSON(text, request)
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
		m.payload = object["payload"]
		if _, ok := m.payload.(map[string]any); !ok && m.payload != nil {
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

// outgoing is a message of the server.
type outgoing struct {
	ID      string `json:"id,omitempty"`
	Type    string `json:"type"`
	Payload any    `json:"payload,omitempty"`
}

func (m outgoing) text() []byte {
	var text bytes.Buffer
	encode(&text, m)
	return text.Bytes()
}

// headOf returns the start of an operation's responses.
func headOf(id string) string {
	return strings.TrimSuffix(string(outgoing{ID: id, Type: typeNext}.text()), "}") + `,"payload":`
}

// checkpointPing returns a ping with a cursor to resume a subscription after.
func checkpointPing(id, cursor string) outgoing {
	type checkpoint struct {
		ID     string `json:"id"`
		Cursor string `json:"cursor"`
	}
	return outgoing{Type: typePing, Payload: map[string]checkpoint{"checkpoint": {id, cursor}}}
}

// cutReason cuts the reason of a close frame to its limit of 123 bytes.
func cutReason(reason string) string { return strings.ToValidUTF8(reason[:min(len(reason), 123)], "") }
