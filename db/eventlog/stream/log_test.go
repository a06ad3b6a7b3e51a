package stream_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/internal/await"
)

var everything = []string{""}

// live is a database whose log is followed as by a server process.
type live struct {
	url   string
	pool  *db.Pool
	store *eventlog.Store
	log   *stream.Log
	// registry has the metrics of the process started last.
	registry *prometheus.Registry
}

// follow sets up a database and starts a sequencer and a log over it.
func follow(t *testing.T, ringLength ...int) *live {
	t.Helper()
	url := dbtest.URL(t)
	pool := dbtest.PoolAt(t, url, db.Options{StatementTimeout: time.Minute}) // on a busy machine
	exec(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT path, 'task', '1', '{}' FROM unnest(ARRAY['a/one', 'a/two', 'b/one']) AS path`)
	// The test's database is a copy of a template, and each copy is another log.
	exec(t, pool, `UPDATE event_head SET stream = gen_random_uuid()`)
	l := &live{url: url, pool: pool, store: eventlog.NewStore(pool)}
	l.log = l.process(t, ringLength...)
	return l
}

// process starts the parts of a server process.
func (l *live) process(t *testing.T, ringLength ...int) *stream.Log {
	t.Helper()
	connect := func(ctx context.Context) (*pgx.Conn, error) { return db.Connect(ctx, l.url) }
	logger := slog.New(slog.NewTextHandler(io.Discard, nil))
	l.registry = prometheus.NewRegistry()
	metrics := stream.NewMetrics(l.registry)
	log := stream.NewLog(l.store, connect, metrics, logger)
	if len(ringLength) > 0 {
		log.SetRingLength(ringLength[0])
	}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = log.Run(ctx) })
	group.Go(func() { _ = stream.Sequence(ctx, connect, metrics, logger) })
	t.Cleanup(func() { cancel(); group.Wait() })
	return log
}

func exec(t testing.TB, pool *db.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := pool.Exec(context.Background(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

const insertEvent = `INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ($1, 'UPDATED', $2, '1')`

func (l *live) record(t testing.TB, path string, ids ...string) {
	t.Helper()
	for _, id := range ids {
		exec(t, l.pool, insertEvent, id, path)
	}
}

func (l *live) subscribe(t testing.TB, filter eventlog.Filter, after *string) *stream.Subscription {
	t.Helper()
	s, err := l.log.Subscribe(t.Context(), everything, filter, after)
	if err != nil {
		t.Fatalf("subscribe: %v", err)
	}
	t.Cleanup(s.Close)
	return s
}

// takeDeliveries returns the next n deliveries and checks that each follows the previous
// one.
func takeDeliveries(t testing.TB, s *stream.Subscription, n int) []stream.Delivery {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	var taken []stream.Delivery
	for len(taken) < n {
		delivery, err := s.Next(ctx)
		if err != nil {
			t.Fatalf("after %d of %d deliveries: %v", len(taken), n, err)
		}
		if len(taken) > 0 && (delivery.Previous == nil || *delivery.Previous != taken[len(taken)-1].Cursor) {
			t.Fatalf("delivery %d does not follow the previous one", len(taken))
		}
		taken = append(taken, delivery)
	}
	return taken
}

func idsOf(deliveries []stream.Delivery) []string {
	var list []string
	for _, delivery := range deliveries {
		list = append(list, delivery.Entry.Event.ID)
	}
	return list
}

// assertNoDelivery checks that no delivery is waiting: a marker recorded now is next.
func assertNoDelivery(t testing.TB, l *live, s *stream.Subscription, path string) {
	t.Helper()
	l.record(t, path, "marker")
	if got := idsOf(takeDeliveries(t, s, 1)); got[0] != "marker" {
		t.Errorf("unexpected delivery of %s", got[0])
	}
}

func wantIDs(t testing.TB, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestLog_Subscription_FromNowOnInOrder(t *testing.T) {
	t.Parallel()
	l := follow(t)
	l.record(t, "a/one", "before")
	s := l.subscribe(t, eventlog.Filter{}, nil)
	l.record(t, "a/one", "1", "2")
	l.record(t, "b/one", "3")
	deliveries := takeDeliveries(t, s, 3)
	wantIDs(t, idsOf(deliveries), []string{"1", "2", "3"})
	if deliveries[0].Previous != nil || !deliveries[0].Live || deliveries[0].Position() != "2" {
		t.Errorf("the first delivery: previous %v, live %v, position %s", deliveries[0].Previous, deliveries[0].Live, deliveries[0].Position())
	}

	again := l.subscribe(t, eventlog.Filter{}, &deliveries[0].Cursor)
	past := takeDeliveries(t, again, 2)
	wantIDs(t, idsOf(past), []string{"2", "3"})
	if *past[0].Previous != deliveries[0].Cursor || past[0].Live || past[1].Cursor != deliveries[2].Cursor {
		t.Errorf("resumed: %+v", past)
	}
	l.record(t, "b/one", "4")
	if next := takeDeliveries(t, again, 1); next[0].Entry.Event.ID != "4" || !next[0].Live {
		t.Errorf("after the past: %+v", next[0])
	}
}

func TestLog_Filter_WakesAndPassesMatchingEventsOnly(t *testing.T) {
	t.Parallel()
	l := follow(t)
	start, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range []struct{ path, kind, meta string }{
		{"a/one", "UPDATED", `{"execution_id": "x", "status": "Failed"}`},
		{"a/two", "REGISTERED", `{"execution_id": 7}`},
		{"b/one", "UPDATED", `{}`},
	} {
		exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ($1, $2, $3, '1', $4)`,
			fmt.Sprint(i), e.kind, e.path, e.meta)
	}
	exec(t, l.pool, insertEvent, "end", "b/one")
	for name, test := range map[string]struct {
		filter eventlog.Filter
		want   []string
	}{
		"all":               {eventlog.Filter{}, []string{"0", "1", "2", "end"}},
		"path":              {eventlog.Filter{Path: new("a/two")}, []string{"1"}},
		"prefix":            {eventlog.Filter{PathPrefix: new("a/")}, []string{"0", "1"}},
		"prefix not a path": {eventlog.Filter{PathPrefix: new("a/o")}, []string{"0"}},
		"empty prefix":      {eventlog.Filter{PathPrefix: new("")}, []string{"0", "1", "2", "end"}},
		"type":              {eventlog.Filter{Types: []string{"REGISTERED", "none"}}, []string{"1"}},
		"execution":         {eventlog.Filter{ExecutionID: new("7")}, []string{"1"}},
		"status":            {eventlog.Filter{Statuses: []string{"fAILED"}}, []string{"0"}},
		"meta":              {eventlog.Filter{MetaContains: []byte(`{"execution_id": 7.0}`)}, []string{"1"}},
		"resource type":     {eventlog.Filter{ResourceTypes: []string{"playbook"}}, nil},
		"two":               {eventlog.Filter{Types: []string{"UPDATED"}, PathPrefix: new("b/")}, []string{"2", "end"}},
	} {
		// The past from the database, and live.
		cursor := start.String()
		past := l.subscribe(t, test.filter, &cursor)
		wantIDs(t, idsOf(takeDeliveries(t, past, len(test.want))), test.want)
		current := l.subscribe(t, test.filter, nil)
		for i, e := range []struct{ path, kind, meta string }{
			{"a/one", "UPDATED", `{"execution_id": "x", "status": "Failed"}`},
			{"a/two", "REGISTERED", `{"execution_id": 7}`},
			{"b/one", "UPDATED", `{}`},
		} {
			exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ($1, $2, $3, '1', $4)`,
				fmt.Sprint(name, i), e.kind, e.path, e.meta)
		}
		exec(t, l.pool, insertEvent, name+"end", "b/one")
		var want []string
		for _, id := range test.want {
			want = append(want, name+id)
		}
		wantIDs(t, idsOf(takeDeliveries(t, current, len(want))), want)
	}
}

// A subscription that falls behind the ring continues from the database, and returns
// to the ring.
func TestLog_SlowerThanTheRing_MissesNothing(t *testing.T) {
	t.Parallel()
	l := follow(t, 10)
	all := l.subscribe(t, eventlog.Filter{}, nil)
	some := l.subscribe(t, eventlog.Filter{Path: new("a/two")}, nil)
	var want, wantSome []string
	for i := range 60 {
		path := []string{"a/one", "a/two"}[i%2]
		l.record(t, path, fmt.Sprint(i))
		want = append(want, fmt.Sprint(i))
		if path == "a/two" {
			wantSome = append(wantSome, fmt.Sprint(i))
		}
		if i == 5 {
			wantIDs(t, idsOf(takeDeliveries(t, all, 3)), want[:3])
		}
	}
	wantIDs(t, idsOf(takeDeliveries(t, all, 57)), want[3:])
	wantIDs(t, idsOf(takeDeliveries(t, some, 30)), wantSome)
	assertNoDelivery(t, l, all, "a/two")
	marker := takeDeliveries(t, some, 1)
	wantIDs(t, idsOf(marker), []string{"marker"})
}

// The position of a checkpoint is between those of the deliveries before and after
// it, whatever is written meanwhile and wherever the subscription reads. Checkpoints
// reach the log's end.
func TestSubscription_Checkpoints_BetweenDeliveries(t *testing.T) {
	t.Parallel()
	l := follow(t, 20)
	filter := eventlog.Filter{Path: new("a/two")}
	s := l.subscribe(t, filter, nil)

	// sending is the lock that a transport holds while it sends.
	var sending sync.Mutex
	var seen []int64
	position := func(cursor string) int64 {
		parsed, err := stream.ParseCursor("", cursor)
		if err != nil {
			t.Error(err)
		}
		return parsed.Position
	}
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	group.Go(func() {
		for {
			delivery, err := s.Next(ctx)
			if err != nil {
				return
			}
			sending.Lock()
			seen = append(seen, -delivery.Entry.Position)
			sending.Unlock()
		}
	})
	var checkpoint string
	check := func() {
		sending.Lock()
		defer sending.Unlock()
		if cursor := s.Checkpoint(); cursor != "" {
			checkpoint = cursor
			seen = append(seen, position(cursor))
		}
	}
	for round := range 30 {
		exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version)
			SELECT $1 || '-' || n, 'UPDATED', CASE WHEN n % $2 = 0 THEN 'a/two' ELSE 'a/one' END, '1' FROM generate_series(1, $3::integer) n`,
			fmt.Sprint(round), []int{2, 7, 1000}[round%3], []int{5, 100}[round%2])
		check()
	}
	l.awaitNoPending(t)
	head, err := l.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for checkpoint == "" || position(checkpoint) < head.Position {
		check()
		runtime.Gosched()
		if t.Context().Err() != nil {
			t.Fatal("no checkpoint at the end of the log")
		}
	}
	stop()
	group.Wait()

	deliveries, last := 0, int64(0)
	for i, at := range seen {
		if at < 0 {
			deliveries++
			at = -at
		}
		if at <= last {
			t.Fatalf("%d comes after %d: %v", seen[i], last, seen[max(0, i-5):i+1])
		}
		last = at
	}
	var want int
	if err := l.pool.QueryRow(t.Context(), "SELECT count(*) FROM event WHERE resource_path = 'a/two'").Scan(&want); err != nil {
		t.Fatal(err)
	}
	if deliveries != want || len(seen) == deliveries {
		t.Errorf("%d deliveries, want %d, and %d checkpoints", deliveries, want, len(seen)-deliveries)
	}

	resumed := l.subscribe(t, filter, &checkpoint)
	l.record(t, "a/one", "other")
	l.record(t, "a/two", "next")
	next := takeDeliveries(t, resumed, 1)[0]
	if next.Entry.Event.ID != "next" || next.Previous == nil || *next.Previous != checkpoint {
		t.Errorf("resumed with %s after %v", next.Entry.Event.ID, next.Previous)
	}
}

