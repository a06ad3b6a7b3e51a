package graph_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"

	"github.com/noetl/noetl-catalog/client"
)

// request sends a request with headers in pairs. The test's end closes the body.
func (a *api) request(method, path, body string, headers ...string) *http.Response {
	a.t.Helper()
	request, err := http.NewRequestWithContext(a.t.Context(), method, a.http.URL+path, strings.NewReader(body))
	if err != nil {
		a.t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

// read returns the body of a response.
func (a *api) read(response *http.Response) string {
	a.t.Helper()
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// post sends a GraphQL request and returns its response in any media type.
func (a *api) post(accept, body string) *http.Response {
	a.t.Helper()
	return a.request(http.MethodPost, "/graphql", body, "Content-Type", "application/json", "Accept", accept)
}

// decode decodes a response in JSON.
func (a *api) decode(text string) (json.RawMessage, []gqlError) {
	a.t.Helper()
	var answer struct {
		Data   json.RawMessage
		Errors []gqlError
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		a.t.Fatalf("the response is not JSON: %v\n%s", err, text)
	}
	return answer.Data, answer.Errors
}

// encode returns a value as JSON.
func (a *api) encode(value any) string {
	a.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// sse is an open subscription over server-sent events.
type sse struct {
	t testing.TB
	*client.Stream
}

// subscribe opens a stream.
func (a *api) subscribe(query string, vars variables) *sse {
	a.t.Helper()
	c, err := client.New(a.http.URL, "")
	if err != nil {
		a.t.Fatal(err)
	}
	stream, err := c.Subscribe(a.t.Context(), query, vars)
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(stream.Close)
	return &sse{a.t, stream}
}

// next returns the next event other than checkpoints; its name is empty at the end
// of the stream.
func (s *sse) next() client.Event {
	for {
		if event, err := s.Next(); err != nil || event.Name != "" {
			return event
		}
	}
}

// socket opens a WebSocket, with headers in pairs, and initialises it.
func (a *api) socket(headers ...string) *websocket.Conn {
	a.t.Helper()
	header := http.Header{}
	for i := 0; i < len(headers); i += 2 {
		header.Set(headers[i], headers[i+1])
	}
	connection := a.dial(header)
	a.send(connection, variables{"type": "connection_init"})
	if message := a.receive(connection); message.Type != "connection_ack" {
		a.t.Fatalf("got %+v, want connection_ack", message)
	}
	return connection
}

func (a *api) dial(header http.Header) *websocket.Conn {
	a.t.Helper()
	connection, _, err := websocket.Dial(a.t.Context(), a.http.URL+"/graphql", &websocket.DialOptions{
		Subprotocols: []string{"graphql-transport-ws"}, HTTPHeader: header,
	})
	if err != nil {
		a.t.Fatal(err)
	}
	a.t.Cleanup(func() { _ = connection.CloseNow() })
	return connection
}

type wsMessage struct {
	ID, Type string
	Payload  json.RawMessage
}

func (a *api) send(connection *websocket.Conn, message any) {
	a.t.Helper()
	if err := wsjson.Write(a.t.Context(), connection, message); err != nil {
		a.t.Fatal(err)
	}
}

func (a *api) receive(connection *websocket.Conn) wsMessage {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), 30*time.Second)
	defer cancel()
	var message wsMessage
	if err := wsjson.Read(ctx, connection, &message); err != nil {
		a.t.Fatal(err)
	}
	return message
}

// overSocket sends a request over a new WebSocket and returns the payload of the
// first message.
func (a *api) overSocket(request string) string {
	a.t.Helper()
	socket := a.socket()
	defer func() { _ = socket.CloseNow() }()
	a.send(socket, variables{"id": "1", "type": "subscribe", "payload": json.RawMessage(request)})
	return string(a.receive(socket).Payload)
}
