package catalog_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/words"
)

// rankOf is the reference for a search: a word ranks from 6 to 1, and a resource ranks as
// its lowest word. A word that does not match excludes the resource.
func rankOf(query words.Query, best, rest string) (rank int64, found bool) {
	if query == nil {
		return 0, true
	}
	rank = 6
	for _, word := range query {
		rankIn := func(field string, exact int64) int64 {
			highest := int64(0)
			for _, other := range words.Split(field) {
				switch {
				case other == word:
					highest = max(highest, exact)
				case strings.HasPrefix(other, word):
					highest = max(highest, exact-1)
				case utf8.RuneCountInString(word) > 2 && strings.Contains(other, word):
					highest = max(highest, exact-2)
				}
			}
			return highest
		}
		if rank = min(rank, max(rankIn(best, 6), rankIn(rest, 3))); rank == 0 {
			return 0, false
		}
	}
	return rank, true
}

var (
	syllables = []string{"load", "lo", "größe", "GROSSE", "été", "a", "ab", "ёлка", "あが", "step", "über", "x1"}
	texts     = rapid.Custom(func(t *rapid.T) string {
		parts := rapid.SliceOfN(rapid.SampledFrom(syllables), 1, 4).Draw(t, "syllables")
		return strings.Join(parts, rapid.SampledFrom([]string{" ", "", "_", "-"}).Draw(t, "separator"))
	})
	names = rapid.SliceOfN(rapid.SampledFrom([]string{"pg", "Straße", "http", "été"}), 0, 3)
)

// item is a resource that a search may find.
type item struct {
	path, kind, title, description string
	tags, tools, credentials       []string
	calls                          []string
	rank                           int64
}

func items(t *rapid.T, root string) (list []*item) {
	for i := range rapid.IntRange(1, 12).Draw(t, "resources") {
		path := func(text string) string { return strings.ReplaceAll(text, " ", ".") }
		list = append(list, &item{
			path: fmt.Sprintf("%steam%d/%s/%d_%s", root, rapid.IntRange(0, 2).Draw(t, "team"), path(texts.Draw(t, "folder")), i, path(texts.Draw(t, "last"))),
			kind: rapid.SampledFrom([]string{"task", "playbook", "step"}).Draw(t, "type"), title: texts.Draw(t, "title"), description: texts.Draw(t, "description"),
			tags: names.Draw(t, "tags"), tools: names.Draw(t, "tools"), credentials: names.Draw(t, "credentials"), calls: names.Draw(t, "calls"),
		})
	}
	return list
}

func (i *item) payload() map[string]any {
	var steps []any
	add := func(key string, list []string, of func(string) any) {
		for _, name := range list {
			steps = append(steps, map[string]any{"step": "s", key: of(name)})
		}
	}
	add("tool", i.tools, func(name string) any { return map[string]any{"kind": name} })
	add("auth", i.credentials, func(name string) any { return name })
	add("do", i.calls, func(name string) any { return map[string]any{"kind": "playbook", "path": name} })
	return map[string]any{"metadata": map[string]any{"name": i.title, "description": i.description, "tags": i.tags}, "workflow": steps}
}

// passes is the reference for a filter. It also ranks the item, and ignores the condition
// of one facet.
func (i *item) passes(f catalog.ResourceFilter, scopes []string, ignored string) bool {
	nameStart := strings.LastIndexByte(i.path, '/') + 1
	rank, found := rankOf(f.Search, i.title+" "+i.path[nameStart:], i.path[:nameStart]+" "+i.description+" "+strings.Join(i.tags, " "))
	i.rank = rank
	tagged := f.Tags == nil || ignored == "tags" || slices.ContainsFunc(f.Tags, func(tag string) bool {
		return slices.ContainsFunc(i.tags, func(itemTag string) bool { return words.Fold(itemTag) == words.Fold(tag) })
	})
	return found && tagged && strings.HasPrefix(i.path, f.PathPrefix) &&
		slices.ContainsFunc(scopes, func(scope string) bool { return strings.HasPrefix(i.path, scope) }) &&
		(f.Paths == nil || slices.Contains(f.Paths, i.path)) &&
		(f.Types == nil || ignored == "types" || slices.Contains(f.Types, i.kind)) &&
		(f.Calls == nil || slices.Contains(i.calls, *f.Calls)) &&
		(f.UsesTool == nil || ignored == "tools" || slices.Contains(i.tools, *f.UsesTool)) &&
		(f.UsesCredential == nil || ignored == "credentials" || slices.Contains(i.credentials, *f.UsesCredential))
}

