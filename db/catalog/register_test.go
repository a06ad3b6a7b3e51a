package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/fault"
)

type fixture struct {
	*catalog.Store
	t    testing.TB
	pool *db.Pool
}

func setup(t testing.TB) fixture {
	t.Helper()
	pool := dbtest.Pool(t)
	return fixture{catalog.NewStore(pool), t, pool}
}

var everything = []string{""}

func registration(path, payload string) catalog.Registration {
	kind := "playbook"
	return catalog.Registration{Path: &path, Type: &kind, JSON: []byte(payload)}
}

func labelled(r catalog.Registration, label string) catalog.Registration {
	r.Version = &label
	return r
}

func withMeta(r catalog.Registration, meta string) catalog.Registration {
	r.Meta = []byte(meta)
	return r
}

func typed(r catalog.Registration, kind string) catalog.Registration {
	r.Type = &kind
	return r
}

// register registers one payload and returns "STATUS label revision", or the fault.
func (f fixture) register(r catalog.Registration) string {
	f.t.Helper()
	results, err := f.Register(context.Background(), everything, []catalog.Registration{r}, catalog.RegisterOptions{Limits: catalog.DefaultLimits()})
	if err != nil {
		f.t.Fatal(err)
	}
	return line(results[0])
}

func line(r catalog.RegistrationResult) string {
	if r.Fault != nil {
		return fmt.Sprintf("%s %s", r.Fault.Code, r.Fault.Argument)
	}
	return fmt.Sprintf("%s %s %d", r.Status, r.Version.Label, r.Version.Revision)
}

func (f fixture) count(sql string) int {
	f.t.Helper()
	var n int
	if err := f.pool.QueryRow(context.Background(), sql).Scan(&n); err != nil {
		f.t.Fatal(err)
	}
	return n
}

