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
	// variables derives the variables from the server's and from the URL query of the
	// limit's request.
	variables func(ours map[string]any, limit url.Values) map[string]any
}

func sameVariables(ours map[string]any, _ url.Values) map[string]any { return ours }

// peers returns the peer of each workload by name. cursorOf returns PostGraphile's cursor
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
func (b *bench) postgraphile(ctx context.Context, databaseURL string) *server {
	directory := filepath.Join("bench", "postgraphile")
	nodes := must(filepath.Glob(filepath.Join(directory, "node_modules", "node-linux-*", "bin", "node")))
	if len(nodes) == 0 {
		check(errors.New("PostGraphile is not installed: make bench-peer does that"))
	}
	return start(ctx, databaseURL, nodes[0], filepath.Join(directory, "server.js"))
}

// requestPeer derives PostGraphile's requests from the server's, and checks that
// the responses have the same values.
func (c *contestant) requestPeer(ctx context.Context, w workload, ours *contestant) {
	cursors := map[string]string{}
	equivalent := peers(func(path string) string {
		if _, ok := cursors[path]; !ok {
			var answer struct{ AllResources struct{ Edges []place } }
			check(c.Do(ctx, `query($path: String!) { allResources(condition: {resourcePath: $path}) { edges { cursor } } }`, map[string]any{"path": path}, &answer))
			for _, edge := range answer.AllResources.Edges {
				cursors[path] = edge.Cursor
			}
		}
		return cursors[path]
	})[w.name]
	for i, variables := range ours.variables {
		_, query, _ := strings.Cut(ours.targets[i], "?")
		c.requests = append(c.requests, encodeGraphQL(equivalent.document, equivalent.variables(variables, must(url.ParseQuery(query)))))
	}
	const compared = 20
	answers := c.answers(0, compared)
	if w.writes {
		return
	}
	for i, want := range ours.answers(0, compared) {
		if got, want := leaves(answers[i]), leaves(want); !reflect.DeepEqual(got, want) {
			check(fmt.Errorf("PostGraphile answers request %d with other values:\n%.1000s\n%.1000s", i, got, want))
		}
	}
}

// leaves returns the scalar values of a response, sorted, with times in one format.
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
