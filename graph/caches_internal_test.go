package graph

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/generated"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
)

// TestCaches_ThousandWorstEntries_WithinLimits is not parallel: it measures the
// whole process.
func TestCaches_ThousandWorstEntries_WithinLimits(t *testing.T) {
	const entries, size = 1000, 64 << 10
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	ctx := auth.WithScopes(context.Background(), auth.Everything())
	operation := func(query string) *graphql.OperationContext {
		document, err := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
		if err != nil {
			t.Fatal(err)
		}
		return &graphql.OperationContext{RawQuery: query, Doc: document, Operation: document.Operations[0]}
	}
	parsed := func(query string) *input.Document {
		document, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			t.Fatal(err)
		}
		return &input.Document{Query: document}
	}
	entry := func(n int, size int) *stream.Entry {
		return &stream.Entry{Position: int64(n), Template: new(strings.Repeat("t", 1000)), Event: &eventlog.Event{
			ID: fmt.Sprint("e", n), Type: "UPDATED", Path: "a/b", Version: "1.0.0",
			Payload: []byte(strings.Repeat(" ", size)), Columns: eventlog.Columns{Payload: true, Meta: true},
		}}
	}
	for _, test := range []struct {
		name  string
		limit int
		feed  func(r testCaches, n int)
	}{
		{"documents of fields", maxDocuments, func(r testCaches, n int) {
			query := fmt.Sprintf("{a%d %s}", n, strings.Repeat("a ", 1000))
			parsedDocuments{r.documents}.Add(ctx, query, parsed(query))
		}},
		{"documents of values", maxDocuments, func(r testCaches, n int) {
			query := fmt.Sprintf("{a%d(a:[%s])}", n, strings.Repeat("1 ", 1000))
			parsedDocuments{r.documents}.Add(ctx, query, parsed(query))
		}},
		{"documents of directives", maxDocuments, func(r testCaches, n int) {
			query := fmt.Sprintf("{a%d %s}", n, strings.Repeat("a@b(c:{d:1}) ", 500))
			parsedDocuments{r.documents}.Add(ctx, query, parsed(query))
		}},
		{"documents of variables", maxDocuments, func(r testCaches, n int) {
			query := fmt.Sprintf("query a%d(%s){a}", n, strings.Repeat("$a:[[a]]=1 ", 500))
			parsedDocuments{r.documents}.Add(ctx, query, parsed(query))
		}},
		{"long documents", maxDocuments, func(r testCaches, n int) {
			query := fmt.Sprintf("{a%d}%s", n, strings.Repeat(" ", maxCachedDocument-10))
			parsedDocuments{r.documents}.Add(ctx, query, parsed(query))
		}},
		{"persisted documents", maxPersisted, func(r testCaches, n int) {
			persistedDocuments{r.persisted}.Add(ctx, fmt.Sprintf("%064d", n), strings.Repeat("x", maxCachedDocument))
		}},
		{"plans", maxPlans, func(r testCaches, n int) {
			r.compile(ctx, operation(fmt.Sprintf("{a%d: resource(path: \"a\") {%s}}", n, strings.Repeat("path ", 120))))
		}},
		{"plans of long documents", maxPlans, func(r testCaches, n int) {
			r.compile(ctx, operation("{resource(path: \"a\") {path}}"+strings.Repeat(" ", maxCachedDocument)+fmt.Sprint("#", n)))
		}},
		{"plans of arguments", maxPlans, func(r testCaches, n int) {
			r.compile(ctx, operation(fmt.Sprintf("{a%d: resourcesByPath(paths: [%s]) {path}}", n, strings.Repeat(`"x",`, 190))))
		}},
		{"templates of expressions", maxTemplates, func(r testCaches, n int) {
			_, _ = r.templates.Parse(fmt.Sprint(n, strings.Repeat("{{meta}}", 1000)))
		}},
		{"templates of steps", maxTemplates, func(r testCaches, n int) {
			_, _ = r.templates.Parse(fmt.Sprint(n, "{{meta", strings.Repeat(".a", 4000), "}}"))
		}},
		{"templates of filters", maxTemplates, func(r testCaches, n int) {
			if _, err := r.templates.Parse(fmt.Sprint(n, "{{meta", strings.Repeat("|default(1)", 700), "}}")); err != nil {
				t.Fatal(err)
			}
		}},
		{"templates that fail", maxFailed, func(r testCaches, n int) {
			for more := range 4 { // nearly all of 1,000 fit
				r.failedBefore(strings.Repeat("x", 8000) + fmt.Sprint(n, more))
			}
		}},
		{"events delivered", maxShared + maxEncodings, func(r testCaches, n int) {
			r.deliver(ctx, t, operation("subscription {eventRecorded {event {eventId}}}"), entry(n, size))
		}},
		{"events delivered with their payload", maxShared + maxEncodings, func(r testCaches, n int) {
			r.deliver(ctx, t, operation("subscription {eventRecorded {event {payload}}}"), entry(n, maxEncoding-16))
		}},
		{"versions of events", maxVersions, func(r testCaches, n int) {
			block := strings.Repeat("x", size) + fmt.Sprintf("path/%01019d", n)
			r.keepVersion([]*model.Event{{Shared: loader.New(1)}}, []*model.Version{{Row: &catalog.Version{
				Path: block[size:], Label: block[:128], Type: block[128:256], Source: block[256:384], Payload: []byte(block), Content: block,
			}}})
		}},
		{"what was read for events", maxShared, func(r testCaches, n int) {
			e := r.sharedEvent(entry(n, 10))
			e.Row.Payload = []byte(strings.Repeat("x", size)) // in place of the loaders
			r.shared.Grow(e.Entry, sizeOfRows(model.NewVersions([]*catalog.Version{{Payload: e.Row.Payload}})))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := testCaches{Resolver: NewResolver(catalog.NewStore(nil), eventlog.NewStore(nil), nil, catalog.Limits{}, slog.New(slog.DiscardHandler))}
			r.answers = r.newAnswers(apierror.NewPresenter(r.logger, nil))
			before := heapInUse()
			for n := range entries {
				test.feed(r, n)
			}
			held := heapInUse() - before
			t.Logf("%d KiB of %d", held>>10, test.limit>>10)
			if held > test.limit+test.limit/4 {
				t.Errorf("%d bytes are held, the limit is %d", held, test.limit)
			}
			runtime.KeepAlive(r)
		})
	}
}

