package transport

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
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
	begun     bool
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
	head, tail := envelope(response)
	header := a.w.Header()
	header["Content-Type"] = contentType[a.mediaType]
	length := len(head) + len(response.Data) + len(tail)
	header.Set("Content-Length", strconv.Itoa(length))
	header["Cache-Control"] = noStore
	header.Add("Vary", "Accept")
	a.begun = true
	a.w.WriteHeader(status)
	// If a write fails, the client has gone; net/http closes the connection.
	if length > maxBuffer {
		for _, part := range [][]byte{head, response.Data, tail} {
			if _, err := a.w.Write(part); err != nil {
				return
			}
		}
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
		// Only an extension that has no JSON form fails. The panic is answered
		// and logged like any other, since nothing has been sent.
		panic(err)
	}
	buf.Truncate(buf.Len() - 1)
}

// statuses are those of errors that are not a bad request.
var statuses = map[fault.Code]int{
	apierror.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:          http.StatusForbidden,
	apierror.TooManyRequests: http.StatusTooManyRequests,
	apierror.Internal:        http.StatusInternalServerError,
	apierror.Timeout:         http.StatusServiceUnavailable,
	apierror.Unavailable:     http.StatusServiceUnavailable,
}

// requestStatus returns the status of a response without data. In
// application/json, every well-formed request has 200.
func requestStatus(mediaType string, errs gqlerror.List) int {
	if mediaType == plainJSON {
		return http.StatusOK
	}
	for _, err := range errs {
		if status, ok := statuses[apierror.Code(err)]; ok {
			return status
		}
	}
	return http.StatusBadRequest
}
