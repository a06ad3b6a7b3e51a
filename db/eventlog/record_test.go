package eventlog_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/internal/await"
	"github.com/noetl/noetl-catalog/sqlc"
)

func setupRecord(t *testing.T) (*eventlog.Store, *db.Pool) {
	t.Helper()
	pool := dbtest.Pool(t)
	if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('p', 'task', '1', '{}'), ('p', 'task', '2', '{}')`); err != nil {
		t.Fatal(err)
	}
	return eventlog.NewStore(pool), pool
}

func exec(t testing.TB, pool *db.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func countEvents(t *testing.T, pool *db.Pool) int {
	t.Helper()
	var n int
	if err := pool.QueryRow(context.Background(), `SELECT count(*) FROM event`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRecord_Defaults_LatestVersionNowUUIDv7(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	recorded, err := store.Record(t.Context(), everything, []eventlog.Record{{Type: "UPDATED", Path: "p", Payload: []byte("null"), Meta: []byte(" null ")}}, catalog.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	event := recorded[0].Event
	if id, err := uuid.Parse(event.ID); err != nil || id.Version() != 7 || event.Version != "2" || recorded[0].Duplicate || time.Since(event.Timestamp).Abs() > time.Hour {
		t.Errorf("%+v", recorded[0])
	}
	var payloadIsNull, metaIsNull bool
	if err := pool.QueryRow(t.Context(), `SELECT payload IS NULL, meta IS NULL FROM event`).Scan(&payloadIsNull, &metaIsNull); err != nil || !payloadIsNull || !metaIsNull {
		t.Errorf("JSON null was stored: %v %v %v", payloadIsNull, metaIsNull, err)
	}
}

// The same id with the same content is the same event, also with another timestamp;
// with other content it is refused.
func TestRecord_SameID_DuplicateOrConflict(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	base := eventlog.Record{ID: new("e"), Type: "UPDATED", Path: "p", Payload: []byte(`{"a": 1}`), Meta: []byte(`{"b": 2}`)}
	record := func(change func(*eventlog.Record)) ([]eventlog.Recorded, error) {
		changed := base
		change(&changed)
		return store.Record(context.Background(), everything, []eventlog.Record{changed}, catalog.DefaultLimits())
	}
	first, err := record(func(*eventlog.Record) {})
	if err != nil || first[0].Duplicate {
		t.Fatalf("%+v %v", first, err)
	}
	for name, change := range map[string]func(*eventlog.Record){
		"the same":      func(*eventlog.Record) {},
		"another time":  func(r *eventlog.Record) { r.Timestamp = new(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)) },
		"other spaces":  func(r *eventlog.Record) { r.Payload = []byte(`{"a":1.0}`) },
		"named version": func(r *eventlog.Record) { r.Version = new("2") },
	} {
		again, err := record(change)
		if err != nil || !again[0].Duplicate || !again[0].Event.Timestamp.Equal(first[0].Event.Timestamp) {
			t.Errorf("%s: %+v %v", name, again, err)
		}
	}
	for name, change := range map[string]func(*eventlog.Record){
		"payload": func(r *eventlog.Record) { r.Payload = nil },
		"meta":    func(r *eventlog.Record) { r.Meta = []byte(`{}`) },
		"type":    func(r *eventlog.Record) { r.Type = "REGISTERED" },
		"version": func(r *eventlog.Record) { r.Version = new("1") },
	} {
		_, err := record(change)
		var faults fault.List
		if !errors.As(err, &faults) || faults[0].Code != fault.Conflict || faults[0].Argument != "inputs[0].eventId" {
			t.Errorf("other %s: %v", name, err)
		}
	}
	// Within one call, too.
	twice, err := store.Record(t.Context(), everything, []eventlog.Record{{ID: new("f"), Type: "UPDATED", Path: "p"}, {ID: new("f"), Type: "UPDATED", Path: "p"}, base}, catalog.DefaultLimits())
	if err != nil || twice[0].Duplicate || !twice[1].Duplicate || !twice[2].Duplicate {
		t.Errorf("%+v %v", twice, err)
	}
	if _, err := store.Record(t.Context(), everything, []eventlog.Record{{ID: new("g"), Type: "UPDATED", Path: "p"}, {ID: new("g"), Type: "REGISTERED", Path: "p"}}, catalog.DefaultLimits()); err == nil {
		t.Error("one call recorded one id with two contents")
	}
	if n := countEvents(t, pool); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
}

// Twenty callers retry the same event at once: it is recorded once.
func TestRecord_ConcurrentRetries_OneEvent(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	past := new(time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC))
	for round, timestamp := range []*time.Time{nil, past, nil, past} {
		size := 1 + round/2 // a single event is recorded by another statement
		stored := countEvents(t, pool)
		var recorded atomic.Int64
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				records := []eventlog.Record{
					{ID: new(fmt.Sprintf("r%d-a", round)), Type: "UPDATED", Path: "p", Timestamp: timestamp},
					{ID: new(fmt.Sprintf("r%d-b", round)), Type: "UPDATED", Path: "p", Timestamp: timestamp},
				}
				results, err := store.Record(context.Background(), everything, records[:size], catalog.DefaultLimits())
				if err != nil {
					t.Error(err)
					return
				}
				for _, result := range results {
					if !result.Duplicate {
						recorded.Add(1)
					}
				}
			})
		}
		group.Wait()
		if recorded.Load() != int64(size) || countEvents(t, pool) != stored+size {
			t.Errorf("round %d: %d new, %d stored", round, recorded.Load(), countEvents(t, pool))
		}
	}
}

func TestRecord_Batch_AllOrNone(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	limits := catalog.DefaultLimits()
	good := eventlog.Record{Type: "UPDATED", Path: "p"}
	for name, test := range map[string]struct {
		bad      eventlog.Record
		code     fault.Code
		argument string
	}{
		"path":      {eventlog.Record{Type: "UPDATED", Path: "none"}, fault.NotFound, "path"},
		"version":   {eventlog.Record{Type: "UPDATED", Path: "p", Version: new("9")}, fault.NotFound, "version"},
		"type":      {eventlog.Record{Type: "NONE", Path: "p"}, fault.BadUserInput, "type"},
		"timestamp": {eventlog.Record{Type: "UPDATED", Path: "p", Timestamp: new(time.Now().Add(25 * time.Hour))}, fault.BadUserInput, "timestamp"},
		"payload":   {eventlog.Record{Type: "UPDATED", Path: "p", Payload: []byte(`{`)}, fault.BadUserInput, "payload"},
		"id":        {eventlog.Record{ID: new(""), Type: "UPDATED", Path: "p"}, fault.BadUserInput, "eventId"},
	} {
		for place, records := range [][]eventlog.Record{{test.bad}, {good, test.bad, good}} {
			_, err := store.Record(t.Context(), everything, records, limits)
			var faults fault.List
			argument := fmt.Sprintf("inputs[%d].%s", place, test.argument)
			if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Code != test.code || faults[0].Argument != argument {
				t.Errorf("%s among %d: %v", name, len(records), err)
			}
		}
	}
	_, err := store.Record(t.Context(), []string{"q"}, []eventlog.Record{good}, limits)
	var faults fault.List
	if !errors.As(err, &faults) || faults[0].Code != fault.Forbidden {
		t.Errorf("out of scope: %v", err)
	}
	if n := countEvents(t, pool); n != 0 {
		t.Errorf("%d events of refused calls were written", n)
	}
	if recorded, err := store.Record(t.Context(), everything, nil, limits); err != nil || len(recorded) != 0 {
		t.Errorf("nothing to record: %v %v", recorded, err)
	}

	many := make([]eventlog.Record, eventlog.MaxRecords+1)
	for i := range many {
		many[i] = good
	}
	if _, err := store.Record(t.Context(), everything, many, limits); err == nil {
		t.Error("10,001 events were accepted")
	}
	recorded, err := store.Record(t.Context(), everything, many[1:], limits)
	if err != nil || len(recorded) != eventlog.MaxRecords || countEvents(t, pool) != eventlog.MaxRecords {
		t.Errorf("10,000 events: %d recorded, %d stored, %v", len(recorded), countEvents(t, pool), err)
	}
}

// An indexed value that is too long is refused with its argument, also if only
// PostgreSQL knows its length.
func TestRecord_LongKeys_RefusedWithTheArgument(t *testing.T) {
	t.Parallel()
	store, pool := setupRecord(t)
	long := strings.Repeat("x", 256)
	record := func(meta string, more ...eventlog.Record) error {
		records := append([]eventlog.Record{{Type: "UPDATED", Path: "p", Meta: []byte(meta)}}, more...)
		_, err := store.Record(t.Context(), everything, records, catalog.DefaultLimits())
		return err
	}
	good := eventlog.Record{Type: "UPDATED", Path: "p"}
	for _, test := range []struct {
		err               error
		argument, message string
	}{
		{record(`{"execution_id": "` + long + `"}`), "inputs[0].meta", "execution_id is 256 bytes long; 255 are allowed"},
		{record(`{"x": 1, "parent_execution_id": "`+long+`"}`, good), "inputs[0].meta", "parent_execution_id is 256 bytes long; 255 are allowed"},
		{record(`{"node_name": "`+long+`"}`, good), "inputs[0].meta", "node_name is 256 bytes long; 255 are allowed"},
		{record(`{"execution_id": 1e300}`), "inputs[0].meta", "execution_id is 301 bytes long; 255 are allowed"},
		{record(`{"execution_id": 1e300}`, good), "inputs[0].meta", "execution_id is 301 bytes long; 255 are allowed"},
		{record("null", good, eventlog.Record{Type: "UPDATED", Path: "p", Meta: []byte(`{"node_name": 1e300}`)}), "inputs[2].meta", "node_name is 301 bytes long; 255 are allowed"},
	} {
		var problem *fault.Error
		var list fault.List
		if errors.As(test.err, &list) {
			problem = list[0]
		} else if !errors.As(test.err, &problem) {
			t.Errorf("%v, want a fault", test.err)
			continue
		}
		if problem.Code != fault.BadUserInput || problem.Argument != test.argument || problem.Message != test.message {
			t.Errorf("%+v, want %s: %s", problem, test.argument, test.message)
		}
	}
	if n := countEvents(t, pool); n != 0 {
		t.Errorf("%d events were recorded", n)
	}
	if err := record(`{"execution_id": "` + long[1:] + `", "EXECUTION_ID": "` + long + `", "node_name": null}`); err != nil {
		t.Error(err)
	}
}

// Unknown types are refused, or, if the store allows it, added with the
// events that have them: all or nothing.
func TestRecord_UnknownType_RefusedOrAdded(t *testing.T) {
	t.Parallel()
	closed, pool := setupRecord(t)
	open := eventlog.NewStore(pool)
	open.OpenTypes = true
	recordsOf := func(kinds ...string) (records []eventlog.Record) {
		for _, kind := range kinds {
			records = append(records, eventlog.Record{Type: kind, Path: "p"})
		}
		return records
	}
	problem := func(store *eventlog.Store, records []eventlog.Record) string {
		t.Helper()
		_, err := store.Record(t.Context(), everything, records, catalog.DefaultLimits())
		var list fault.List
		if err != nil && !errors.As(err, &list) {
			t.Fatal(err)
		}
		var problems []string
		for _, refused := range list {
			problems = append(problems, fmt.Sprintf("%s %s", refused.Code, refused.Argument))
		}
		return strings.Join(problems, ", ")
	}
	known := func() (known int) {
		t.Helper()
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM event_type`).Scan(&known); err != nil {
			t.Fatal(err)
		}
		return known
	}
	before := known()
	for _, test := range []struct {
		store   *eventlog.Store
		records []eventlog.Record
		want    string
		added   int
	}{
		{closed, recordsOf("new"), "BAD_USER_INPUT inputs[0].type", 0},
		{closed, recordsOf("UPDATED", "new"), "BAD_USER_INPUT inputs[1].type", 0},
		{open, recordsOf("new"), "", 1},
		{open, recordsOf("new", "execution.started", "newer", "UPDATED", "newer"), "", 3},
		{closed, recordsOf("new"), "", 3},
		{open, append(recordsOf("newest"), eventlog.Record{Type: "newest", Path: "nowhere"}), "NOT_FOUND inputs[1].path", 3},
		{open, recordsOf(" blank"), "BAD_USER_INPUT inputs[0].type", 3},
		{open, recordsOf(""), "BAD_USER_INPUT inputs[0].type", 3},
		{open, recordsOf(strings.Repeat("x", 129)), "BAD_USER_INPUT inputs[0].type", 3},
	} {
		if got := problem(test.store, test.records); got != test.want || known() != before+test.added {
			t.Errorf("%d records of %q …: %q with %d types added, want %q with %d", len(test.records), test.records[0].Type, got, known()-before, test.want, test.added)
		}
	}
	var phase string
	if err := pool.QueryRow(t.Context(), `SELECT phase FROM event_type WHERE name = 'execution.started'`).Scan(&phase); err != nil || phase != "STARTED" {
		t.Errorf("the phase of a type that was added is %q: %v", phase, err)
	}

	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			if _, err := open.Record(context.Background(), everything, recordsOf("race-1", "race-2", fmt.Sprint("race of ", i)), catalog.DefaultLimits()); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if n := known(); n != before+13 {
		t.Errorf("%d types, want %d", n, before+13)
	}

	exec(t, pool, `INSERT INTO event_type (name) SELECT 'many ' || n FROM generate_series(1, $1) n`, catalog.MaxTypes-known()-1)
	if got := problem(open, recordsOf("last", "over")); got != "BAD_USER_INPUT inputs[0].type, BAD_USER_INPUT inputs[1].type" {
		t.Errorf("more types than there can be: %q", got)
	}
	if got := problem(open, recordsOf("last")); got != "" || known() != catalog.MaxTypes {
		t.Errorf("the last type that there can be: %q, %d types", got, known())
	}
}

