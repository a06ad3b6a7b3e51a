// Package client sends GraphQL operations over HTTP: queries and mutations as
// POST requests, subscriptions over server-sent events (the distinct
// connections mode of the protocol graphql-sse).
//
//	c, err := client.New("http://127.0.0.1:8080", token)
//	err = c.Do(ctx, `{ openEventTypes }`, nil, &data)
//	stream, err := c.Subscribe(ctx, `subscription { eventRecorded { cursor } }`, nil)
package client

import (
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

// Client sends operations to one server. It is safe for concurrent use.
type Client struct {
	// Endpoint is the URL of the API.
	Endpoint string
	// Token, if set, is sent as Authorization: Bearer.
	Token string
	// Silence is how long to wait for the next byte of an answer; 0 for no limit.
	Silence time.Duration
	HTTP    *http.Client
}

// New returns a client for the API at /graphql of a server. It connects within
// five seconds, and does not ask for compression, which may delay an event.
func New(server, token string) (*Client, error) {
	parsed, err := url.Parse(server)
	if err != nil || parsed.Host == "" || (parsed.Scheme != "http" && parsed.Scheme != "https") {
		return nil, fmt.Errorf("%q is not an http or https URL", server)
	}
	return &Client{
		Endpoint: strings.TrimSuffix(server, "/") + "/graphql", Token: token,
		HTTP: &http.Client{Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSHandshakeTimeout: 5 * time.Second,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true,
		}},
	}, nil
}

// Close closes idle connections.
func (c *Client) Close() { c.HTTP.CloseIdleConnections() }

// Do sends a query or a mutation and decodes its data into data, unless data
// is nil. The error is an *Error if the answer has errors.
func (c *Client) Do(ctx context.Context, query string, variables map[string]any, data any) error {
	_, err := c.Ask(ctx, Request{Query: query, Variables: variables}, data)
	return err
}

// Request is a GraphQL request.
type Request struct {
	Query string `json:"query"`
	// Operation is which of the query's operations to execute, where it has several.
	Operation string         `json:"operationName,omitempty"`
	Variables map[string]any `json:"variables,omitempty"`
}

// Ask is Do for any request. It also returns the whole response, even with an
// *Error.
func (c *Client) Ask(ctx context.Context, request Request, data any) (response []byte, err error) {
	answer, err := c.post(ctx, "application/graphql-response+json, application/json;q=0.9", request)
	if err != nil {
		return nil, err
	}
	defer answer.close()
	return c.decode(answer, data)
}

// Subscribe starts a subscription. The caller closes the stream.
func (c *Client) Subscribe(ctx context.Context, query string, variables map[string]any) (*Stream, error) {
	answer, err := c.post(ctx, "text/event-stream", Request{Query: query, Variables: variables})
	if err != nil {
		return nil, err
	}
	mediaType, _, _ := mime.ParseMediaType(answer.response.Header.Get("Content-Type"))
	if answer.response.StatusCode == http.StatusOK && mediaType == "text/event-stream" {
		return newStream(answer), nil
	}
	defer answer.close()
	if _, err := c.decode(answer, nil); err != nil {
		return nil, err
	}
	return nil, c.unexpected(answer)
}

func (c *Client) post(ctx context.Context, accept string, content Request) (*answer, error) {
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(content); err != nil {
		return nil, &permanentError{fmt.Errorf("write the request: %w", err)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	a := &answer{ctx: ctx, cancel: cancel, silence: c.Silence}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.Endpoint, &body)
	if err != nil {
		a.close()
		return nil, &permanentError{fmt.Errorf("write the request: %w", err)}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	if c.Token != "" {
		request.Header.Set("Authorization", "Bearer "+c.Token)
	}
	a.wait(func() { a.response, err = c.HTTP.Do(request) }) //nolint:bodyclose // answer.close does
	if err != nil {
		err = a.cause(err)
		a.close()
		return nil, err
	}
	return a, nil
}

// maxAnswer is the longest answer that is not a stream, in bytes.
const maxAnswer = 64 << 20

// decode reads an answer that is not a stream, and returns it as well.
func (c *Client) decode(a *answer, data any) (response []byte, err error) {
	response, err = io.ReadAll(io.LimitReader(a, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	err = Decode(response, data)
	var refusal *Error
	switch {
	case errors.As(err, &refusal):
		refusal.status = a.response.StatusCode
	case errors.Is(err, ErrNotGraphQL):
		return nil, c.unexpected(a)
	}
	return response, err
}

func (c *Client) unexpected(a *answer) error {
	return &StatusError{c.Endpoint, a.response.StatusCode, a.response.Status}
}

// answer is the answer to a request. Waiting for its next byte is limited to
// silence; the time between reads is not, since a person may stop the output.
type answer struct {
	ctx      context.Context
	cancel   context.CancelCauseFunc
	silence  time.Duration
	response *http.Response
}

// wait runs a function that waits for the server.
func (a *answer) wait(run func()) {
	if a.silence > 0 {
		timer := time.AfterFunc(a.silence, func() { a.cancel(fmt.Errorf("the server has sent nothing for %s", a.silence)) })
		defer timer.Stop()
	}
	run()
}

// Read reads from the body.
func (a *answer) Read(p []byte) (n int, err error) {
	a.wait(func() { n, err = a.response.Body.Read(p) })
	if err != nil && !errors.Is(err, io.EOF) {
		err = a.cause(err)
	}
	return n, err
}

// cause returns why the context ended, if it did, in place of the error of
// net/http.
func (a *answer) cause(err error) error {
	if a.ctx.Err() != nil {
		return context.Cause(a.ctx)
	}
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err // without the address, which the caller knows
	}
	return err
}

func (a *answer) close() {
	a.cancel(nil)
	if a.response != nil {
		_ = a.response.Body.Close()
	}
}
