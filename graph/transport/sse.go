package transport

import (
	"bytes"
	"net/http"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// eventStream is the media type of server-sent events.
const eventStream = "text/event-stream"

// SSE is the transport for server-sent events, in the distinct connections mode
// of graphql-sse
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): each
// response is an event `next`, and `complete` follows the last. Each event of a
// subscription has its cursor as `id:`, so that a browser's EventSource resumes
// by itself: its Last-Event-ID sets `after`. On a quiet stream, an `id:` alone
// is a checkpoint.
//
// If the client also accepts JSON, a response of one part is JSON.
type SSE Streaming

var _ graphql.Transport = SSE{}

// Supports implements graphql.Transport.
func (SSE) Supports(r *http.Request) bool {
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return false
	}
	for accepted := range acceptedRanges(r.Header.Values("Accept")) {
		if accepted.name == eventStream && accepted.quality > 0 {
			return true
		}
	}
	return false
}

// Do implements graphql.Transport.
func (s SSE) Do(w http.ResponseWriter, r *http.Request, exec graphql.GraphExecutor) {
	Streaming(s).serve(w, r, exec, func(op *graphql.OperationContext) (framing, bool) {
		return serverSentEvents{}, op != nil && (op.Operation.Operation == ast.Subscription || Defers(op))
	})
}

type serverSentEvents struct{}

func (serverSentEvents) mediaType() string { return eventStream + "; charset=utf-8" }
func (serverSentEvents) opening() string   { return ":\n\n" }
func (serverSentEvents) closing() string   { return "event: complete\ndata:\n\n" }

// keepAlive returns a comment, or an id alone, after which a browser's
// EventSource resumes without dispatching an event.
func (serverSentEvents) keepAlive(checkpoint string) string {
	if checkpoint == "" {
		return ":\n\n"
	}
	return "id: " + checkpoint + "\n\n"
}

// part returns a response as an event. The JSON has no line breaks.
func (serverSentEvents) part(cursor string, payload [][]byte) []byte {
	head := "event: next\n"
	if cursor != "" {
		head += "id: " + cursor + "\n"
	}
	pieces := slices.Concat([][]byte{[]byte(head + "data: ")}, payload, [][]byte{[]byte("\n\n")})
	return bytes.Join(pieces, nil)
}
