// Package otlp exports spans to an OpenTelemetry collector.
package otlp

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// Start returns a tracer whose spans are exported as OpenTelemetry's environment
// variables say, over HTTP; nil if they name no endpoint. stop exports what is left.
func Start(ctx context.Context, logger *slog.Logger) (tracer trace.Tracer, stop func(within time.Duration), err error) {
	stop = func(time.Duration) {}
	if !wanted() {
		return nil, stop, nil
	}
	if protocol := protocol(); protocol != "http/protobuf" {
		logger.WarnContext(ctx, "no spans are exported: the only protocol is http/protobuf", "OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
		return nil, stop, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, stop, fmt.Errorf("set up the export of spans: %w", err)
	}
	// The variables come last, so that they override the name. An attribute that is not
	// well formed is reported, and the others are used.
	described, err := resource.New(ctx, resource.WithAttributes(semconv.ServiceName("noetl-catalog")), resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		logger.WarnContext(ctx, "OTEL_RESOURCE_ATTRIBUTES is not used as it is", "error", err)
	}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(&loggedExporter{SpanExporter: exporter, logger: logger}), sdk.WithResource(described))
	stop = func(within time.Duration) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			logger.WarnContext(ctx, "the last spans were not exported", "error", err)
		}
	}
	return provider.Tracer("github.com/noetl/noetl-catalog"), stop, nil
}

// wanted reports whether an endpoint is set, and tracing is not switched off.
func wanted() bool {
	if os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") == "" && os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") == "" {
		return false
	}
	return !strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true") && os.Getenv("OTEL_TRACES_EXPORTER") != "none"
}

func protocol() string {
	for _, name := range []string{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"} {
		if value := os.Getenv(name); value != "" {
			return value
		}
	}
	return "http/protobuf"
}

// errorTime is how long further errors of the export are only counted.
const errorTime = time.Minute

// loggedExporter logs errors, which the SDK would hand to a global handler.
type loggedExporter struct {
	sdk.SpanExporter
	logger *slog.Logger

	mu     sync.Mutex
	logged time.Time
	failed int
}

// ExportSpans implements sdk.SpanExporter.
func (e *loggedExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	if err == nil {
		return nil
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.failed += len(spans)
	if now := time.Now(); now.Sub(e.logged) >= errorTime {
		e.logger.WarnContext(ctx, "spans could not be exported", "error", err, "spans", e.failed)
		e.logged, e.failed = now, 0
	}
	return nil
}
