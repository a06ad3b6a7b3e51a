package stream

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
)

// Options configure a Log; zero values select the defaults.
type Options struct {
	// RingLength is how many of the newest events are kept in memory; 8,192.
	RingLength int
	// RingBytes bounds their payloads and metas; 64 MiB.
	RingBytes int
	// Heartbeat is how often the log is read when no notification arrives;
	// 500 ms.
	Heartbeat time.Duration
}

// Log is one server process's view of the log: a tail that reads each event
// once, a ring of the newest, and the subscriptions that read the ring.
//
//	log := stream.NewLog(store, connect, metrics, logger, stream.Options{})
//	go log.Run(ctx)
//	subscription, err := log.Subscribe(ctx, scopes, eventlog.Filter{Path: &path}, nil)
//	defer subscription.Close()
//	delivery, err := subscription.Next(ctx)
type Log struct {
	store   *eventlog.Store
	connect Connect
	metrics *Metrics
	logger  *slog.Logger
	options Options
	// catchingUp bounds the subscriptions that read pages at the same time, so
	// that ten thousand that reconnect at once leave connections for queries.
	catchingUp chan struct{}
	// ended is closed when Run returns.
	ended chan struct{}
	// begun is closed when the end of the log is known.
	begun chan struct{}

	mu     sync.Mutex
	stream string
	floor  int64
	// tailLimit is the tail's alone.
	tailLimit pageLimit
	// ring.last is the tail's position.
	ring          ring
	wakeups       wakeups
	subscriptions subscribers
}

// NewLog makes a log; Run keeps it up to date.
func NewLog(store *eventlog.Store, connect Connect, metrics *Metrics, logger *slog.Logger, options Options) *Log {
	options.RingLength = cmp.Or(options.RingLength, 8192)
	options.RingBytes = cmp.Or(options.RingBytes, 64<<20)
	options.Heartbeat = cmp.Or(options.Heartbeat, 500*time.Millisecond)
	return &Log{
		store: store, connect: connect, metrics: metrics, logger: logger, options: options,
		catchingUp: make(chan struct{}, 4), begun: make(chan struct{}), ended: make(chan struct{}),
		ring: newRing(options.RingLength, options.RingBytes), wakeups: newWakeups(), subscriptions: subscribers{},
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
	for unannounced := 0; ; {
		found, err := l.catchUp(ctx, store)
		if err != nil {
			return err
		}
		healthy()
		notified, err := waitForNotification(ctx, connection, l.options.Heartbeat)
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
					"heartbeat", l.options.Heartbeat)
			}
		}
	}
}

// catchUp reads everything appended since the last look. found reports whether
// there was anything.
func (l *Log) catchUp(ctx context.Context, store *eventlog.Store) (found bool, err error) {
	head, err := bounded(ctx, store.Head)
	if err != nil {
		return false, err
	}
	for {
		after := l.look(head)
		if after >= head.Position {
			return found, nil
		}
		entries, err := bounded(ctx, func(ctx context.Context) ([]*Entry, error) {
			return walkPage(ctx, store, after, head.Position, &l.tailLimit)
		})
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

// look records the log's end, and returns the position to read after.
func (l *Log) look(head eventlog.Head) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.stream != head.Stream || l.ring.last > head.Position {
		if l.stream == "" {
			close(l.begun)
		}
		// Another history: no cursor of the old one means anything in it.
		for s := range l.subscriptions {
			s.end(fault.New(fault.StreamChanged, "", "the event log has begun anew; query the events again, and subscribe after that answer's tailCursor"))
		}
		l.stream = head.Stream
		l.ring.reset(head.Position)
	}
	l.floor = head.Floor
	if len(l.subscriptions) == 0 && l.ring.last < head.Position {
		// There is no subscription to read them.
		l.ring.reset(head.Position)
	}
	return l.ring.last
}

// publish appends entries to the ring and wakes the subscriptions concerned.
func (l *Log) publish(entries []*Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, entry := range entries {
		entry.cursor = Cursor{Stream: l.stream, Position: entry.Position}.String()
		l.ring.push(entry)
		l.wakeups.concerned(entry, func(s *Subscription) { s.wake(entry.Position) })
	}
	l.metrics.read.Add(float64(len(entries)))
}
