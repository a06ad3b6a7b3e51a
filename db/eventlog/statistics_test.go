package eventlog_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/words"
)

var units = []eventlog.Interval{0, eventlog.Minute, eventlog.FiveMinutes, eventlog.Hour, eventlog.Day, eventlog.Week}

// someScopes are the scopes of callers who may see everything, a part and nothing.
var someScopes = [][]string{{""}, {"a/"}, {"b/", "a/"}, {"none"}}

func inScope(scopes []string, path string) bool {
	return slices.ContainsFunc(scopes, func(scope string) bool { return strings.HasPrefix(path, scope) })
}

// ranked lists counts, the most frequent first.
func ranked(counts map[string]int) []eventlog.NameCount {
	var list []eventlog.NameCount
	for name, count := range counts {
		list = append(list, eventlog.NameCount{Name: name, Count: count})
	}
	slices.SortFunc(list, func(a, b eventlog.NameCount) int { return cmp.Or(b.Count-a.Count, strings.Compare(a.Name, b.Name)) })
	return list
}

// Statistics count the events that pass the filter, with or without event_count, for any
// caller, and refuse too many intervals.
func TestStatistics_AnyFilter_AsCountedOneByOne(t *testing.T) {
	t.Parallel()
	store, samples := fixture(t)
	answered := 0
	rapid.Check(t, func(t *rapid.T) {
		maybe := func(label string, from ...string) *string {
			if rapid.IntRange(0, 3).Draw(t, label) > 0 {
				return nil
			}
			return new(rapid.SampledFrom(from).Draw(t, label))
		}
		some := func(label string, from ...string) []string {
			if rapid.IntRange(0, 3).Draw(t, label) > 0 {
				return nil
			}
			return rapid.SliceOfN(rapid.SampledFrom(from), 0, 2).Draw(t, label)
		}
		when := func(label string) *time.Time {
			if rapid.IntRange(0, 2).Draw(t, label) > 0 {
				return nil
			}
			minutes := rapid.SampledFrom([]int{0, 3, 5, 60, -60, -1440, 44_640, 44_643, 44_700, 50_000}).Draw(t, label)
			return new(time.Date(2026, 10, 1, 0, minutes, 0, 0, time.UTC))
		}
		filter := eventlog.Filter{
			Types: some("types", append(kinds, "NONE")...), ExcludeTypes: some("exclude types", append(kinds, "NONE")...),
			Path: maybe("path", append(paths, "none")...), Paths: some("paths", append(paths, "none")...),
			PathPrefix: maybe("prefix", "", "a/", "b", "none"), Since: when("since"), Until: when("until"),
			Step: maybe("step", "load", "7"), Statuses: some("statuses", "FAILED"), ExecutionID: maybe("execution", "12"),
		}
		scopes, unit := rapid.SampledFrom(someScopes).Draw(t, "scopes"), rapid.SampledFrom(units).Draw(t, "unit")

		total, types, statuses, buckets := 0, map[string]int{}, map[string]int{}, map[time.Time]map[string]int{}
		first, last := time.Time{}, time.Time{}
		for _, s := range samples {
			if !passes(filter, nil, nil, s) || !inScope(scopes, s.path) {
				continue
			}
			if total == 0 {
				first = s.at
			}
			total, last = total+1, s.at
			types[s.kind]++
			if status, ok := text(s.meta, "status"); ok {
				statuses[strings.ToUpper(status)]++
			}
			if unit != 0 {
				bin := unit.Start(s.at)
				if buckets[bin] == nil {
					buckets[bin] = map[string]int{}
				}
				buckets[bin][s.kind]++
			}
		}
		if filter.Since != nil && filter.Until != nil && filter.Since.Before(*filter.Until) {
			first, last = *filter.Since, filter.Until.Add(-1)
		}
		got, err := store.Statistics(context.Background(), scopes, filter, unit)
		if unit != 0 && !first.IsZero() && unit.Start(last).Sub(unit.Start(first)) >= 1000*time.Duration(unit) {
			if problem, ok := errors.AsType[*fault.Error](err); !ok || problem.Code != fault.BadUserInput || problem.Argument != "interval" {
				t.Fatalf("%+v by %s: want too many intervals, got %+v, %v", filter, time.Duration(unit), got, err)
			}
			return
		}
		answered++
		if err != nil {
			t.Fatal(err)
		}
		want := &eventlog.EventCounts{Total: total, ByType: ranked(types), ByStatus: ranked(statuses), Buckets: map[time.Time][]eventlog.NameCount{}}
		for bin, counts := range buckets {
			want.Buckets[bin] = ranked(counts)
		}
		if unit == 0 {
			got.Buckets = want.Buckets
		}
		for what, pair := range map[string][2]any{
			"total": {want.Total, got.Total}, "types": {want.ByType, got.ByType}, "statuses": {want.ByStatus, got.ByStatus}, "buckets": {want.Buckets, got.Buckets},
		} {
			if diff := gocmp.Diff(pair[0], pair[1]); diff != "" {
				t.Fatalf("%s of %+v by %s for %q (-want +got):\n%s", what, filter, time.Duration(unit), scopes, diff)
			}
		}
	})
	if answered < 20 {
		t.Errorf("%d answered: too few to compare", answered)
	}
	// Few of the filters above ask for too many intervals.
	got, err := store.Statistics(t.Context(), []string{""}, eventlog.Filter{}, eventlog.Minute)
	if problem, ok := errors.AsType[*fault.Error](err); !ok || problem.Argument != "interval" {
		t.Errorf("all events by the minute: want too many intervals, got %+v, %v", got, err)
	}
}

