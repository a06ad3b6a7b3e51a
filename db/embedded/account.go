package embedded

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
)

// account is the user that PostgreSQL runs as if we are root, since it refuses to
// run as root. A nil account means the current user; its methods then do nothing.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// chooseAccount returns the account for a data directory (which need not exist,
// and may be empty): its owner, else the caller of sudo, else the user postgres,
// else nobody. It is nil unless we are root.
func chooseAccount(dataDir string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	return accountFor(dataDir, os.Getenv, user.Lookup)
}

func accountFor(dataDir string, getenv func(string) string, lookup func(string) (*user.User, error)) (*account, error) {
	if info, err := os.Stat(dataDir); err == nil {
		// A directory of root's is empty and made by hand, or is refused later.
		if uid, gid := ownerOf(info); uid != 0 {
			return accountByID(uid, gid), nil
		}
	}
	if uid := parseID(getenv("SUDO_UID")); uid != 0 {
		return accountByID(uid, cmp.Or(parseID(getenv("SUDO_GID")), uid)), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := lookup(name); err == nil && parseID(u.Uid) != 0 {
			return accountByID(parseID(u.Uid), parseID(u.Gid)), nil
		}
	}
	return nil, errors.New("PostgreSQL refuses to run as root and there is neither a user postgres nor nobody; " +
		"run this program as an ordinary user")
}

// parseID parses a user or group id; it is 0, root's, for any other text.
func parseID(text string) uint32 {
	id, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(id)
}

// accountByID returns the account of a user id, with the groups that the system
// has for it; gid is used if the system does not know the user.
func accountByID(uid, gid uint32) *account {
	a := &account{name: strconv.FormatUint(uint64(uid), 10), uid: uid, gid: gid}
	u, err := user.LookupId(a.name)
	if err != nil {
		return a
	}
	a.name, a.gid = u.Username, parseID(u.Gid)
	groups, _ := u.GroupIds()
	for _, group := range groups {
		a.groups = append(a.groups, parseID(group))
	}
	return a
}

// id is the user id that PostgreSQL runs under.
func (a *account) id() uint32 {
	if a == nil {
		return uint32(os.Geteuid()) //nolint:gosec // a user id has 32 bits
	}
	return a.uid
}

// chown makes the account the owner of a file that we just made.
func (a *account) chown(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// chownFile is chown for an open file.
func (a *account) chownFile(f *os.File) error {
	if a == nil {
		return nil
	}
	return f.Chown(int(a.uid), int(a.gid))
}

// writePrivate makes a file with one line that only the account can read.
func (a *account) writePrivate(root *os.Root, name, line string) error {
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(line + "\n")
	return errors.Join(err, a.chownFile(f), f.Sync(), f.Close())
}

// checkOwner reports a data directory of root's more clearly than PostgreSQL
// would.
func (a *account) checkOwner(dataDir string) error {
	if a == nil {
		return nil
	}
	info, err := os.Stat(dataDir)
	if err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if uid, _ := ownerOf(info); uid != a.uid {
		return fmt.Errorf("%s belongs to user %d, as which PostgreSQL does not run; "+
			"give it to another: chown -R %s %s", dataDir, uid, a.name, dataDir)
	}
	return nil
}

// checkTraversable returns an error unless the account can pass through every
// existing directory from the root to dir.
func (a *account) checkTraversable(dir string) error {
	if a == nil {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := a.checkTraversable(parent); err != nil {
			return err
		}
	}
	info, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	needed := fs.FileMode(0o001)
	if uid, gid := ownerOf(info); uid == a.uid {
		needed = 0o100
	} else if gid == a.gid || slices.Contains(a.groups, gid) {
		needed = 0o010
	}
	if info.Mode()&needed == 0 {
		return fmt.Errorf("user %s, as which PostgreSQL runs because root may not, cannot pass through %s (mode %04o); "+
			"choose another directory, or: chmod a+x %s", a.name, dir, info.Mode().Perm(), dir)
	}
	return nil
}
