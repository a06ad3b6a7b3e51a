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

// setupPair is a server with a primary, which is former once it was killed, and a standby.
func setupPair(t *testing.T, synchronous bool) (a *api, own dbtest.Own, former, standby *dbtest.Node) {
	t.Helper()
	own = dbtest.NewOwn(t)
	former, standby = own.Former(t), own.Standby(t)
	if synchronous {
		former.Exec(t, "ALTER SYSTEM SET synchronous_standby_names = '*'")
		former.Exec(t, "SELECT pg_reload_conf()")
		former.Await(t, "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync')")
	}
	return setupWatched(t, dbtest.URLOf(former.URL(), standby.URL()), db.Options{}).alive(), own, former, standby
}

func TestFailover_SynchronousStandbyPromotedUnderLoad_NothingLost(t *testing.T) {
	t.Parallel()
	a, own, _, standby := setupPair(t, true)
	stream := a.subscribe(followAll, nil)
	const writers, before, each = 4, 10, 30
	var writing, reached sync.WaitGroup
	reached.Add(writers)
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				if n == before {
					reached.Done()
				}
				a.again(fmt.Sprintf(recordID, fmt.Sprintf("%d-%d", w, n)))
			}
		})
	}
	reached.Wait()
	own.Signal(t, syscall.SIGKILL)
	standby.Exec(t, "SELECT pg_promote()")
	writing.Wait()

	seen, position := map[string]int{}, ""
	for range writers * each {
		got := stream.delivery()
		seen[got.Event.EventID]++
		if want := next(position); position != "" && got.Position != want {
			t.Errorf("position %s, want %s", got.Position, want)
		}
		position = got.Position
	}
	for w := range writers {
		for n := range each {
			if id := fmt.Sprintf("%d-%d", w, n); seen[id] != 1 {
				t.Errorf("event %s was delivered %d times", id, seen[id])
			}
		}
	}
}

// next returns the position after a position.
func next(position string) string {
	var n int
	_, _ = fmt.Sscan(position, &n)
	return fmt.Sprint(n + 1)
}

func TestFailover_AsynchronousStandbyLacksAnEvent_StreamRenewedAndFormerPrimaryRefused(t *testing.T) {
	t.Parallel()
	a, own, former, standby := setupPair(t, false)
	stream := a.subscribe(followAll, nil)
	a.record("a", "kept")
	stream.delivery()
	standby.Await(t, "SELECT EXISTS (SELECT 1 FROM event_log WHERE event_id = 'kept')")
	standby.Exec(t, "ALTER SYSTEM SET primary_conninfo = ''")
	standby.Exec(t, "SELECT pg_reload_conf()")
	former.Await(t, "SELECT NOT EXISTS (SELECT 1 FROM pg_stat_replication)")
	a.record("a", "lost")
	lost := stream.delivery()

	own.Signal(t, syscall.SIGKILL)
	standby.Exec(t, "SELECT pg_promote()")
	a.again(fmt.Sprintf(recordID, "new"))
	if got := stream.refusal().Extensions["code"]; got != "STREAM_CHANGED" {
		t.Errorf("the stream ended with %v", got)
	}
	if got := a.subscribe(followAll, variables{"after": lost.Cursor}).refusal().Extensions["code"]; got != "STREAM_CHANGED" {
		t.Errorf("a stream after a lost event ended with %v", got)
	}

	former.Start(t)
	a.pool.Reset() // all connections are new
	a.again(fmt.Sprintf(recordID, "after"))
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
	former.Await(t, "SELECT NOT EXISTS (SELECT 1 FROM event WHERE event_id IN ('new', 'after', 'nowhere'))")
}
