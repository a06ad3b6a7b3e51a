package transport

import (
	"context"
	"sync"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Stream is what a subscription's resolver and its transport tell each other
// beside the responses: where to begin, the cursor of each response, and why
// it ended. gqlgen's channel between the two carries none of these.
type Stream struct {
	// After is the cursor to resume after where the transport was told one:
	// SSE's Last-Event-ID. It comes before the argument `after`.
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

// StreamOf returns the stream of a subscription's context; nil where the transport
// has given none.
func StreamOf(ctx context.Context) *Stream {
	stream, _ := ctx.Value(streamKey{}).(*Stream)
	return stream
}

// Announce tells the cursor of the next response, and whether another follows
// at once; the resolver calls it before each value that it sends.
func (s *Stream) Announce(cursor string, more bool) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.announced = append(s.announced, announcement{cursor, more})
}

// Cursor returns the cursor of the next response, in the order announced; the
// transport calls it once for each response. It is empty where none was
// announced.
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

// Checkpoints tells where to ask for a cursor while nothing is delivered;
// checkpoint returns an empty one where there is no news.
func (s *Stream) Checkpoints(checkpoint func() string) {
	if s == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkpoint = checkpoint
}

// Checkpoint returns a cursor to resume after in place of that of the last response,
// for a client that is still to be told of it; empty for none. It must not be
// called while a response is being sent.
func (s *Stream) Checkpoint() string {
	s.mu.Lock()
	checkpoint := s.checkpoint
	s.mu.Unlock()
	if checkpoint == nil {
		return ""
	}
	return checkpoint()
}

// Fail says that the stream, whose channel the resolver closes after this, did
// not come to its end: the client gets the error in place of `complete`.
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