// testCaches is a resolver whose caches are filled, and the answers that fill its plans.
type testCaches struct {
	*Resolver
	answers *plan.Answers
}

// compile caches the plan of an operation.
func (r testCaches) compile(ctx context.Context, op *graphql.OperationContext) {
	r.answers.Operation(graphql.WithOperationContext(ctx, op), nil)
}

// deliver delivers an entry as a subscription does, and returns its JSON.
func (r testCaches) deliver(ctx context.Context, t *testing.T, op *graphql.OperationContext, entry *stream.Entry) string {
	t.Helper()
	ctx = graphql.WithResponseContext(graphql.WithOperationContext(ctx, op), r.answers.Presenter, r.answers.Recover)
	field := op.Operation.SelectionSet[0].(*ast.Field)
	below := r.answers.Below(ctx, r.answers.Subscription, &graphql.CollectedField{Field: field, Selections: field.SelectionSet})
	delivery := r.delivery(&stream.Delivery{Entry: entry})
	text, ok := below.Resolve(ctx, func(context.Context) (any, error) { return delivery, nil }, nil)
	if !ok {
		t.Fatal(graphql.GetErrors(ctx))
	}
	return string(text)
}

// Subscriptions with the same selection share the JSON of an event: later changes
// of the entry are not visible.
func TestEncodings_SameSelection_WrittenOnce(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(generated.Config{}).Schema()
	const query = "subscription {eventRecorded {event {eventId payload}}}"
	document, err := gqlparser.LoadQueryWithRules(schema, query, input.Rules())
	if err != nil {
		t.Fatal(err)
	}
	op := &graphql.OperationContext{RawQuery: query, Doc: document, Operation: document.Operations[0]}
	ctx := auth.WithScopes(t.Context(), auth.Everything())
	r := testCaches{Resolver: NewResolver(catalog.NewStore(nil), eventlog.NewStore(nil), nil, catalog.Limits{}, slog.New(slog.DiscardHandler))}
	r.answers = r.newAnswers(apierror.NewPresenter(r.logger, nil))
	entry := &stream.Entry{Position: 1, Event: &eventlog.Event{ID: "e1", Payload: []byte("{}"), Columns: eventlog.Columns{Payload: true, Meta: true}}}
	const want = `{"event":{"eventId":"e1","payload":{}}}`
	for range 2 {
		if got := r.deliver(ctx, t, op, entry); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		entry.Event.ID = "changed"
	}
}

func heapInUse() int {
	runtime.GC()
	runtime.GC() // frees what pools and weak pointers release
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int(stats.HeapAlloc) //nolint:gosec // far below
}
