package transport

import (
	"context"
	"fmt"
	"sync"
)

// Streams are the open WebSockets and SSE streams of a server, which
// http.Server.Shutdown neither ends nor waits for.
type Streams struct {
	ctx   context.Context // ends when Close is called
	close context.CancelFunc

	mu   sync.Mutex
	open int
	left chan struct{} // closed when the last has left after Close
}

// NewStreams returns a registry without streams.
func NewStreams() *Streams {
	ctx, cancel := context.WithCancel(context.Background())
	return &Streams{ctx: ctx, close: cancel, left: make(chan struct{})}
}

// enter registers a stream until it calls leave, once. It returns false after
// Close.
func (s *Streams) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.open++
	return true
}

func (s *Streams) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open--; s.open == 0 && s.ctx.Err() != nil {
		close(s.left)
	}
}

// onClosing calls end, which has to end a stream, in a new goroutine when Close
// is called, unless it is stopped before.
func (s *Streams) onClosing(end func()) (stop func() bool) { return context.AfterFunc(s.ctx, end) }

// Close ends all streams, rejects new ones, and waits until the last has left
// or ctx ends.
func (s *Streams) Close(ctx context.Context) error {
	s.mu.Lock()
	if s.open == 0 && s.ctx.Err() == nil {
		close(s.left)
	}
	s.close()
	s.mu.Unlock()
	select {
	case <-s.left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("closing %d streams: %w", s.Open(), ctx.Err())
	}
}

// Open returns how many streams are open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}
