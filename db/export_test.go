package db

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// KeepPartitionsEvery is KeepPartitions with another interval between its checks.
func KeepPartitionsEvery(ctx context.Context, pool *Pool, logger *slog.Logger, interval time.Duration) error {
	return keepPartitions(ctx, pool, logger, interval)
}

// MigrateFiles is Migrate with the migrations of another folder migrations.
var MigrateFiles = migrate

// MigrateTo brings the schema to a version, up or down.
func MigrateTo(ctx context.Context, databaseURL string, version int64) (err error) {
	connections, err := sql.Open("pgx", databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connections.Close()) }()
	provider, err := migrationProvider(connections, migrations)
	if err != nil {
		return err
	}
	at, err := provider.GetDBVersion(ctx)
	if err != nil {
		return err
	}
	if at < version {
		_, err = provider.UpTo(ctx, version)
		return err
	}
	_, err = provider.DownTo(ctx, version)
	return err
}
