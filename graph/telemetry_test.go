package graph_test

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/telemetry"
)

// operations returns how many operations were measured, by "type name_hash code".
func (a *api) operations() map[string]int {
	a.t.Helper()
	counts := map[string]int{}
	for _, metric := range a.gather("catalog_operation_duration_seconds") {
		labels := map[string]string{}
		for _, label := range metric.GetLabel() {
			labels[label.GetName()] = label.GetValue()
		}
		// A series exists shortly before its first sample.
		if count := int(metric.GetHistogram().GetSampleCount()); count > 0 {
			counts[labels["type"]+" "+labels["name_hash"]+" "+labels["code"]] = count
		}
	}
	return counts
}

func (a *api) gather(name string) []*dto.Metric {
	a.t.Helper()
	families, err := a.metrics.Gather()
	if err != nil {
		a.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == name {
			return family.GetMetric()
		}
	}
	return nil
}

// Each operation is measured once, whatever its transport and outcome.
func TestMetrics_EveryTransport_OperationMeasuredOnce(t *testing.T) {
	t.Parallel()
	const (
		twoOf  = "94a72c07" // printf %s Two | sha256sum
		query  = `{"query":"query Two { events(first: -1) { nodes { eventId } } eventTypes { name } }"}`
		inJSON = "application/graphql-response+json"
		parts  = "multipart/mixed;deferSpec=20220824"
	)
	for name, test := range map[string]struct {
		do   func(a *api)
		want string
	}{
		"POST":        {func(a *api) { a.read(a.post(inJSON, `{"query":"query Two { eventTypes { name } }"}`)) }, "query " + twoOf + " ok"},
		"GET":         {func(a *api) { a.read(a.request(http.MethodGet, "/graphql?query=%7BeventTypes%7Bname%7D%7D", "")) }, "query anonymous ok"},
		"resolvers":   {func(a *api) { a.read(a.post(inJSON, `{"query":"{ __schema { types { name } } }"}`)) }, "query anonymous ok"},
		"field error": {func(a *api) { a.read(a.post(inJSON, query)) }, "query " + twoOf + " BAD_USER_INPUT"},
		"mutation": {func(a *api) {
			a.read(a.post(inJSON, `{"query":"mutation Two { recordEvent(input: {type: \"UPDATED\", path: \"a\"}) { duplicate } }"}`))
		}, "mutation " + twoOf + " NOT_FOUND"},
		"in parts": {func(a *api) {
			a.read(a.post(parts, `{"query":"{ eventTypes { name } ... @defer { resourceTypes { name } } }"}`))
		}, "query anonymous ok"},
		"parse error":        {func(a *api) { a.read(a.post(inJSON, `{"query":"{"}`)) }, "unknown anonymous GRAPHQL_PARSE_FAILED"},
		"invalid":            {func(a *api) { a.read(a.post(inJSON, `{"query":"query Two { other }"}`)) }, "unknown anonymous GRAPHQL_VALIDATION_FAILED"},
		"invalid, in parts":  {func(a *api) { a.read(a.post(parts, `{"query":"{ other }"}`)) }, "unknown anonymous GRAPHQL_VALIDATION_FAILED"},
		"not GraphQL":        {func(a *api) { a.read(a.request(http.MethodPost, "/graphql", "x", "Content-Type", "text/plain")) }, "unknown anonymous BAD_USER_INPUT"},
		"WebSocket":          {func(a *api) { a.overSocket(`{"query":"query Two { eventTypes { name } }"}`) }, "query " + twoOf + " ok"},
		"WebSocket, error":   {func(a *api) { a.overSocket(`{"query":"{ other }"}`) }, "unknown anonymous GRAPHQL_VALIDATION_FAILED"},
		"WebSocket, refused": {func(a *api) { a.overSocket(`{"query":"{ eventTypes { name } }","variables":{"x":"\ud800"}}`) }, "unknown anonymous BAD_USER_INPUT"},
		"subscription":       {func(a *api) { a.subscribe(`subscription Two { eventRecorded { cursor } }`, nil).Close() }, "subscription " + twoOf + " ok"},
		"subscription, refused": {func(a *api) {
			a.read(a.post("text/event-stream", `{"query":"subscription Two { eventRecorded(after: \"x\") { cursor } }"}`))
		}, "subscription " + twoOf + " BAD_USER_INPUT"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := setup(t).startTasks()
			test.do(a)
			var got map[string]int
			eventually(t, func() bool { got = a.operations(); return len(got) > 0 })
			if len(got) != 1 || got[test.want] != 1 {
				t.Errorf("got %v, want 1 of %q", got, test.want)
			}
		})
	}
}

