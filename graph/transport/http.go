// Package transport is the server's edge on HTTP: GraphQL-over-HTTP,
// subscriptions and @defer as server-sent events and multipart/mixed,
// graphql-transport-ws, the guard before them, and net/http's limits.
//
//	gql := handler.New(schema)
//	transport.Add(gql, transport.Options{})
//	guarded, err := transport.Guard(gql, nil, log)
//	server := transport.Server("127.0.0.1:8080", guarded, log)
//
// It replaces gqlgen's own transports, which repeat a malformed body in the
// error, read bodies without a limit, choose the wrong status in many cases
// and encode the response twice.
package transport

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// overHTTP is the transport for POST and GET: it responds in JSON, in server-sent
// events, or in multipart/mixed. If the client also accepts JSON, a response of
// one part is JSON.
type overHTTP struct{ Options }

const allowed = "GET, POST, OPTIONS"

var errNoResponse = errors.New("execution gave no response")

// Supports implements graphql.Transport.
func (*overHTTP) Supports(*http.Request) bool { return true }

// Do implements graphql.Transport.
func (h *overHTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	a := newAnswer(w, r)
	a.timeout = h.AnswerTimeout
	defer a.recover(r.Context(), exec)
	switch r.Method {
	case http.MethodGet, http.MethodPost:
		if refused := h.serve(a, r, exec); refused != nil {
			a.refuse(refused)
			if refused.status == http.StatusRequestEntityTooLarge {
				drain(w, r)
			}
		}
	case http.MethodOptions:
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
	default:
		refused := refuse(http.StatusMethodNotAllowed, fault.BadUserInput, "send GraphQL requests with POST or GET")
		refused.allow = allowed
		a.refuse(refused)
	}
}

// serve responds to a GET or a POST, or returns a refusal. The cheapest checks come
// first.
func (h *overHTTP) serve(a *answer, r *http.Request, exec graphql.GraphExecutor) *refusal {
	accept := parseAccept(r.Header.Values("Accept"))
	if accept.json == "" && !accept.events && !accept.deferrals && !accept.subscriptions {
		return refuse(http.StatusNotAcceptable, fault.BadUserInput,
			"answers come as %s or %s, and subscriptions as %s; the Accept header allows neither", responseJSON, plainJSON, eventStream)
	}
	a.mediaType = cmp.Or(accept.json, plainJSON)
	if ctx := a.exchange.Begin(r.Context()); ctx != r.Context() {
		r = r.WithContext(ctx)
	}
	request := h.Admission.Begin(r.Context(), h.caller(r.Header.Get("Authorization"), r.RemoteAddr))
	defer request.End()
	params, refused := h.decode(a.w, r, request)
	if refused != nil {
		return refused
	}
	op, failed := prepare(r.Context(), exec, params)
	deferred := failed == nil && defers(op)
	frames, several := accept.framing(op, deferred)
	if failed == nil {
		if refused := checkOperation(r.Method, op, deferred, several); refused != nil {
			return refused
		}
	}
	if accept.json == "" || several {
		return h.stream(a, r, op, failed, exec, frames, request)
	}
	send := func(response *graphql.Response, _ bool) bool {
		status := http.StatusOK
		if len(response.Data) == 0 {
			status = requestStatus(a.mediaType, response.Errors)
		}
		a.write(status, response)
		return true
	}
	if failed != nil {
		send(failed, true)
	} else {
		execute(r.Context(), h.timeout(op), request, exec, op, send)
	}
	return nil
}

// prepare parses and checks an operation, or returns the response to an invalid
// one.
func prepare(ctx context.Context, exec graphql.GraphExecutor, params *graphql.RawParams) (op *graphql.OperationContext, failed *graphql.Response) {
	op, errs := exec.CreateOperationContext(ctx, params)
	telemetry.Of(ctx).Prepared(op)
	if len(errs) == 0 {
		return op, nil
	}
	return nil, exec.DispatchError(graphql.WithOperationContext(ctx, op), apierror.Cap(input.Errors(errs)))
}

