package transport

// serverSentEvents frames a response in the distinct connections mode of
// graphql-sse
// (https://github.com/enisdenjo/graphql-sse/blob/master/PROTOCOL.md): each
// response is an event `next`, and `complete` follows the last. Each event of a
// subscription has its cursor as `id:`, so that a browser's EventSource resumes
// by itself: its Last-Event-ID sets `after`. On a quiet stream, an `id:` alone
// is a checkpoint.
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

// part implements framing. The JSON has no line breaks.
func (serverSentEvents) part(cursor string) (head, tail string) {
	if cursor != "" {
		cursor = "id: " + cursor + "\n"
	}
	return "event: next\n" + cursor + "data: ", "\n\n"
}
