//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/client"
)

// system is the system under test: two servers on one database. The first runs PostgreSQL
// as its child; the second connects to it through a proxy.
type system struct {
	directory, binary, dataDir, tokensFile string
	// tmpfs: the data directory is on a separate small file system.
	tmpfs bool
	// postgres is the address of the first server's PostgreSQL.
	postgres string
	proxy    *proxy
	servers  [2]*server

	mu            sync.Mutex
	tokens, lines map[string]string // by kind of caller
}

// tmpfsSize exceeds what a run of half an hour writes.
const tmpfsSize = 6 << 30

// install prepares the directory with tokens and ports and, as root, a tmpfs.
func install(ctx context.Context, directory, binary string) (*system, error) {
	s := &system{
		directory: directory, binary: binary, tokens: map[string]string{}, lines: map[string]string{},
		dataDir: filepath.Join(directory, "disk", "postgres"), tokensFile: filepath.Join(directory, "tokens"),
	}
	// As root, PostgreSQL runs as another user, which must be able to enter.
	if err := errors.Join(os.Chmod(directory, 0o755), os.Mkdir(filepath.Dir(s.dataDir), 0o755)); err != nil { //nolint:gosec // holds nothing that others may not read
		return nil, err
	}
	if os.Geteuid() == 0 {
		s.tmpfs = syscall.Mount("tmpfs", filepath.Dir(s.dataDir), "tmpfs", 0, fmt.Sprintf("size=%d,mode=755", tmpfsSize)) == nil
	}
	for who, role := range map[string]string{
		"reader": "viewer", "writer": "publisher", "follower": "viewer", "slow": "viewer", "hostile": "publisher", "crowd": "viewer", "admin": "admin", "viewer": "viewer",
	} {
		if err := s.setToken(ctx, who, role); err != nil {
			return nil, err
		}
	}
	var ports [3]int
	for i := range ports {
		listener, err := listenApart(ctx)
		if err != nil {
			return nil, err
		}
		defer func() { _ = listener.Close() }()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	var err error
	s.postgres = fmt.Sprintf("127.0.0.1:%d", ports[0])
	if s.proxy, err = newProxy(ctx, s.postgres); err != nil {
		return nil, err
	}
	s.servers[0] = s.newServer("own", ports[1], func() ([]string, error) {
		return []string{"--data-dir", s.dataDir, "--db-port", strconv.Itoa(ports[0])}, nil
	})
	s.servers[1] = s.newServer("second", ports[2], func() ([]string, error) {
		parsed, err := url.Parse(s.databaseURL())
		if err != nil {
			return nil, err
		}
		parsed.Host, parsed.RawQuery = s.proxy.listener.Addr().String(), ""
		return []string{"--database-url", parsed.String()}, nil
	})
	return s, nil
}

// remove stops the servers and unmounts the tmpfs. It keeps the directory.
func (s *system) remove() error {
	var problems []error
	for _, server := range s.servers[:] {
		if server != nil && server.process() != nil {
			problems = append(problems, server.end(syscall.SIGTERM))
		}
	}
	if s.proxy != nil {
		s.proxy.close()
	}
	if s.tmpfs {
		problems = append(problems, syscall.Unmount(filepath.Dir(s.dataDir), syscall.MNT_DETACH))
	}
	return errors.Join(problems...)
}

// setToken generates a token with the program's command, and replaces an earlier one.
func (s *system) setToken(ctx context.Context, who, role string) error {
	output, err := exec.CommandContext(ctx, s.binary, "token", "--role", role, "--owner", who).Output()
	if err != nil {
		return fmt.Errorf("make a token: %w", err)
	}
	token, line, _ := strings.Cut(string(output), "\n")
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[who], s.lines[who] = token, line
	return os.WriteFile(s.tokensFile, []byte(strings.Join(slices.Collect(maps.Values(s.lines)), "")), 0o600)
}

func (s *system) token(who string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[who]
}

// databaseURL is empty before the first start.
func (s *system) databaseURL() string {
	text, _ := os.ReadFile(filepath.Join(s.dataDir, "connection.url"))
	return strings.TrimSpace(string(text))
}

// connect opens a superuser's session, as psql does.
func (s *system) connect(ctx context.Context) (*pgx.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return pgx.Connect(ctx, s.databaseURL())
}

// transact runs a transaction in a new session.
func (s *system) transact(ctx context.Context, run func(pgx.Tx) error) error {
	connection, err := s.connect(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = connection.Close(context.WithoutCancel(ctx)) }()
	return pgx.BeginFunc(ctx, connection, run)
}

func (s *system) execute(ctx context.Context, statement string, arguments ...any) error {
	return s.transact(ctx, func(open pgx.Tx) error {
		_, err := open.Exec(ctx, statement, arguments...)
		return err
	})
}

// postmaster returns the process id of the postmaster.
func (s *system) postmaster() (int, error) {
	text, err := os.ReadFile(filepath.Join(s.dataDir, "postmaster.pid"))
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// children returns the child processes of a process.
func children(of int) (found []int) {
	directories, _ := filepath.Glob("/proc/[0-9]*")
	for _, directory := range directories {
		text, err := os.ReadFile(filepath.Join(directory, "stat"))
		if err != nil {
			continue // it has ended since
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		if fields[1] == strconv.Itoa(of) {
			process, _ := strconv.Atoi(filepath.Base(directory))
			found = append(found, process)
		}
	}
	return found
}

// signalPostgres sends a signal to the postmaster and, if all is set, to its children.
func (s *system) signalPostgres(signal syscall.Signal, all bool) error {
	process, err := s.postmaster()
	if err != nil {
		return err
	}
	targets := []int{process}
	if all {
		targets = append(targets, children(process)...)
	}
	for i, target := range targets {
		if err := syscall.Kill(target, signal); err != nil && i == 0 {
			return err
		}
	}
	return nil
}

// server is a server process, which keeps its address over restarts.
type server struct {
	name, address, log string
	binary, tokens     string
	arguments          func() ([]string, error)
	// died is called when the process ends by itself.
	died func(name, state string)

	mu      sync.Mutex
	command *exec.Cmd
	exited  chan struct{}
	ending  bool
}

func (s *system) newServer(name string, port int, arguments func() ([]string, error)) *server {
	return &server{
		name: name, address: fmt.Sprintf("127.0.0.1:%d", port), log: filepath.Join(s.directory, name+".log"),
		binary: s.binary, tokens: s.tokensFile, arguments: arguments, died: func(string, string) {},
	}
}

// listenApart listens on a free port outside the ephemeral range, so that no other socket
// takes the port while a server is stopped.
func listenApart(ctx context.Context) (listener net.Listener, err error) {
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(20_000)) //nolint:gosec // no secret
		if listener, err = (&net.ListenConfig{}).Listen(ctx, "tcp", address); err == nil {
			return listener, nil
		}
	}
	return nil, err
}

// start returns once the server is ready. It restarts a server that exits before that, as
// the second server does while the first one's PostgreSQL is down.
func (s *server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		arguments, err := s.arguments()
		if err != nil {
			return err
		}
		log, err := os.OpenFile(s.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		command := exec.Command(s.binary, append([]string{"serve", "--listen", s.address, "--tokens", s.tokens, "--max-connections", "10", "--max-subscriptions", "500"}, arguments...)...) //nolint:noctx // end ends it
		command.Stderr = log
		command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
		err = command.Start()
		_ = log.Close()
		if err != nil {
			return err
		}
		exited, ready := make(chan struct{}), false
		s.mu.Lock()
		s.command, s.exited, s.ending = command, exited, false
		s.mu.Unlock()
		go func() {
			_ = command.Wait()
			s.mu.Lock()
			unasked := ready && !s.ending
			s.command = nil
			s.mu.Unlock()
			close(exited)
			if unasked {
				s.died(s.name, command.ProcessState.String())
			}
		}()
		if await(ctx, 20*time.Millisecond, func() bool { return closed(exited) || s.ready(ctx) }) != nil {
			break
		}
		if !closed(exited) {
			s.mu.Lock()
			ready = true
			s.mu.Unlock()
			return nil
		}
		pause(ctx, 100*time.Millisecond)
	}
	_ = s.end(syscall.SIGKILL)
	return fmt.Errorf("server %s does not become ready: %w", s.name, ctx.Err())
}

// ready reports whether /readyz answers that the server is ready.
func (s *server) ready(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	text, err := s.get(ctx, "/readyz")
	return err == nil && text != ""
}

// get returns the body of a response, or an error if its status is not 200.
func (s *server) get(ctx context.Context, path string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url()+path, nil)
	if err != nil {
		return "", err
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s answers %s", path, response.Status)
	}
	return string(text), err
}

