package transport

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Stream carries what gqlgen's channel between a subscription's resolver and
// its transport does not: where to begin, the cursor of each response, and why
// the stream ended.
type Stream struct {
	// After is the cursor to resume after, from SSE's Last-Event-ID. If set, it
	// overrides the argument `after`.
	After string

	mu         sync.Mutex
	announced  []announcement
	failure    *gqlerror.Error
	checkpoint func() string
}

type announcement struct {
	cursor string
	more   bool
}

type streamKey struct{}

// WithStream returns a context for the resolver of a subscription.
func WithStream(ctx context.Context, stream *Stream) context.Context {
	return context.WithValue(ctx, streamKey{}, stream)
}

// StreamOf returns the stream of a subscription's context; nil if the transport
// set none.
func StreamOf(ctx context.Context) *Stream {
	stream, _ := ctx.Value(streamKey{}).(*Stream)
	return stream
}

// Announce sets the cursor of the next response, and whether another follows at
// once. The resolver calls it before it sends each value.
func (s *Stream) Announce(cursor string, more bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced = append(s.announced, announcement{cursor, more})
}

// Cursor returns the cursor of the next response, in the order announced; empty
// if none was. The transport calls it once for each response.
func (s *Stream) Cursor() string {
	cursor, _ := s.next()
	return cursor
}

// next returns the cursor of the next response, and whether another follows at once.
func (s *Stream) next() (cursor string, more bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.announced) == 0 {
		return "", false
	}
	first := s.announced[0]
	s.announced = s.announced[1:]
	return first.cursor, first.more
}

// Checkpoints sets the function that returns a cursor while nothing is
// delivered, or an empty one if it has not changed.
func (s *Stream) Checkpoints(checkpoint func() string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkpoint = checkpoint
}

// Checkpoint returns a cursor to resume after that the client does not have
// yet; empty for none. It must not be called while a response is being sent.
func (s *Stream) Checkpoint() string {
	s.mu.Lock()
	checkpoint := s.checkpoint
	s.mu.Unlock()
	if checkpoint == nil {
		return ""
	}
	return checkpoint()
}

// Fail sets the error that the client gets in place of `complete`. The resolver
// calls it before it closes its channel.
func (s *Stream) Fail(err *gqlerror.Error) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure = err
}

// Failure returns the error given to Fail; nil for a stream that ended by itself.
func (s *Stream) Failure() *gqlerror.Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failure
}
