package apierror_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

const secret = "hunter2"

// bundle is a presenter, its log, and the context of the field `save` with the
// argument `inputs`, under the alias `it`, as a resolver has it.
type bundle struct {
	present apierror.Presenter
	log     *bytes.Buffer
	ctx     context.Context
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{log: &bytes.Buffer{}}
	b.present = apierror.NewPresenter(slog.New(slog.NewJSONHandler(b.log, nil)), func() string { return "id-1" })
	ctx := graphql.WithResponseContext(t.Context(), b.present.Present, b.present.Recover)
	b.ctx = graphql.WithFieldContext(ctx, &graphql.FieldContext{
		Object: "Mutation",
		Field: graphql.CollectedField{Field: &ast.Field{
			Alias: "it", Name: "save", Position: &ast.Position{Line: 2, Column: 3},
			Definition: &ast.FieldDefinition{
				Name:      "save",
				Arguments: ast.ArgumentDefinitionList{{Name: "inputs", Type: ast.NamedType("JSON", nil)}},
			},
		}},
	})
	return b
}

// answer returns what the client gets for a resolver's error. It makes the same two
// calls as gqlgen.
func (b *bundle) answer(ctx context.Context, err error) gqlerror.List {
	graphql.AddError(ctx, graphql.AddFieldLocationToError(ctx, err))
	return graphql.GetErrors(ctx)
}

func diff(want, got any) string {
	return cmp.Diff(want, got, cmpopts.IgnoreFields(gqlerror.Error{}, "Err", "Rule"))
}

var atField = gqlerror.Error{
	Path:      ast.Path{ast.PathName("it")},
	Locations: []gqlerror.Location{{Line: 2, Column: 3}},
}

func want(message string, extensions map[string]any) *gqlerror.Error {
	e := atField
	e.Message, e.Extensions = message, extensions
	return &e
}

func TestPresent_Fault_CodeArgumentAndPosition(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want *gqlerror.Error
	}{
		"argument": {
			fault.Input("path", "must not be empty"),
			want("path: must not be empty", map[string]any{"code": "BAD_USER_INPUT", "argument": "path"}),
		},
		"wrapped": {
			fmt.Errorf("registering: %w", fault.New(fault.NotFound, "", "no such resource")),
			want("no such resource", map[string]any{"code": "NOT_FOUND"}),
		},
		"line and column": {
			fault.At("yaml", 3, 7, "duplicate key"),
			want("yaml: duplicate key", map[string]any{"code": "BAD_USER_INPUT", "argument": "yaml", "line": 3, "column": 7}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			if d := diff(gqlerror.List{tc.want}, b.answer(b.ctx, tc.err)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			if b.log.Len() > 0 {
				t.Errorf("a caller's fault was logged: %s", b.log)
			}
		})
	}
}

func TestPresent_ListOfFaults_OneErrorEachInOrder(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.answer(b.ctx, fmt.Errorf("recording: %w", fault.List{
		fault.Input("inputs[0].type", "unknown"), fault.Input("inputs[7].path", "unknown"),
	}))
	wanted := gqlerror.List{
		want("inputs[0].type: unknown", map[string]any{"code": "BAD_USER_INPUT", "argument": "inputs[0].type"}),
		want("inputs[7].path: unknown", map[string]any{"code": "BAD_USER_INPUT", "argument": "inputs[7].path"}),
	}
	if d := diff(wanted, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestPresent_LongListOfFaults_TwentyErrors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var list fault.List
	for i := range 10_000 {
		list = append(list, fault.Input(fmt.Sprintf("inputs[%d]", i), "unknown"))
	}
	if got := len(b.answer(b.ctx, list)); got != apierror.MaxErrors {
		t.Errorf("%d errors, want %d", got, apierror.MaxErrors)
	}
}

// gqlgen appends the path within the arguments to the field's path. The client needs
// the two apart, and gqlgen needs the field's path to know that the field already has
// an error.
func TestPresent_InvalidArgument_NamesArgumentAndKeepsFieldPath(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want *gqlerror.Error
	}{
		"fault of a scalar": {
			fault.Input("", "must be a text"),
			want("inputs[3].meta: must be a text", map[string]any{"code": "BAD_USER_INPUT", "argument": "inputs[3].meta"}),
		},
		"error of gqlgen": {
			errors.New("X is not a valid Color"),
			want("inputs[3].meta: X is not a valid Color", map[string]any{"code": "BAD_USER_INPUT", "argument": "inputs[3].meta"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			inner := graphql.WithPathContext(b.ctx, graphql.NewPathWithField("inputs"))
			inner = graphql.WithPathContext(inner, graphql.NewPathWithIndex(3))
			inner = graphql.WithPathContext(inner, graphql.NewPathWithField("meta"))
			graphql.AddError(b.ctx, graphql.ErrorOnPath(inner, tc.err))
			if d := diff(gqlerror.List{tc.want}, graphql.GetErrors(b.ctx)); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
		})
	}
}

func TestPresent_PlainErrorBelowTheField_IsInternalEvenWithALongerPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	longer := gqlerror.WrapPath(ast.Path{ast.PathName("it"), ast.PathName("child")}, errors.New(secret))
	got := b.answer(b.ctx, longer)
	if code := apierror.Code(got[0]); code != apierror.Internal {
		t.Errorf("code %s, want INTERNAL", code)
	}
}

