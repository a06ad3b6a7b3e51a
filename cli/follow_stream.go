package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// operation is the body of a GraphQL request.
type operation struct {
	Query     string         `json:"query"`
	Variables map[string]any `json:"variables,omitempty"`
}

// serverError is an error of a GraphQL answer.
type serverError struct {
	Message    string
	Extensions struct{ Code, Argument string }
}

func (e *serverError) Error() string {
	message := e.Message
	if argument := e.Extensions.Argument; argument != "" && !strings.HasPrefix(message, argument+":") {
		message = e.Extensions.Argument + ": " + message
	}
	if e.Extensions.Code != "" {
		message += " (" + e.Extensions.Code + ")"
	}
	return inOneLine(message)
}

// judge is the error as one to give up for, unless the server may do better
// next time.
func (e *serverError) judge() error {
	switch e.Extensions.Code {
	case "SLOW_CONSUMER", "UNAVAILABLE", "TIMEOUT", "INTERNAL", "TOO_MANY_REQUESTS":
		return e
	}
	return &finalError{fmt.Errorf("the server refused the subscription: %w", e)}
}

// streamClient asks a server, and subscribes by the distinct connections mode
// of the protocol graphql-sse: a POST whose answer is a stream of events.
type streamClient struct {
	endpoint, token string
	http            *http.Client
	silence         time.Duration
}

func newStreamClient(endpoint, token string, silence time.Duration) *streamClient {
	return &streamClient{
		endpoint: endpoint, token: token, silence: silence,
		http: &http.Client{Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			// A compressed stream may keep an event back.
			DisableCompression: true,
		}},
	}
}

func (c *streamClient) close() { c.http.CloseIdleConnections() }

// tail asks for the cursor of the end of the log.
func (c *streamClient) tail(ctx context.Context) (string, error) {
	data, err := c.ask(ctx, operation{Query: tailCursor})
	if err != nil {
		return "", err
	}
	var answer struct{ Events struct{ TailCursor string } }
	if json.Unmarshal(data, &answer) != nil || answer.Events.TailCursor == "" {
		return "", &finalError{fmt.Errorf("the server at %s has no tailCursor", c.endpoint)}
	}
	return answer.Events.TailCursor, nil
}

// ask sends a query and returns its data.
func (c *streamClient) ask(ctx context.Context, operation operation) (json.RawMessage, error) {
	exchange, err := c.post(ctx, "application/graphql-response+json, application/json;q=0.9", operation)
	if err != nil {
		return nil, err
	}
	defer exchange.close()
	raw, err := exchange.readAll()
	if err != nil {
		return nil, err
	}
	var answer struct {
		Data   json.RawMessage
		Errors []serverError
	}
	if json.Unmarshal(raw, &answer) != nil || answer.Data == nil || string(answer.Data) == "null" || len(answer.Errors) > 0 {
		return nil, c.refusal(exchange, raw)
	}
	return answer.Data, nil
}

// subscribe begins a stream. The caller closes it.
func (c *streamClient) subscribe(ctx context.Context, operation operation) (*exchange, error) {
	exchange, err := c.post(ctx, "text/event-stream", operation)
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(exchange.response.Header.Get("Content-Type"))
	if exchange.response.StatusCode == http.StatusOK && mediaType == "text/event-stream" {
		return exchange, nil
	}
	defer exchange.close()
	raw, err := exchange.readAll()
	if err != nil {
		return nil, err
	}
	return nil, c.refusal(exchange, raw)
}

// refusal is the error of an answer that is not what was asked for. A proxy
// that answers in the server's place speaks no GraphQL.
func (c *streamClient) refusal(e *exchange, raw []byte) error {
	status := e.response.StatusCode
	var answer struct{ Errors []serverError }
	answered := json.Unmarshal(raw, &answer) == nil && len(answer.Errors) > 0
	switch {
	case answered && status < http.StatusInternalServerError:
		return answer.Errors[0].judge()
	case answered:
		return &answer.Errors[0]
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return fmt.Errorf("the server answered %s", e.response.Status)
	}
	return &finalError{fmt.Errorf("the server at %s answered %s with neither an event stream nor a GraphQL error", c.endpoint, e.response.Status)}
}

