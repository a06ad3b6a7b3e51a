package apierror

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
)

// Presenter is gqlgen's error presenter and recover function.
type Presenter struct{ lines *Lines }

// NewPresenter returns a presenter. It logs the causes that it hides from the client.
// newID makes the id by which a client's report of an INTERNAL error is found in the
// log; nil for 128 random bits as text.
func NewPresenter(log *slog.Logger, newID func() string) Presenter {
	if newID == nil {
		newID = rand.Text
	}
	return Presenter{&Lines{log: log, newID: newID}}
}

// Present returns the GraphQL error for err, with a code always. A fault.List
// becomes one error for each of its first MaxErrors faults: all but the last
// are added to the response of ctx, the last is returned.
func (p Presenter) Present(ctx context.Context, err error) *gqlerror.Error {
	if err == nil {
		return nil
	}
	at, argument := locate(ctx, err)

	var list fault.List
	if errors.As(err, &list) && len(list) > 0 {
		list = list[:min(len(list), MaxErrors)]
		last := len(list) - 1
		for _, f := range list[:last] {
			// gqlgen holds no lock while it presents, so that this may come
			// back here, once for each fault.
			graphql.AddError(ctx, &gqlerror.Error{Err: f, Path: at.Path, Locations: at.Locations})
		}
		return presentFault(at, argument, list[last])
	}
	if f, ok := fault.As(err); ok {
		out := presentFault(at, argument, f)
		if (f.Code == ResponseTooLarge || f.Code == BudgetExceeded) && mutation(ctx) {
			out.Extensions["outcome"] = outcomeOf(at.Path)
		}
		return out
	}
	if f, ok := fault.Refused(err); ok {
		return presentFault(at, argument, f)
	}

	var given *gqlerror.Error
	if errors.As(err, &given) && Code(given) != "" {
		return presentCoded(given)
	}
	if argument != "" {
		// gqlgen's own words about a value that does not fit its type.
		return presentFault(at, argument, &fault.Error{Code: fault.BadUserInput, Message: innermost(err)})
	}
	return p.presentOther(ctx, at, err)
}

// Recover returns the INTERNAL error for a panic, whose value and stack go to the
// log.
func (p Presenter) Recover(ctx context.Context, value any) error {
	id := p.lines.newID()
	p.lines.log.LogAttrs(ctx, slog.LevelError, "panic while answering",
		slog.String("id", id), slog.String("panic", fmt.Sprint(value)), slog.String("stack", string(debug.Stack())))
	return internal(id)
}

// presentOther presents errors that the caller did not cause.
func (p Presenter) presentOther(ctx context.Context, at gqlerror.Error, err error) *gqlerror.Error {
	d := diagnose(ctx, err)
	out, level := Errorf(d.code, "%s", d.message), slog.LevelWarn
	if d.code == Internal {
		level = slog.LevelError
	}
	if !d.quiet {
		id := p.report(ctx, level, cause{d.code, fieldNames(at.Path), cut(err.Error())})
		if d.code == Internal {
			out = internal(id)
		}
	}
	if d.code == Unavailable {
		out.Extensions["retryable"] = d.retryable
	}
	if (d.code == Unavailable || d.code == Timeout) && mutation(ctx) {
		out.Extensions["outcome"] = d.outcome(at.Path)
	}
	out.Path, out.Locations = at.Path, at.Locations
	return out
}

// report logs an error with the others of the request in ctx, and returns its id.
func (p Presenter) report(ctx context.Context, level slog.Level, of cause) (id string) {
	if report, ok := ctx.Value(ReportKey{}).(*Report); ok {
		return report.add(p.lines, level, of)
	}
	id = p.lines.idOf(of)
	p.lines.write(ctx, level, of, id, 1)
	return id
}

// Refuse presents the refusal of a request. Unlike other errors of a caller, it is
// logged.
func (p Presenter) Refuse(ctx context.Context, err error) *gqlerror.Error {
	out := p.Present(ctx, err)
	switch code := Code(out); code {
	case TooManyRequests, Overloaded, BudgetExceeded, ResponseTooLarge:
		p.report(ctx, slog.LevelWarn, cause{code, fieldNames(out.Path), out.Message})
	}
	return out
}

