package client_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"github.com/noetl/noetl-catalog/client"
)

// serveMessages returns the endpoint of a server that sends answers in turn, each
// after a message from the client, which it passes to received.
func serveMessages(t *testing.T, received chan<- string, answers ...string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"graphql-transport-ws"}})
		if err != nil {
			t.Error(err)
			return
		}
		for _, answer := range answers {
			_, message, err := conn.Read(r.Context())
			if err != nil {
				t.Error(err)
				break
			}
			received <- string(message)
			if err := conn.Write(r.Context(), websocket.MessageText, []byte(answer)); err != nil {
				t.Error(err)
			}
		}
		_ = conn.Close(websocket.StatusNormalClosure, "")
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestWebSocket_Subscription_EventsAndErrors(t *testing.T) {
	t.Parallel()
	received := make(chan string, 10)
	c := client.Client{Token: "secret", Endpoint: serveMessages(t, received,
		`{"type":"connection_ack"}`,
		`{"type":"next","id":"1","payload":{"data":{"a":1}}}`,
		`{"type":"ping","payload":{"checkpoint":{"cursor":"MjA"}}}`,
		`{"type":"error","id":"2","payload":[{"message":"too many","extensions":{"code":"TOO_MANY_REQUESTS"}}]}`,
	)}
	socket, err := c.DialWebSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if err := socket.Subscribe(t.Context(), "1", "subscription { a }", map[string]any{"after": "MTk"}); err != nil {
		t.Fatal(err)
	}
	var got []client.Event
	next := func() error {
		event, err := socket.Next(t.Context())
		if err == nil {
			got = append(got, event)
		}
		return err
	}
	if err := next(); err != nil {
		t.Fatal(err)
	}
	if err := socket.Subscribe(t.Context(), "2", "{ b }", nil); err != nil {
		t.Fatal(err)
	}
	if err := next(); err != nil {
		t.Fatal(err)
	}
	var refused *client.Error
	if err := next(); !errors.As(err, &refused) || refused.Extensions.Code != "TOO_MANY_REQUESTS" {
		t.Errorf("got %v, want TOO_MANY_REQUESTS", err)
	}
	if err := next(); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("got %v, want the server's close", err)
	}
	want := []client.Event{{Name: "next", Data: []byte(`{"data":{"a":1}}`)}, {ID: "MjA"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	for _, want := range []string{
		`{"type":"connection_init","payload":{"Authorization":"Bearer secret"}}`,
		`{"type":"subscribe","id":"1","payload":{"query":"subscription { a }","variables":{"after":"MTk"}}}`,
		`{"type":"subscribe","id":"2","payload":{"query":"{ b }"}}`,
		`{"type":"pong"}`,
	} {
		if diff := cmp.Diff(want+"\n", <-received); diff != "" {
			t.Errorf("the client sent (-want +got):\n%s", diff)
		}
	}
}

func TestDialWebSocket_Refused_StatusOrMessage(t *testing.T) {
	t.Parallel()
	refusing := httptest.NewServer(http.NotFoundHandler())
	defer refusing.Close()
	c := client.Client{Endpoint: refusing.URL}
	var status *client.StatusError
	if _, err := c.DialWebSocket(t.Context()); !errors.As(err, &status) || status.StatusCode != http.StatusNotFound {
		t.Errorf("got %v, want status 404", err)
	}
	c.Endpoint = serveMessages(t, make(chan string, 1), `{"type":"next"}`)
	if _, err := c.DialWebSocket(t.Context()); err == nil {
		t.Error("a server that does not acknowledge the connection is accepted")
	}
}
