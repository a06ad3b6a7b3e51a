package dbtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/embedded"
)

// Own is a PostgreSQL of one test, which may stop or kill it, with a migrated database.
type Own struct{ *embedded.Server }

// NewOwn starts a PostgreSQL, which ends with the test.
func NewOwn(t testing.TB) Own {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Config{Ephemeral: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := db.Migrate(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	return Own{server}
}

// Signal sends a signal to all processes of PostgreSQL, the first one first. It needs
// /proc.
func (o Own) Signal(t testing.TB, signal syscall.Signal) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(o.DataDir(), "postmaster.pid"))
	if err != nil {
		t.Fatal(err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	postmaster, err := strconv.Atoi(first)
	if err := errors.Join(err, syscall.Kill(postmaster, signal)); err != nil {
		t.Fatal(err)
	}
	others, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range others {
		stat, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		var pid, parent int
		var state string
		_, after, _ := strings.Cut(string(stat), ") ")
		_, err = fmt.Sscan(after, &state, &parent)
		if pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(path))); err == nil && parent == postmaster {
			_ = syscall.Kill(pid, signal)
		}
	}
}

// Pause stops PostgreSQL until resume is called, or the test ends.
func (o Own) Pause(t testing.TB) (resume func()) {
	t.Helper()
	o.Signal(t, syscall.SIGSTOP)
	resume = func() { o.Signal(t, syscall.SIGCONT) }
	t.Cleanup(resume)
	return resume
}
