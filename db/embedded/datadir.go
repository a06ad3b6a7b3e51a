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
	"slices"
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

// postmasterPID is PostgreSQL's lock file in its data directory.
const postmasterPID = "postmaster.pid"

// lockSuffix makes the name of a data directory that of its lock file.
const lockSuffix = ".lock"

// An ephemeral data directory has this name, in a temporary directory of this
// pattern.
const (
	ephemeralPattern = "noetl-catalog-*"
	ephemeralName    = "postgres"
)

// maxSocketPath is the longest path of a Unix socket, in bytes, on the
// strictest system (104 with the closing zero).
const maxSocketPath = 103

// maxLogSize is the size in bytes from which a start renames the log and begins
// another.
const maxLogSize = 10 << 20

// errLocked is tryLock's error if another process has the lock.
var errLocked = errors.New("locked by another process")

// dataDirectory is a data directory whose lock we hold.
type dataDirectory struct {
	dir     string // absolute
	account *account
	lock    *os.File
	// scratch are the directories that release deletes: that of an ephemeral data
	// directory, and one for the socket outside the data directory.
	scratch []string
}

// takeDataDirectory locates the data directory, makes its parents, and locks it.
// The directory itself need not exist.
func takeDataDirectory(cfg Config) (*dataDirectory, error) {
	p := &dataDirectory{}
	err := p.locate(cfg)
	if err == nil {
		err = p.account.checkTraversable(filepath.Dir(p.dir))
	}
	if err == nil {
		_, err = p.major() // before the lock: one that is refused gets no lock file
	}
	if err == nil {
		err = p.takeLock()
	}
	if err != nil {
		return nil, errors.Join(err, p.release())
	}
	return p, nil
}

func (p *dataDirectory) locate(cfg Config) (err error) {
	if !cfg.Ephemeral {
		if p.dir, err = dirOf(cfg.DataDir); err != nil {
			return err
		}
		if p.account, err = chooseAccount(p.dir); err != nil {
			return err
		}
		if err := makeParents(filepath.Dir(p.dir), p.account); err != nil {
			return fmt.Errorf("making the directory of the data directory: %w", err)
		}
		return nil
	}
	if p.account, err = chooseAccount(""); err != nil {
		return err
	}
	removeAbandoned()
	scratch, err := os.MkdirTemp("", ephemeralPattern)
	if err != nil {
		return fmt.Errorf("making a temporary directory: %w", err)
	}
	p.dir, p.scratch = filepath.Join(scratch, ephemeralName), []string{scratch}
	return p.account.chown(scratch)
}

// removeAbandoned tries to remove the temporary directories of killed processes.
// One that is being made has no process id in its lock file yet.
func removeAbandoned() {
	// The pattern is well formed; Glob has no other error.
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), ephemeralPattern, ephemeralName+lockSuffix))
	for _, path := range locks {
		pid, err := readPID(path)
		if err != nil || pid <= 0 || processExists(pid) {
			continue
		}
		living, err := processesOf(strings.TrimSuffix(path, lockSuffix))
		if err == nil && len(living) == 0 {
			_ = os.RemoveAll(filepath.Dir(path))
		}
	}
}

// readPID reads a process id from the first line of a file; it is 0 for any other
// text.
func readPID(path string) (int, error) {
	text, err := os.ReadFile(path)
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, _ := strconv.Atoi(string(bytes.TrimSpace(first)))
	return pid, err
}

// dirOf is the absolute path of the data directory that is configured.
func dirOf(configured string) (string, error) {
	ours := filepath.Join("noetl-catalog", "postgres")
	if configured != "" {
		return filepath.Abs(configured)
	}
	if xdg := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(xdg) {
		return filepath.Join(xdg, ours), nil
	}
	home, err := os.UserHomeDir()
	if err == nil {
		dir := filepath.Join(home, ".local", "share", ours)
		who, err := chooseAccount(dir)
		if err != nil || who.checkTraversable(filepath.Dir(dir)) == nil {
			return dir, err
		}
	}
	if os.Geteuid() != 0 {
		return "", fmt.Errorf("no place for the data directory: %w; give one with --data-dir", err)
	}
	// The account that PostgreSQL runs as cannot enter root's home.
	return filepath.Join("/var/lib", ours), nil
}