// Clients choose the names of operations.
func TestMetrics_ManyNames_BoundedSeries(t *testing.T) {
	t.Parallel()
	a := setup(t)
	for i := range 300 {
		a.read(a.post("application/json", fmt.Sprintf(`{"query":"query N%d { eventTypes { name } }"}`, i)))
	}
	got := a.operations()
	if len(got) != 201 || got["query other ok"] != 100 {
		t.Errorf("%d series, %d of them for others; want 201 and 100", len(got), got["query other ok"])
	}
}

func TestMetrics_Query_StatementsAndBytes(t *testing.T) {
	t.Parallel()
	a := setup(t)
	a.register("p", map[string]any{"a": 1})
	before := a.metric("catalog_received_bytes_total", "http")
	a.sql.take()
	body := `{"query":"{ resources(first: 5) { nodes { versions(first: 2) { nodes { version events(first: 2) { nodes { message } } } } type { name } } } }"}`
	text := a.read(a.post("application/json", body))
	want := len(a.sql.take())
	sum := 0.0
	for _, metric := range a.gather("catalog_operation_statements") {
		if metric.GetLabel()[0].GetValue() == "query" {
			sum = metric.GetHistogram().GetSampleSum()
		}
	}
	if want == 0 || int(sum) != want {
		t.Errorf("%v statements were counted, %d were sent", sum, want)
	}
	if got := a.metric("catalog_received_bytes_total", "http") - before; int(got) != len(body) {
		t.Errorf("%v bytes received, want %d", got, len(body))
	}
	if sent := a.metric("catalog_sent_bytes_total", "http"); int(sent) < len(text) {
		t.Errorf("%v bytes sent, want at least %d", sent, len(text))
	}
	if batches, keys := a.metric("catalog_loader_batches_total", ""), a.metric("catalog_loader_keys_total", ""); batches < 1 || keys < batches {
		t.Errorf("%v batches with %v keys", batches, keys)
	}
}

// The log has what an operator needs, and no secrets of clients.
func TestLog_AccessAndSlow_WithoutSecrets(t *testing.T) {
	t.Parallel()
	token, line := auth.NewToken(auth.Viewer, "the screen")
	tokens, err := auth.ReadTokens(strings.NewReader(line))
	if err != nil {
		t.Fatal(err)
	}
	a := setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) {
		o.Tokens, o.Telemetry = tokens, telemetry.Options{Access: true, Slow: time.Nanosecond}
	})
	const body = `{"query":"query Find($id: ID!) { node(id: $id) { id } events(first: -1) { nodes { eventId } } eventTypes { name } }","variables":{"id":"secret"}}`
	a.read(a.request(http.MethodPost, "/graphql?also=secret", body, "Content-Type", "application/json", "Authorization", "Bearer "+token))
	connection := a.socket("Authorization", "Bearer "+token)
	a.send(connection, variables{"id": "1", "type": "subscribe", "payload": variables{"query": "query Live { eventTypes { name } }"}})
	a.read(a.request(http.MethodGet, "/healthz", ""))
	a.read(a.request(http.MethodPost, "/graphql", body, "Content-Type", "application/json", "Authorization", "Bearer secret"))
	const find = `bytes_in=145 bytes_out=\d+ code=BAD_USER_INPUT type=query name=Find name_hash=[0-9a-f]{8} statements=1 document_hash=[0-9a-f]{16}\n`
	for _, want := range []string{
		`level=WARN msg="slow operation" duration=\S+ ` + find,
		`level=INFO msg=request transport=http path=/graphql caller="the screen" method=POST status=200 duration=\S+ ` + find,
		`level=INFO msg=request transport=websocket path=/graphql caller="the screen" duration=\S+ bytes_in=\d+ bytes_out=\d+ code=ok type=query name=Live `,
		`transport=http path=/graphql caller=127.0.0.1 method=GET status=101`,
		`transport=http path=/healthz caller=127.0.0.1 method=GET status=200 duration=\S+ bytes_in=0 bytes_out=3\n`,
		`transport=http path=/graphql caller=127.0.0.1 method=POST status=401 duration=\S+ bytes_in=0 bytes_out=\d+ code=UNAUTHENTICATED\n`,
	} {
		pattern := regexp.MustCompile(want)
		eventually(t, func() bool { return pattern.MatchString(a.log.String()) })
	}
	for _, secret := range []string{token, "secret", "eventTypes"} {
		if strings.Contains(a.log.String(), secret) {
			t.Errorf("the log contains %s:\n%s", secret, a.log)
		}
	}
}

