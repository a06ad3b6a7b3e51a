//go:build linux

package main

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/noetl/noetl-catalog/client"
)

// reader queries data whose write was acknowledged, and compares the answers.
type reader struct {
	*soak
	random *rand.Rand
}

// read runs one query of a random kind.
func (r *reader) read(ctx context.Context) {
	kinds := []func(context.Context, int){r.version, r.event, r.eventsOfRun, r.heads, r.deferred, r.progress}
	kinds[r.random.IntN(len(kinds))](ctx, r.random.IntN(2))
}

// missing adds a finding, unless a fault hides events.
func (r *reader) missing(began time.Time, format string, arguments ...any) {
	if !r.faults.hide(began) {
		r.found.add(wrong, format, arguments...)
	}
}

func (r *reader) query(ctx context.Context, server int, query string, variables map[string]any, data any) bool {
	_, err := r.ask(ctx, "reader", server, query, variables, data)
	return err == nil
}

// version checks that a version is found by its label and has not changed.
func (r *reader) version(ctx context.Context, server int) {
	path, known, ok := r.ledger.version(r.random.IntN)
	var data struct {
		Version *struct {
			Version  string
			Revision int
			Payload  payload
			Resource struct{ LatestVersion struct{ Revision int } }
		}
	}
	if !ok || !r.query(ctx, server, `query ($path: String!, $version: String) { version(path: $path, version: $version) {
		version revision payload resource { latestVersion { revision } } } }`, map[string]any{"path": path, "version": known.label}, &data) {
		return
	}
	v := data.Version
	if v == nil || known != (revision{v.Version, v.Revision, v.Payload.ID}) || v.Resource.LatestVersion.Revision < v.Revision {
		r.found.add(wrong, "version %+v of %s is answered %+v", known, path, v)
	}
}

// event checks that an acknowledged event is found.
func (r *reader) event(ctx context.Context, server int) {
	began := time.Now()
	known, ok := r.ledger.fact(r.random.IntN)
	var data struct {
		Event *struct {
			EventID, Path, ExecutionID string
			Payload                    payload
			Version                    struct{ Version string }
		}
	}
	if !ok || !r.query(ctx, server, `query ($id: String!) { event(eventId: $id) { eventId path executionId payload version { version } } }`,
		map[string]any{"id": known.id}, &data) {
		return
	}
	if e := data.Event; e == nil {
		r.missing(began, "event %+v is answered with null", known)
	} else if e.Path != known.path || e.Payload.ID != known.id || e.ExecutionID != known.run || e.Version.Version != "1.0.0" {
		r.found.add(wrong, "event %+v is answered %+v", known, e)
	}
}

// eventsOfRun checks that the pages of a run's events have each acknowledged event once.
func (r *reader) eventsOfRun(ctx context.Context, server int) {
	began := time.Now()
	known, ok := r.ledger.fact(func(n int) int { return n - 1 - r.random.IntN(min(n, 100)) })
	least := r.ledger.ofRun(known.run)
	seen, after := map[string]bool{}, ""
	for more := ok; more; {
		var data struct {
			Events struct {
				Nodes    []struct{ EventID string }
				PageInfo struct {
					HasNextPage bool
					EndCursor   string
				}
			}
		}
		variables := map[string]any{"run": known.run, "first": 3 + r.random.IntN(10)}
		if after != "" {
			variables["after"] = after
		}
		if !r.query(ctx, server, `query ($run: String!, $first: Int, $after: String) {
			events(first: $first, after: $after, direction: ASC, filter: {executionId: $run}) { nodes { eventId } pageInfo { hasNextPage endCursor } } }`, variables, &data) {
			return
		}
		for _, node := range data.Events.Nodes {
			if seen[node.EventID] {
				r.found.add(wrong, "%s is on two pages of %s", node.EventID, known.run)
			}
			seen[node.EventID] = true
		}
		more, after = data.Events.PageInfo.HasNextPage, data.Events.PageInfo.EndCursor
	}
	if len(seen) < least {
		r.missing(began, "%s has %d events in pages, and %d were acknowledged", known.run, len(seen), least)
	}
}

