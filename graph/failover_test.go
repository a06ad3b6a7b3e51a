//go:build linux

package graph_test

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

const recordID = `mutation { recordEvent(input: {eventId: %q, type: "UPDATED", path: "a"}) { duplicate } }`

// setupPair returns a server with a primary and a standby. The node formerPrimary is the
// primary, to be started again after it was killed.
func setupPair(t *testing.T, synchronous bool) (a *api, primary dbtest.Own, formerPrimary, standby *dbtest.Node) {
	t.Helper()
	primary = dbtest.NewOwn(t)
	formerPrimary, standby = primary.Former(t), primary.Standby(t)
	if synchronous {
		formerPrimary.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
		formerPrimary.Exec(t, "SELECT pg_reload_conf()")
		formerPrimary.Await(t, "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync')")
	}
	return setupWatched(t, dbtest.URLOf(formerPrimary.URL(), standby.URL()), db.Options{}).startTasks(), primary, formerPrimary, standby
}

func TestFailover_SynchronousStandbyPromotedUnderLoad_NothingLost(t *testing.T) {
	t.Parallel()
	a, primary, _, standby := setupPair(t, true)
	stream := a.subscribe(followAll, nil)
	const writers, before, perWriter = 4, 10, 30
	var writing, reached sync.WaitGroup
	reached.Add(writers)
	for w := range writers {
		writing.Go(func() {
			for n := range perWriter {
				if n == before {
					reached.Done()
				}
				a.retry(fmt.Sprintf(recordID, fmt.Sprintf("%d-%d", w, n)))
			}
		})
	}
	reached.Wait()
	primary.Signal(t, syscall.SIGKILL)
	standby.Exec(t, "SELECT pg_promote()")
	writing.Wait()

	seen, position := map[string]int{}, ""
	for range writers * perWriter {
		got := stream.nextDelivery()
		seen[got.Event.EventID]++
		if want := nextPosition(position); position != "" && got.Position != want {
			t.Errorf("position %s, want %s", got.Position, want)
		}
		position = got.Position
	}
	for w := range writers {
		for n := range perWriter {
			if id := fmt.Sprintf("%d-%d", w, n); seen[id] != 1 {
				t.Errorf("event %s was delivered %d times", id, seen[id])
			}
		}
	}
}

// nextPosition returns the position after a position.
func nextPosition(position string) string {
	var n int
	_, _ = fmt.Sscan(position, &n)
	return fmt.Sprint(n + 1)
}

func TestFailover_AsynchronousStandbyLacksAnEvent_StreamRenewedAndFormerPrimaryRefused(t *testing.T) {
	t.Parallel()
	a, primary, formerPrimary, standby := setupPair(t, false)
	stream := a.subscribe(followAll, nil)
	a.record("a", "kept")
	stream.nextDelivery()
	standby.Await(t, "SELECT EXISTS (SELECT 1 FROM event_log WHERE event_id = 'kept')")
	standby.Exec(t, "ALTER SYSTEM SET primary_conninfo = ''")
	standby.Exec(t, "SELECT pg_reload_conf()")
	formerPrimary.Await(t, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_replication)")
	a.record("a", "lost")
	lost := stream.nextDelivery()

	primary.Signal(t, syscall.SIGKILL)
	standby.Exec(t, "SELECT pg_promote()")
	a.retry(fmt.Sprintf(recordID, "new"))
	if got := stream.nextError().Extensions["code"]; got != "STREAM_CHANGED" {
		t.Errorf("the stream ended with %v", got)
	}
	if got := a.subscribe(followAll, variables{"after": lost.Cursor}).nextError().Extensions["code"]; got != "STREAM_CHANGED" {
		t.Errorf("a stream after a lost event ended with %v", got)
	}

	formerPrimary.Start(t)
	a.pool.Reset() // all connections are new
	a.retry(fmt.Sprintf(recordID, "after"))
	if !strings.Contains(a.log.String(), "a former primary is refused") {
		t.Error("the refusal of the former primary is not logged")
	}
	standby.Await(t, "SELECT EXISTS (SELECT 1 FROM event WHERE event_id = 'after')")
	// A server that starts now has not seen the promotion.
	var found bool
	fresh := dbtest.PoolAt(t, a.pool.Config().ConnString(), db.Options{})
	if err := fresh.QueryRow(t.Context(), "SELECT EXISTS (SELECT 1 FROM event WHERE event_id = 'after')").Scan(&found); err != nil || !found {
		t.Errorf("a new server uses the former primary: %v", err)
	}

	standby.Kill(t)
	_, errs := a.ask(fmt.Sprintf(recordID, "nowhere"), nil)
	a.wantOutcome("record", errs, "none")
	formerPrimary.Await(t, "SELECT NOT EXISTS (SELECT 1 FROM event WHERE event_id IN ('new', 'after', 'nowhere'))")
}