func drawOptional[T any](t *rapid.T, label string, of *rapid.Generator[T]) *T {
	if rapid.IntRange(0, 3).Draw(t, label+"?") > 0 {
		return nil
	}
	value := of.Draw(t, label)
	return &value
}

// A filter finds what a reference finds, in its order, with and without pg_trgm, for
// callers of several scopes; counts and facets are those of the reference.
func TestFindResources_AnyFilter_AsReference(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]string{"with pg_trgm": `SELECT 1`, "without pg_trgm": `DROP EXTENSION pg_trgm CASCADE`} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pool := dbtest.Pool(t)
			execute(t, pool, prepare)
			store, run := catalog.NewStore(pool), 0
			rapid.Check(t, func(r *rapid.T) {
				run++
				root := fmt.Sprintf("%d/", run)
				all := items(r, root)
				for _, resource := range all {
					if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ($1, $2, '1', $3)`,
						resource.path, resource.kind, resource.payload()); err != nil {
						r.Fatal(err)
					}
				}
				scopes := rapid.SampledFrom([][]string{everything, {root + "team0/"}, {root + "team1/", root + "team2/"}, {all[0].path}}).Draw(r, "scopes")
				anyName := rapid.SampledFrom([]string{"pg", "Straße", "http", "été", "none"})
				filter := catalog.ResourceFilter{
					PathPrefix: rapid.SampledFrom([]string{root, root + "team", root + "team1/"}).Draw(r, "prefix"),
					Calls:      drawOptional(r, "calls", anyName), UsesTool: drawOptional(r, "tool", anyName), UsesCredential: drawOptional(r, "credential", anyName),
				}
				if tags := drawOptional(r, "tags", rapid.SliceOfN(rapid.SampledFrom([]string{"PG", "strasse", "ete", "none"}), 0, 2)); tags != nil {
					filter.Tags = *tags
				}
				if types := drawOptional(r, "types", rapid.SliceOfN(rapid.SampledFrom([]string{"task", "playbook"}), 0, 2)); types != nil {
					filter.Types = *types
				}
				if drawOptional(r, "paths", rapid.Bool()) != nil {
					filter.Paths = []string{all[0].path, all[len(all)-1].path, "elsewhere"}
				}
				if search := drawOptional(r, "search", rapid.SliceOfN(rapid.SampledFrom(append(slices.Clone(syllables), "oad", "ross", "lka", "te", "-")), 1, 3)); search != nil {
					query, err := catalog.ParseSearch("search", strings.Join(*search, " "))
					if err != nil {
						r.Fatal(err)
					}
					filter.Search = query
				}
				order := catalog.Order{Field: catalog.OrderByPath, Descending: rapid.Bool().Draw(r, "descending")}
				if filter.Search != nil && rapid.Bool().Draw(r, "by rank") {
					order.Field = catalog.OrderByRank
				} else if rapid.Bool().Draw(r, "by time") {
					order.Field = rapid.SampledFrom([]catalog.OrderField{catalog.OrderByUpdatedAt, catalog.OrderByCreatedAt}).Draw(r, "time")
				}

				var want []*item
				for _, resource := range all {
					if resource.passes(filter, scopes, "") {
						want = append(want, resource)
					}
				}
				slices.SortStableFunc(want, func(a, b *item) int {
					by := 0
					switch order.Field {
					case catalog.OrderByRank:
						by = cmp.Or(cmp.Compare(b.rank, a.rank), strings.Compare(a.path, b.path))
					case catalog.OrderByPath:
						by = strings.Compare(a.path, b.path)
					case catalog.OrderByUpdatedAt, catalog.OrderByCreatedAt:
						by = slices.Index(all, a) - slices.Index(all, b)
					}
					if order.Descending {
						by = -by
					}
					return by
				})
				paths := func(list []*item, of string, limit int) []string {
					found := []string{}
					for _, resource := range list {
						if (of == "" || resource.kind == of) && len(found) < limit {
							found = append(found, fmt.Sprint(resource.path, " ", resource.rank))
						}
					}
					return found
				}
				got := func(list []*catalog.Resource) []string {
					found := []string{}
					for _, resource := range list {
						rank := resource.Rank
						if order.Field != catalog.OrderByRank { // is not read
							rank = want[slices.IndexFunc(want, func(i *item) bool { return i.path == resource.ResourcePath })].rank
						}
						found = append(found, fmt.Sprint(resource.ResourcePath, " ", rank))
					}
					return found
				}
				limit := rapid.IntRange(1, 12).Draw(r, "limit")
				list, err := store.ListResources(t.Context(), scopes, filter, order, catalog.WholeRange(), limit)
				if err != nil {
					r.Fatal(err)
				}
				if diff := gocmp.Diff(paths(want, "", limit), got(list)); diff != "" {
					r.Errorf("(-want +got):\n%s", diff)
				}
				types := []string{"playbook", "task", "step"}
				lists, err := store.ListResourcesOfTypes(t.Context(), scopes, types, filter, order, catalog.WholeRange(), limit)
				if err != nil {
					r.Fatal(err)
				}
				counts, err := store.CountResourcesOfTypes(t.Context(), scopes, types, filter)
				if err != nil {
					r.Fatal(err)
				}
				for i, of := range types {
					if diff := gocmp.Diff(paths(want, of, limit), got(lists[i])); diff != "" {
						r.Errorf("%s (-want +got):\n%s", of, diff)
					}
					if counts[i] != len(paths(want, of, len(want))) {
						r.Errorf("%d of type %s are counted, want %v", counts[i], of, paths(want, of, len(want)))
					}
				}
				if count, err := store.CountResources(t.Context(), scopes, filter); err != nil || count != len(want) {
					r.Errorf("%d are counted, want %d: %v", count, len(want), err)
				}
				checkFacets(r, store, all, filter, scopes)
			})
		})
	}
}

func checkFacets(r *rapid.T, store *catalog.Store, all []*item, filter catalog.ResourceFilter, scopes []string) {
	facets := func(ignored string, of func(*item) []string) []catalog.NameCount {
		counts := map[string]int{}
		for _, resource := range all {
			if resource.passes(filter, scopes, ignored) {
				list := slices.Clone(of(resource))
				slices.Sort(list)
				for _, name := range slices.Compact(list) {
					counts[name]++
				}
			}
		}
		var list []catalog.NameCount
		for name, count := range counts {
			list = append(list, catalog.NameCount{Name: name, Count: count})
		}
		slices.SortFunc(list, func(a, b catalog.NameCount) int {
			return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Name, b.Name))
		})
		return list[:min(len(list), 3)]
	}
	want := &catalog.Facets{
		Types:       facets("types", func(i *item) []string { return []string{i.kind} }),
		Tools:       facets("tools", func(i *item) []string { return i.tools }),
		Credentials: facets("credentials", func(i *item) []string { return i.credentials }),
		Tags: facets("tags", func(i *item) (folded []string) {
			for _, tag := range i.tags {
				folded = append(folded, words.Fold(tag))
			}
			return folded
		}),
	}
	got, err := store.CountFacets(context.Background(), scopes, filter, 3)
	if err != nil {
		r.Fatal(err)
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		r.Errorf("facets (-want +got):\n%s", diff)
	}
}

func execute(t *testing.T, pool *db.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// The index of a path follows its latest version, whoever writes it, and is written only
// if it changes.
func TestResourceIndex_NewVersion_IndexUpdated(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	const insert = `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a/b', 'task', $1, $2)`
	state := func() (found string) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), `SELECT best || '|' || rest || '|' || array_to_string(terms, ' ') || '|' || array_to_string(places, ' ') || '|' || xmin FROM resource_index`).Scan(&found); err != nil {
			t.Fatal(err)
		}
		return found
	}
	content := func(state string) string { return state[:strings.LastIndexByte(state, '|')] }
	execute(t, pool, insert, "1", `{"name": "Größe", "tags": ["ETL", "two words"], "tool": [{"kind": "http", "auth": "token"}, {"kind": "http"}]}`)
	first := state()
	if want := " grosse b | a etl two words |type:task credential:token tag:etl tag:two words tool:http|1 1 1 1 2"; content(first) != want {
		t.Errorf("%q, want %q", content(first), want)
	}
	execute(t, pool, insert, "2", `{"name": "Größe", "tags": ["ETL", "two words"], "tool": [{"kind": "http", "auth": "token"}, {"kind": "http"}], "more": 1}`)
	if second := state(); second != first {
		t.Errorf("a version that leaves the index equal has rewritten it: %q, before %q", second, first)
	}
	execute(t, pool, insert, "3", `{"name": "b", "tool": {"kind": "http"}, "do": {"kind": "playbook", "path": "c"}}`)
	if want := " b b | a |type:task playbook:c tool:http|1 1 1"; content(state()) != want {
		t.Errorf("%q, want %q", content(state()), want)
	}

	// A restore inserts without triggers.
	execute(t, pool, `UPDATE resource_index SET rest = ' wrong '`)
	execute(t, pool, `INSERT INTO resource_index VALUES ('gone', '', '', '{}', '{}')`)
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Release()
	repaired, indexed, err := db.ReconcileResources(t.Context(), connection)
	if err != nil || repaired != 2 || !indexed {
		t.Errorf("reconciling repairs %d, want 2; indexed: %v: %v", repaired, indexed, err)
	}
	if want := " b b | a |type:task playbook:c tool:http|1 1 1"; content(state()) != want {
		t.Errorf("after reconciling %q, want %q", content(state()), want)
	}
	execute(t, pool, `DELETE FROM resource_index`)
	if repaired, _, err = db.ReconcileResources(t.Context(), connection); err != nil || repaired != 1 || !strings.HasSuffix(content(state()), "playbook:c tool:http|1 1 1") {
		t.Errorf("reconciling repairs %d of an empty index, to %q: %v", repaired, state(), err)
	}
}

