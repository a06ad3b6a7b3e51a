package apierror

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// logged returns a presenter, and a function that returns the lines logged since its
// last call.
func logged() (Presenter, func() []string) {
	var buffer bytes.Buffer
	ids := 0
	p := NewPresenter(slog.New(slog.NewTextHandler(&buffer, nil)), func() string {
		ids++
		return fmt.Sprint("id-", ids)
	})
	return p, func() []string {
		p.lines.mu.Lock() // Lines logs with it held
		defer p.lines.mu.Unlock()
		lines := strings.Split(strings.TrimSuffix(buffer.String(), "\n"), "\n")
		buffer.Reset()
		return lines
	}
}

func cachedCauses(p Presenter) int {
	p.lines.mu.Lock()
	defer p.lines.mu.Unlock()
	return len(p.lines.causes)
}

func withPath(ctx context.Context, path ...any) context.Context {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: graphql.CollectedField{Field: &ast.Field{Alias: step}}})
		case int:
			ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &step})
		}
	}
	return ctx
}

func TestReport_ManyErrors_OneLine(t *testing.T) {
	t.Parallel()
	p, lines := logged()
	report := &Report{}
	ctx := WithReport(t.Context(), report)
	for i := range 137 {
		p.Present(withPath(ctx, "resources", i, "payload"), context.DeadlineExceeded)
	}
	first := p.Present(withPath(ctx, "resources", 7, "name"), errors.New("broken"))
	second := p.Present(withPath(ctx, "resources", 8, "name"), errors.New("broken too"))
	p.Log(ctx, report)
	got := lines()
	if len(got) != 1 || !strings.Contains(got[0], "level=ERROR") || !strings.Contains(got[0], "errors=139") ||
		!strings.Contains(got[0], "path=resources.name") || !strings.Contains(got[0], "error=broken ") {
		t.Errorf("%q", got)
	}
	if id := first.Extensions["id"]; id != second.Extensions["id"] || !strings.Contains(got[0], fmt.Sprint("id=", id)) {
		t.Errorf("ids %v and %v", id, second.Extensions["id"])
	}
	p.Log(ctx, report)
	if got := lines(); got[0] != "" {
		t.Errorf("again: %q", got)
	}
}

func TestLines_Repetitions_SummedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, lines := logged()
		broken := func(i int, text string) any {
			return p.Present(withPath(t.Context(), "nodes", i), errors.New(text)).Extensions["id"]
		}
		first := broken(0, "broken")
		for i := range 500 {
			if id := broken(i, "broken"); id != first {
				t.Fatalf("the log has %v, not %v", first, id)
			}
		}
		broken(0, "another")
		if got := lines(); len(got) != 2 {
			t.Errorf("%q", got)
		}
		time.Sleep(repeatTime)
		synctest.Wait()
		if got := lines(); len(got) != 1 || !strings.Contains(got[0], "repeated=500") || !strings.Contains(got[0], fmt.Sprint("id=", first)) {
			t.Errorf("%q", got)
		}
		if id := broken(0, "broken"); id == first || len(lines()) != 1 {
			t.Errorf("id %v: the error is not logged again", id)
		}
		time.Sleep(repeatTime)
	})
}

func TestLines_ManyCauses_NumberLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := logged()
		for i := range 3 * maxCauses {
			p.Present(t.Context(), fmt.Errorf("broken %d", i))
		}
		if n := cachedCauses(p); n > maxCauses {
			t.Errorf("%d causes are kept", n)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if n := cachedCauses(p); n != 0 {
			t.Errorf("%d causes are kept", n)
		}
	})
}
