//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/noetl/noetl-catalog/internal/await"
)

func TestStart_NewDirectory_PrivateDurableDatabase(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(openDir(t), "new", "pg")
	var lines []string
	server := startServer(t, Config{DataDir: dir, Progress: func(line string) { lines = append(lines, line) }})

	lines = slices.DeleteFunc(lines, isSlowStart)
	if want := []string{"initialising a new database in " + dir}; !slices.Equal(lines, want) {
		t.Errorf("progress %q, want %q", lines, want)
	}
	got := map[string]string{}
	for _, setting := range []string{
		"fsync", "full_page_writes", "synchronous_commit", "listen_addresses", "TimeZone", "log_timezone",
		"server_encoding", "password_encryption", "unix_socket_permissions", "port",
	} {
		got[setting] = query(t, server.URL(), "SHOW "+setting)
	}
	got["collation"] = query(t, server.URL(),
		"SELECT datcollate || ' ' || datctype FROM pg_database WHERE datname = current_database()")
	got["user and database"] = query(t, server.URL(), "SELECT current_user || ' ' || current_database()")
	want := map[string]string{
		"fsync": "on", "full_page_writes": "on", "synchronous_commit": "on", "listen_addresses": "",
		"TimeZone": "UTC", "log_timezone": "UTC", "server_encoding": "UTF8",
		"password_encryption": "scram-sha-256", "unix_socket_permissions": "0700", "port": "5432",
		"collation": "C C", "user and database": "noetl noetl_catalog",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-want +got):\n%s", diff)
	}

	for name, want := range map[string]fs.FileMode{
		"": 0o700, urlName: 0o600, passwordName: 0o600, logName: 0o600,
	} {
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%q has mode %04o, want %04o", name, got, want)
		}
		if uid, _ := ownerOf(info); uid != server.data.account.id() {
			t.Errorf("%q belongs to user %d, want %d", name, uid, server.data.account.id())
		}
	}
	text, err := os.ReadFile(filepath.Join(dir, urlName))
	must(t, err)
	if string(text) != server.URL()+"\n" {
		t.Errorf("%s contains %q, want the URL", urlName, text)
	}
	if want := []string{"pg", "pg.lock"}; !slices.Equal(siblings(t, dir), want) {
		t.Errorf("beside the data directory: %q, want %q", siblings(t, dir), want)
	}
}

func TestStart_EditedConfigurationFile_IsOverridden(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	conf, err := os.OpenFile(filepath.Join(dir, "postgresql.conf"), os.O_APPEND|os.O_WRONLY, 0)
	must(t, err)
	_, err = conf.WriteString("fsync = off\nlisten_addresses = '*'\ntimezone = 'Asia/Tokyo'\nlogging_collector = on\n")
	must(t, errors.Join(err, conf.Close()))

	server := startServer(t, Config{DataDir: dir})
	for setting, want := range map[string]string{
		"fsync": "on", "listen_addresses": "", "TimeZone": "UTC", "logging_collector": "off",
	} {
		if got := query(t, server.URL(), "SHOW "+setting); got != want {
			t.Errorf("%s is %q, want %q", setting, got, want)
		}
	}
}

func TestStart_NoOrWrongPassword_IsRefused(t *testing.T) {
	t.Parallel()
	server := startServer(t, Config{DataDir: dataDir(t)})

	u, err := url.Parse(server.URL())
	must(t, err)
	for _, user := range []*url.Userinfo{url.User("noetl"), url.UserPassword("noetl", "guess")} {
		u.User = user
		err := tryConnection(testContext(t), u.String())
		var refused *pgconn.PgError
		if !errors.As(err, &refused) || refused.Code != "28P01" {
			t.Errorf("as %s: error %v, want 28P01", user, err)
		}
	}
}

func TestStart_Again_KeepsDataAndURL(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startServer(t, Config{DataDir: dir})
	writeNote(t, first.URL())
	stopServer(t, first)

	second := startServer(t, Config{DataDir: dir})
	wantNote(t, second.URL())
	if first.URL() != second.URL() {
		t.Errorf("the URL changed from %s to %s", first.URL(), second.URL())
	}
}

func TestStart_SecondServer_IsRefused(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startServer(t, Config{DataDir: dir})

	_, err := Start(testContext(t), Config{DataDir: dir})
	if !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), dir) ||
		!strings.Contains(err.Error(), fmt.Sprintf("process %d)", os.Getpid())) {
		t.Errorf("error %v, want ErrInUse with the directory and the process", err)
	}
	if got := query(t, first.URL(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("the first server answers %q", got)
	}
}

