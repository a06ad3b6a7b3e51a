// Package transport is the server's edge on HTTP: the POST and GET of
// GraphQL-over-HTTP, the guard before them, and net/http's limits.
//
//	guard, err := transport.NewGuard(transport.GuardOptions{Loopback: true})
//	gql := handler.New(schema)
//	gql.AddTransport(transport.HTTP{})
//	server := transport.Server("127.0.0.1:8080", guard.Wrap(gql), log)
//
// It replaces gqlgen's own POST and GET, which repeat a malformed body in the
// error, read bodies without a limit, choose the wrong status in many cases
// and encode the response twice.
package transport

import (
	"bytes"
	"cmp"
	"context"
	"errors"
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
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// HTTP is the transport for POST and GET. It responds to every request, if only
// with 405, so it must be added last.
type HTTP struct {
	// MaxBody is the longest request body in bytes; 0 for 16 MiB.
	MaxBody int64
	// QueryTimeout is how long a query may run; 0 for 10 s.
	QueryTimeout time.Duration
	// MutationTimeout is how long a mutation may run; 0 for 60 s. Stopping one
	// leaves its caller in doubt, and a batch of 10,000 events takes a while.
	MutationTimeout time.Duration
}

var _ graphql.Transport = HTTP{}

const (
	defaultMaxBody         = 16 << 20
	defaultQueryTimeout    = 10 * time.Second
	defaultMutationTimeout = 60 * time.Second

	allowed = "GET, POST, OPTIONS"
)

var errNoResponse = errors.New("execution gave no response")

// Supports implements graphql.Transport.
func (HTTP) Supports(*http.Request) bool { return true }

// Do implements graphql.Transport.
func (h HTTP) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	a := &answer{w: w, mediaType: plainJSON}
	defer a.recover(r.Context(), exec)

	if r.Method == http.MethodOptions {
		w.Header().Set("Allow", allowed)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if r.Method != http.MethodPost && r.Method != http.MethodGet {
		refused := refuse(http.StatusMethodNotAllowed, fault.BadUserInput, "send GraphQL requests with POST or GET")
		refused.allow = allowed
		a.refuse(refused)
		return
	}
	mediaType, ok := negotiate(r.Header.Values("Accept"))
	if !ok {
		a.refuse(refuse(http.StatusNotAcceptable, fault.BadUserInput,
			"answers come as %s or %s, and subscriptions as %s; the Accept header allows neither", responseJSON, plainJSON, eventStream))
		return
	}
	a.mediaType = mediaType
	params, refused := h.read(a, r)
	if refused != nil {
		a.refuse(refused)
		return
	}
	op, errs := exec.CreateOperationContext(r.Context(), params)
	h.run(a, r, op, errs, exec)
}

// read parses the request. The cheapest checks come first.
func (h HTTP) read(a *answer, r *http.Request) (*graphql.RawParams, *refusal) {
	start := graphql.Now()
	params, refused := h.decode(a, r)
	if refused != nil {
		return nil, refused
	}
	params.Headers = r.Header
	params.ReadTime = graphql.TraceTiming{Start: start, End: graphql.Now()}
	return params, nil
}

func (h HTTP) decode(a *answer, r *http.Request) (*graphql.RawParams, *refusal) {
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
	if refused := h.readBody(body, a.w, r); refused != nil {
		return nil, refused
	}
	params, err := DecodeRequest(body.Bytes())
	return params, badRequest(err)
}

// bodies hold request bodies while they are decoded. Decoding copies what it
// keeps.
var bodies = make(pool[*bytes.Buffer], maxPooled)

func badRequest(err *gqlerror.Error) *refusal {
	switch {
	case err == nil:
		return nil
	case apierror.Code(err) == fault.PayloadTooLarge:
		return &refusal{status: http.StatusRequestEntityTooLarge, err: err}
	}
	return &refusal{status: http.StatusBadRequest, err: err}
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
func (h HTTP) readBody(body *bytes.Buffer, w http.ResponseWriter, r *http.Request) *refusal {
	limit := cmp.Or(h.MaxBody, defaultMaxBody)
	if r.ContentLength > limit {
		w.Header().Set("Connection", "close")
		return tooLarge(limit)
	}
	body.Reset()
	// A length that is only claimed must not reserve much.
	body.Grow(int(min(max(r.ContentLength, 0), 64<<10)) + bytes.MinRead)
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, limit))

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
	return refuse(http.StatusBadRequest, fault.BadUserInput, "the request body could not be read to its end")
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
	for _, name := range []string{"query", "operationName", "variables", "extensions"} {
		switch given := values[name]; {
		case len(given) > 1:
			return nil, argument(name, "%s is given more than once", name)
		case len(given) == 1 && !utf8.ValidString(given[0]):
			return nil, argument(name, "%s is not valid UTF-8", name)
		}
	}
	params := &graphql.RawParams{Query: values.Get("query"), OperationName: values.Get("operationName")}
	var refused *gqlerror.Error
	if params.Variables, refused = decodeObject("variables", values.Get("variables")); refused != nil {
		return nil, refused
	}
	if params.Extensions, refused = decodeObject("extensions", values.Get("extensions")); refused != nil {
		return nil, refused
	}
	if refused := queryGiven(params); refused != nil {
		return nil, refused
	}
	return params, nil
}

