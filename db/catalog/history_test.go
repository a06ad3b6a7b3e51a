package catalog_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/internal/await"
)

// registerHistory registers a history in one call and returns a line for each input.
func (f fixture) registerHistory(options catalog.RegisterOptions, registrations ...catalog.Registration) []string {
	f.t.Helper()
	options.AsHistory = true
	return f.registerAll(options, registrations...)
}

func (f fixture) registerAll(options catalog.RegisterOptions, registrations ...catalog.Registration) []string {
	f.t.Helper()
	options.Limits = catalog.DefaultLimits()
	results, err := f.Register(context.Background(), everything, registrations, options)
	if err != nil {
		f.t.Fatal(err)
	}
	lines := make([]string, len(results))
	for i, result := range results {
		lines[i] = line(result)
	}
	return lines
}

func registrationsOf(path string, payloads ...string) []catalog.Registration {
	registrations := make([]catalog.Registration, len(payloads))
	for i, payload := range payloads {
		registrations[i] = registration(path, fmt.Sprintf("%q", payload))
	}
	return registrations
}

// The rules of asHistory in the schema, one call after another.
func TestRegisterHistory_EachRule_StatusLabelRevision(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i, step := range []struct {
		files []catalog.Registration
		want  []string
	}{
		{registrationsOf("h", "a", "b", "a"), []string{"REGISTERED 1.0.0 1", "UPDATED 1.0.1 2", "UPDATED 1.0.2 3"}},
		{registrationsOf("h", "a", "b", "a"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3"}},
		// One more file adds one version.
		{registrationsOf("h", "a", "b", "a", "b"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3", "UPDATED 1.0.3 4"}},
		// Others have added a version; the folder still matches.
		{registrationsOf("h", "x"), []string{"UPDATED 1.0.4 5"}},
		{registrationsOf("h", "a", "b", "a", "b"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3", "UNCHANGED 1.0.3 4"}},
		{registrationsOf("h", "a", "b", "a", "b", "c", "d"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3", "UNCHANGED 1.0.3 4", "UPDATED 1.0.5 6", "UPDATED 1.0.6 7"}},
		{registrationsOf("h", "a", "b", "a", "b", "c", "d"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3", "UNCHANGED 1.0.3 4", "UNCHANGED 1.0.5 6", "UNCHANGED 1.0.6 7"}},
		// A single file returns to an earlier payload.
		{registrationsOf("h", "c"), []string{"UPDATED 1.0.7 8"}},
		{registrationsOf("h", "c"), []string{"UNCHANGED 1.0.7 8"}},
		// Equal neighbours are one version.
		{registrationsOf("n", "a", "a", "b", "b"), []string{"REGISTERED 1.0.0 1", "UNCHANGED 1.0.0 1", "UPDATED 1.0.1 2", "UNCHANGED 1.0.1 2"}},
		{registrationsOf("n", "a", "a", "b", "b"), []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.1 2"}},
		// meta is not compared, the type is.
		{[]catalog.Registration{withMeta(registration("n", `"b"`), `{"commit": 1}`)}, []string{"UNCHANGED 1.0.1 2"}},
		{[]catalog.Registration{registration("n", `"a"`), withMeta(registration("n", `"b"`), `{"commit": 1}`), typed(registration("n", `"b"`), "task")}, []string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UPDATED 1.0.2 3"}},
		// A file with a label is found by it, and the next ones after it.
		{
			[]catalog.Registration{labelled(registration("l", `"a"`), "one"), registration("l", `"b"`), labelled(registration("l", `"a"`), "two"), registration("l", `"b"`)},
			[]string{"REGISTERED one 1", "UPDATED 1.0.0 2", "UPDATED two 3", "UPDATED 1.0.1 4"},
		},
		{
			[]catalog.Registration{labelled(registration("l", `"a"`), "one"), registration("l", `"b"`), labelled(registration("l", `"a"`), "two"), registration("l", `"b"`), labelled(registration("l", `"c"`), "one")},
			[]string{"UNCHANGED one 1", "UNCHANGED 1.0.0 2", "UNCHANGED two 3", "UNCHANGED 1.0.1 4", "CONFLICT version"},
		},
		// Several paths at once, in any order.
		{
			slices.Concat(registrationsOf("y", "1"), registrationsOf("x", "1"), registrationsOf("y", "2"), registrationsOf("x", "2"), registrationsOf("y", "1")),
			[]string{"REGISTERED 1.0.0 1", "REGISTERED 1.0.0 1", "UPDATED 1.0.1 2", "UPDATED 1.0.1 2", "UPDATED 1.0.2 3"},
		},
		{
			slices.Concat(registrationsOf("x", "1"), registrationsOf("y", "1", "2"), registrationsOf("x", "2"), registrationsOf("y", "1")),
			[]string{"UNCHANGED 1.0.0 1", "UNCHANGED 1.0.0 1", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.1 2", "UNCHANGED 1.0.2 3"},
		},
	} {
		before := f.count(`SELECT count(*) FROM catalog`)
		dry := f.registerHistory(catalog.RegisterOptions{DryRun: true}, step.files...)
		if n := f.count(`SELECT count(*) FROM catalog`); n != before {
			t.Errorf("step %d: the dry run wrote", i)
		}
		got := f.registerHistory(catalog.RegisterOptions{}, step.files...)
		if diff := cmp.Diff(step.want, got); diff != "" {
			t.Errorf("step %d (-want +got):\n%s", i, diff)
		}
		if diff := cmp.Diff(got, dry); diff != "" {
			t.Errorf("step %d, as a dry run (-run +dry run):\n%s", i, diff)
		}
	}
	// Each registration has recorded its event, also those that are UNCHANGED.
	if n := f.count(`SELECT count(*) FROM event WHERE resource_path = 'h'`); n != 3+3+4+1+4+6+6+1+1 {
		t.Errorf("%d events", n)
	}
}

// Registering a history a second time adds nothing, for any existing versions, in
// one call or in parts.
func TestRegisterHistory_AnyHistoryAgain_NothingAdded(t *testing.T) {
	t.Parallel()
	f := setup(t)
	content := rapid.SampledFrom([]string{"a", "b", "c"})
	folders := 0
	rapid.Check(t, func(t *rapid.T) {
		folders++
		path := fmt.Sprintf("p%d", folders)
		files := rapid.Custom(func(t *rapid.T) catalog.Registration {
			file := registration(path, fmt.Sprintf("%q", content.Draw(t, "content")))
			if rapid.IntRange(0, 5).Draw(t, "labelled") == 0 {
				// The label depends on the payload, so that labels do not conflict.
				return labelled(file, "label-"+string(file.JSON[1:2]))
			}
			return file
		})
		others := rapid.SliceOfN(content, 0, 4)
		f.registerAll(catalog.RegisterOptions{}, registrationsOf(path, others.Draw(t, "before")...)...)
		folder := rapid.SliceOfN(files, 2, 8).Draw(t, "folder")
		first := f.registerHistory(catalog.RegisterOptions{}, folder...)
		f.registerAll(catalog.RegisterOptions{}, registrationsOf(path, others.Draw(t, "after")...)...)
		count := func() int {
			return f.count(fmt.Sprintf(`SELECT count(*) FROM catalog WHERE resource_path = '%s'`, path))
		}
		before := count()
		again := f.registerHistory(catalog.RegisterOptions{}, folder...)
		// In two calls, the second continuing the first.
		cut := rapid.IntRange(1, len(folder)-1).Draw(t, "cut")
		zero := int32(0)
		options := catalog.RegisterOptions{AsHistory: true, HistoryFrom: &zero, Limits: catalog.DefaultLimits()}
		results, err := f.Register(context.Background(), everything, folder[:cut], options)
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range results {
			zero = max(zero, result.Version.Revision)
		}
		parts := f.registerHistory(options, folder[cut:]...)
		if after := count(); after != before {
			t.Fatalf("%d versions became %d; registered first as %v, then as %v, in parts as %v", before, after, first, again, parts)
		}
		// One more file adds one more version.
		extended := f.registerHistory(catalog.RegisterOptions{}, append(folder, registration(path, `"new"`))...)
		if after := count(); after != before+1 || extended[len(folder)][:len("UPDATED")] != "UPDATED" {
			t.Fatalf("%d versions became %d by one file: %v", before, after, extended)
		}
	})
}

// A history registered in growing prefixes equals one registered in one call.
func TestRegisterHistory_PrefixesThenWhole_SameAsWhole(t *testing.T) {
	t.Parallel()
	f := setup(t)
	content := rapid.SampledFrom([]string{"a", "b", "c"})
	folders := 0
	rapid.Check(t, func(t *rapid.T) {
		folders++
		atOnce, grown := fmt.Sprintf("whole%d", folders), fmt.Sprintf("grown%d", folders)
		files := rapid.SliceOfN(content, 1, 8).Draw(t, "files")
		for _, length := range append(rapid.SliceOfN(rapid.IntRange(1, len(files)), 0, 3).Draw(t, "prefixes"), len(files)) {
			// A single file is compared with the latest version only.
			if length > 1 || len(files) == 1 {
				f.registerHistory(catalog.RegisterOptions{}, registrationsOf(grown, files[:length]...)...)
			}
		}
		f.registerHistory(catalog.RegisterOptions{}, registrationsOf(atOnce, files...)...)
		if n := f.count(fmt.Sprintf(`SELECT count(*) FROM
			(SELECT revision, payload, resource_version FROM catalog WHERE resource_path = '%s') a
			FULL JOIN (SELECT revision, payload, resource_version FROM catalog WHERE resource_path = '%s') b USING (revision, payload, resource_version)
			WHERE a IS NULL OR b IS NULL`, atOnce, grown)); n != 0 {
			t.Fatalf("the histories of %v differ in %d versions", files, n)
		}
	})
}

// Finding a payload in a long history reads one version, not all.
func TestRegisterHistory_Plan_UsesContentIndex(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, err := f.pool.Exec(t.Context(), `
		INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT 'long', 'playbook', n::text, to_jsonb(n) FROM generate_series(1, 500) n;
		ANALYZE catalog`); err != nil {
		t.Fatal(err)
	}
	rows, err := f.pool.Query(t.Context(), `EXPLAIN (COSTS OFF) SELECT * FROM catalog
		WHERE resource_path = 'long' AND jsonb_hash_extended(payload, 0) = jsonb_hash_extended('7', 0)
			AND revision >= 3 AND payload = '7' AND resource_type = 'playbook' ORDER BY revision LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(lines, "\n")
	if !strings.Contains(plan, "Index Scan using catalog_content_idx") || strings.Contains(plan, "Sort") {
		t.Errorf("plan:\n%s", plan)
	}
	got := f.registerHistory(catalog.RegisterOptions{}, registration("long", "7"), registration("long", "499"), registration("long", "8"))
	if diff := cmp.Diff([]string{"UNCHANGED 7 7", "UNCHANGED 499 499"}, got[:2]); diff != "" || !strings.HasPrefix(got[2], "UPDATED") {
		t.Errorf("(-want +got):\n%s%s", diff, got[2])
	}
}

// CreateTypes adds unknown types, but only those of registered versions.
func TestRegister_CreateTypes_AddedWithTheirVersions(t *testing.T) {
	t.Parallel()
	f := setup(t)
	types := func() int { return f.count(`SELECT count(*) FROM resource_type`) }
	known := types()
	poem := "kind: Poem\npath: c\n"
	batch := []catalog.Registration{
		typed(registration("a", `1`), "song"),
		typed(registration("b", `1`), "song"),
		{YAML: &poem},
		typed(registration("a", `1`), "no\nname"),
		typed(registration("a", `1`), "ode "),
		labelled(typed(registration("a", `1`), "hymn"), "1.0.0"),
	}
	want := []string{"REGISTERED 1.0.0 1", "REGISTERED 1.0.0 1", "REGISTERED 1.0.0 1", "BAD_USER_INPUT type", "BAD_USER_INPUT type", "CONFLICT version"}
	for _, dryRun := range []bool{true, false} {
		results, err := f.Register(t.Context(), everything, batch, catalog.RegisterOptions{DryRun: dryRun, CreateTypes: true, Limits: catalog.DefaultLimits()})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		var created []bool
		for _, result := range results {
			got, created = append(got, line(result)), append(created, result.TypeCreated)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dry run %v (-want +got):\n%s", dryRun, diff)
		}
		if diff := cmp.Diff([]bool{true, false, true, false, false, false}, created); diff != "" {
			t.Errorf("dry run %v, types created (-want +got):\n%s", dryRun, diff)
		}
		if n := types(); n != known+map[bool]int{true: 0, false: 2}[dryRun] {
			t.Errorf("dry run %v: %d types, %d before", dryRun, n, known)
		}
	}
	if _, err := f.pool.Exec(t.Context(), fmt.Sprintf(`INSERT INTO resource_type SELECT 'kind-' || n FROM generate_series(1, %d) n`, catalog.MaxTypes-types())); err != nil {
		t.Fatal(err)
	}
	results, err := f.Register(t.Context(), everything, []catalog.Registration{typed(registration("d", `1`), "one-too-many"), typed(registration("d", `1`), "kind-1")},
		catalog.RegisterOptions{CreateTypes: true, Limits: catalog.DefaultLimits()})
	if err != nil || line(results[0]) != "BAD_USER_INPUT type" || line(results[1]) != "REGISTERED 1.0.0 1" {
		t.Errorf("beyond the limit of types: %v %v", results, err)
	}
}

// If another transaction adds the last possible type meanwhile, the error names the input
// whose type could not be added.
func TestRegister_LastTypeAddedMeanwhile_RefusedWithItsInput(t *testing.T) {
	t.Parallel()
	f := setup(t)
	if _, err := f.pool.Exec(t.Context(), `INSERT INTO resource_type SELECT 'kind-' || n FROM generate_series(1, $1 - (SELECT count(*) FROM resource_type)) n`, catalog.MaxTypes-1); err != nil {
		t.Fatal(err)
	}
	other, err := f.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.Background()) }()
	if _, err := other.Exec(t.Context(), `INSERT INTO resource_type VALUES ('last')`); err != nil {
		t.Fatal(err)
	}
	registered := make(chan error, 1)
	go func() {
		_, err := f.Register(context.Background(), everything, []catalog.Registration{registration("a", "1"), typed(registration("b", "1"), "over")},
			catalog.RegisterOptions{Atomic: true, CreateTypes: true, Limits: catalog.DefaultLimits()})
		registered <- err
	}()
	dbtest.AwaitAdvisoryLock(t, f.pool)
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list fault.List
	if err := await.Value(t, registered); !errors.As(err, &list) || list[0].Argument != "inputs[1].type" ||
		list[0].Message != "there are 1000 resource types already, and no more can be added" {
		t.Errorf("got %v", err)
	}
}
