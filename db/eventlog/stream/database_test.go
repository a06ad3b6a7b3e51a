package stream_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"pgregory.net/rapid"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/fault"
)

// loggedIDs returns the ids of event_log in the order of their positions, which must have
// no gaps.
func (l *live) loggedIDs(t testing.TB) []string {
	t.Helper()
	rows, err := l.pool.Query(context.Background(), `SELECT position, event_id FROM event_log ORDER BY position`)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for rows.Next() {
		var position int64
		var id string
		if err := rows.Scan(&position, &id); err != nil {
			t.Fatal(err)
		}
		list = append(list, id)
		if position != int64(len(list)) {
			t.Fatalf("event number %d has the position %d", len(list), position)
		}
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return list
}

// awaitNoPending waits until nothing is pending.
func (l *live) awaitNoPending(t testing.TB) {
	t.Helper()
	if _, err := stream.TailCursor(t.Context(), l.store); err != nil {
		t.Fatal(err)
	}
}

// However an event is inserted, it gets one identity and one position.
func TestEventAfterInsert_AnyInsert_OnePosition(t *testing.T) {
	t.Parallel()
	l := follow(t)
	month := "event_" + time.Now().UTC().Format("2006_01")
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ('parent', 'UPDATED', 'a/one', '1')`)
	exec(t, l.pool, `INSERT INTO `+month+` (event_id, event_type, resource_path, resource_version, timestamp) VALUES ('partition', 'UPDATED', 'a/one', '1', now())`)
	exec(t, l.pool, `WITH new AS (INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ('cte', 'UPDATED', 'a/one', '1') RETURNING 1) SELECT * FROM new`)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version) SELECT 'many ' || n, 'UPDATED', 'a/one', '1' FROM generate_series(1, 3) n`)
	if _, err := l.pool.CopyFrom(t.Context(), pgx.Identifier{"event"}, []string{"event_id", "event_type", "resource_path", "resource_version", "timestamp"},
		pgx.CopyFromRows([][]any{
			{"copy 1", "UPDATED", "a/one", "1", time.Now()},
			{"copy 2", "UPDATED", "a/one", "1", time.Now().AddDate(-10, 0, 0)}, // an old timestamp, but the next position
		})); err != nil {
		t.Fatal(err)
	}
	l.awaitNoPending(t)
	want := []string{"parent", "partition", "cte", "many 1", "many 2", "many 3", "copy 1", "copy 2"}
	wantIDs(t, l.loggedIDs(t), want)
	var identities, pending int
	if err := l.pool.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM event_identity), (SELECT count(*) FROM event_pending)`).Scan(&identities, &pending); err != nil || identities != len(want) || pending != 0 {
		t.Errorf("%d identities, %d pending: %v", identities, pending, err)
	}
}

// A duplicate id is refused whichever partition it goes to, and leaves nothing.
func TestEventAfterInsert_DuplicateID_OneWins(t *testing.T) {
	t.Parallel()
	l := follow(t)
	for round, times := range [][]string{{"now()", "now()"}, {"now()", "now() - interval '1 year'"}} {
		id := fmt.Sprint("same ", round)
		var racing sync.WaitGroup
		failures := make(chan error, 8)
		for writer := range 8 {
			racing.Go(func() {
				_, err := l.pool.Exec(context.Background(), `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES ($1, 'UPDATED', 'a/one', '1', `+times[writer%2]+`)`, id)
				failures <- err
			})
		}
		racing.Wait()
		close(failures)
		won := 0
		for err := range failures {
			var refused *pgconn.PgError
			switch {
			case err == nil:
				won++
			case !errors.As(err, &refused) || refused.Code != "23505":
				t.Errorf("a refused insert failed with %v", err)
			}
		}
		if won != 1 {
			t.Errorf("%d of 8 won", won)
		}
	}
	l.awaitNoPending(t)
	wantIDs(t, l.loggedIDs(t), []string{"same 0", "same 1"})
}

// event_reconcile adds events that were inserted while triggers were off, once, and the
// triggers of a partition that was attached by hand.
func TestEventReconcile_TriggersOff_AddsMissingEvents(t *testing.T) {
	t.Parallel()
	l := follow(t)
	l.record(t, "a/one", "first")
	l.awaitNoPending(t)
	connection, err := l.pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, sql := range []string{
		`SET session_replication_role = replica`,
		`INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES
			('b', 'UPDATED', 'a/one', '1', now() - interval '1 hour'), ('a', 'UPDATED', 'a/one', '1', now() - interval '2 hours'),
			('first', 'UPDATED', 'a/one', '1', now() - interval '3 years')`,
		`CREATE TABLE event_by_hand (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)`,
		`INSERT INTO event_by_hand (event_id, event_type, resource_path, resource_version, timestamp) VALUES ('by hand', 'UPDATED', 'a/one', '1', now() + interval '1 hour' + interval '5 years')`,
		`ALTER TABLE event ATTACH PARTITION event_by_hand FOR VALUES FROM ('2031-01-01') TO ('2033-01-01')`,
		`RESET session_replication_role`,
	} {
		if _, err := connection.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	connection.Release()
	var unguarded int
	if err := l.pool.QueryRow(t.Context(), `SELECT event_partitions_unguarded()`).Scan(&unguarded); err != nil || unguarded != 1 {
		t.Errorf("%d partitions are unguarded, want 1: %v", unguarded, err)
	}
	// Adds the triggers of the partition, and its events to the log.
	if _, err := db.EnsurePartitions(t.Context(), l.pool); err != nil {
		t.Fatal(err)
	}
	l.awaitNoPending(t)
	// The log has one of two events with the same id; an event years ahead waits.
	wantIDs(t, l.loggedIDs(t), []string{"first", "a", "b"})
	if adopted, err := db.Reconcile(t.Context(), l.pool); err != nil || adopted != 0 {
		t.Errorf("a second time: %d events adopted: %v", adopted, err)
	}
	if err := l.pool.QueryRow(t.Context(), `SELECT event_partitions_unguarded()`).Scan(&unguarded); err != nil || unguarded != 0 {
		t.Errorf("%d partitions are unguarded, want 0: %v", unguarded, err)
	}
}

// Subscriptions skip events whose month has been dropped. A cursor below the floor is
// refused, also while a subscription is open.
func TestLog_MonthDropped_Skipped(t *testing.T) {
	t.Parallel()
	l := follow(t, 1) // too small for the events before the floor
	start, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	cursor := start.String()
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, timestamp) VALUES
		('1', 'UPDATED', 'a/one', '1', now()), ('dropped', 'UPDATED', 'a/one', '1', now() - interval '1 year'), ('3', 'UPDATED', 'a/one', '1', now())`)
	l.awaitNoPending(t)
	exec(t, l.pool, `ALTER TABLE event DETACH PARTITION event_past`)
	all, filtered := l.subscribe(t, eventlog.Filter{}, &cursor), l.subscribe(t, eventlog.Filter{Path: new("a/one")}, &cursor)
	wantIDs(t, idsOf(takeDeliveries(t, all, 2)), []string{"1", "3"})
	wantIDs(t, idsOf(takeDeliveries(t, filtered, 2)), []string{"1", "3"})

	behind := l.subscribe(t, eventlog.Filter{}, &cursor)
	exec(t, l.pool, `UPDATE event_head SET floor = 2`)
	l.record(t, "a/one", "4")
	takeDeliveries(t, all, 1) // now the tail has read the floor
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = behind.Next(ctx)
	if refused, ok := fault.As(err); !ok || refused.Code != fault.CursorExpired {
		t.Errorf("got %v, want CURSOR_EXPIRED", err)
	}
}