// setupTraced returns a server, and the exporter that keeps its spans.
func setupTraced(t *testing.T) (*api, *tracetest.InMemoryExporter) {
	exporter := tracetest.NewInMemoryExporter()
	tracer := sdk.NewTracerProvider(sdk.WithSyncer(exporter)).Tracer("")
	a := setupAt(t, dbtest.URL(t), func(o *graph.HandlerOptions) { o.Telemetry.Spans = tracer })
	a.sql.spans.Spans = tracer
	return a.startTasks(), exporter
}

func findSpan(exporter *tracetest.InMemoryExporter, name string) *tracetest.SpanStub {
	for _, span := range exporter.GetSpans() {
		if span.Name == name {
			return &span
		}
	}
	return nil
}

func attributesOf(span *tracetest.SpanStub) string {
	var text []string
	for _, attribute := range span.Attributes {
		text = append(text, string(attribute.Key)+"="+attribute.Value.String())
	}
	return strings.Join(text, " ")
}

func TestSpans_HTTP_RequestOperationStatement(t *testing.T) {
	t.Parallel()
	a, exporter := setupTraced(t)
	a.register("secret/path", map[string]any{"a": 1})
	exporter.Reset()
	a.read(a.request(http.MethodGet, "/healthz", ""))
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	a.read(a.request(http.MethodPost, "/graphql?secret", `{"query":"query Find($p: String!) { resource(path: $p) { versions(first: 2) { nodes { version } } } node(id: \"secret\") { id } events(first: -1) { nodes { eventId } } }","variables":{"p":"secret/path"}}`,
		"Content-Type", "application/json", "traceparent", "00-"+trace+"-00f067aa0ba902b7-01"))
	eventually(t, func() bool { return findSpan(exporter, "POST /graphql") != nil })
	request, operation := findSpan(exporter, "POST /graphql"), findSpan(exporter, "query")
	if operation == nil {
		t.Fatalf("%+v", exporter.GetSpans())
	}
	if request.SpanContext.TraceID().String() != trace || request.Parent.SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("the request's span is not below that of the caller: %+v", request.Parent)
	}
	if operation.Parent.SpanID() != request.SpanContext.SpanID() {
		t.Error("the operation's span is not below that of the request")
	}
	if findSpan(exporter, "GET /healthz") != nil {
		t.Error("a probe is traced")
	}
	for span, want := range map[*tracetest.SpanStub]string{
		request:   "http.request.method=POST url.path=/graphql url.scheme=http client.address=127.0.0.1 network.protocol.version=1.1 http.route=/graphql http.response.status_code=200",
		operation: "graphql.operation.type=query graphql.operation.name=Find error.type=BAD_USER_INPUT",
	} {
		if got := attributesOf(span); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
	statements := 0
	for _, span := range exporter.GetSpans() {
		if strings.Contains(fmt.Sprint(span), "secret") {
			t.Errorf("%s contains a secret: %+v", span.Name, span)
		}
		if strings.Contains(attributesOf(&span), "db.system.name=postgresql db.namespace=") {
			statements++
			if span.Parent.SpanID() != operation.SpanContext.SpanID() || !strings.HasSuffix(attributesOf(&span), "db.query.summary="+span.Name) {
				t.Errorf("statement %s: %s", span.Name, attributesOf(&span))
			}
		}
	}
	if want := len(a.sql.take()) - 1; statements == 0 || statements > want {
		t.Errorf("%d statements, want 1 to %d", statements, want)
	}
}

// The span of a subscription does not last as long as the subscription.
func TestSpans_Subscription_EndsWhenStarted(t *testing.T) {
	t.Parallel()
	a, exporter := setupTraced(t)
	connection := a.socket()
	a.send(connection, variables{"id": "1", "type": "subscribe", "payload": variables{"query": "subscription Live { eventRecorded { cursor } }"}})
	eventually(t, func() bool { return findSpan(exporter, "subscription") != nil })
	live := findSpan(exporter, "subscription")
	if live.Parent.IsValid() || len(live.Links) != 1 || live.Links[0].SpanContext.SpanID() != findSpan(exporter, "GET /graphql").SpanContext.SpanID() {
		t.Errorf("parent %v, links %v; want none, and one to the handshake", live.Parent, live.Links)
	}
	exporter.Reset()
	a.subscribe(`subscription Live { eventRecorded { cursor } }`, nil)
	eventually(t, func() bool { return findSpan(exporter, "POST /graphql") != nil })
	exporter.Reset()
	a.read(a.post("text/event-stream", `{"query":"subscription { eventRecorded(after: \"x\") { cursor } }"}`))
	eventually(t, func() bool { return findSpan(exporter, "subscription") != nil })
	if got := attributesOf(findSpan(exporter, "subscription")); got != "graphql.operation.type=subscription error.type=BAD_USER_INPUT" {
		t.Error(got)
	}
}
