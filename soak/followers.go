//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/noetl/noetl-catalog/client"
)

// follower follows the log. It drops its connection from time to time, and resumes after
// its last cursor on any server.
type follower struct {
	*soak
	name   string
	random *rand.Rand
	follow func(ctx context.Context, f *follower, server int) error
	// filter is the subscription's filter, and where the same in SQL; empty for all events.
	filter map[string]any
	where  string
	// drop is the average lifetime of a connection; 0: until it breaks.
	drop time.Duration
	// stall is a period without reading, once per connection. Health checks do not wait
	// for such a follower.
	stall   time.Duration
	stalled bool

	cursor    string // to resume after
	start     int64  // the position before its first
	marker    atomic.Int64
	positions []int64 // received; read when it has ended
	resumes   int
}

func (s *soak) makeFollowers() []*follower {
	return []*follower{
		{name: "WebSocket", follow: byWebSocket},
		{name: "WebSocket that drops", follow: byWebSocket, drop: 3 * time.Second},
		{name: "SSE that drops", follow: bySSE, drop: 4 * time.Second},
		{name: "SSE of a path prefix", follow: bySSE, drop: 5 * time.Second, filter: map[string]any{"pathPrefix": "soak/sql/"}, where: "starts_with(resource_path, 'soak/sql/')"},
		{name: "WebSocket of types", follow: byWebSocket, drop: 5 * time.Second, filter: map[string]any{"types": []string{"UPDATED", "REGISTERED", markerType}}, where: "event_type IN ('UPDATED', 'REGISTERED', '" + markerType + "')"},
		{name: "slow WebSocket", follow: byWebSocket, stall: 30 * time.Second},
		{name: "slow SSE", follow: bySSE, stall: 45 * time.Second},
	}
}

// run follows until the context ends.
func (f *follower) run(ctx context.Context) {
	for ctx.Err() == nil {
		life, cancel := context.WithCancel(ctx)
		if f.drop > 0 {
			cancel()
			life, cancel = context.WithTimeout(ctx, f.drop/2+time.Duration(f.random.Int64N(int64(f.drop))))
		}
		f.stalled = false
		err := f.follow(life, f, f.random.IntN(len(f.system.servers)))
		dropped := life.Err() != nil
		cancel()
		f.resumes++
		switch code := codeOf(err); {
		case dropped:
		case f.slow() && (code == "SLOW_CONSUMER" || code == "connection"):
			f.tally.count(f.who(), code)
		default:
			// The fault may have begun a little before the connection broke.
			f.explain(time.Now().Add(-time.Second), f.who(), "", err)
			pause(ctx, 100*time.Millisecond)
		}
	}
}

// received records a delivery.
func (f *follower) received(position, id string, body payload) {
	at, err := strconv.ParseInt(position, 10, 64)
	if err != nil || at <= f.start {
		f.found.add(wrong, "a delivery to %s is at position %q, and the follower began after %d", f.name, position, f.start)
		return
	}
	if strings.HasPrefix(id, eventPrefix) && body.ID != id {
		f.found.add(wrong, "event %s was delivered to %s with the payload of %v", id, f.name, body)
	}
	f.ledger.delivered(f.name, at, id)
	f.positions = append(f.positions, at)
	if number, ok := strings.CutPrefix(id, eventPrefix+"marker-"); ok {
		n, _ := strconv.ParseInt(number, 10, 64)
		f.marker.Store(n)
	}
	if f.slow() && !f.stalled {
		f.stalled = true
		pause(f.living, f.stall)
	}
}

const subscription = `subscription ($after: String, $filter: EventFilter) {
	eventRecorded(after: $after, filter: $filter) { cursor previousCursor position event { eventId payload } } }`

func (f *follower) variables() map[string]any {
	variables := map[string]any{"after": f.cursor}
	if f.filter != nil {
		variables["filter"] = f.filter
	}
	return variables
}

// next reads a response of the subscription. previous is the cursor of the previous
// delivery on this connection.
func (f *follower) next(response []byte, previous *string) error {
	var data struct {
		EventRecorded struct {
			Cursor, PreviousCursor, Position string
			Event                            struct {
				EventID string
				Payload json.RawMessage
			}
		}
	}
	if err := client.Decode(response, &data); err != nil {
		return err
	}
	d := data.EventRecorded
	if d.PreviousCursor != *previous {
		f.found.add(wrong, "the delivery at %s to %s says that it follows %q, and %q was the last", d.Position, f.name, d.PreviousCursor, *previous)
	}
	f.cursor, *previous = d.Cursor, d.Cursor
	var body payload
	_ = json.Unmarshal(d.Event.Payload, &body) // other clients' payloads may be any JSON
	f.received(d.Position, d.Event.EventID, body)
	return nil
}

func (f *follower) http() *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: dialer(f.slow()).DialContext, DisableCompression: true, DisableKeepAlives: true}}
}

func (f *follower) slow() bool { return f.stall > 0 }

func (f *follower) who() string {
	if f.slow() {
		return "slow"
	}
	return "follower"
}

// byWebSocket subscribes with graphql-transport-ws.
func byWebSocket(ctx context.Context, f *follower, server int) error {
	socket, err := f.dial(ctx, server, f.who(), f.http())
	if err != nil {
		return err
	}
	defer func() { _ = socket.CloseNow() }()
	if err := socket.Subscribe(ctx, "1", subscription, f.variables()); err != nil {
		return err
	}
	return f.receive(func() (client.Event, error) { return socket.Next(ctx) })
}

// dial opens a WebSocket.
func (s *soak) dial(ctx context.Context, server int, who string, through *http.Client) (*client.WebSocket, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	c := client.Client{Endpoint: s.system.servers[server].url() + "/graphql", Token: s.system.token(who), HTTP: through}
	return c.DialWebSocket(ctx)
}

// bySSE subscribes with server-sent events.
func bySSE(ctx context.Context, f *follower, server int) error {
	c := &client.Client{Endpoint: f.system.servers[server].url() + "/graphql", Token: f.system.token(f.who()), HTTP: f.http(), Silence: time.Minute}
	stream, err := c.Subscribe(ctx, subscription, f.variables())
	if err != nil {
		return err
	}
	defer stream.Close()
	return f.receive(stream.Next)
}

// receive reads the events of a connection until it ends.
func (f *follower) receive(next func() (client.Event, error)) error {
	previous := f.cursor
	for {
		event, err := next()
		if err != nil {
			return err
		}
		switch event.Name {
		case "next":
			err = f.next(event.Data, &previous)
		case "":
			f.cursor = event.ID
		default:
			return fmt.Errorf("the server sent %q", event.Name)
		}
		if err != nil {
			return err
		}
	}
}

// codeOf classifies an error: by its code, by the HTTP status of an answer that is not
// GraphQL, or as a broken connection.
func codeOf(err error) string {
	var refusal *client.Error
	var status *client.StatusError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &refusal) && refusal.Extensions.Code != "":
		return refusal.Extensions.Code
	case errors.As(err, &status):
		return fmt.Sprintf("HTTP %d", status.StatusCode)
	case errors.Is(err, client.ErrNotGraphQL):
		return "malformed"
	case errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, io.EOF):
		return "no answer"
	}
	return "connection"
}
