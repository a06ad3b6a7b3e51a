//go:build linux

package embedded

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStart_AfterKill9_Works(t *testing.T) {
	t.Parallel()
	for name, kill := range map[string]func(t *testing.T, h *helper){
		"of the server": func(t *testing.T, h *helper) { h.kill9(t) },
		"of both": func(t *testing.T, h *helper) {
			must(t, syscall.Kill(h.postmaster, syscall.SIGKILL))
			h.kill9(t)
		},
		"of the server, then of PostgreSQL": func(t *testing.T, h *helper) {
			h.kill9(t)
			must(t, signalProcess(h.postmaster, syscall.SIGKILL))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			h := readyHelper(t, dir)
			text, err := os.ReadFile(filepath.Join(dir, urlName))
			must(t, err)
			url := strings.TrimSpace(string(text))
			writeNote(t, url)
			// A connected client must not keep the old PostgreSQL running.
			connect(t, url)
			kill(t, h)

			server := startServer(t, Config{DataDir: dir})
			wantNote(t, server.URL())
			if !hasEnded(h.postmaster) {
				t.Errorf("process %d of the killed server still runs", h.postmaster)
			}
			if got := query(t, server.URL(), "SELECT 'new'"); got != "new" || server.process.Pid == h.postmaster {
				t.Errorf("process %d answers %q", server.process.Pid, got)
			}
		})
	}
}

func TestCrashed_OnlyAfterAKill(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	crashed := func() bool {
		root, err := os.OpenRoot(dir)
		must(t, err)
		defer root.Close()
		return (&dataDirectory{dir: dir}).crashed(root)
	}
	if crashed() {
		t.Error("a new database has crashed")
	}
	server := startServer(t, Config{DataDir: dir})
	stopServer(t, server)
	if crashed() {
		t.Error("PostgreSQL has crashed by a stop")
	}
	server = startServer(t, Config{DataDir: dir})
	must(t, server.process.Kill())
	<-server.Exited()
	if !crashed() {
		t.Error("PostgreSQL has not crashed by a kill")
	}
}

func TestLaunch_ServerIsKilled_PostgreSQLEndsByItself(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	h := readyHelper(t, dir)
	h.kill9(t)
	eventually(t, "the end of the orphan", func() bool { return len(runningIn(t, dir)) == 0 })
	log, err := os.ReadFile(filepath.Join(dir, logName))
	must(t, err)
	if !strings.Contains(string(log), "received fast shutdown request") {
		t.Errorf("the death signal did not end it:\n%s", log)
	}
}

func TestStart_OrphanIsShuttingDown_IsAwaitedAndNotAdopted(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	h := readyHelper(t, dir)
	// The shutdown does not end until the checkpointer continues.
	checkpointer := processTitled(t, dir, "checkpointer")
	pause(t, checkpointer)
	h.kill9(t)

	var lines []string
	server := startServer(t, Config{DataDir: dir, Progress: func(line string) {
		if isSlowStart(line) {
			return
		}
		lines = append(lines, line)
		must(t, syscall.Kill(checkpointer, syscall.SIGCONT))
	}})
	if want := []string{"waiting for the PostgreSQL of an earlier run to end ..."}; !slices.Equal(lines, want) {
		t.Errorf("progress %q, want %q", lines, want)
	}
	if server.process.Pid == h.postmaster || !hasEnded(h.postmaster) {
		t.Errorf("process %d was adopted or still runs", h.postmaster)
	}
}

func TestStart_BackendOutlivesPostmaster_IsAwaited(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	h := readyHelper(t, dir)
	text, err := os.ReadFile(filepath.Join(dir, urlName))
	must(t, err)
	conn := connect(t, strings.TrimSpace(string(text)))
	backend := int(conn.PgConn().PID())
	pause(t, backend)
	must(t, syscall.Kill(h.postmaster, syscall.SIGKILL))
	h.kill9(t)

	waited := false
	startServer(t, Config{DataDir: dir, Progress: func(line string) {
		if isSlowStart(line) {
			return
		}
		waited = true
		must(t, syscall.Kill(backend, syscall.SIGCONT))
	}})
	if !waited || !hasEnded(backend) {
		t.Errorf("started beside backend %d (waited: %v)", backend, waited)
	}
}

// runPostgres runs postgres without a Server. The process is not reaped before the test
// ends.
func runPostgres(t *testing.T, dir string, args ...string) int {
	t.Helper()
	who, err := chooseAccount(dir)
	must(t, err)
	installed, err := newFinder(Config{}, who).find(testContext(t), 0)
	must(t, err)
	cmd := exec.Command(filepath.Join(installed.BinDir, "postgres"), args...)
	cmd.Dir = dir
	cmd.Env = childEnvironment()
	cmd.SysProcAttr = childAttributes(who, 0)
	must(t, cmd.Start())
	t.Cleanup(func() {
		cmd.Process.Signal(syscall.SIGQUIT)
		cmd.Wait()
	})
	eventually(t, "the socket", func() bool {
		_, err := os.Stat(filepath.Join(dir, ".s.PGSQL.5432"))
		return err == nil
	})
	return cmd.Process.Pid
}

func TestStart_ZombiePostmaster_IsIgnored(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pid := runPostgres(t, dir, arguments(Config{}, dir, dir)...)
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	eventually(t, "a zombie", func() bool { return isZombie(pid) })
	for _, name := range []string{"postmaster.pid", ".s.PGSQL.5432.lock"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			t.Fatalf("the zombie left no lock file: %v", err)
		}
	}

	startServer(t, Config{DataDir: dir})
	if !isZombie(pid) {
		t.Error("the zombie was reaped before the start")
	}
}

