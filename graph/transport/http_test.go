package transport_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/limit"
	"github.com/noetl/noetl-catalog/graph/transport"
)

const schemaText = `
directive @defer(if: Boolean = true, label: String) on FRAGMENT_SPREAD | INLINE_FRAGMENT
scalar JSON
type Query { name(id: Int, in: JSON): String child: Query }
type Mutation { save: String }
type Subscription { name: String }
`

// payload is jsonb as PostgreSQL writes it, which a second pass of
// encoding/json would change in every part.
const payload = `{"name": {"b": "<&>` + "\u2028" + `", "a": 1.10}}`

const (
	plainType    = "application/json"
	responseType = "application/graphql-response+json"
)

// newServer returns a gqlgen server that executes operations with exec.
func newServer(t testing.TB, h transport.Options, exec func(ctx context.Context) *graphql.Response) *handler.Server {
	t.Helper()
	schema := gqlparser.MustLoadSchema(&ast.Source{Input: schemaText})
	gql := handler.New(&graphql.ExecutableSchemaMock{
		SchemaFunc: func() *ast.Schema { return schema },
		ExecFunc: func(context.Context) graphql.ResponseHandler {
			return func(ctx context.Context) *graphql.Response { return exec(ctx) }
		},
	})
	present := apierror.NewPresenter(slog.New(slog.DiscardHandler), func() string { return "id-1" })
	gql.SetErrorPresenter(present.Present)
	gql.SetRecoverFunc(present.Recover)
	gql.SetParserTokenLimit(10_000)
	gql.Use(limit.Limit{})
	transport.Add(gql, h)
	return gql
}

func respondData(context.Context) *graphql.Response { return &graphql.Response{Data: []byte(payload)} }

func neverRun(t testing.TB) func(context.Context) *graphql.Response {
	return func(context.Context) *graphql.Response {
		t.Error("the operation was executed")
		return nil
	}
}

func post(body string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", plainType)
	return withHeaders(r, headers...)
}

func get(query url.Values, headers ...string) *http.Request {
	return withHeaders(httptest.NewRequest(http.MethodGet, "/graphql?"+query.Encode(), nil), headers...)
}

func withHeaders(r *http.Request, headers ...string) *http.Request {
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" {
			r.Header.Del(headers[i])
		} else {
			r.Header.Set(headers[i], headers[i+1])
		}
	}
	return r
}

func send(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// codes returns the extensions.code of a response's errors, after checking that
// it has GraphQL's shape.
func codes(t *testing.T, w *httptest.ResponseRecorder) []string {
	t.Helper()
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct{ Code string }
		}
		Data json.RawMessage
	}
	decoder := json.NewDecoder(bytes.NewReader(w.Body.Bytes()))
	if err := decoder.Decode(&answer); err != nil {
		t.Fatalf("the answer is not JSON: %v: %s", err, w.Body)
	}
	if got, want := w.Header().Get("Content-Length"), fmt.Sprint(w.Body.Len()); got != want {
		t.Errorf("Content-Length %s, want %s", got, want)
	}
	var list []string
	for _, e := range answer.Errors {
		if e.Message == "" {
			t.Error("an error without a message")
		}
		list = append(list, e.Extensions.Code)
	}
	return list
}

func TestDo_DataPassesThroughByteForByte(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{}, respondData)
	for name, r := range map[string]*http.Request{
		"POST": post(`{"query":"{name}"}`),
		"GET":  get(url.Values{"query": {"{name}"}}),
	} {
		w := send(srv, r)
		if d := cmp.Diff(`{"data":`+payload+`}`, w.Body.String()); d != "" || w.Code != 200 {
			t.Errorf("%s: %d (-want +got)\n%s", name, w.Code, d)
		}
		codes(t, w)
	}
}

func TestDo_DataWithErrorsAndExtensions_ErrorsFirstStatus200(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{}, func(ctx context.Context) *graphql.Response {
		graphql.AddError(ctx, apierror.Errorf(apierror.Timeout, "a < b"))
		graphql.RegisterExtension(ctx, "took", 1)
		return &graphql.Response{Data: []byte(`null`)}
	})
	for _, accept := range []string{plainType, responseType} {
		w := send(srv, post(`{"query":"{name}"}`, "Accept", accept))
		want := `{"errors":[{"message":"a < b","extensions":{"code":"TIMEOUT"}}],"data":null,"extensions":{"took":1}}`
		if d := cmp.Diff(want, w.Body.String()); d != "" || w.Code != 200 {
			t.Errorf("%s: %d (-want +got)\n%s", accept, w.Code, d)
		}
	}
}

