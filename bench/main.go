// Bench measures the server: how fast it answers requests, compared with a minimal program
// that gives the same answers; how much the event log's triggers slow down writers; how
// soon an event reaches a subscriber; the cost of ten thousand subscriptions; a run of
// 200,000 events; counts over 1,000,000 events; what a resume after a checkpoint reads; and
// how large requests affect small ones. It prints figures and asserts nothing. On a shared
// machine only ratios within one run are meaningful.
//
//	make bench
//	go run ./bench writers bulk latency deliveries fanout execution checkpoints folders
//	go run ./bench -only Q1,Q3 requests
//	go run ./bench growth
//	make bench-peer
//	go run ./bench -beside /path/to/older/noetl-catalog requests
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
	"text/tabwriter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/client"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/embedded"
)

type measurement struct {
	name string
	run  func(context.Context, *bench)
	// kept: the database is filled once and reused by later runs.
	kept bool
	// named: it runs only if the command line names it.
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
	{name: "folders", run: folders},
	{name: "search", run: search},
	{name: "overload", run: overload},
	{name: "requests", run: requests, kept: true},
	{name: "statistics", run: statistics, kept: true},
	{name: "growth", run: growth, kept: true, named: true},
}

// options are the flags of main.
type options struct {
	data, only string
	peer       bool
	// beside is another build of the server; empty for none.
	beside   string
	rounds   int
	duration time.Duration
}