func TestStart_PostgreSQLStartedByHand_KeepsRunning(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	pid := runPostgres(t, dir, "-D", dir, "-c", "listen_addresses=", "-k", dir)

	_, err := Start(testContext(t), Config{DataDir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), fmt.Sprintf("kill -INT %d", pid)) {
		t.Errorf("error %v, want ErrInUse with the process", err)
	}
	if hasEnded(pid) {
		t.Error("it was stopped")
	}
}

func TestStart_ProcessIDReused_IsNotTakenForPostgreSQL(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, dir string, who *account) int{
		"by another program in the data directory": func(t *testing.T, dir string, who *account) int {
			cmd := exec.Command("sleep", "600")
			cmd.Dir = dir
			cmd.SysProcAttr = childAttributes(who, syscall.SIGKILL)
			must(t, cmd.Start())
			t.Cleanup(func() {
				cmd.Process.Kill()
				cmd.Wait()
			})
			return cmd.Process.Pid
		},
		"by PostgreSQL of another directory": func(t *testing.T, _ string, _ *account) int {
			return startServer(t, Config{DataDir: dataDir(t)}).process.Pid
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := dataDir(t)
			first := startServer(t, Config{DataDir: dir})
			writeNote(t, first.URL())
			files := map[string]string{}
			for _, file := range []string{"postmaster.pid", ".s.PGSQL.5432.lock"} {
				text, err := os.ReadFile(filepath.Join(dir, file))
				must(t, err)
				files[file] = string(text)
			}
			stopServer(t, first)
			pid := start(t, dir, first.data.account)
			for file, text := range files {
				_, rest, _ := strings.Cut(text, "\n")
				path := filepath.Join(dir, file)
				must(t, os.WriteFile(path, []byte(strconv.Itoa(pid)+"\n"+rest), 0o600))
				must(t, first.data.account.chown(path))
			}

			wantNote(t, startServer(t, Config{DataDir: dir}).URL())
			if hasEnded(pid) {
				t.Error("the other process was stopped")
			}
		})
	}
}

func TestStart_EmptyLockFile_IsRemoved(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	// PostgreSQL itself refuses to start if the file is empty.
	must(t, os.WriteFile(filepath.Join(dir, "postmaster.pid"), nil, 0o600))
	startServer(t, Config{DataDir: dir})
}

func TestStart_KilledDuringInitdb_StartsOver(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "pg")
	h := startHelper(t, exec.Command(os.Args[0]), dir)
	eventually(t, "an incomplete database", func() bool {
		half, err := filepath.Glob(dir + ".init-*/data/PG_VERSION")
		return err == nil && len(half) == 1
	})
	h.kill9(t)
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Fatalf("an incomplete data directory is in place: %v", err)
	}

	server := startServer(t, Config{DataDir: dir})
	if got := query(t, server.URL(), "SELECT 'complete'"); got != "complete" {
		t.Errorf("answers %q", got)
	}
	if want := []string{"pg", "pg.lock"}; !slices.Equal(siblings(t, dir), want) {
		t.Errorf("left %q, want %q", siblings(t, dir), want)
	}
}

func TestStart_KilledBeforeCreateDatabase_CreatesIt(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startServer(t, Config{DataDir: dir})
	admin := strings.Replace(first.URL(), "/noetl_catalog", "/postgres", 1)
	if _, err := connect(t, admin).Exec(testContext(t), "DROP DATABASE noetl_catalog"); err != nil {
		t.Fatal(err)
	}
	stopServer(t, first)
	if got := query(t, startServer(t, Config{DataDir: dir}).URL(), "SELECT current_database()"); got != "noetl_catalog" {
		t.Errorf("connected to %q", got)
	}
}

func TestStart_Ephemeral_RemovesDirectoriesOfKilledServers(t *testing.T) {
	t.Parallel()
	h := startHelper(t, exec.Command(os.Args[0]), "ephemeral")
	dir := h.awaitLine(t, "in")
	h.awaitLine(t, "ready")
	living := startServer(t, Config{Ephemeral: true})
	h.kill9(t)
	eventually(t, "the end of the orphan", func() bool { return len(runningIn(t, dir)) == 0 })

	startServer(t, Config{Ephemeral: true})
	if _, err := os.Stat(filepath.Dir(dir)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the directory of the killed server remains: %v", err)
	}
	if got := query(t, living.URL(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("the running server answers %q", got)
	}
}

func TestNewProcess_ParsesCommandLines(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]process{
		"/bin/postgres -D /d -c cluster_name=noetl-catalog/42 -c fsync=on": {pid: 1, parent: 2, postmaster: true, starter: 42},
		"/bin/postgres -D /d -c cluster_name=noetl-catalog/42":             {pid: 1, parent: 2, postmaster: true, starter: 42},
		"/bin/postgres -D /d -c cluster_name=noetl-catalog/":               {pid: 1, parent: 2, postmaster: true},
		"/bin/postgres -D /d":                         {pid: 1, parent: 2, postmaster: true},
		"postgres: noetl-catalog/42: checkpointer   ": {pid: 1, parent: 2},
		"": {pid: 1, parent: 2},
	} {
		if diff := cmp.Diff(want, newProcess(1, 2, line), cmp.AllowUnexported(process{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	}
}