// With ten times as many resources, a count may take more work, and a page may not.
func TestFindResources_TenTimesAsMany_BoundedWork(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	meter := dbtest.NewMeter(t, pool)
	store := catalog.NewStore(meter)
	ctx := t.Context()
	fill := func(from, to int) {
		for ; from < to; from += 1000 {
			execute(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
				SELECT format('team%s/resource-%s', n % 20, n), (ARRAY['playbook', 'task'])[1 + n % 2], '1', jsonb_build_object(
					'metadata', jsonb_build_object('name', 'Playbook ' || n, 'description', 'loads all of customer ' || n || CASE n WHEN 777 THEN ' special' ELSE '' END, 'tags', jsonb_build_array('daily', 'tag-' || n % 10)),
					'workflow', jsonb_build_array(jsonb_build_object('step', 'fetch', 'tool', jsonb_build_object('kind', CASE WHEN n < 9 THEN 'postgres' ELSE 'http' END, 'auth', 'login')),
						jsonb_build_object('step', 'next', 'tool', jsonb_build_object('kind', 'playbook', 'path', CASE WHEN n < 9 THEN 'few' ELSE 'many' END))))
				FROM generate_series($1::integer, $1::integer + 999) AS n`, from)
		}
		execute(t, pool, `SELECT resource_index_merge()`)
		execute(t, pool, `VACUUM ANALYZE resource, resource_index, catalog`)
	}
	list := func(filter catalog.ResourceFilter, field catalog.OrderField) func() error {
		return func() error {
			_, err := store.ListResources(ctx, everything, filter, catalog.Order{Field: field}, catalog.WholeRange(), 20)
			return err
		}
	}
	count := func(filter catalog.ResourceFilter) func() error {
		return func() error { _, err := store.CountResources(ctx, everything, filter); return err }
	}
	callers := func(path string) func() error {
		return func() error {
			_, err := store.ListReferencesTo(ctx, everything, []string{path}, "", "", false, 20)
			return err
		}
	}
	search := func(words ...string) catalog.ResourceFilter { return catalog.ResourceFilter{Search: words} }
	uses := func(tool string) catalog.ResourceFilter { return catalog.ResourceFilter{UsesTool: &tool} }
	paths := []string{"team1/resource-1", "team2/resource-2"}
	type measured struct {
		run func() error
		// rows and buffers are the limits for 10,000 resources.
		rows, buffers int
	}
	tests := map[string]measured{
		"a word of one resource":        {list(search("special"), catalog.OrderByRank), 100, 300},
		"the first letter of a word":    {list(search("l"), catalog.OrderByRank), 100, 300},
		"a word of all resources":       {list(search("playbook"), catalog.OrderByRank), 100, 200},
		"a word of no resource":         {list(search("nowhere"), catalog.OrderByRank), 50, 150},
		"two words, one of them rare":   {list(search("playbook", "special"), catalog.OrderByRank), 100, 300},
		"two words of all resources":    {list(search("playbook", "customer"), catalog.OrderByRank), 100, 400},
		"a tool that few use":           {list(uses("postgres"), catalog.OrderByPath), 100, 200},
		"a tool that most use":          {list(uses("http"), catalog.OrderByPath), 100, 200},
		"a tool that most use, by time": {list(uses("http"), catalog.OrderByUpdatedAt), 100, 300},
		"a tool that few use, counted":  {count(uses("postgres")), 20, 50},
		"a letter of all, counted":      {count(search("l")), 10_000, 1000},
		"few callers":                   {callers("few"), 100, 300},
		"many callers":                  {callers("many"), 10_100, 1000},
		"references of two":             {func() error { _, err := store.ListReferences(ctx, everything, paths, nil, 0, 0, false, 20); return err }, 20, 50},
		"tags of two":                   {func() error { _, err := store.TagsByPath(ctx, everything, paths); return err }, 20, 50},
		"facets":                        {func() error { _, err := store.CountFacets(ctx, everything, catalog.ResourceFilter{}, 100); return err }, 10_000, 1500},
	}
	few, filled := map[string]dbtest.Work{}, 0
	for _, resources := range []int{1000, 10_000} {
		fill(filled, resources)
		filled = resources
		for name, test := range tests {
			if err := test.run(); err != nil {
				t.Fatal(err)
			}
			var work dbtest.Work
			for _, statement := range meter.Take() {
				work = statement
			}
			if work == (dbtest.Work{}) || work.Rows > test.rows || work.Buffers > test.buffers {
				t.Errorf("%s: %d rows and %d buffers of %d resources, want %d and %d at most", name, work.Rows, work.Buffers, resources, test.rows, test.buffers)
			}
			if less, again := few[name]; again && test.rows < 1000 && (work.Rows > 2*less.Rows+20 || work.Buffers > 2*less.Buffers+50) {
				t.Errorf("%s: %+v for 1,000 resources, %+v for 10,000", name, less, work)
			}
			few[name] = work
		}
	}
}
