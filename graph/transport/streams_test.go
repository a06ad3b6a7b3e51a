package transport

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestStreams_Close_WaitsForAllOrTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := NewStreams()
		if !s.enter() || s.Open() != 1 {
			t.Fatalf("%d open", s.Open())
		}
		closing := make(chan struct{})
		s.onClosing(func() { close(closing) })
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := s.Close(ctx)
		if err == nil || err.Error() != "closing 1 streams: context deadline exceeded" {
			t.Errorf("got %v", err)
		}
		<-closing
		if s.enter() {
			t.Error("enter succeeded after Close")
		}
		go func() {
			time.Sleep(time.Second)
			s.leave()
		}()
		if err := s.Close(t.Context()); err != nil || s.Open() != 0 {
			t.Errorf("got %v, %d open", err, s.Open())
		}
		if err := s.Close(t.Context()); err != nil {
			t.Errorf("once more: %v", err)
		}
		if err := NewStreams().Close(t.Context()); err != nil {
			t.Errorf("without streams: %v", err)
		}
	})
}
