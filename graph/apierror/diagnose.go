package apierror

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"syscall"

	"github.com/99designs/gqlgen/graphql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/fault"
)

// diagnosis is what to tell the client about an error that is not a fault of
// its own making, and how to log it.
type diagnosis struct {
	code      fault.Code
	message   string
	retryable bool
	level     slog.Level
	// quiet: the client has gone, and nobody needs to know.
	quiet bool
}

const (
	tooSlow = "the request took too long and was stopped"
	away    = "the database is not available at the moment"
)

// refusal is for the values that PostgreSQL refused because no check of ours
// came first, in words that quote nothing of the statement.
func refusal(sqlState string) (message string, ok bool) {
	switch sqlState {
	case "22021":
		return "a text holds bytes that are not valid UTF-8, or a NUL character", true
	case "22P05":
		return "a text holds a character that cannot be stored, such as \\u0000", true
	case "22P02":
		return "a value does not have the form that its type demands", true
	case "22003":
		return "a number is outside the range that can be stored", true
	}
	return "", false
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
		return diagnosis{code: Unavailable, message: "the request was cancelled", quiet: true}

	case errors.As(err, &connect):
		// Before the deadlines: a database that does not answer is away, even
		// if it was the request's deadline that ended the attempt.
		return diagnosis{code: Unavailable, message: away, retryable: true, level: slog.LevelWarn}

	case errors.As(err, &pg):
		return diagnosePostgres(ctx, pg)

	case ended != nil && (stopped(err) || lost(err)):
		return diagnosis{code: Timeout, message: tooSlow, level: slog.LevelWarn}

	case stopped(err):
		// A deadline of ours inside the request's, such as that of waiting for
		// a connection, or the server shutting down.
		return diagnosis{code: Unavailable, message: away, retryable: true, level: slog.LevelWarn}

	case lost(err):
		return unavailable(ctx, pgconn.SafeToRetry(err))
	}
	return diagnosis{code: Internal, level: slog.LevelError}
}

func diagnosePostgres(ctx context.Context, pg *pgconn.PgError) diagnosis {
	if message, ok := refusal(pg.Code); ok {
		return diagnosis{code: fault.BadUserInput, message: message, level: slog.LevelWarn}
	}
	switch {
	case pg.Code == "57014":
		return diagnosis{code: Timeout, message: tooSlow, level: slog.LevelWarn}
	case awayState(pg.Code):
		// A server that reports an error has rolled back.
		return unavailable(ctx, true)
	}
	return diagnosis{code: Internal, level: slog.LevelError}
}

// unavailable tells a mutation that broke off in the middle from what can
// simply be sent again: its COMMIT may have been done, and an event recorded
// without an eventId would be recorded twice.
func unavailable(ctx context.Context, nothingDone bool) diagnosis {
	if nothingDone || !mutation(ctx) {
		return diagnosis{code: Unavailable, message: away, retryable: true, level: slog.LevelWarn}
	}
	return diagnosis{
		code:    Unavailable,
		message: "the connection to the database was lost; whether the change was made is not known",
		level:   slog.LevelWarn,
	}
}

func mutation(ctx context.Context) bool {
	if !graphql.HasOperationContext(ctx) {
		return false
	}
	op := graphql.GetOperationContext(ctx).Operation
	return op != nil && op.Operation == ast.Mutation
}

// stopped reports an error that a context's end made.
func stopped(err error) bool {
	var pg *pgconn.PgError
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) ||
		errors.As(err, &pg) && pg.Code == "57014"
}

// lost reports a connection that broke while it was used.
func lost(err error) bool {
	var network *net.OpError
	return errors.As(err, &network) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
