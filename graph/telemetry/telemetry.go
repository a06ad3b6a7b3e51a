package telemetry

import (
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
)

// Options configure the telemetry.
type Options struct {
	// Access logs each exchange.
	Access bool
	// Slow logs operations that take longer; 0 for none.
	Slow time.Duration
	// Spans makes the spans; nil for none.
	Spans trace.Tracer
}

// Telemetry measures the exchanges of a server.
type Telemetry struct {
	Options
	metrics *metrics
	logger  *slog.Logger
}

// New returns the telemetry of a server. registry may be nil.
func New(registry *prometheus.Registry, logger *slog.Logger, options Options) *Telemetry {
	return &Telemetry{Options: options, metrics: newMetrics(registry), logger: logger}
}

const (
	// maxName and maxPath are the lengths to which names of operations and paths are
	// cut, in bytes.
	maxName = 100
	maxPath = 200
)

// log writes the lines of the access log and of the log of slow operations. lasted is
// the duration of the exchange, took that of its operation.
func (t *Telemetry) log(x *Exchange, lasted, took time.Duration) {
	if slow := t.Slow > 0 && took >= t.Slow && x.kind != ""; slow {
		t.logger.LogAttrs(x, slog.LevelWarn, "slow operation", x.attributes(took)...)
	}
	if !t.Access {
		return
	}
	attributes := []slog.Attr{slog.String("transport", transports[x.transport()]), slog.String("path", x.path[:min(len(x.path), maxPath)]), slog.String("caller", x.caller)}
	if x.method != "" {
		attributes = append(attributes, slog.String("method", x.method), slog.Int("status", x.status))
	}
	t.logger.LogAttrs(x, slog.LevelInfo, "request", append(attributes, x.attributes(lasted)...)...)
}

// attributes returns the attributes of both logs. They exclude the document and its
// variables, which may hold secrets.
func (x *Exchange) attributes(took time.Duration) []slog.Attr {
	attributes := []slog.Attr{slog.Duration("duration", took), slog.Int("bytes_in", x.received), slog.Int64("bytes_out", x.sent.Load())}
	if x.kind == "" && x.code == "" { // not GraphQL
		return attributes
	}
	attributes = append(attributes, slog.String("code", codeOf(x)))
	if x.kind != "" {
		attributes = append(attributes, slog.String("type", x.kind), slog.String("name", x.name), slog.String("name_hash", nameHash(x.name)), slog.Int64("statements", x.statements.Load()))
	}
	if x.document != "" {
		attributes = append(attributes, slog.String("document_hash", digest(x.document, 16)))
	}
	return attributes
}

// codeOf returns the code of the first error, or ok.
func codeOf(x *Exchange) string {
	if x.code == "" {
		return "ok"
	}
	return string(x.code)
}

// digest returns the first hexadecimal digits of the SHA-256 of a text.
func digest(text string, digits int) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])[:digits]
}
