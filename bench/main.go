// Bench measures the event log: what its triggers cost writers, how soon an
// event reaches a subscriber, what ten thousand subscriptions take, and a run
// of 200,000 events. It prints figures and asserts nothing; on a shared machine
// only ratios within one run mean something.
//
//	make bench
//	go run ./bench writers latency fanout execution
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/embedded"
)

// measurements in the order in which they run.
var measurements = []struct {
	name string
	run  func(context.Context, *bench) error
}{{"writers", writers}, {"latency", latency}, {"fanout", fanout}, {"execution", execution}}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:])
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string) (err error) {
	directory, err := os.MkdirTemp("", "noetl-catalog-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	// PostgreSQL may have to run as another user, who must get this far.
	if err := os.Chmod(directory, 0o755); err != nil { //nolint:gosec // what is in it is not readable
		return err
	}
	binary := filepath.Join(directory, "noetl-catalog")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "github.com/noetl/noetl-catalog")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("build the server: %w", err)
	}
	postgres, err := embedded.Start(ctx, embedded.Config{
		DataDir: filepath.Join(directory, "postgres"), Download: embedded.DownloadAuto, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"max_connections": "200"},
	})
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
		defer cancel()
		err = errors.Join(err, postgres.Stop(stopping))
	}()
	b := &bench{binary: binary, adminURL: postgres.URL()}
	for _, measurement := range measurements {
		if len(names) > 0 && !slices.Contains(names, measurement.name) {
			continue
		}
		if err := measurement.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", measurement.name, err)
		}
	}
	return nil
}

// bench is what measurements run on: a PostgreSQL with fsync on, and the
// server's binary.
type bench struct{ binary, adminURL string }

// database makes a migrated database with resources p/0 … p/n-1.
func (b *bench) database(ctx context.Context, name string, resources int) (string, *pgxpool.Pool, error) {
	admin, err := pgx.Connect(ctx, b.adminURL)
	if err != nil {
		return "", nil, err
	}
	defer func() { _ = admin.Close(context.WithoutCancel(ctx)) }()
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()+" TEMPLATE template0"); err != nil {
		return "", nil, err
	}
	config, err := pgx.ParseConfig(b.adminURL)
	if err != nil {
		return "", nil, err
	}
	url := fmt.Sprintf("postgres://%s:%s@/%s?host=%s", config.User, config.Password, name, config.Host)
	if _, err := db.Migrate(ctx, url); err != nil {
		return "", nil, err
	}
	pool, err := db.Open(ctx, url, db.Options{MaxConns: 40})
	if err != nil {
		return "", nil, err
	}
	_, err = pool.Exec(ctx, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || n, 'task', '1', '{}' FROM generate_series(0, $1 - 1) AS n`, resources)
	return url, pool, err
}

// server is a running noetl-catalog.
type server struct {
	address string
	command *exec.Cmd
}

func (b *bench) serve(ctx context.Context, databaseURL string) (*server, error) {
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{address: free.Addr().String()}
	if err := free.Close(); err != nil {
		return nil, err
	}
	s.command = exec.CommandContext(ctx, b.binary, "serve", "--listen", s.address, "--log-level", "error")
	s.command.Env = append(os.Environ(), "DATABASE_URL="+databaseURL)
	s.command.Stderr = os.Stderr
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	for ctx.Err() == nil {
		response, err := http.Get("http://" + s.address + "/readyz") //nolint:noctx // ends with the loop
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s, nil
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	return nil, ctx.Err()
}

func (s *server) stop() {
	_ = s.command.Process.Signal(os.Interrupt)
	_ = s.command.Wait()
}

// quantile is the q-th of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
