package transport

import "context"

// sending has the callbacks of AfterSending.
type sending struct{ done []func() }

type sendingKey struct{}

// AfterSending calls done once the response to the operation of ctx has been
// sent, and its data can be overwritten. It is not called for subscriptions.
func AfterSending(ctx context.Context, done func()) {
	if s, ok := ctx.Value(sendingKey{}).(*sending); ok {
		s.done = append(s.done, done)
	}
}

func (s *sending) end() {
	for _, done := range s.done {
		done()
	}
}
