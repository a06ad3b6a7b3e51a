package stream

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/sqlc"
)

// sequencer returns a turn that only the test drives.
func sequencer(t *testing.T) (*turn, *db.Pool) {
	t.Helper()
	url := dbtest.URL(t)
	pool := dbtest.PoolAt(t, url, db.Options{})
	if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('p', 'task', '1', '{}')`); err != nil {
		t.Fatal(err)
	}
	connection, err := db.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close(context.Background()) })
	if _, err := connection.Exec(t.Context(), "LISTEN event_bell"); err != nil {
		t.Fatal(err)
	}
	return &turn{connection: connection, queries: sqlc.New(connection), metrics: NewMetrics(prometheus.NewRegistry())}, pool
}

const insertOne = `INSERT INTO event (event_id, event_type, resource_path, resource_version) VALUES ($1, 'UPDATED', 'p', '1')`

func begin(t *testing.T, pool *db.Pool, options pgx.TxOptions, sql string, args ...any) pgx.Tx {
	t.Helper()
	tx, err := pool.BeginTx(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.Background()) })
	if _, err := tx.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
	return tx
}

// A writer that finds the sequencer awake does not notify it. If it commits after the
// sequencer has fallen asleep, the fence still finds its event.
func TestSequencer_CommitAfterItFellAsleep_FoundWithoutNotification(t *testing.T) {
	t.Parallel()
	turn, pool := sequencer(t)
	ctx := t.Context()
	if awake, err := turn.queries.TryAwake(ctx); err != nil || !awake {
		t.Fatalf("not awake: %v", err)
	}
	late := begin(t, pool, pgx.TxOptions{}, insertOne, "late")
	if _, err := turn.queries.FallAsleep(ctx); err != nil {
		t.Fatal(err)
	}
	// The fence is set before the writer commits, as sleep sets it at once.
	if err := turn.setFence(ctx); err != nil {
		t.Fatal(err)
	}
	fence := *turn.next
	if moved, err := turn.drain(ctx); err != nil || moved != 0 || turn.next == nil {
		t.Fatalf("before the writer's commit: moved %d, fence %v: %v", moved, turn.next, err)
	}
	if err := late.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	if turn.connection.PgConn().Conn() == nil || *turn.next != fence {
		t.Fatal("the fence has moved")
	}
	if err := turn.sleep(ctx); err != nil {
		t.Fatal(err)
	}
	var logged int
	if err := pool.QueryRow(ctx, `SELECT count(*) FROM event_log`).Scan(&logged); err != nil || logged != 1 {
		t.Errorf("%d events in the log, want 1: %v", logged, err)
	}
}

// The floor rises above rows that can no longer be pending, but not above a writer that
// has not committed. The query of event_pending starts above it, and so does not scan the
// dead rows that an old snapshot keeps.
func TestSequencer_Floor_RisesPastDeadRowsOnly(t *testing.T) {
	t.Parallel()
	turn, pool := sequencer(t)
	ctx := t.Context()
	begin(t, pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead}, `SELECT count(*) FROM event`) // the old snapshot
	if _, err := pool.Exec(ctx, `INSERT INTO event (event_id, event_type, resource_path, resource_version) SELECT n::text, 'UPDATED', 'p', '1' FROM generate_series(1, 10000) n`); err != nil {
		t.Fatal(err)
	}
	drain := func(want int64) {
		t.Helper()
		if moved, err := turn.drain(ctx); err != nil || moved != want {
			t.Fatalf("moved %d, want %d: %v", moved, want, err)
		}
	}
	// Transactions of other tests in this cluster delay it.
	wantFloor := func(want int64) {
		t.Helper()
		for deadline := time.Now().Add(time.Minute); turn.floor < want && time.Now().Before(deadline); {
			drain(0)
		}
		if turn.floor != want {
			t.Errorf("the floor is %d, want %d", turn.floor, want)
		}
	}
	drain(10000)
	wantFloor(10000)
	open := begin(t, pool, pgx.TxOptions{}, insertOne, "open") // seq 10001
	if _, err := pool.Exec(ctx, insertOne, "closed"); err != nil {
		t.Fatal(err)
	}
	drain(1)
	drain(0)
	if turn.floor > 10000 {
		t.Errorf("the floor is %d, with seq 10001 not committed", turn.floor)
	}
	if err := open.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	drain(1)
	wantFloor(10002)

	buffers := func(above int64) (touched int) {
		t.Helper()
		var plan []struct {
			Plan struct {
				Hit  int `json:"Shared Hit Blocks"`
				Read int `json:"Shared Read Blocks"`
			}
		}
		var text []byte
		if err := turn.connection.QueryRow(ctx, `EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT 1 FROM event_pending WHERE seq > $1 ORDER BY seq LIMIT 1`, above).Scan(&text); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(text, &plan); err != nil {
			t.Fatal(err)
		}
		return plan[0].Plan.Hit + plan[0].Plan.Read
	}
	if from, above := buffers(0), buffers(turn.floor); above > 5 || from <= 5 {
		t.Errorf("a scan from 0 touches %d blocks, one above the floor %d", from, above)
	}
}