func TestStart_ManyAtOnce_OneWins(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var wg sync.WaitGroup
	results := make([]error, 4)
	servers := make([]*Server, len(results))
	for i := range results {
		wg.Go(func() { servers[i], results[i] = Start(testContext(t), Config{DataDir: dir}) })
	}
	wg.Wait()
	won := 0
	for i, err := range results {
		switch {
		case err == nil:
			won++
			stopServer(t, servers[i])
		case !errors.Is(err, ErrInUse):
			t.Errorf("error %v, want ErrInUse", err)
		}
	}
	if won != 1 {
		t.Errorf("%d servers started, want 1", won)
	}
}

func TestStart_LockFileDeleted_RunningServerContinues(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	first := startServer(t, Config{DataDir: dir})
	must(t, os.Remove(dir+".lock"))

	if _, err := Start(testContext(t), Config{DataDir: dir}); !errors.Is(err, ErrInUse) {
		t.Errorf("error %v, want ErrInUse", err)
	}
	if got := query(t, first.URL(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("the first server answers %q", got)
	}
}

func TestStart_OtherMajor_IsRefusedAndDataIsUntouched(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.WriteFile(filepath.Join(dir, "PG_VERSION"), []byte("99\n"), 0o600))
	before := tree(t, dir)

	_, err := Start(testContext(t), Config{DataDir: dir, Download: true})
	if !errors.Is(err, ErrNotInstalled) || !strings.Contains(err.Error(), "apt-get install postgresql-99") {
		t.Errorf("error %v, want ErrNotInstalled and how to install 99", err)
	}
	installed, err := newFinder(Config{}, nil).find(testContext(t), 0)
	must(t, err)
	if _, err := Start(testContext(t), Config{DataDir: dir, BinDir: installed.BinDir}); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("with --postgres-bin: error %v, want ErrNotInstalled", err)
	}
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("the data directory changed (-before +after):\n%s", diff)
	}
}

// tree describes every file below a directory.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var lines []string
	must(t, filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		lines = append(lines, fmt.Sprintf("%s %v %d %v", path, info.Mode(), info.Size(), info.ModTime()))
		return nil
	}))
	return lines
}

func TestStart_DirectoryNotOurs_IsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"not PostgreSQL's": {map[string]string{"thesis.txt": "x"}, "holds no PostgreSQL database"},
		"made by others":   {map[string]string{"PG_VERSION": "15\n"}, "was not made by this program"},
		"damaged":          {map[string]string{"PG_VERSION": ""}, "no version"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			for file, content := range test.files {
				must(t, os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600))
			}
			before := tree(t, dir)
			_, err := Start(testContext(t), Config{DataDir: dir})
			if os.Remove(dir+".lock") == nil {
				t.Error("a lock file was left beside the directory")
			}
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
				t.Errorf("the directory changed (-before +after):\n%s", diff)
			}
		})
	}
}

func TestStart_PathTooLongForASocket_SocketIsElsewhere(t *testing.T) {
	t.Parallel()
	short := dataDir(t)
	dir := filepath.Join(filepath.Dir(short), strings.Repeat("long", 30))
	must(t, os.Rename(short, dir))

	server := startServer(t, Config{DataDir: dir})
	socket := query(t, server.URL(), "SHOW unix_socket_directories")
	socket = strings.Trim(socket, `"`)
	info, err := os.Stat(socket)
	must(t, err)
	if socket == dir || info.Mode().Perm() != 0o700 || len(socket)+len("/.s.PGSQL.5432") > 103 {
		t.Errorf("the socket is in %s, mode %v", socket, info.Mode())
	}
	stopServer(t, server)
	if _, err := os.Stat(socket); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the socket's directory remains: %v", err)
	}

	// Another user has created the directory, to accept our connections.
	must(t, os.Mkdir(socket, 0o700))
	t.Cleanup(func() { os.RemoveAll(socket) })
	must(t, os.Chown(socket, 12345, 12345))
	if _, err := Start(testContext(t), Config{DataDir: dir}); err == nil || !strings.Contains(err.Error(), "not a private directory") {
		t.Errorf("error %v, want one about the directory of the socket", err)
	}
	if _, err := os.Stat(socket); err != nil {
		t.Errorf("the other user's directory was removed: %v", err)
	}
}

func TestMakeSocketDir_NoShortPath_Error(t *testing.T) {
	long := filepath.Join(openDir(t), strings.Repeat("long", 30))
	t.Setenv("TMPDIR", long)
	_, err := (&dataDirectory{dir: long}).makeSocketDir(5432)
	if err == nil || !strings.Contains(err.Error(), "shorter path") {
		t.Errorf("error %v, want advice to choose a shorter path", err)
	}
}

