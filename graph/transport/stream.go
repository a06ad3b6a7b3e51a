package transport

import (
	"cmp"
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Stream passes data between a subscription's resolver and its transport that gqlgen's
// channel lacks: the cursor to start after, the cursor of each response, and the error
// that ended the stream.
type Stream struct {
	// After is the cursor to resume after, from SSE's Last-Event-ID. If set, it
	// overrides the argument `after`.
	After string
	// Cursor is that of the response being made, and More whether another
	// follows at once.
	Cursor string
	More   bool
	// Failure is the error that the client gets in place of `complete`.
	Failure *gqlerror.Error
	// Checkpoint returns a cursor to resume after that the client does not have
	// yet, or an empty one; nil for none. It is not called while a response is
	// being sent. The resolver sets it before the first response.
	Checkpoint func() string

	limits *admission.Limits
	caller admission.Caller
	// held is the number of bytes charged for the response being made or sent.
	held int
}

// uncharged is the number of bytes of a response that are not charged: they are part of
// the cost of a subscription.
const uncharged = 1 << 10

// Hold waits until the limit on waiting events has room for an event of so many bytes,
// from which a response is made.
func (s *Stream) Hold(ctx context.Context, bytes int) error {
	if s.Release(); bytes <= uncharged || s.limits == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, roomTimeout)
	defer cancel()
	held, refused := s.limits.Messages.Wait(ctx, s.caller, bytes)
	if s.held = held; refused != nil {
		return refused
	}
	return nil
}

// roomTimeout is how long a subscription waits for room for its next event: as long as
// the server waits for a client that does not read.
const roomTimeout = 15 * time.Second

// Release ends the charge of the last Hold.
func (s *Stream) Release() {
	if s.held > 0 {
		s.limits.Messages.Release(s.caller, s.held)
		s.held = 0
	}
}

// HoldPage charges bytes of events that were read for the subscription and wait to be
// delivered. It returns an error if there is no room. bytes may be negative.
func (s *Stream) HoldPage(bytes int) error {
	switch {
	case s.limits == nil:
	case bytes < 0:
		s.limits.Pages.Release(s.caller, -bytes)
	default:
		if refused := s.limits.Pages.Take(s.caller, bytes); refused != nil {
			return refused
		}
	}
	return nil
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

// subscriber is the client of a subscription.
type subscriber interface {
	// next sends a response, and returns how long the client took to accept it.
	next(stream *Stream, response *graphql.Response) (took time.Duration, err error)
	// fail ends the subscription with errors.
	fail(errs gqlerror.List)
	// complete ends the subscription.
	complete()
}

// deliver sends the responses of a subscription until it ends, or the client is
// too slow to accept one.
func (o *Options) deliver(ctx context.Context, stream *Stream, next graphql.ResponseHandler, to subscriber) {
	last := "" // the cursor of the last response written
	defer stream.Release()
	for {
		stream.Release()
		stream.Cursor, stream.More = "", false
		response := next(ctx)
		switch {
		case response == nil && stream.Failure != nil:
			to.fail(gqlerror.List{stream.Failure})
			return
		case response == nil:
			to.complete()
			return
		case notExecuted(response):
			to.fail(response.Errors)
			return
		}
		// The response may be longer or shorter than the event.
		if err := stream.Hold(ctx, len(response.Data)); err != nil {
			to.fail(gqlerror.List{gqlerror.WrapIfUnwrapped(err)})
			return
		}
		took, err := to.next(stream, response)
		if err == nil {
			last = cmp.Or(stream.Cursor, last)
		}
		if took >= o.SlowTimeout {
			o.Logger.Warn("a subscriber was too slow",
				"code", string(apierror.SlowConsumer), "cursor", last, "took", took, "cut", err != nil)
			if o.OnSlow != nil {
				o.OnSlow(last)
			}
			if err == nil {
				to.fail(gqlerror.List{slowConsumer(last)})
			}
			return
		}
		if err != nil {
			return
		}
	}
}

// notExecuted reports whether the operation was not executed: gqlgen sends such
// a response if the resolver of a subscription fails.
func notExecuted(response *graphql.Response) bool {
	return len(response.Data) == 0 && len(response.Errors) > 0
}

// slowConsumer returns the error that ends the stream of a client that does not
// keep up; it resumes after cursor.
func slowConsumer(cursor string) *gqlerror.Error {
	err := apierror.Errorf(apierror.SlowConsumer, "events were not accepted in time; subscribe again after the last cursor")
	err.Extensions["retryable"] = true
	if cursor != "" {
		err.Extensions["cursor"] = cursor
	}
	return err
}