// A checkpoint does not cover events that have been read and not delivered.
func TestSubscription_UndeliveredEvents_NoCheckpoint(t *testing.T) {
	t.Parallel()
	l := follow(t)
	s := l.subscribe(t, eventlog.Filter{Path: new("a/two")}, nil)
	l.record(t, "a/two", "first")
	l.record(t, "a/two", "second")
	l.record(t, "a/one", "other")
	l.awaitNoPending(t)
	for _, want := range []string{"first", "second"} {
		wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{want})
		if cursor := s.Checkpoint(); cursor != "" {
			t.Errorf("after %s: the checkpoint %s", want, cursor)
		}
	}
}

// pages returns the number of pages that subscriptions have read from the database.
func (l *live) pages(t testing.TB) int {
	t.Helper()
	families, err := l.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "catalog_subscription_catchup_pages_total" {
			return int(family.GetMetric()[0].GetCounter().GetValue())
		}
	}
	t.Fatal("pages are not counted")
	return 0
}

// Resuming after a checkpoint reads only the events recorded since, and not the earlier
// ones that the filter excludes. A page has 500 events.
func TestSubscription_ResumedAfterCheckpoint_ReadsOnePage(t *testing.T) {
	t.Parallel()
	l := follow(t, 20)
	filter := eventlog.Filter{Step: new("wanted")}
	first, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	quiet := l.subscribe(t, filter, nil)
	waiting := make(chan error, 1)
	go func() {
		_, err := quiet.Next(t.Context())
		waiting <- err
	}()
	record := func(from, to int) {
		exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
			SELECT 'quiet' || n, 'UPDATED', 'a/one', '1', '{"node_name": "step"}' FROM generate_series($1::integer, $2::integer) AS n`, from, to)
	}
	record(1, 3000)
	l.awaitNoPending(t)
	end, err := stream.TailCursor(t.Context(), l.store)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint := ""
	for checkpoint != end.String() {
		if cursor := quiet.Checkpoint(); cursor != "" {
			checkpoint = cursor
		}
		runtime.Gosched()
		if t.Context().Err() != nil {
			t.Fatal("no checkpoint at the end of the log")
		}
	}
	quiet.Close()
	if err := await.Value(t, waiting); err == nil {
		t.Fatal("an event that matches nothing was delivered")
	}

	// More than fit the ring. The delivery shows that the tail has read them all.
	following := l.subscribe(t, filter, &checkpoint)
	record(3001, 3100)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta)
		VALUES ('wanted', 'UPDATED', 'a/one', '1', '{"node_name": "wanted"}')`)
	takeDeliveries(t, following, 1)
	for _, test := range []struct {
		name, after string
		pages       int
	}{
		{"its last checkpoint", checkpoint, 1},
		{"its first cursor", first.String(), 7},
	} {
		before := l.pages(t)
		resumed := l.subscribe(t, filter, &test.after)
		if got := idsOf(takeDeliveries(t, resumed, 1)); got[0] != "wanted" {
			t.Errorf("after %s: delivered %s", test.name, got[0])
		}
		resumed.Close()
		if got := l.pages(t) - before; got != test.pages {
			t.Errorf("after %s: read %d pages, want %d", test.name, got, test.pages)
		}
	}
}

