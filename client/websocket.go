package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// WebSocket is a connection of the protocol graphql-transport-ws.
type WebSocket struct{ *websocket.Conn }

// message is a message of the protocol.
type message struct {
	Type    string `json:"type"`
	ID      string `json:"id,omitempty"`
	Payload any    `json:"payload,omitempty"`
}

// DialWebSocket opens a WebSocket and waits for the server's acknowledgement. The
// caller closes it.
func (c *Client) DialWebSocket(ctx context.Context) (*WebSocket, error) {
	conn, response, err := websocket.Dial(ctx, c.Endpoint, &websocket.DialOptions{ //nolint:bodyclose // Dial replaces the body
		Subprotocols: []string{"graphql-transport-ws"}, HTTPClient: c.HTTP,
	})
	if err != nil {
		if response != nil && response.StatusCode >= http.StatusBadRequest {
			return nil, &StatusError{c.Endpoint, response.StatusCode, response.Status}
		}
		return nil, err
	}
	conn.SetReadLimit(maxEvent)
	start := message{Type: "connection_init"}
	if c.Token != "" {
		start.Payload = map[string]string{"Authorization": "Bearer " + c.Token}
	}
	var acknowledgement message
	if err = wsjson.Write(ctx, conn, start); err == nil {
		if err = wsjson.Read(ctx, conn, &acknowledgement); err == nil && acknowledgement.Type != "connection_ack" {
			err = fmt.Errorf("the server sent a message of type %q before its acknowledgement", acknowledgement.Type)
		}
	}
	if err != nil {
		_ = conn.CloseNow()
		return nil, err
	}
	return &WebSocket{conn}, nil
}

// Subscribe starts an operation under an id of the caller's choice.
func (s *WebSocket) Subscribe(ctx context.Context, id, query string, variables map[string]any) error {
	return wsjson.Write(ctx, s.Conn, message{"subscribe", id, Request{Query: query, Variables: variables}})
}

// Next waits for the next event of any operation, in the form of Stream.Next, and
// answers pings. The error is an *Error if the server rejects an operation; the
// others continue.
func (s *WebSocket) Next(ctx context.Context) (Event, error) {
	for {
		var payload json.RawMessage
		received := message{Payload: &payload}
		if err := wsjson.Read(ctx, s.Conn, &received); err != nil {
			return Event{}, err
		}
		switch received.Type {
		case "ping":
			if err := wsjson.Write(ctx, s.Conn, message{Type: "pong"}); err != nil {
				return Event{}, err
			}
			var ping struct{ Checkpoint struct{ Cursor string } }
			if json.Unmarshal(payload, &ping) == nil && ping.Checkpoint.Cursor != "" {
				return Event{ID: ping.Checkpoint.Cursor}, nil
			}
		case "error":
			return Event{}, Decode(fmt.Appendf(nil, `{"errors": %s}`, payload), nil)
		default:
			return Event{Name: received.Type, Data: payload}, nil
		}
	}
}
