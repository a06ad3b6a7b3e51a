//go:build linux

package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// fakePostgres creates a directory with programs that only print a version.
func fakePostgres(t *testing.T, dir, version string) string {
	t.Helper()
	must(t, os.MkdirAll(dir, 0o755))
	script := fmt.Sprintf("#!/bin/sh\necho 'postgres (PostgreSQL) %s (Debian)'\n", version)
	for _, program := range []string{"postgres", "initdb"} {
		must(t, os.WriteFile(filepath.Join(dir, program), []byte(script), 0o755))
	}
	return dir
}

// emptyFinder finds nothing.
func emptyFinder(t *testing.T) *finder {
	t.Helper()
	return &finder{
		lookPath: func(string) (string, error) { return "", exec.ErrNotFound },
		cacheDir: t.TempDir(),
		progress: func(string) {},
		fetch: func(context.Context, string, func(string)) (string, error) {
			return "", errors.New("unexpected download")
		},
	}
}

func TestFind_UsualDirectories_NewestByNumber(t *testing.T) {
	t.Parallel()
	usual, other := t.TempDir(), t.TempDir()
	for _, version := range []string{"9.6.24", "15.13", "16.2", "100.1"} {
		fakePostgres(t, filepath.Join(usual, version), version)
	}
	fakePostgres(t, filepath.Join(other, "a"), "16.10")
	fakePostgres(t, filepath.Join(other, "b"), "16.9")
	for _, test := range []struct {
		wanted int
		want   string
	}{
		{0, "100.1"}, {15, "15.13"}, {16, "16.10"},
	} {
		f := emptyFinder(t)
		f.usual = []string{filepath.Join(usual, "*"), filepath.Join(other, "*")}
		found, err := f.find(testContext(t), test.wanted)
		must(t, err)
		if found.Version != test.want {
			t.Errorf("wanted %d: found %s, want %s", test.wanted, found.Version, test.want)
		}
	}
}

func TestFind_Order(t *testing.T) {
	t.Parallel()
	named := fakePostgres(t, t.TempDir(), "15.1")
	inPath := fakePostgres(t, t.TempDir(), "15.2")
	configured := fakePostgres(t, t.TempDir(), "15.3")
	usual := fakePostgres(t, t.TempDir(), "15.4")
	fetched := fakePostgres(t, t.TempDir(), "18.6")
	linked := t.TempDir()
	must(t, os.Symlink(filepath.Join(inPath, "postgres"), filepath.Join(linked, "postgres")))
	pgConfig := filepath.Join(t.TempDir(), "pg_config")
	must(t, os.WriteFile(pgConfig, []byte("#!/bin/sh\necho "+configured+"\n"), 0o755))

	f := emptyFinder(t)
	f.binDir, f.download = named, true
	f.lookPath = func(name string) (string, error) {
		return map[string]string{"postgres": filepath.Join(linked, "postgres"), "pg_config": pgConfig}[name], nil
	}
	f.usual = []string{usual}
	cached := fakePostgres(t, filepath.Join(f.cacheDir, "postgresql-18.5", "native", "bin"), "18.5")
	f.fetch = func(context.Context, string, func(string)) (string, error) { return fetched, nil }

	for _, step := range []struct{ dir, want string }{
		{named, "15.1"},
		{inPath, "15.2"},
		{configured, "15.3"},
		{usual, "15.4"},
		{cached, "18.5"},
		{fetched, "18.6"},
	} {
		found, err := f.find(testContext(t), 0)
		must(t, err)
		if found.Version != step.want || found.BinDir != step.dir {
			t.Errorf("found %+v, want version %s in %s", found, step.want, step.dir)
		}
		// Without this installation, the next one is found.
		f.binDir = ""
		must(t, os.Remove(filepath.Join(step.dir, "initdb")))
	}
	if _, err := f.find(testContext(t), 0); !errors.Is(err, ErrNotInstalled) {
		t.Errorf("error %v, want ErrNotInstalled", err)
	}
}

func TestFind_Nothing_ErrorHasTheCommands(t *testing.T) {
	t.Parallel()
	f := emptyFinder(t)
	f.usual = []string{fakePostgres(t, t.TempDir(), "14.9")}
	_, err := f.find(testContext(t), 0)
	if !errors.Is(err, ErrNotInstalled) {
		t.Fatalf("error %v, want ErrNotInstalled", err)
	}
	for _, want := range []string{
		"no PostgreSQL 15 or newer", "version 14.9 is too old", "sudo apt-get install postgresql",
		"sudo apk add postgresql", "--download-postgres=auto", "--database-url",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error lacks %q:\n%v", want, err)
		}
	}
	if got := installCommands("darwin", 16); len(got) != 1 || got[0] != "brew install postgresql@16" {
		t.Errorf("on macOS: %q", got)
	}
}

func TestFind_MajorWithoutDownload_NotDownloaded(t *testing.T) {
	t.Parallel()
	f := emptyFinder(t)
	f.download = true
	_, err := f.find(testContext(t), 16)
	if !errors.Is(err, ErrNotInstalled) || strings.Contains(err.Error(), "unexpected download") {
		t.Errorf("error %v, want ErrNotInstalled without a download", err)
	}
	if _, err = f.find(testContext(t), fetchedMajor); err == nil || !strings.Contains(err.Error(), "unexpected download") {
		t.Errorf("error %v, want that of the download", err)
	}
}

func TestFind_AccountCannotReachIt_IsSkipped(t *testing.T) {
	t.Parallel()
	closed := t.TempDir()
	must(t, os.Chmod(closed, 0o700))
	f := emptyFinder(t)
	f.account = &account{name: "ada", uid: 12345, gid: 12345}
	f.usual = []string{fakePostgres(t, filepath.Join(closed, "bin"), "15.1")}
	if _, err := f.find(testContext(t), 0); err == nil || !strings.Contains(err.Error(), "user ada") {
		t.Errorf("error %v, want one about user ada", err)
	}
}

func TestParseVersion_OutputOfPostgreSQL(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Installation{
		"postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)\n": {Version: "15.13", Major: 15},
		"postgres (PostgreSQL) 18beta1":                          {Version: "18beta1", Major: 18},
		"postgres (PostgreSQL) 9.6.24":                           {Version: "9.6.24", Major: 9},
		"postgres (PostgreSQL)":                                  {},
		"postgres 15":                                            {},
		"postgres (PostgreSQL) devel":                            {},
	} {
		got, err := parseVersion(text)
		if got != want || (err != nil) != (want == Installation{}) {
			t.Errorf("%q: %+v, %v, want %+v", text, got, err, want)
		}
	}
}