// A page is limited by the bytes sent, even if fewer are stored: for compressed values,
// and for numbers whose digits are written out.
func TestLog_CompressibleEvents_PagesLimitedByBytesSent(t *testing.T) {
	t.Parallel()
	l := follow(t, 4)
	begin := l.subscribe(t, eventlog.Filter{}, nil)
	l.record(t, "a/one", "first")
	after := takeDeliveries(t, begin, 1)[0].Cursor
	begin.Close()
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		SELECT 'large' || n, 'UPDATED', 'a/one', '1', jsonb_build_object('x', repeat('a', 1500000)), '{"execution_id": "large"}'
		FROM generate_series(1, 12) AS n`)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta)
		SELECT 'digits' || n, 'UPDATED', 'a/one', '1', (SELECT jsonb_agg(1e300::numeric + m) FROM generate_series(1, 5000) m), '{"execution_id": "large"}'
		FROM generate_series(1, 12) AS n`)
	l.awaitNoPending(t)
	head, err := l.store.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, filter := range map[string]eventlog.Filter{"all": {}, "path": {Path: new("a/one")}, "execution": {ExecutionID: new("large")}} {
		found := 0
		for position := int64(1); position < head.Position; {
			entries, looked, err := stream.ReadPage(t.Context(), l.store, everything, filter, position, head.Position)
			if err != nil {
				t.Fatal(err)
			}
			bytes := 0
			for i, entry := range entries {
				bytes += len(entry.Event.Payload)
				if i < len(entries)-1 && bytes >= 4<<20 {
					t.Errorf("%s: %d of %d events are %d bytes already", name, i+1, len(entries), bytes)
				}
			}
			found += len(entries)
			position = looked
		}
		if found != 24 {
			t.Errorf("%s: %d events, want 24", name, found)
		}
		if got := idsOf(takeDeliveries(t, l.subscribe(t, filter, &after), 24)); got[0] != "large1" || got[23] != "digits12" {
			t.Errorf("%s: a subscription got %v", name, got)
		}
	}
}

