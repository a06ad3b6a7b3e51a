package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/noetl/noetl-catalog/db/eventlog"
)

// logPage is the most rows of the log that a page reads.
const logPage = 500

// pageLimit is the number of rows that the next page reads. Rows beyond a page's bytes
// are read again for the next page, so large events need small pages. The zero value is
// the largest.
type pageLimit int32

func (l pageLimit) rows() int32 { return cmp.Or(int32(l), logPage) }

// errUnreadable means that a month of events is detached: a row without an event may
// have it there. The partitions are soon attached again.
var errUnreadable = errors.New("a partition of the events is missing")

// entries makes entries of the rows that pass, or of every row if every is set. It
// stops at the first row beyond the page's bytes and returns its position; 0 if there
// is none. It adapts the limit for the next page.
func (l *pageLimit) entries(rows []eventlog.LogRow, every bool) (entries []*Entry, over int64, err error) {
	for i := range rows {
		switch row := &rows[i]; {
		case row.Unreadable:
			return nil, 0, errUnreadable
		case row.Over:
			*l = pageLimit(min(max(2*len(entries), 2), logPage)) //nolint:gosec // within logPage
			return entries, row.Position, nil
		case row.Passes:
			entries = append(entries, entryOf(row))
		case every:
			entries = append(entries, &Entry{Position: row.Position})
		}
	}
	*l = pageLimit(min(2*l.rows(), logPage))
	return entries, 0, nil
}

// readPage reads, in the log's order, events after a position and up to another
// that pass the filter: one page of them, and the position that it has reached.
// That is always past after, and upTo where nothing is left.
func readPage(ctx context.Context, store *eventlog.Store, scopes []string, filter eventlog.Filter, after, upTo int64, limit *pageLimit) ([]*Entry, int64, error) {
	rows, reached, err := store.ReadLog(ctx, scopes, filter, after, upTo, limit.rows())
	if err != nil {
		return nil, 0, fmt.Errorf("read the log: %w", err)
	}
	if len(rows) == int(limit.rows()) {
		reached = rows[len(rows)-1].Position
	}
	entries, over, err := limit.entries(rows, false)
	if over > 0 {
		reached = over - 1
	}
	return entries, reached, err
}

// walkPage reads the log without a filter: an entry for each position after
// `after`, up to upTo or the end of the page, dropped events included.
func walkPage(ctx context.Context, store *eventlog.Store, after, upTo int64, limit *pageLimit) ([]*Entry, error) {
	rows, err := store.WalkLog(ctx, after, upTo, limit.rows())
	if err != nil {
		return nil, fmt.Errorf("read the log: %w", err)
	}
	entries, _, err := limit.entries(rows, true)
	return entries, err
}

func entryOf(row *eventlog.LogRow) *Entry {
	entry := &Entry{
		Position: row.Position, ResourceType: row.ResourceType, Phase: row.Phase, Template: row.Template,
		Event: &eventlog.Event{
			ID: row.EventID, Type: row.EventType, Path: row.ResourcePath, Version: row.ResourceVersion,
			Payload: row.Payload, Meta: row.Meta, Timestamp: row.Timestamp,
			Columns: eventlog.Columns{Payload: true, Meta: true},
		},
	}
	entry.size = entry.Size()
	return entry
}
