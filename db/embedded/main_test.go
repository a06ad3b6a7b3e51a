//go:build linux

package embedded

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"
)

// helperVariable makes the test binary run as a server that a test can kill. Its value
// is the data directory, or "ephemeral".
const helperVariable = "EMBEDDED_TEST_SERVER"

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(helperVariable); ok {
		os.Exit(runHelper(dir))
	}
	useMemory()
	code := m.Run()
	if templateParent != "" {
		os.RemoveAll(templateParent)
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// useMemory keeps the temporary files of the tests in memory if there is enough:
// syncing some thirty databases to a busy disk would take most of the time. What
// fsync guarantees cannot be tested here anyway.
func useMemory() {
	const dir, plenty = "/dev/shm", 4 << 30
	var fs syscall.Statfs_t
	if os.Getenv("TMPDIR") == "" && syscall.Statfs(dir, &fs) == nil && fs.Bavail*uint64(fs.Bsize) > plenty {
		os.Setenv("TMPDIR", dir)
	}
}

// runHelper runs a server until its standard input ends.
func runHelper(dir string) int {
	signal.Ignore(syscall.SIGPIPE)
	cfg := Config{DataDir: dir}
	if dir == "ephemeral" {
		cfg = Config{Ephemeral: true}
	}
	server, err := Start(context.Background(), cfg)
	if err != nil {
		fmt.Println("error", err)
		return 1
	}
	fmt.Println("in", server.DataDir())
	fmt.Println("ready", server.process.Pid)
	io.Copy(io.Discard, os.Stdin)
	if err := server.Stop(context.Background()); err != nil {
		fmt.Println("error", err)
		return 1
	}
	return 0
}

// helper is a server in its own process.
type helper struct {
	cmd        *exec.Cmd
	stdin      io.Closer
	lines      *bufio.Scanner
	postmaster int
}

func startHelper(t *testing.T, cmd *exec.Cmd, dir string) *helper {
	t.Helper()
	cmd.Env = append(cmd.Environ(), helperVariable+"="+dir)
	stdin, err := cmd.StdinPipe()
	must(t, err)
	stdout, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	h := &helper{cmd: cmd, stdin: stdin, lines: bufio.NewScanner(stdout)}
	t.Cleanup(func() {
		stdin.Close()
		cmd.Wait()
	})
	return h
}

// awaitLine reads the output of the helper up to a line with a prefix, and returns
// the rest of that line.
func (h *helper) awaitLine(t *testing.T, prefix string) string {
	t.Helper()
	var printed []string
	for h.lines.Scan() {
		if rest, ok := strings.CutPrefix(h.lines.Text(), prefix); ok {
			return strings.TrimSpace(rest)
		}
		printed = append(printed, h.lines.Text())
	}
	t.Fatalf("the helper ended without a line %q:\n%s", prefix, strings.Join(printed, "\n"))
	return ""
}

func readyHelper(t *testing.T, dir string) *helper {
	t.Helper()
	h := startHelper(t, exec.Command(os.Args[0]), dir)
	pid, err := strconv.Atoi(h.awaitLine(t, "ready"))
	must(t, err)
	h.postmaster = pid
	return h
}

func (h *helper) kill9(t *testing.T) {
	t.Helper()
	must(t, h.cmd.Process.Kill())
	h.cmd.Wait()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// isSlowStart reports whether a line of Config.Progress says that PostgreSQL takes more
// than a second to start, as it may on a busy machine.
func isSlowStart(line string) bool { return strings.HasPrefix(line, "PostgreSQL is still starting") }

// testContext ends well before the test binary's own time limit.
func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// openDir returns a temporary directory that another user can pass through, unlike
// t.TempDir.
func openDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "embedded-test-*")
	must(t, err)
	must(t, os.Chmod(dir, 0o755))
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

var (
	templateParent string
	template       = sync.OnceValues(makeTemplate)
)

// makeTemplate creates a data directory, not in use, with an empty table "note".
// initdb takes most of a test's time, so most tests copy this one.
func makeTemplate() (string, error) {
	dir, err := os.MkdirTemp("", "embedded-test-*")
	if err != nil {
		return "", err
	}
	templateParent = dir
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	ctx := context.Background()
	server, err := Start(ctx, Config{DataDir: filepath.Join(dir, "pg")})
	if err != nil {
		return "", err
	}
	defer server.Stop(ctx)
	conn, err := pgx.Connect(ctx, server.URL())
	if err != nil {
		return "", err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE TABLE note (text text)")
	return filepath.Join(dir, "pg"), err
}

// dataDir creates a data directory for one test, with a table "note".
func dataDir(t *testing.T) string {
	t.Helper()
	from, err := template()
	must(t, err)
	dir := filepath.Join(openDir(t), "pg")
	out, err := exec.Command("cp", "-a", from, dir).CombinedOutput()
	if err != nil {
		t.Fatalf("copying the template: %v\n%s", err, out)
	}
	return dir
}

func startServer(t *testing.T, cfg Config) *Server {
	t.Helper()
	server, err := Start(testContext(t), cfg)
	must(t, err)
	t.Cleanup(func() { server.Stop(context.Background()) })
	return server
}

func stopServer(t *testing.T, server *Server) {
	t.Helper()
	if err := server.Stop(testContext(t)); err != nil {
		t.Fatalf("Stop: %v", err)
	}
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(testContext(t), url)
	must(t, err)
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}

func query(t *testing.T, url, sql string) string {
	t.Helper()
	var answer string
	conn := connect(t, url)
	if err := conn.QueryRow(testContext(t), sql).Scan(&answer); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	must(t, conn.Close(context.Background()))
	return answer
}

func writeNote(t *testing.T, url string) {
	t.Helper()
	query(t, url, "INSERT INTO note VALUES ('kept') RETURNING text")
}

func wantNote(t *testing.T, url string) {
	t.Helper()
	if got := query(t, url, "SELECT count(*)::text FROM note WHERE text = 'kept'"); got != "1" {
		t.Errorf("%s notes were kept, want 1", got)
	}
}

// eventually polls until a condition is true.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	poll := time.NewTicker(2 * time.Millisecond)
	defer poll.Stop()
	for deadline := time.Now().Add(60 * time.Second); !condition(); <-poll.C {
		if time.Now().After(deadline) {
			t.Fatalf("timed out waiting for %s", what)
		}
	}
}

func runningIn(t *testing.T, dir string) []process {
	t.Helper()
	running, err := processesOf(dir)
	must(t, err)
	return running
}

// processTitled finds the process of a data directory by a word of its title.
func processTitled(t *testing.T, dir, word string) int {
	t.Helper()
	var found int
	eventually(t, "process "+word, func() bool {
		for _, p := range runningIn(t, dir) {
			title, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", p.pid))
			if !p.postmaster && bytes.Contains(title, []byte(word)) {
				found = p.pid
			}
		}
		return found != 0
	})
	return found
}

// pause stops a process as if it hung, until the test ends at the latest.
func pause(t *testing.T, pid int) {
	t.Helper()
	must(t, syscall.Kill(pid, syscall.SIGSTOP))
	t.Cleanup(func() { signalProcess(pid, syscall.SIGCONT) })
}

func isZombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err == nil && bytes.Contains(stat, []byte(") Z "))
}

func hasEnded(pid int) bool { return !processExists(pid) || isZombie(pid) }

func siblings(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(dir))
	must(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}
