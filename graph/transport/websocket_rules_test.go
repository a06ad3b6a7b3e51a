package transport_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"github.com/noetl/noetl-catalog/graph/transport"
)

// The rules of graphql-transport-ws that websocket_test.go does not test.
func TestWebSocket_FurtherRules(t *testing.T) {
	t.Parallel()
	addr := operations{
		"Never": noEvents,
		"Data":  oneResponse(&graphql.Response{Data: []byte("1")}),
	}.listen(t, transport.Options{MaxBody: 1 << 20})
	const next = `{"id":"a","type":"next","payload":{"data":1}}`
	for name, steps := range map[string][]string{
		// The answers come in the order of the messages: the ack is the first.
		"operation right behind the init": {initialise, subscribe("a", "query Data {name}"), acknowledged, "< " + next, `< {"id":"a","type":"complete"}`},
		"second init behind the first":    {initialise, initialise, acknowledged, "! 4429 Too many initialisation requests"},
		"second init with a subscription": {initialise, acknowledged, subscribed("a", "Never"), initialise, "! 4429 Too many initialisation requests"},
		"id of a query in use":            {initialise, acknowledged, subscribe("a", "query Never {name}"), subscribed("a", "Never"), "! 4409 Subscriber for a already exists"},
		"id in use, in a bad operation":   {initialise, acknowledged, subscribed("a", "Never"), subscribe("a", "{"), "! 4409 Subscriber for a already exists"},
		"ids are case-sensitive":          {initialise, acknowledged, subscribed("a", "Never"), subscribed("A", "Never"), `> {"type":"ping"}`, `< {"type":"pong"}`},
		"legacy goodbye":                  {initialise, acknowledged, `> {"type":"connection_terminate"}`, "! 4400 Invalid message: its type is missing or unknown"},
		"2 MB where 1 is the limit":       {initialise, acknowledged, `> {"type":"ping","payload":{"a":"` + strings.Repeat("x", 2<<20) + `"}}`, "! 1009 Message longer than 1048576 bytes"},
		"2 MB before the init":            {`> {"type":"connection_init","payload":{"a":"` + strings.Repeat("x", 2<<20) + `"}}`, "! 1009 Message longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			connect(t, addr).play(steps...)
		})
	}
}

// A client's error does not affect other clients.
func TestWebSocket_SocketClosedForAFault_OthersStayOpen(t *testing.T) {
	t.Parallel()
	addr := operations{"Never": noEvents}.listen(t, transport.Options{})
	bystander := ready(t, addr)
	bystander.play(subscribed("a", "Never"))
	ready(t, addr).play(subscribed("a", "Never"), subscribed("a", "Never"), "! 4409 Subscriber for a already exists")
	ready(t, addr).play("> no JSON", "! 4400 Invalid message: it is not JSON")
	bystander.play(`> {"type":"ping"}`, `< {"type":"pong"}`, subscribed("a", "Never"), "! 4409 Subscriber for a already exists")
}

func TestWebSocket_Standard_100OperationsAnd16MB(t *testing.T) {
	t.Parallel()
	c := ready(t, operations{"Never": noEvents}.listen(t, transport.Options{}))
	for id := range 100 {
		c.play(subscribed(strconv.Itoa(id), "Never"))
	}
	c.play(subscribed("100", "Never"),
		`< {"id":"100","type":"error","payload":[{"message":"100 operations run on this socket, and no more are allowed; complete one first","extensions":{"code":"TOO_MANY_REQUESTS"}}]}`)
	pong := func(size int) string { return `> {"type":"pong","payload":{"a":"` + strings.Repeat("x", size) + `"}}` }
	c.play(pong(16<<20-100), `> {"type":"ping"}`, `< {"type":"pong"}`, pong(16<<20), "! 1009 Message longer than 16777216 bytes")
}

// fragment returns a frame under a mask of zeros: the first, a middle or the last
// fragment of a message, or a ping.
func fragment(head byte, text string) string {
	return string([]byte{head, 0x80 | byte(len(text)), 0, 0, 0, 0}) + text
}

const (
	firstFragment = 0x01
	nextFragment  = 0x00
	lastFragment  = 0x80
	pingFrame     = 0x89
)

func TestWebSocket_MessageInFragments_OneMessage(t *testing.T) {
	t.Parallel()
	conn, reader := dialRaw(t, operations{}.listen(t, transport.Options{}))
	writeText(t, conn, `{"type":"connection_init"}`)
	expectText(t, reader, `{"type":"connection_ack"}`)
	for _, frame := range []string{
		fragment(firstFragment, `{"type":`), fragment(nextFragment, ""), fragment(pingFrame, "x"), fragment(lastFragment, `"ping"}`),
	} {
		if _, err := io.WriteString(conn, frame); err != nil {
			t.Fatal(err)
		}
	}
	// The pong of WebSocket itself, and that of the protocol.
	pong := make([]byte, 3)
	if _, err := io.ReadFull(reader, pong); err != nil || string(pong) != "\x8a\x01x" {
		t.Fatalf("got %q %v, want a pong", pong, err)
	}
	expectText(t, reader, `{"type":"pong"}`)
}

