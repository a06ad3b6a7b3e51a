package transport

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// refusal is the response to a request that is rejected before execution.
type refusal struct {
	status int
	err    *gqlerror.Error
	// allow is the Allow header of a 405.
	allow string
}

func refuse(status int, code fault.Code, format string, args ...any) *refusal {
	return &refusal{status: status, err: apierror.Errorf(code, format, args...)}
}

// answer writes one response.
type answer struct {
	w         http.ResponseWriter
	mediaType string
	// timeout is Options.AnswerTimeout.
	timeout time.Duration
	begun   bool
	// exchange may be nil.
	exchange *telemetry.Exchange
}

func newAnswer(w http.ResponseWriter, r *http.Request) *answer {
	return &answer{w: w, mediaType: plainJSON, exchange: telemetry.Of(r.Context())}
}

func (a *answer) refuse(r *refusal) {
	if r.allow != "" {
		a.w.Header().Set("Allow", r.allow)
	}
	a.write(r.status, &graphql.Response{Errors: gqlerror.List{r.err}})
}

// write sends a response. Its data goes out byte for byte as execution made
// it: a second pass of encoding/json would cost as much again as making it,
// and would rewrite the payloads in it. An answer without data has no `data`.
func (a *answer) write(status int, response *graphql.Response) {
	a.exchange.Failed(response.Errors)
	head, tail := envelope(response)
	header := a.w.Header()
	header["Content-Type"] = contentType[a.mediaType]
	length := len(head) + len(response.Data) + len(tail)
	header.Set("Content-Length", strconv.Itoa(length))
	header["Cache-Control"] = noStore
	header.Add("Vary", "Accept")
	if seconds := retryAfter(response.Errors); status >= 400 && seconds != "" {
		header.Set("Retry-After", seconds)
	}
	a.begun = true
	a.w.WriteHeader(status)
	// If a write fails, the client has gone; net/http closes the connection.
	if length > maxBuffer {
		a.writeLong(head, response.Data, tail)
		return
	}
	// net/http would send the parts one by one.
	buffer := buffers.get()
	if cap(buffer) < length {
		buffer = make([]byte, 0, length) // append would make more of it
	}
	buffer = append(append(append(buffer[:0], head...), response.Data...), tail...)
	_, _ = a.w.Write(buffer)
	buffers.put(buffer, cap(buffer))
}

// slowChunk is the number of bytes that a client must accept within
// Options.AnswerTimeout: 16 KiB/s by default.
const slowChunk = 160 << 10

// writeLong writes an answer for as long as the client keeps accepting it. The client
// has twice the time for the first chunk.
func (a *answer) writeLong(parts ...[]byte) {
	controller, timeout := http.NewResponseController(a.w), 2*a.timeout
	for _, part := range parts {
		for chunk := range slices.Chunk(part, slowChunk) {
			_ = controller.SetWriteDeadline(time.Now().Add(timeout))
			if _, err := a.w.Write(chunk); err != nil {
				return
			}
			timeout = a.timeout
		}
	}
}

// retryAfter returns the header of a refusal, in seconds; empty for none.
func retryAfter(errs gqlerror.List) string {
	if len(errs) == 1 {
		if seconds, ok := errs[0].Extensions["retryAfter"].(int); ok {
			return strconv.Itoa(seconds)
		}
	}
	return ""
}

// buffers hold responses while they are sent.
var buffers = make(pool[[]byte], maxPooled)

// Header values that all answers share.
var (
	contentType = map[string][]string{
		plainJSON:    {plainJSON + "; charset=utf-8"},
		responseJSON: {responseJSON + "; charset=utf-8"},
	}
	noStore = []string{"no-store"}
)

// Around data without errors and extensions.
var plainHead, plainTail = []byte(`{"data":`), []byte("}")

// envelope returns the bytes before and after the data. The caller must not
// change them.
func envelope(response *graphql.Response) (head, tail []byte) {
	if len(response.Data) > 0 && len(response.Errors) == 0 && len(response.Extensions) == 0 {
		return plainHead, plainTail
	}
	var before bytes.Buffer
	before.WriteByte('{')
	if errs := apierror.Cap(response.Errors); len(errs) > 0 {
		before.WriteString(`"errors":`)
		encode(&before, errs)
	}
	if len(response.Data) > 0 {
		if before.Len() > 1 {
			before.WriteByte(',')
		}
		before.WriteString(`"data":`)
	}
	var after bytes.Buffer
	if len(response.Extensions) > 0 {
		if before.Len() > 1 {
			after.WriteByte(',')
		}
		after.WriteString(`"extensions":`)
		encode(&after, response.Extensions)
	}
	after.WriteByte('}')
	return before.Bytes(), after.Bytes()
}

func encode(buf *bytes.Buffer, value any) {
	encoder := json.NewEncoder(buf)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		// Only an extension that cannot be marshaled fails. Nothing has been sent
		// yet, so the panic is answered and logged like any other.
		panic(err)
	}
	buf.Truncate(buf.Len() - 1)
}

// statuses are those of errors that are not a bad request.
var statuses = map[fault.Code]int{
	apierror.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:          http.StatusForbidden,
	apierror.TooManyRequests: http.StatusTooManyRequests,
	apierror.Overloaded:      http.StatusServiceUnavailable,
	apierror.Internal:        http.StatusInternalServerError,
	apierror.Timeout:         http.StatusServiceUnavailable,
	apierror.Unavailable:     http.StatusServiceUnavailable,
}

// busy reports whether an error means that the caller or the server has too much to do.
// Its status has to be visible to proxies, also with application/json.
func busy(err *gqlerror.Error) bool {
	code := apierror.Code(err)
	return code == apierror.TooManyRequests || code == apierror.Overloaded
}

// requestStatus returns the status of a response without data. In
// application/json, every well-formed request has 200, unless the server is busy.
func requestStatus(mediaType string, errs gqlerror.List) int {
	if mediaType == plainJSON && !slices.ContainsFunc(errs, busy) {
		return http.StatusOK
	}
	for _, err := range errs {
		if status, ok := statuses[apierror.Code(err)]; ok {
			return status
		}
	}
	return http.StatusBadRequest
}
