package eventlog_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/tree"
)

// No list of resources, versions or events has rows out of scope, whichever statement
// reads it.
func TestScopes_EveryList_NothingElse(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	_, err := pool.Exec(t.Context(), `WITH v AS (
			INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT path, 'task', label, '{}' FROM unnest(ARRAY['a/1', 'a/2', 'ab/1', 'b/1']) path, unnest(ARRAY['1', '2']) label
			RETURNING *)
		INSERT INTO event (event_id, event_type, resource_path, resource_version)
		SELECT resource_path || '@' || resource_version, 'UPDATED', resource_path, resource_version FROM v`)
	if err != nil {
		t.Fatal(err)
	}
	resources, events := catalog.NewStore(pool), eventlog.NewStore(pool)
	all := []string{"a/1", "a/2", "ab/1", "b/1"}
	labels := make([]catalog.LabelKey, len(all))
	revisions := make([]catalog.RevisionKey, len(all))
	ids := make([]string, len(all))
	for i, path := range all {
		labels[i], revisions[i], ids[i] = catalog.LabelKey{Path: path, Label: "1"}, catalog.RevisionKey{Path: path, Revision: 2}, path+"@1"
	}
	ctx := t.Context()
	for _, test := range []struct {
		scopes, want []string
	}{
		{nil, nil},
		{[]string{}, nil},
		{[]string{"c"}, nil},
		{[]string{"a/"}, []string{"a/1", "a/2"}},
		{[]string{"b/1", "ab/"}, []string{"ab/1", "b/1"}},
		{[]string{"b/1", ""}, all},
		{[]string{""}, all},
	} {
		t.Run(strings.Join(test.scopes, ","), func(t *testing.T) {
			seen := map[string]bool{}
			wantSeen := func(list string, err error) {
				t.Helper()
				if err != nil {
					t.Errorf("%s: %v", list, err)
				}
				if diff := gocmp.Diff(test.want, slices.Sorted(maps.Keys(seen))); diff != "" {
					t.Errorf("%s (-want +got):\n%s", list, diff)
				}
				clear(seen)
			}
			addResources := func(rows []*catalog.Resource) {
				for _, row := range rows {
					if row != nil {
						seen[row.ResourcePath] = true
					}
				}
			}
			addVersions := func(lists ...[]*catalog.Version) {
				for _, row := range slices.Concat(lists...) {
					if row != nil {
						seen[row.Path] = true
					}
				}
			}
			addEvents := func(lists ...[]*eventlog.Event) {
				for _, row := range slices.Concat(lists...) {
					if row != nil {
						seen[row.Path] = true
					}
				}
			}

			heads, err := resources.ResourcesByPath(ctx, test.scopes, all)
			addResources(heads)
			wantSeen("ResourcesByPath", err)
			for _, field := range []catalog.OrderField{catalog.OrderByPath, catalog.OrderByCreatedAt, catalog.OrderByUpdatedAt} {
				for _, descending := range []bool{false, true} {
					heads, err := resources.ListResources(ctx, test.scopes, catalog.ResourceFilter{}, catalog.Order{Field: field, Descending: descending}, catalog.WholeRange(), 10)
					addResources(heads)
					wantSeen("ListResources by "+string(field), err)
				}
			}
			found, err := resources.VersionsByLabel(ctx, test.scopes, labels, catalog.Columns{})
			addVersions(found)
			wantSeen("VersionsByLabel", err)
			for _, key := range labels {
				one, problem := resources.VersionsByLabel(ctx, test.scopes, []catalog.LabelKey{key}, catalog.Columns{Meta: true})
				addVersions(one)
				err = errors.Join(err, problem)
			}
			wantSeen("VersionsByLabel, one by one", err)
			found, err = resources.VersionsByRevision(ctx, test.scopes, revisions, catalog.Columns{})
			addVersions(found)
			wantSeen("VersionsByRevision", err)
			for _, newestFirst := range []bool{false, true} {
				lists, err := resources.ListVersions(ctx, test.scopes, all, catalog.AllRevisions(), newestFirst, 10, catalog.Columns{})
				addVersions(lists...)
				wantSeen("ListVersions", err)
			}

			byID, err := events.ByID(ctx, test.scopes, ids, eventlog.Columns{})
			addEvents(byID)
			wantSeen("ByID", err)
			for _, direction := range []eventlog.Direction{eventlog.OldestFirst, eventlog.NewestFirst} {
				for _, filter := range []eventlog.Filter{{}, {Types: []string{"UPDATED"}}, {ResourceTypes: []string{"task"}}} {
					list, err := events.List(ctx, test.scopes, filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: direction, Limit: 10})
					addEvents(list)
					wantSeen("List", err)
					lists, err := events.ListOf(ctx, test.scopes, eventlog.OfPaths(all), filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: direction, Limit: 10})
					addEvents(lists...)
					wantSeen("ListOfPaths", err)
					lists, err = events.ListOf(ctx, test.scopes, eventlog.OfVersions(labels), filter, eventlog.Page{Range: eventlog.WholeRange(), Direction: direction, Limit: 10})
					addEvents(lists...)
					wantSeen("ListOfVersions", err)
				}
			}
			list, err := events.NewestWithResourceTypes(ctx, test.scopes, 10, eventlog.Columns{})
			addEvents(list)
			wantSeen("NewestWithResourceTypes", err)
			branches, err := tree.Read(ctx, &events.Reader, test.scopes, catalog.WholeRange(), 10, tree.Branches{Versions: 5, Events: 5})
			if branches == nil {
				t.Fatal(err)
			}
			addResources(branches.Resources)
			wantSeen("the tree's resources", err)
			addVersions(branches.Versions...)
			wantSeen("the tree's versions", nil)
			addEvents(branches.Events...)
			wantSeen("the tree's events", nil)
		})
	}
}

// A caller with the scope of one path cannot record under another; a call with one such
// event records nothing.
func TestScopes_Record_NothingElse(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a/1', 'task', '1', '{}'), ('ab/1', 'task', '1', '{}')`); err != nil {
		t.Fatal(err)
	}
	events := eventlog.NewStore(pool)
	for _, test := range []struct {
		scopes, paths []string
		allowed       bool
	}{
		{[]string{"a/"}, []string{"a/1"}, true},
		{[]string{"a/"}, []string{"a/1", "a/1"}, true},
		{[]string{"", "x"}, []string{"a/1", "ab/1"}, true},
		{[]string{"a/"}, []string{"ab/1"}, false},
		{[]string{"a/"}, []string{"a/1", "ab/1"}, false},
		{[]string{}, []string{"a/1", "a/1"}, false},
		{nil, []string{"a/1"}, false},
		{nil, []string{"a/1", "a/1"}, false},
	} {
		records := make([]eventlog.Record, len(test.paths))
		for i, path := range test.paths {
			records[i] = eventlog.Record{Type: "UPDATED", Path: path}
		}
		count := func() (n int) {
			if err := pool.QueryRow(t.Context(), "SELECT count(*) FROM event").Scan(&n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		before := count()
		_, err := events.Record(t.Context(), test.scopes, records, catalog.DefaultLimits())
		var faults fault.List
		forbidden := errors.As(err, &faults) && faults[0].Code == fault.Forbidden
		want := 0
		if test.allowed {
			want = len(records)
		}
		if added := count() - before; added != want || forbidden == test.allowed || test.allowed && err != nil {
			t.Errorf("%q in %q: %d recorded, want %d: %v", test.paths, test.scopes, added, want, err)
		}
	}
}