// Statistics of prefixes, folders or not, within scopes equal those of plain SQL, also
// after a recount, and count each path once, at any depth.
func TestStatistics_AnyPrefixAndScopes_AsPlainSQL(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	store := eventlog.NewStore(pool)
	var deep []string
	for _, segment := range []string{"a", "ab", "b", "", "é"} {
		for depth := range 14 {
			path := strings.Repeat(segment+"/", depth)
			deep = append(deep, path+"x", path+"xy", path+"z/", path+"a/"+segment+"1")
		}
	}
	slices.Sort(deep)
	deep = slices.Compact(deep)
	exec(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) SELECT path, 'task', '1', '{}' FROM unnest($1::text[]) path`, deep)
	exec(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta, timestamp)
		SELECT 'n' || n, (ARRAY['UPDATED', 'UNCHANGED', 'REGISTERED'])[1 + n % 3], ($1::text[])[1 + n % cardinality($1::text[])], '1',
			CASE WHEN n % 7 > 0 THEN jsonb_build_object('status', (ARRAY['ok', 'OK', 'Failed', 'é', repeat('x', 300)])[1 + n % 5]) END,
			'2026-10-30 22:00Z'::timestamptz + n * n % 5000 * interval '1 minute 7 seconds'
		FROM generate_series(1, 2000) n`, deep)
	answered := 0
	compare := func(t *rapid.T) {
		prefix := func(label string) string {
			path := rapid.SampledFrom(deep).Draw(t, label)
			cut := rapid.IntRange(0, len(path)).Draw(t, label+" length")
			for cut < len(path) && path[cut]&0xC0 == 0x80 {
				cut++
			}
			return path[:cut]
		}
		scopes := []string{""}
		if rapid.IntRange(0, 2).Draw(t, "scoped") > 0 {
			scopes = nil
			for range rapid.IntRange(0, 3).Draw(t, "scopes") {
				scopes = append(scopes, prefix("scope"))
			}
		}
		var filter eventlog.Filter
		if rapid.IntRange(0, 3).Draw(t, "prefixed") > 0 {
			filter.PathPrefix = new(prefix("prefix"))
		}
		when := func(label string) *time.Time {
			if rapid.Bool().Draw(t, label+" open") {
				return nil
			}
			return new(time.Date(2026, 10, 30, 20, rapid.SampledFrom([]int{0, 61, 240, 300, 1680, 1681, 3120, 4000, 5000}).Draw(t, label), 0, 0, time.UTC))
		}
		filter.Since, filter.Until = when("since"), when("until")
		if rapid.IntRange(0, 2).Draw(t, "typed") == 0 {
			filter.Types = []string{"UPDATED", "UNCHANGED"}
		}
		if rapid.IntRange(0, 2).Draw(t, "with statuses") == 0 {
			filter.Statuses = rapid.SampledFrom([][]string{{}, {"oK"}, {"É", "FAILED"}, {"é"}, {strings.Repeat("X", 300), "ok"}}).Draw(t, "statuses")
		}
		unit := rapid.SampledFrom([]eventlog.Interval{0, eventlog.Hour, eventlog.Day, eventlog.Week}).Draw(t, "unit")

		var want []string
		if err := pool.QueryRow(context.Background(), `SELECT array_agg(concat_ws('|', extract(epoch FROM start)::bigint, event_type, status, count)) FROM (
				SELECT date_bin($1 * interval '1 second', timestamp, '2001-01-01Z') AS start, event_type, NULL AS status, count(*) FROM event WHERE `+passing+` AND $1 > 0 GROUP BY 1, 2
				UNION ALL SELECT NULL, event_type, NULL, count(*) FROM event WHERE `+passing+` GROUP BY 2
				UNION ALL SELECT NULL, NULL, upper((meta ->> 'status') COLLATE "C"), count(*) FROM event WHERE `+passing+` AND length(meta ->> 'status') < 255 GROUP BY 3
			) AS counted`, int32(time.Duration(unit)/time.Second), scopes, filter.PathPrefix, filter.Types, eventlog.ASCIILowers(filter.Statuses), filter.Since, filter.Until).Scan(&want); err != nil {
			t.Fatal(err)
		}
		counts, err := store.Statistics(context.Background(), scopes, filter, unit)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		total := 0
		for _, count := range counts.ByType {
			got, total = append(got, fmt.Sprintf("%s|%d", count.Name, count.Count)), total+count.Count
		}
		for _, count := range counts.ByStatus {
			got = append(got, fmt.Sprintf("%s|%d", count.Name, count.Count))
		}
		for start, types := range counts.Buckets {
			for _, count := range types {
				if unit != 0 {
					got = append(got, fmt.Sprintf("%d|%s|%d", start.Unix(), count.Name, count.Count))
				}
			}
		}
		slices.Sort(want)
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" || total != counts.Total {
			t.Fatalf("%q within %q from %v to %v, types %q, statuses %q by %s: %d in all (-want +got):\n%s", *cmp.Or(filter.PathPrefix, new("any")), scopes,
				filter.Since, filter.Until, filter.Types, filter.Statuses, time.Duration(unit), counts.Total, diff)
		}
		if total > 0 {
			answered++
		}
	}
	rapid.Check(t, compare)
	exec(t, pool, `SELECT event_recount()`)
	rapid.Check(t, compare)
	if answered < 60 {
		t.Errorf("only %d answers with events", answered)
	}
}