// If the server's clock is ahead of the database's, only the database refuses a
// timestamp.
func TestRecordEvents_TimestampBeyondTheDatabasesDay_ProblemOfItsInput(t *testing.T) {
	t.Parallel()
	_, pool := setupRecord(t)
	now := time.Now()
	rows, err := sqlc.New(pool).RecordEvents(t.Context(), sqlc.RecordEventsParams{
		EventIds: []string{"a", "b"}, Types: []string{"UPDATED", "UPDATED"}, Paths: []string{"p", "p"}, Versions: []string{"", ""},
		Payloads: [][]byte{nil, nil}, Metas: [][]byte{nil, nil}, Timestamps: []time.Time{now, now.Add(25 * time.Hour)}, Scopes: everything,
	})
	if err != nil || len(rows) != 2 || rows[0].Problem != "" || rows[1].Problem != "TOO_FAR_AHEAD" {
		t.Errorf("%+v, %v", rows, err)
	}
	if n := countEvents(t, pool); n != 0 {
		t.Errorf("%d events were recorded", n)
	}
}

// If another transaction adds the last allowed type meanwhile, the error names the input
// whose type is unknown.
func TestRecord_LastTypeAddedMeanwhile_RefusedWithItsInput(t *testing.T) {
	t.Parallel()
	_, pool := setupRecord(t)
	open := eventlog.NewStore(pool)
	open.OpenTypes = true
	exec(t, pool, `INSERT INTO event_type (name) SELECT 'many ' || n FROM generate_series(1, $1 - (SELECT count(*) FROM event_type)) n`, catalog.MaxTypes-1)
	other, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.Background()) }()
	if _, err := other.Exec(t.Context(), `INSERT INTO event_type (name) VALUES ('last')`); err != nil {
		t.Fatal(err)
	}
	recorded := make(chan error, 1)
	go func() {
		_, err := open.Record(context.Background(), everything, []eventlog.Record{{Type: "UPDATED", Path: "p"}, {Type: "over", Path: "p"}}, catalog.DefaultLimits())
		recorded <- err
	}()
	dbtest.AwaitAdvisoryLock(t, pool)
	if err := other.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	var list fault.List
	if err := await.Value(t, recorded); !errors.As(err, &list) || list[0].Argument != "inputs[1].type" {
		t.Errorf("got %v", err)
	}
	if n := countEvents(t, pool); n != 0 {
		t.Errorf("%d events were recorded", n)
	}
}