func internal(id string) *gqlerror.Error {
	out := Errorf(Internal, "internal error; its id in the server's log is %s", id)
	out.Extensions["id"] = id
	return out
}

func presentFault(at gqlerror.Error, argument string, f *fault.Error) *gqlerror.Error {
	if argument != "" {
		f = f.Under(argument)
	}
	out := Errorf(f.Code, "%s", cut(f.Error()))
	out.Path, out.Locations = at.Path, at.Locations
	if f.Argument != "" {
		out.Extensions["argument"] = f.Argument
	}
	if f.Code == Unavailable {
		out.Extensions["retryable"] = true
	}
	if f.Line > 0 {
		out.Extensions["line"] = f.Line
		out.Extensions["column"] = f.Column
	}
	return out
}

// presentCoded returns an error that has a code: gqlgen's about the document, or
// one of this package. It copies the error, which may be presented for several
// fields at once.
func presentCoded(given *gqlerror.Error) *gqlerror.Error {
	out := &gqlerror.Error{
		Message:    given.Message,
		Path:       given.Path,
		Locations:  locations(given.Locations),
		Extensions: maps.Clone(given.Extensions),
	}
	if variable := variableOf(given.Path); variable != "" {
		// gqlgen names a variable in `path`, which the specification reserves
		// for the response; without its name the message is useless.
		out.Message, out.Path = variable+": "+out.Message, nil
	}
	out.Message = cut(out.Message)
	return out
}

// variableOf returns "$input.path" for gqlgen's path of an invalid variable.
func variableOf(path ast.Path) string {
	if len(path) < 2 || path[0] != ast.PathName("variable") {
		return ""
	}
	return "$" + path[1:].String()
}

// locate returns where in the response the error belongs and, if gqlgen found it
// while it read the field's arguments, the argument: gqlgen then appends it to the
// path of the field.
func locate(ctx context.Context, err error) (at gqlerror.Error, argument string) {
	field := graphql.GetFieldContext(ctx)
	if field != nil {
		at.Path = field.Path()
		if field.Field.Field != nil && field.Field.Position != nil && field.Field.Position.Line > 0 {
			at.Locations = []gqlerror.Location{{Line: field.Field.Position.Line, Column: field.Field.Position.Column}}
		}
	}
	var given *gqlerror.Error
	if !errors.As(err, &given) {
		return at, ""
	}
	if known := locations(given.Locations); known != nil {
		at.Locations = known
	}
	if given.Path == nil {
		return at, ""
	}
	if rest, ok := argumentPath(field, at.Path, given.Path); ok {
		return at, rest.String()
	}
	at.Path = given.Path
	return at, ""
}

// argumentPath returns what follows the field's path, if it names one of the
// field's arguments.
func argumentPath(field *graphql.FieldContext, fieldPath, path ast.Path) (ast.Path, bool) {
	if field == nil || field.Field.Field == nil || field.Field.Definition == nil {
		return nil, false
	}
	if len(path) <= len(fieldPath) || !slices.Equal(path[:len(fieldPath)], fieldPath) {
		return nil, false
	}
	rest := path[len(fieldPath):]
	name, ok := rest[0].(ast.PathName)
	if !ok || field.Field.Definition.Arguments.ForName(string(name)) == nil {
		return nil, false
	}
	return rest, true
}

// locations drops unknown ones, which gqlparser gives as -1.
func locations(given []gqlerror.Location) []gqlerror.Location {
	var known []gqlerror.Location
	for _, l := range given {
		if l.Line > 0 {
			known = append(known, l)
		}
	}
	return known
}

// innermost returns the message below gqlgen's wrapping, which repeats the path.
func innermost(err error) string {
	var given *gqlerror.Error
	for errors.As(err, &given) && given.Err != nil {
		err = given.Err
	}
	if given != nil && given.Err == nil {
		return given.Message
	}
	return err.Error()
}
