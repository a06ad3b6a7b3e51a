package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"
)

// peer is the equivalent request to PostGraphile.
type peer struct {
	document string
	// variables are derived from the server's, and from the query of the
	// limit's target.
	variables func(ours map[string]any, limit url.Values) map[string]any
}

func sameVariables(ours map[string]any, _ url.Values) map[string]any { return ours }

// peers are those of the workloads, by name. cursorOf is PostGraphile's cursor
// of a resource in the order of paths.
func peers(cursorOf func(path string) string) map[string]peer {
	after := func(_ map[string]any, limit url.Values) map[string]any {
		return map[string]any{"after": cursorOf(limit.Get("after"))}
	}
	return map[string]peer{
		"Q1": {`query($path: String!, $version: String!) { catalogByResourcePathAndResourceVersion(resourcePath: $path, resourceVersion: $version) { resourcePath resourceVersion payload } }`, sameVariables},
		"Q2": {`query($after: Cursor) { allResources(first: 50, after: $after) { nodes { resourcePath resourceType latest { resourceVersion revision timestamp source } } } }`, after},
		"Q3": {`query($after: Cursor) { allResources(first: 20, after: $after) { nodes { resourcePath versions(first: 5, orderBy: REVISION_DESC) { nodes { resourceVersion timestamp
			eventsByResourcePathAndResourceVersion(first: 5, orderBy: [TIMESTAMP_DESC, EVENT_ID_DESC]) { nodes { eventId eventType timestamp } } } } } } }`, after},
		"Q4": {`{ allEvents(first: 100, orderBy: [TIMESTAMP_DESC, EVENT_ID_DESC]) { nodes { eventId timestamp eventType resource { resourcePath resourceType } } } }`, sameVariables},
		"Q5": {`mutation($event: EventInput!) { createEvent(input: {event: $event}) { event { eventId timestamp } } }`, func(ours map[string]any, _ url.Values) map[string]any {
			input := ours["input"].(map[string]any)
			return map[string]any{"event": map[string]any{
				"eventType": input["type"], "resourcePath": input["path"], "resourceVersion": input["version"], "payload": input["payload"], "meta": input["meta"],
			}}
		}},
	}
}

// postgraphile starts PostGraphile on a database.
func (b *bench) postgraphile(ctx context.Context, databaseURL string) (*server, error) {
	directory := filepath.Join("bench", "postgraphile")
	nodes, err := filepath.Glob(filepath.Join(directory, "node_modules", "node-linux-*", "bin", "node"))
	if err != nil || len(nodes) == 0 {
		return nil, errors.Join(err, errors.New("PostGraphile is not installed: make bench-peer does that"))
	}
	return start(ctx, databaseURL, nodes[0], filepath.Join(directory, "server.js"))
}

// enterPeer derives PostGraphile's requests from the server's, and checks that
// the responses have the same values.
func (b *bench) enterPeer(ctx context.Context, databaseURL string, w workload, ours *contestant) (*contestant, error) {
	c := &contestant{name: "PostGraphile"}
	var err error
	if c.server, err = b.postgraphile(ctx, databaseURL); err != nil {
		return nil, err
	}
	cursors := map[string]string{}
	asked := peers(func(path string) string {
		if _, ok := cursors[path]; !ok {
			var answer struct{ AllResources struct{ Edges []place } }
			err = errors.Join(err, c.Do(ctx, `query($path: String!) { allResources(condition: {resourcePath: $path}) { edges { cursor } } }`, map[string]any{"path": path}, &answer))
			for _, edge := range answer.AllResources.Edges {
				cursors[path] = edge.Cursor
			}
		}
		return cursors[path]
	})[w.name]
	for i, variables := range ours.variables {
		_, query, _ := strings.Cut(ours.targets[i], "?")
		limit, err := url.ParseQuery(query)
		if err != nil {
			return c, err
		}
		body, err := encodeGraphQL(asked.document, asked.variables(variables, limit))
		if err != nil {
			return c, err
		}
		c.requests = append(c.requests, body)
	}
	if err != nil {
		return c, err
	}
	const compared = 20
	answers, err := c.answers(0, compared)
	if err != nil || w.writes {
		return c, err
	}
	want, err := ours.answers(0, compared)
	if err != nil {
		return c, err
	}
	for i := range answers {
		if got, want := leaves(answers[i]), leaves(want[i]); !reflect.DeepEqual(got, want) {
			return c, fmt.Errorf("PostGraphile answers request %d with other values:\n%.1000s\n%.1000s", i, got, want)
		}
	}
	return c, nil
}

// leaves are the values of a response, sorted, with times in one format.
func leaves(answer any) []string {
	switch answer := answer.(type) {
	case map[string]any:
		return leaves(slices.Collect(maps.Values(answer)))
	case []any:
		var all []string
		for _, each := range answer {
			all = append(all, leaves(each)...)
		}
		slices.Sort(all)
		return all
	}
	text := fmt.Sprint(answer)
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		text = at.UTC().Format(time.RFC3339Nano)
	}
	return []string{text}
}

// givenIDs makes the database generate event ids: PostGraphile's clients would
// need a new one for each request.
func (b *bench) givenIDs(ctx context.Context, name string) error {
	databaseURL, err := b.url(name)
	if err != nil {
		return err
	}
	return execute(ctx, databaseURL, `ALTER TABLE event ALTER event_id SET DEFAULT gen_random_uuid()`)
}