func main() {
	var o options
	flag.StringVar(&o.data, "data", "", "where the database of requests and growth is kept (default: noetl-catalog/bench in the user's cache)")
	flag.StringVar(&o.only, "only", "", "workloads of requests and growth, such as Q1,Q3 (default: all)")
	flag.BoolVar(&o.peer, "peer", false, "measure PostGraphile beside the server in requests (make bench-peer)")
	flag.StringVar(&o.beside, "beside", "", "another build of the server, measured beside this one in requests")
	flag.IntVar(&o.rounds, "rounds", 3, "rounds of requests and growth; the figures are their medians")
	flag.DurationVar(&o.duration, "duration", 4*time.Second, "length of a round")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := attempt("bench", func() { run(ctx, o, flag.Args()) })
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// failure is the value that check panics with.
type failure struct{ error }

// check panics if there is an error, which ends the measurement as t.Fatal ends a test.
// Only the measurement's own goroutine may call it; others return their errors.
func check(err error) {
	if err != nil {
		panic(failure{err})
	}
}

// must returns the value, or fails as check does.
func must[T any](value T, err error) T {
	check(err)
	return value
}

// attempt calls run and returns the error with which check ended it.
func attempt(what string, run func()) (err error) {
	defer func() {
		switch failed := recover().(type) {
		case nil:
		case failure:
			err = fmt.Errorf("%s: %w", what, failed.error)
		default:
			panic(failed)
		}
	}()
	run()
	return nil
}

func run(ctx context.Context, o options, names []string) {
	for _, name := range names {
		if !slices.ContainsFunc(measurements, func(m measurement) bool { return m.name == name }) {
			check(fmt.Errorf("there is no measurement %q", name))
		}
	}
	directory := must(os.MkdirTemp("", "noetl-catalog-bench"))
	defer func() { _ = os.RemoveAll(directory) }()
	// PostgreSQL may run as another user, who must be able to enter.
	check(os.Chmod(directory, 0o755)) //nolint:gosec // what is in it is not readable
	b := &bench{
		options: o, directory: directory,
		binary: filepath.Join(directory, "noetl-catalog"), limit: filepath.Join(directory, "limit"),
	}
	for binary, source := range map[string]string{b.binary: "github.com/noetl/noetl-catalog", b.limit: "github.com/noetl/noetl-catalog/bench/limit"} {
		build := exec.CommandContext(ctx, "go", "build", "-o", binary, source)
		build.Stderr = os.Stderr
		check(build.Run())
	}
	for _, kept := range []bool{false, true} {
		var chosen []measurement
		for _, m := range measurements {
			if m.kept == kept && (slices.Contains(names, m.name) || len(names) == 0 && !m.named) {
				chosen = append(chosen, m)
			}
		}
		if len(chosen) > 0 {
			b.measure(ctx, kept, chosen)
		}
	}
}

// measure runs measurements on a PostgreSQL with fsync on.
func (b *bench) measure(ctx context.Context, kept bool, chosen []measurement) {
	config := embedded.Config{
		DataDir: filepath.Join(b.directory, "postgres"), Download: true, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"max_connections": "200"},
	}
	if kept {
		config.DataDir = b.keptDirectory()
		config.Settings["shared_buffers"] = "1GB"
		config.Settings["max_wal_size"] = "8GB"
	}
	b.postgres = must(embedded.Start(ctx, config))
	var err error
	for _, m := range chosen {
		if err = attempt(m.name, func() { m.run(ctx, b) }); err != nil {
			break
		}
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	check(errors.Join(err, b.postgres.Stop(stopping)))
}

// bench has what the measurements share: PostgreSQL, and the binaries of the server and
// of the limit.
type bench struct {
	options
	directory, binary, limit string
	postgres                 *embedded.Server
}

// database creates a migrated database with the resources p/0 … p/n-1.
func (b *bench) database(ctx context.Context, name string, resources int) (string, *pgxpool.Pool) {
	url := b.create(ctx, name)
	pool := must(db.Open(ctx, url, db.Options{MaxConns: 40})).Pool
	must(pool.Exec(ctx, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
		SELECT 'p/' || n, 'task', '1', '{}' FROM generate_series(0, $1 - 1) AS n`, resources))
	return url, pool
}

// create creates a database with our schema and no rows. It replaces an existing one.
func (b *bench) create(ctx context.Context, name string) string {
	execute(ctx, b.postgres.URL(), "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)", "CREATE DATABASE "+name+" TEMPLATE template0")
	url := b.url(name)
	must(db.Migrate(ctx, url))
	return url
}

// execute executes statements on a new connection.
func execute(ctx context.Context, databaseURL string, statements ...string) {
	connection := must(pgx.Connect(ctx, databaseURL))
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	for _, statement := range statements {
		if _, err := connection.Exec(ctx, statement); err != nil {
			check(fmt.Errorf("%s: %w", statement, err))
		}
	}
}

// url returns the URL of a database.
func (b *bench) url(name string) string {
	config := must(pgx.ParseConfig(b.postgres.URL()))
	return fmt.Sprintf("postgres://%s:%s@/%s?host=%s", config.User, config.Password, name, config.Host)
}

// server is a running noetl-catalog, limit or PostGraphile.
type server struct {
	*client.Client
	address string
	command *exec.Cmd
}

func (b *bench) serve(ctx context.Context, databaseURL string) *server {
	return serveWith(ctx, databaseURL, b.binary)
}

func serveWith(ctx context.Context, databaseURL, binary string) *server {
	return start(ctx, databaseURL, binary, "serve", "--log-level", "error")
}

// start starts a program that serves HTTP at the address in --listen, and waits until it
// is ready.
func start(ctx context.Context, databaseURL, binary string, args ...string) *server {
	free := must((&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0"))
	s := &server{address: free.Addr().String()}
	check(free.Close())
	s.Client = must(client.New("http://"+s.address, ""))
	s.command = exec.CommandContext(ctx, binary, append(args, "--listen", s.address)...)
	s.command.Env = append(os.Environ(), "DATABASE_URL="+databaseURL)
	s.command.Stderr = withoutGreeting{os.Stderr}
	check(s.command.Start())
	err := attempt("start a program", func() {
		await(ctx, filepath.Base(binary)+" does not become ready", func() bool {
			response, err := http.Get("http://" + s.address + "/readyz") //nolint:noctx // ends with the loop
			if err != nil {
				return false
			}
			return response.StatusCode == http.StatusOK && response.Body.Close() == nil
		})
	})
	if err != nil {
		s.stop()
	}
	check(err)
	return s
}

// withoutGreeting drops the line in which a server prints its address.
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

// await polls until done returns true, for two minutes at most.
func await(ctx context.Context, what string, done func() bool) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	again := time.NewTicker(5 * time.Millisecond)
	defer again.Stop()
	for !done() {
		select {
		case <-again.C:
		case <-ctx.Done():
			check(fmt.Errorf("%s: %w", what, ctx.Err()))
		}
	}
}

// inTurn measures two contestants in each round, in alternating order, and returns the
// median of each and the ratio in each round.
func inTurn(rounds int, measure func(which int) float64) (medians [2]float64, ratios []float64) {
	var rates [2][]float64
	for round := range rounds {
		for i := range 2 {
			which := (i + round) % 2
			rates[which] = append(rates[which], measure(which))
		}
		ratios = append(ratios, rates[0][round]/rates[1][round])
	}
	return [2]float64{median(rates[0]), median(rates[1])}, ratios
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[len(sorted)/2]
}

// quantile returns the q-quantile of sorted durations.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[min(int(q*float64(len(sorted))), len(sorted)-1)]
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// spread formats the median, the 99th percentile and the maximum.
func spread(took []time.Duration) string {
	slices.Sort(took)
	return fmt.Sprintf("p50 %6.2f ms  p99 %6.2f ms  max %6.2f ms",
		milliseconds(quantile(took, 0.5)), milliseconds(quantile(took, 0.99)), milliseconds(quantile(took, 1)))
}

// newTable returns a writer that aligns cells, each of which ends with a tab. The caller
// flushes it.
func newTable() *tabwriter.Writer {
	return tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
}
