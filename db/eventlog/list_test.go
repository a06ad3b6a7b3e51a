package eventlog_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/words"
)

var everything = []string{""}

// sample is an event of the fixture, with its meta and payload decoded.
type sample struct {
	id, kind, path, version, resourceType string
	payload, meta                         any
	at                                    time.Time
}

var (
	paths     = []string{"a/one", "a/two", "b/one", "b%/one"}
	versions  = []string{"1", "2"}
	kinds     = []string{"UPDATED", "REGISTERED", "EXECUTION_FAILED"}
	steps     = []string{"load", "7"}
	documents = []any{
		nil,
		map[string]any{},
		[]any{},
		"x", 7.0,
		map[string]any{"a": 1.0},
		map[string]any{"a": 1.0, "b": []any{1.0, 2.0, map[string]any{"c": nil}}},
		map[string]any{"a": map[string]any{"b": []any{"x"}}},
		[]any{1.0, []any{2.0}},
		[]any{"x", "x", 7.0},
	}
)

// fixture inserts 300 events, many at equal times.
func fixture(t *testing.T) (*eventlog.Store, []sample) {
	t.Helper()
	pool := dbtest.Pool(t)
	types := map[string]string{}
	for i, path := range paths {
		for j, version := range versions {
			kind := []string{"playbook", "task"}[(i+j)%2]
			types[path+version] = kind
			if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ($1, $2, $3, '{}')`, path, kind, version); err != nil {
				t.Fatal(err)
			}
		}
	}
	var samples []sample
	for n := range 300 {
		s := sample{
			id: fmt.Sprintf("e%03d", (n*7)%300), kind: kinds[n%3], path: paths[n%4], version: versions[n/4%2],
			payload: documents[n%len(documents)],
			at:      time.Date(2026, time.Month(10+n%2), 1, 0, n/2%11, 0, 0, time.UTC),
		}
		s.resourceType = types[s.path+s.version]
		meta := map[string]any{"status": []any{"Failed", "completed", nil, 5.0}[n%4], "node_name": []any{"load", 7.0, nil}[n%3], "execution_id": []any{"4711", 4711.0, "12", nil}[n/3%4]}
		for key, value := range meta {
			if value == nil && n%2 == 0 {
				delete(meta, key)
			}
		}
		if n%5 == 0 {
			meta["error"] = []any{"Disk full", 5.0}[n/5%2]
		}
		s.meta = meta
		if n%19 == 0 {
			s.meta = documents[n%len(documents)]
		}
		if _, err := pool.Exec(t.Context(), `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			s.id, s.kind, s.path, s.version, encode(s.payload), encode(s.meta), s.at); err != nil {
			t.Fatal(err)
		}
		samples = append(samples, s)
	}
	slices.SortFunc(samples, func(a, b sample) int { return cmp.Or(a.at.Compare(b.at), strings.Compare(a.id, b.id)) })
	return eventlog.NewStore(pool), samples
}

// encode returns the JSON of a value; nil, for SQL NULL, if it is nil.
func encode(value any) []byte {
	if value == nil {
		return nil
	}
	raw, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return raw
}

// text implements PostgreSQL's ->>: a key of an object as text; false if the key is missing or null.
func text(document any, key string) (string, bool) {
	object, _ := document.(map[string]any)
	switch value := object[key].(type) {
	case nil:
		return "", false
	case string:
		return value, true
	default:
		return string(encode(value)), true
	}
}

// contains implements PostgreSQL's @>: objects by key, arrays as sets, and an array at
// the top contains its scalars.
func contains(outer, inner any, top bool) bool {
	switch in := inner.(type) {
	case map[string]any:
		out, ok := outer.(map[string]any)
		if !ok {
			return false
		}
		for key, value := range in {
			if element, ok := out[key]; !ok || !contains(element, value, false) {
				return false
			}
		}
		return true
	case []any:
		out, ok := outer.([]any)
		if !ok {
			return false
		}
		for _, value := range in {
			if !slices.ContainsFunc(out, func(element any) bool { return contains(element, value, false) }) {
				return false
			}
		}
		return true
	}
	if out, ok := outer.([]any); ok && top {
		return slices.ContainsFunc(out, func(element any) bool { return contains(element, inner, false) })
	}
	switch outer.(type) {
	case map[string]any, []any:
		return false
	}
	return outer == inner
}

// errorOf returns payload.error or meta.error, whichever is a string.
func errorOf(s sample) string {
	for _, document := range []any{s.payload, s.meta} {
		object, _ := document.(map[string]any)
		if text, ok := object["error"].(string); ok {
			return text
		}
	}
	return ""
}