func TestDo_RequestError_StatusAndCodeByMediaTypeWithoutData(t *testing.T) {
	t.Parallel()
	quoted := func(query string) string {
		text, _ := json.Marshal(query)
		return `{"query":` + string(text) + `}`
	}
	deep := strings.Repeat("{child", 20) + "{name}" + strings.Repeat("}", 20)
	for _, tc := range []struct {
		name, body      string
		plain, response int
		code            string
	}{
		{"not parsed", quoted(`{`), 200, 400, "GRAPHQL_PARSE_FAILED"},
		{"nested beyond the parser", quoted(strings.Repeat("{a", 100_000)), 200, 400, "GRAPHQL_PARSE_FAILED"},
		{"too many tokens", quoted("{" + strings.Repeat("name ", 20_000) + "}"), 200, 400, "GRAPHQL_PARSE_FAILED"},
		{"unknown field", quoted(`{nope}`), 200, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"only white space", quoted(` `), 200, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"unknown operation", `{"query":"{name}","operationName":"x"}`, 200, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"variable missing", quoted(`query($a:Int!){name(id:$a)}`), 200, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"variable of another type", `{"query":"query($a:Int){name(id:$a)}","variables":{"a":"x"}}`, 200, 400, "GRAPHQL_VALIDATION_FAILED"},
		{"too deep", quoted(deep), 200, 400, "DEPTH_LIMIT_EXCEEDED"},
		{"persisted only", `{"extensions":{"persistedQuery":{"version":1}}}`, 200, 400, "GRAPHQL_VALIDATION_FAILED"},

		{"not JSON", `{`, 400, 400, "BAD_USER_INPUT"},
		{"empty", ``, 400, 400, "BAD_USER_INPUT"},
		{"a batch", `[` + quoted(`{name}`) + `]`, 400, 400, "BAD_USER_INPUT"},
		{"a text", `"{name}"`, 400, 400, "BAD_USER_INPUT"},
		{"query missing", `{}`, 400, 400, "BAD_USER_INPUT"},
		{"query null", `{"query":null}`, 400, 400, "BAD_USER_INPUT"},
		{"query of another case", `{"Query":"{name}"}`, 400, 400, "BAD_USER_INPUT"},
		{"query a number", `{"query":1}`, 400, 400, "BAD_USER_INPUT"},
		{"variables a list", `{"query":"{name}","variables":[]}`, 400, 400, "BAD_USER_INPUT"},
		{"variables a text", `{"query":"{name}","variables":"{}"}`, 400, 400, "BAD_USER_INPUT"},
		{"operationName a number", `{"query":"{name}","operationName":1}`, 400, 400, "BAD_USER_INPUT"},
		{"extensions a text", `{"query":"{name}","extensions":""}`, 400, 400, "BAD_USER_INPUT"},
		{"more after it", quoted(`{name}`) + quoted(`{name}`), 400, 400, "BAD_USER_INPUT"},
		{"not UTF-8", "{\"query\":\"{name}\xff\"}", 400, 400, "BAD_USER_INPUT"},
		{"a key twice", `{"query":"{","query":"{name}"}`, 400, 400, "BAD_USER_INPUT"},
		{"a key twice in a variable", `{"query":"{name}","variables":{"a":[{"b":1,"b":1}]}}`, 400, 400, "BAD_USER_INPUT"},
		{"half a surrogate", `{"query":"{name}","variables":{"a":"\ud800"}}`, 400, 400, "BAD_USER_INPUT"},
		{"half a surrogate, then a letter", `{"query":"{name}","variables":{"a":"\ud800\u0041"}}`, 400, 400, "BAD_USER_INPUT"},
		{"surrogates in the wrong order", `{"query":"{name}","variables":{"a":"\udc00\ud800"}}`, 400, 400, "BAD_USER_INPUT"},
		{"variables 200,000 deep", `{"query":"{name}","variables":{"a":` + strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000) + `}}`, 400, 400, "BAD_USER_INPUT"},
		{"201 levels", `{"query":"{name}","variables":{"a":` + strings.Repeat("[", 199) + strings.Repeat("]", 199) + `}}`, 400, 400, "BAD_USER_INPUT"},
		{"201 levels of objects", `{"query":"{name}","variables":` + strings.Repeat(`{"a":`, 200) + "1" + strings.Repeat("}", 201), 400, 400, "BAD_USER_INPUT"},
		{"a million values", `{"query":"{name}","variables":{"a":[` + strings.Repeat("0,", 1_000_000) + `0]}}`, 413, 413, "PAYLOAD_TOO_LARGE"},
		{"subscription", quoted(`subscription{name}`), 400, 400, "BAD_USER_INPUT"},
		{"defer", quoted(`{name ... @ defer {child{name}}}`), 400, 400, "BAD_USER_INPUT"},
		{"defer in a fragment", quoted(`{...F} fragment F on Query{child{... G @defer}} fragment G on Query{name}`), 400, 400, "BAD_USER_INPUT"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, transport.Options{}, neverRun(t))
			for accept, status := range map[string]int{plainType: tc.plain, responseType: tc.response} {
				w := send(srv, post(tc.body, "Accept", accept))
				if w.Code != status {
					t.Errorf("%s: status %d, want %d", accept, w.Code, status)
				}
				if got := codes(t, w); len(got) == 0 || got[0] != tc.code {
					t.Errorf("%s: codes %v, want %s", accept, got, tc.code)
				}
				if got := w.Header().Get("Content-Type"); got != accept+"; charset=utf-8" {
					t.Errorf("Content-Type %s, want %s", got, accept)
				}
				if strings.Contains(w.Body.String(), `"data"`) {
					t.Errorf("an answer with data: %s", w.Body)
				}
				if w.Body.Len() > 64<<10 {
					t.Errorf("an answer of %d bytes", w.Body.Len())
				}
			}
		})
	}
}

