package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// statistics measures counts over 1,000,000 events, and the catalog page with runs, against
// the nearest equivalent in plain SQL.
func statistics(ctx context.Context, b *bench) {
	url := b.filled(ctx, "requests", scale{10_000, 1_000_000, 6})
	server := b.serve(ctx, url)
	defer server.stop()
	connection := must(pgx.Connect(ctx, url))
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	const (
		ofEvents = `{ eventStatistics(filter: %s) { total byType { name count } byStatus { name count } buckets(interval: %s) { start count byType { name count } } } }`
		ofRuns   = `{ executionStatistics(filter: %s) { total byStatus { status count withErrors } successRate durationMs { p50 p95 p99 max } buckets(interval: %s) { start byStatus { status count } } } }`
		events   = `SELECT date_trunc('%s', timestamp), event_type, upper(meta ->> 'status'), count(*) FROM event WHERE %s GROUP BY GROUPING SETS ((1, 2), (2), (3), ())`
		runs     = `SELECT date_trunc('%s', started_at), status, count(*), count(*) FILTER (WHERE failed_step_count > 0),
			percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY finished_at - started_at) FROM execution WHERE %s GROUP BY GROUPING SETS ((1, 2), (2), ())`
	)
	since := time.Now().UTC().AddDate(0, 0, -20).Truncate(time.Microsecond).Format(time.RFC3339Nano)
	table := newTable()
	fmt.Fprintln(table, "statistics\tp50 ms\tmax ms\tplain SQL p50 ms\tmax ms\t")
	for _, m := range []struct{ what, query, sql string }{
		{"all events, by day", fmt.Sprintf(ofEvents, "{}", "DAY"), fmt.Sprintf(events, "day", "true")},
		{"the last 20 days, by hour", fmt.Sprintf(ofEvents, `{since: "`+since+`"}`, "HOUR"), fmt.Sprintf(events, "hour", "timestamp >= '"+since+"'")},
		{"a prefix of all paths, by week", fmt.Sprintf(ofEvents, `{pathPrefix: "team"}`, "WEEK"), fmt.Sprintf(events, "week", "resource_path ^@ 'team'")},
		{"a prefix of every 20th path, by day", fmt.Sprintf(ofEvents, `{pathPrefix: "team7/"}`, "DAY"), fmt.Sprintf(events, "day", "resource_path ^@ 'team7/'")},
		{"a type, by day", fmt.Sprintf(ofEvents, `{types: ["STEP_COMPLETED"]}`, "DAY"), fmt.Sprintf(events, "day", "event_type = 'STEP_COMPLETED'")},
		{"a type, a prefix and 20 days, by day", fmt.Sprintf(ofEvents, `{types: ["STEP_COMPLETED"], pathPrefix: "team", since: "`+since+`"}`, "DAY"), fmt.Sprintf(events, "day", "event_type = 'STEP_COMPLETED' AND resource_path ^@ 'team' AND timestamp >= '"+since+"'")},
		{"a status, by day", fmt.Sprintf(ofEvents, `{statuses: ["failed"]}`, "DAY"), fmt.Sprintf(events, "day", "lower(meta ->> 'status') = 'failed'")},
		{"all runs, by day", fmt.Sprintf(ofRuns, "{}", "DAY"), fmt.Sprintf(runs, "day", "true")},
		{"runs under a prefix, by day", fmt.Sprintf(ofRuns, `{pathPrefix: "team7/"}`, "DAY"), fmt.Sprintf(runs, "day", "path ^@ 'team7/'")},
		{
			"50 resources, each with its latest run",
			`{ resources(first: 50) { nodes { path name latestExecution { executionId status hasErrors startedAt durationMs } } } }`,
			`SELECT * FROM (SELECT * FROM resource ORDER BY resource_path LIMIT 50) r LEFT JOIN LATERAL (SELECT * FROM execution x WHERE x.path = r.resource_path ORDER BY started_at DESC LIMIT 1) x ON true`,
		},
	} {
		var own, plain []time.Duration
		for range 3 * b.rounds {
			began := time.Now()
			check(server.Do(ctx, m.query, nil, nil))
			own = append(own, time.Since(began))
			began = time.Now()
			rows := must(connection.Query(ctx, m.sql))
			rows.Close()
			check(rows.Err())
			plain = append(plain, time.Since(began))
		}
		slices.Sort(own)
		slices.Sort(plain)
		fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", m.what,
			milliseconds(quantile(own, 0.5)), milliseconds(quantile(own, 1)), milliseconds(quantile(plain, 0.5)), milliseconds(quantile(plain, 1)))
	}
	check(table.Flush())
	fmt.Println()
}
