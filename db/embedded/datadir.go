package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The names of our files in the data directory.
const (
	logName      = "postgres.log"
	passwordName = "noetl-catalog.password"
	urlName      = "connection.url"
)

// lockSuffix makes the name of a data directory that of its lock file.
const lockSuffix = ".lock"

// Where an ephemeral data directory is: in a directory of this pattern in the
// one for temporary files, under this name.
const (
	ephemeralPattern = "noetl-catalog-*"
	ephemeralName    = "postgres"
)

// maxSocketPath is the longest path of a Unix socket, in bytes, on the
// strictest system (104 with the closing zero).
const maxSocketPath = 103

// maxLogSize is how long the log may be, in bytes, before a start sets it
// aside.
const maxLogSize = 10 << 20

// errLocked is tryLock's where another process has the lock.
var errLocked = errors.New("locked by another process")

// dataDirectory is one that we hold the lock of.
type dataDirectory struct {
	dir     string // absolute
	account *account
	lock    *os.File
	// scratch are directories to delete in the end: the whole of an ephemeral
	// place, or a socket directory outside the data directory.
	scratch []string
}

// takeDataDirectory finds the data directory and whose it is, makes its parents, and
// locks it. The directory itself need not exist.
func takeDataDirectory(cfg Config) (*dataDirectory, error) {
	if cfg.Ephemeral {
		return takeEphemeral()
	}
	dir, who, err := locate(cfg.DataDir)
	if err != nil {
		return nil, err
	}
	p := &dataDirectory{dir: dir, account: who}
	parent := filepath.Dir(dir)
	if err := makeParents(parent, who); err != nil {
		return nil, fmt.Errorf("making the directory of the data directory: %w", err)
	}
	if err := p.account.checkTraversable(parent); err != nil {
		return nil, err
	}
	if err := p.takeLock(); err != nil {
		return nil, err
	}
	return p, nil
}

func takeEphemeral() (*dataDirectory, error) {
	who, err := chooseAccount("")
	if err != nil {
		return nil, err
	}
	removeAbandoned()
	scratch, err := os.MkdirTemp("", ephemeralPattern)
	if err != nil {
		return nil, fmt.Errorf("making a temporary directory: %w", err)
	}
	p := &dataDirectory{dir: filepath.Join(scratch, ephemeralName), account: who, scratch: []string{scratch}}
	err = who.own(scratch)
	if err == nil {
		err = who.checkTraversable(scratch)
	}
	if err == nil {
		err = p.takeLock()
	}
	if err != nil {
		return nil, errors.Join(err, p.leave())
	}
	return p, nil
}

// removeAbandoned removes the temporary directories of killed processes, as far
// as it may. One that is in the making has no process id in its lock file yet.
func removeAbandoned() {
	// The pattern is well formed; Glob has no other error.
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), ephemeralPattern, ephemeralName+lockSuffix))
	for _, path := range locks {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil || pid <= 0 || processExists(pid) {
			continue
		}
		living, err := processesOf(strings.TrimSuffix(path, lockSuffix))
		if err == nil && len(living) == 0 {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
}

// locate resolves the data directory and the account that PostgreSQL will run
// as there (nil: ourselves).
func locate(dataDir string) (string, *account, error) {
	if dataDir != "" {
		dir, err := filepath.Abs(dataDir)
		if err != nil {
			return "", nil, fmt.Errorf("data directory %q: %w", dataDir, err)
		}
		who, err := chooseAccount(dir)
		return dir, who, err
	}
	if xdg := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(xdg) {
		dir := filepath.Join(xdg, "noetl-catalog", "postgres")
		who, err := chooseAccount(dir)
		return dir, who, err
	}
	home, err := os.UserHomeDir()
	if err == nil {
		dir := filepath.Join(home, ".local", "share", "noetl-catalog", "postgres")
		who, err := chooseAccount(dir)
		if err != nil || who.checkTraversable(filepath.Dir(dir)) == nil {
			return dir, who, err
		}
	}
	if os.Geteuid() != 0 {
		return "", nil, fmt.Errorf("no place for the data directory: %w; give one with --data-dir", err)
	}
	// Root's home is closed to the account that PostgreSQL runs as.
	dir := filepath.Join("/var/lib", "noetl-catalog", "postgres")
	who, err := chooseAccount(dir)
	return dir, who, err
}

// makeParents is MkdirAll, where each new directory belongs to the owner of the
// one it is made in (root may be at work in a user's home) and, for root, can
// be passed through by the account.
func makeParents(dir string, who *account) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a directory", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(dir), who); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if who == nil {
		return nil
	}
	parent, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	uid, gid := ownerOf(parent)
	if err := os.Lchown(dir, int(uid), int(gid)); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // others must pass through to the data directory, which is 0700
}

