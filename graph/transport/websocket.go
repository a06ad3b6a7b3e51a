package transport

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"golang.org/x/net/http/httpguts"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// overWebSocket is the transport for queries, mutations and subscriptions over
// the protocol graphql-transport-ws
// (https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md). It relies
// on the Guard to check the Origin.
//
// gqlgen's own closes with codes that are not the protocol's, runs two
// operations under one id, blocks forever on a client that does not read, and
// leaks the socket of a client with an invalid connection_init.
type overWebSocket struct{ Options }

const (
	subprotocol = "graphql-transport-ws"

	// maxUnknown is the longest message before connection_init, in bytes.
	maxUnknown            = 64 << 10
	closeHandshakeTimeout = 5 * time.Second
	// Larger reads and writes bypass the buffers.
	readBuffer  = 512
	writeBuffer = 1024
	// messageTimeout is the longest time from the first byte of a message to its last,
	// as for the body of a request.
	messageTimeout = 15 * time.Second
)

// The protocol's own codes for closing the socket.
const (
	closeInvalidMessage     websocket.StatusCode = 4400
	closeUnauthorized       websocket.StatusCode = 4401
	closeForbidden          websocket.StatusCode = 4403
	closeSubprotocol        websocket.StatusCode = 4406
	closeInitTimeout        websocket.StatusCode = 4408
	closeSubscriberExists   websocket.StatusCode = 4409
	closeTooManyInitRequest websocket.StatusCode = 4429
)

// Supports implements graphql.Transport.
func (*overWebSocket) Supports(r *http.Request) bool { return IsHandshake(r) }

// IsHandshake reports whether a request opens a WebSocket.
func IsHandshake(r *http.Request) bool {
	return r.Method == http.MethodGet && httpguts.HeaderValuesContainsToken(r.Header.Values("Connection"), "upgrade") &&
		httpguts.HeaderValuesContainsToken(r.Header.Values("Upgrade"), "websocket")
}

// Do implements graphql.Transport. It returns once the socket is open, so that
// net/http frees the request's goroutine and buffers, which are twice what a
// socket needs. Streams tracks the end of the socket.
func (ws *overWebSocket) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	if !ws.Streams.enter() {
		newAnswer(w, r).refuse(shuttingDown())
		return
	}
	// The token is known once the client identifies itself.
	counted := admission.Caller{Address: telemetry.Host(r.RemoteAddr)}
	if refused := ws.Limits.Sockets.Take(counted, 1); refused != nil {
		ws.Streams.leave()
		a := answer{w: w, mediaType: plainJSON}
		a.refuse(limitRefusal(refused))
		return
	}
	conn, peer, err := accept(w, r)
	if err != nil {
		ws.Limits.Sockets.Release(counted, 1)
		ws.Streams.leave()
		ws.Logger.DebugContext(r.Context(), "a WebSocket handshake failed", "error", err)
		return
	}
	s := &socket{
		Options: &ws.Options, exec: exec, conn: conn, peer: peer, writing: make(chan struct{}, 1),
		authorization: r.Header.Get("Authorization"), counted: counted,
	}
	s.ctx, s.cancel = context.WithCancel(telemetry.Of(r.Context()).Socket(context.WithoutCancel(r.Context())))
	s.admitted = ws.caller(s.authorization, r.RemoteAddr)
	go func() { //nolint:contextcheck // operations have the socket's
		defer s.Streams.leave()
		s.serve()
		s.Limits.Sockets.Release(s.counted, 1)
	}()
}

// serve reads until the socket ends, and returns when all of its operations
// have ended too.
func (s *socket) serve() {
	s.timer = time.AfterFunc(s.InitTimeout, s.unlessEnded(s.tick))
	defer s.end()
	if s.conn.Subprotocol() == "" {
		s.close(closeSubprotocol, "Subprotocol not acceptable")
		return
	}
	s.conn.SetReadLimit(-1) // read has its own, with the right close code
	// 1001 makes the client reconnect; a `complete` would end its subscriptions.
	defer s.Streams.onClosing(s.unlessEnded(func() { s.close(websocket.StatusGoingAway, "Going away") }))()
	for s.receive() {
	}
}

