// Package db is the server's side of the database: it opens the pool,
// migrates the schema and keeps the partitions of the event log ahead of the
// clock. The rules of what is stored are in db/catalog and db/eventlog.
//
//	pool, err := db.Open(ctx, databaseURL, db.Options{})
//	err = db.Migrate(ctx, databaseURL)
package db

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"
	"github.com/jackc/pgx/v5/pgxpool"
	"go.opentelemetry.io/otel/trace"

	"github.com/noetl/noetl-catalog/db/statements"
)

// Options of a pool; zero values are the defaults.
type Options struct {
	// MaxConns is the most connections of the pool; 20 by default.
	MaxConns int32
	// StatementTimeout ends a statement; 5 s by default.
	StatementTimeout time.Duration
	// Spans makes a span of each statement of a traced request; nil for none.
	Spans trace.Tracer
	// StallTime is how long PostgreSQL may not answer before Pool.Watch ends the
	// statements that wait for it; 6 s by default.
	StallTime time.Duration
	// Logger may be nil.
	Logger *slog.Logger
	// Configure, if not nil, changes the pool's configuration last.
	Configure func(*pgxpool.Config)
}

// Open makes a pool whose sessions have a deadline for everything that can
// hang (docs/operations.md, "Database sessions") and do not inherit
// settings of a role or a database that would change what our SQL means. It
// fails where the database does not answer.
func Open(ctx context.Context, databaseURL string, options Options) (*Pool, error) {
	config, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		// pgx's message repeats the URL; it blanks the password.
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	config.MaxConns = cmp.Or(options.MaxConns, 20)
	config.MaxConnLifetime = 30 * time.Minute
	config.MaxConnLifetimeJitter = 3 * time.Minute
	stallTime := cmp.Or(options.StallTime, defaultStallTime)
	config.PingTimeout = stallTime / 3
	config.ConnConfig.ConnectTimeout = stallTime - config.PingTimeout
	config.ConnConfig.BuildContextWatcherHandler = cancelWithDelay
	config.ConnConfig.Tracer = &statements.Tracer{Spans: options.Spans}
	setSession(config.ConnConfig.RuntimeParams, cmp.Or(options.StatementTimeout, 5*time.Second))
	// A list is read along an index, in its order, and ends with its page. Where
	// the planner expects few matches it would rather read and sort a whole
	// table, and be wrong for the filters that people use.
	config.ConnConfig.RuntimeParams["enable_seqscan"] = "off"
	if options.Configure != nil {
		options.Configure(config)
	}
	pool := &Pool{
		queue: make(chan struct{}, 1), stallTime: stallTime,
		connections: connections{open: map[*pgconn.PgConn]struct{}{}},
		timelines:   &timelines{logger: cmp.Or(options.Logger, slog.New(slog.DiscardHandler)), open: map[net.Conn]struct{}{}},
	}
	config.ConnConfig.OnNotice = onNotice
	pool.timelines.guard(config.ConnConfig)
	pool.timelines.survey(ctx, config.ConnConfig)
	config.BeforeConnect, config.BeforeClose = pool.beforeConnect, pool.connections.remove
	config.ShouldPing = pool.connections.shouldPing
	config.AfterConnect = func(ctx context.Context, connection *pgx.Conn) error {
		defer pool.connections.add(connection)
		return sendTextArrays(ctx, connection)
	}
	if pool.Pool, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return nil, fmt.Errorf("make the connection pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

// Connect makes one connection outside the pool, with the same settings, to LISTEN
// on. It must be direct, not through a transaction pooler.
func Connect(ctx context.Context, databaseURL string) (*pgx.Conn, error) {
	return connect(ctx, databaseURL, func(*pgx.ConnConfig) {})
}

// Connect is Connect to the pool's database, where former primaries are refused.
func (p *Pool) Connect(ctx context.Context) (*pgx.Conn, error) {
	return connect(ctx, p.Config().ConnString(), p.timelines.guard)
}

func connect(ctx context.Context, databaseURL string, configure func(*pgx.ConnConfig)) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the database URL: %w", err)
	}
	config.ConnectTimeout = 5 * time.Second
	setSession(config.RuntimeParams, 30*time.Second)
	config.RuntimeParams["enable_seqscan"] = "off"
	configure(config)
	connection, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return connection, nil
}

// cancelWithDelay lets a short statement whose context has ended complete, and
// cancels a longer one. pgx would close the connection instead: a client that often
// gives up, such as a search at each keystroke, would make all others wait for new
// sessions and new plans.
func cancelWithDelay(connection *pgconn.PgConn) ctxwatch.Handler {
	return &pgconn.CancelRequestContextWatcherHandler{
		Conn:               connection,
		CancelRequestDelay: 50 * time.Millisecond,
		DeadlineDelay:      2 * time.Second,
	}
}

func setSession(params map[string]string, statementTimeout time.Duration) {
	for name, value := range map[string]string{
		"application_name":                    "noetl-catalog",
		"search_path":                         "public",
		"TimeZone":                            "UTC",
		"statement_timeout":                   fmt.Sprint(statementTimeout.Milliseconds()),
		"lock_timeout":                        "2s",
		"idle_in_transaction_session_timeout": "10s",
		"default_transaction_isolation":       "read committed",
		"synchronous_commit":                  "on",
		// A server that has vanished must not hold the sequencer's lock for hours.
		"tcp_keepalives_idle":     "30",
		"tcp_keepalives_interval": "5",
		"tcp_keepalives_count":    "3",
		// Pages are read in the order of an index that is nearly always cached.
		"random_page_cost": "1.1",
		// PostgreSQL would plan most statements anew at each call, which takes
		// longer than to run them. db/customplan has the exceptions.
		"plan_cache_mode": "force_generic_plan",
		"jit":             "off",
	} {
		params[name] = value
	}
}