func TestPresent_ServerFault_CodeToTheClientCauseToTheLog(t *testing.T) {
	t.Parallel()
	pg := func(code string) error {
		return fmt.Errorf("reading: %w", &pgconn.PgError{Code: code, Message: secret, Severity: "ERROR"})
	}
	retry := map[string]any{"code": "UNAVAILABLE", "retryable": true}
	bad := map[string]any{"code": "BAD_USER_INPUT"}
	slow := map[string]any{"code": "TIMEOUT"}
	inside := map[string]any{"code": "INTERNAL", "id": "id-1"}
	for name, tc := range map[string]struct {
		err        error
		extensions map[string]any
	}{
		"unknown":              {errors.New(secret), inside},
		"syntax error in SQL":  {pg("42601"), inside},
		"end of a document":    {fmt.Errorf("parsing %s: %w", secret, io.EOF), inside},
		"NUL in a text":        {pg("22021"), bad},
		"u0000 in jsonb":       {pg("22P05"), bad},
		"not an integer":       {pg("22P02"), bad},
		"number too large":     {pg("22003"), bad},
		"statement_timeout":    {pg("57014"), slow},
		"admin shutdown":       {pg("57P01"), retry},
		"crash shutdown":       {pg("57P02"), retry},
		"starting up":          {pg("57P03"), retry},
		"too many connections": {pg("53300"), retry},
		"disk full":            {pg("53100"), retry},
		"connection failure":   {pg("08006"), retry},
		"read-only":            {pg("25006"), retry},
		"cannot connect":       {connectError(t), retry},
		"reset":                {fmt.Errorf("%s: %w", secret, &net.OpError{Op: "read", Err: io.EOF}), retry},
		"unexpected EOF":       {fmt.Errorf("%s: %w", secret, io.ErrUnexpectedEOF), retry},
		"no free connection":   {fmt.Errorf("%s: %w", secret, context.DeadlineExceeded), retry},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			got := b.answer(b.ctx, tc.err)
			if d := cmp.Diff(tc.extensions, got[0].Extensions); d != "" {
				t.Errorf("extensions (-want +got)\n%s", d)
			}
			if d := cmp.Diff(atField.Path, got[0].Path); d != "" {
				t.Errorf("path (-want +got)\n%s", d)
			}
			if strings.Contains(got[0].Message, secret) {
				t.Errorf("the cause reached the client: %s", got[0].Message)
			}
			if !strings.Contains(b.log.String(), secret) {
				t.Errorf("the cause is not in the log: %s", b.log)
			}
			if id, ok := got[0].Extensions["id"].(string); ok && !strings.Contains(b.log.String(), id) {
				t.Errorf("the id is not in the log: %s", b.log)
			}
		})
	}
}

// connectError returns pgx's error for an address where nothing listens.
func connectError(t *testing.T) error {
	t.Helper()
	_, err := pgconn.Connect(t.Context(), "host="+t.TempDir()+" user="+secret+" sslmode=disable")
	var connect *pgconn.ConnectError
	if !errors.As(err, &connect) {
		t.Fatalf("got %v, want a *pgconn.ConnectError", err)
	}
	return err
}

func TestPresent_RequestDeadlinePassed_Timeout(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ctx, cancel := context.WithTimeout(b.ctx, 0)
	defer cancel()
	got := b.answer(ctx, fmt.Errorf("reading: %w", ctx.Err()))
	if code := apierror.Code(got[0]); code != apierror.Timeout {
		t.Errorf("code %s, want TIMEOUT", code)
	}
}

func TestPresent_DeadlinePassedWhileConnecting_Unavailable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	err := connectError(t)
	ctx, cancel := context.WithTimeout(b.ctx, 0)
	defer cancel()
	if code := apierror.Code(b.answer(ctx, err)[0]); code != apierror.Unavailable {
		t.Errorf("code %s, want UNAVAILABLE", code)
	}
}

func TestPresent_ClientGone_NothingLogged(t *testing.T) {
	t.Parallel()
	for name, err := range map[string]error{
		"context":  fmt.Errorf("reading: %w", context.Canceled),
		"database": &pgconn.PgError{Code: "57014"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ctx, cancel := context.WithCancel(b.ctx)
			cancel()
			b.answer(ctx, err)
			if b.log.Len() > 0 {
				t.Errorf("logged: %s", b.log)
			}
		})
	}
}

// unsent is an error that occurs before anything is sent to PostgreSQL, as db.Pool
// returns it.
type unsent struct{ error }

func (unsent) SafeToRetry() bool { return true }

