// The noetl-catalog binary: flags, wiring and signals. `noetl-catalog serve`,
// the default, answers GraphQL over the catalog and its event log.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"golang.org/x/sync/errgroup"

	"github.com/noetl/noetl-catalog/cli"
	"github.com/noetl/noetl-catalog/config"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/embedded"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/graph"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/telemetry"
	"github.com/noetl/noetl-catalog/graph/telemetry/otlp"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// ballast is never written to, so the system never allocates it. The garbage
// collector counts it, and so does not run after every few megabytes of a small
// heap. That saves a fifth of a request's processor time, for 14 MB more garbage
// (docs/performance.md, "What paid").
var ballast = make([]byte, 14<<20)

func main() {
	// A second signal ends the process at once: stop restores the default.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	status := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	runtime.KeepAlive(ballast)
	os.Exit(status)
}

// run runs a command line and returns the process's exit status: 0, 1 for a
// failure, 2 for an invalid command line.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	command, err := config.Parse(args, stdout, stderr)
	if err != nil {
		fmt.Fprintln(stderr, "noetl-catalog:", err)
		return 2
	}
	switch command := command.(type) {
	case *config.Serve:
		err = serve(ctx, command, stderr)
	case *config.Migrate:
		err = migrate(ctx, command, stdout, stderr)
	case interface {
		Run(context.Context, io.Writer, io.Writer) error
	}:
		err = command.Run(ctx, stdout, stderr)
	case *cli.Complete:
		err = command.Run(ctx, stdout)
	case *cli.Completion:
		err = command.Run(stdout)
	case *cli.Token:
		err = command.Run(stdout, stderr)
	case *config.Version:
		err = printVersion(stdout)
	}
	if err == nil {
		return 0
	}
	invalid, usage := (*config.Error)(nil), (*cli.UsageError)(nil)
	if errors.As(err, &invalid) || errors.As(err, &usage) {
		fmt.Fprintln(stderr, "noetl-catalog:", err)
		return 2
	}
	if !errors.Is(err, cli.ErrRefused) { // whose files are already reported
		fmt.Fprintln(stderr, "noetl-catalog:", err)
	}
	return 1
}

// openDatabase returns the URL of --database-url, or starts our own PostgreSQL; own is
// nil otherwise.
func openDatabase(ctx context.Context, flags *config.Database, logger *slog.Logger, progress io.Writer) (url string, own *embedded.Keeper, err error) {
	if flags.DatabaseURL != "" {
		return flags.DatabaseURL, nil, nil
	}
	own, err = embedded.Keep(ctx, embedded.Config{
		DataDir: flags.DataDir, BinDir: flags.PostgresBin, Port: flags.DBPort, Download: flags.DownloadPostgres == "auto", Logger: logger,
		Progress: func(line string) { fmt.Fprintln(progress, "postgres:", line) },
		// A call of 1,000 registrations holds 1,000 advisory locks.
		Settings: map[string]string{"max_locks_per_transaction": "512"},
	})
	if err != nil {
		return "", nil, err
	}
	return own.URL(), own, nil
}

func stopDatabase(own *embedded.Keeper) error {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	defer cancel()
	return own.Stop(ctx)
}

func migrate(ctx context.Context, command *config.Migrate, stdout, stderr io.Writer) (err error) {
	databaseURL, own, err := openDatabase(ctx, &command.Database, slog.New(slog.DiscardHandler), stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase(own)) }()
	return command.Run(ctx, databaseURL, stdout)
}