// passing is the filter in plain SQL, for TestStatistics_AnyPrefixAndScopes.
const passing = `resource_path ^@ ANY ($2::text[]) AND ($3::text IS NULL OR resource_path ^@ $3) AND ($4::text[] IS NULL OR event_type = ANY ($4))
	AND ($5::text[] IS NULL OR lower((meta ->> 'status') COLLATE "C") = ANY ($5)) AND ($6::timestamptz IS NULL OR timestamp >= $6) AND ($7::timestamptz IS NULL OR timestamp < $7)`

// The sequencer's counts equal those of a recount and of the lists, in whatever order
// events arrive, and with a month detached.
func TestStatistics_BackdatedAndDetached_AsListed(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	record := func(from, to int) {
		t.Helper()
		exec(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta, timestamp)
			SELECT 'n' || n, (ARRAY['UPDATED', 'UNCHANGED'])[1 + n % 2], 'p', '1', CASE WHEN n % 3 > 0 THEN jsonb_build_object('status', (ARRAY['ok', 'OK', repeat('x', 300)])[1 + n % 3]) END,
				now() - make_interval(hours => n % 25 * 61) FROM generate_series($1::integer, $2::integer) n`, from, to)
	}
	counted := func() (text string) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), `SELECT string_agg(line, E'\n' ORDER BY line) FROM (
				SELECT concat_ws('|', path, extract(epoch FROM hour), event_type, status, count) AS line FROM event_count
				UNION ALL SELECT concat_ws('|', folder, hours, extract(epoch FROM start), event_type, status, count) FROM event_folder_count
			) AS lines`).Scan(&text); err != nil {
			t.Fatal(err)
		}
		return text
	}
	wantAsListed := func(when string) {
		t.Helper()
		statistics, err := store.Statistics(t.Context(), everything, eventlog.Filter{}, eventlog.Week)
		if err != nil {
			t.Fatal(err)
		}
		listed, err := store.Count(t.Context(), everything, eventlog.Filter{})
		if err != nil || statistics.Total != listed || listed == 0 {
			t.Errorf("%s: %d counted, %d listed: %v", when, statistics.Total, listed, err)
		}
	}
	record(1, 300)
	exec(t, pool, `SELECT event_sequence(70, 0)`)
	exec(t, pool, `SELECT event_sequence(70, 0)`)
	record(301, 400)
	wantAsListed("at first")
	before := counted()
	exec(t, pool, `SELECT event_recount()`)
	if diff := gocmp.Diff(counted(), before); diff != "" {
		t.Errorf("(-recounted +counted by the sequencer):\n%s", diff)
	}
	statistics, err := store.Statistics(t.Context(), everything, eventlog.Filter{}, 0)
	if err != nil || len(statistics.ByStatus) != 1 || statistics.ByStatus[0].Name != "OK" {
		t.Errorf("statuses %+v: %v", statistics.ByStatus, err)
	}
	exec(t, pool, `ALTER TABLE event DETACH PARTITION event_past`)
	wantAsListed("without the past")
}

// Filters and statistics of executions equal those computed by a loop over all of them.
func TestExecutions_AnyFilter_AsDocumented(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	store := eventlog.NewStore(pool)
	now := time.Now().UTC().Truncate(time.Hour)
	var all []eventlog.Execution
	for n := range 120 {
		x := eventlog.Execution{
			ExecutionID: fmt.Sprintf("Run-%03d", n), Path: []string{"a/one", "a/two", "b/é"}[n%3], Version: "1", Started: true,
			Status: []string{"RUNNING", "COMPLETED", "FAILED", "CANCELLED"}[n%4], FailedStepCount: int32(n % 5 % 2),
			StartedAt: now.Add(-time.Duration(n*n) * time.Minute).Add(-time.Hour), EventCount: 1,
		}
		if x.LastEventAt = x.StartedAt; x.Status != "RUNNING" {
			x.FinishedAt = new(x.StartedAt.Add(time.Duration(n*n*n-1000) * 977 * time.Microsecond))
		}
		if n%40 == 1 {
			x.FinishedAt = new(x.StartedAt.Add(30 * 24 * time.Hour))
		}
		if n%7 == 0 {
			x.Error = new("Disk VOLL: größe " + fmt.Sprint(n))
		}
		all = append(all, x)
		if _, err := pool.Exec(t.Context(), `INSERT INTO execution (execution_id, path, version, status, started, started_at, finished_at, last_event_at, event_count, error, failed_step_count)
			VALUES ($1, $2, $3, $4, true, $5, $6, $7, 1, $8, $9)`, x.ExecutionID, x.Path, x.Version, x.Status, x.StartedAt, x.FinishedAt, x.LastEventAt, x.Error, x.FailedStepCount); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) SELECT path, 'task', '1', '{}' FROM unnest(ARRAY['a/one', 'a/two', 'b/é']) path`); err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		var filter eventlog.ExecutionFilter
		if rapid.Bool().Draw(t, "has errors given") {
			filter.HasErrors = new(rapid.Bool().Draw(t, "has errors"))
		}
		if rapid.Bool().Draw(t, "duration given") {
			// No duration is within a millisecond of a bound that depends on the clock.
			filter.MinDurationMs = new(rapid.SampledFrom([]int32{-1, 0, 1, 976, 977, 1000, 60_000, 5_400_000, 40_000_000, math.MaxInt32}).Draw(t, "duration"))
		}
		if rapid.Bool().Draw(t, "text given") {
			filter.Text = new(rapid.SampledFrom([]string{"", "disk", "GROSSE", "run 007", "one", "e", "a disk", "voll 35", "x"}).Draw(t, "text"))
		}
		if rapid.Bool().Draw(t, "statuses given") {
			filter.Statuses = rapid.SampledFrom([][]string{{"FAILED"}, {"RUNNING", "COMPLETED"}, {}}).Draw(t, "statuses")
		}
		if rapid.Bool().Draw(t, "prefix given") {
			filter.PathPrefix = new(rapid.SampledFrom([]string{"", "a/", "b", "none"}).Draw(t, "prefix"))
		}
		if rapid.Bool().Draw(t, "since given") {
			filter.StartedSince = new(now.Add(-rapid.SampledFrom([]time.Duration{time.Hour, 100 * time.Hour}).Draw(t, "since")))
		}
		scopes, unit := rapid.SampledFrom(someScopes).Draw(t, "scopes"), rapid.SampledFrom([]eventlog.Interval{0, eventlog.Hour, eventlog.Day, eventlog.Week}).Draw(t, "unit")
		var want []string
		wanted := eventlog.ExecutionCounts{ByStatus: map[string]eventlog.StatusCount{}, Unit: unit, Buckets: map[time.Time]map[string]eventlog.StatusCount{}}
		var durations []int32
		for _, x := range all {
			end := time.Now()
			if x.FinishedAt != nil {
				end = *x.FinishedAt
			}
			took := max(end.Sub(x.StartedAt), 0).Milliseconds()
			searched := words.Of(x.Path, x.ExecutionID, *cmp.Or(x.Error, new("")))
			if !inScope(scopes, x.Path) || filter.HasErrors != nil && *filter.HasErrors != (x.FailedStepCount > 0) ||
				filter.MinDurationMs != nil && took < int64(*filter.MinDurationMs) ||
				filter.Text != nil && !words.Parse(*filter.Text).In(searched) ||
				filter.Statuses != nil && !slices.Contains(filter.Statuses, x.Status) ||
				filter.PathPrefix != nil && !strings.HasPrefix(x.Path, *filter.PathPrefix) ||
				filter.StartedSince != nil && x.StartedAt.Before(*filter.StartedSince) {
				continue
			}
			want = append(want, x.ExecutionID)
			one := eventlog.StatusCount{Count: 1, WithErrors: min(int(x.FailedStepCount), 1)}
			sum := wanted.ByStatus[x.Status]
			wanted.ByStatus[x.Status] = eventlog.StatusCount{Count: sum.Count + 1, WithErrors: sum.WithErrors + one.WithErrors}
			if x.FinishedAt != nil {
				durations = append(durations, int32(min(took, math.MaxInt32)))
			}
			if unit != 0 {
				bin := unit.Start(x.StartedAt)
				if wanted.Buckets[bin] == nil {
					wanted.Buckets[bin] = map[string]eventlog.StatusCount{}
				}
				sum := wanted.Buckets[bin][x.Status]
				wanted.Buckets[bin][x.Status] = eventlog.StatusCount{Count: sum.Count + 1, WithErrors: sum.WithErrors + one.WithErrors}
			}
		}
		if slices.Sort(durations); len(durations) > 0 {
			for _, fraction := range []float64{0.5, 0.95, 0.99, 1} {
				wanted.Durations = append(wanted.Durations, durations[max(int(math.Ceil(fraction*float64(len(durations)))), 1)-1])
			}
		}
		ctx := context.Background()
		listed, err := store.ListExecutions(ctx, scopes, filter, eventlog.WholeRange(), eventlog.NewestFirst, 200)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, x := range listed {
			got = append(got, x.ExecutionID)
		}
		slices.Sort(got)
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Fatalf("%+v (-want +listed):\n%s", filter, diff)
		}
		if count, err := store.CountExecutions(ctx, scopes, filter); err != nil || count != len(want) {
			t.Fatalf("%+v: %d counted, want %d: %v", filter, count, len(want), err)
		}
		statistics, err := store.ExecutionStatistics(ctx, scopes, filter, unit)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(&wanted, statistics); diff != "" {
			t.Fatalf("%+v by %s (-want +got):\n%s", filter, time.Duration(unit), diff)
		}
	})
}

