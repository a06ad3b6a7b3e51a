package config

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxLines is the most warnings and errors that are logged in a second, and maxSame
	// the most with the same message. docs/operations.md promises them.
	maxLines = 50
	maxSame  = 20
)

// NewLogger returns the logger of a server, whose lines clients cannot flood.
func NewLogger(to io.Writer, level slog.Level) *slog.Logger {
	return slog.New(limitedHandler{slog.NewTextHandler(to, &slog.HandlerOptions{Level: level}), &lineLimit{}})
}

// limitedHandler drops warnings and errors beyond a limit.
type limitedHandler struct {
	slog.Handler
	limit *lineLimit
}

// Handle implements slog.Handler.
func (h limitedHandler) Handle(ctx context.Context, record slog.Record) error {
	if record.Level >= slog.LevelWarn {
		dropped, ok := h.limit.admit(record.Time, record.Message)
		if !ok {
			return nil
		}
		if dropped > 0 {
			record = record.Clone()
			record.AddAttrs(slog.Int("lines_dropped", dropped))
		}
	}
	return h.Handler.Handle(ctx, record) //nolint:wrapcheck // it is a handler
}

// WithAttrs implements slog.Handler.
func (h limitedHandler) WithAttrs(attributes []slog.Attr) slog.Handler {
	return limitedHandler{h.Handler.WithAttrs(attributes), h.limit}
}

// WithGroup implements slog.Handler.
func (h limitedHandler) WithGroup(name string) slog.Handler {
	return limitedHandler{h.Handler.WithGroup(name), h.limit}
}

// lineLimit counts the lines of the current second.
type lineLimit struct {
	mu      sync.Mutex
	second  time.Time
	lines   int
	same    map[string]int
	dropped int
}

// admit reports whether to log a line, and how many were dropped before it.
func (l *lineLimit) admit(now time.Time, message string) (dropped int, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.second) >= time.Second {
		l.second, l.lines, l.same = now, 0, map[string]int{}
	}
	if l.lines == maxLines || l.same[message] == maxSame {
		l.dropped++
		return 0, false
	}
	l.lines++
	l.same[message]++
	dropped, l.dropped = l.dropped, 0
	return dropped, true
}