// stream responds in parts, or returns a refusal.
func (h *overHTTP) stream(a *answer, r *http.Request, op *graphql.OperationContext, failed *graphql.Response, exec graphql.GraphExecutor, frames framing, request *admission.Request) *refusal {
	if !h.Streams.enter() {
		return shuttingDown()
	}
	defer h.Streams.leave()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer h.Streams.onClosing(cancel)()

	stream := &Stream{After: r.Header.Get("Last-Event-ID"), limits: h.Limits, caller: request.Caller()}
	running, next := ctx, graphql.ResponseHandler(nil)
	if failed == nil && op.Operation.Operation == ast.Subscription {
		if refused := h.Limits.Subscriptions.Take(stream.caller, 1); refused != nil {
			return limitRefusal(refused)
		}
		defer h.Limits.Subscriptions.Release(stream.caller, 1)
		// Before the stream begins: a client that sees it open misses no event
		// from there on.
		next, running = exec.DispatchOperation(WithStream(ctx, stream), op)
	}
	a.begun = true
	out := h.begin(ctx, a, frames, stream)
	defer out.stop()
	switch {
	case failed != nil:
		out.fail(failed.Errors)
	case next != nil:
		request.Leave()
		a.exchange.Started()
		h.deliver(running, stream, next, out)
	default:
		execute(ctx, h.timeout(op), request, exec, op, out.write)
		out.end()
	}
	return nil
}

func shuttingDown() *refusal {
	return refuse(http.StatusServiceUnavailable, apierror.Unavailable, "the server is shutting down")
}

func (h *overHTTP) decode(w http.ResponseWriter, r *http.Request, request *admission.Request) (*graphql.RawParams, *refusal) {
	if r.Method == http.MethodGet {
		params, err := decodeURL(r.URL.RawQuery)
		return params, badRequest(err)
	}
	if refused := checkContent(r.Header); refused != nil {
		return nil, refused
	}
	body := bodies.get()
	if body == nil {
		body = new(bytes.Buffer)
	}
	defer func() { bodies.put(body, body.Cap()) }()
	if refused := readBody(body, w, r, h.MaxBody, request); refused != nil {
		return nil, refused
	}
	defer func() { _ = request.Keep(-body.Len()) }()
	telemetry.Of(r.Context()).Received(body.Len())
	params, err := decodeRequest(body.Bytes(), request)
	return params, badRequest(err)
}

// bodies pools buffers for request bodies. The decoded values do not refer to them.
var bodies = make(pool[*bytes.Buffer], maxPooled)

func badRequest(err *gqlerror.Error) *refusal {
	switch {
	case err == nil:
		return nil
	case apierror.Code(err) == fault.PayloadTooLarge, apierror.Code(err) == apierror.BudgetExceeded:
		return &refusal{status: http.StatusRequestEntityTooLarge, err: err}
	}
	return &refusal{status: requestStatus(responseJSON, gqlerror.List{err}), err: err}
}

// checkContent accepts application/json only: a foreign web page may send forms
// and text/plain without a preflight (CORS). 64 KB of gzip can be a body of 64
// MB.
func checkContent(header http.Header) *refusal {
	mediaType, parameters, err := mime.ParseMediaType(header.Get("Content-Type"))
	charset, given := parameters["charset"]
	if err != nil || mediaType != plainJSON || given && !strings.EqualFold(charset, "utf-8") {
		return refuse(http.StatusUnsupportedMediaType, fault.BadUserInput, "the body must be %s, in UTF-8", plainJSON)
	}
	if _, given := header["Content-Encoding"]; given {
		return refuse(http.StatusUnsupportedMediaType, fault.BadUserInput, "the body must come without a Content-Encoding")
	}
	return nil
}

// readBody reads the whole body before gqlgen starts, which would treat a read
// error as a request.
func readBody(body *bytes.Buffer, w http.ResponseWriter, r *http.Request, limit int64, request *admission.Request) *refusal {
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return tooLarge(limit)
	}
	body.Reset()
	// A length that is only claimed must not reserve much.
	body.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	var reader io.Reader = http.MaxBytesReader(w, r.Body, limit)
	if r.ContentLength < 0 || r.ContentLength > chargeAt {
		reader = &chargingReader{reader, request}
	} else {
		defer func() { _ = request.Keep(body.Len()) }()
	}
	_, err := body.ReadFrom(reader)

	var overLimit *http.MaxBytesError
	var timeout interface{ Timeout() bool }
	switch {
	case err == nil:
		return nil
	case errors.As(err, &overLimit):
		return tooLarge(limit)
	case errors.As(err, &timeout) && timeout.Timeout():
		return refuse(http.StatusRequestTimeout, apierror.Timeout, "the request body did not arrive in time")
	}
	if refused := admission.Refusal(err); refused != nil {
		return badRequest(refused)
	}
	return refuse(http.StatusBadRequest, fault.BadUserInput, "the request body could not be read to its end")
}

