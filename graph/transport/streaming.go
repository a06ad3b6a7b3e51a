package transport

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// Streaming is common to SSE and Multipart, whose responses have several parts:
// the events of a subscription, and what a query defers. Other responses are
// JSON, if the client accepts it.
type Streaming struct {
	// HTTP reads the requests, and responds to those that are not streamed.
	HTTP HTTP
	// KeepAlive is the interval of keep-alives on a quiet stream; 0 for 12 s.
	KeepAlive time.Duration
	// SlowTimeout ends a stream whose client takes longer to accept an event;
	// 0 for 5 s. WriteTimeout cuts it off; 0 for 10 s.
	SlowTimeout, WriteTimeout time.Duration
	// Streams ends them at shutdown; nil for never.
	Streams *Streams
	Logger  *slog.Logger
	// OnSlow is called for each stream that ends because its client is slow;
	// may be nil.
	OnSlow func(cursor string)
}

const (
	defaultKeepAlive    = 12 * time.Second
	defaultSlowTimeout  = 5 * time.Second
	defaultWriteTimeout = 10 * time.Second
)

// framing delimits the parts of a response.
type framing interface {
	mediaType() string
	// opening is written at once, so that the client sees the stream open.
	opening() string
	// keepAlive is sent on a quiet stream, with a cursor to resume after,
	// unless that is empty.
	keepAlive(checkpoint string) string
	// part frames a response, given in pieces.
	part(cursor string, payload [][]byte) []byte
	closing() string
}

// choice returns the framing of an operation's response, and whether it has
// several parts. op is nil for an invalid operation.
type choice func(op *graphql.OperationContext) (frames framing, several bool)

func (s Streaming) serve(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor, choose choice) {
	mediaType, alsoJSON := negotiate(r.Header.Values("Accept"))
	if !alsoJSON {
		mediaType = plainJSON
	}
	a := &answer{w: w, mediaType: mediaType}
	defer a.recover(r.Context(), exec)
	params, refused := s.HTTP.read(a, r)
	if refused != nil {
		a.refuse(refused)
		return
	}
	op, errs := exec.CreateOperationContext(r.Context(), params)
	frames, several := choose(nil)
	if len(errs) == 0 {
		frames, several = choose(op)
	}
	if alsoJSON && !several {
		s.HTTP.run(a, r, op, errs, exec)
		return
	}
	if len(errs) == 0 {
		if refused := s.permitted(r.Method, op, several); refused != nil {
			a.refuse(refused)
			return
		}
	}
	closing, leave, ok := s.Streams.Enter()
	if !ok {
		a.refuse(refuse(http.StatusServiceUnavailable, apierror.Unavailable, "the server is shutting down"))
		return
	}
	defer leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		select {
		case <-closing:
			cancel()
		case <-r.Context().Done(): // at the latest when the handler returns
		}
	}()
	begin := func() *parts {
		a.begun = true
		return s.begin(w, frames)
	}
	switch {
	case len(errs) > 0:
		out := begin()
		defer out.stop()
		out.write(&graphql.Response{Errors: apierror.Cap(errs)}, true)
		out.end()
	case op.Operation.Operation == ast.Subscription:
		s.subscribe(ctx, r, op, exec, begin)
	default:
		s.execute(ctx, op, exec, begin)
	}
}

// permitted rejects operations that must not be executed or cannot be answered
// in parts.
func (s Streaming) permitted(method string, op *graphql.OperationContext, several bool) *refusal {
	switch {
	case !several:
		return s.HTTP.permitted(method, op)
	case Defers(op):
		return undeferrable(op)
	}
	return nil
}

// execute responds to a query or a mutation.
func (s Streaming) execute(ctx context.Context, op *graphql.OperationContext, exec graphql.GraphExecutor, begin func() *parts) {
	out := begin()
	defer out.stop()
	execute(ctx, s.HTTP.timeout(op), exec, op, out.write)
	out.end()
}