func (e unsent) Unwrap() error { return e.error }

func TestPresent_Mutation_OutcomeUnknownIfCommitMayHaveHappened(t *testing.T) {
	t.Parallel()
	const ended = true
	for name, tc := range map[string]struct {
		err     error
		ended   bool
		code    string
		outcome string
	}{
		"connection lost":                {io.ErrUnexpectedEOF, false, "UNAVAILABLE", "unknown"},
		"killed":                         {&pgconn.PgError{Code: "57P02"}, false, "UNAVAILABLE", "unknown"},
		"own deadline":                   {context.DeadlineExceeded, false, "UNAVAILABLE", "unknown"},
		"deadline":                       {context.DeadlineExceeded, ended, "TIMEOUT", "unknown"},
		"lost at the deadline":           {io.ErrUnexpectedEOF, ended, "TIMEOUT", "unknown"},
		"cannot connect":                 {connectError(t), false, "UNAVAILABLE", "none"},
		"not sent":                       {unsent{errors.New("PostgreSQL does not answer")}, false, "UNAVAILABLE", "none"},
		"no connection in time":          {unsent{context.DeadlineExceeded}, ended, "TIMEOUT", "none"},
		"rolled back, out of space":      {&pgconn.PgError{Code: "53100"}, false, "UNAVAILABLE", "none"},
		"rolled back, statement_timeout": {&pgconn.PgError{Code: "57014"}, false, "TIMEOUT", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			ctx := graphql.WithOperationContext(b.ctx, &graphql.OperationContext{
				Operation: &ast.OperationDefinition{Operation: ast.Mutation},
			})
			if tc.ended {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 0)
				defer cancel()
			}
			want := map[string]any{"code": tc.code, "outcome": tc.outcome}
			if tc.code == "UNAVAILABLE" {
				want["retryable"] = tc.outcome == "none"
			}
			if d := cmp.Diff(want, b.answer(ctx, fmt.Errorf("recording: %w", tc.err))[0].Extensions); d != "" {
				t.Errorf("(-want +got)\n%s", d)
			}
			below := graphql.WithFieldContext(ctx, &graphql.FieldContext{Field: graphql.CollectedField{Field: &ast.Field{Alias: "event"}}})
			if got := b.present.Present(below, tc.err).Extensions["outcome"]; got != "done" {
				t.Errorf("%v below the mutation's field, want done", got)
			}
		})
	}
}

func TestPresent_ErrorWithCode_PassesOnUnchanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	given := apierror.Errorf(apierror.DepthLimitExceeded, "too deep")
	given.Locations = []gqlerror.Location{{Line: -1, Column: -1}}
	got := b.present.Present(t.Context(), given)
	wanted := &gqlerror.Error{Message: "too deep", Extensions: map[string]any{"code": "DEPTH_LIMIT_EXCEEDED"}}
	if d := diff(wanted, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestPresent_RefusedVariable_NamedInTheMessageNotInPath(t *testing.T) {
	t.Parallel()
	b := setup(t)
	given := apierror.Errorf(apierror.ValidationFailed, "must be defined")
	given.Path = ast.Path{ast.PathName("variable"), ast.PathName("in"), ast.PathIndex(0), ast.PathName("path")}
	got := b.present.Present(t.Context(), given)
	wanted := &gqlerror.Error{
		Message: "$in[0].path: must be defined", Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"},
	}
	if d := diff(wanted, got); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
}

func TestPresent_LongMessage_IsCutBetweenCharacters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.present.Present(t.Context(), apierror.Errorf(apierror.ValidationFailed, "x%s", strings.Repeat("é", 5000)))
	if len(got.Message) > 1010 || strings.ContainsRune(got.Message, '�') || !strings.HasSuffix(got.Message, "é…") {
		t.Errorf("%d bytes, ends with %q", len(got.Message), got.Message[len(got.Message)-8:])
	}
}

func TestRecover_Panic_InternalWithIdAndStackInTheLog(t *testing.T) {
	t.Parallel()
	b := setup(t)
	got := b.answer(b.ctx, b.present.Recover(b.ctx, secret))
	if d := cmp.Diff(map[string]any{"code": "INTERNAL", "id": "id-1"}, got[0].Extensions); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if strings.Contains(got[0].Message, secret) {
		t.Errorf("the panic reached the client: %s", got[0].Message)
	}
	for _, part := range []string{secret, "id-1", "presenter_test.go"} {
		if !strings.Contains(b.log.String(), part) {
			t.Errorf("%q is not in the log: %s", part, b.log)
		}
	}
}

func TestPresent_NoNewID_IDsOfCausesDiffer(t *testing.T) {
	t.Parallel()
	p := apierror.NewPresenter(slog.New(slog.DiscardHandler), nil)
	first, second := p.Present(t.Context(), errors.New("a")), p.Present(t.Context(), errors.New("b"))
	if first.Extensions["id"] == second.Extensions["id"] {
		t.Errorf("both have the id %v", first.Extensions["id"])
	}
}