// takeLock locks the file beside the data directory. The system lets go of the
// lock when this process ends, however it ends.
func (p *dataDirectory) takeLock() error {
	path := p.dir + lockSuffix
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return fmt.Errorf("opening the lock file beside the data directory: %w; "+
			"choose a data directory in a directory that is yours", err)
	}
	err = tryLock(f)
	// A program that this process is just starting holds what the process has
	// open until it runs: a lock that was let go of may seem held for a moment.
	for try := 0; errors.Is(err, errLocked) && try < 20; try++ {
		time.Sleep(10 * time.Millisecond)
		err = tryLock(f)
	}
	if err != nil {
		holder, _ := io.ReadAll(io.LimitReader(f, 20))
		_ = f.Close()
		if !errors.Is(err, errLocked) {
			return fmt.Errorf("locking %s: %w", path, err)
		}
		return fmt.Errorf("%w: another server (process %s) is running in %s; "+
			"stop it, or choose another data directory", ErrInUse, strings.TrimSpace(string(holder)), p.dir)
	}
	p.lock = f
	err = errors.Join(
		p.account.ownFile(f),
		f.Truncate(0),
		writeAt(f, strconv.Itoa(os.Getpid())+"\n"),
	)
	if err != nil {
		return errors.Join(fmt.Errorf("writing %s: %w", path, err), p.leave())
	}
	return nil
}

func writeAt(f *os.File, text string) error {
	_, err := f.WriteAt([]byte(text), 0)
	return err
}

// leave deletes what was temporary and gives up the lock. The lock file stays:
// whoever deletes a lock file can delete the one another process just locked.
func (p *dataDirectory) leave() error {
	var errs []error
	for _, dir := range p.scratch {
		errs = append(errs, os.RemoveAll(dir))
	}
	if p.lock != nil {
		errs = append(errs, p.lock.Close())
	}
	p.scratch, p.lock = nil, nil
	return errors.Join(errs...)
}

// major is the PostgreSQL major that the data directory is of; 0 where there is
// none yet and one can be made.
func (p *dataDirectory) major() (int, error) {
	entries, err := os.ReadDir(p.dir)
	if errors.Is(err, fs.ErrNotExist) || err == nil && len(entries) == 0 {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the data directory: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(p.dir, "PG_VERSION"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("%s is not empty and holds no PostgreSQL database; it is left as it is, "+
			"choose another data directory", p.dir)
	}
	if err != nil {
		return 0, fmt.Errorf("reading the data directory's version: %w", err)
	}
	major, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || major < 1 {
		return 0, fmt.Errorf("%s holds no version but %q; the data directory is damaged or not PostgreSQL's",
			filepath.Join(p.dir, "PG_VERSION"), text)
	}
	if _, err := os.Lstat(p.passwordFile()); errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("the PostgreSQL database in %s was not made by this program (%s is missing); "+
			"run it yourself and give its URL with --database-url, or choose another data directory",
			p.dir, passwordName)
	}
	return major, p.account.checkOwner(p.dir)
}

func (p *dataDirectory) passwordFile() string { return filepath.Join(p.dir, passwordName) }

func (p *dataDirectory) password() (string, error) {
	text, err := p.inside(func(root *os.Root) ([]byte, error) { return root.ReadFile(passwordName) })
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("%s is empty", p.passwordFile())
	}
	return password, nil
}

