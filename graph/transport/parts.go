package transport

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// framing delimits the parts of a response.
type framing interface {
	mediaType() string
	// opening is written at once, so that the client sees the stream open.
	opening() string
	// keepAlive is sent on a quiet stream, with a cursor to resume after,
	// unless that is empty.
	keepAlive(checkpoint string) string
	// part returns what encloses a response.
	part(cursor string) (head, tail string)
	closing() string
}

// parts writes a response in parts: the events of a subscription, or what a
// query defers.
type parts struct {
	framing
	options    *Options
	ctx        context.Context
	w          http.ResponseWriter
	exchange   *telemetry.Exchange
	controller *http.ResponseController
	stream     *Stream

	mu      sync.Mutex
	alive   *time.Timer
	stopped bool
}

func (o *Options) begin(ctx context.Context, a *answer, frames framing, stream *Stream) *parts {
	p := &parts{framing: frames, options: o, ctx: ctx, w: a.w, exchange: a.exchange, controller: http.NewResponseController(a.w), stream: stream}
	header := a.w.Header()
	header.Set("Content-Type", frames.mediaType())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would hold parts back
	header.Add("Vary", "Accept")
	_ = p.controller.SetReadDeadline(time.Time{})
	a.w.WriteHeader(http.StatusOK)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.alive = time.AfterFunc(time.Hour, p.stayAlive)
	_ = p.send([]byte(frames.opening()), false)
	return p
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
	if p.stopped {
		return
	}
	checkpoint := ""
	if p.stream.Checkpoint != nil {
		checkpoint = p.stream.Checkpoint()
	}
	_ = p.send([]byte(p.keepAlive(checkpoint)), false)
}

func (p *parts) framed(cursor string, response *graphql.Response, first bool) []byte {
	p.exchange.Failed(response.Errors)
	head, tail := p.part(cursor)
	return enclosed(head, payloadOf(response, first), tail)
}

// send writes bytes, and flushes them unless more follow; mu is held.
func (p *parts) send(text []byte, more bool) error {
	_ = p.controller.SetWriteDeadline(time.Now().Add(p.options.WriteTimeout))
	_, err := p.w.Write(text) //nolint:gosec // it is not HTML
	if err == nil && !more {
		err = p.controller.Flush()
	}
	p.alive.Reset(p.options.KeepAlive)
	return err
}

// write sends a part of a response to a query or a mutation.
func (p *parts) write(response *graphql.Response, first bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.send(p.framed("", response, first), false) == nil
}

// next implements subscriber.
func (p *parts) next(stream *Stream, response *graphql.Response) (took time.Duration, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	began := time.Now()
	err = p.send(p.framed(stream.Cursor, response, true), stream.More)
	return time.Since(began), err
}

// fail implements subscriber.
func (p *parts) fail(errs gqlerror.List) {
	p.write(&graphql.Response{Errors: apierror.Cap(errs)}, true)
	p.end()
}

// complete implements subscriber.
func (p *parts) complete() {
	if p.ctx.Err() == nil {
		p.end()
		return
	}
	// The stream is not complete. The deadline keeps net/http from ending the
	// body, so that the client sees the connection break, and resumes.
	p.stop()
	_ = p.controller.SetWriteDeadline(time.Unix(1, 0))
}

func (p *parts) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.send([]byte(p.closing()), false)
}
