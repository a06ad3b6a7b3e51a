package apierror

import (
	"context"
	"errors"
	"io"
	"net"
	"syscall"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/fault"
)

// diagnosis describes an error of the server to the client.
type diagnosis struct {
	code      fault.Code
	message   string
	retryable bool
	// inDoubt: a mutation may have been committed.
	inDoubt bool
	// quiet: the client has disconnected, so the error is not logged.
	quiet bool
}

var (
	cancelled = diagnosis{code: Unavailable, message: "the request was cancelled", quiet: true}
	tooSlow   = diagnosis{code: Timeout, message: "the request took too long and was stopped"}
	away      = diagnosis{code: Unavailable, message: "the database is not available at the moment", retryable: true}
	broken    = diagnosis{code: Unavailable, message: "the database did not answer; whether the change was made is not known", inDoubt: true}
	tooLong   = diagnosis{code: Timeout, message: "the request took too long and was stopped; whether the change was made is not known", inDoubt: true}
)

// refusals are the messages for values that only PostgreSQL rejects, by SQLSTATE. They
// do not quote the statement.
var refusals = map[string]string{
	"22021": "a text holds bytes that are not valid UTF-8, or a NUL character",
	"22P05": "a text holds a character that cannot be stored, such as \\u0000",
	"22P02": "a value does not have the form that its type demands",
	"22003": "a number is outside the range that can be stored",
}

// awayState reports whether the SQLSTATE means that the database cannot serve now
// but may soon: connection exceptions (08), insufficient resources (53, which
// has too many connections and a full disk), operator intervention, a
// read-only server after a failover, and conflicts left after the retries.
func awayState(sqlState string) bool {
	switch sqlState {
	case "57P01", "57P02", "57P03", "57P05", "25006", "40001", "40P01", "55P03":
		return true
	}
	return len(sqlState) == 5 && (sqlState[:2] == "08" || sqlState[:2] == "53")
}

func diagnose(ctx context.Context, err error) diagnosis {
	ended := ctx.Err()
	var connect *pgconn.ConnectError
	var pg *pgconn.PgError
	switch {
	case errors.Is(ended, context.Canceled) && stopped(err):
		return cancelled
	case errors.As(err, &connect):
		// Before the deadlines: a database that does not answer is away, even
		// if it was the request's deadline that ended the attempt.
		return away
	case errors.As(err, &pg):
		return diagnosePostgres(ctx, pg)
	case ended != nil && (stopped(err) || lost(err)):
		return unlessInDoubt(ctx, pgconn.SafeToRetry(err), tooSlow, tooLong)
	case stopped(err) || lost(err) || pgconn.SafeToRetry(err):
		// A deadline of ours inside the request's, the server shutting down, or a
		// database that is away.
		return unlessInDoubt(ctx, pgconn.SafeToRetry(err), away, broken)
	}
	return diagnosis{code: Internal}
}

func diagnosePostgres(ctx context.Context, pg *pgconn.PgError) diagnosis {
	message, refused := refusals[pg.Code]
	switch {
	case refused:
		return diagnosis{code: fault.BadUserInput, message: message}
	case pg.Code == "57014":
		return tooSlow
	case awayState(pg.Code):
		// A server that reports an error has rolled back, unless it is killed: then
		// it may have committed already.
		return unlessInDoubt(ctx, pg.Code != "57P02", away, broken)
	}
	return diagnosis{code: Internal}
}

// unlessInDoubt returns known for a query, and for a mutation if nothing was
// committed. Otherwise the COMMIT may have been done, and an event recorded without an
// eventId would be recorded twice.
func unlessInDoubt(ctx context.Context, nothingDone bool, known, inDoubt diagnosis) diagnosis {
	if nothingDone || !mutation(ctx) {
		return known
	}
	return inDoubt
}

// outcome says whether the change of a failed mutation was made.
func (d diagnosis) outcome(path ast.Path) string {
	if d.inDoubt || len(path) > 1 {
		return outcomeOf(path)
	}
	return "none"
}

// outcomeOf returns the outcome of a mutation by the path of the failed field: a field
// below the root field fails after the root field has returned.
func outcomeOf(path ast.Path) string {
	if len(path) > 1 {
		return "done"
	}
	return "unknown"
}

func mutation(ctx context.Context) bool {
	if !graphql.HasOperationContext(ctx) {
		return false
	}
	op := graphql.GetOperationContext(ctx).Operation
	return op != nil && op.Operation == ast.Mutation
}

// stopped reports whether the end of a context caused the error.
func stopped(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &pg) && pg.Code == "57014"
}

// lost reports whether a connection broke while it was in use.
func lost(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
