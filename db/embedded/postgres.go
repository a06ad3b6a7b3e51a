package embedded

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// socketPort is the number in the socket's name if there is no TCP.
const socketPort = 5432

// clusterName begins the cluster_name setting of every PostgreSQL that this
// package starts; the process id of its server follows. It distinguishes an orphan
// of ours from a PostgreSQL that was started by hand.
const clusterName = "noetl-catalog/"

func (cfg Config) port() int {
	if cfg.Port == 0 {
		return socketPort
	}
	return cfg.Port
}

// reservedSettings are those that the caller cannot change: where PostgreSQL is,
// who can connect, and which server started it.
func reservedSettings() []string {
	return []string{
		"cluster_name", "data_directory", "hba_file", "listen_addresses", "port",
		"unix_socket_directories", "unix_socket_permissions",
	}
}

func checkSettings(settings map[string]string) error {
	for name := range settings {
		if slices.Contains(reservedSettings(), strings.ToLower(name)) {
			return fmt.Errorf("setting %q is the embedded PostgreSQL's own and cannot be changed", name)
		}
		if name == "" || strings.ContainsAny(name, "= \t\n") {
			return fmt.Errorf("setting %q: not the name of a setting", name)
		}
	}
	return nil
}

// arguments is the command line of postgres. It has every setting that matters, so
// that nothing depends on an edited postgresql.conf.
func arguments(cfg Config, dataDir, socketDir string) []string {
	listen, durable := "", "on"
	if cfg.Port != 0 {
		listen = "127.0.0.1"
	}
	if cfg.Ephemeral {
		durable = "off"
	}
	// The data directory comes first: systems without /proc find orphans by it.
	args := []string{"-D", dataDir}
	set := func(name, value string) { args = append(args, "-c", name+"="+value) }
	set("cluster_name", clusterName+strconv.Itoa(os.Getpid()))
	set("fsync", durable)
	set("full_page_writes", durable)
	set("listen_addresses", listen)
	set("log_destination", "stderr")
	set("log_timezone", "UTC")
	set("logging_collector", "off")
	set("port", strconv.Itoa(cfg.port()))
	set("synchronous_commit", durable)
	set("timezone", "UTC")
	set("unix_socket_directories", quoteListItem(socketDir))
	set("unix_socket_permissions", "0700")
	for _, name := range slices.Sorted(maps.Keys(cfg.Settings)) {
		set(name, cfg.Settings[name])
	}
	return args
}

// quoteListItem quotes a path for a setting that is a list, since it may have a
// comma or a space.
func quoteListItem(path string) string {
	return `"` + strings.ReplaceAll(path, `"`, `""`) + `"`
}

// childEnvironment is the environment of initdb and postgres: without PG variables,
// locale and time zone, which would change the database, and without secrets, since
// the child may run as another user.
func childEnvironment() []string {
	env := []string{"LC_ALL=C", "TZ=UTC"}
	for _, name := range []string{"PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

func connectionURL(socketDir string, port int, password, database string) string {
	query := url.Values{"host": {socketDir}, "port": {strconv.Itoa(port)}}
	u := url.URL{
		Scheme: "postgres",
		User:   url.UserPassword(databaseUser, password),
		Path:   "/" + database,
		// libpq does not decode a plus to a space.
		RawQuery: strings.ReplaceAll(query.Encode(), "+", "%20"),
	}
	return u.String()
}

// PostgreSQL's error codes for a connection, and the class of a refused login.
const (
	codeNoSuchDatabase = "3D000"
	codeStartingUp     = "57P03"
	classNotAllowed    = "28"
)

// awaitReady returns once a connection to our database succeeds. Nothing else
// proves that PostgreSQL is ready: while it starts, recovers or ends it also has a
// socket and a process. It calls slow once if that takes more than a second. adminURL is
// the URL of a database that always exists.
func (s *Server) awaitReady(ctx context.Context, slow func(), adminURL string) error {
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	start, reported := time.Now(), false
	for {
		err := tryConnection(ctx, s.url)
		refused, ok := errors.AsType[*pgconn.PgError](err)
		switch {
		case err == nil:
			return nil
		case !ok:
		case refused.Code == codeNoSuchDatabase:
			if err := createDatabase(ctx, adminURL); err != nil {
				return err
			}
			continue
		case strings.HasPrefix(refused.Code, classNotAllowed):
			return fmt.Errorf("the password in %s is not the database's: %w", s.data.passwordFile(), err)
		case refused.Code == codeStartingUp && !reported && time.Since(start) > time.Second:
			slow()
			reported = true
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-s.exited:
			return errors.New("it ended at once")
		case <-poll.C:
		}
	}
}

func tryConnection(ctx context.Context, connURL string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, connURL)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// createDatabase creates our database. A start that finds it missing does so, not
// initdb's: this process may be killed between the two.
func createDatabase(ctx context.Context, adminURL string) error {
	conn, err := pgx.Connect(ctx, adminURL)
	if err != nil {
		return fmt.Errorf("connecting to create the database: %w", err)
	}
	_, err = conn.Exec(ctx, "CREATE DATABASE "+databaseName)
	if err := errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("creating the database %s: %w", databaseName, err)
	}
	return nil
}
