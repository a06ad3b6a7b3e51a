package stream

import (
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
)

// Subscription reads the events that pass a filter, each once and in the log's
// order, from a cursor on. It is a position in the log, not a queue: the ring has
// the newest events, the database all others. Next is for one goroutine.
type Subscription struct {
	log     *Log
	filter  eventlog.Filter
	matcher *matcher
	// cursor is that of the last delivery, and given is its text.
	cursor Cursor
	given  *string
	// began is the end of the log when the subscription began.
	began Cursor
	// toEnd ends the stream after an event that ends its execution, and at
	// endAt if that is known and earlier.
	toEnd bool
	endAt int64
	ended bool

	// found are entries to filter and deliver next.
	found []*Entry
	// position is the last position that has been read into found, and limit the
	// size of the next page.
	position int64
	limit    pageLimit
	// Hold charges bytes of events that were read from the database and wait to be
	// delivered, or returns an error if there is no room. bytes is negative once they
	// are delivered. Set it before the first Next; nil for no limit.
	Hold func(bytes int) error

	// The rest is guarded by log.mu. held is what is charged. closed: Close was called.
	held   int
	closed bool
	// registered: the subscription reads the ring and is woken.
	registered bool
	// pending is the first position that may concern it and has not been read;
	// 0 for none.
	pending int64
	// behind is a copy of position for readers other than Next. quiet: everything up to
	// it has been delivered and Next waits, so cursor may be read.
	behind int64
	quiet  bool
	// reached is the position of the last checkpoint.
	reached int64
	failure error
	// ready wakes Next.
	ready chan struct{}
}

// Delivery is an event with its cursor.
type Delivery struct {
	Entry  *Entry
	Cursor string
	// Previous is the cursor of the delivery before; for the first, the one that
	// the subscription began after; nil if there is neither.
	Previous *string
	// Live is false while the past is replayed.
	Live bool
}

// Position is the event's position in the log.
func (d *Delivery) Position() string { return strconv.FormatInt(d.Entry.Position, 10) }

// Subscribe begins a subscription: after a cursor, or, without one, from now
// on. It fails with STREAM_CHANGED for a cursor of another log,
// CURSOR_EXPIRED for one below the floor, BAD_USER_INPUT for any other text.
// The caller closes it.
func (l *Log) Subscribe(ctx context.Context, scopes []string, filter eventlog.Filter, after *string) (*Subscription, error) {
	if err := l.wait(ctx); err != nil {
		return nil, err
	}
	cursor, now, err := l.start(ctx, after, false)
	if err != nil {
		return nil, err
	}
	return l.subscribe(scopes, filter, cursor, after, now)
}

// SubscribeExecution begins a subscription to the events of one execution:
// after a cursor, or from its first event. It ends with io.EOF after the event
// that ends the execution.
func (l *Log) SubscribeExecution(ctx context.Context, scopes []string, executionID string, after *string) (*Subscription, error) {
	if err := l.wait(ctx); err != nil {
		return nil, err
	}
	// First the execution, then the end of the log: if the execution has ended, the
	// event that ended it is before the log's end.
	runs, err := l.store.ExecutionsByID(ctx, scopes, []string{executionID})
	if err != nil {
		return nil, err
	}
	cursor, now, err := l.start(ctx, after, true)
	if err != nil {
		return nil, err
	}
	s, err := l.subscribe(scopes, eventlog.Filter{ExecutionID: &executionID}, cursor, after, now)
	if err != nil {
		return nil, err
	}
	s.toEnd = true
	if runs[0] != nil && runs[0].Status != "RUNNING" {
		s.endAt = now.last()
	}
	return s, nil
}