// serve serves until the context ends.
func serve(ctx context.Context, c *config.Serve, stderr io.Writer) (err error) {
	logger := config.NewLogger(stderr, c.Level)

	hangups := make(chan os.Signal, 1) // otherwise they would end the process
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)

	// First the ports: a second server on one is refused before anything starts.
	listener, profiles, err := c.Listeners(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()

	databaseURL, own, err := openDatabase(ctx, &c.Database, logger, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stopDatabase(own)) }()

	migrated, err := db.Migrate(ctx, databaseURL)
	if err != nil {
		return err
	}
	logger.InfoContext(ctx, "the schema is up to date", "from", migrated.From, "to", migrated.To, "partitions_made", migrated.Partitions)
	for _, repair := range migrated.Repairs {
		logger.WarnContext(ctx, "a migration changed a value that the API could not show (table migration_repair has all)", "table", repair.TableName,
			"key", string(repair.Key), "column", repair.ColumnName, "old", repair.OldValue, "new", repair.NewValue)
	}
	spans, stopSpans, err := otlp.Start(ctx, logger)
	if err != nil {
		return err
	}
	pool, err := db.Open(ctx, databaseURL, db.Options{MaxConns: c.MaxConnections, StatementTimeout: c.QueryTimeout, Spans: spans, Logger: logger})
	if err != nil {
		return err
	}
	defer pool.Close()
	defer stopSpans(5 * time.Second)

	limits := catalog.DefaultLimits()
	limits.PayloadBytes = c.MaxPayload
	store := catalog.NewStore(pool)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), db.PoolMetrics(pool))
	metrics := stream.NewMetrics(registry)
	events := eventlog.NewStore(pool)
	events.OpenTypes = c.OpenEventTypes
	log := stream.NewLog(events, pool.Connect, metrics, logger)
	registry.MustRegister(log)
	resolver := graph.NewResolver(store, events, log, limits, logger)
	streams := transport.NewStreams()
	memory := config.MemoryFor(config.ContainerMemory(os.DirFS("/")), own != nil, os.Getenv("GOMEMLIMIT"))
	if memory.Process > 0 {
		debug.SetMemoryLimit(memory.Process)
	}
	open := admission.NewLimits(c.Limits(config.OpenFiles(), memory))
	handler, err := graph.NewHandler(resolver, graph.HandlerOptions{
		MaxResponse: c.MaxResponse, Admission: admission.Options{MaxRows: int64(2 * c.MaxResponse), MaxRequest: int64(4 * c.MaxResponse), MaxHeld: memory.Requests},
		Limits: open,
		Ready:  pool.Ping, QueryTimeout: c.QueryTimeout, SlowTimeout: c.SlowTimeout, KeepAlive: c.KeepAlive, Tokens: c.Tokens, Origins: c.Origins,
		Streams: streams, Metrics: registry, Telemetry: telemetry.Options{Access: c.AccessLog, Slow: c.SlowQuery, Spans: spans}, Logger: logger,
	})
	if err != nil {
		return fmt.Errorf("make the handler: %w", err)
	}
	server := transport.Server(c.Listen, handler, logger)

	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error {
		if err := server.Serve(transport.Limited(listener, open.Connections)); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	// Background tasks of subscriptions run until the last of these is closed.
	live, stopLive := context.WithCancel(context.WithoutCancel(ctx))
	group.Go(func() error {
		<-groupCtx.Done()
		defer stopLive()
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		return transport.Shutdown(closing, server, streams, logger)
	})
	group.Go(func() error { return log.Run(live) })
	group.Go(func() error { return stream.Sequence(live, pool.Connect, metrics, logger) })
	group.Go(func() error { return db.KeepPartitions(groupCtx, pool, logger) })
	group.Go(func() error { return c.Reload(groupCtx, hangups, logger) })
	if profiles != nil {
		defer func() { _ = profiles.Close() }()
		group.Go(func() error { return transport.ServeProfiles(groupCtx, profiles) })
	}
	group.Go(func() error { return own.Run(groupCtx) })
	group.Go(func() error { return pool.Watch(groupCtx, logger) })
	group.Go(func() error {
		if len(c.Examples) > 0 {
			register := cli.Register{Paths: c.Examples, DatabaseURL: databaseURL}
			if err := register.Run(groupCtx, stderr, stderr); err != nil && groupCtx.Err() == nil {
				logger.WarnContext(groupCtx, "not everything was registered", "error", err)
			}
		}
		if c.Events != "" {
			record := cli.Record{File: c.Events}
			if err := record.Run(groupCtx, events, stderr); err != nil && groupCtx.Err() == nil {
				logger.WarnContext(groupCtx, "no events were recorded", "error", err)
			}
		}
		// Printed last, where a person sees it.
		if address := "http://" + listener.Addr().String(); groupCtx.Err() == nil {
			fmt.Fprintf(stderr, "\nnoetl-catalog serves GraphQL at %s/graphql, and GraphiQL at %s (schema: %s/schema.graphql). Ctrl-C stops it.\n\n", address, address, address)
		}
		return nil
	})
	return group.Wait()
}

// commit is what the program was built from. The Makefile sets it.
var commit string

// printVersion prints the module's version and the commit it was built from.
func printVersion(stdout io.Writer) error {
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
	_, err := fmt.Fprintln(stdout, strings.TrimSpace("noetl-catalog "+version+" "+commit))
	return err
}
