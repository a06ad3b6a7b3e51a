package db

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/noetl/noetl-catalog/sqlc"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrated says what Migrate did.
type Migrated struct {
	// From and To are schema versions, the numbers of the migrations.
	From, To int64
	// Repairs are the first 1,000 values that were changed because the API could
	// not show them; table migration_repair has all.
	Repairs []Repair
	// Partitions is how many partitions of event were made.
	Partitions int
}

// Migrate brings the schema up to date and makes the event log's partitions.
// Servers that start at the same time wait for each other on a session lock;
// the second finds nothing to do. It needs a direct connection, not one
// through a transaction pooler.
func Migrate(ctx context.Context, databaseURL string) (Migrated, error) {
	return migrate(ctx, databaseURL, migrations)
}

func migrate(ctx context.Context, databaseURL string, files fs.FS) (Migrated, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return Migrated{}, fmt.Errorf("read the database URL: %w", err)
	}
	setSession(config.RuntimeParams, 0)
	config.RuntimeParams["lock_timeout"] = "5s"
	connections := stdlib.OpenDB(*config)
	defer func() { _ = connections.Close() }()

	provider, err := migrationProvider(connections, files)
	if err != nil {
		return Migrated{}, err
	}
	applied, err := provider.Up(ctx)
	if err != nil {
		return Migrated{}, fmt.Errorf("migrate: %w", err)
	}
	done := Migrated{}
	if done.To, err = provider.GetDBVersion(ctx); err != nil {
		return Migrated{}, fmt.Errorf("read the schema version: %w", err)
	}
	sources := provider.ListSources()
	if known := sources[len(sources)-1].Version; done.To > known {
		return Migrated{}, fmt.Errorf("the database has schema version %d, and this program knows versions up to %d: run the program that migrated it, or a newer one", done.To, known)
	}
	done.From = done.To
	if len(applied) > 0 {
		// Not read before Up: another server may migrate meanwhile.
		first := slices.IndexFunc(sources, func(s *goose.Source) bool { return s.Version == applied[0].Source.Version })
		done.From = 0
		if first > 0 {
			done.From = sources[first-1].Version
		}
	}

	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return Migrated{}, fmt.Errorf("connect to make partitions: %w", err)
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = connection.Close(closing)
	}()
	if len(applied) > 0 {
		done.Repairs, err = sqlc.New(connection).MigrationRepairs(ctx, sqlc.MigrationRepairsParams{
			AfterMigration: int32(done.From), AtMost: 1000, //nolint:gosec // the number of a migration
		})
		if err != nil {
			return Migrated{}, fmt.Errorf("read what the migrations repaired: %w", err)
		}
	}
	if done.Partitions, err = EnsurePartitions(ctx, connection); err != nil {
		return Migrated{}, err
	}
	return done, nil
}

// migrationProvider is goose over the migrations in files.
func migrationProvider(connections *sql.DB, files fs.FS) (*goose.Provider, error) {
	files, err := fs.Sub(files, "migrations")
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 60))
	if err != nil {
		return nil, fmt.Errorf("make the migration lock: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, connections, files, goose.WithSessionLocker(locker))
	if err != nil {
		return nil, fmt.Errorf("read the migrations: %w", err)
	}
	return provider, nil
}

// Repair is a value that a migration has changed because the API could not show
// it.
type Repair = sqlc.MigrationRepair
