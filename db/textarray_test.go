package db_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// Text arrays arrive as they were sent, in every query mode that a database URL can
// set.
func TestOpen_TextArrays_ArriveUnchanged(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeDescribeExec, pgx.QueryExecModeExec, pgx.QueryExecModeSimpleProtocol} {
		pool := dbtest.PoolAt(t, databaseURL, db.Options{Configure: func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }})
		for _, want := range [][]string{nil, {}, {""}, {"a"}, {"a", "", `{"b",NULL}`, "NULL", "é\n"}, strings.Split(strings.Repeat("x,", 1000), ",")} {
			var got []string
			var isNull bool
			var length int
			err := pool.QueryRow(context.Background(), "SELECT $1::text[], $1::text[] IS NULL, coalesce(cardinality($1::text[]), -1)", want).Scan(&got, &isNull, &length)
			if err != nil {
				t.Fatalf("%s: %v", mode, err)
			}
			wantLength := len(want)
			if want == nil {
				wantLength = -1
			}
			if diff := cmp.Diff(want, got); diff != "" || isNull != (want == nil) || length != wantLength {
				t.Errorf("%s: null %v, length %d (-want +got):\n%s", mode, isNull, length, diff)
			}
		}
	}
}