func TestDo_RequestTolerated_Runs(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"unknown keys":           `{"query":"{name}","id":7,"x":{}}`,
		"an unknown key twice":   `{"query":"{name}","x":1,"x":2}`,
		"nulls":                  `{"query":"{name}","variables":null,"operationName":null,"extensions":null}`,
		"white space":            " \r\n\t{ \"query\" : \"{name}\" } \n",
		"an operation by name":   `{"query":"query a{name} query b{name}","operationName":"b"}`,
		"the word defer":         `{"query":"{defer:name}"}`,
		"200 levels":             `{"query":"{name}","variables":{"a":` + strings.Repeat("[", 198) + strings.Repeat("]", 198) + `}}`,
		"a surrogate pair":       `{"query":"{name}","variables":{"a":"\ud83d\ude00"}}`,
		"escapes in the query":   `{"query":"\u007b\n\tname}"}`,
		"an empty operationName": `{"query":"{name}","operationName":""}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := send(newServer(t, transport.Options{}, respondData), post(body))
			if got := codes(t, w); w.Code != 200 || got != nil {
				t.Errorf("status %d, codes %v: %s", w.Code, got, w.Body)
			}
		})
	}
}

func TestDo_MalformedBody_NotInTheAnswer(t *testing.T) {
	t.Parallel()
	const secret = "hunter2"
	srv := newServer(t, transport.Options{}, neverRun(t))
	for _, body := range []string{
		secret,
		`{"password":"` + secret + `"`,
		`{"query":"{name}","variables":{"` + secret + ` x":"\ud800"}}`,
		`{"query":{"` + secret + `":1}}`,
		`{"query":"{name}"} ` + secret,
		`["` + secret + `"]`,
		`{"query":"` + secret + "\xff\"}",
	} {
		w := send(srv, post(body))
		if w.Code != 400 || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: %d %s", body, w.Code, w.Body)
		}
	}
	w := send(srv, get(url.Values{"query": {"{name}"}, "variables": {secret}}))
	if w.Code != 400 || strings.Contains(w.Body.String(), secret) {
		t.Errorf("GET: %d %s", w.Code, w.Body)
	}
}

func TestDo_LoneSurrogate_ArgumentNamed(t *testing.T) {
	t.Parallel()
	w := send(newServer(t, transport.Options{}, neverRun(t)),
		post(`{"query":"{name}","variables":{"in":[{"payload":{"no name":{"a":"\udc00"}}}]}}`))
	if !strings.Contains(w.Body.String(), `"argument":"variables.in.0.payload"`) {
		t.Errorf("got %s", w.Body)
	}
}

