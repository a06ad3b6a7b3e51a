// Package dbtest gives each test a migrated PostgreSQL database of its own,
// cloned from a template in some ten milliseconds.
//
//	func TestMain(m *testing.M) { dbtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		t.Parallel()
//		pool := dbtest.Pool(t)
//		…
//	}
//
// The server is a throw-away one of the process, or the one that
// TEST_DATABASE_URL names, whose user must be allowed to make databases.
package dbtest

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/embedded"
)

// cluster is the process's server, started by the first test that asks.
var cluster struct {
	once     sync.Once
	err      error
	server   *embedded.Server
	adminURL string
	template string
	serial   atomic.Int64
}

// emptyTemplate is the template of an empty database, with our collation.
const emptyTemplate = "template0 LC_COLLATE 'C' LC_CTYPE 'C'"

// Main runs a package's tests and stops the server they used.
func Main(m *testing.M) {
	code := m.Run()
	Stop()
	os.Exit(code)
}

// Stop stops the process's server; for a TestMain that cannot use Main.
func Stop() {
	if cluster.adminURL != "" {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = admin(ctx, "DROP DATABASE IF EXISTS "+pgx.Identifier{cluster.template}.Sanitize())
	}
	if cluster.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := cluster.server.Stop(ctx); err != nil {
			fmt.Fprintln(os.Stderr, "stop PostgreSQL:", err)
		}
	}
}

// URL is the URL of a new database with the migrated schema, dropped when the
// test ends.
func URL(t testing.TB) string {
	t.Helper()
	return create(t, true)
}

// EmptyURL is the URL of a new database without anything in it.
func EmptyURL(t testing.TB) string {
	t.Helper()
	return create(t, false)
}

// Pool is a pool of the server's kind over a new database.
func Pool(t testing.TB) *db.Pool {
	t.Helper()
	return PoolAt(t, URL(t), db.Options{})
}

// PoolAt is a pool over the database at a URL, closed when the test ends.
func PoolAt(t testing.TB, databaseURL string, options db.Options) *db.Pool {
	t.Helper()
	pool, err := db.Open(t.Context(), databaseURL, options)
	if err != nil {
		t.Fatalf("open the test's database: %v", err)
	}
	t.Cleanup(pool.Close)
	return pool
}

// BinDir is the directory of PostgreSQL's programs; empty with TEST_DATABASE_URL.
func BinDir(t testing.TB) string {
	t.Helper()
	start(t)
	if cluster.server == nil {
		return ""
	}
	return cluster.server.BinDir()
}

func create(t testing.TB, migrated bool) string {
	t.Helper()
	start(t)
	name := fmt.Sprintf("test_%d_%d", os.Getpid(), cluster.serial.Add(1))
	template := emptyTemplate
	if migrated {
		template = pgx.Identifier{cluster.template}.Sanitize()
	}
	if err := admin(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE "+template); err != nil {
		t.Fatalf("create the test's database: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := admin(ctx, "DROP DATABASE "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return urlOf(name)
}

func start(t testing.TB) {
	t.Helper()
	cluster.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
		defer cancel()
		cluster.err = prepare(ctx)
	})
	if cluster.err != nil {
		t.Fatalf("prepare PostgreSQL for tests: %v", cluster.err)
	}
}

func prepare(ctx context.Context) error {
	cluster.adminURL = os.Getenv("TEST_DATABASE_URL")
	if cluster.adminURL == "" {
		server, err := embedded.Start(ctx, embedded.Config{
			Ephemeral: true, Download: true, Logger: slog.New(slog.DiscardHandler),
			Settings: map[string]string{"max_connections": "300"},
		})
		if err != nil {
			return err
		}
		cluster.server, cluster.adminURL = server, server.URL()
	}
	cluster.template = fmt.Sprintf("template_%d", os.Getpid())
	if err := admin(ctx, "CREATE DATABASE "+pgx.Identifier{cluster.template}.Sanitize()+" TEMPLATE "+emptyTemplate); err != nil {
		return err
	}
	_, err := db.Migrate(ctx, urlOf(cluster.template))
	return err
}

// admin runs a statement on the server's own database.
func admin(ctx context.Context, statement string) error {
	connection, err := pgx.Connect(ctx, cluster.adminURL)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	_, err = connection.Exec(ctx, statement)
	return err
}

// urlOf is the admin URL with another database.
func urlOf(database string) string {
	parsed, err := url.Parse(cluster.adminURL)
	if err != nil {
		panic("dbtest: the URL of the server does not parse: " + err.Error())
	}
	parsed.Path = "/" + database
	return parsed.String()
}

// AwaitAdvisoryLock returns once a session of the pool's database waits for an
// advisory lock.
func AwaitAdvisoryLock(t testing.TB, pool *db.Pool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for waiting := false; !waiting; {
		if err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waiting); err != nil {
			t.Fatalf("wait until a session waits for a lock: %v", err)
		}
	}
}