// Statistics of ten times as many events in the same hours read no more rows; those of
// ten times as many executions read each execution once.
func TestStatistics_TenTimesAsMany_BoundedWork(t *testing.T) {
	t.Parallel()
	_, pool := setupRecord(t)
	meter := dbtest.NewMeter(t, pool)
	store := eventlog.NewStore(meter)
	ctx := t.Context()
	since, prefix, teams := time.Now().Add(-40*time.Hour), "p", "team"
	exec(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'team' || n % 4 || '/x' || n % 40 || '/' || n, 'task', '1', '{}' FROM generate_series(0, 399) n`)
	events := func(filter eventlog.Filter) func() error {
		return func() error { _, err := store.Statistics(ctx, everything, filter, eventlog.Day); return err }
	}
	runs := func(filter eventlog.ExecutionFilter) func() error {
		return func() error { _, err := store.ExecutionStatistics(ctx, everything, filter, eventlog.Day); return err }
	}
	scoped := func() error {
		_, err := store.Statistics(ctx, []string{"team0/x0/", "team1", "p"}, eventlog.Filter{}, eventlog.Week)
		return err
	}
	tests := map[string]struct {
		run func() error
		// rows is the limit for 5,000 events in 100 hours, of 500 executions.
		rows int
	}{
		"all": {events(eventlog.Filter{}), 110}, "a time range": {events(eventlog.Filter{Since: &since}), 150},
		"a prefix of folders": {events(eventlog.Filter{PathPrefix: &teams}), 120}, "a prefix and a time range": {events(eventlog.Filter{PathPrefix: &teams, Since: &since}), 600},
		"scopes":   {scoped, 120},
		"a status": {events(eventlog.Filter{PathPrefix: &teams, Statuses: []string{"OK"}}), 120},
		"a prefix": {events(eventlog.Filter{PathPrefix: &prefix}), 120}, "a type": {events(eventlog.Filter{Types: []string{"UPDATED"}}), 60},
		"runs": {runs(eventlog.ExecutionFilter{}), 510}, "failed runs": {runs(eventlog.ExecutionFilter{Statuses: []string{"FAILED"}}), 20},
	}
	recorded := 0
	for _, size := range []int{500, 5000} {
		exec(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta, timestamp)
			SELECT 'n' || n, (ARRAY['UPDATED', 'UNCHANGED'])[1 + n % 2], 'p', '1', jsonb_build_object('status', 'ok', 'execution_id', n / 10), now() - make_interval(hours => n % 100)
			FROM generate_series($1::integer, $2::integer - 1) n`, recorded, size)
		exec(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta, timestamp)
			SELECT 'team' || n, (ARRAY['UPDATED', 'UNCHANGED'])[1 + n % 2], 'team' || n % 4 || '/x' || n % 40 || '/' || n % 400, '1', '{"status": "ok"}', now() - make_interval(hours => n % 100)
			FROM generate_series($1::integer, $2::integer - 1) n`, recorded, size)
		recorded = size
		if _, err := store.Statistics(ctx, everything, eventlog.Filter{}, 0); err != nil { // assigns positions
			t.Fatal(err)
		}
		exec(t, pool, `VACUUM ANALYZE event, event_count, event_folder_count, execution`)
		for name, test := range tests {
			meter.Take()
			if err := test.run(); err != nil {
				t.Fatal(err)
			}
			work := dbtest.Work{}
			for _, statement := range meter.Take() {
				work.Rows, work.Buffers = work.Rows+statement.Rows, work.Buffers+statement.Buffers
			}
			if work.Rows > test.rows || work.Buffers == 0 || work.Buffers > 300 {
				t.Errorf("%s: %+v for %d events, want %d rows and 300 buffers at most", name, work, size, test.rows)
			}
		}
	}
}
