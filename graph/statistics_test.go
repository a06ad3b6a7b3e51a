package graph_test

import (
	"fmt"
	"testing"
)

func TestExecutionStatistics_TabsAndHistogram(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	a.wantData(`{"executionStatistics": {"total": 10, "successRate": 0.5555555555555556, "durationMs": {"p50": 30000, "p95": 30000, "p99": 30000, "max": 30000},
		"byStatus": [{"status": "RUNNING", "count": 1, "withErrors": 0}, {"status": "COMPLETED", "count": 5, "withErrors": 0},
			{"status": "FAILED", "count": 4, "withErrors": 0}, {"status": "CANCELLED", "count": 0, "withErrors": 0}],
		"five": [{"start": "2026-03-01T12:00:00.000000Z", "byStatus": [{"count": 1}, {"count": 2}, {"count": 2}, {"count": 0}]},
			{"start": "2026-03-01T12:05:00.000000Z", "byStatus": [{"count": 0}, {"count": 3}, {"count": 2}, {"count": 0}]}],
		"week": [{"start": "2026-02-23T00:00:00.000000Z"}]}}`,
		`{ executionStatistics { total successRate durationMs { p50 p95 p99 max } byStatus { status count withErrors }
			five: buckets(interval: FIVE_MINUTES) { start byStatus { count } } week: buckets(interval: WEEK) { start } } }`, nil)
	a.wantData(`{"none": {"total": 0, "successRate": null, "durationMs": null, "buckets": []},
		"range": {"total": 0, "buckets": [{"start": "2026-03-01T00:00:00.000000Z"}, {"start": "2026-03-02T00:00:00.000000Z"}]},
		"slow": {"total": 6}, "words": {"total": 1}}`,
		`{ none: executionStatistics(filter: {statuses: []}) { total successRate durationMs { p50 } buckets(interval: DAY) { start } }
			range: executionStatistics(filter: {path: "none", startedSince: "2026-03-01T12:00:00Z", startedBefore: "2026-03-03T00:00:00Z"}) { total buckets(interval: DAY) { start } }
			slow: executionStatistics(filter: {minDurationMs: 2001, hasErrors: false}) { total } words: executionStatistics(filter: {text: "one e6"}) { total } }`, nil)
	a.wantError("BAD_USER_INPUT", "interval", `{ executionStatistics(filter: {startedSince: "2026-03-01T00:00:00Z", startedBefore: "2026-03-02T00:00:00Z"}) { buckets(interval: MINUTE) { start } } }`, nil)
}

func TestEventStatistics_TabsAndHistogram(t *testing.T) {
	t.Parallel()
	a := setupExecutions(t)
	a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{"type": "UPDATED", "path": "p/two", "timestamp": "2026-03-01T14:59:59.999999Z", "meta": variables{"status": "Running"}}}})
	const filter = `{pathPrefix: "p/t", excludeTypes: ["REGISTERED"]}`
	a.wantData(`{"eventStatistics": {"total": 15, "byStatus": [{"name": "RUNNING", "count": 1}],
		"byType": [{"name": "UPDATED", "count": 6}, {"name": "EXECUTION_STARTED", "count": 5}, {"name": "EXECUTION_COMPLETED", "count": 2}, {"name": "EXECUTION_FAILED", "count": 2}],
		"hour": [{"start": "2026-03-01T12:00:00.000000Z", "count": 14}, {"start": "2026-03-01T13:00:00.000000Z", "count": 0}, {"start": "2026-03-01T14:00:00.000000Z", "count": 1}],
		"day": [{"start": "2026-03-01T00:00:00.000000Z", "byType": [{"name": "UPDATED", "count": 6}, {"name": "EXECUTION_STARTED", "count": 5}, {"name": "EXECUTION_COMPLETED", "count": 2}, {"name": "EXECUTION_FAILED", "count": 2}]}]},
		"events": {"totalCount": 15}}`,
		fmt.Sprintf(`{ eventStatistics(filter: %[1]s) { total byStatus { name count } byType { name count } hour: buckets(interval: HOUR) { start count }
			day: buckets(interval: DAY) { start byType { name count } } } events(filter: %[1]s) { totalCount } }`, filter), nil)
	a.wantData(`{"eventStatistics": {"total": 0, "byType": [], "byStatus": [], "buckets": [{"start": "2026-03-02T00:00:00.000000Z", "count": 0, "byType": []}]}, "none": {"buckets": []}}`,
		`{ eventStatistics(filter: {since: "2026-03-02T00:00:01Z", until: "2026-03-02T00:00:02Z"}) { total byType { name } byStatus { name } buckets(interval: DAY) { start count byType { name } } }
			none: eventStatistics(filter: {types: []}) { buckets(interval: MINUTE) { start } } }`, nil)
	for _, filter := range []string{`{}`, `{since: "2026-03-01T00:00:00Z", until: "2026-03-02T00:00:00Z"}`, `{since: "0001-01-01T00:00:00Z", until: "9999-12-31T00:00:00Z"}`} {
		a.wantError("BAD_USER_INPUT", "interval", `{ eventStatistics(filter: `+filter+`) { buckets(interval: MINUTE) { start } } }`, nil)
	}
	a.wantError("BAD_USER_INPUT", "filter.text", `{ eventStatistics(filter: {text: "x"}) { total } }`, nil)
	for _, query := range []string{
		`{ eventStatistics(filter: {since: "0001-01-01T00:00:00Z"}) { buckets(interval: WEEK) { start } } }`,
		`{ executionStatistics(filter: {startedSince: "0001-01-01T00:00:00Z"}) { buckets(interval: WEEK) { start } } }`,
		`{ executionStatistics(filter: {startedSince: "0001-01-01T00:00:00Z", startedBefore: "9999-12-31T00:00:00Z"}) { buckets(interval: WEEK) { start } } }`,
	} {
		a.wantError("BAD_USER_INPUT", "interval", query, nil)
	}
	// The first instant that the API takes is Go's zero time.
	a.mustAsk(nil, recordMutation, variables{"inputs": []variables{{"type": "UNCHANGED", "path": "p/two", "timestamp": "0001-01-01T00:00:00Z", "meta": variables{"execution_id": "zero"}}}})
	a.wantData(`{"events": {"buckets": [{"start": "0001-01-01T00:00:00.000000Z", "count": 1}]}, "runs": {"buckets": [{"start": "0001-01-01T00:00:00.000000Z"}]}}`,
		`{ events: eventStatistics(filter: {types: ["UNCHANGED"]}) { buckets(interval: HOUR) { start count } }
			runs: executionStatistics(filter: {text: "zero"}) { buckets(interval: DAY) { start } } }`, nil)
}
