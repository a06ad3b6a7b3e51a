package statements_test

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/statements"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// A span has the statement's name and the SQLSTATE of its failure, and no values.
func TestTracer_Statements_CountedAndTraced(t *testing.T) {
	t.Parallel()
	kept := tracetest.NewInMemoryExporter()
	tracer := sdk.NewTracerProvider(sdk.WithSyncer(kept)).Tracer("")
	pool := dbtest.PoolAt(t, dbtest.EmptyURL(t), db.Options{Spans: tracer})
	var count atomic.Int64
	ctx, parent := tracer.Start(context.WithValue(t.Context(), statements.CountKey{}, &count), "parent")
	batch := &pgx.Batch{}
	batch.Queue("SELECT set_config('jit', 'off', true)")
	batch.Queue("-- name: Listed :many\nSELECT 'secret' || $1::text", "secret")
	if err := pool.SendBatch(ctx, batch).Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, "-- name: Failing :exec\nSELECT $1::text::int", "secret"); err == nil {
		t.Fatal("the statement did not fail")
	}
	if _, err := pool.Exec(t.Context(), "SELECT 1"); err != nil { // outside of a request
		t.Fatal(err)
	}
	parent.End()
	var got []string
	for _, span := range kept.GetSpans() {
		line := span.Name
		for _, attribute := range span.Attributes {
			line += " " + string(attribute.Key) + "=" + attribute.Value.String()
		}
		got = append(got, line)
		if strings.Contains(fmt.Sprint(span), "secret") {
			t.Errorf("a span contains a value: %+v", span)
		}
	}
	database := pool.Config().ConnConfig.Database
	want := strings.ReplaceAll("Listed db.system.name=postgresql db.namespace=DB db.query.summary=Listed, "+
		"Failing db.system.name=postgresql db.namespace=DB db.query.summary=Failing db.response.status_code=22P02 error.type=22P02, parent", "DB", database)
	if strings.Join(got, ", ") != want || count.Load() != 2 {
		t.Errorf("%d statements\ngot  %s\nwant %s", count.Load(), strings.Join(got, ", "), want)
	}
}
