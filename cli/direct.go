package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
)

// direct registers straight into a database.
type direct struct {
	pool  *pgxpool.Pool
	store *catalog.Store
}

func openDirect(ctx context.Context, databaseURL string) (*direct, error) {
	pool, err := db.Open(ctx, databaseURL, db.Options{MaxConns: 2})
	if err != nil {
		return nil, err
	}
	return &direct{pool: pool, store: catalog.NewStore(pool)}, nil
}

func (d *direct) close() { d.pool.Close() }

func (d *direct) register(ctx context.Context, batch []file, dryRun bool) ([]outcome, error) {
	wishes := make([]catalog.Registration, len(batch))
	for i := range batch {
		f := &batch[i]
		wishes[i] = catalog.Registration{Source: "file", Location: f.name}
		if f.json {
			wishes[i].JSON, wishes[i].Path, wishes[i].Type = []byte(f.text), &f.path, &f.kind
		} else {
			wishes[i].YAML = &f.text
		}
	}
	// Whoever has the database's password may write every path.
	everything := []string{""}
	results, err := d.store.Register(ctx, everything, wishes, catalog.RegisterOptions{DryRun: dryRun, Limits: catalog.DefaultLimits()})
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (failure.Code == "42883" || failure.Code == "42P01") {
		return nil, errors.New("the database has no catalog yet: run `noetl-catalog migrate` first")
	}
	if err != nil {
		return nil, fmt.Errorf("register in the database: %w", err)
	}
	outcomes := make([]outcome, len(results))
	for i, result := range results {
		if result.Fault != nil {
			outcomes[i].refusal = &refusal{
				code: string(result.Fault.Code), argument: result.Fault.Argument, message: result.Fault.Message,
				line: result.Fault.Line, column: result.Fault.Column,
			}
			continue
		}
		outcomes[i] = outcome{status: string(result.Status), path: result.Version.Path, version: result.Version.Label}
	}
	return outcomes, nil
}
