package stream

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/sqlc"
)

const (
	// sequenceIdle is how long an idle sequencer stays awake.
	sequenceIdle = 20 * time.Millisecond
	// sequencePoll is its polling interval while it is awake and idle.
	sequencePoll = time.Millisecond
	// fencePoll is its polling interval while transactions that have seen it awake may
	// still commit.
	fencePoll = 5 * time.Millisecond
	// longFencePoll replaces fencePoll after a second.
	longFencePoll = 20 * time.Millisecond
	// sequenceHeartbeat is the interval at which a sequencer works without being woken,
	// even if another holds the lock: that one may have left work undone.
	sequenceHeartbeat = 300 * time.Millisecond
)

// Sequence gives committed events their positions in the log, until the context
// ends, through any number of lost connections. Every server process runs it; an
// advisory lock elects the one that is awake, and PostgreSQL releases the lock when
// its holder dies. Correctness does not depend on the election: event_sequence
// admits one session at a time.
func Sequence(ctx context.Context, connect Connect, metrics *Metrics, logger *slog.Logger) error {
	return keepConnected(ctx, connect, "event_bell", logger, "the sequencer", metrics.sequencerConnections,
		func(ctx context.Context, connection *pgx.Conn, healthy func()) error {
			turn := turn{connection: connection, queries: sqlc.New(connection), metrics: metrics}
			for {
				if err := turn.run(ctx); err != nil {
					return err
				}
				healthy()
			}
		})
}

// turn is a sequencer's work on one connection.
type turn struct {
	connection *pgx.Conn
	queries    *sqlc.Queries
	metrics    *Metrics
	// floor is the seq up to which nothing can be pending any more: looking
	// above it spares a walk over the dead rows that an old snapshot keeps.
	floor int64
	// next, once passed, is the floor after this one.
	next *fence
}

// fence is a moment: the highest seq that had been taken, and the id of a
// transaction that began after. Once every transaction with a lower id has ended,
// so has each one that took such a seq or saw the sequencer awake.
type fence struct{ seq, transaction int64 }

// run sequences for as long as there is work, and then sleeps until it is woken.
func (t *turn) run(ctx context.Context) error {
	awake, err := bounded(ctx, t.queries.TryAwake)
	if err != nil {
		return fmt.Errorf("try to wake up: %w", err)
	}
	if !awake {
		// Another process is awake. This one does its work at each heartbeat, in
		// case the other is dead or stuck.
		if _, err := waitForNotification(ctx, t.connection, sequenceHeartbeat); err != nil {
			return err
		}
		_, err := t.drain(ctx)
		return err
	}
	if err := t.work(ctx); err != nil {
		return err
	}
	if _, err := bounded(ctx, t.queries.FallAsleep); err != nil {
		return fmt.Errorf("fall asleep: %w", err)
	}
	return t.sleep(ctx)
}

// work sequences until nothing has arrived for sequenceIdle.
func (t *turn) work(ctx context.Context) error {
	for lastWork := time.Now(); ; {
		moved, err := t.drain(ctx)
		if err != nil {
			return err
		}
		pause := sequencePoll
		if moved > 0 {
			lastWork, pause = time.Now(), pauseAfter(moved)
		}
		if time.Since(lastWork) > sequenceIdle {
			return nil
		}
		if err := sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// pauseAfter is how long a sequencer waits for more events after it has moved
// some: the busier the writers, the longer, since its transactions compete with
// theirs.
func pauseAfter(moved int64) time.Duration {
	switch {
	case moved < 8:
		return 2 * time.Millisecond
	case moved < 32:
		return 5 * time.Millisecond
	}
	return 10 * time.Millisecond
}

// drain moves all pending events to the log and returns their number.
func (t *turn) drain(ctx context.Context) (total int64, err error) {
	if t.next == nil {
		if err := t.setFence(ctx); err != nil {
			return 0, err
		}
	}
	for {
		row, err := bounded(ctx, func(ctx context.Context) (sqlc.SequenceRow, error) {
			return t.queries.Sequence(ctx, sqlc.SequenceParams{RowLimit: eventlog.SequencePage, AfterSeq: t.floor})
		})
		if err != nil {
			return total, fmt.Errorf("sequence events: %w", err)
		}
		if row.Moved > 0 {
			total += row.Moved
			t.metrics.sequenced.Add(float64(row.Moved))
		}
		if row.Moved == eventlog.SequencePage {
			continue
		}
		t.metrics.lastSequenced.SetToCurrentTime()
		if row.Moved >= 0 && row.OldestRunning >= t.next.transaction {
			t.floor, t.next = t.next.seq, nil
		}
		return total, nil
	}
}

func (t *turn) setFence(ctx context.Context) error {
	// In this order: a writer has its transaction id before it takes a seq.
	seq, err := bounded(ctx, t.queries.LastPendingSeq)
	if err != nil {
		return fmt.Errorf("read the last seq: %w", err)
	}
	id, err := bounded(ctx, t.queries.NextTransaction)
	if err != nil {
		return fmt.Errorf("take a transaction id: %w", err)
	}
	t.next = &fence{seq, id}
	return nil
}

// sleep waits for the doorbell. A writer that saw the sequencer awake does not
// ring, and may commit only now: until all that may have are gone, it looks
// every few milliseconds. A snapshot's xmax would not do for the fence: it is
// the last id that has completed, and one more.
func (t *turn) sleep(ctx context.Context) error {
	if err := t.setFence(ctx); err != nil {
		return err
	}
	began := time.Now()
	for t.next != nil {
		poll := fencePoll
		if time.Since(began) > time.Second {
			poll = longFencePoll
		}
		if rung, err := waitForNotification(ctx, t.connection, poll); err != nil || rung {
			return err
		}
		if moved, err := t.drain(ctx); err != nil || moved > 0 {
			return err
		}
	}
	_, err := waitForNotification(ctx, t.connection, sequenceHeartbeat)
	return err
}
