package stream

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/sqlc"
)

// TailCursor returns the cursor of now: a subscription after it delivers exactly
// the events that are committed after this call began.
func TailCursor(ctx context.Context, store *eventlog.Store) (Cursor, error) {
	end, err := store.End(ctx)
	if err != nil {
		return Cursor{}, err
	}
	return CursorOf(ctx, store, end)
}

// maxSeen keeps a cursor's text within maxCursor.
const maxSeen = 1000

// CursorOf returns the cursor of an end of the log. It waits for the positions
// of the events that were pending in the end's snapshot; events that are not in
// the snapshot may get positions before and between them.
func CursorOf(ctx context.Context, store *eventlog.Store, end eventlog.End) (Cursor, error) {
	cursor := Cursor{Stream: end.Stream, Position: end.Position}
	if len(end.PendingSeqs) == 0 {
		return cursor, nil
	}
	if err := store.Settle(ctx, end.PendingSeqs); err != nil {
		return Cursor{}, err
	}
	positions, err := store.Queries().LogPositions(ctx, sqlc.LogPositionsParams{After: cursor.Position, EventIds: end.PendingIDs})
	if err != nil {
		return Cursor{}, fmt.Errorf("find the positions of pending events: %w", err)
	}
	cursor.Seen = spansOf(positions)
	if len(cursor.Seen) > 0 && cursor.Seen[0].First == cursor.Position+1 {
		cursor.advance(cursor.Seen[0].Last)
	}
	if len(cursor.Seen) > maxSeen {
		return Cursor{}, fault.New(fault.Unavailable, "", "too many events are being written at once to find the log's end; try again in a moment")
	}
	return cursor, nil
}