// Each fragment is short; what counts is their sum.
func TestWebSocket_FragmentsWithoutEnd_1009(t *testing.T) {
	t.Parallel()
	conn, reader := dialRaw(t, operations{}.listen(t, transport.Options{}))
	go func() {
		frame := fragment(firstFragment, strings.Repeat("x", 125))
		for {
			if _, err := io.WriteString(conn, frame); err != nil {
				return // the socket has been closed
			}
			frame = fragment(nextFragment, strings.Repeat("x", 125))
		}
	}()
	closedWith(t, reader, 1009)
	conn.Close()
}

// dialRaw returns a connection after the handshake, with a reader.
func dialRaw(t testing.TB, addr string) (net.Conn, *bufio.Reader) {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return conn, shakeHands(t, conn)
}

// closedWith expects a close frame with a code.
func closedWith(t testing.TB, reader *bufio.Reader, code int) {
	t.Helper()
	head := make([]byte, 4)
	if _, err := io.ReadFull(reader, head); err != nil || head[0] != 0x88 || int(head[2])<<8|int(head[3]) != code {
		t.Fatalf("got %x %v, want a close frame %d", head, err, code)
	}
}

// A client knows that an operation is complete when it has the last byte, and
// may reuse its id.
func TestWebSocket_CompleteOnItsWay_IDIsFree(t *testing.T) {
	t.Parallel()
	onFakeClock(t, transport.Options{}, operations{"Empty": oneResponse(nil), "Never": noEvents}, func(b *bubble) {
		conn, reader := b.raw()
		writeText(b, conn, `{"type":"connection_init"}`)
		expectText(b, reader, `{"type":"connection_ack"}`)
		writeText(b, conn, `{"id":"a","type":"subscribe","payload":{"query":"subscription Empty {name}"}}`)
		complete := make([]byte, 2+len(`{"id":"a","type":"complete"`))
		if _, err := io.ReadFull(reader, complete); err != nil {
			b.Fatal(err)
		}
		// The server still writes.
		writeText(b, conn, `{"id":"a","type":"subscribe","payload":{"query":"subscription Never {name}"}}`)
		synctest.Wait()
		if _, err := reader.ReadByte(); err != nil {
			b.Fatal(err)
		}
		writeText(b, conn, `{"type":"ping"}`)
		expectText(b, reader, `{"type":"pong"}`)
	})
}

// Clients complete an operation while the server sends, or has just completed
// it, and reuse the id at once. In every order, nothing of the previous
// operation follows the start of the next, no response is skipped, and no id
// counts as in use.
func TestWebSocket_IDReusedWhileTheServerSends_NoMessageOfThePreviousOperation(t *testing.T) {
	t.Parallel()
	const clients, rounds, longest = 8, 150, 12
	ops := operations{}
	for round := range rounds {
		ops[fmt.Sprint("Round", round)] = func(context.Context) graphql.ResponseHandler {
			sent, most := 0, 1+rand.IntN(longest)
			return func(context.Context) *graphql.Response {
				if sent == most {
					return nil
				}
				sent++
				return &graphql.Response{Data: fmt.Appendf(nil, `{"round":%d,"n":%d}`, round, sent)}
			}
		}
	}
	addr := ops.listen(t, transport.Options{})
	var playing sync.WaitGroup
	for range clients {
		c := ready(t, addr)
		playing.Go(func() {
			for round := range rounds {
				if err := c.raceRound(round, rand.IntN(longest)); err != nil {
					t.Errorf("round %d: %v", round, err)
					return
				}
			}
		})
	}
	playing.Wait()
}

// raceRound starts the operation of a round, reads some of its responses, and
// completes it, unless the server has.
func (c client) raceRound(round, read int) error {
	c.write(websocket.MessageText, strings.TrimPrefix(subscribed("a", fmt.Sprint("Round", round)), "> "))
	for n := 0; n < read || n == 0; {
		text, err := c.read()
		if err != nil {
			return err
		}
		var message struct {
			Type    string
			Payload struct {
				Data struct{ Round, N int }
			}
		}
		if err := json.Unmarshal([]byte(text), &message); err != nil {
			return err
		}
		got := message.Payload.Data
		switch {
		case message.Type == "next" && got.Round == round && got.N == n+1:
			n++
		case message.Type == "complete" && n > 0:
			return nil
		case n == 0 && (message.Type == "complete" || message.Type == "next" && got.Round == round-1):
			// The server sent it before it read that the client completed the previous one.
		default:
			return fmt.Errorf("after %d responses came %s", n, text)
		}
	}
	c.write(websocket.MessageText, `{"id":"a","type":"complete"}`)
	return nil
}
