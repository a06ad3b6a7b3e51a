package apierror

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/fault"
)

const (
	// repeatTime is the time in which repetitions of an error are counted, to be logged
	// as one line.
	repeatTime = 10 * time.Second
	// maxCauses is the most errors that are distinguished at a time.
	maxCauses = 1000
)

// Lines logs errors: one line for each request, the first of a cause at once and its
// repetitions together.
type Lines struct {
	log *slog.Logger
	// newID makes the id of an INTERNAL error.
	newID func() string

	mu     sync.Mutex
	causes map[cause]*repetition
}

// cause identifies repetitions of an error.
type cause struct {
	code fault.Code
	// path has the names of the fields only.
	path, text string
}

type repetition struct {
	id    string
	count int
	level slog.Level
}

// idOf returns the id of an error: the id in the line that logged its cause.
func (l *Lines) idOf(of cause) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.causes[of]; known != nil {
		return known.id
	}
	return l.newID()
}

// write logs an error that occurred a number of times in a request, unless its cause has
// been logged.
func (l *Lines) write(ctx context.Context, level slog.Level, of cause, id string, errors int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if known := l.causes[of]; known != nil {
		known.count++
		return
	}
	if len(l.causes) < maxCauses {
		if l.causes == nil {
			l.causes = map[cause]*repetition{}
		}
		l.causes[of] = &repetition{id: id, level: level}
		time.AfterFunc(repeatTime, func() { l.sumUp(of) }) //nolint:contextcheck // after the request
	}
	l.line(ctx, level, of, id, slog.Int("errors", errors))
}

// sumUp logs the repetitions of an error.
func (l *Lines) sumUp(of cause) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known := l.causes[of]
	delete(l.causes, of)
	if known.count > 0 {
		l.line(context.Background(), known.level, of, known.id, slog.Int("repeated", known.count))
	}
}

// line writes a line. mu is held.
func (l *Lines) line(ctx context.Context, level slog.Level, of cause, id string, count slog.Attr) {
	attrs := []slog.Attr{slog.String("code", string(of.code)), slog.String("path", of.path), slog.String("error", of.text), count}
	if of.code == Internal {
		attrs = append(attrs, slog.String("id", id))
	}
	l.log.LogAttrs(ctx, level, "error while answering", attrs...)
}

// fieldNames returns the path of an error without the indexes of lists.
func fieldNames(path ast.Path) string {
	var fields []string
	for _, step := range path {
		if name, ok := step.(ast.PathName); ok {
			fields = append(fields, string(name))
		}
	}
	return strings.Join(fields, ".")
}

// Report collects the errors of a request, which are logged as one line: the first of
// the most severe ones.
type Report struct {
	mu    sync.Mutex
	first cause
	id    string
	level slog.Level
	count int
}

// ReportKey is the key of a context's Report.
type ReportKey struct{}

// WithReport returns a context whose errors are collected.
func WithReport(ctx context.Context, r *Report) context.Context {
	return context.WithValue(ctx, ReportKey{}, r)
}

// add collects an error and returns its id.
func (r *Report) add(l *Lines, level slog.Level, of cause) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count++; r.count == 1 || level > r.level {
		r.first, r.level, r.id = of, level, l.idOf(of)
	}
	return r.id
}

// Clear forgets what has been collected.
func (r *Report) Clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.count = 0
}

// Log logs what a report has collected, and empties it.
func (p Presenter) Log(ctx context.Context, r *Report) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count > 0 {
		p.lines.write(ctx, r.level, r.first, r.id, r.count)
		r.count = 0
	}
}