// passes implements EventFilter as the schema documents it, without SQL.
func passes(f eventlog.Filter, payload, meta any, s sample) bool {
	execution, hasExecution := text(s.meta, "execution_id")
	step, hasStep := text(s.meta, "node_name")
	status, hasStatus := text(s.meta, "status")
	equals := func(want *string, got string, has bool) bool { return want == nil || has && *want == got }
	contained := func(want []string, got string) bool { return want == nil || slices.Contains(want, got) }
	return equals(f.ExecutionID, execution, hasExecution) && equals(f.Step, step, hasStep) &&
		(f.Statuses == nil || hasStatus && slices.ContainsFunc(f.Statuses, func(want string) bool { return strings.EqualFold(want, status) })) &&
		contained(f.Types, s.kind) && !slices.Contains(f.ExcludeTypes, s.kind) && contained(f.ResourceTypes, s.resourceType) && contained(f.Paths, s.path) &&
		(f.Text == nil || words.Parse(*f.Text).In(words.Of(s.path, s.kind, step, status, errorOf(s)))) &&
		equals(f.Path, s.path, true) && equals(f.Version, s.version, true) && (f.PathPrefix == nil || strings.HasPrefix(s.path, *f.PathPrefix)) &&
		(f.Since == nil || !s.at.Before(*f.Since)) && (f.Until == nil || s.at.Before(*f.Until)) &&
		(f.PayloadContains == nil || s.payload != nil && contains(s.payload, payload, true)) &&
		(f.MetaContains == nil || s.meta != nil && contains(s.meta, meta, true))
}

// Every access path, in both directions, lists exactly the events that pass the filter, in
// order; and counts agree.
func TestList_AnyFilter_AsDocumented(t *testing.T) {
	t.Parallel()
	store, samples := fixture(t)
	ctx := context.Background()
	maybe := func(t *rapid.T, label string, from []string) *string {
		if rapid.IntRange(0, 3).Draw(t, label) > 0 {
			return nil
		}
		return new(rapid.SampledFrom(from).Draw(t, label+" value"))
	}
	some := func(t *rapid.T, label string, from []string) []string {
		if rapid.IntRange(0, 3).Draw(t, label) > 0 {
			return nil
		}
		return rapid.SliceOfN(rapid.SampledFrom(from), 1, 3).Draw(t, label+" values")
	}
	when := func(t *rapid.T, label string) *time.Time {
		if rapid.IntRange(0, 3).Draw(t, label) > 0 {
			return nil
		}
		return new(time.Date(2026, time.Month(rapid.IntRange(10, 11).Draw(t, label+" month")), 1, 0, rapid.IntRange(0, 11).Draw(t, label+" minute"), 0, 0, time.UTC))
	}
	document := func(t *rapid.T, label string) (any, []byte) {
		if rapid.IntRange(0, 3).Draw(t, label) > 0 {
			return nil, nil
		}
		value := rapid.SampledFrom(append(documents[1:], map[string]any{"status": "Failed"}, map[string]any{"execution_id": 4711.0})).Draw(t, label+" value")
		return value, encode(value)
	}
	rapid.Check(t, func(t *rapid.T) {
		filter := eventlog.Filter{
			ExecutionID: maybe(t, "execution", []string{"4711", "12", "none"}), Step: maybe(t, "step", steps),
			Statuses: some(t, "statuses", []string{"FAILED", "Completed", "5"}), Types: some(t, "types", append(kinds, "NONE")),
			ResourceTypes: some(t, "resource types", []string{"playbook", "task"}),
			Path:          maybe(t, "path", append(paths, "none")), PathPrefix: maybe(t, "prefix", []string{"", "a/", "b", "b%", "b/o", "none"}),
			Version: maybe(t, "version", versions), Since: when(t, "since"), Until: when(t, "until"),
			Paths: some(t, "paths", append(paths, "none")), ExcludeTypes: some(t, "exclude types", append(kinds, "NONE")),
			Text: maybe(t, "text", []string{"load", "FAIL", "one b", "a", "disk", ""}),
		}
		var payload, meta any
		payload, filter.PayloadContains = document(t, "payload")
		meta, filter.MetaContains = document(t, "meta")
		direction := eventlog.Direction(rapid.Bool().Draw(t, "newest first"))
		limit := rapid.IntRange(1, 40).Draw(t, "limit")
		within := eventlog.WholeRange()
		if rapid.Bool().Draw(t, "narrow") {
			low, high := rapid.SampledFrom(samples).Draw(t, "low"), rapid.SampledFrom(samples).Draw(t, "high")
			within = eventlog.Range{LowTime: low.at, LowID: low.id, HighTime: high.at, HighID: high.id}
		}

		var want []string
		total := 0
		for _, s := range samples {
			if !passes(filter, payload, meta, s) {
				continue
			}
			total++
			atLow := cmp.Or(s.at.Compare(within.LowTime), strings.Compare(s.id, within.LowID))
			atHigh := cmp.Or(s.at.Compare(within.HighTime), strings.Compare(s.id, within.HighID))
			if atLow >= 0 && atHigh < 0 {
				want = append(want, s.id)
			}
		}
		if direction == eventlog.NewestFirst {
			slices.Reverse(want)
		}
		want = want[:min(len(want), limit)]

		got, err := store.List(ctx, everything, filter, eventlog.Page{Range: within, Direction: direction, Limit: limit})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, ids(got)); diff != "" {
			t.Fatalf("%+v (-want +got):\n%s", filter, diff)
		}
		if n, err := store.Count(ctx, everything, filter); err != nil || n != total {
			t.Fatalf("count %d, %v; want %d", n, err, total)
		}
	})
}