func TestLog_Cursors_RefusedWithTheirCode(t *testing.T) {
	t.Parallel()
	l, other := follow(t), follow(t)
	l.record(t, "a/one", "1", "2", "3")
	s := l.subscribe(t, eventlog.Filter{}, nil)
	l.record(t, "a/one", "4")
	good := takeDeliveries(t, s, 1)[0].Cursor
	parsed, err := stream.ParseCursor("after", good)
	if err != nil {
		t.Fatal(err)
	}
	at := func(change func(*stream.Cursor)) string {
		changed := parsed
		change(&changed)
		return changed.String()
	}
	exec(t, l.pool, `UPDATE event_head SET floor = 2`)
	for name, test := range map[string]struct {
		log    *stream.Log
		cursor string
		code   fault.Code
	}{
		"good":            {l.log, good, ""},
		"at the floor":    {l.log, at(func(c *stream.Cursor) { c.Position = 2 }), ""},
		"below the floor": {l.log, at(func(c *stream.Cursor) { c.Position = 1 }), fault.CursorExpired},
		"another log's":   {other.log, good, fault.StreamChanged},
		"beyond the end":  {l.log, at(func(c *stream.Cursor) { c.Position = 5 }), fault.BadUserInput},
		"seen beyond":     {l.log, at(func(c *stream.Cursor) { c.Seen = []stream.Span{{First: 6, Last: 9}} }), fault.BadUserInput},
		"empty":           {l.log, "", fault.BadUserInput},
		"of a list":       {l.log, "ZXZlbnQ6MTph", fault.BadUserInput},
		"cut":             {l.log, good[:len(good)-1], fault.BadUserInput},
	} {
		s, err := test.log.Subscribe(t.Context(), everything, eventlog.Filter{}, &test.cursor)
		if err == nil {
			s.Close()
		}
		var refused *fault.Error
		errors.As(err, &refused)
		if (test.code == "") != (err == nil) || test.code != "" && (refused == nil || refused.Code != test.code || refused.Argument != "after") {
			t.Errorf("%s: %v, want %q", name, err, test.code)
		}
	}
}