func (s *server) url() string { return "http://" + s.address }

// process returns the server's process, or nil while the server does not run.
func (s *server) process() *os.Process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.command == nil {
		return nil
	}
	return s.command.Process
}

// end sends a signal that ends the server, and waits until it has ended.
func (s *server) end(signal syscall.Signal) error {
	s.mu.Lock()
	command, exited := s.command, s.exited
	s.ending = true
	s.mu.Unlock()
	if command == nil {
		return nil
	}
	began := time.Now()
	if err := command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-exited:
	case <-time.After(45 * time.Second):
		_ = command.Process.Kill()
		<-exited
		return fmt.Errorf("server %s does not end 45 s after %v", s.name, signal)
	}
	if state := command.ProcessState; signal == syscall.SIGTERM && (!state.Success() || time.Since(began) > 30*time.Second) {
		return fmt.Errorf("server %s ended with %v, %.0f s after SIGTERM", s.name, state, time.Since(began).Seconds())
	}
	return nil
}

// usage is the resource usage of both servers together.
type usage struct{ goroutines, descriptors, megabytes int }

func (s *system) usage(ctx context.Context) (u *usage, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	u = &usage{}
	for _, server := range s.servers {
		text, err := server.get(ctx, "/metrics")
		if err != nil {
			return u, err
		}
		metric := func(name string) int {
			_, rest, _ := strings.Cut(text, "\n"+name+" ")
			value, _, _ := strings.Cut(rest, "\n")
			number, parseErr := strconv.ParseFloat(value, 64)
			if parseErr != nil {
				err = fmt.Errorf("metric %s: %w", name, parseErr)
			}
			return int(number)
		}
		u.goroutines += metric("go_goroutines")
		u.descriptors += metric("process_open_fds")
		if u.megabytes += metric("process_resident_memory_bytes") >> 20; err != nil {
			return u, err
		}
	}
	return u, nil
}

// client returns the client of one kind of caller. Clients share no connections.
func (s *system) client(server *server, who string) *client.Client {
	return &client.Client{
		Endpoint: server.url() + "/graphql", Token: s.token(who),
		HTTP: &http.Client{Transport: &http.Transport{DialContext: dialer(false).DialContext, DisableCompression: true}},
	}
}

// dialer returns a dialer. For a slow client it sets a small receive buffer, so that the
// server's writes soon block.
func dialer(slow bool) *net.Dialer {
	d := &net.Dialer{Timeout: 5 * time.Second}
	if slow {
		d.Control = func(_, _ string, raw syscall.RawConn) error {
			return raw.Control(func(descriptor uintptr) {
				_ = syscall.SetsockoptInt(int(descriptor), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			})
		}
	}
	return d
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

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

// await polls until done returns true or the context ends.
func await(ctx context.Context, interval time.Duration, done func() bool) error {
	for !done() {
		if !pause(ctx, interval) {
			return ctx.Err()
		}
	}
	return nil
}
