package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Head is the last position of the log.
type Head struct {
	Stream   string
	Position int64
	// Floor is the last position whose events may have been dropped.
	Floor int64
	// EventID is that of the event at Position; only Store.Head reads it.
	EventID string
}

// Head reads the last position of the log.
func (s *Store) Head(ctx context.Context) (Head, error) {
	row, err := s.queries.LogHead(ctx)
	if err != nil {
		return Head{}, fmt.Errorf("read the log's head: %w", err)
	}
	return Head(row), nil
}

// RenewLost gives the log another identity if the event at a position of a stream is
// not the one that was there. It reports whether it did.
func (s *Store) RenewLost(ctx context.Context, stream string, position int64, eventID string) (bool, error) {
	renewed, err := s.queries.RenewLostStream(ctx, sqlc.RenewLostStreamParams{Stream: stream, Position: position, EventID: eventID})
	if err != nil {
		return false, fmt.Errorf("compare the log with what was read of it: %w", err)
	}
	return renewed > 0, nil
}

// End is the end of the log in one snapshot of the database: the head, and the
// committed events that had no position yet. A list read in the same snapshot
// includes both.
type End struct {
	Head
	// PendingSeqs and PendingIDs are the committed events without a position.
	PendingSeqs []int64
	PendingIDs  []string
}

// maxPending is how many events may lack a position when the end is read.
const maxPending = 100_000

// End reads the end of the log.
func (s *Store) End(ctx context.Context) (End, error) {
	row, err := s.queries.LogTail(ctx, maxPending+1)
	if err != nil {
		return End{}, fmt.Errorf("read the log's end: %w", err)
	}
	if len(row.Seqs) > maxPending {
		return End{}, fault.New(fault.Unavailable, "", "more than %d events wait for their position in the log; try again in a moment", maxPending)
	}
	return End{Head{Stream: row.Stream, Position: row.Position, Floor: row.Floor}, row.Seqs, row.EventIds}, nil
}

// Snapshot runs read on one snapshot of the database, and returns the log's
// end in it.
func (s *Store) Snapshot(ctx context.Context, read func(*Store) error) (End, error) {
	if s.begin == nil {
		return End{}, errors.New("a snapshot within a transaction")
	}
	tx, err := s.begin(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return End{}, fmt.Errorf("begin a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	snapshot := NewStore(tx)
	end, err := snapshot.End(ctx)
	if err != nil {
		return End{}, err
	}
	return end, read(snapshot)
}

// settleTimeout bounds how long a read of executions waits for their events.
const settleTimeout = 5 * time.Second

// settleAll waits until every event that is committed now has its position and
// is counted in its execution, so that callers read their own writes. After
// settleTimeout, executions are returned as they are.
func (s *Store) settleAll(ctx context.Context) error {
	end, err := s.End(ctx)
	if err != nil || len(end.PendingSeqs) == 0 {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := s.Settle(bounded, end.PendingSeqs); err != nil && (ctx.Err() != nil || bounded.Err() == nil) {
		return err
	}
	return nil
}

// SequencePage is how many events get their positions in one transaction.
const SequencePage = 2000

// Settle waits until none of these events is pending. It does the sequencer's
// work itself when no sequencer is running.
func (s *Store) Settle(ctx context.Context, seqs []int64) error {
	for {
		// From the first pending event on: one with a lower seq that has been
		// committed since comes before those that began after it.
		if _, err := s.queries.Sequence(ctx, sqlc.SequenceParams{RowLimit: SequencePage}); err != nil {
			return fmt.Errorf("give pending events their positions: %w", err)
		}
		waiting, err := s.queries.AnyPending(ctx, seqs)
		if err != nil {
			return fmt.Errorf("wait for pending events: %w", err)
		}
		if !waiting {
			return nil
		}
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
