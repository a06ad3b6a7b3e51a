package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
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

// filled returns the URL of a database of that scale. It creates the database unless the
// same script has already created it for the same schema.
func (b *bench) filled(ctx context.Context, name string, s scale) string {
	schema := must(os.ReadFile(filepath.Join("db", "catalog_schema.sql")))
	stamp := fmt.Sprintf("filled by %x", sha256.Sum256([]byte(fillScript+string(schema)+s.String())))
	if b.stamp(ctx, name) == stamp {
		return b.url(name)
	}

	fmt.Printf("filling the database %q once: %s …\n", name, s)
	began := time.Now()
	url := b.create(ctx, name)
	connection := must(pgx.Connect(ctx, url))
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	must(connection.Exec(ctx, `SELECT set_config('bench.resources', $1, false), set_config('bench.events', $2, false), set_config('bench.months', $3, false)`,
		fmt.Sprint(s.resources), fmt.Sprint(s.events), fmt.Sprint(s.months)))
	// PostgreSQL executes several statements in one string as one transaction.
	must(connection.PgConn().Exec(ctx, fillScript).ReadAll())
	execute(ctx, url, "VACUUM (FREEZE, ANALYZE)", "CHECKPOINT", fmt.Sprintf("COMMENT ON DATABASE %s IS '%s'", name, stamp))
	fmt.Printf("  took %.0f s\n\n", time.Since(began).Seconds())
	return url
}

// stamp returns the comment of a database, which is the fingerprint of its contents. It is
// empty if the database does not exist.
func (b *bench) stamp(ctx context.Context, name string) string {
	return query[string](ctx, b.postgres.URL(), `SELECT coalesce(max(shobj_description(oid, 'pg_database')), '') FROM pg_database WHERE datname = $1`, name)[0]
}

// query returns the result of a query that selects one column.
func query[T any](ctx context.Context, databaseURL, sql string, args ...any) []T {
	connection := must(pgx.Connect(ctx, databaseURL))
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	return must(pgx.CollectRows(must(connection.Query(ctx, sql, args...)), pgx.RowTo[T]))
}

// keptDirectory holds the database that is kept between runs.
func (b *bench) keptDirectory() string {
	directory := b.data
	if directory == "" {
		// PostgreSQL refuses to run as root, and nobody else may enter root's home.
		cache := "/var/cache"
		if os.Geteuid() != 0 {
			cache = must(os.UserCacheDir())
		}
		directory = filepath.Join(cache, "noetl-catalog", "bench")
	}
	return filepath.Join(directory, "postgres")
}
