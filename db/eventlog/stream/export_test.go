package stream

import (
	"context"

	"github.com/noetl/noetl-catalog/db/eventlog"
)

// ReadPage reads a page of the log as a subscription does.
func ReadPage(ctx context.Context, store *eventlog.Store, scopes []string, filter eventlog.Filter, after, upTo int64) ([]*Entry, int64, error) {
	return readPage(ctx, store, scopes, filter, after, upTo, new(pageLimit))
}

// SetRingLength sets the number of events that the ring holds; call it before Run.
func (l *Log) SetRingLength(length int) { l.ring = newRing(length, ringBytes) }