// When the stream is renewed, open subscriptions end with an error.
func TestLog_StreamRenewed_EndsSubscriptions(t *testing.T) {
	t.Parallel()
	l := follow(t)
	s := l.subscribe(t, eventlog.Filter{}, nil)
	exec(t, l.pool, `UPDATE event_head SET stream = gen_random_uuid()`)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err := s.Next(ctx)
	if refused, ok := fault.As(err); !ok || refused.Code != fault.StreamChanged {
		t.Errorf("got %v, want STREAM_CHANGED", err)
	}
}

// The events of a transaction that commits late follow those committed before it, and
// none is lost.
func TestLog_LateCommit_StillDelivered(t *testing.T) {
	t.Parallel()
	l := follow(t)
	s := l.subscribe(t, eventlog.Filter{}, nil)
	tx, err := l.pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), insertEvent, "late", "a/one"); err != nil {
		t.Fatal(err)
	}
	l.record(t, "a/two", "early")
	wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{"early"})
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{"late"})
}

// A list has events without a position. The cursor of its snapshot neither repeats them
// nor skips events that get lower positions and that the snapshot did not see.
func TestTailCursor_PendingEvents_NeitherRepeatedNorSkipping(t *testing.T) {
	t.Parallel()
	// No sequencer runs here, so that events stay pending.
	url := dbtest.URL(t)
	pool := dbtest.PoolAt(t, url, db.Options{})
	exec(t, pool, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('a/one', 'task', '1', '{}')`)
	l := &live{url: url, pool: pool, store: eventlog.NewStore(pool)}
	l.record(t, "a/one", "first")
	if _, err := stream.TailCursor(t.Context(), l.store); err != nil { // assigns "first" its position
		t.Fatal(err)
	}
	unseen, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unseen.Exec(t.Context(), insertEvent, "unseen", "a/one"); err != nil {
		t.Fatal(err)
	}
	l.record(t, "a/one", "seen 1", "seen 2")
	var shown []*eventlog.Event
	tail, err := l.store.Snapshot(t.Context(), func(store *eventlog.Store) (err error) {
		shown, err = store.List(t.Context(), everything, eventlog.Filter{}, eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.OldestFirst, Limit: 10})
		return err
	})
	if err != nil || len(shown) != 3 {
		t.Fatalf("%d events shown: %v", len(shown), err)
	}
	if err := unseen.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.record(t, "a/one", "after")
	cursor, err := stream.CursorOf(t.Context(), l.store, tail)
	if err != nil {
		t.Fatal(err)
	}
	if len(cursor.Seen) != 1 {
		t.Errorf("the cursor has seen %v, want one span", cursor.Seen)
	}
	l.log = l.process(t)
	s := l.subscribe(t, eventlog.Filter{}, new(cursor.String()))
	first := takeDeliveries(t, s, 1)
	wantIDs(t, idsOf(first), []string{"unseen"})
	// The cursor of that delivery still lists the events seen.
	resumed := l.subscribe(t, eventlog.Filter{}, &first[0].Cursor)
	wantIDs(t, idsOf(takeDeliveries(t, resumed, 1)), []string{"after"})
	wantIDs(t, idsOf(takeDeliveries(t, s, 1)), []string{"after"})
}

func TestSubscribeExecution_FromItsFirstEvent_EndsByItself(t *testing.T) {
	t.Parallel()
	l := follow(t)
	insert := func(id, kind, execution string) {
		exec(t, l.pool, `INSERT INTO event_type (name) VALUES ($1) ON CONFLICT DO NOTHING`, kind)
		exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, meta) VALUES ($1, $2, 'a/one', '1', jsonb_build_object('execution_id', $3::text))`, id, kind, execution)
	}
	drain := func(s *stream.Subscription) []string {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		var got []string
		for {
			delivery, err := s.Next(ctx)
			if errors.Is(err, io.EOF) {
				return got
			}
			if err != nil {
				t.Fatalf("after %v: %v", got, err)
			}
			got = append(got, delivery.Entry.Event.ID)
		}
	}
	run := func(after *string) *stream.Subscription {
		s, err := l.log.SubscribeExecution(t.Context(), everything, "run", after)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Close)
		return s
	}
	insert("other", "EXECUTION_STARTED", "other")
	early := run(nil)
	insert("1", "playbook.initialized", "run")
	insert("2", "step.enter", "run")
	half := run(nil)
	insert("x", "EXECUTION_COMPLETED", "other")
	insert("3", "execution.cancelled", "run")
	insert("4", "step.exit", "run")
	for name, s := range map[string]*stream.Subscription{"before its first": early, "midway": half, "after its end": run(nil)} {
		if got := drain(s); !slices.Equal(got, []string{"1", "2", "3"}) {
			t.Errorf("%s: %v", name, got)
		}
	}
	// Only events recorded after the end follow it.
	again := run(nil)
	last := takeDeliveries(t, again, 3)[2].Cursor
	wantIDs(t, drain(run(&last)), []string{"4"})
}

