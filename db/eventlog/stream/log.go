package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
)

const (
	// ringLength is the number of the newest events kept in memory, and ringBytes limits
	// their payloads and metas.
	ringLength, ringBytes = 8192, 64 << 20
	// heartbeat is the interval at which the log is read without a notification.
	heartbeat = 500 * time.Millisecond
)

// Log is a server process's view of the log: a tail that reads each event once, a
// ring of the newest, and the subscriptions that read the ring.
//
//	log := stream.NewLog(store, connect, metrics, logger)
//	go log.Run(ctx)
//	subscription, err := log.Subscribe(ctx, scopes, eventlog.Filter{Path: &path}, nil)
//	defer subscription.Close()
//	delivery, err := subscription.Next(ctx)
type Log struct {
	store   *eventlog.Store
	connect Connect
	metrics *Metrics
	logger  *slog.Logger
	// catchingUp limits the subscriptions that read pages at the same time: ten thousand
	// that reconnect at once must leave connections for queries.
	catchingUp chan struct{}
	// ended is closed when Run returns.
	ended chan struct{}
	// begun is closed when the end of the log is known.
	begun chan struct{}

	mu     sync.Mutex
	stream string
	floor  int64
	// tailLimit is used by the tail only.
	tailLimit pageLimit
	// ring.last is the tail's position, and lastID the id of the event there; empty if
	// it is not known.
	ring          ring
	lastID        string
	wakeups       wakeups
	subscriptions subscribers
}

// NewLog makes a log; Run keeps it up to date.
func NewLog(store *eventlog.Store, connect Connect, metrics *Metrics, logger *slog.Logger) *Log {
	return &Log{
		store: store, connect: connect, metrics: metrics, logger: logger,
		catchingUp: make(chan struct{}, 4), begun: make(chan struct{}), ended: make(chan struct{}),
		ring: newRing(ringLength, ringBytes), wakeups: newWakeups(), subscriptions: subscribers{},
	}
}

// Run follows the log until the context ends, through any number of lost
// connections; subscriptions stay open meanwhile. It is called once.
func (l *Log) Run(ctx context.Context) error {
	defer close(l.ended)
	return keepConnected(ctx, l.connect, "event_log", l.logger, "the event log's tail", l.metrics.tailConnections, l.follow)
}

// follow reads the log as it grows.
func (l *Log) follow(ctx context.Context, connection *pgx.Conn, healthy func()) error {
	store := eventlog.NewStore(connection)
	if err := l.renewLost(ctx, store); err != nil {
		return err
	}
	for unannounced := 0; ; {
		found, err := l.catchUp(ctx, store)
		if err != nil {
			return err
		}
		healthy()
		notified, err := waitForNotification(ctx, connection, heartbeat)
		if err != nil {
			return err
		}
		switch {
		case notified:
			unannounced = 0
		case found:
			// Now and then a heartbeat is ahead of its notification.
			if unannounced++; unannounced == 10 {
				l.logger.ErrorContext(ctx, "events arrive without notifications, and so late by up to a heartbeat: is the database reached through a transaction pooler?",
					"heartbeat", heartbeat)
			}
		}
	}
}

// renewLost gives the log another identity if events that were read from it are lost: a
// standby that had not received them has been promoted. Their positions would be given
// to other events.
func (l *Log) renewLost(ctx context.Context, store *eventlog.Store) error {
	l.mu.Lock()
	stream, position, id := l.stream, l.ring.last, l.lastID
	l.mu.Unlock()
	if id == "" {
		return nil
	}
	renewed, err := bounded(ctx, func(ctx context.Context) (bool, error) { return store.RenewLost(ctx, stream, position, id) })
	if renewed {
		l.logger.ErrorContext(ctx, "the database has lost events that were in the log, as after the promotion of a standby that had not received them; the log's stream is renewed",
			"last_position", position)
	}
	return err
}

// catchUp reads everything appended since the last call, and reports whether
// anything was.
func (l *Log) catchUp(ctx context.Context, store *eventlog.Store) (found bool, err error) {
	head, err := bounded(ctx, store.Head)
	if err != nil {
		return false, err
	}
	for {
		after := l.observe(head)
		if after >= head.Position {
			return found, nil
		}
		entries, err := bounded(ctx, func(ctx context.Context) ([]*Entry, error) {
			return walkPage(ctx, store, after, head.Position, &l.tailLimit)
		})
		if errors.Is(err, errUnreadable) {
			return found, nil // until the next heartbeat
		}
		if err != nil {
			return found, err
		}
		if len(entries) == 0 {
			return found, fmt.Errorf("the log ends at %d and has no row after %d", head.Position, after)
		}
		found = true
		l.publish(entries)
	}
}

// observe records the log's end, and returns the position to read after.
func (l *Log) observe(head eventlog.Head) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != head.Stream || l.ring.last > head.Position {
		if l.stream == "" {
			close(l.begun)
		}
		// The log has a new history; old cursors are invalid in it.
		for s := range l.subscriptions {
			s.end(fault.New(fault.StreamChanged, "", "the event log has begun anew; query the events again, and subscribe after that answer's tailCursor"))
		}
		l.stream = head.Stream
		l.skipTo(head)
	}
	l.floor = head.Floor
	if len(l.subscriptions) == 0 && l.ring.last < head.Position {
		// No subscription reads the entries between.
		l.skipTo(head)
	}
	return l.ring.last
}

// skipTo empties the ring at the log's end; mu is held.
func (l *Log) skipTo(head eventlog.Head) {
	l.ring.reset(head.Position)
	l.lastID = head.EventID
}

// publish appends entries to the ring and wakes the subscriptions concerned.
func (l *Log) publish(entries []*Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range entries {
		entry.cursor = Cursor{Stream: l.stream, Position: entry.Position}.String()
		l.ring.push(entry)
		if l.lastID = ""; entry.Event != nil {
			l.lastID = entry.Event.ID
		}
		l.wakeups.concerned(entry, func(s *Subscription) { s.wake(entry.Position) })
	}
	l.metrics.read.Add(float64(len(entries)))
}
