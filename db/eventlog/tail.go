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

// Tail is the end of the log as one snapshot of the database has it: the
// head, and the committed events that had no position yet. A list read in the
// same snapshot shows both.
type Tail struct {
	head     Head
	seqs     []int64
	eventIDs []string
}

// maxPending is how many events may be waiting for their position when a tail
// is asked for.
const maxPending = 100_000

// Snapshot runs read on one snapshot of the database, and returns the log's
// end in it.
func (s *Store) Snapshot(ctx context.Context, read func(*Store) error) (Tail, error) {
	if s.begin == nil {
		return Tail{}, errors.New("a snapshot within a transaction")
	}
	tx, err := s.begin(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return Tail{}, fmt.Errorf("begin a snapshot: %w", err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	within := NewStore(tx)
	tail, err := within.tail(ctx)
	if err != nil {
		return Tail{}, err
	}
	return tail, read(within)
}

func (s *Store) tail(ctx context.Context) (Tail, error) {
	row, err := s.queries.LogTail(ctx, maxPending+1)
	if err != nil {
		return Tail{}, fmt.Errorf("read the log's end: %w", err)
	}
	if len(row.Seqs) > maxPending {
		return Tail{}, fault.New(fault.Unavailable, "", "more than %d events wait for their place in the log; try again in a moment", maxPending)
	}
	return Tail{Head{row.Stream, row.Position, row.Floor}, row.Seqs, row.EventIds}, nil
}

// TailCursor is the cursor of now: a subscription after it brings exactly the
// events that are committed after this call began.
func (s *Store) TailCursor(ctx context.Context) (Cursor, error) {
	tail, err := s.tail(ctx)
	if err != nil {
		return Cursor{}, err
	}
	return s.CursorOf(ctx, tail)
}

// CursorOf is the cursor of a tail. Events that had no position in its
// snapshot have one soon; events that the snapshot did not hold may get theirs
// before and between.
func (s *Store) CursorOf(ctx context.Context, tail Tail) (Cursor, error) {
	cursor := Cursor{Stream: tail.head.Stream, Position: tail.head.Position}
	if len(tail.seqs) == 0 {
		return cursor, nil
	}
	if err := s.settle(ctx, tail.seqs); err != nil {
		return Cursor{}, err
	}
	positions, err := s.queries.LogPositions(ctx, sqlc.LogPositionsParams{After: cursor.Position, EventIds: tail.eventIDs})
	if err != nil {
		return Cursor{}, fmt.Errorf("find the places of pending events: %w", err)
	}
	cursor.Seen = spansOf(positions)
	if len(cursor.Seen) > 0 && cursor.Seen[0].First == cursor.Position+1 {
		cursor.advance(cursor.Seen[0].Last)
	}
	if len(cursor.Seen) > maxSeen {
		return Cursor{}, fault.New(fault.Unavailable, "", "too many events are being written at once to tell the log's end; try again in a moment")
	}
	return cursor, nil
}

// maxSeen keeps a cursor's text within maxCursor.
const maxSeen = 1000

// settleTimeout is how long who asks for executions waits for their events.
const settleTimeout = 5 * time.Second

// settled waits until every event that is committed now has its place in the
// log, and its execution knows of it: a caller reads what it has written. Should
// that take too long, executions are told as they are.
func (s *Store) settled(ctx context.Context) error {
	tail, err := s.tail(ctx)
	if err != nil || len(tail.seqs) == 0 {
		return err
	}
	moment, cancel := context.WithTimeout(ctx, settleTimeout)
	defer cancel()
	if err := s.settle(moment, tail.seqs); err != nil && (ctx.Err() != nil || moment.Err() == nil) {
		return err
	}
	return nil
}

// settle waits until none of these is pending, and does the sequencer's work
// itself where nobody else is at it.
func (s *Store) settle(ctx context.Context, seqs []int64) error {
	for {
		// From the first pending event on: one with a lower seq that has been
		// committed since comes before those that began after it.
		if _, err := s.queries.Sequence(ctx, sqlc.SequenceParams{RowLimit: sequencePage}); err != nil {
			return fmt.Errorf("give pending events their places: %w", err)
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