func (c *streamClient) post(ctx context.Context, accept string, operation operation) (*exchange, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(operation); err != nil {
		return nil, &finalError{fmt.Errorf("write the request: %w", err)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	silence := fmt.Errorf("the server has sent nothing for %s", c.silence)
	exchange := &exchange{ctx: ctx, cancel: cancel, silence: c.silence, watchdog: time.AfterFunc(c.silence, func() { cancel(silence) })}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.endpoint, &body)
	if err != nil {
		exchange.close()
		return nil, &finalError{fmt.Errorf("write the request: %w", err)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	if c.token != "" {
		request.Header.Set("Authorization", "Bearer "+c.token)
	}
	exchange.response, err = c.http.Do(request) //nolint:bodyclose // exchange.close does
	exchange.watchdog.Stop()
	if err != nil {
		err = exchange.cause(err)
		exchange.close()
		return nil, err
	}
	return exchange, nil
}

// exchange is a request and its answer, in which no wait for the server's next
// byte is longer than silence. The time that this side takes is not counted:
// a person may stop the output and read.
type exchange struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	silence  time.Duration
	watchdog *time.Timer
	response *http.Response
}

// Read reads from the answer's body.
func (e *exchange) Read(p []byte) (int, error) {
	e.watchdog.Reset(e.silence)
	n, err := e.response.Body.Read(p)
	e.watchdog.Stop()
	if err != nil && !errors.Is(err, io.EOF) {
		err = e.cause(err)
	}
	return n, err
}

// maxAnswer is the longest answer that is not a stream, in bytes.
const maxAnswer = 1 << 20

func (e *exchange) readAll() ([]byte, error) {
	raw, err := io.ReadAll(io.LimitReader(e, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return raw, nil
}

// cause is why a read failed: because of the silence, where that ended it.
func (e *exchange) cause(err error) error {
	if e.ctx.Err() != nil {
		return context.Cause(e.ctx)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err // the address is no news
	}
	return err
}

func (e *exchange) close() {
	e.watchdog.Stop()
	e.cancel(nil)
	if e.response != nil {
		_ = e.response.Body.Close()
	}
}

// streamEvent is an event of a stream of server-sent events.
type streamEvent struct {
	name, id string
	data     []byte
}

// eventReader reads a stream of server-sent events (WHATWG HTML, section 9.2),
// whose lines may end with LF or CR LF.
type eventReader struct {
	reader *bufio.Reader
	begun  bool
	// left is how many bytes more the event being read may have.
	left int
}

// maxEvent is the longest event, in bytes: a payload and a meta of the longest,
// escaped, with room to spare.
const maxEvent = 64 << 20

func newEventReader(r io.Reader) *eventReader {
	return &eventReader{reader: bufio.NewReaderSize(r, 64<<10)}
}

// next waits for an event and returns it. An event that the end of the stream
// cuts off is none: the error is io.EOF.
func (r *eventReader) next() (streamEvent, error) {
	var event streamEvent
	filled := false
	r.left = maxEvent
	for {
		line, err := r.line()
		if err != nil {
			return streamEvent{}, err
		}
		if len(line) == 0 {
			// An event without data is one here, though not in a browser: some
			// servers send `complete` so. An id alone is a checkpoint.
			if event.name != "" || event.id != "" || filled {
				return event, nil
			}
			r.left = maxEvent
			continue
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(name) {
		case "": // a comment, which keeps the connection alive
			if !filled && event.name == "" {
				r.left = maxEvent
			}
		case "event":
			event.name = string(value)
		case "id":
			event.id = string(value)
		case "data":
			if filled {
				event.data = append(event.data, '\n')
			}
			event.data = append(event.data, value...)
			filled = true
		}
	}
}

// line reads a line without its end. It is valid until the next call.
func (r *eventReader) line() ([]byte, error) {
	var line []byte
	for {
		part, err := r.reader.ReadSlice('\n')
		r.left -= len(part)
		if r.left < 0 {
			return nil, &finalError{fmt.Errorf("the server sent an event of more than %d MiB", maxEvent>>20)}
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			line = append(line, part...)
			continue
		}
		if err != nil {
			return nil, err
		}
		if line != nil {
			part = append(line, part...)
		}
		if !r.begun {
			r.begun = true
			part = bytes.TrimPrefix(part, []byte("\ufeff"))
		}
		return bytes.TrimSuffix(bytes.TrimSuffix(part, []byte("\n")), []byte("\r")), nil
	}
}