// chargingReader charges the request for the bytes it reads.
type chargingReader struct {
	io.Reader
	request *admission.Request
}

func (k *chargingReader) Read(into []byte) (int, error) {
	n, err := k.Reader.Read(into)
	if kept := k.request.Keep(n); kept != nil {
		return n, kept
	}
	return n, err
}

const (
	// maxDrained and drainTime limit how much of a body that is too large is read.
	maxDrained = 64 << 20
	drainTime  = 5 * time.Second
)

// drain reads the rest of a body, so that a client that sends all of it before it reads
// gets the response. Otherwise the connection is reset while the client still sends.
func drain(w http.ResponseWriter, r *http.Request) {
	controller := http.NewResponseController(w)
	_ = controller.Flush()
	_ = controller.SetReadDeadline(time.Now().Add(drainTime))
	_, _ = io.CopyN(io.Discard, r.Body, maxDrained)
}

func tooLarge(limit int64) *refusal {
	return refuse(http.StatusRequestEntityTooLarge, fault.PayloadTooLarge, "the request body is longer than %d bytes", limit)
}

// decodeURL reads the parameters of a GET.
func decodeURL(rawQuery string) (*graphql.RawParams, *gqlerror.Error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return nil, apierror.Errorf(fault.BadUserInput, "the query part of the address is not well formed")
	}
	object := map[string]any{}
	for _, name := range requestKeys {
		switch given := values[name]; {
		case len(given) > 1:
			return nil, argumentError(name, "%s is given more than once", name)
		case len(given) == 0 || given[0] == "":
		case !utf8.ValidString(given[0]):
			return nil, argumentError(name, "%s is not valid UTF-8", name)
		case name == "variables" || name == "extensions":
			value, refused := decodeJSON([]byte(given[0]), nil)
			if refused != nil {
				refused.Extensions["argument"] = name
				return nil, refused
			}
			object[name] = value
		default:
			object[name] = given[0]
		}
	}
	return requestOf(object)
}

// checkOperation rejects operations that must not be executed, or whose response has
// several parts and would be cut to its first.
func checkOperation(method string, op *graphql.OperationContext, deferred, several bool) *refusal {
	kind := op.Operation.Operation
	switch {
	case kind == ast.Subscription && !several:
		return refuse(http.StatusBadRequest, fault.BadUserInput,
			"subscriptions are served over WebSocket (graphql-transport-ws), as %s, and as multipart/mixed;subscriptionSpec=1.0", eventStream)
	case kind == ast.Mutation && method == http.MethodGet && !several:
		refused := refuse(http.StatusMethodNotAllowed, fault.BadUserInput, "a GET runs queries only; send a %s with POST", kind)
		refused.allow = http.MethodPost
		return refused
	case deferred && kind != ast.Query:
		return undeferrable(kind)
	case deferred && !several:
		return refuse(http.StatusBadRequest, fault.BadUserInput,
			"the answer to @defer comes in parts: accept multipart/mixed;deferSpec=20220824 or %s", eventStream)
	}
	return nil
}

// recover responds to a panic outside the resolvers. gqlgen's server would
// respond in the wrong shape and without a media type.
func (a *answer) recover(ctx context.Context, exec graphql.GraphExecutor) {
	value := recover()
	if value == nil {
		return
	}
	// A panic value is compared as it is, as net/http does.
	if a.begun || value == http.ErrAbortHandler { //nolint:errorlint // not an error in a chain
		panic(value)
	}
	presented, logged := presentPanic(ctx, exec, value)
	if !logged {
		panic(value) // net/http logs it
	}
	a.refuse(&refusal{status: http.StatusInternalServerError, err: presented})
}

// presentPanic returns the error for a client, and whether the executor has
// logged the panic.
func presentPanic(ctx context.Context, exec graphql.GraphExecutor, value any) (presented *gqlerror.Error, logged bool) {
	presented = apierror.Errorf(apierror.Internal, "internal error")
	presenter, ok := exec.(interface {
		PresentRecoveredError(ctx context.Context, value any) error
	})
	if ok {
		errors.As(presenter.PresentRecoveredError(ctx, value), &presented)
	}
	return presented, ok
}