// heads checks that the latest version of a resource is at least as new as the latest
// acknowledged version.
func (r *reader) heads(ctx context.Context, server int) {
	least := r.ledger.latest()
	var data struct {
		Resources struct {
			TotalCount int
			Nodes      []struct {
				Path          string
				LatestVersion struct{ Revision int }
				Versions      struct {
					Nodes []struct {
						Revision int
						IsLatest bool
					}
				}
				LatestEvent *struct{ Message string }
			}
		}
	}
	if !r.query(ctx, server, `{ resources(first: 100, filter: {pathPrefix: "soak/"}) { totalCount nodes {
		path latestVersion { revision } versions(first: 3) { nodes { revision isLatest } } latestEvent { message } } } }`, nil, &data) {
		return
	}
	for _, node := range data.Resources.Nodes {
		if node.LatestVersion.Revision < least[node.Path] {
			r.found.add(wrong, "the latest revision of %s is %d, and %d was acknowledged", node.Path, node.LatestVersion.Revision, least[node.Path])
		}
		for i, v := range node.Versions.Nodes[1:] {
			if v.Revision != node.Versions.Nodes[i].Revision-1 {
				r.found.add(wrong, "the newest revisions of %s are %+v", node.Path, node.Versions.Nodes)
			}
		}
		delete(least, node.Path)
	}
	if len(least) > 0 {
		r.found.add(wrong, "%d registered resources are not listed: %v", len(least), least)
	}
}

// runs checks, when nothing is written any more, that the event count of a run equals the
// length of its list, and that no acknowledged event is missing.
func (r *reader) runs(ctx context.Context) {
	for i := range 50 {
		known, ok := r.ledger.fact(r.random.IntN)
		var data struct {
			Execution *struct {
				EventCount int
				Events     struct{ TotalCount int }
			}
		}
		if !ok || !r.query(ctx, i%2, `query ($run: String!) { execution(executionId: $run) { eventCount events(first: 1) { totalCount } } }`, map[string]any{"run": known.run}, &data) {
			return
		}
		if e := data.Execution; e == nil || e.EventCount != e.Events.TotalCount || e.EventCount < r.ledger.ofRun(known.run) {
			r.found.add(wrong, "run %s is answered %+v, and %d events were acknowledged", known.run, e, r.ledger.ofRun(known.run))
		}
	}
}

// deferred checks that a deferred payload is in a later part of the answer.
func (r *reader) deferred(ctx context.Context, server int) {
	path, known, ok := r.ledger.version(r.random.IntN)
	if !ok {
		return
	}
	parts, ok := r.stream(ctx, server, `query ($path: String!, $version: String) { version(path: $path, version: $version) { revision ... @defer { payload } } }`,
		map[string]any{"path": path, "version": known.label})
	if text := strings.ReplaceAll(strings.Join(parts, "\n"), " ", ""); ok && (len(parts) < 2 || !strings.Contains(text, `"id":"`+known.text+`"`)) {
		r.found.add(wrong, "the deferred version %+v of %s is answered %.300s", known, path, text)
	}
}

// progress checks that the subscription to a finished run delivers each event once.
func (r *reader) progress(ctx context.Context, server int) {
	known, ok := r.ledger.fact(r.random.IntN)
	if !ok || r.ledger.ofRun(known.run) < runLength {
		return
	}
	parts, ok := r.stream(ctx, server, `subscription ($run: String!) { executionProgressed(executionId: $run) { event { eventId } } }`, map[string]any{"run": known.run})
	slices.Sort(parts)
	if ok && (len(parts) != runLength || len(slices.Compact(parts)) != runLength) {
		r.found.add(wrong, "the progress of %s is %q", known.run, parts)
	}
}

// stream reads all parts of an incremental answer.
func (r *reader) stream(ctx context.Context, server int, query string, variables map[string]any) (parts []string, ok bool) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	stream, err := r.clients["reader"][server].Subscribe(ctx, query, variables)
	for err == nil {
		var event client.Event
		if event, err = stream.Next(); err != nil || event.Name == "complete" {
			break
		}
		var part struct {
			Errors      []*client.Error
			Incremental []struct{ Errors []*client.Error }
		}
		if event.Name == "" {
			continue // a checkpoint
		}
		if json.Unmarshal(event.Data, &part) != nil {
			err = client.ErrNotGraphQL
		}
		for _, increment := range part.Incremental {
			part.Errors = append(part.Errors, increment.Errors...)
		}
		if len(part.Errors) > 0 {
			err = part.Errors[0]
		}
		parts = append(parts, string(event.Data))
	}
	if stream != nil {
		stream.Close()
	}
	if err != nil {
		r.explain(began, "reader", "", err)
		return nil, false
	}
	r.tally.count("reader", "ok")
	return parts, true
}