func decodeObject(name, text string) (map[string]any, *gqlerror.Error) {
	if text == "" {
		return nil, nil
	}
	value, refused := decodeJSON([]byte(text))
	if refused != nil {
		refused.Extensions["argument"] = name
		return nil, refused
	}
	var object map[string]any
	refused = member(value, name, "object", &object)
	return object, refused
}

// run checks the parsed operation and executes it.
func (h HTTP) run(a *answer, r *http.Request, op *graphql.OperationContext, errs gqlerror.List, exec graphql.GraphExecutor) {
	if len(errs) > 0 {
		ctx := graphql.WithOperationContext(r.Context(), op)
		a.write(requestStatus(a.mediaType, errs), exec.DispatchError(ctx, apierror.Cap(errs)))
		return
	}
	if refused := h.permitted(r.Method, op); refused != nil {
		a.refuse(refused)
		return
	}
	execute(r.Context(), h.timeout(op), exec, op, func(response *graphql.Response, _ bool) bool {
		status := http.StatusOK
		if len(response.Data) == 0 {
			status = requestStatus(a.mediaType, response.Errors)
		}
		a.write(status, response)
		return true
	})
}

// timeout returns how long a query or a mutation may run.
func (h HTTP) timeout(op *graphql.OperationContext) time.Duration {
	if op.Operation.Operation == ast.Mutation {
		return cmp.Or(h.MutationTimeout, defaultMutationTimeout)
	}
	return cmp.Or(h.QueryTimeout, defaultQueryTimeout)
}

// permitted rejects operations that this transport must not execute.
func (HTTP) permitted(method string, op *graphql.OperationContext) *refusal {
	switch {
	case op.Operation.Operation == ast.Subscription:
		return refuse(http.StatusBadRequest, fault.BadUserInput,
			"subscriptions are served over WebSocket (graphql-transport-ws), as %s, and as multipart/mixed;subscriptionSpec=1.0", eventStream)
	case method == http.MethodGet && op.Operation.Operation != ast.Query:
		refused := refuse(http.StatusMethodNotAllowed, fault.BadUserInput, "a GET runs queries only; send a %s with POST", op.Operation.Operation)
		refused.allow = http.MethodPost
		return refused
	case Defers(op):
		// A single response has the first part only.
		return cmp.Or(undeferrable(op), refuse(http.StatusBadRequest, fault.BadUserInput,
			"the answer to @defer comes in parts: accept multipart/mixed;deferSpec=20220824 or %s", eventStream))
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
