package telemetry

import (
	"context"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// spans are those of an exchange; nil if it is not traced.
type spans struct {
	request, operation trace.Span
	// pattern is that of the HTTP request's route.
	pattern    *string
	soon       *time.Timer
	spansEnded bool
}

// traceHTTP begins the span of an HTTP request to the API, below that of the caller.
// otelhttp's would last as long as a subscription.
func (x *Exchange) traceHTTP(r *http.Request) {
	tracer := x.telemetry.Spans
	if tracer == nil || x.path != "/graphql" { // probes come every few seconds
		return
	}
	ctx := propagation.TraceContext{}.Extract(x.Context, propagation.HeaderCarrier(r.Header))
	attributes := []attribute.KeyValue{
		semconv.HTTPRequestMethodKey.String(methodOf(x.method)), semconv.URLPath(x.path[:min(len(x.path), maxPath)]), semconv.URLScheme("http"),
		semconv.ClientAddress(x.caller), semconv.NetworkProtocolVersion(r.Proto[len("HTTP/"):]),
	}
	x.Context, x.request = tracer.Start(ctx, methodOf(x.method), trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(attributes...))
}

// methodOf returns the method, if it is a known one: clients choose it.
func methodOf(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return method
	}
	return "_OTHER"
}

// trace begins the span of the operation.
func (x *Exchange) trace(ctx context.Context, options ...trace.SpanStartOption) context.Context {
	tracer := x.telemetry.Spans
	if tracer == nil {
		return ctx
	}
	ctx, x.operation = tracer.Start(ctx, "GraphQL Operation", append(options, trace.WithSpanKind(trace.SpanKindServer))...)
	return ctx
}

// startTime is the time after a subscription's start in which its span still records a
// failure.
const startTime = time.Second

// endSoon ends the spans of a subscription as of now. mu is held.
func (x *Exchange) endSoon() {
	if x.request == nil && x.operation == nil {
		return
	}
	x.soon = time.AfterFunc(startTime, func() {
		x.mu.Lock()
		defer x.mu.Unlock()
		x.endSpans()
	})
}

// endSpans ends the spans. mu is held.
func (x *Exchange) endSpans() {
	if x.request == nil && x.operation == nil {
		return
	}
	if x.soon != nil {
		x.soon.Stop()
	}
	if x.spansEnded {
		return
	}
	x.spansEnded = true
	end := trace.WithTimestamp(time.Now())
	if x.started > 0 {
		end = trace.WithTimestamp(x.begun.Add(x.started))
	}
	if span := x.operation; span != nil {
		if x.kind != "" {
			span.SetName(x.kind)
			span.SetAttributes(semconv.GraphQLOperationTypeKey.String(x.kind))
		}
		if x.name != "" {
			span.SetAttributes(semconv.GraphQLOperationName(x.name))
		}
		if x.code != "" {
			span.SetAttributes(semconv.ErrorTypeKey.String(string(x.code)))
			span.SetStatus(codes.Error, "")
		}
		span.End(end)
	}
	if span := x.request; span != nil {
		if _, route, ok := strings.Cut(*x.pattern, "/"); ok {
			span.SetName(methodOf(x.method) + " /" + route)
			span.SetAttributes(semconv.HTTPRoute("/" + route))
		}
		if x.status != 0 {
			span.SetAttributes(semconv.HTTPResponseStatusCode(x.status))
		}
		if x.status >= http.StatusInternalServerError {
			span.SetAttributes(semconv.ErrorTypeKey.Int(x.status))
			span.SetStatus(codes.Error, "")
		}
		span.End(end)
	}
}