// makeParents is MkdirAll, except that for root each new directory belongs to the
// owner of its parent (root may act in a user's home), and the account can pass
// through it.
func makeParents(dir string, who *account) error {
	if who == nil {
		return os.MkdirAll(dir, 0o700)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := makeParents(filepath.Dir(dir), who); err != nil {
		return err
	}
	parent, err := os.Stat(filepath.Dir(dir))
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	uid, gid := ownerOf(parent)
	if err := os.Lchown(dir, int(uid), int(gid)); err != nil {
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // others must pass through to the data directory, which is 0700
}

// takeLock locks the file beside the data directory. The system releases the
// lock when this process ends, however it ends.
func (p *dataDirectory) takeLock() error {
	path := p.dir + lockSuffix
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|noFollow, 0o600)
	if err != nil {
		return fmt.Errorf("opening the lock file beside the data directory: %w; "+
			"choose a data directory in a directory that is yours", err)
	}
	err = tryLock(f)
	// A child of this process has its open files until it calls exec, so a lock
	// that was released may seem held for a moment.
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
	if err := errors.Join(p.account.chownFile(f), f.Truncate(0)); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	if _, err := fmt.Fprintln(f, os.Getpid()); err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// release deletes what was temporary and releases the lock. The lock file stays:
// deleting it could delete one that another process has just locked.
func (p *dataDirectory) release() error {
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

// major is the PostgreSQL major of the data directory; 0 if there is no database
// and one can be made.
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

func (p *dataDirectory) password(root *os.Root) (string, error) {
	text, err := root.ReadFile(passwordName)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	password := strings.TrimSpace(string(text))
	if password == "" {
		return "", fmt.Errorf("%s is empty", p.passwordFile())
	}
	return password, nil
}

// writeURL writes connection.url, whole or not at all, unless it is as it should be:
// PostgreSQL may run on a disk that is too full for a new file.
func (p *dataDirectory) writeURL(root *os.Root, connURL string) error {
	const temporary = urlName + ".new"
	if text, err := root.ReadFile(urlName); err == nil && string(text) == connURL+"\n" {
		return nil
	}
	err := root.Remove(temporary)
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = p.account.writePrivate(root, temporary, connURL)
	}
	if err == nil {
		err = root.Rename(temporary, urlName)
	}
	if err != nil {
		return fmt.Errorf("writing %s: %w", urlName, err)
	}
	return nil
}

// makeSocketDir returns the directory of the socket: the data directory, which is
// private, or, if its path is too long for a socket, a private temporary
// directory. That one's name is derived from the data directory, so that the URL
// stays the same.
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
		err = p.account.chown(dir)
	} else if errors.Is(err, fs.ErrExist) {
		// An earlier run left it, or another user wants our connections.
		err = checkPrivate(dir, p.account)
	}
	if err != nil {
		return "", fmt.Errorf("making a directory for the socket: %w", err)
	}
	if !slices.Contains(p.scratch, dir) {
		p.scratch = append(p.scratch, dir)
	}
	return dir, nil
}

// socketFits reports whether a socket can be made in a directory and, since a
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

// removeStale removes the lock files of a PostgreSQL that has ended if they would
// prevent the next start: PostgreSQL refuses to start while any process, even a
// zombie or another program, has the id in them. We hold the directory's lock,
// and have seen that no PostgreSQL runs in it. If no process has the id, the file
// is left to PostgreSQL, which also checks that the shared memory it names is no
// longer used.
func (p *dataDirectory) removeStale(socketDir string, port int) {
	for _, path := range []string{
		filepath.Join(p.dir, postmasterPID),
		filepath.Join(socketDir, socketName(port)+".lock"),
	} {
		if pid, err := readPID(path); err == nil && (pid <= 0 || processExists(pid)) {
			// If it cannot be removed, PostgreSQL's error is clearer than ours.
			_ = os.Remove(path)
		}
	}
}

// crashed reports whether PostgreSQL is known to have crashed: it removes its lock file
// whenever it shuts down by itself. It may recover in other cases too, as after SIGQUIT.
func (p *dataDirectory) crashed(root *os.Root) bool {
	_, err := root.Lstat(postmasterPID)
	return err == nil
}

// logFile is PostgreSQL's log, which this run begins at start.
type logFile struct {
	*os.File
	path  string
	start int64
}

func (p *dataDirectory) openLog(root *os.Root) (*logFile, error) {
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
	if err := errors.Join(err, p.account.chownFile(f)); err != nil {
		_ = f.Close()
		return nil, err
	}
	return &logFile{File: f, path: filepath.Join(p.dir, logName), start: info.Size()}, nil
}

// tail is the end of what this run of PostgreSQL logged, to end an error message
// with; empty if it logged nothing.
func (l *logFile) tail() string {
	const most = 4096
	f, err := os.Open(l.path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	end, _ := f.Seek(0, io.SeekEnd)
	text, _ := io.ReadAll(io.NewSectionReader(f, max(l.start, end-most), most))
	if text = bytes.TrimSpace(text); len(text) == 0 {
		return ""
	}
	return fmt.Sprintf("\n%s ends with:\n%s", l.path, text)
}
