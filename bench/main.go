// Bench measures the server: how fast it answers requests beside the least
// that could answer them, what the event log's triggers cost writers, how soon
// an event reaches a subscriber, what ten thousand subscriptions cost, a run of
// 200,000 events, and what a resume after a checkpoint reads. It prints figures
// and asserts nothing; on a shared machine only ratios within one run mean
// something.
//
//	make bench
//	go run ./bench writers bulk latency deliveries fanout execution checkpoints
//	go run ./bench -only Q1,Q3 requests
//	go run ./bench growth
//	make bench-peer
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
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

	"github.com/noetl/noetl-catalog/client"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/embedded"
)

type measurement struct {
	name string
	run  func(context.Context, *bench) error
	// kept: the database is filled once and kept between runs.
	kept bool
	// named: it runs only if it is named.
	named bool
}

// measurements, in the order in which they run.
var measurements = []measurement{
	{name: "writers", run: writers},
	{name: "bulk", run: bulk},
	{name: "latency", run: latency},
	{name: "deliveries", run: deliveries},
	{name: "fanout", run: fanout},
	{name: "execution", run: execution},
	{name: "checkpoints", run: checkpoints},
	{name: "requests", run: requests, kept: true},
	{name: "growth", run: growth, kept: true, named: true},
}

type options struct {
	// data is where the kept PostgreSQL has its data.
	data string
	// only are the workloads to run; empty for all.
	only string
	// peer: measure PostGraphile, too.
	peer bool
	// each of rounds presses the server, and the limit, for duration.
	rounds   int
	duration time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "where the database of requests and growth is kept (default: noetl-catalog/bench in the user's cache)")
	flag.StringVar(&o.only, "only", "", "workloads of requests and growth, such as Q1,Q3 (default: all)")
	flag.BoolVar(&o.peer, "peer", false, "measure PostGraphile beside the server in requests (make bench-peer)")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of requests and growth, whose median counts")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "of a round")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, o, flag.Args())
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options, names []string) (err error) {
	for _, name := range names {
		if !slices.ContainsFunc(measurements, func(m measurement) bool { return m.name == name }) {
			return fmt.Errorf("there is no measurement %q", name)
		}
	}
	directory, err := os.MkdirTemp("", "noetl-catalog-bench")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	// PostgreSQL may run as another user, who must be able to enter.
	if err := os.Chmod(directory, 0o755); err != nil { //nolint:gosec // what is in it is not readable
		return err
	}
	b := &bench{
		options: o, directory: directory,
		binary: filepath.Join(directory, "noetl-catalog"), limit: filepath.Join(directory, "limit"),
	}
	for binary, source := range map[string]string{b.binary: "github.com/noetl/noetl-catalog", b.limit: "github.com/noetl/noetl-catalog/bench/limit"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, source)
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build %s: %w", source, err)
		}
	}
	for _, kept := range []bool{false, true} {
		var chosen []measurement
		for _, m := range measurements {
			if m.kept == kept && (slices.Contains(names, m.name) || len(names) == 0 && !m.named) {
				chosen = append(chosen, m)
			}
		}
		if err := b.measure(ctx, kept, chosen); err != nil {
			return err
		}
	}
	return nil
}

