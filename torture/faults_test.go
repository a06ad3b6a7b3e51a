//go:build linux

package torture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// fault is injected while events are written.
type fault struct {
	name    string
	servers int
	// slow is the transaction duration of one additional writer.
	slow time.Duration
	// prepare runs before the first event is written. Its effect lasts until every event
	// has been delivered.
	prepare func(r *run) error
	// inject runs until the context writing ends.
	inject func(writing context.Context, r *run) error
	// control: the test must detect that the naive log loses events.
	control bool
}

func faults(form form) []fault {
	return []fault{
		{name: "none", servers: 1},
		{name: "long transactions", servers: 1, slow: form.longTransaction},
		{name: "a transaction in another database", servers: 1, prepare: standBy},
		{name: "backends killed", servers: 1, inject: killBackends},
		{name: "PostgreSQL crash", servers: 1, inject: func(writing context.Context, r *run) error {
			return r.repeat(writing, form.crash, func() error { return r.cluster.crash(r.ctx) })
		}},
		{name: "server killed", servers: 1, inject: killServers(form.serverKill)},
		{name: "several servers, killed in turn", servers: form.servers, inject: killServers(form.serverKill)},
		{name: "every NOTIFY lost", servers: form.servers, prepare: silence},
		{name: "control, a log without a sequencer", servers: 1, control: true, prepare: func(r *run) error {
			_, err := r.connection.Exec(r.ctx, naiveLog)
			return err
		}},
	}
}

// standBy keeps a transaction that has an id open in another database.
func standBy(r *run) error {
	_, err := connect(r.t, r.cluster.server.URL()).Exec(r.ctx, "BEGIN; SELECT pg_current_xact_id()")
	return err
}

// silence removes every NOTIFY from the functions that send one.
func silence(r *run) error {
	for _, name := range []string{"event_after_insert", "event_sequence"} {
		var source string
		if err := r.connection.QueryRow(r.ctx, "SELECT pg_get_functiondef($1::regproc)", name).Scan(&source); err != nil {
			return err
		}
		lines := strings.Split(source, "\n")
		quiet := slices.DeleteFunc(slices.Clone(lines), func(line string) bool { return strings.Contains(line, "pg_notify") })
		if len(quiet) == len(lines) {
			return fmt.Errorf("%s has no line with pg_notify", name)
		}
		if _, err := r.connection.Exec(r.ctx, strings.Join(quiet, "\n")); err != nil {
			return err
		}
	}
	return nil
}