// The rules of a registration, one after another on one path.
func TestRegister_EachRule_StatusLabelRevision(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i, step := range []struct {
		registration catalog.Registration
		want         string
	}{
		{registration("p", `{"a": 1, "b": [1, 2]}`), "REGISTERED 1.0.0 1"},
		{registration("p", `{"b": [1.0, 2e0], "a": 1.00}`), "UNCHANGED 1.0.0 1"}, // jsonb equality
		{registration("p", `{"a": 2}`), "UPDATED 1.0.1 2"},
		{registration("p", `{"a": 1, "b": [1, 2]}`), "UPDATED 1.0.2 3"}, // back to an older payload
		{withMeta(registration("p", `{"a": 1, "b": [1, 2]}`), `{"by": "me"}`), "UPDATED 1.0.3 4"},
		{registration("p", `{"a": 1, "b": [1, 2]}`), "UNCHANGED 1.0.3 4"}, // meta not given
		{withMeta(registration("p", `{"a": 1, "b": [1, 2]}`), `null`), "UNCHANGED 1.0.3 4"},
		{withMeta(registration("p", `{"a": 1, "b": [1, 2]}`), `{"by":"me"}`), "UNCHANGED 1.0.3 4"},
		{typed(registration("p", `{"a": 1, "b": [1, 2]}`), "workflow"), "UPDATED 1.0.4 5"},
		{labelled(registration("p", `{"a": 2}`), "1.0.1"), "UNCHANGED 1.0.1 2"}, // an older label with its payload
		{labelled(registration("p", `{"a": 3}`), "1.0.1"), "CONFLICT version"},
		{labelled(typed(registration("p", `{"a": 2}`), "task"), "1.0.1"), "CONFLICT version"},
		{labelled(typed(registration("p", `{"a": 1, "b": [1, 2]}`), "workflow"), "stable"), "UPDATED stable 6"}, // another label, equal payload
		{labelled(registration("p", `1`), "v2"), "UPDATED v2 7"},
		{labelled(registration("p", `2`), "01.2.3"), "UPDATED 01.2.3 8"},
		{labelled(registration("p", `3`), "2026-11-23"), "UPDATED 2026-11-23 9"},
		{registration("p", `4`), "UPDATED 1.0.5 10"}, // only x.y.z labels count
		{labelled(registration("p", `5`), "1.0.9"), "UPDATED 1.0.9 11"},
		{registration("p", `6`), "UPDATED 1.0.10 12"},
		{labelled(registration("p", `7`), "0.99.99"), "UPDATED 0.99.99 13"},
		{registration("p", `8`), "UPDATED 1.0.11 14"}, // the highest, not the latest
		{labelled(registration("p", `9`), "1.0.99999999999999999999"), "UPDATED 1.0.99999999999999999999 15"},
		{registration("p", `10`), "UPDATED 1.0.100000000000000000000 16"},
		{typed(registration("p", `1`), "Playbook"), "BAD_USER_INPUT type"}, // an explicit type is exact
		{registration("q", `null`), "BAD_USER_INPUT payload.json"},
		{registration("q", ` null `), "BAD_USER_INPUT payload.json"},
		{labelled(registration("q", `1`), "latest"), "BAD_USER_INPUT version"},
	} {
		if got := f.register(step.registration); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	yaml := "kind: PlayBook\npath: y\n"
	if got := f.register(catalog.Registration{YAML: &yaml}); got != "REGISTERED 1.0.0 1" {
		t.Errorf("kind in another case: %s", got)
	}
}

// JSON null is not a payload, in any spelling, through Go or SQL.
func TestRegister_NullPayload_Refused(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, text := range []string{
		"---\n", "null\n", "~", "Null", "NULL # nothing", "--- !!null\n", "!!null ''", "&a\n", "--- &a ~", "# only\n---\n# that\n...\n",
		"%YAML 1.2\n---\n", "\ufeffnull", " null", "", "# a comment\n",
	} {
		if got := f.register(catalog.Registration{YAML: &text}); got != "BAD_USER_INPUT payload.yaml" {
			t.Errorf("%q: %s", text, got)
		}
	}
	var answer string
	if err := f.pool.QueryRow(t.Context(), `SELECT catalog_register('{p,q}', '{playbook,playbook}', '{f,f}', '{"",""}', '{x,x}', '{"",""}', '{"null",NULL}', '{"",""}', '{NULL,NULL}', '{e,f}', '{""}', false, false)`).Scan(&answer); err != nil {
		t.Fatal(err)
	}
	if strings.Count(answer, `"argument": "payload"`) != 2 {
		t.Errorf("catalog_register answers %s", answer)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM catalog) + (SELECT count(*) FROM event)`); n != 0 {
		t.Errorf("%d rows were written", n)
	}
}

// Each registration records one event with its outcome.
func TestRegister_EachStatus_RecordsItsEvent(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, payload := range []string{`1`, `2`, `2`} {
		f.register(withMeta(registration("p", payload), `{"secret": "of the caller"}`))
	}
	rows, err := f.pool.Query(t.Context(), `SELECT event_id, event_type || ' ' || resource_version || ' ' || payload || ' ' || coalesce(meta::text, 'no meta') FROM event ORDER BY timestamp, event_id`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for rows.Next() {
		var id, text string
		if err := rows.Scan(&id, &text); err != nil {
			t.Fatal(err)
		}
		if parsed, err := uuid.Parse(id); err != nil || parsed.Version() != 7 {
			t.Errorf("event id %s is not a UUIDv7", id)
		}
		got = append(got, text)
	}
	want := []string{
		`REGISTERED 1.0.0 {"status": "REGISTERED", "revision": 1} no meta`,
		`UPDATED 1.0.1 {"status": "UPDATED", "revision": 2} no meta`,
		`UNCHANGED 1.0.1 {"status": "UNCHANGED", "revision": 2} no meta`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestRegister_Batch_AtomicOrEach(t *testing.T) {
	t.Parallel()
	f := setup(t)
	batch := []catalog.Registration{registration("a", `1`), typed(registration("b", `1`), "poem"), registration("a", `2`), registration("c", `{"n": 1e999}`), registration("a", `2`)}
	limits := catalog.DefaultLimits()

	_, err := f.Register(t.Context(), everything, batch, catalog.RegisterOptions{Atomic: true, Limits: limits})
	var faults fault.List
	if !errors.As(err, &faults) || faults[0].Argument != "inputs[3].payload.json" {
		t.Errorf("atomic: %v", err)
	}
	_, err = f.Register(t.Context(), everything, batch[:3], catalog.RegisterOptions{Atomic: true, Limits: limits})
	if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Argument != "inputs[1].type" || !strings.Contains(faults[0].Message, "action, playbook, step, target, task, workflow") {
		t.Errorf("atomic, refused by the database: %v", err)
	}
	if n := f.count(`SELECT (SELECT count(*) FROM catalog) + (SELECT count(*) FROM event) + (SELECT count(*) FROM resource)`); n != 0 {
		t.Errorf("%d rows were written by refused calls", n)
	}

	for _, dryRun := range []bool{true, false} {
		results, err := f.Register(t.Context(), everything, batch, catalog.RegisterOptions{DryRun: dryRun, Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, result := range results {
			got = append(got, line(result))
			if (result.EventID == "") != (dryRun || result.Fault != nil) {
				t.Errorf("dry run %v: event id %q", dryRun, result.EventID)
			}
		}
		want := []string{"REGISTERED 1.0.0 1", "BAD_USER_INPUT type", "UPDATED 1.0.1 2", "BAD_USER_INPUT payload.json", "UNCHANGED 1.0.1 2"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("dry run %v (-want +got):\n%s", dryRun, diff)
		}
		rows := map[bool]int{true: 0, false: 2 + 3}[dryRun]
		if n := f.count(`SELECT (SELECT count(*) FROM catalog) + (SELECT count(*) FROM event)`); n != rows {
			t.Errorf("dry run %v: %d rows, want %d", dryRun, n, rows)
		}
	}

	if _, err := f.Register(t.Context(), everything, make([]catalog.Registration, catalog.MaxRegistrations+1), catalog.RegisterOptions{Limits: limits}); err == nil {
		t.Error("1,001 registrations were accepted")
	}
}

// The triggers of catalog fire once for a call, and once more for each repetition of a
// path.
func TestRegister_ManyPaths_InsertedTogether(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, sql := range []string{
		`CREATE TABLE fired (at bigint GENERATED ALWAYS AS IDENTITY)`,
		`CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO fired DEFAULT VALUES; RETURN NULL; END $$`,
		`CREATE TRIGGER fire AFTER INSERT ON catalog FOR EACH STATEMENT EXECUTE FUNCTION fire()`,
	} {
		if _, err := f.pool.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	register := func(inputs ...catalog.Registration) (lines []string) {
		results, err := f.Register(t.Context(), everything, inputs, catalog.RegisterOptions{Limits: catalog.DefaultLimits(), CreateTypes: true})
		if err != nil {
			t.Fatal(err)
		}
		for _, result := range results {
			lines = append(lines, line(result))
		}
		return lines
	}
	var many []catalog.Registration
	for i := range 100 {
		many = append(many, typed(registration(fmt.Sprintf("many/%d", i), `{"a": 1}`), fmt.Sprintf("type-%d", i%3)))
	}
	register(many...)
	if fired := f.count(`SELECT count(*) FROM fired`); fired != 1 {
		t.Errorf("100 versions were inserted by %d statements, want 1", fired)
	}
	got := register(registration("a", `1`), registration("b", `1`), registration("a", `2`), registration("a", `2`),
		registration("b", `1`), labelled(registration("a", `3`), "x"), registration("b", `2`))
	want := []string{
		"REGISTERED 1.0.0 1", "REGISTERED 1.0.0 1", "UPDATED 1.0.1 2", "UNCHANGED 1.0.1 2",
		"UNCHANGED 1.0.0 1", "UPDATED x 3", "UPDATED 1.0.1 2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if fired := f.count(`SELECT count(*) FROM fired`) - 1; fired != 3 {
		t.Errorf("5 versions of 2 paths were inserted by %d statements, want 3", fired)
	}
	// The table has the versions that were answered.
	if n := f.count(`SELECT count(*) FROM catalog WHERE resource_path IN ('a', 'b') AND (resource_path, resource_version, revision, payload) IN (
		('a', '1.0.0', 1, '1'), ('b', '1.0.0', 1, '1'), ('a', '1.0.1', 2, '2'), ('a', 'x', 3, '3'), ('b', '1.0.1', 2, '2'))`); n != 5 {
		t.Errorf("%d of 5 versions are as answered", n)
	}
}

func TestRegister_OutOfScope_Forbidden(t *testing.T) {
	t.Parallel()
	f := setup(t)
	limits := catalog.DefaultLimits()
	results, err := f.Register(t.Context(), []string{"team7/"}, []catalog.Registration{registration("team7/a", `1`), registration("team70/a", `1`)}, catalog.RegisterOptions{Limits: limits})
	if err != nil || line(results[0]) != "REGISTERED 1.0.0 1" || line(results[1]) != "FORBIDDEN path" {
		t.Errorf("%v %v", results, err)
	}
	results, err = f.Register(t.Context(), nil, []catalog.Registration{registration("team7/a", `2`)}, catalog.RegisterOptions{Limits: limits})
	if err != nil || line(results[0]) != "FORBIDDEN path" {
		t.Errorf("no scopes: %v %v", results, err)
	}
	for _, scopes := range [][]string{{"team70/"}, {}, nil} {
		found, err := f.ResourcesByPath(t.Context(), scopes, []string{"team7/a"})
		if err != nil || found[0] != nil {
			t.Errorf("scopes %v: %v %v", scopes, found, err)
		}
	}
}

// Callers that name the same paths in different orders wait for each other,
// and none fails.
func TestRegister_SamePathsInOtherOrders_NoDeadlock(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const callers, paths = 8, 20
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			batch := make([]catalog.Registration, paths)
			for i, place := range rand.Perm(paths) {
				batch[place] = registration(fmt.Sprintf("p/%d", i), fmt.Sprint(caller))
			}
			if _, err := f.Register(context.Background(), everything, batch, catalog.RegisterOptions{Atomic: true, Limits: catalog.DefaultLimits()}); err != nil {
				t.Errorf("caller %d: %v", caller, err)
			}
		})
	}
	group.Wait()
	if n := f.count(`SELECT count(*) FROM (SELECT FROM catalog GROUP BY resource_path HAVING count(*) = 8 AND max(revision) = 8) AS whole`); n != paths {
		t.Errorf("%d paths have 8 versions, want %d", n, paths)
	}
}

// A range contains exactly the texts with the prefix.
func TestPrefixRange_AnyText_SameAsHasPrefix(t *testing.T) {
	t.Parallel()
	letters := rapid.SampledFrom([]rune{'a', 'b', '%', '_', '/', 'é', 0xD7FF, 0xE000, 0xFFFF, 0x10FFFE, 0x10FFFF})
	text := rapid.Map(rapid.SliceOfN(letters, 0, 4), func(r []rune) string { return string(r) })
	rapid.Check(t, func(t *rapid.T) {
		prefix, path := text.Draw(t, "prefix"), text.Draw(t, "path")
		low, high := catalog.PrefixRange(prefix)
		within := path >= low && (high == "" || path < high)
		if within != strings.HasPrefix(path, prefix) {
			t.Fatalf("prefix %q, path %q: range [%q, %q) contains it: %v", prefix, path, low, high, within)
		}
	})
}

func TestListVersions_Ranges_NewestAndOldest(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i := range 12 {
		f.register(registration("p", fmt.Sprint(i)))
	}
	f.register(registration("q", `{"q": true}`))
	revisions := func(lists [][]*catalog.Version) [][]int32 {
		all := make([][]int32, len(lists))
		for i, list := range lists {
			for _, version := range list {
				all[i] = append(all[i], version.Revision)
			}
		}
		return all
	}
	for _, test := range []struct {
		within catalog.RevisionRange
		newest bool
		want   [][]int32
	}{
		{catalog.AllRevisions(), true, [][]int32{{12, 11, 10}, nil, {1}}},
		{catalog.AllRevisions(), false, [][]int32{{1, 2, 3}, nil, {1}}},
		{catalog.RevisionRange{Low: 3, High: 5}, true, [][]int32{{4, 3}, nil, nil}},
	} {
		lists, err := f.ListVersions(t.Context(), everything, []string{"p", "none", "q"}, test.within, test.newest, 3, catalog.Columns{Payload: true})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(test.want, revisions(lists)); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", test, diff)
		}
		if !json.Valid(lists[0][0].Payload) || lists[0][0].Meta != nil {
			t.Errorf("columns: %+v", lists[0][0])
		}
	}
}

// After a whole number as the newest label, the next label is a whole number, as
// in NoETL; else the highest x.y.z counts.
func TestRegister_WholeNumberLabels_NextFreeOne(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for i, step := range []struct{ label, want string }{
		{"1", "REGISTERED 1 1"},
		{"2", "UPDATED 2 2"},
		{"3", "UPDATED 3 3"},
		{"", "UPDATED 4 4"},
		{"6", "UPDATED 6 5"},
		{"7", "UPDATED 7 6"},
		{"5", "UPDATED 5 7"},
		{"", "UPDATED 8 8"}, // 6 and 7 are taken
		{"1.5.9", "UPDATED 1.5.9 9"},
		{"", "UPDATED 1.5.10 10"}, // the newest is not a whole number
		{"007", "UPDATED 007 11"},
		{"", "UPDATED 1.5.11 12"}, // a number with leading zeros is not one, either
		{"-3", "UPDATED -3 13"},
		{"", "UPDATED 1.5.12 14"},
		{"0", "UPDATED 0 15"},
		{"", "UPDATED 9 16"},
		{"99999999999999999999", "UPDATED 99999999999999999999 17"},
		{"", "UPDATED 100000000000000000000 18"},
		{strings.Repeat("9", 128), "UPDATED " + strings.Repeat("9", 128) + " 19"},
	} {
		r := registration("p", fmt.Sprint(i))
		if step.label != "" {
			r = labelled(r, step.label)
		}
		if got := f.register(r); got != step.want {
			t.Errorf("step %d: %s, want %s", i, got, step.want)
		}
	}
	// The next number is too long for a label.
	inputs := []catalog.Registration{registration("q", "1"), registration("p", `"over"`), registration("q", "2")}
	for _, atomic := range []bool{true, false} {
		results, err := f.Register(t.Context(), everything, inputs, catalog.RegisterOptions{Atomic: atomic, Limits: catalog.DefaultLimits()})
		var list fault.List
		if atomic && errors.As(err, &list) {
			results = make([]catalog.RegistrationResult, len(inputs))
			results[1].Fault = list[0]
		} else if atomic || err != nil {
			t.Errorf("after the longest label: %v", err)
			continue
		}
		want := fault.Input("version", "is needed: the next label is 129 bytes long; 128 are allowed")
		if atomic {
			want = want.Under("inputs[1]")
		}
		if diff := cmp.Diff(want, results[1].Fault); diff != "" {
			t.Errorf("after the longest label, atomic: %t (-want +got):\n%s", atomic, diff)
		}
		if stored := results[0].Status == catalog.Registered && results[2].Status == catalog.Updated; stored == atomic {
			t.Errorf("atomic: %t, statuses of the others: %s and %s", atomic, results[0].Status, results[2].Status)
		}
	}
	if got := f.register(labelled(registration("p", `"over"`), "own")); got != "UPDATED own 20" {
		t.Errorf("with an explicit label: %s", got)
	}
}

// The next label is read through indexes, for any number of versions.
func TestNextLabel_ManyVersions_FewBlocksRead(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, path := range []string{"dotted", "whole"} {
		label := map[string]string{"dotted": "'1.0.' || n", "whole": "n::text"}[path]
		if _, err := f.pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT $1, 'task', `+label+`, to_jsonb(repeat('x', 200) || n) FROM generate_series(1, 1000) n`, path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.pool.Exec(t.Context(), `ANALYZE catalog`); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"dotted": "1.0.1001", "whole": "1001", "none": "1.0.0"} {
		var label, text string
		if err := f.pool.QueryRow(t.Context(), `SELECT catalog_next_label($1)`, path).Scan(&label); err != nil || label != want {
			t.Errorf("%s: %q, want %q: %v", path, label, want, err)
		}
		if err := f.pool.QueryRow(t.Context(), `EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) SELECT catalog_next_label('`+path+`')`).Scan(&text); err != nil {
			t.Fatal(err)
		}
		var explained []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		if err := json.Unmarshal([]byte(text), &explained); err != nil {
			t.Fatal(err)
		}
		if blocks := explained[0].Plan.Hit + explained[0].Plan.Read; blocks > 30 {
			t.Errorf("%s: %d blocks read: %s", path, blocks, text)
		}
	}
}