// subscribe responds to a subscription.
func (s Streaming) subscribe(ctx context.Context, r *http.Request, op *graphql.OperationContext, exec graphql.GraphExecutor, begin func() *parts) {
	stream := &Stream{After: r.Header.Get("Last-Event-ID")}
	next, running := exec.DispatchOperation(WithStream(ctx, stream), op)
	// Begin only now: a client that sees the stream open misses no event from
	// here on.
	out := begin()
	defer out.stop()
	out.checkpoints(stream)
	for {
		response := next(running)
		if response == nil {
			break
		}
		cursor, more := stream.next()
		if !out.next(cursor, response, more) {
			return
		}
		if len(response.Data) == 0 {
			out.end()
			return
		}
	}
	if failure := stream.Failure(); failure != nil {
		out.write(&graphql.Response{Errors: gqlerror.List{failure}}, true)
		out.end()
		return
	}
	if ctx.Err() != nil {
		// The stream is not complete. The deadline keeps net/http from ending
		// the body, so that the client sees the connection break, and resumes.
		_ = out.controller.SetWriteDeadline(time.Unix(1, 0))
		return
	}
	out.end()
}

// parts writes a response in parts.
type parts struct {
	Streaming
	framing
	w          http.ResponseWriter
	controller *http.ResponseController

	mu    sync.Mutex
	alive *time.Timer
	// stream has the checkpoints; nil for none.
	stream *Stream
	// last is the cursor of the last part that was written.
	last    string
	stopped bool
}

func (s Streaming) begin(w http.ResponseWriter, frames framing) *parts {
	out := &parts{Streaming: s, framing: frames, w: w, controller: http.NewResponseController(w)}
	header := w.Header()
	header.Set("Content-Type", frames.mediaType())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold parts back
	header.Add("Vary", "Accept")
	_ = out.controller.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	out.mu.Lock()
	defer out.mu.Unlock()
	out.alive = time.AfterFunc(time.Hour, out.stayAlive)
	out.send([]byte(frames.opening()), false)
	return out
}

// stop ends the keep-alives before the handler returns.
func (p *parts) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	p.alive.Stop()
}

func (p *parts) stayAlive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		checkpoint := ""
		if p.stream != nil {
			checkpoint = p.stream.Checkpoint()
		}
		p.send([]byte(p.keepAlive(checkpoint)), false)
	}
}

// checkpoints sets the stream whose checkpoints the keep-alives carry.
func (p *parts) checkpoints(stream *Stream) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stream = stream
}

// send writes bytes, flushes them unless more follow, and reports whether the
// client accepted them in time; mu is held.
func (p *parts) send(text []byte, more bool) bool {
	_ = p.controller.SetWriteDeadline(time.Now().Add(cmp.Or(p.WriteTimeout, defaultWriteTimeout)))
	_, err := p.w.Write(text)
	if err == nil && !more {
		err = p.controller.Flush()
	}
	p.alive.Reset(cmp.Or(p.KeepAlive, defaultKeepAlive))
	return err == nil
}

// next sends an event and reports whether the stream may continue. If the
// client was too slow, it also sends the error for that.
func (p *parts) next(cursor string, response *graphql.Response, more bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now()
	sent := p.send(p.part(cursor, payloadOf(response, true)), more)
	took := time.Since(began)
	if sent {
		p.last = cursor
	}
	if took < cmp.Or(p.SlowTimeout, defaultSlowTimeout) {
		return sent
	}
	p.Logger.Warn("a subscriber was too slow", "code", string(apierror.SlowConsumer), "cursor", p.last, "took", took)
	if p.OnSlow != nil {
		p.OnSlow(p.last)
	}
	if sent {
		p.send(p.part("", payloadOf(&graphql.Response{Errors: gqlerror.List{slowConsumer(p.last)}}, true)), true)
		p.send([]byte(p.closing()), false)
	}
	return false
}

// write sends a response that is not an event.
func (p *parts) write(response *graphql.Response, first bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.send(p.part("", payloadOf(response, first)), false)
}

func (p *parts) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.send([]byte(p.closing()), false)
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
