package transport

import "context"

// sending is the context of an operation that has one answer.
type sending struct {
	context.Context
	done []func()
}

type sendingKey struct{}

func (s *sending) Value(key any) any {
	if key == (sendingKey{}) {
		return s
	}
	return s.Context.Value(key)
}

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
