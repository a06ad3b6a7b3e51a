package dbtest

import (
	"context"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Node is a PostgreSQL of a replicated pair. It listens on a socket in its directory.
type Node struct {
	dir, url string
	owner    *syscall.SysProcAttr
	bin      string
	server   *exec.Cmd
}

// Standby makes and starts a standby of o. It returns when the standby streams.
func (o Own) Standby(t testing.TB) *Node {
	t.Helper()
	n := o.node(t, filepath.Join(filepath.Dir(o.DataDir()), "standby"))
	backup := exec.CommandContext(t.Context(), filepath.Join(n.bin, "pg_basebackup"), "-D", n.dir, "-d", o.URL(), "-R", "-c", "fast")
	backup.SysProcAttr = n.owner
	if out, err := backup.CombinedOutput(); err != nil {
		t.Fatalf("copy the primary: %v\n%s", err, out)
	}
	n.Start(t)
	await(t, o.URL(), "SELECT EXISTS (SELECT 1 FROM pg_stat_replication WHERE state = 'streaming')")
	return n
}

// Former is o as a node that can be started again after it was killed.
func (o Own) Former(t testing.TB) *Node { return o.node(t, o.DataDir()) }

func (o Own) node(t testing.TB, dir string) *Node {
	t.Helper()
	n := &Node{dir: dir, bin: o.BinDir(), owner: &syscall.SysProcAttr{}}
	info, err := os.Stat(o.DataDir())
	if err != nil {
		t.Fatal(err)
	}
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		n.owner.Credential = &syscall.Credential{Uid: stat.Uid, Gid: stat.Gid}
	}
	at, err := url.Parse(o.URL())
	if err != nil {
		t.Fatal(err)
	}
	at.RawQuery = url.Values{"host": {dir}, "port": {"5432"}}.Encode()
	n.url = at.String()
	return n
}

// URL is that of the node alone.
func (n *Node) URL() string { return n.url }

// URLOf is a URL of several nodes, of which clients use one that accepts writes.
func URLOf(first, second string) string {
	one, _ := url.Parse(first)
	two, _ := url.Parse(second)
	query := url.Values{"target_session_attrs": {"read-write"}, "port": {"5432,5432"}}
	query.Set("host", one.Query().Get("host")+","+two.Query().Get("host"))
	one.RawQuery = query.Encode()
	return one.String()
}

// Start starts the node, until the test ends at the latest.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	for _, stale := range []string{"postmaster.pid", ".s.PGSQL.5432.lock"} { // of the primary, in a copy
		_ = os.Remove(filepath.Join(n.dir, stale))
	}
	n.server = exec.Command(filepath.Join(n.bin, "postgres"), "-D", n.dir, "-c", "listen_addresses=", "-c", "fsync=off", //nolint:gosec // of PostgreSQL
		"-c", "logging_collector=off", "-c", "port=5432", "-c", "unix_socket_directories="+n.dir)
	n.server.Dir, n.server.SysProcAttr, n.server.Env = n.dir, n.owner, []string{"LC_ALL=C"}
	var log strings.Builder
	n.server.Stderr = &log
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(log.String())
		}
	})
	if err := n.server.Start(); err != nil {
		t.Fatal(err)
	}
	started := n.server
	t.Cleanup(func() { _ = started.Process.Signal(syscall.SIGQUIT); _ = started.Wait() })
	await(t, n.url, "SELECT true")
}

// Kill ends the node at once.
func (n *Node) Kill(t testing.TB) {
	t.Helper()
	if err := n.server.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = n.server.Wait()
}

// Exec runs a statement on the node.
func (n *Node) Exec(t testing.TB, sql string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), n.url)
	if err == nil {
		defer func() { _ = connection.Close(context.WithoutCancel(t.Context())) }()
		_, err = connection.Exec(t.Context(), sql)
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Await waits until a query of the node returns true.
func (n *Node) Await(t testing.TB, sql string) { t.Helper(); await(t, n.url, sql) }

func await(t testing.TB, databaseURL, sql string) {
	t.Helper()
	var last error
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		holds := false
		connection, err := pgx.Connect(t.Context(), databaseURL)
		if err == nil {
			err = connection.QueryRow(t.Context(), sql).Scan(&holds)
			_ = connection.Close(t.Context())
		}
		if holds {
			return
		}
		last = err
	}
	t.Fatalf("%s does not hold: %v", sql, last)
}
