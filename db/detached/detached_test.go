package detached_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/db/detached"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

func TestFrom_OriginEnds_ContextDoesNotStatementsDo(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.URL(t), db.Options{StatementTimeout: time.Minute})
	const sleep = "SELECT pg_sleep(3600)"
	for name, run := range map[string]func(context.Context, customplan.Database) error{
		"Exec": func(ctx context.Context, database customplan.Database) error {
			_, err := database.Exec(ctx, sleep)
			return err
		},
		"Query": func(ctx context.Context, database customplan.Database) error {
			rows, err := database.Query(ctx, sleep)
			if err != nil {
				return err
			}
			rows.Close()
			return rows.Err()
		},
		"QueryRow": func(ctx context.Context, database customplan.Database) error {
			return database.QueryRow(ctx, sleep).Scan(nil)
		},
		"SendBatch": func(ctx context.Context, database customplan.Database) error {
			batch := &pgx.Batch{}
			batch.Queue(sleep)
			return database.SendBatch(ctx, batch).Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			origin, cancel := context.WithCancel(t.Context())
			ctx := detached.From(origin)
			ended := make(chan error, 1)
			go func() { ended <- run(ctx, detached.Of(pool)) }()
			cancel()
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("the statement ended with %v", err)
			}
			if ctx.Err() != nil || ctx.Done() != nil {
				t.Error("the context ended, too")
			}
			// A wait of its own does not hide that the origin has ended.
			waiting, stop := context.WithTimeout(ctx, time.Hour)
			defer stop()
			if err := run(waiting, detached.Of(pool)); !errors.Is(err, context.Canceled) {
				t.Errorf("a statement with a deadline of its own ended with %v", err)
			}
		})
	}
}
