package transport

import (
	"context"
	"fmt"
	"sync"
)

// Streams are the open WebSockets and SSE streams of a server, which
// http.Server.Shutdown neither ends nor waits for. A nil *Streams counts
// nothing and never closes.
type Streams struct {
	ctx   context.Context // ends when Close is called
	close context.CancelFunc

	mu     sync.Mutex
	open   int
	closed bool
	left   chan struct{} // closed when the last has left after Close
}

// NewStreams returns a registry without streams.
func NewStreams() *Streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &Streams{ctx: ctx, close: cancel, left: make(chan struct{})}
}

// Enter registers a stream until it calls leave, once. The stream has to end
// when closing is closed. After Close, ok is false.
func (s *Streams) Enter() (closing <-chan struct{}, leave func(), ok bool) {
	if s == nil {
		return nil, func() {}, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, nil, false
	}
	s.open++
	return s.ctx.Done(), s.leave, true
}

func (s *Streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open--
	if s.closed && s.open == 0 {
		close(s.left)
	}
}

// onClosing calls f in a new goroutine when Close is called, unless it is
// stopped before: for callers that cannot block on Enter's channel.
func (s *Streams) onClosing(f func()) (stop func() bool) {
	if s == nil {
		return func() bool { return true }
	}
	return context.AfterFunc(s.ctx, f)
}

// Close ends all streams, rejects new ones, and waits until the last has left
// or ctx ends.
func (s *Streams) Close(ctx context.Context) error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	if !s.closed && s.open == 0 {
		close(s.left)
	}
	s.closed = true
	s.mu.Unlock()
	s.close()
	select {
	case <-s.left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing %d streams: %w", s.Open(), ctx.Err())
	}
}

// Open returns how many streams are open.
func (s *Streams) Open() int {
	if s == nil {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}
