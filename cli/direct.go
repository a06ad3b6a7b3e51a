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

func (d *direct) register(ctx context.Context, asked batch) (answer, error) {
	registrations := make([]catalog.Registration, len(asked.files))
	for i := range asked.files {
		f := &asked.files[i]
		registrations[i] = catalog.Registration{Source: "file", Location: f.location, YAML: &f.text, Meta: f.metaOf([]byte(f.text))}
	}
	// Whoever has the database's password may write every path.
	everything := []string{""}
	results, err := d.store.Register(ctx, everything, registrations, catalog.RegisterOptions{
		DryRun: asked.dryRun, AsHistory: true, HistoryFrom: asked.from, CreateTypes: asked.createTypes, Limits: catalog.DefaultLimits(),
	})
	var failure *pgconn.PgError
	if errors.As(err, &failure) && (failure.Code == "42883" || failure.Code == "42P01") {
		return answer{}, errors.New("the database has no catalog, or an older one: run `noetl-catalog migrate` first")
	}
	if err != nil {
		return answer{}, fmt.Errorf("register in the database: %w", err)
	}
	answered := answer{outcomes: make([]outcome, len(results))}
	for i, result := range results {
		switch {
		case result.Fault != nil:
			answered.outcomes[i].refusal = refusalOf(result.Fault)
			continue
		case result.TypeCreated:
			answered.createdTypes = append(answered.createdTypes, result.Version.Type)
		}
		answered.outcomes[i] = outcome{status: string(result.Status), revision: result.Version.Revision}
	}
	return answered, nil
}
