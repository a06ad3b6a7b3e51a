package main

import (
	"context"
	"fmt"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
)

// latency measures the time from a commit's return to the delivery over a
// WebSocket, on an idle server.
func latency(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "latency", 1)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	socket := must(subscribe(ctx, server.address, "p/0", nil))
	defer func() { _ = socket.CloseNow() }()
	fmt.Println("latency: commit to delivery, one subscriber, idle server")
	for _, pause := range []time.Duration{5 * time.Millisecond, 100 * time.Millisecond} {
		var took []time.Duration
		for range 200 {
			time.Sleep(pause)
			check(insert(ctx, pool, "p/0", nil))
			committed := time.Now()
			_, _, err := socket.Read(ctx)
			check(err)
			took = append(took, time.Since(committed))
		}
		fmt.Printf("  an event every %-5s  %s\n", pause, spread(took))
	}
	fmt.Println()
}

// subscribe opens a WebSocket with one subscription to a path, or to all.
func subscribe(ctx context.Context, address, path string, options *websocket.DialOptions) (*websocket.Conn, error) {
	filter := map[string]any{}
	if path != "" {
		filter["path"] = path
	}
	return open(ctx, address, `subscription($filter: EventFilter) { eventRecorded(filter: $filter) { cursor position event { eventId timestamp payload } } }`,
		map[string]any{"filter": filter}, options)
}

// open opens a WebSocket with one subscription.
func open(ctx context.Context, address, query string, variables map[string]any, options *websocket.DialOptions) (*websocket.Conn, error) {
	if options == nil {
		options = &websocket.DialOptions{}
	}
	options.Subprotocols = []string{"graphql-transport-ws"}
	socket, response, err := websocket.Dial(ctx, "ws://"+address+"/graphql", options)
	if err != nil {
		return nil, err
	}
	if response.Body != nil {
		_ = response.Body.Close()
	}
	socket.SetReadLimit(1 << 20)
	for _, message := range []map[string]any{
		{"type": "connection_init"},
		{"type": "subscribe", "id": "1", "payload": map[string]any{"query": query, "variables": variables}},
	} {
		if err := wsjson.Write(ctx, socket, message); err != nil {
			return nil, err
		}
	}
	_, _, err = socket.Read(ctx) // connection_ack
	return socket, err
}
