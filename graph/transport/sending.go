package transport

import "context"

// sending is what is to be done once an operation's answer has been sent.
type sending struct{ done []func() }

type sendingKey struct{}

// AfterSending calls done once the answer to the operation of ctx has been
// sent and nothing uses its data any longer: who made the data may use its
// memory again. It is not called for subscriptions.
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
