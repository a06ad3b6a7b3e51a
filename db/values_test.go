package db_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// Plain SQL cannot write values that the API refuses or cannot represent; the message names
// the column and the problem.
func TestValues_PlainSQL_RefusedWithTheColumn(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	const insertVersion = `INSERT INTO catalog (resource_path, resource_version, payload, timestamp, source, resource_location, resource_type) VALUES ($1, $2, $3, $4::text::timestamptz, $5, $6, 'task')`
	const insertEvent = `INSERT INTO event (event_id, meta, timestamp, event_type, resource_path, resource_version) VALUES ($1, $2, $3::text::timestamptz, 'UPDATED', 'a', '1')`
	run(t, pool, insertVersion, "a", "1", "{}", "now", "inline", nil)
	long := func(n int) string { return strings.Repeat("x", n) }
	const tooDeep = "is nested too deeply: lists and objects may stand 100 levels inside one another"
	nested := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	for _, test := range []struct {
		column, message string
		sql             string
		args            []any
	}{
		{"resource_path", "must not be empty", insertVersion, []any{"", "1", "{}", "now", "inline", nil}},
		{"resource_path", "is 1025 bytes long; 1024 are allowed", insertVersion, []any{long(1025), "1", "{}", "now", "inline", nil}},
		{"resource_path", "holds a control character (U+000A)", insertVersion, []any{"a\nb ", "1", "{}", "now", "inline", nil}},
		{"resource_path", "begins or ends with white space", insertVersion, []any{"a\u3000", "1", "{}", "now", "inline", nil}},
		{"resource_version", "must not be empty", insertVersion, []any{"a", "", "{}", "now", "inline", nil}},
		{"resource_version", "is 129 bytes long; 128 are allowed", insertVersion, []any{"a", long(129), "{}", "now", "inline", nil}},
		{"resource_version", `must not be "latest", which stands for the latest version`, insertVersion, []any{"a", "latest", "{}", "now", "inline", nil}},
		{"payload", "must not be JSON null", insertVersion, []any{"a", "2", "null", "now", "inline", nil}},
		{"timestamp", "must lie in the years 1 to 9999 (UTC)", insertVersion, []any{"a", "2", "{}", "infinity", "inline", nil}},
		{"timestamp", "must lie in the years 1 to 9999 (UTC)", insertVersion, []any{"a", "2", "{}", "-infinity", "inline", nil}},
		{"timestamp", "must lie in the years 1 to 9999 (UTC)", insertVersion, []any{"a", "2", "{}", "10000-01-01 00:00:00Z", "inline", nil}},
		{"timestamp", "must lie in the years 1 to 9999 (UTC)", insertVersion, []any{"a", "2", "{}", "0001-12-31 23:59:59Z BC", "inline", nil}},
		{"source", "is 129 bytes long; 128 are allowed", insertVersion, []any{"a", "2", "{}", "now", long(129), nil}},
		{"resource_location", "is 4097 bytes long; 4096 are allowed", insertVersion, []any{"a", "2", "{}", "now", "inline", long(4097)}},
		{"event_id", "must not be empty", insertEvent, []any{"", nil, "now"}},
		{"event_id", "is 6000 bytes long; 255 are allowed", insertEvent, []any{long(6000), nil, "now"}},
		{"event_id", "holds a control character (U+0085)", insertEvent, []any{"a\u0085", nil, "now"}},
		{"timestamp", "must lie in the years 1 to 9999 (UTC)", insertEvent, []any{"e", nil, "0001-12-31 23:59:59Z BC"}},
		{"meta", "execution_id is 6000 bytes long; 255 are allowed", insertEvent, []any{"e", `{"execution_id": "` + long(6000) + `"}`, "now"}},
		{"meta", "execution_id is 301 bytes long; 255 are allowed", insertEvent, []any{"e", `{"execution_id": 1e300}`, "now"}},
		{"meta", "parent_execution_id is 256 bytes long; 255 are allowed", insertEvent, []any{"e", `{"parent_execution_id": "` + long(256) + `"}`, "now"}},
		{"meta", "node_name is 256 bytes long; 255 are allowed", insertEvent, []any{"e", `{"node_name": "` + long(256) + `"}`, "now"}},
		{"payload", tooDeep, insertVersion, []any{"a", "2", nested(101), "now", "inline", nil}},
		{"payload", tooDeep, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload) VALUES ('e', 'UPDATED', 'a', '1', $1)`, []any{nested(4000)}},
		{"meta", tooDeep, insertEvent, []any{"e", nested(101), "now"}},
		{"meta", tooDeep, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload, meta) VALUES ('a', 'task', '2', '{}', $1)`, []any{`{"a": ` + nested(100) + `}`}},
		{"name", "must not be empty", `INSERT INTO resource_type VALUES ($1)`, []any{""}},
		{"name", "holds a control character (U+0009)", `INSERT INTO event_type (name) VALUES ($1)`, []any{"a\tb"}},
		{"template", "is 8193 bytes long; 8192 are allowed", `INSERT INTO event_type (name, template) VALUES ('t', $1)`, []any{long(8193)}},
	} {
		failure := refused(t, pool, "23514", test.sql, test.args...)
		if failure.ColumnName != test.column || failure.Message != test.column+": "+test.message {
			t.Errorf("column %q: %q, want column %q: %q", failure.ColumnName, failure.Message, test.column, test.message)
		}
	}
	run(t, pool, insertVersion, long(1024), long(128), `"null"`, "0001-01-01 00:00:00Z", long(128), long(4096))
	run(t, pool, insertVersion, "deep", "1", `[1, {"a": "x"}, `+nested(99)+`]`, "now", "inline", nil)
	run(t, pool, insertVersion, "b", "Latest", `[null]`, "9999-12-31 23:59:59.999999Z", "", "")
	run(t, pool, insertEvent, long(255), `{"execution_id": "`+long(255)+`", "parent_execution_id": null, "node_name": {}}`, "0001-01-01 00:00:00Z")
}

