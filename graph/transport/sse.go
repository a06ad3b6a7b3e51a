package transport

import (
	"bytes"
	"context"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// SSE is the transport for server-sent events, as the distinct connections
// mode of graphql-sse has it
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): each
// response is an event `next`, and `complete` follows the last. Each event of a
// subscription has its cursor as `id:`, so that a browser's EventSource resumes
// by itself: its Last-Event-ID is taken for `after`.
//
// A client that accepts JSON as well gets JSON for all but subscriptions.
type SSE struct {
	// HTTP reads the requests, and answers those that are not streamed.
	HTTP HTTP
	// KeepAlive is how often a quiet stream gets a comment; 0 for 12 s.
	KeepAlive time.Duration
	// SlowTimeout ends a stream whose client takes longer to accept an event;
	// 0 for 5 s. WriteTimeout cuts it off; 0 for 10 s.
	SlowTimeout, WriteTimeout time.Duration
	// Streams ends them at shutdown; nil for never.
	Streams *Streams
	Logger  *slog.Logger
	// OnSlow is told of each stream that ended for slowness; nil for nobody.
	OnSlow func(cursor string)
}

var _ graphql.Transport = SSE{}

const (
	defaultKeepAlive    = 12 * time.Second
	defaultSlowTimeout  = 5 * time.Second
	defaultWriteTimeout = 10 * time.Second
)

// Supports implements graphql.Transport.
func (SSE) Supports(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	for _, header := range r.Header.Values("Accept") {
		for part := range strings.SplitSeq(header, ",") {
			if mediaRange, quality, ok := parseRange(part); ok && mediaRange == eventStream && quality > 0 {
				return true
			}
		}
	}
	return false
}

// Do implements graphql.Transport.
func (s SSE) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
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
	subscribes := len(errs) == 0 && op.Operation.Operation == ast.Subscription
	if alsoJSON && !subscribes {
		s.HTTP.run(a, r, op, errs, exec)
		return
	}
	if !subscribes && len(errs) == 0 {
		if refused := s.HTTP.permitted(r.Method, op); refused != nil {
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
	if !subscribes && len(errs) == 0 {
		ctx, cancel = context.WithTimeout(ctx, s.HTTP.timeout(op))
		defer cancel()
	}
	go func() {
		select {
		case <-closing:
			cancel()
		case <-r.Context().Done(): // at the latest when Do returns
		}
	}()
	stream := &Stream{After: r.Header.Get("Last-Event-ID")}
	if len(errs) > 0 {
		out := s.begin(w, a)
		defer out.stop()
		out.next("", &graphql.Response{Errors: apierror.Cap(errs)}, false)
		out.complete()
		return
	}
	next, running := exec.DispatchOperation(WithStream(ctx, stream), op)
	// Only now: a client that sees the stream open has not missed an event since.
	out := s.begin(w, a)
	defer out.stop()
	for {
		response := next(running)
		if response == nil {
			break
		}
		cursor, more := stream.next()
		if !out.next(cursor, response, more) {
			return
		}
		if !subscribes || len(response.Data) == 0 {
			out.complete()
			return
		}
	}
	if failure := stream.Failure(); failure != nil {
		out.next("", &graphql.Response{Errors: gqlerror.List{failure}}, false)
		out.complete()
		return
	}
	if ctx.Err() != nil {
		// Not the end of what there is to tell: net/http cannot write the end of
		// the body any more, so that the client sees the connection break, and
		// resumes.
		_ = out.controller.SetWriteDeadline(time.Unix(1, 0))
		return
	}
	out.complete()
}

// events writes a stream of events.
type events struct {
	SSE
	w          http.ResponseWriter
	controller *http.ResponseController

	mu    sync.Mutex
	alive *time.Timer
	// last is the cursor of the last event that was written.
	last    string
	stopped bool
}

func (s SSE) begin(w http.ResponseWriter, a *answer) *events {
	out := &events{SSE: s, w: w, controller: http.NewResponseController(w)}
	header := w.Header()
	header.Set("Content-Type", eventStream+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold events back
	header.Add("Vary", "Accept")
	a.begun = true
	_ = out.controller.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	out.mu.Lock()
	defer out.mu.Unlock()
	out.alive = time.AfterFunc(time.Hour, out.keepAlive)
	out.write([]byte(":\n\n"), false)
	return out
}

// stop ends the keep-alives before the handler returns.
func (e *events) stop() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = true
	e.alive.Stop()
}

func (e *events) keepAlive() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.stopped {
		e.write([]byte(":\n\n"), false)
	}
}

// write sends bytes, at once unless more follow, and tells whether they were
// accepted in time; mu is held.
func (e *events) write(text []byte, more bool) bool {
	_ = e.controller.SetWriteDeadline(time.Now().Add(orDefault(e.WriteTimeout, defaultWriteTimeout)))
	_, err := e.w.Write(text)
	if err == nil && !more {
		err = e.controller.Flush()
	}
	e.alive.Reset(orDefault(e.KeepAlive, defaultKeepAlive))
	return err == nil
}

// next sends a response, and tells whether the stream may go on. Where the
// client was too slow, it has been told so.
func (e *events) next(cursor string, response *graphql.Response, more bool) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	began := time.Now()
	sent := e.write(eventOf(cursor, response), more)
	took := time.Since(began)
	if sent {
		e.last = cursor
	}
	if took < orDefault(e.SlowTimeout, defaultSlowTimeout) {
		return sent
	}
	e.Logger.Warn("a subscriber was too slow", "code", string(apierror.SlowConsumer), "cursor", e.last, "took", took)
	if e.OnSlow != nil {
		e.OnSlow(e.last)
	}
	if sent {
		e.write(eventOf("", &graphql.Response{Errors: gqlerror.List{slowConsumer(e.last)}}), true)
		e.write(completeEvent, false)
	}
	return false
}

// slowConsumer is the error that ends the stream of a client that does not
// keep up; it resumes after cursor.
func slowConsumer(cursor string) *gqlerror.Error {
	err := apierror.Errorf(apierror.SlowConsumer, "events were not accepted in time; subscribe again after the last cursor")
	err.Extensions["retryable"] = true
	if cursor != "" {
		err.Extensions["cursor"] = cursor
	}
	return err
}

var completeEvent = []byte("event: complete\ndata:\n\n")

func (e *events) complete() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.write(completeEvent, false)
}

// eventOf is a response as an event. JSON has no line breaks but those that we
// would put in.
func eventOf(cursor string, response *graphql.Response) []byte {
	head, tail := envelope(response)
	var text bytes.Buffer
	text.Grow(64 + len(cursor) + len(head) + len(response.Data) + len(tail))
	text.WriteString("event: next\n")
	if cursor != "" {
		text.WriteString("id: ")
		text.WriteString(cursor)
		text.WriteByte('\n')
	}
	text.WriteString("data: ")
	text.Write(head)
	text.Write(response.Data)
	text.Write(tail)
	text.WriteString("\n\n")
	return text.Bytes()
}