func TestStart_PathOfUnusualCharacters_WorksForPgxAndLibpq(t *testing.T) {
	t.Parallel()
	for _, name := range []string{`a "b" [c]* %41&d=é+f`, "a,b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plain := dataDir(t)
			dir := filepath.Join(filepath.Dir(plain), name)
			must(t, os.Rename(plain, dir))
			server := startServer(t, Config{DataDir: dir})
			if got := query(t, server.URL(), "SHOW data_directory"); got != dir {
				t.Errorf("data directory %q, want %q", got, dir)
			}
			psql := filepath.Join(server.BinDir(), "psql")
			if !isExecutable(psql) {
				t.Skip("no psql beside postgres")
			}
			out, err := exec.Command(psql, server.URL(), "-XAtc", "SELECT 'alive'").CombinedOutput()
			if err != nil || string(out) != "alive\n" {
				t.Errorf("psql: %v\n%s", err, out)
			}
		})
	}
}

func TestStart_Port_ListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	// A port that has just been free.
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	port := listener.Addr().(*net.TCPAddr).Port
	must(t, listener.Close())

	server := startServer(t, Config{DataDir: dataDir(t), Port: port})
	if got := query(t, server.URL(), "SHOW listen_addresses"); got != "127.0.0.1" {
		t.Errorf("listens on %q", got)
	}
	u, err := url.Parse(server.URL())
	must(t, err)
	u.Host, u.RawQuery = fmt.Sprintf("127.0.0.1:%d", port), ""
	if got := query(t, u.String(), "SELECT 'over TCP'"); got != "over TCP" {
		t.Errorf("answers %q", got)
	}
}

func TestStart_Ephemeral_IsFastAndLeavesNothing(t *testing.T) {
	t.Parallel()
	server := startServer(t, Config{Ephemeral: true, Settings: map[string]string{"max_connections": "17"}})
	for setting, want := range map[string]string{
		"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "17",
	} {
		if got := query(t, server.URL(), "SHOW "+setting); got != want {
			t.Errorf("%s is %s, want %s", setting, got, want)
		}
	}
	stopServer(t, server)
	if _, err := os.Stat(filepath.Dir(server.DataDir())); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the temporary directory remains: %v", err)
	}
}

func TestStart_WrongConfig_IsRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		cfg  Config
		want string
	}{
		"ephemeral with a directory": {Config{Ephemeral: true, DataDir: "/data"}, "is deleted in the end"},
		"port":                       {Config{Port: 70000}, "want 1 to 65535"},
		"own setting":                {Config{Settings: map[string]string{"Listen_Addresses": "*"}}, "cannot be changed"},
		"setting in a setting":       {Config{Settings: map[string]string{"a=b": "c"}}, "not the name of a setting"},
		"no such bin directory":      {Config{BinDir: "/nowhere", Ephemeral: true}, "no program postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Start(testContext(t), test.cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestStart_PostgreSQLRefuses_ErrorEndsWithItsLog(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	_, err := Start(testContext(t), Config{DataDir: dir, Settings: map[string]string{"shared_buffers": "plenty"}})
	if err == nil || !strings.Contains(err.Error(), `invalid value for parameter "shared_buffers": "plenty"`) {
		t.Errorf("error %v, want PostgreSQL's message", err)
	}
	// The failed start leaves nothing that prevents the next.
	startServer(t, Config{DataDir: dir})
}

func TestStart_PasswordFileReplaced_ErrorNamesIt(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	must(t, os.WriteFile(filepath.Join(dir, passwordName), []byte("guess\n"), 0o600))
	_, err := Start(testContext(t), Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "the password in "+filepath.Join(dir, passwordName)) {
		t.Errorf("error %v, want the password's file", err)
	}
	if running := runningIn(t, dir); len(running) != 0 {
		t.Errorf("%d processes remain", len(running))
	}
}

func TestStart_ContextEnds_LeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("while the database is made", func(t *testing.T) {
		t.Parallel()
		dir := filepath.Join(openDir(t), "pg")
		ctx, cancel := context.WithCancel(testContext(t))
		_, err := Start(ctx, Config{DataDir: dir, Progress: func(string) { cancel() }})
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context canceled", err)
		}
		if want := []string{"pg.lock"}; !slices.Equal(siblings(t, dir), want) {
			t.Errorf("left %q, want %q", siblings(t, dir), want)
		}
	})
	t.Run("while PostgreSQL starts", func(t *testing.T) {
		t.Parallel()
		dir := dataDir(t)
		ctx, cancel := context.WithCancel(testContext(t))
		cancel()
		s := &Server{data: &dataDirectory{dir: dir}, exited: make(chan struct{}), url: "postgres://nobody@/x?host=/nowhere"}
		if err := s.awaitReady(ctx, func() {}, ""); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v, want context canceled", err)
		}
	})
}

