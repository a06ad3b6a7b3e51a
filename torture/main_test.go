//go:build linux

// Package torture tries to make the event log lose, repeat or reorder events.
//
// It starts the built program on a PostgreSQL of its own. Writers commit events in plain
// SQL and through the API. Tailers follow them with the command follow and over WebSocket,
// drop their connections repeatedly, and resume after their last cursor on any server.
// Meanwhile a fault is injected: backends are killed, PostgreSQL crashes, servers are
// killed. At the end every tailer must have received every committed event once, in the
// order common to all tailers; see findings for what is checked.
//
//	go test ./torture                       # short: about 2 s of writing a fault
//	go test ./torture -v -torture.full      # 10 s a fault, three servers
//	go test ./torture -v -run '/crash'      # one fault
package torture

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/noetl/noetl-catalog/db/embedded"
)

var full = flag.Bool("torture.full", os.Getenv("TORTURE") == "full", "write for 10 s per fault, with three servers")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEventLog_UnderEachFault_DeliversEveryEventOnceInOneOrder(t *testing.T) {
	binary := build(t)
	cluster := startCluster(t)
	form := shortForm()
	if *full {
		form = fullForm()
	}
	for _, fault := range faults(form) {
		t.Run(fault.name, func(t *testing.T) { torture(t, binary, cluster, form, fault) })
	}
}

// form is the duration and intensity of the test.
type form struct {
	writing time.Duration
	// longTransaction is the duration of the slow writer's transactions.
	longTransaction time.Duration
	// servers is the number of servers in runs with several.
	servers int
	// serverKill and crash are the intervals at which a server is killed and PostgreSQL
	// crashes.
	serverKill, crash time.Duration
}

func shortForm() form {
	return form{
		writing: 2 * time.Second, longTransaction: time.Second, servers: 2,
		serverKill: 700 * time.Millisecond, crash: time.Second,
	}
}

func fullForm() form {
	return form{
		writing: 10 * time.Second, longTransaction: 3 * time.Second, servers: 3,
		serverKill: 2 * time.Second, crash: 3 * time.Second,
	}
}

// build builds the program without the race detector, as it is released.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "noetl-catalog")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-race=false", "-o", binary, "github.com/noetl/noetl-catalog").CombinedOutput()
	if err != nil {
		t.Fatalf("build the program: %v\n%s", err, out)
	}
	return binary
}

// cluster is a PostgreSQL that may crash. It runs without fsync: a commit has to survive a
// crash of PostgreSQL, but not of the machine.
type cluster struct {
	config embedded.Config
	server *embedded.Server
}

func startCluster(t *testing.T) *cluster {
	t.Helper()
	// Not t.TempDir: as root, PostgreSQL runs as another user, which must be able to enter.
	parent, err := os.MkdirTemp("", "torture-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	c := &cluster{config: embedded.Config{
		DataDir: filepath.Join(parent, "postgres"), Download: true, Logger: slog.New(slog.DiscardHandler),
		Settings: map[string]string{"max_connections": "200", "fsync": "off", "max_wal_size": "64MB"},
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if c.server, err = embedded.Start(ctx, c.config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		if err := c.server.Stop(ctx); err != nil {
			t.Errorf("stop PostgreSQL: %v", err)
		}
	})
	return c
}

// crash does what pg_ctl restart -m immediate does: every process of PostgreSQL exits at
// once, and the next start recovers.
func (c *cluster) crash(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(c.server.DataDir(), "postmaster.pid"))
	if err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return fmt.Errorf("find PostgreSQL's process: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGQUIT); err != nil {
		return fmt.Errorf("crash PostgreSQL: %w", err)
	}
	select {
	case <-c.server.Exited():
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := c.server.Stop(ctx); err != nil {
		return err
	}
	again, err := embedded.Start(ctx, c.config)
	if err != nil {
		return err
	}
	c.server = again
	return nil
}

// createDatabase creates an empty database and returns its URL.
func (c *cluster) createDatabase(t *testing.T, name string) string {
	t.Helper()
	connection := connect(t, c.server.URL())
	if _, err := connection.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	parsed, err := url.Parse(c.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	parsed.Path = "/" + name
	return parsed.String()
}

// connect opens a connection that is closed when the test ends.
func connect(t *testing.T, databaseURL string) *pgx.Conn {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), databaseURL)
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { connection.Close(context.Background()) })
	return connection
}

// command runs the program in its own process group, which is killed when the context or
// this process ends.
func command(ctx context.Context, binary string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	return cmd
}

// leftover returns an error if a command has ended and left a child behind.
func leftover(cmd *exec.Cmd) error {
	if err := syscall.Kill(-cmd.Process.Pid, 0); !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("%q has left a process behind", cmd.Args)
	}
	return nil
}

// server is a server process, which keeps its address over restarts.
type server struct {
	binary, databaseURL, address string
	client                       *http.Client
	// log is the file with its output from all starts.
	log string
	// kill ends the process with SIGKILL and waits for its end.
	kill func() error
}

func newServer(t *testing.T, binary, databaseURL string, client *http.Client) *server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return &server{
		binary: binary, databaseURL: databaseURL, address: listener.Addr().String(),
		client: client, log: filepath.Join(t.TempDir(), "server.log"), kill: func() error { return nil },
	}
}

// start returns once the server is ready. It restarts a server that exits
// before that, because PostgreSQL is down or its port is taken.
func (s *server) start(ctx context.Context) error {
	log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	for {
		living, cancel := context.WithCancel(ctx)
		cmd := command(living, s.binary, "serve", "--database-url", s.databaseURL, "--listen", s.address,
			"--max-connections", "10", "--log-level", "warn")
		cmd.Stderr = log
		if err := cmd.Start(); err != nil {
			cancel()
			return err
		}
		exited := make(chan struct{})
		go func() { defer close(exited); _ = cmd.Wait() }()
		s.kill = func() error {
			cancel()
			<-exited
			return leftover(cmd)
		}
		if s.ready(ctx, exited) {
			return nil
		}
		if err := s.kill(); err != nil {
			return err
		}
		if !pause(ctx, 100*time.Millisecond) {
			return errors.New("the server does not become ready")
		}
	}
}

// ready waits until the server is ready or has exited, and reports whether it is ready.
func (s *server) ready(ctx context.Context, exited <-chan struct{}) bool {
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		select {
		case <-exited:
			return false
		case <-ctx.Done():
			return false
		case <-again.C:
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+"/readyz", nil)
		if err != nil {
			return false
		}
		response, err := s.client.Do(request)
		if err != nil {
			continue
		}
		_, _ = io.Copy(io.Discard, response.Body)
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			return true
		}
	}
}

func (s *server) url() string { return "http://" + s.address }

// pause waits, and reports whether the context has not ended.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