func ids(events []*eventlog.Event) []string {
	var list []string
	for _, event := range events {
		list = append(list, event.ID)
	}
	return list
}

// One statement for several parents lists the same as one statement for each.
func TestListOf_SeveralKeys_AsEachAlone(t *testing.T) {
	t.Parallel()
	store, _ := fixture(t)
	ctx := t.Context()
	filter := eventlog.Filter{Types: []string{"UPDATED"}}
	columns := eventlog.Columns{Payload: true, Meta: true}
	parents := append([]string{"none"}, paths...)
	lists, err := store.ListOf(ctx, everything, eventlog.OfPaths(parents), filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.NewestFirst, Limit: 5, Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	counts, err := store.CountOf(ctx, everything, eventlog.OfPaths(parents), filter)
	if err != nil {
		t.Fatal(err)
	}
	var keys []catalog.LabelKey
	for i, path := range parents {
		alone := filter
		alone.Path = &path
		want, err := store.List(ctx, everything, alone, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.NewestFirst, Limit: 5, Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		total, err := store.Count(ctx, everything, alone)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(append([]*eventlog.Event{}, want...), append([]*eventlog.Event{}, lists[i]...)); diff != "" || counts[i] != total {
			t.Errorf("%s: count %d, want %d (-want +got):\n%s", path, counts[i], total, diff)
		}
		keys = append(keys, catalog.LabelKey{Path: path, Label: "2"})
	}
	byVersion, err := store.ListOf(ctx, everything, eventlog.OfVersions(keys), filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.OldestFirst, Limit: 5, Columns: columns})
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range keys {
		alone := filter
		alone.Path, alone.Version = &key.Path, &key.Label
		want, err := store.List(ctx, everything, alone, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.OldestFirst, Limit: 5, Columns: columns})
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(ids(want), ids(byVersion[i])); diff != "" {
			t.Errorf("%v (-want +got):\n%s", key, diff)
		}
	}
}

// A prefix with more paths than are read one by one gives the same list.
func TestList_PrefixOfManyPaths_SameAsTimeline(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	for _, sql := range []string{
		`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) SELECT 'many/' || n, 'task', '1', '{}' FROM generate_series(1, 300) n`,
		`INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('other', 'task', '1', '{}')`,
		`INSERT INTO event (event_id, event_type, resource_path, resource_version) SELECT 'e' || n, 'UPDATED', CASE WHEN n % 5 = 0 THEN 'other' ELSE 'many/' || n END, '1' FROM generate_series(1, 300) n`,
	} {
		if _, err := pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	store := eventlog.NewStore(pool)
	filter := eventlog.Filter{PathPrefix: new("many/")}
	list, err := store.List(t.Context(), everything, filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.NewestFirst, Limit: 1000})
	if err != nil || len(list) != 240 {
		t.Errorf("%d events, %v", len(list), err)
	}
	if n, err := store.Count(t.Context(), everything, filter); err != nil || n != 240 {
		t.Errorf("count %d, %v", n, err)
	}
	// No access path lists events out of scope.
	for _, narrowed := range []eventlog.Filter{
		{}, filter, {Types: []string{"UPDATED"}}, {Path: new("many/1")}, {Path: new("many/1"), Version: new("1")},
	} {
		list, err := store.List(t.Context(), []string{"oth"}, narrowed, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.NewestFirst, Limit: 1000})
		if err != nil || slices.ContainsFunc(list, func(e *eventlog.Event) bool { return e.Path != "other" }) {
			t.Errorf("%+v: %v %v", narrowed, ids(list), err)
		}
	}
}