// killBackends terminates random sessions: half of them writers' sessions, half servers'
// sessions, such as the sequencer's, the tail's or a pooled one.
func killBackends(writing context.Context, r *run) error {
	return r.repeat(writing, 120*time.Millisecond, func() error {
		_, err := r.connection.Exec(r.ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE backend_type = 'client backend' AND datname = current_database() AND pid <> pg_backend_pid()
			ORDER BY (application_name = 'noetl-catalog') = $1 DESC, random() LIMIT 1`, rand.IntN(2) == 0)
		return err
	})
}

// killServers kills and restarts one server after another.
func killServers(interval time.Duration) func(context.Context, *run) error {
	return func(writing context.Context, r *run) error {
		turn := 0
		return r.repeat(writing, interval, func() error {
			s := r.servers[turn%len(r.servers)]
			turn++
			return errors.Join(s.kill(), s.start(r.ctx))
		})
	}
}

// run is the test of one fault.
type run struct {
	t *testing.T
	// ctx ends when the run fails because it makes no progress.
	ctx         context.Context
	name        string
	binary      string
	cluster     *cluster
	databaseURL string
	connection  *pgx.Conn
	client      *http.Client
	servers     []*server
	ledger      ledger
	faults      atomic.Int64
	retries     atomic.Int64
}

func (r *run) anyServer() *server { return r.servers[rand.IntN(len(r.servers))] }

// repeat injects a fault repeatedly, on average once per interval.
func (r *run) repeat(writing context.Context, interval time.Duration, inject func() error) error {
	for pause(writing, interval/2+rand.N(interval)) {
		if err := inject(); err != nil {
			return err
		}
		r.faults.Add(1)
	}
	return nil
}

// lastWriter is the number of the writer of the last event.
const lastWriter = 1000

func torture(t *testing.T, binary string, cluster *cluster, form form, fault fault) {
	ctx, cancel := context.WithTimeout(t.Context(), form.writing+90*time.Second)
	defer cancel()
	r := &run{t: t, ctx: ctx, name: fmt.Sprintf("run%x", rand.Uint32()), binary: binary, cluster: cluster, client: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(r.client.CloseIdleConnections)
	r.databaseURL = cluster.createDatabase(t, r.name)
	r.startServers(fault.servers)
	r.connect()
	if err := registerPaths(ctx, r.connection); err != nil {
		t.Fatalf("register the paths: %v", err)
	}
	if fault.prepare != nil {
		if err := fault.prepare(r); err != nil {
			t.Fatalf("prepare the fault: %v", err)
		}
	}

	tailers := r.tailers(fault.control)
	tailing, stopTailing := context.WithCancel(ctx)
	var following sync.WaitGroup
	defer following.Wait()
	defer stopTailing()
	for _, tailer := range tailers {
		following.Go(func() { tailer.tail(tailing) })
	}
	r.write(form, fault)
	if t.Failed() {
		return
	}
	r.awaitLast(tailers)
	stopTailing()
	following.Wait()
	r.check(form, fault, tailers)
}

func (r *run) startServers(count int) {
	r.t.Helper()
	var starting sync.WaitGroup
	for range count {
		s := newServer(r.t, r.binary, r.databaseURL, r.client)
		r.servers = append(r.servers, s)
		r.t.Cleanup(func() {
			if err := s.kill(); err != nil {
				r.t.Error(err)
			}
			log, _ := os.ReadFile(s.log)
			if bytes.Contains(log, []byte("panic")) {
				r.t.Error("a server panicked")
			}
			if r.t.Failed() {
				r.t.Logf("the server at %s reports:\n%s", s.address, log)
			}
		})
		starting.Go(func() {
			if err := s.start(r.ctx); err != nil {
				r.t.Error(err)
			}
		})
	}
	starting.Wait()
	if r.t.Failed() {
		r.t.FailNow()
	}
}

// connect opens the test's own connection, which no fault but a crash ends.
func (r *run) connect() {
	r.t.Helper()
	r.connection = connect(r.t, r.databaseURL)
}

// tailers returns one tailer that keeps its connection and, for each server, two tailers
// that drop theirs repeatedly.
func (r *run) tailers(control bool) []*tailer {
	r.t.Helper()
	var answer struct{ Events struct{ TailCursor string } }
	if err := r.ask(r.ctx, "{ events(first: 1) { tailCursor } }", nil, &answer); err != nil {
		r.t.Fatalf("ask for the log's end: %v", err)
	}
	tailers := []*tailer{{name: "the steady tailer", follow: byWebSocket, steady: true}}
	for i := range r.servers {
		tailers = append(tailers,
			&tailer{name: fmt.Sprintf("WebSocket tailer %d", i), follow: byWebSocket},
			&tailer{name: fmt.Sprintf("follow %d", i), follow: byCommand})
	}
	for _, t := range tailers {
		t.cursor = answer.Events.TailCursor
	}
	if control {
		tailers = append(tailers, &tailer{name: "the naive tailer", follow: bySerial, cursor: "0"})
	}
	for _, t := range tailers {
		t.run, t.reached = r, make(chan struct{})
	}
	return tailers
}

// write runs the writers while the fault is injected, and then writes the last event.
func (r *run) write(form form, fault fault) {
	writing, stop := context.WithTimeout(r.ctx, form.writing)
	defer stop()
	var working sync.WaitGroup
	for n := range writers {
		w := &writer{run: r, number: n}
		step := w.writeSQL
		if n < apiWriters {
			step = w.writeAPI
		}
		working.Go(func() { w.write(writing, step) })
	}
	if fault.slow > 0 {
		w := &writer{run: r, number: writers, hold: fault.slow}
		working.Go(func() { w.write(writing, w.writeSQL) })
	}
	if fault.inject != nil {
		working.Go(func() {
			if err := fault.inject(writing, r); err != nil {
				r.t.Errorf("inject the fault: %v", err)
			}
		})
	}
	working.Wait()

	r.connect() // a crash may have ended the first connection
	last := &transaction{began: time.Now(), events: []event{{r.name, lastWriter, 1}}}
	if err := pgx.BeginFunc(r.ctx, r.connection, func(tx pgx.Tx) error { return insert(r.ctx, tx, last.events) }); err != nil {
		r.t.Errorf("write the last event: %v", err)
	}
	last.outcome = committed
	r.ledger.note(last)
}

// awaitLast waits until every tailer has the last event, or no event has arrived for 5 s.
// In that case an event is lost, which check reports.
func (r *run) awaitLast(tailers []*tailer) {
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for _, t := range tailers {
		for before, moved := 0, time.Now(); ; {
			select {
			case <-t.reached:
			case <-r.ctx.Done():
				return
			case <-look.C:
				if now := t.received(); now != before {
					before, moved = now, time.Now()
				}
				if time.Since(moved) < 5*time.Second {
					continue
				}
			}
			break
		}
	}
}

func (r *run) check(form form, fault fault, tailers []*tailer) {
	found := newFindings()
	stored, err := r.stored()
	if err != nil {
		r.t.Fatalf("read what is stored: %v", err)
	}
	found.checkStored(&r.ledger, stored)
	if err := r.checkTables(len(stored)); err != nil {
		r.t.Errorf("the tables: %v", err)
	}
	if fault.control {
		naive := tailers[len(tailers)-1]
		tailers = tailers[:len(tailers)-1]
		control := newFindings()
		control.checkTailer(naive.name, &r.ledger, stored, naive.deliveries)
		if control.counts[lost] == 0 {
			r.t.Errorf("no loss was found where there must be one; found:\n%s", control)
		}
		r.t.Logf("as it must, the naive log loses:\n%s", control)
	}
	resumes := 0
	for _, t := range tailers {
		resumes += t.resumes
		found.checkTailer(t.name, &r.ledger, stored, t.deliveries)
		found.checkPositions(t.name, t.deliveries)
		found.checkAgreement(t.name, t.deliveries, tailers[0].deliveries)
		for _, what := range t.broken {
			found.add(broken, "%s: %s", t.name, what)
		}
	}
	if len(found.counts) > 0 {
		r.t.Errorf("the event log breaks its promises:\n%s", found)
	}
	if fault.inject != nil && r.faults.Load() == 0 {
		r.t.Error("no fault was injected")
	}
	p50, p99, longest := r.latencies(tailers[0])
	r.t.Logf("%s: %d events, %.0f/s, %d tailers, latency p50 %v p99 %v max %v, %d resumes, %d faults, %d API retries, %d transactions rolled back, %d of unknown outcome",
		fault.name, len(stored), float64(len(stored))/form.writing.Seconds(), len(tailers), p50, p99, longest,
		resumes, r.faults.Load(), r.retries.Load(), r.ledger.count(rolledBack), r.ledger.count(unknown))
}

// stored returns the ids of all events in the database.
func (r *run) stored() (map[string]bool, error) {
	rows, err := r.connection.Query(r.ctx, "SELECT event_id FROM event")
	if err != nil {
		return nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	stored := make(map[string]bool, len(ids))
	for _, id := range ids {
		stored[id] = true
	}
	if len(stored) != len(ids) {
		err = errors.Join(err, fmt.Errorf("%d events have %d ids", len(ids), len(stored)))
	}
	return stored, err
}

// checkTables compares the tables of the log with the events.
func (r *run) checkTables(events int) error {
	var problems []error
	for _, test := range []struct {
		what, query string
		want        int
	}{
		{"events that wait for a position", "SELECT count(*) FROM event_pending", 0},
		{"rows of event_log", "SELECT count(*) FROM event_log", events},
		{"events in event_log", "SELECT count(DISTINCT event_id) FROM event_log JOIN event USING (event_id, timestamp)", events},
		{"the last position of event_log", "SELECT max(position) FROM event_log", events},
		{"the position of event_head", "SELECT position FROM event_head", events},
		{"rows of event_identity", "SELECT count(*) FROM event_identity", events},
		{"events in event_identity", "SELECT count(*) FROM event_identity JOIN event USING (event_id, timestamp)", events},
		{"events folded into execution", "SELECT sum(event_count) FROM execution", events},
	} {
		var got int
		if err := r.connection.QueryRow(r.ctx, test.query).Scan(&got); err != nil {
			return fmt.Errorf("%s: %w", test.what, err)
		}
		if got != test.want {
			problems = append(problems, fmt.Errorf("%s: %d, want %d", test.what, got, test.want))
		}
	}
	return errors.Join(problems...)
}

// latencies are measured from the return of a commit to its delivery.
func (r *run) latencies(t *tailer) (p50, p99, longest time.Duration) {
	known := r.ledger.byEvent()
	var all []time.Duration
	for _, d := range t.deliveries {
		if tx := known[d.event.id()]; tx != nil && tx.outcome == committed {
			all = append(all, max(0, d.at.Sub(tx.ended)).Round(100*time.Microsecond))
		}
	}
	if len(all) == 0 {
		return 0, 0, 0
	}
	slices.Sort(all)
	return all[len(all)/2], all[len(all)*99/100], all[len(all)-1]
}