// Older values that the API cannot represent are changed to the nearest ones that it can;
// the old values are kept in migration_repair.
func TestMigrate_UnrepresentableValues_RepairedOnceAndLogged(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.EmptyURL(t)
	if err := db.MigrateTo(t.Context(), databaseURL, 6); err != nil {
		t.Fatal(err)
	}
	pool := dbtest.PoolAt(t, databaseURL, db.Options{})
	run(t, pool, `SELECT event_ensure_partitions(3)`)
	run(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload, timestamp) VALUES
		('a', 'task', '1', '{"n": 1}', '-infinity'), ('a', 'task', '2', 'null', 'infinity'), ('b', 'task', 'latest', '[]', '10000-01-01Z'),
		('', 'task', '', '{}', '2026-01-01Z'), (E'c\n', 'task', '1', '{}', '0044-03-15Z BC')`)
	run(t, pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp, meta) VALUES
		('ancient', 'EXECUTION_STARTED', 'a', '1', '0044-03-15Z BC', '{"execution_id": "old"}'),
		('early', 'EXECUTION_COMPLETED', 'a', '1', '0001-01-01Z', '{"execution_id": "old"}'), ('', 'UPDATED', '', '', '2026-01-01Z', NULL)`)
	run(t, pool, `SELECT event_sequence(1, 0)`)
	migrated, err := db.Migrate(t.Context(), databaseURL)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, repair := range migrated.Repairs {
		got = append(got, strings.Join([]string{repair.TableName, string(repair.Key), repair.ColumnName, repair.OldValue, repair.NewValue}, " | "))
	}
	want := []string{
		`catalog | {"resource_path": "a", "resource_version": "1"} | timestamp | -infinity | 0001-01-01 00:00:00+00`,
		`catalog | {"resource_path": "a", "resource_version": "2"} | timestamp | infinity | 9999-12-31 23:59:59.999999+00`,
		`catalog | {"resource_path": "b", "resource_version": "latest"} | timestamp | 10000-01-01 00:00:00+00 | 9999-12-31 23:59:59.999999+00`,
		`catalog | {"resource_path": "c\n", "resource_version": "1"} | timestamp | 0044-03-15 00:00:00+00 BC | 0001-01-01 00:00:00+00`,
		`catalog | {"resource_path": "a", "resource_version": "2"} | payload | null | {}`,
		`event | {"event_id": "ancient"} | timestamp | 0044-03-15 00:00:00+00 BC | 0001-01-01 00:00:00+00`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, sql := range []string{
		`SELECT count(*) FROM resource WHERE isfinite(created_at) AND isfinite(updated_at) AND updated_at < '10000-01-01Z' AND created_at >= '0001-01-01Z'`,
		`SELECT count(*) + 1 FROM event JOIN event_identity USING (event_id, timestamp) JOIN (
			SELECT event_id, timestamp FROM event_log UNION ALL SELECT event_id, timestamp FROM event_pending) AS placed USING (event_id, timestamp)`,
		`SELECT 4 FROM execution WHERE started_at = '0001-01-01Z' AND last_event_at = '0001-01-01Z'`,
	} {
		if n := count(t, pool, sql); n != 4 {
			t.Errorf("%d, want 4: %s", n, sql)
		}
	}
	refused(t, pool, "23001", `UPDATE catalog SET payload = '1'`)
	refused(t, pool, "23001", `UPDATE event SET payload = '1'`)
	if again, err := db.Migrate(t.Context(), databaseURL); err != nil || len(again.Repairs) != 0 {
		t.Errorf("the second migration did %+v: %v", again, err)
	}
	// Values that are now refused stay readable.
	var stayed int
	err = pool.QueryRow(t.Context(), `SELECT count(*) FROM catalog WHERE resource_path IN ('', E'c\n') OR resource_version = 'latest'`).Scan(&stayed)
	if err != nil || stayed != 3 {
		t.Errorf("%d rows with older names stayed, want 3: %v", stayed, err)
	}
}