// If another goroutine than the reader's closes a subscription, a waiting or later Next
// returns an error.
func TestSubscription_Closed_NextEnds(t *testing.T) {
	t.Parallel()
	l := follow(t)
	waiting, unread := l.subscribe(t, eventlog.Filter{}, nil), l.subscribe(t, eventlog.Filter{}, nil)
	l.record(t, "a/one", "1")
	takeDeliveries(t, waiting, 1)
	ended := make(chan error, 1)
	go func() {
		_, err := waiting.Next(t.Context())
		ended <- err
	}()
	for _, s := range []*stream.Subscription{waiting, unread} {
		s.Close()
		s.Close()
	}
	if err := await.Value(t, ended); err == nil {
		t.Error("a waiting Next returned without an error")
	}
	if _, err := unread.Next(t.Context()); err == nil {
		t.Error("Next after Close returned a delivery")
	}
}

// If Hold refuses whole pages, subscriptions read the past in small ones, and miss
// nothing. If it refuses a long event, the subscription ends.
func TestSubscription_NoRoomForPages_SmallPages(t *testing.T) {
	t.Parallel()
	l := follow(t, 1)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload)
		SELECT 'e' || lpad(i::text, 3, '0'), 'UPDATED', 'a/one', '1', jsonb_build_object('text', repeat('x', 2000)) FROM generate_series(1, 100) i`)
	exec(t, l.pool, `INSERT INTO event (event_id, event_type, resource_path, resource_version, payload)
		VALUES ('long', 'UPDATED', 'a/one', '1', jsonb_build_object('text', repeat('x', 100000)))`)
	l.record(t, "a/one", "last")
	l.awaitNoPending(t)
	start, err := l.store.End(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	first := stream.Cursor{Stream: start.Stream}.String()

	room, held, most := 1<<20, 0, 0
	hold := func(bytes int) error {
		if held+bytes > room {
			return fault.New(fault.Conflict, "", "no room")
		}
		held += bytes
		most = max(most, held)
		return nil
	}
	s := l.subscribe(t, eventlog.Filter{}, &first)
	s.Hold = hold
	whole := takeDeliveries(t, s, 102)
	if most < 300_000 {
		t.Errorf("%d bytes charged for a page", most)
	}
	s.Close()
	if held != 0 {
		t.Errorf("%d bytes charged after Close", held)
	}

	room, most = 0, 0
	s = l.subscribe(t, eventlog.Filter{}, &first)
	s.Hold = hold
	wantIDs(t, idsOf(takeDeliveries(t, s, 100)), idsOf(whole[:100]))
	if _, err := s.Next(t.Context()); most != 0 || err == nil || err.Error() != "no room" {
		t.Errorf("the long event: %v, %d bytes charged", err, most)
	}
}