func TestDo_HTTPRefusals_StatusCodeAndAllow(t *testing.T) {
	t.Parallel()
	const ok = `{"query":"{name}"}`
	mutation := url.Values{"query": {"mutation{save}"}}
	for _, tc := range []struct {
		name   string
		r      *http.Request
		status int
		code   string
		allow  string
	}{
		{"PUT", httptest.NewRequest("PUT", "/graphql", strings.NewReader(ok)), 405, "BAD_USER_INPUT", "GET, POST, OPTIONS"},
		{"HEAD", httptest.NewRequest("HEAD", "/graphql?query={name}", nil), 405, "BAD_USER_INPUT", "GET, POST, OPTIONS"},
		{"GET of a mutation", get(mutation), 405, "BAD_USER_INPUT", "POST"},
		{"GET of a mutation, other type", get(mutation, "Accept", responseType), 405, "BAD_USER_INPUT", "POST"},
		{"GET of a subscription", get(url.Values{"query": {"subscription{name}"}}), 400, "BAD_USER_INPUT", ""},
		{"GET without a query", get(nil), 400, "BAD_USER_INPUT", ""},
		{"GET with two queries", get(url.Values{"query": {"{name}", "{name}"}}), 400, "BAD_USER_INPUT", ""},
		{"GET with a broken escape", httptest.NewRequest("GET", "/graphql?query=%7Bname%7D;a", nil), 400, "BAD_USER_INPUT", ""},
		{"GET, not UTF-8", get(url.Values{"query": {"{name}\xff"}}), 400, "BAD_USER_INPUT", ""},
		{"GET, variables a list", get(url.Values{"query": {"{name}"}, "variables": {"[]"}}), 400, "BAD_USER_INPUT", ""},
		{"GET, extensions not JSON", get(url.Values{"query": {"{name}"}, "extensions": {"{"}}), 400, "BAD_USER_INPUT", ""},

		{"text/plain", post(ok, "Content-Type", "text/plain"), 415, "BAD_USER_INPUT", ""},
		{"a form", post("query={name}", "Content-Type", "application/x-www-form-urlencoded"), 415, "BAD_USER_INPUT", ""},
		{"multipart", post(ok, "Content-Type", "multipart/form-data; boundary=x"), 415, "BAD_USER_INPUT", ""},
		{"application/graphql", post("{name}", "Content-Type", "application/graphql"), 415, "BAD_USER_INPUT", ""},
		{"no type", post(ok, "Content-Type", ""), 415, "BAD_USER_INPUT", ""},
		{"a broken type", post(ok, "Content-Type", "application/json; charset"), 415, "BAD_USER_INPUT", ""},
		{"another charset", post(ok, "Content-Type", "application/json; charset=utf-16"), 415, "BAD_USER_INPUT", ""},
		{"gzip", post(ok, "Content-Encoding", "gzip"), 415, "BAD_USER_INPUT", ""},
		{"identity", post(ok, "Content-Encoding", "identity"), 415, "BAD_USER_INPUT", ""},

		{"Accept: text/html", post(ok, "Accept", "text/html"), 406, "BAD_USER_INPUT", ""},
		{"Accept: q=0", get(url.Values{"query": {"{name}"}}, "Accept", "application/*;q=0"), 406, "BAD_USER_INPUT", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := send(newServer(t, transport.Options{}, neverRun(t)), tc.r)
			if got := codes(t, w); w.Code != tc.status || len(got) != 1 || got[0] != tc.code {
				t.Errorf("%d %v, want %d %s", w.Code, got, tc.status, tc.code)
			}
			if got := w.Header().Get("Allow"); got != tc.allow {
				t.Errorf("Allow: %q, want %q", got, tc.allow)
			}
		})
	}
}

func TestDo_Charset_UTF8Accepted(t *testing.T) {
	t.Parallel()
	for _, contentType := range []string{"application/json; charset=utf-8", `Application/JSON;charset="UTF-8"`} {
		if w := send(newServer(t, transport.Options{}, respondData), post(`{"query":"{name}"}`, "Content-Type", contentType)); w.Code != 200 {
			t.Errorf("%s: %d", contentType, w.Code)
		}
	}
}

func TestDo_OPTIONS_AllowHeader(t *testing.T) {
	t.Parallel()
	w := send(newServer(t, transport.Options{}, neverRun(t)), httptest.NewRequest("OPTIONS", "/graphql", nil))
	if w.Code != 204 || w.Header().Get("Allow") != "GET, POST, OPTIONS" {
		t.Errorf("%d, Allow: %s", w.Code, w.Header().Get("Allow"))
	}
}

