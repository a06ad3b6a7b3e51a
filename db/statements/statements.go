// Package statements counts the SQL statements of a request and, where the request is
// traced, makes a span of each.
package statements

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// CountKey is the key of a context's *atomic.Int64, to which its statements are added.
type CountKey struct{}

// Tracer is a pgx.QueryTracer and pgx.BatchTracer. Its spans have the names of the
// statements, never their text or arguments. otelpgx would record the text, and
// allocates for each statement even if nothing is traced.
type Tracer struct {
	// Spans is nil if tracing is off.
	Spans trace.Tracer
}

// TraceQueryStart implements pgx.QueryTracer.
func (t *Tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return t.start(ctx, conn, data.SQL)
}

// TraceQueryEnd implements pgx.QueryTracer.
func (t *Tracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	t.end(ctx, data.Err)
}

// TraceBatchStart implements pgx.BatchTracer. A batch is one statement, after settings
// for it (db/customplan).
func (t *Tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	sql := ""
	if queries := data.Batch.QueuedQueries; len(queries) > 0 {
		sql = queries[len(queries)-1].SQL
	}
	return t.start(ctx, conn, sql)
}

// TraceBatchQuery implements pgx.BatchTracer.
func (t *Tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (t *Tracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchEndData) {
	t.end(ctx, data.Err)
}

type spanKey struct{}

func (t *Tracer) start(ctx context.Context, conn *pgx.Conn, sql string) context.Context {
	if count, ok := ctx.Value(CountKey{}).(*atomic.Int64); ok {
		count.Add(1)
	}
	// What no request waits for, such as the sequencer, is not traced.
	if t.Spans == nil || !trace.SpanFromContext(ctx).IsRecording() {
		return ctx
	}
	name := nameOf(sql)
	ctx, span := t.Spans.Start(ctx, name, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.DBSystemNamePostgreSQL, semconv.DBNamespace(conn.Config().Database), semconv.DBQuerySummary(name)))
	return context.WithValue(ctx, spanKey{}, span)
}

func (t *Tracer) end(ctx context.Context, err error) {
	if t.Spans == nil {
		return
	}
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok {
		return
	}
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		// Messages of PostgreSQL may quote values.
		kind := "_OTHER"
		if pg := (*pgconn.PgError)(nil); errors.As(err, &pg) {
			kind = pg.Code
			span.SetAttributes(semconv.DBResponseStatusCode(kind))
		}
		span.SetAttributes(semconv.ErrorTypeKey.String(kind))
		span.SetStatus(codes.Error, "")
	}
	span.End()
}

// nameOf returns the name that sqlc wrote before a statement; without one, its first
// word.
func nameOf(sql string) string {
	if named, ok := strings.CutPrefix(sql, "-- name: "); ok {
		sql = named
	}
	sql = strings.TrimSpace(sql)
	if end := strings.IndexAny(sql, " \n\t("); end >= 0 {
		sql = sql[:end]
	}
	return sql
}
