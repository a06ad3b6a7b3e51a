package stream

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
)

// Connect makes a connection of its own, outside any pool: one that listens
// and sits waiting. It must be direct, not through a transaction pooler.
type Connect func(context.Context) (*pgx.Conn, error)

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
	if options.RingLength == 0 {
		options.RingLength = 8192
	}
	if options.RingBytes == 0 {
		options.RingBytes = 64 << 20
	}
	if options.Heartbeat == 0 {
		options.Heartbeat = 500 * time.Millisecond
	}
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
	return keepConnected(ctx, l.connect, l.logger, "the event log's tail", l.metrics.tailConnections, l.follow)
}

// keepConnected runs work on a connection, and again on a new one whenever it
// fails, until the context ends. work calls its last argument when it has got
// what it needs from the database.
func keepConnected(ctx context.Context, connect Connect, logger *slog.Logger, what string, connections counter, work func(context.Context, *pgx.Conn, func()) error) error {
	const shortest, longest = 50 * time.Millisecond, 2 * time.Second
	pause := shortest
	for failures := 0; ; {
		err := onConnection(ctx, connect, connections, func(ctx context.Context, connection *pgx.Conn) error {
			return work(ctx, connection, func() { pause, failures = shortest, 0 })
		})
		if ctx.Err() != nil {
			return nil
		}
		// An outage is logged when it begins, and then now and again.
		if failures%30 == 0 {
			logger.WarnContext(ctx, what+" has lost its connection; connecting again", "error", err)
		}
		failures++
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause/2 + rand.N(pause/2)): //nolint:gosec // jitter
		}
		pause = min(2*pause, longest)
	}
}

func onConnection(ctx context.Context, connect Connect, connections counter, work func(context.Context, *pgx.Conn) error) error {
	connection, err := connect(ctx)
	if err != nil {
		return err
	}
	connections.Inc()
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = connection.Close(closing)
	}()
	return work(ctx, connection)
}

// answerTimeout bounds the wait for an answer of the database, which never arrives
// if the network is broken.
const answerTimeout = 10 * time.Second

// follow reads the log as it grows. It listens first and reads second, so that
// nothing is appended between the two unnoticed.
func (l *Log) follow(ctx context.Context, connection *pgx.Conn, healthy func()) error {
	if err := bounded(ctx, func(ctx context.Context) error {
		_, err := connection.Exec(ctx, "LISTEN event_log")
		return err
	}); err != nil {
		return fmt.Errorf("listen: %w", err)
	}
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

// bounded bounds the time of one exchange with the database.
func bounded(ctx context.Context, exchange func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	return exchange(ctx)
}

// waitForNotification returns false if none has arrived in time.
func waitForNotification(ctx context.Context, connection *pgx.Conn, timeout time.Duration) (bool, error) {
	waiting, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	_, err := connection.WaitForNotification(waiting)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() == nil && errors.Is(waiting.Err(), context.DeadlineExceeded) && !connection.IsClosed():
		return false, nil
	}
	return false, fmt.Errorf("wait for a notification: %w", err)
}

// catchUp reads everything appended since the last look. found reports whether
// there was anything.
func (l *Log) catchUp(ctx context.Context, store *eventlog.Store) (found bool, err error) {
	var head eventlog.Head
	if err := bounded(ctx, func(ctx context.Context) error { head, err = store.Head(ctx); return err }); err != nil {
		return false, err
	}
	for {
		after := l.look(head)
		if after >= head.Position {
			return found, nil
		}
		var entries []*Entry
		err := bounded(ctx, func(ctx context.Context) error {
			entries, err = walkPage(ctx, store, after, head.Position, &l.tailLimit)
			return err
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