// inside does something in the data directory that cannot be led out of it by
// a symbolic link: the directory may belong to another user than we are.
func (p *dataDirectory) inside(do func(*os.Root) ([]byte, error)) ([]byte, error) {
	root, err := os.OpenRoot(p.dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	return do(root)
}

// writeURL writes connection.url, whole or not at all.
func (p *dataDirectory) writeURL(connURL string) error {
	const temporary = urlName + ".new"
	_, err := p.inside(func(root *os.Root) ([]byte, error) {
		if err := root.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		_, err = f.WriteString(connURL + "\n")
		if err := errors.Join(err, p.account.ownFile(f), f.Close()); err != nil {
			return nil, err
		}
		return nil, root.Rename(temporary, urlName)
	})
	if err != nil {
		return fmt.Errorf("writing %s: %w", urlName, err)
	}
	return nil
}

// makeSocketDir is the directory for the socket: the data directory, which is
// private and 0700, or where its path cannot be a socket's a private one in the
// directory for temporary files. Its name is derived from the data directory's,
// so that the URL stays the same.
func (p *dataDirectory) makeSocketDir(port int) (string, error) {
	if socketFits(p.dir, port) {
		return p.dir, nil
	}
	sum := sha256.Sum256([]byte(p.dir))
	name := fmt.Sprintf("noetl-catalog-%d-%s", p.account.id(), hex.EncodeToString(sum[:6]))
	dir := filepath.Join(os.TempDir(), name)
	if !socketFits(dir, port) {
		return "", fmt.Errorf("the path of a Unix socket has at most %d bytes and no comma, so none can be in %s or in %s; "+
			"choose a data directory with a shorter path", maxSocketPath, p.dir, os.TempDir())
	}
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = p.account.own(dir)
	} else if errors.Is(err, fs.ErrExist) {
		// An earlier run of ours left it, or somebody wants our connections.
		err = checkPrivate(dir, p.account)
	}
	if err != nil {
		return "", fmt.Errorf("making a directory for the socket: %w", err)
	}
	p.scratch = append(p.scratch, dir)
	return dir, nil
}

// socketFits says whether a socket can be made in a directory and, since a
// comma ends the path in a URL, connected to.
func socketFits(dir string, port int) bool {
	return len(filepath.Join(dir, socketName(port))) <= maxSocketPath && !strings.Contains(dir, ",")
}

func socketName(port int) string { return fmt.Sprintf(".s.PGSQL.%d", port) }

func checkPrivate(dir string, who *account) error {
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	uid, _ := ownerOf(info)
	if !info.IsDir() || info.Mode().Perm() != 0o700 || uid != who.id() {
		return fmt.Errorf("%s exists and is not a private directory of user %d; remove it", dir, who.id())
	}
	return nil
}

// removeStale removes the lock files of a PostgreSQL that is gone where they
// would stop the next one: PostgreSQL refuses to start while any process has
// the id in them, be it a zombie or another program. We hold the directory's
// lock and know that no PostgreSQL lives in it. A file whose process is plainly
// gone is left to PostgreSQL, which also looks whether the shared memory it
// names is still in use.
func (p *dataDirectory) removeStale(socketDir string, port int) {
	for _, path := range []string{
		filepath.Join(p.dir, "postmaster.pid"),
		filepath.Join(socketDir, socketName(port)+".lock"),
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		first, _, _ := bytes.Cut(text, []byte("\n"))
		pid, err := strconv.Atoi(strings.TrimSpace(string(first)))
		if err != nil || pid <= 0 || processExists(pid) {
			// If it cannot be removed, PostgreSQL says so better than we can.
			_ = os.Remove(path)
		}
	}
}

// logFile is PostgreSQL's log; it knows where this run begins in it.
type logFile struct {
	*os.File
	path  string
	start int64
}

func (p *dataDirectory) openLog() (*logFile, error) {
	log := &logFile{path: filepath.Join(p.dir, logName)}
	_, err := p.inside(func(root *os.Root) ([]byte, error) {
		if info, err := root.Lstat(logName); err == nil && info.Size() > maxLogSize {
			if err := root.Rename(logName, logName+".old"); err != nil {
				return nil, err
			}
		}
		f, err := root.OpenFile(logName, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
		if err != nil {
			return nil, err
		}
		info, err := f.Stat()
		if err := errors.Join(err, p.account.ownFile(f)); err != nil {
			_ = f.Close()
			return nil, err
		}
		log.File, log.start = f, info.Size()
		return nil, nil
	})
	if err != nil {
		return nil, fmt.Errorf("opening PostgreSQL's log: %w", err)
	}
	return log, nil
}

// tail is the end of what this run of PostgreSQL logged, to close an error
// message with; empty where that is nothing.
func (l *logFile) tail() string {
	const most = 4096
	f, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	from := max(l.start, info.Size()-most)
	text, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if err != nil {
		return ""
	}
	if trimmed := strings.TrimSpace(string(text)); trimmed != "" {
		return fmt.Sprintf("\n%s ends with:\n%s", l.path, trimmed)
	}
	return ""
}
