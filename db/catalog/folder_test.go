package catalog_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

func insertPaths(t *testing.T, pool *db.Pool, paths []string) {
	t.Helper()
	for part := range slices.Chunk(paths, 1000) {
		if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT path, 'task', '1', '{}' FROM unnest($1::text[]) AS path`, part); err != nil {
			t.Fatal(err)
		}
	}
}

// visible returns the paths that begin with a scope.
func visible(paths, scopes []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return !slices.ContainsFunc(scopes, func(scope string) bool { return strings.HasPrefix(path, scope) })
	})
}

// content returns what is directly in a folder of these sorted paths.
func content(paths []string, folder string) (folders []catalog.Folder, resources []string) {
	for _, path := range paths {
		rest, ok := strings.CutPrefix(path, folder)
		if !ok {
			continue
		}
		name, _, deeper := strings.Cut(rest, "/")
		child := folder + name + "/"
		switch {
		case !deeper:
			resources = append(resources, path)
		case len(folders) > 0 && folders[len(folders)-1].Path == child:
			folders[len(folders)-1].ResourceCount++
		default:
			folders = append(folders, catalog.Folder{Path: child, ResourceCount: 1})
		}
	}
	// Byte order of paths and of folders differ: "a!/b" lies between "a" and "a/b".
	slices.SortFunc(folders, func(a, b catalog.Folder) int { return strings.Compare(a.Path, b.Path) })
	return folders, resources
}

// A folder has the content and the counts that follow from all paths, for any scopes, page
// by page, with counts merged or not.
func TestFolders_AnyPathsAndScopes_AsComputedFromPaths(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	store := catalog.NewStore(pool)
	random := rand.New(rand.NewPCG(1, 7)) //nolint:gosec // no secret
	segments := []string{"a", "b", "ab", "a!", "é", "", "0", "team"}
	path := func() string {
		parts := make([]string, 1+random.IntN(4))
		for i := range parts {
			parts[i] = segments[random.IntN(len(segments))]
		}
		return strings.Join(parts, "/")
	}
	all := map[string]bool{}
	for round := range 25 {
		var added []string
		for range 1 + random.IntN(12) {
			if made := path(); made != "" && !all[made] {
				all[made] = true
				added = append(added, made)
			}
		}
		insertPaths(t, pool, added)
		if round%3 == 1 {
			if _, err := pool.Exec(t.Context(), `SELECT folder_merge(7)`); err != nil {
				t.Fatal(err)
			}
		}
		var paths []string
		for path := range all {
			paths = append(paths, path)
		}
		slices.Sort(paths)
		for _, scopes := range [][]string{{""}, {path()}, {path() + "/", path()}, {"a/", "ab", "a/b"}, {}} {
			checkFolders(t, store, visible(paths, scopes), scopes, path()+"/")
		}
	}
}

func checkFolders(t *testing.T, store *catalog.Store, paths, scopes []string, unknown string) {
	t.Helper()
	levels := []string{"", unknown}
	for _, path := range paths {
		for i, c := range path {
			if c == '/' {
				levels = append(levels, path[:i+1])
			}
		}
	}
	slices.Sort(levels)
	levels = slices.Compact(levels)
	counts, err := store.CountFoldersOf(t.Context(), scopes, levels)
	if err != nil {
		t.Fatal(err)
	}
	resourceCounts, err := store.CountResourcesOfFolders(t.Context(), scopes, levels)
	if err != nil {
		t.Fatal(err)
	}
	for i, level := range levels {
		folders, resources := content(paths, level)
		if counts[i] != len(folders) || resourceCounts[i] != len(resources) {
			t.Errorf("%q for %q: counts %d folders and %d resources, want %d and %d", level, scopes, counts[i], resourceCounts[i], len(folders), len(resources))
		}
		got, err := store.Folder(t.Context(), scopes, level)
		if below := len(visible(paths, []string{level})); err != nil || (got == nil) != (below == 0 && level != "") || got != nil && got.ResourceCount != below {
			t.Errorf("%q for %q: %+v, %v; want %d resources", level, scopes, got, err, below)
		}
		within := catalog.WholeRange()
		var gotFolders []catalog.Folder
		for {
			lists, err := store.FoldersOf(t.Context(), scopes, []string{level}, within, 2)
			if err != nil {
				t.Fatal(err)
			}
			for _, folder := range lists[0] {
				gotFolders = append(gotFolders, *folder)
				within.LowPath = folder.Path + "\x01"
			}
			if len(lists[0]) < 2 {
				break
			}
		}
		if diff := gocmp.Diff(folders, gotFolders); diff != "" {
			t.Errorf("folders in %q for %q (-want +got):\n%s", level, scopes, diff)
		}
		var gotResources []string
		lists, err := store.ListResourcesOfFolders(t.Context(), scopes, []string{level}, catalog.WholeRange(), 200)
		if err != nil {
			t.Fatal(err)
		}
		for _, resource := range lists[0] {
			gotResources = append(gotResources, resource.ResourcePath)
		}
		if diff := gocmp.Diff(resources, gotResources); diff != "" {
			t.Errorf("resources in %q for %q (-want +got):\n%s", level, scopes, diff)
		}
	}
}

// Two transactions that add resources to one folder do not wait for each other.
func TestFolders_TwoWriters_DoNotWait(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	insertPaths(t, pool, []string{"a/b/first"})
	if _, err := pool.Exec(t.Context(), `SELECT folder_merge(100)`); err != nil {
		t.Fatal(err)
	}
	const insert = `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ($1, 'task', '1', '{}')`
	first, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Rollback(t.Context()) }()
	if _, err := first.Exec(t.Context(), insert, "a/b/second"); err != nil {
		t.Fatal(err)
	}
	if err := pgx.BeginFunc(t.Context(), pool, func(second pgx.Tx) error {
		if _, err := second.Exec(t.Context(), `SET LOCAL lock_timeout = '1ms'`); err != nil {
			return err
		}
		if _, err := second.Exec(t.Context(), insert, "a/b/third"); err != nil {
			return err
		}
		_, err := second.Exec(t.Context(), `SELECT folder_merge(100)`)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := first.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if folder, err := catalog.NewStore(pool).Folder(t.Context(), []string{""}, "a/"); err != nil || folder.ResourceCount != 3 {
		t.Errorf("%+v, %v", folder, err)
	}
}

// Reading a folder costs the same, however much is below it.
func TestFolders_TenTimesAsMuchBelow_AsManyPages(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	pages := func(query string) int {
		var plan []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		var text []byte
		for range 2 { // the first fills PostgreSQL's caches
			if err := pool.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) `+query).Scan(&text); err != nil {
				t.Fatal(err)
			}
		}
		if err := json.Unmarshal(text, &plan); err != nil {
			t.Fatal(err)
		}
		return plan[0].Plan.Hit + plan[0].Plan.Read
	}
	queries := []string{
		`SELECT folder_size_within('top/', '{""}', '{""}')`,
		`SELECT folder_size_within('top/', '{"top/f1/","top/f2/"}', '{"top/f10","top/f20"}')`,
		`SELECT count(*) FROM folders_in('top/', '', '', '', '', 20)`,
		`SELECT count(*) FROM folders_in('top/', 'top/f1', 'top/f2', '', '', 20)`,
		`SELECT resource_path FROM resource WHERE folder_of(resource_path) = 'top/' ORDER BY resource_path LIMIT 20`,
	}
	fill := func(from, to int) {
		var paths []string
		for n := from; n < to; n++ {
			paths = append(paths, fmt.Sprintf("top/f%d/deep/%d", n%20, n), fmt.Sprintf("top/zz%d", n))
		}
		insertPaths(t, pool, paths)
		for _, sql := range []string{`SELECT folder_merge(1000000)`, `VACUUM ANALYZE resource, folder, folder_added`} {
			if _, err := pool.Exec(t.Context(), sql); err != nil {
				t.Fatal(err)
			}
		}
	}
	fill(0, 400)
	few := make([]int, len(queries))
	for i, query := range queries {
		few[i] = pages(query)
	}
	fill(400, 4000)
	for i, query := range queries {
		if many := pages(query); many > 2*few[i] {
			t.Errorf("%d pages are read with 800 resources, %d with 8,000: %s", few[i], many, query)
		}
	}
}