func TestDo_GET_VariablesAndOperationNameAreRead(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{}, func(ctx context.Context) *graphql.Response {
		op := graphql.GetOperationContext(ctx)
		text, _ := json.Marshal([]any{op.Operation.Name, op.Variables, op.Extensions})
		return &graphql.Response{Data: text}
	})
	w := send(srv, get(url.Values{
		"query":         {"query a{name} query b($in:JSON){name(in:$in)}"},
		"operationName": {"b"}, "variables": {`{"in":12345678901234567890}`}, "extensions": {`{"x":1}`},
	}))
	if want := `{"data":["b",{"in":12345678901234567890},{"x":1}]}`; w.Body.String() != want {
		t.Errorf("got %s, want %s", w.Body, want)
	}
}

// endless is a body without a length that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return copy(p, bytes.Repeat([]byte(" "), len(p))), nil
}

func TestDo_BodyOverTheLimit_413AndLittleMoreIsRead(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{MaxBody: 1000}, respondData)
	fill := func(n int) string { return `{"query":"{name}"}` + strings.Repeat(" ", n-18) }

	if w := send(srv, post(fill(1000))); w.Code != 200 {
		t.Errorf("at the limit: %d %s", w.Code, w.Body)
	}
	if w := send(srv, post(fill(1001))); w.Code != 413 || codes(t, w)[0] != "PAYLOAD_TOO_LARGE" {
		t.Errorf("over the limit: %d %s", w.Code, w.Body)
	}
	const drained = 64<<20 + 8000 // for clients that send all before they read
	unread := &endless{}
	claimed := withHeaders(httptest.NewRequest("POST", "/graphql", unread), "Content-Type", plainType)
	claimed.ContentLength = 256 << 20
	if w := send(srv, claimed); w.Code != 413 || unread.read > drained {
		t.Errorf("256 MB claimed: %d after %d bytes", w.Code, unread.read)
	}
	unknownLength := post(fill(1001))
	unknownLength.ContentLength = -1
	if w := send(srv, unknownLength); w.Code != 413 || codes(t, w)[0] != "PAYLOAD_TOO_LARGE" {
		t.Errorf("over the limit, in chunks: %d %s", w.Code, w.Body)
	}
	body := &endless{}
	chunked := withHeaders(httptest.NewRequest("POST", "/graphql", body), "Content-Type", plainType)
	if w := send(srv, chunked); w.Code != 413 || body.read > drained {
		t.Errorf("without end: %d after %d bytes", w.Code, body.read)
	}
}