// accept does the handshake, without compression, which would keep 40 KB and
// more for each socket. The Guard has checked the Origin.
func accept(w http.ResponseWriter, r *http.Request) (conn *websocket.Conn, peer *peer, err error) {
	upgrade := &upgrade{ResponseWriter: w}
	conn, err = websocket.Accept(upgrade, r, &websocket.AcceptOptions{
		Subprotocols: []string{subprotocol}, InsecureSkipVerify: true,
	})
	return conn, upgrade.peer, err
}

// upgrade captures the connection that Accept hijacks.
type upgrade struct {
	http.ResponseWriter
	peer *peer
}

// Hijack implements http.Hijacker.
func (u *upgrade) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffers, err := http.NewResponseController(u.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, fmt.Errorf("taking over the connection: %w", err)
	}
	u.peer = &peer{Conn: conn, since: time.Now()}
	// net/http's buffers have 4 KB each.
	buffers.Writer = bufio.NewWriterSize(u.peer, writeBuffer)
	if buffers.Reader.Buffered() == 0 {
		buffers.Reader = bufio.NewReaderSize(u.peer, readBuffer)
	}
	return u.peer, buffers, nil
}

// peer is the connection to the client. It records when it last received
// something.
type peer struct {
	net.Conn
	since time.Time
	heard atomic.Int64 // nanoseconds after since
}

func (p *peer) Read(into []byte) (int, error) {
	n, err := p.Conn.Read(into)
	if n > 0 {
		p.heard.Store(int64(time.Since(p.since)))
	}
	return n, err
}

// silent returns the time since something was received.
func (p *peer) silent() time.Duration {
	return time.Since(p.since) - time.Duration(p.heard.Load())
}

// socket is one WebSocket. One goroutine reads; each operation has its own,
// which executes and writes.
type socket struct {
	*Options
	exec graphql.GraphExecutor
	conn *websocket.Conn
	peer *peer
	// ctx ends with the socket.
	ctx    context.Context
	cancel context.CancelFunc
	// authorization is the header of the handshake, and caller the context of
	// all operations once the client is identified. Only the reader uses both.
	authorization string
	caller        context.Context
	// admitted is the caller that operations are charged to, and counted the caller that
	// the socket counts for.
	admitted, counted admission.Caller
	// writing is the lock of the writer. Waiting for it can end with a context,
	// and does not count as slowness of the client.
	writing chan struct{}
	// wait counts the operations, and what the timer and the shutdown run.
	wait sync.WaitGroup

	// acknowledged: connection_init has come.
	acknowledged atomic.Bool
	timer        *time.Timer

	mu      sync.Mutex
	closing bool // the close frame is on its way
	ended   bool // the reader returns
	// operations are those whose ids are in use; nil before the first.
	operations map[string]*operation
	// completed counts the operations that the client has completed but that
	// have not ended.
	completed int
}

// end releases everything of the socket.
func (s *socket) end() {
	s.mu.Lock()
	s.ended = true
	s.mu.Unlock()
	s.timer.Stop()
	s.cancel()
	_ = s.conn.CloseNow()
	s.wait.Wait()
}

// unlessEnded returns a function that starts f, unless the socket has ended. The end of
// the socket waits for f.
func (s *socket) unlessEnded(f func()) func() {
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !s.ended {
			s.wait.Go(f)
		}
	}
}

// close stops the operations and closes the socket with a code and a reason.
// Only the first call has an effect.
func (s *socket) close(code websocket.StatusCode, reason string) {
	s.mu.Lock()
	first := !s.closing
	s.closing = true
	s.mu.Unlock()
	if !first {
		return
	}
	s.cancel()
	// Close would wait forever for a client that stops in the middle of a frame.
	_ = s.peer.SetDeadline(time.Now().Add(closeHandshakeTimeout))
	if err := s.conn.Close(code, cutReason(reason)); err != nil {
		s.Logger.Debug("closing a WebSocket failed", "error", err)
	}
}