// wait waits until the end of the log is known, for as long as a query may.
func (l *Log) wait(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	select {
	case <-l.begun:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// start returns the cursor that a subscription begins after, and the end of the
// log. Without after, that is the end, or the floor if past events are wanted.
func (l *Log) start(ctx context.Context, after *string, past bool) (cursor, now Cursor, err error) {
	if after != nil {
		if cursor, err = ParseCursor("after", *after); err != nil {
			return Cursor{}, Cursor{}, err
		}
	}
	// This process's tail may be behind: another server may have issued the cursor.
	end, err := l.store.End(ctx)
	if err != nil {
		return Cursor{}, Cursor{}, err
	}
	switch {
	case after == nil:
		cursor = Cursor{Stream: end.Stream, Position: end.Floor}
	case cursor.Stream != end.Stream:
		return Cursor{}, Cursor{}, fault.New(fault.StreamChanged, "after",
			"is a cursor of another event log; query the events, and subscribe after that answer's tailCursor")
	case cursor.Position < end.Floor:
		return Cursor{}, Cursor{}, fault.New(fault.CursorExpired, "after",
			"lies before the events that are kept (positions after %d); query the events, and subscribe after that answer's tailCursor", end.Floor)
	}
	now, err = CursorOf(ctx, l.store, end)
	switch {
	case err != nil:
	case after == nil && !past:
		cursor = now
	case cursor.last() > now.last():
		err = fault.Input("after", "lies beyond the end of the event log")
	}
	return cursor, now, err
}

func (l *Log) subscribe(scopes []string, filter eventlog.Filter, cursor Cursor, after *string, now Cursor) (*Subscription, error) {
	matches, err := newMatcher(filter, scopes)
	if err != nil {
		return nil, err
	}
	s := &Subscription{
		log: l, filter: filter, matcher: matches, cursor: cursor, given: after,
		position: cursor.Position, began: now, ready: make(chan struct{}, 1),
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.subscriptions[s] = struct{}{}
	if cursor.Stream != l.stream {
		s.failure = fault.New(fault.StreamChanged, "", "the event log has begun anew")
	}
	return s, nil
}

// errClosed is what Next returns after Close.
var errClosed = errors.New("the subscription is closed")

// Close ends the subscription; Next fails from then on. It may be called
// more than once, and while Next runs.
func (s *Subscription) Close() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.unregister()
	delete(s.log.subscriptions, s)
	s.closed = true
	s.release()
	s.end(errClosed)
}

// Ready reports whether Next has an event and will not wait.
func (s *Subscription) Ready() bool {
	for len(s.found) > 0 && !s.ended {
		if entry := s.found[0]; !s.cursor.has(entry.Position) && s.matcher.passes(entry) {
			return true
		}
		s.found[0], s.found = nil, s.found[1:]
	}
	return false
}

// Next waits for the next event and returns it. The error is io.EOF at the
// end of an execution's stream, a *fault.Error if the log cannot be followed
// further, or the context's error.
func (s *Subscription) Next(ctx context.Context) (Delivery, error) {
	for {
		if s.Ready() {
			entry := s.found[0]
			s.found[0], s.found = nil, s.found[1:]
			return s.deliver(entry), nil
		}
		if s.ended {
			return Delivery{}, io.EOF
		}
		if err := s.read(ctx); err != nil {
			return Delivery{}, err
		}
	}
}

func (s *Subscription) deliver(entry *Entry) Delivery {
	s.cursor.advance(entry.Position)
	text := entry.cursor
	if text == "" || len(s.cursor.Seen) > 0 {
		text = s.cursor.String()
	}
	delivery := Delivery{Entry: entry, Cursor: text, Previous: s.given, Live: entry.Position > s.began.Position && !s.began.has(entry.Position)}
	s.given = &text
	s.ended = s.toEnd && entry.ends()
	s.log.metrics.delivered.Inc()
	return delivery
}

// ringPage is the number of entries that a subscription takes from the ring at a time.
// A stuck subscription keeps them from being freed.
const ringPage = 16

// read waits for entries, and takes some into found.
func (s *Subscription) read(ctx context.Context) error {
	l := s.log
	l.mu.Lock()
	s.release()
	switch {
	case s.failure != nil:
		defer l.mu.Unlock()
		return s.failure
	case s.endAt > 0 && s.position >= s.endAt:
		defer l.mu.Unlock()
		s.ended = true
		return nil
	case s.registered && s.pending == 0:
		s.quiet = true
		l.mu.Unlock()
		defer s.endQuiet()
		select {
		case <-s.ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	case s.registered && s.pending >= l.ring.first:
		defer l.mu.Unlock()
		s.takeFromRing()
		return nil
	case s.registered:
		// The ring no longer has its next entry.
		l.metrics.fellBehind.Inc()
		s.position = s.pending - 1
		s.unregister()
	case s.position >= l.ring.first-1 && s.endAt == 0:
		defer l.mu.Unlock()
		s.register()
		return nil
	}
	floor, upTo := l.floor, l.ring.last
	s.behind, s.quiet = s.position, true
	l.mu.Unlock()
	defer s.endQuiet()
	if s.position < floor {
		return fault.New(fault.CursorExpired, "", "the events after this cursor have been dropped; query the events, and subscribe after that answer's tailCursor")
	}
	if s.endAt > 0 {
		upTo = s.endAt
	}
	return s.readPage(ctx, upTo)
}

// endQuiet records that Next may deliver again.
func (s *Subscription) endQuiet() {
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	s.quiet = false
}

// Checkpoint returns a cursor to resume after that is beyond the last delivery's: no
// event between the two passes the filter. It is empty if the client has it already, or
// while a delivery is being sent. No delivery may be sent before the checkpoint is.
func (s *Subscription) Checkpoint() string {
	l := s.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if !s.quiet || s.failure != nil {
		return ""
	}
	position := s.behind
	if s.registered && s.pending == 0 {
		position = l.ring.last
	}
	cursor := s.cursor
	if position <= max(s.reached, cursor.Position) {
		return ""
	}
	s.reached = position
	cursor.advance(position)
	return cursor.String()
}

// takeFromRing reads the ring from pending on; log.mu is held.
func (s *Subscription) takeFromRing() {
	ring := &s.log.ring
	from := max(s.pending, s.position+1)
	end := min(ring.last, from+ringPage-1)
	s.found = s.found[:0]
	for position := from; position <= end; position++ {
		s.found = append(s.found, ring.at(position))
	}
	s.position = max(s.position, end)
	s.pending = 0
	if s.position < ring.last {
		s.pending = s.position + 1
	}
}

// register switches to reading the ring; log.mu is held.
func (s *Subscription) register() {
	s.registered = true
	s.log.wakeups.add(s)
	if s.position < s.log.ring.last {
		s.pending = s.position + 1
	}
}

func (s *Subscription) unregister() {
	if s.registered {
		s.registered, s.pending = false, 0
		s.log.wakeups.remove(s)
	}
}

// wake records an entry that may concern the subscription; log.mu is held.
func (s *Subscription) wake(position int64) {
	if s.pending == 0 {
		s.pending = position
	}
	s.signal()
}

// end makes Next fail; log.mu is held.
func (s *Subscription) end(failure error) {
	s.failure = failure
	s.signal()
}

// lag returns the number of positions behind the log's end; log.mu is held.
func (s *Subscription) lag() int64 {
	switch {
	case s.registered && s.pending == 0:
		return 0
	case s.registered:
		return s.log.ring.last - s.pending + 1
	}
	return max(s.log.ring.last-s.behind, 0)
}

func (s *Subscription) signal() {
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// readPage reads a page of the past from the database. It retries while the database
// is unavailable, so that the subscription stays open.
func (s *Subscription) readPage(ctx context.Context, upTo int64) error {
	l := s.log
	select {
	case l.catchingUp <- struct{}{}:
		defer func() { <-l.catchingUp }()
	case <-ctx.Done():
		return ctx.Err()
	}
	l.metrics.pages.Inc()
	var entries []*Entry
	var looked int64
	err := l.Patiently(ctx, func(ctx context.Context) (err error) {
		entries, looked, err = readPage(ctx, l.store, s.matcher.scopes, s.filter, s.position, upTo, &s.limit)
		return err
	})
	if err != nil {
		return err
	}
	return s.keep(entries, looked)
}

// freePage is the number of bytes of a page that are not charged: every subscription
// makes progress even if there is no room.
const freePage = 16 << 10

// keep puts the part of a page that there is room for into found. looked is the position
// that the page reaches.
func (s *Subscription) keep(entries []*Entry, looked int64) error {
	size, free := 0, 0 // free is the number of entries that are not charged
	for i, entry := range entries {
		if size += entry.size; size <= freePage {
			free = i + 1
		}
	}
	s.log.mu.Lock()
	defer s.log.mu.Unlock()
	if s.hold(size) != nil {
		if free == 0 { // the first alone is longer
			if err := s.hold(entries[0].size); err != nil {
				return err
			}
			free = 1
		}
		entries, looked = entries[:free], entries[free-1].Position
		s.limit = pageLimit(free) //nolint:gosec // within logPage
	}
	s.found, s.position = entries, looked
	return nil
}

// hold charges a page; log.mu is held.
func (s *Subscription) hold(size int) error {
	if s.Hold == nil || s.closed || size <= freePage {
		return nil
	}
	err := s.Hold(size)
	if err == nil {
		s.held = size
	}
	return err
}

// release ends the charge of the last page; log.mu is held.
func (s *Subscription) release() {
	if s.held > 0 {
		_ = s.Hold(-s.held)
		s.held = 0
	}
}

// Patiently reads from the database, and retries temporary failures until the
// context or the log's Run ends. Each attempt has the timeout of a query.
func (l *Log) Patiently(ctx context.Context, read func(context.Context) error) error {
	var attempts backoff
	for {
		_, err := bounded(ctx, func(ctx context.Context) (struct{}, error) { return struct{}{}, read(ctx) })
		if err == nil || ctx.Err() != nil || !temporary(err) {
			return err
		}
		select {
		case <-time.After(attempts.next()):
		case <-ctx.Done():
			return ctx.Err()
		case <-l.ended:
			return err
		}
	}
}

// temporary reports whether an error of the database is temporary: anything but a
// rejection of the statement.
func temporary(err error) bool {
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) {
		return true
	}
	switch refusal.Code[:2] {
	case "08", "40", "53", "55", "57": // connection, rollback, resources, not in this state, operator
		return true
	}
	return false
}