func TestDo_TruncatedBody_400(t *testing.T) {
	t.Parallel()
	body := io.MultiReader(strings.NewReader(`{"query":"{name}"}`), errReader{io.ErrUnexpectedEOF})
	r := withHeaders(httptest.NewRequest("POST", "/graphql", body), "Content-Type", plainType)
	if w := send(newServer(t, transport.Options{}, neverRun(t)), r); w.Code != 400 || codes(t, w)[0] != "BAD_USER_INPUT" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDo_BodyThatDoesNotArrive_408(t *testing.T) {
	t.Parallel()
	r := withHeaders(httptest.NewRequest("POST", "/graphql", errReader{context.DeadlineExceeded}), "Content-Type", plainType)
	if w := send(newServer(t, transport.Options{}, neverRun(t)), r); w.Code != 408 || codes(t, w)[0] != "TIMEOUT" {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

type errReader struct{ err error }

func (r errReader) Read([]byte) (int, error) { return 0, r.err }

func TestDo_ManyErrors_TwentyInTheAnswer(t *testing.T) {
	t.Parallel()
	fields := make([]string, 3000)
	for i := range fields {
		fields[i] = fmt.Sprintf("f%d", i)
	}
	w := send(newServer(t, transport.Options{}, neverRun(t)), post(`{"query":"{`+strings.Join(fields, " ")+`}"}`))
	if got := len(codes(t, w)); got != 20 {
		t.Errorf("%d errors from validation", got)
	}
	w = send(newServer(t, transport.Options{}, func(ctx context.Context) *graphql.Response {
		for range 100 {
			graphql.AddError(ctx, errors.New("x"))
		}
		return &graphql.Response{Data: []byte("null")}
	}), post(`{"query":"{name}"}`))
	if got := len(codes(t, w)); got != 20 {
		t.Errorf("%d errors from execution", got)
	}
}

func TestDo_Deadline_ByOperation(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		query string
		h     transport.Options
		want  time.Duration
	}{
		{"{name}", transport.Options{}, 10 * time.Second},
		{"{name}", transport.Options{QueryTimeout: time.Minute}, time.Minute},
		{"mutation{save}", transport.Options{}, time.Minute},
		{"mutation{save}", transport.Options{MutationTimeout: time.Hour}, time.Hour},
	} {
		srv := newServer(t, tc.h, func(ctx context.Context) *graphql.Response {
			deadline, _ := ctx.Deadline()
			if left := time.Until(deadline); left > tc.want || left < tc.want-5*time.Second {
				t.Errorf("%s: %s left, want %s", tc.query, left, tc.want)
			}
			return respondData(ctx)
		})
		send(srv, post(`{"query":"`+tc.query+`"}`))
	}
}

func TestDo_DeadlineBeforeExecution_Timeout(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{QueryTimeout: time.Nanosecond}, neverRun(t))
	w := send(srv, post(`{"query":"{name}"}`, "Accept", responseType))
	if got := codes(t, w); w.Code != 503 || len(got) != 1 || got[0] != "TIMEOUT" {
		t.Errorf("%d %v", w.Code, got)
	}
}

func TestDo_Unauthorized_StatusByMediaType(t *testing.T) {
	t.Parallel()
	for code, status := range map[string]int{"UNAUTHENTICATED": 401, "FORBIDDEN": 403, "TOO_MANY_REQUESTS": 429, "OVERLOADED": 503, "INTERNAL": 500} {
		srv := newServer(t, transport.Options{}, respondData)
		srv.AroundOperations(func(ctx context.Context, _ graphql.OperationHandler) graphql.ResponseHandler {
			r := graphql.ErrorResponse(ctx, "no")
			r.Errors[0].Extensions = map[string]any{"code": code, "retryAfter": 7}
			return graphql.OneShot(r)
		})
		busy := code == "TOO_MANY_REQUESTS" || code == "OVERLOADED"
		for accept, want := range map[string]int{plainType: 200, responseType: status} {
			if busy { // for proxies, which do not look into answers
				want = status
			}
			w := send(srv, post(`{"query":"{name}"}`, "Accept", accept))
			if w.Code != want || strings.Contains(w.Body.String(), `"data"`) || busy && w.Header().Get("Retry-After") != "7" {
				t.Errorf("%s, %s: %d %s", code, accept, w.Code, w.Body)
			}
		}
	}
}

func TestDo_Panic_InternalInTheRightShape(t *testing.T) {
	t.Parallel()
	srv := newServer(t, transport.Options{}, func(context.Context) *graphql.Response { panic("hunter2") })
	w := send(srv, post(`{"query":"{name}"}`))
	if got := codes(t, w); w.Code != 500 || len(got) != 1 || got[0] != "INTERNAL" || strings.Contains(w.Body.String(), "hunter2") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestDo_Accept_ChoosesTheMediaType(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{
		"":                              plainType,
		"*/*":                           plainType,
		"application/*":                 plainType,
		"application/json":              plainType,
		"Application/JSON":              plainType,
		responseType:                    responseType,
		responseType + ", " + plainType: responseType,
		plainType + ", " + responseType: responseType,
		responseType + ", */*;q=0.1":    responseType,
		responseType + ";charset=utf-8," + plainType + ";q=0.9": responseType,
		responseType + ";q=0.5, " + plainType:                   plainType,
		responseType + ";q=0.5, */*;q=0.1":                      responseType,
		"application/json;q=0, */*":                             responseType,
		responseType + ";q=0, */*":                              plainType,
		"text/html, */*;q=0.8":                                  plainType,
		"text/html;q=x, application/json;q=7, " + plainType:     plainType,
		"text/html":              "",
		"text/event-stream":      "text/event-stream",
		"*/*;q=0":                "",
		"application/json;q=NaN": "",
		";;;":                    "",
	} {
		w := send(newServer(t, transport.Options{}, respondData), post(`{"query":"{name}"}`, "Accept", accept))
		got, _, _ := strings.Cut(w.Header().Get("Content-Type"), ";")
		if w.Code == 406 {
			got = ""
		}
		if got != want {
			t.Errorf("%q: %q, want %q", accept, got, want)
		}
	}
}

func BenchmarkDo_POST(b *testing.B) {
	variables := `{"in":{"payload":{"steps":[` + strings.Repeat(`{"name":"fetch","n":17,"retry":true},`, 40) + `{}]}}}`
	srv := newServer(b, transport.Options{}, respondData)
	srv.SetQueryCache(graphql.MapCache[*ast.QueryDocument]{})
	for name, body := range map[string]string{
		"small":     `{"query":"{name}"}`,
		"variables": `{"query":"query($in:JSON){name(in:$in)}","variables":` + variables + `}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if w := send(srv, post(body)); w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