// tick is called by the timer: first for connection_init, then for the pings.
func (s *socket) tick() {
	if !s.acknowledged.Load() {
		s.close(closeInitTimeout, "Connection initialisation timeout")
		return
	}
	if silent := s.peer.silent(); silent >= 2*s.KeepAlive {
		s.Logger.Debug("a WebSocket is cut off: its client answers no ping", "silent", silent)
		_ = s.peer.Close()
		return
	}
	if !s.checkpoints() {
		s.send(outgoing{Type: typePing})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		s.timer.Reset(s.KeepAlive)
	}
}

// checkpoints sends the subscriptions' checkpoints, each as a ping, and reports
// whether there were any.
func (s *socket) checkpoints() (sent bool) {
	checkpoints := map[*operation]func() string{}
	s.mu.Lock()
	for _, o := range s.operations {
		if o.checkpoint != nil {
			checkpoints[o] = o.checkpoint
		}
	}
	s.mu.Unlock()
	for o, checkpoint := range checkpoints {
		sent = o.sendCheckpoint(checkpoint) || sent
	}
	return sent
}

// receive reads and handles one message, and reports whether to continue.
func (s *socket) receive() bool {
	text, ok := s.read()
	if !ok {
		return false
	}
	request := s.Admission.Begin(s.ctx, s.admitted)
	m, invalid := parseMessage(text, request)
	if m.kind == typeSubscribe && m.refused == nil && invalid == "" {
		m.request = request // until its operation ends
	} else {
		request.End()
	}
	if invalid != "" {
		s.close(closeInvalidMessage, invalid)
		return false
	}
	switch m.kind {
	case typeConnectionInit:
		return s.acknowledge(m)
	case typePing:
		return s.send(outgoing{Type: typePong, Payload: m.payload})
	case typeSubscribe:
		m.ctx = telemetry.BeginOperation(cmp.Or(s.caller, s.ctx), len(text))
		return s.subscribe(m)
	case typeComplete:
		s.complete(m.id)
	}
	return true
}

// read returns the next message, and false at the end of the socket. It has no
// context, whose end would cut the socket off without a close frame.
//
//nolint:contextcheck // for that reason
func (s *socket) read() ([]byte, bool) {
	kind, message, err := s.conn.Reader(context.Background())
	if err != nil {
		s.Logger.Debug("a WebSocket has ended", "error", err)
		return nil, false
	}
	if kind != websocket.MessageText {
		s.close(closeInvalidMessage, "Invalid message: it must be text")
		return nil, false
	}
	limit := s.MaxBody
	if !s.acknowledged.Load() {
		limit = min(limit, maxUnknown)
	}
	s.setReadDeadline(time.Now().Add(messageTimeout))
	var text bytes.Buffer
	if _, err := text.ReadFrom(io.LimitReader(message, limit+1)); err != nil {
		s.Logger.Debug("a message broke off", "error", err)
		return nil, false
	}
	s.setReadDeadline(time.Time{})
	if int64(text.Len()) > limit {
		s.close(websocket.StatusMessageTooBig, fmt.Sprintf("Message longer than %d bytes", limit))
		return nil, false
	}
	return text.Bytes(), true
}

// setReadDeadline does not override the deadline of close.
func (s *socket) setReadDeadline(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing {
		_ = s.peer.SetReadDeadline(deadline)
	}
}

func (s *socket) acknowledge(m message) bool {
	if s.acknowledged.Swap(true) {
		s.close(closeTooManyInitRequest, "Too many initialisation requests")
		return false
	}
	s.timer.Reset(s.KeepAlive)
	s.caller = s.ctx
	if s.Authenticate != nil {
		authorization := cmp.Or(authorizationOf(m.payload), s.authorization)
		caller, err := s.Authenticate(s.ctx, authorization)
		if err != nil {
			s.close(closeForbidden, "Forbidden: "+err.Error())
			return false
		}
		s.caller = caller
		if s.ByToken && authorization != "" {
			s.admitted = admission.Caller{Authorization: authorization}
			if refused := s.Limits.Sockets.Take(s.admitted, 1); refused != nil {
				s.close(websocket.StatusTryAgainLater, refused.Message)
				return false
			}
			s.Limits.Sockets.Release(s.counted, 1)
			s.counted = s.admitted
		}
	}
	return s.send(outgoing{Type: typeConnectionAck})
}

