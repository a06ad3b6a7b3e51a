package otlp_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/noetl/noetl-catalog/graph/telemetry/otlp"

	"github.com/noetl/noetl-catalog/internal/await"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The tests set environment variables, and so are not parallel.

// collect starts a collector, which answers with a status.
func collect(t *testing.T, status int) (endpoint string, requests chan *collector.ExportTraceServiceRequest) {
	t.Helper()
	requests = make(chan *collector.ExportTraceServiceRequest, 100)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		request := &collector.ExportTraceServiceRequest{}
		if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("X-Key") != "abc" || proto.Unmarshal(body, request) != nil {
			t.Errorf("%v: not a request to export: %s %v", err, r.URL.Path, r.Header)
		}
		requests <- request
		w.WriteHeader(status)
	}))
	t.Cleanup(func() { server.Close(); http.DefaultClient.CloseIdleConnections() })
	return server.URL, requests
}

func TestStart_Endpoint_SpansExportedBeforeTheEnd(t *testing.T) {
	endpoint, requests := collect(t, http.StatusOK)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
	tracer, stop, err := otlp.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil || tracer == nil {
		t.Fatal(tracer, err)
	}
	_, span := tracer.Start(t.Context(), "query")
	span.End()
	stop(20 * time.Second)
	if len(requests) != 1 {
		t.Fatalf("%d exports", len(requests))
	}
	got := await.Value(t, requests).GetResourceSpans()[0]
	if name := got.GetScopeSpans()[0].GetSpans()[0].GetName(); name != "query" {
		t.Errorf("a span %q was exported", name)
	}
	described := ""
	for _, attribute := range got.GetResource().GetAttributes() {
		described += attribute.GetKey() + "=" + attribute.GetValue().GetStringValue() + " "
	}
	for _, want := range []string{"service.name=noetl-catalog ", "deployment.environment.name=test "} {
		if !strings.Contains(described, want) {
			t.Errorf("the resource lacks %s: %s", want, described)
		}
	}
}

func TestStart_ExportFails_LoggedOnce(t *testing.T) {
	endpoint, requests := collect(t, http.StatusBadRequest)
	t.Setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", endpoint+"/v1/traces")
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	var log bytes.Buffer
	tracer, stop, err := otlp.Start(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		_, span := tracer.Start(t.Context(), "query")
		span.End()
	}
	stop(20 * time.Second)
	if lines := strings.Count(log.String(), "\n"); len(requests) != 5 || lines != 1 || !strings.Contains(log.String(), "spans could not be exported") {
		t.Errorf("%d lines for %d failures:\n%s", lines, len(requests), &log)
	}
}

func TestStart_CollectorDoesNotAnswer_EndsInTime(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	tracer, stop, err := otlp.Start(t.Context(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Start(t.Context(), "query")
	span.End()
	ended, cancel := context.WithCancel(t.Context())
	go func() { stop(50 * time.Millisecond); cancel() }()
	select {
	case <-ended.Done():
	case <-time.After(9 * time.Second): // the exporter's own timeout is 10 s
		t.Error("the export of spans delays the end of the server")
	}
}

func TestStart_NoEndpointOrOff_NothingExported(t *testing.T) {
	for name, variables := range map[string]map[string]string{
		"no endpoint":      nil,
		"switched off":     {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
		"another exporter": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
		"another protocol": {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range variables {
				t.Setenv(key, value)
			}
			var log bytes.Buffer
			tracer, stop, err := otlp.Start(t.Context(), slog.New(slog.NewTextHandler(&log, nil)))
			stop(time.Second)
			if tracer != nil || err != nil || strings.Contains(log.String(), "http/protobuf") != (name == "another protocol") {
				t.Errorf("%v %v %s", tracer, err, &log)
			}
		})
	}
}