func TestStart_AsOrdinaryUser_UsesTheHomeDirectory(t *testing.T) {
	t.Parallel()
	who, err := chooseAccount("")
	must(t, err)
	if who == nil {
		t.Skip("we are an ordinary user, as in the other tests")
	}
	home := openDir(t)
	must(t, who.chown(home))
	// The account cannot read the test binary in its directory.
	binary := filepath.Join(openDir(t), "embedded.test")
	out, err := exec.Command("cp", os.Args[0], binary).CombinedOutput()
	if err != nil {
		t.Fatalf("copying the test binary: %v\n%s", err, out)
	}
	cmd := exec.Command(binary)
	cmd.Dir = home
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home}
	cmd.SysProcAttr = childAttributes(who, syscall.SIGKILL)
	h := startHelper(t, cmd, "")
	h.awaitLine(t, "ready")

	text, err := os.ReadFile(filepath.Join(home, ".local/share/noetl-catalog/postgres/connection.url"))
	must(t, err)
	if got := query(t, strings.TrimSpace(string(text)), "SELECT 'alive'"); got != "alive" {
		t.Errorf("answers %q", got)
	}
	must(t, h.stdin.Close())
	if err := h.cmd.Wait(); err != nil {
		t.Errorf("the server did not stop cleanly: %v", err)
	}
}

func TestStop_ManyTimes_ShutsDownOnce(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := startServer(t, Config{DataDir: dir})
	idle := connect(t, server.URL())

	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if err := server.Stop(context.Background()); err != nil {
				t.Errorf("Stop: %v", err)
			}
		})
	}
	wg.Wait()
	select {
	case <-server.Exited():
	default:
		t.Error("Exited is not closed")
	}
	if err := server.Err(); err != nil {
		t.Errorf("Err is %v, want nil", err)
	}
	if err := idle.Ping(testContext(t)); err == nil {
		t.Error("a connection outlived the server")
	}
	if running := runningIn(t, dir); len(running) != 0 {
		t.Errorf("%d processes remain", len(running))
	}
	log, err := os.ReadFile(filepath.Join(dir, logName))
	must(t, err)
	if !strings.HasSuffix(strings.TrimSpace(string(log)), "database system is shut down") {
		t.Errorf("the log does not end with a shutdown:\n%s", log)
	}
}

func TestStop_PostgreSQLHangs_IsForcedToEndAndLosesNothing(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := startServer(t, Config{DataDir: dir})
	writeNote(t, server.URL())
	// No shutdown completes without the checkpointer.
	pause(t, processTitled(t, dir, "checkpointer"))

	hurry, cancel := context.WithCancel(context.Background())
	cancel()
	if err := server.Stop(hurry); err == nil || !strings.Contains(err.Error(), "not shut down cleanly") {
		t.Errorf("Stop: %v, want an error that it was forced", err)
	}
	wantNote(t, startServer(t, Config{DataDir: dir}).URL())
}

func TestExited_PostgreSQLIsKilled_ErrHasTheSignal(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := startServer(t, Config{DataDir: dir})
	if err := server.Err(); err != nil {
		t.Errorf("Err is %v while it runs", err)
	}
	writeNote(t, server.URL())
	must(t, server.process.Kill())
	await.Value(t, server.Exited())
	if err := server.Err(); err == nil || !strings.Contains(err.Error(), "ended by itself (signal: killed)") {
		t.Errorf("Err is %v, want how it ended", err)
	}
	stopServer(t, server)
	wantNote(t, startServer(t, Config{DataDir: dir}).URL())
}

func rootOf(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	must(t, err)
	t.Cleanup(func() { root.Close() })
	return root
}

func TestOpenLog_LongLog_IsRenamed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, logName)
	must(t, os.WriteFile(path, nil, 0o600))
	must(t, os.Truncate(path, maxLogSize+1))
	log, err := (&dataDirectory{dir: dir}).openLog(rootOf(t, dir))
	must(t, err)
	defer log.Close()
	if info, err := os.Stat(path); err != nil || info.Size() != 0 {
		t.Errorf("there is no new log: %v", err)
	}
	if info, err := os.Stat(path + ".old"); err != nil || info.Size() != maxLogSize+1 {
		t.Errorf("the old log is not kept: %v", err)
	}
}

func TestOpenLog_LinkOutOfTheDirectory_IsNotFollowed(t *testing.T) {
	t.Parallel()
	dir, victim := t.TempDir(), filepath.Join(t.TempDir(), "victim")
	must(t, os.WriteFile(victim, []byte("precious"), 0o600))
	must(t, os.Symlink(victim, filepath.Join(dir, logName)))
	if log, err := (&dataDirectory{dir: dir}).openLog(rootOf(t, dir)); err == nil {
		log.Close()
		t.Error("a file outside of the data directory was opened as the log")
	}
}
