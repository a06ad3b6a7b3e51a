package main

import (
	"context"
	"fmt"
	"time"

	"github.com/noetl/noetl-catalog/client"
)

// latency measures the time from a commit's return to the delivery over a
// WebSocket, on an idle server.
func latency(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "latency", 1)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	socket := must(subscribe(ctx, server.Client, "p/0"))
	defer func() { _ = socket.CloseNow() }()
	server.awaitLive(ctx, 1)
	fmt.Println("latency: commit to delivery, one subscriber, idle server")
	for _, pause := range []time.Duration{5 * time.Millisecond, 100 * time.Millisecond} {
		var took []time.Duration
		for range 200 {
			time.Sleep(pause)
			check(insert(ctx, pool, "p/0", nil))
			committed := time.Now()
			for must(socket.Next(ctx)).Name != "next" { // a checkpoint
			}
			took = append(took, time.Since(committed))
		}
		fmt.Printf("  an event every %-5s  %s\n", pause, spread(took))
	}
	fmt.Println()
}

// subscribe opens a WebSocket with one subscription to the events of a path, or to all
// events if the path is empty.
func subscribe(ctx context.Context, c *client.Client, path string) (*client.WebSocket, error) {
	filter := map[string]any{}
	if path != "" {
		filter["path"] = path
	}
	return openSubscription(ctx, c, `subscription($filter: EventFilter) { eventRecorded(filter: $filter) { cursor position event { eventId timestamp payload } } }`,
		map[string]any{"filter": filter})
}

func openSubscription(ctx context.Context, c *client.Client, query string, variables map[string]any) (*client.WebSocket, error) {
	socket, err := c.DialWebSocket(ctx)
	if err != nil {
		return nil, err
	}
	return socket, socket.Subscribe(ctx, "1", query, variables)
}
