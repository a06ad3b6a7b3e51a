package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
)

// viaDatabase registers files in a database without a server.
type viaDatabase struct {
	pool  *db.Pool
	store *catalog.Store
}

func openDatabase(ctx context.Context, databaseURL string) (*viaDatabase, error) {
	pool, err := db.Open(ctx, databaseURL, db.Options{MaxConns: 2})
	if err != nil {
		return nil, err
	}
	return &viaDatabase{pool: pool, store: catalog.NewStore(pool)}, nil
}

func (d *viaDatabase) close() { d.pool.Close() }

func (d *viaDatabase) register(ctx context.Context, b batch) (results, error) {
	registrations := make([]catalog.Registration, len(b.files))
	for i := range b.files {
		f := &b.files[i]
		registrations[i] = catalog.Registration{Source: "file", Location: f.location, YAML: &f.text, Meta: f.metaOf([]byte(f.text))}
	}
	// Who has the database's password may write to every path.
	everything := []string{""}
	registered, err := d.store.Register(ctx, everything, registrations, catalog.RegisterOptions{
		DryRun: b.dryRun, AsHistory: true, HistoryFrom: b.from, CreateTypes: b.createTypes, Limits: catalog.DefaultLimits(),
	})
	if failure, ok := errors.AsType[*pgconn.PgError](err); ok && (failure.Code == "42883" || failure.Code == "42P01") {
		return results{}, errors.New("the database has no catalog, or an older one: run `noetl-catalog migrate` first")
	}
	if err != nil {
		return results{}, fmt.Errorf("register in the database: %w", err)
	}
	answered := results{outcomes: make([]outcome, len(registered))}
	for i, result := range registered {
		switch {
		case result.Fault != nil:
			answered.outcomes[i].refusal = result.Fault
			continue
		case result.TypeCreated:
			answered.createdTypes = append(answered.createdTypes, result.Version.Type)
		}
		answered.outcomes[i] = outcome{status: string(result.Status), revision: result.Version.Revision}
	}
	return answered, nil
}