// measure runs measurements on a PostgreSQL with fsync on.
func (b *bench) measure(ctx context.Context, kept bool, chosen []measurement) (err error) {
	if len(chosen) == 0 {
		return nil
	}
	config := embedded.Config{
		DataDir: filepath.Join(b.directory, "postgres"), Download: embedded.DownloadAuto, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"max_connections": "200"},
	}
	if kept {
		if config.DataDir, err = b.keptDirectory(); err != nil {
			return err
		}
		config.Settings["shared_buffers"] = "1GB"
		config.Settings["max_wal_size"] = "8GB"
	}
	b.postgres, err = embedded.Start(ctx, config)
	if err != nil {
		return err
	}
	defer func() {
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
		defer cancel()
		err = errors.Join(err, b.postgres.Stop(stopping))
	}()
	for _, m := range chosen {
		if err := m.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// bench is what measurements use: a PostgreSQL, and the binaries of the server
// and of the limit.
type bench struct {
	options
	directory, binary, limit string
	postgres                 *embedded.Server
}

// database makes a migrated database with resources p/0 … p/n-1.
func (b *bench) database(ctx context.Context, name string, resources int) (string, *pgxpool.Pool, error) {
	url, err := b.create(ctx, name)
	if err != nil {
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

// create makes an empty database with our schema, and replaces an existing one.
func (b *bench) create(ctx context.Context, name string) (string, error) {
	if err := b.admin(ctx, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	url, err := b.url(name)
	if err != nil {
		return "", err
	}
	_, err = db.Migrate(ctx, url)
	return url, err
}

// admin runs statements about databases.
func (b *bench) admin(ctx context.Context, statements ...string) error {
	return execute(ctx, b.postgres.URL(), statements...)
}

// execute runs statements on a connection of their own.
func execute(ctx context.Context, databaseURL string, statements ...string) error {
	connection, err := pgx.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range statements {
		if _, err := connection.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}

// url is a database's.
func (b *bench) url(name string) (string, error) {
	config, err := pgx.ParseConfig(b.postgres.URL())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("postgres://%s:%s@/%s?host=%s", config.User, config.Password, name, config.Host), nil
}

// server is a running noetl-catalog, limit or PostGraphile.
type server struct {
	*client.Client
	address string
	command *exec.Cmd
}

func (b *bench) serve(ctx context.Context, databaseURL string) (*server, error) {
	return start(ctx, databaseURL, b.binary, "serve", "--log-level", "error")
}

// start starts a program that serves HTTP on --listen, and waits until it is
// ready.
func start(ctx context.Context, databaseURL, binary string, args ...string) (*server, error) {
	free, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &server{address: free.Addr().String()}
	if err := free.Close(); err != nil {
		return nil, err
	}
	if s.Client, err = client.New("http://"+s.address, ""); err != nil {
		return nil, err
	}
	s.command = exec.CommandContext(ctx, binary, append(args, "--listen", s.address)...)
	s.command.Env = append(os.Environ(), "DATABASE_URL="+databaseURL)
	s.command.Stderr = withoutGreeting{os.Stderr}
	if err := s.command.Start(); err != nil {
		return nil, err
	}
	if err := await(ctx, filepath.Base(binary)+" does not get ready", func() (bool, error) {
		response, err := http.Get("http://" + s.address + "/readyz") //nolint:noctx // ends with the loop
		if err != nil {
			return false, nil //nolint:nilerr // not up yet
		}
		return response.StatusCode == http.StatusOK, response.Body.Close()
	}); err != nil {
		s.stop()
		return nil, err
	}
	return s, nil
}

// withoutGreeting drops the line that says where a server listens.
type withoutGreeting struct{ io.Writer }

func (w withoutGreeting) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte("serves GraphQL at")) {
		return len(text), nil
	}
	return w.Writer.Write(text)
}

func (s *server) stop() {
	s.Close()
	_ = s.command.Process.Signal(os.Interrupt)
	_ = s.command.Wait()
}

// await polls until done, for two minutes at most.
func await(ctx context.Context, what string, done func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, ctx.Err())
		}
	}
}

// inTurn measures two contestants in each round, each first every other time,
// and returns the medians of both and their ratios by round.
func inTurn(rounds int, measure func(which int) (float64, error)) (medians [2]float64, ratios []float64, err error) {
	var rates [2][]float64
	for round := range rounds {
		for i := range 2 {
			which := (i + round) % 2
			rate, err := measure(which)
			if err != nil {
				return medians, nil, err
			}
			rates[which] = append(rates[which], rate)
		}
		ratios = append(ratios, rates[0][round]/rates[1][round])
	}
	return [2]float64{median(rates[0]), median(rates[1])}, ratios, nil
}

// quantile is the q-th of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