// authorizationOf returns the Authorization in the payload of connection_init,
// in any case.
func authorizationOf(payload any) string {
	object, _ := payload.(map[string]any)
	for name, value := range object {
		if text, ok := value.(string); ok && strings.EqualFold(name, "Authorization") {
			return text
		}
	}
	return ""
}

func (s *socket) subscribe(m message) bool {
	started := false
	defer func() {
		if !started {
			m.request.End()
			telemetry.Of(m.ctx).End()
		}
	}()
	s.mu.Lock()
	running := len(s.operations) + s.completed
	_, exists := s.operations[m.id]
	s.mu.Unlock()
	switch {
	case !s.acknowledged.Load():
		s.close(closeUnauthorized, "Unauthorized")
		return false
	case exists:
		s.close(closeSubscriberExists, "Subscriber for "+cutReason(m.id)+" already exists")
		return false
	case m.refused != nil:
		return s.refuse(m, m.refused)
	case running >= s.MaxOperations:
		return s.refuse(m, apierror.Errorf(apierror.TooManyRequests, "%d operations run on this socket, and no more are allowed; complete one first", running))
	}
	started = true
	s.start(m)
	return true
}

// refuse answers an operation that is not run.
func (s *socket) refuse(m message, err *gqlerror.Error) bool {
	telemetry.Of(m.ctx).Failed(gqlerror.List{err})
	return s.send(outgoing{m.id, typeError, gqlerror.List{err}})
}

// start runs an operation. Only the reader starts one, so the id is still free.
func (s *socket) start(m message) {
	o := &operation{socket: s, id: m.id, head: headOf(m.id), request: m.request, exchange: telemetry.Of(m.ctx)}
	o.ctx, o.cancel = context.WithCancel(m.ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations == nil {
		s.operations = map[string]*operation{}
	}
	s.operations[m.id] = o
	s.wait.Go(func() {
		defer s.left(o)
		defer o.exchange.End()
		defer o.request.End()
		o.run(m.params)
	})
}

// complete stops an operation for the client, and frees its id.
func (s *socket) complete(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.operations[id]
	if o == nil {
		return
	}
	o.completed = true
	s.completed++
	delete(s.operations, id)
	o.cancel()
}

// release frees the id of an operation. It returns false if the client has
// completed it: another operation may have the id by now.
func (s *socket) release(o *operation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.operations[o.id] != o {
		return false
	}
	delete(s.operations, o.id)
	return true
}

// left removes an operation whose goroutine ends.
func (s *socket) left(o *operation) {
	s.release(o)
	s.mu.Lock()
	defer s.mu.Unlock()
	if o.completed {
		s.completed--
	}
}

// send writes a message that belongs to no operation, and reports whether the
// socket may continue.
func (s *socket) send(message outgoing) bool {
	if s.lock(s.ctx) != nil {
		return false
	}
	defer s.unlock()
	_, err := s.write(message.text())
	return err == nil
}

// lock acquires writing, unless ctx ends first.
func (s *socket) lock(ctx context.Context) error {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := ctx.Err(); err != nil {
		s.unlock()
		return err
	}
	return nil
}

func (s *socket) unlock() { <-s.writing }

// write sends a message and returns how long the client took to accept it; the
// lock is held. The end of the operation does not interrupt it: a partly
// written message would end the socket.
//
//nolint:contextcheck // for that reason
func (s *socket) write(text []byte) (took time.Duration, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), s.WriteTimeout)
	defer cancel()
	began := time.Now()
	if err = s.conn.Write(ctx, websocket.MessageText, text); err != nil {
		s.Logger.Debug("writing to a WebSocket failed", "error", err)
	}
	return time.Since(began), err
}
