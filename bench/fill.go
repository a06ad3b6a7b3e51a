package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed fill.sql
var fillScript string

// scale is the size of a database.
type scale struct{ resources, events, months int }

func (s scale) String() string {
	return fmt.Sprintf("%d resources x 5 versions, %d events in %d partitions", s.resources, s.events, s.months+1)
}

// filled returns the URL of a database of that scale. It creates the database
// unless one made by the same script for the same schema exists.
func (b *bench) filled(ctx context.Context, name string, s scale) (string, error) {
	schema, err := b.schema(ctx)
	if err != nil {
		return "", err
	}
	stamp := fmt.Sprintf("filled by %x", sha256.Sum256([]byte(fillScript+schema+s.String())))
	url, err := b.url(name)
	if err != nil {
		return "", err
	}
	found, err := b.stamp(ctx, name)
	if err != nil || found == stamp {
		return url, err
	}

	fmt.Printf("filling the database %q once: %s …\n", name, s)
	began := time.Now()
	if _, err := b.create(ctx, name); err != nil {
		return "", err
	}
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	if _, err := connection.Exec(ctx, `SELECT set_config('bench.resources', $1, false), set_config('bench.events', $2, false), set_config('bench.months', $3, false)`,
		fmt.Sprint(s.resources), fmt.Sprint(s.events), fmt.Sprint(s.months)); err != nil {
		return "", err
	}
	// One string of many statements is one transaction.
	if _, err := connection.PgConn().Exec(ctx, fillScript).ReadAll(); err != nil {
		return "", fmt.Errorf("fill the database: %w", err)
	}
	for _, statement := range []string{"VACUUM (FREEZE, ANALYZE)", "CHECKPOINT", fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", name, stamp)} {
		if _, err := connection.Exec(ctx, statement); err != nil {
			return "", fmt.Errorf("%s: %w", statement, err)
		}
	}
	fmt.Printf("  took %.0f s\n\n", time.Since(began).Seconds())
	return url, nil
}

// stamp is the fingerprint in a database's comment; empty if the database does
// not exist.
func (b *bench) stamp(ctx context.Context, name string) (stamp string, err error) {
	connection, err := pgx.Connect(ctx, b.postgres.URL())
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	err = connection.QueryRow(ctx, `SELECT coalesce(shobj_description(oid, 'pg_database'), '') FROM pg_database WHERE datname = $1`, name).Scan(&stamp)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	return stamp, err
}

// schema is a fingerprint of the migrated schema: columns, indexes, functions.
func (b *bench) schema(ctx context.Context) (fingerprint string, err error) {
	const name = "schema_only"
	url, err := b.create(ctx, name)
	if err != nil {
		return "", err
	}
	connection, err := pgx.Connect(ctx, url)
	if err != nil {
		return "", err
	}
	err = connection.QueryRow(ctx, `
		SELECT md5(string_agg(definition, ';' ORDER BY definition)) FROM (
			SELECT concat_ws(' ', relname, attname, format_type(atttypid, atttypmod)) AS definition
			FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
			WHERE relnamespace = 'public'::regnamespace AND NOT relispartition AND attnum > 0
			UNION ALL
			SELECT pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
			WHERE relnamespace = 'public'::regnamespace AND NOT relispartition
			UNION ALL
			SELECT pg_get_functiondef(oid) FROM pg_proc WHERE pronamespace = 'public'::regnamespace
		) AS definitions`).Scan(&fingerprint)
	return fingerprint, errors.Join(err, connection.Close(ctx), b.admin(ctx, "DROP DATABASE "+name))
}

// keptDirectory holds the database that is kept between runs.
func (b *bench) keptDirectory() (string, error) {
	directory := b.data
	if directory == "" {
		// PostgreSQL refuses to run as root, and nobody else may enter root's home.
		cache := "/var/cache"
		if os.Geteuid() != 0 {
			var err error
			if cache, err = os.UserCacheDir(); err != nil {
				return "", err
			}
		}
		directory = filepath.Join(cache, "noetl-catalog", "bench")
	}
	return filepath.Join(directory, "postgres"), nil
}