// If a commit returned before another transaction began, its event comes first, also
// while several processes sequence and their connections are killed.
func TestSequencer_ManyAtOnceAndKilled_OrderKept(t *testing.T) {
	t.Parallel()
	l := follow(t)
	second := l.process(t)
	begin, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	text := begin.String()
	writing, stop := context.WithTimeout(t.Context(), 3*time.Second)
	defer stop()
	var mu sync.Mutex
	type span struct{ began, committed time.Time }
	committed := map[string]span{}
	var group sync.WaitGroup
	for writer := range 6 {
		group.Go(func() {
			for n := 0; writing.Err() == nil; n++ {
				id, began := fmt.Sprintf("%d-%d", writer, n), time.Now()
				err := pgx.BeginFunc(context.Background(), l.pool, func(tx pgx.Tx) error {
					if _, err := tx.Exec(context.Background(), insertEvent, id, "a/one"); err != nil {
						return err
					}
					_, err := tx.Exec(context.Background(), `SELECT pg_sleep($1)`, float64((writer+n)%4)/500)
					return err
				})
				if err == nil {
					mu.Lock()
					committed[id] = span{began, time.Now()}
					mu.Unlock()
				}
			}
		})
	}
	group.Go(func() { // readers that sequence, too
		for writing.Err() == nil {
			_, _ = stream.TailCursor(writing, l.store)
		}
	})
	group.Go(func() { // terminates the connection that holds the lock
		for tick := time.NewTicker(50 * time.Millisecond); writing.Err() == nil; <-tick.C {
			_, _ = l.pool.Exec(writing, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 20251
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`)
		}
	})
	group.Wait()
	l.awaitNoPending(t)
	order := l.loggedIDs(t)
	if len(order) != len(committed) || len(order) < 100 {
		t.Errorf("%d events in the log, %d committed", len(order), len(committed))
	}
	// The earliest commit of the events after this one must not precede its beginning.
	earliest := time.Now().Add(time.Hour)
	for _, id := range slices.Backward(order) {
		if earliest.Before(committed[id].began) {
			t.Fatalf("%s began after the commit of an event that follows it", id)
		}
		if committed[id].committed.Before(earliest) {
			earliest = committed[id].committed
		}
	}
	// Both processes deliver that order.
	for _, log := range []*stream.Log{l.log, second} {
		s, err := log.Subscribe(t.Context(), everything, eventlog.Filter{}, &text)
		if err != nil {
			t.Fatal(err)
		}
		wantIDs(t, idsOf(takeDeliveries(t, s, len(order))), order)
		s.Close()
	}
}

// With every NOTIFY lost, heartbeats deliver.
func TestLog_NotificationsLost_StillDelivered(t *testing.T) {
	t.Parallel()
	l := follow(t)
	for _, name := range []string{"event_after_insert", "event_sequence"} {
		var source string
		if err := l.pool.QueryRow(t.Context(), `SELECT pg_get_functiondef(oid) FROM pg_proc WHERE proname = $1`, name).Scan(&source); err != nil {
			t.Fatal(err)
		}
		silent := regexp.MustCompile(`PERFORM (pg_catalog\.)?pg_notify\([^;]*\);`).ReplaceAllString(source, "NULL;")
		if silent == source {
			t.Fatalf("%s notifies nobody:\n%s", name, source)
		}
		exec(t, l.pool, silent)
	}
	s := l.subscribe(t, eventlog.Filter{}, nil)
	for n := range 5 {
		id := fmt.Sprint(n)
		l.record(t, "a/one", id)
		recorded := time.Now()
		wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{id})
		t.Logf("delivered after %s", time.Since(recorded))
	}
}

// Settings of a role that change the meaning of SQL do not affect the log.
func TestEventLog_RoleSettings_ChangeNothing(t *testing.T) {
	t.Parallel()
	l := follow(t)
	s := l.subscribe(t, eventlog.Filter{}, nil)
	connection, err := pgx.Connect(t.Context(), l.url)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close(context.Background())
	for _, sql := range []string{
		`SET default_transaction_isolation = serializable`, `SET synchronous_commit = off`, `SET search_path = pg_temp`,
		`INSERT INTO public.event (event_id, event_type, resource_path, resource_version) VALUES ('1', 'UPDATED', 'a/one', '1')`,
	} {
		if _, err := connection.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{"1"})

	// Assigned positions are durable whatever the session's settings.
	tx, err := connection.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.Background()) }()
	var moved int64
	var setting string
	if _, err := tx.Exec(t.Context(), `INSERT INTO public.event_pending (event_id, timestamp) VALUES ('none', now())`); err != nil {
		t.Fatal(err)
	}
	if err := tx.QueryRow(t.Context(), `SELECT public.event_sequence(10, 0)`).Scan(&moved); err != nil || moved != 1 {
		t.Fatalf("moved %d: %v", moved, err)
	}
	if err := tx.QueryRow(t.Context(), `SHOW synchronous_commit`).Scan(&setting); err != nil || setting != "on" {
		t.Errorf("synchronous_commit is %s: %v", setting, err)
	}
}

// A transaction of many events is sequenced in pages, in its order.
func TestSequencer_LargeTransaction_InPages(t *testing.T) {
	t.Parallel()
	l := follow(t)
	s := l.subscribe(t, eventlog.Filter{Path: new("a/two")}, nil)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version)
		SELECT to_char(n, 'FM000000'), 'UPDATED', CASE WHEN n % 5000 = 0 THEN 'a/two' ELSE 'a/one' END, '1' FROM generate_series(1, 20000) n`)
	wantIDs(t, idsOf(takeDeliveries(t, s, 4)), []string{"005000", "010000", "015000", "020000"})
	if order := l.loggedIDs(t); len(order) != 20000 || !slices.IsSorted(order) {
		t.Errorf("%d events in the log, in order: %v", len(order), slices.IsSorted(order))
	}
}

// The event types that start and end an execution, in NoETL's spellings.
func TestEventPhase_Spellings(t *testing.T) {
	t.Parallel()
	l := follow(t)
	for name, want := range map[string]string{
		"EXECUTION_STARTED": "STARTED", "EXECUTION_COMPLETED": "COMPLETED", "EXECUTION_FAILED": "FAILED",
		"playbook.completed": "COMPLETED", "playbook_completed": "COMPLETED", "playbook.initialized": "STARTED",
		"execution.cancelled": "CANCELLED", "Execution-Canceled": "CANCELLED", "execution_error": "FAILED",
		"step.completed": "", "command.failed": "", "REGISTERED": "", "workflow.completed": "COMPLETED", "workflow_failed": "FAILED", "workflow.initialized": "", "my_execution_failed": "",
	} {
		var got string
		if err := l.pool.QueryRow(t.Context(), `SELECT coalesce(event_phase($1), '')`, name).Scan(&got); err != nil || got != want {
			t.Errorf("%s: got %q, want %q: %v", name, got, want, err)
		}
	}
}

// An execution that is updated batch by batch equals the one computed from all of its
// events.
func TestExecution_AnyEventsInAnyBatches_AsComputed(t *testing.T) {
	t.Parallel()
	l := follow(t)
	exec(t, l.pool, `INSERT INTO event_type (name) VALUES ('step.done')`)
	phases := map[string]string{"playbook.started": "STARTED", "EXECUTION_FAILED": "FAILED", "EXECUTION_COMPLETED": "COMPLETED", "playbook.cancelled": "CANCELLED"}
	base := time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		id := fmt.Sprint("run ", run)
		var want *eventlog.Execution
		lastFailed := map[string]bool{} // by step
		n := rapid.IntRange(1, 8).Draw(t, "events")
		for i := range n {
			kind := rapid.SampledFrom([]string{"step.done", "step.done", "playbook.started", "EXECUTION_FAILED", "EXECUTION_COMPLETED", "playbook.cancelled"}).Draw(t, "type")
			path := rapid.SampledFrom([]string{"a/one", "a/two"}).Draw(t, "path")
			at := base.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "at")) * time.Second)
			meta := `{"execution_id": "` + id + `"`
			var parent, problem *string
			if rapid.Bool().Draw(t, "has parent") {
				parent = new(rapid.SampledFrom([]string{"p1", "p2"}).Draw(t, "parent"))
				meta += `, "parent_execution_id": "` + *parent + `"`
			}
			step := rapid.SampledFrom([]string{"", "load", "load", "7", strings.Repeat("s", 255)}).Draw(t, "step")
			if step == "7" {
				meta += `, "node_name": 7`
			} else if step != "" {
				meta += `, "node_name": "` + step + `"`
			}
			status := rapid.SampledFrom([]string{"", "FAILED", "failed", "Error", "COMPLETED", "success", "failed ", "FAİLED"}).Draw(t, "status")
			if status != "" {
				meta += `, "status": "` + status + `"`
			}
			payload := `{}`
			switch rapid.IntRange(0, 3).Draw(t, "error") {
			case 0:
				payload, problem = `{"error": {"a": 1}}`, new(`{"a": 1}`)
			case 1:
				meta, problem = meta+`, "error": "m"`, new("m")
			}
			if _, err := l.pool.Exec(context.Background(), `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp) VALUES ($1, $2, $3, '1', $4, $5, $6)`,
				fmt.Sprint(id, " ", i), kind, path, payload, meta+`}`, at); err != nil {
				t.Fatal(err)
			}
			if rapid.Bool().Draw(t, "batch ends") {
				if _, err := stream.TailCursor(context.Background(), l.store); err != nil {
					t.Fatal(err)
				}
			}
			phase := phases[kind]
			if want == nil {
				want = &eventlog.Execution{ExecutionID: id, Path: path, Version: "1", Status: "RUNNING", StartedAt: at, LastEventAt: at}
			}
			starts := phase == "STARTED" && !want.Started
			switch {
			case starts:
				want.Started, want.Path, want.StartedAt = true, path, at
			case !want.Started && at.Before(want.StartedAt):
				want.StartedAt = at
			}
			if parent != nil && want.Parent == nil {
				want.Parent = parent
			}
			if at.After(want.LastEventAt) {
				want.LastEventAt = at
			}
			if ends := phase != "" && phase != "STARTED"; !ends && step != "" && status != "" {
				lastFailed[step] = slices.Contains([]string{"FAILED", "failed", "Error"}, status)
			}
			if phase != "" && phase != "STARTED" && want.Status == "RUNNING" {
				want.Status, want.FinishedAt = phase, &at
				if phase == "FAILED" {
					want.Error = problem
				}
			}
			want.EventCount++
		}
		for _, failed := range lastFailed {
			if failed {
				want.FailedStepCount++
			}
		}
		found, err := l.store.ExecutionsByID(context.Background(), everything, []string{id})
		if err != nil || found[0] == nil {
			t.Fatalf("read the execution: %v", err)
		}
		if got, want := describe(found[0]), describe(want); got != want {
			t.Fatalf("got  %s\nwant %s", got, want)
		}
	})
}

