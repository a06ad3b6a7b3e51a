//go:build linux

package embedded

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/noetl/noetl-catalog/internal/logtest"

	"github.com/noetl/noetl-catalog/internal/await"
)

// startKeeper keeps PostgreSQL running in dir until the test ends.
func startKeeper(t *testing.T, dir string, log io.Writer) *Keeper {
	t.Helper()
	keeper, err := Keep(testContext(t), Config{DataDir: dir, Logger: slog.New(slog.NewTextHandler(log, nil))})
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- keeper.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(await.Value(t, ended), keeper.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	})
	return keeper
}

// postmaster returns the process id of the PostgreSQL of a data directory once it
// answers.
func postmaster(t *testing.T, dir, url string) int {
	t.Helper()
	eventually(t, "an answer", func() bool { return tryConnection(testContext(t), url) == nil })
	pid, err := readPID(filepath.Join(dir, "postmaster.pid"))
	must(t, err)
	return pid
}

func TestKeeper_KilledTwiceWithinSeconds_StartedAgain(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	keeper := startKeeper(t, dir, io.Discard)
	url := keeper.URL()
	writeNote(t, url)
	for range 3 {
		pid := postmaster(t, dir, url)
		must(t, syscall.Kill(pid, syscall.SIGKILL))
		eventually(t, "the end", func() bool { return hasEnded(pid) })
		if other, err := Start(testContext(t), Config{DataDir: dir}); !errors.Is(err, ErrInUse) {
			t.Errorf("a second server starts meanwhile: %v, %v", other, err)
		}
	}
	postmaster(t, dir, url)
	wantNote(t, url)
}

// A disk that is not mounted looks like an empty or missing data directory. No database
// may be created in it.
func TestKeeper_DataDirectoryMissingForAWhile_StartedWhenItIsBack(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	var log logtest.Buffer
	keeper := startKeeper(t, dir, &log)
	url := keeper.URL()
	writeNote(t, url)
	pid := postmaster(t, dir, url)
	must(t, os.Rename(dir, dir+".away"))
	must(t, syscall.Kill(pid, syscall.SIGKILL))
	eventually(t, "a failed start", func() bool { return strings.Contains(log.String(), "has gone") })
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a data directory was made: %v", err)
	}
	must(t, os.Rename(dir+".away", dir))
	postmaster(t, dir, url)
	wantNote(t, url)
}

func TestKeeper_NoSpaceForWAL_StartedWhenThereIs(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("SKIPPED: filling a disk needs root, to mount one")
	}
	dir, disk := dataDir(t), filepath.Join(openDir(t), "disk")
	must(t, os.Mkdir(disk, 0o700))
	if err := syscall.Mount("tmpfs", disk, "tmpfs", 0, "size=20m"); err != nil {
		t.Skip("SKIPPED: mounting a small disk:", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	wal := filepath.Join(dir, "pg_wal")
	out, err := exec.Command("sh", "-c", `cp -a "$1/." "$2" && rm -r "$1" && ln -s "$2" "$1"`, "sh", wal, disk).CombinedOutput()
	if err != nil {
		t.Fatalf("moving the WAL: %v\n%s", err, out)
	}

	var log logtest.Buffer
	keeper := startKeeper(t, dir, &log)
	url := keeper.URL()
	writeNote(t, url)
	connection := connect(t, url)
	for err == nil { // until PostgreSQL panics
		_, err = connection.Exec(testContext(t), "SELECT pg_logical_emit_message(false, '', repeat('x', 1000000))")
	}
	eventually(t, "a failed start", func() bool {
		return strings.Contains(log.String(), "cannot be started") && strings.Contains(log.String(), "No space left on device")
	})
	must(t, syscall.Mount("tmpfs", disk, "tmpfs", syscall.MS_REMOUNT, "size=200m"))
	postmaster(t, dir, url)
	wantNote(t, url)
}