func describe(e *eventlog.Execution) string {
	text := func(s *string) string {
		if s == nil {
			return "none"
		}
		return *s
	}
	finished := "never"
	if e.FinishedAt != nil {
		finished = e.FinishedAt.UTC().String()
	}
	return strings.Join([]string{
		e.Path, e.Version, e.Status, e.StartedAt.UTC().String(), finished, e.LastEventAt.UTC().String(),
		fmt.Sprint(e.EventCount), fmt.Sprint(e.FailedStepCount), text(e.Error), text(e.Parent),
	}, " | ")
}

// A numeric id is used as text; one that is too long is ignored.
func TestExecution_IDs(t *testing.T) {
	t.Parallel()
	l := follow(t)
	exec(t, l.pool, `ALTER TABLE event DROP CONSTRAINT event_is_sound`) // as before the constraint existed
	for i, id := range []string{`4711`, `"` + strings.Repeat("x", 255) + `"`, `"` + strings.Repeat("y", 256) + `"`, `""`, `null`} {
		exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ($1, 'UPDATED', 'a/one', '1', $2)`,
			fmt.Sprint(i), `{"execution_id": `+id+`}`)
	}
	found, err := l.store.ListExecutions(t.Context(), everything, eventlog.ExecutionFilter{}, eventlog.WholeRange(), eventlog.OldestFirst, 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, execution := range found {
		got = append(got, execution.ExecutionID)
	}
	slices.Sort(got)
	wantIDs(t, got, []string{"4711", strings.Repeat("x", 255)})
}

// While a month is detached, subscriptions wait for its events instead of skipping them.
func TestLog_MonthDetachedForAWhile_NothingMissed(t *testing.T) {
	t.Parallel()
	l := follow(t, 1)
	start, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	cursor := start.String()
	live := l.subscribe(t, eventlog.Filter{}, nil)
	l.record(t, "a/one", "0", "1")
	takeDeliveries(t, live, 2)
	behind := l.subscribe(t, eventlog.Filter{Path: new("a/one")}, &cursor)
	takeDeliveries(t, behind, 2)
	unread := l.subscribe(t, eventlog.Filter{}, &cursor)
	// In one transaction, so that the tail finds the events only once they are detached.
	exec(t, l.pool, `DO $$ BEGIN
		INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ('2', 'UPDATED', 'a/one', '1'), ('3', 'UPDATED', 'a/one', '1');
		EXECUTE 'ALTER TABLE event DETACH PARTITION ' || to_char(now() AT TIME ZONE 'UTC', '"event_"YYYY_MM');
	END $$`)
	for _, s := range []*stream.Subscription{live, behind, unread} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		if delivery, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%+v %v, though the month is detached", delivery, err)
		}
		cancel()
	}
	exec(t, l.pool, `SELECT event_mend_partitions(1)`)
	wantIDs(t, idsOf(takeDeliveries(t, live, 2)), []string{"2", "3"})
	wantIDs(t, idsOf(takeDeliveries(t, behind, 2)), []string{"2", "3"})
	wantIDs(t, idsOf(takeDeliveries(t, unread, 4)), []string{"0", "1", "2", "3"})
}
