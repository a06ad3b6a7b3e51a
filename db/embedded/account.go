package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
)

// account is the user that PostgreSQL runs as where we are root, as which it
// refuses to run. A nil account means ourselves; its methods then do nothing.
type account struct {
	name     string
	uid, gid uint32
	groups   []uint32
}

// chooseAccount is the account for a data directory (which need not exist; may
// be empty): its owner, else who called sudo, else user postgres, else nobody.
// It is nil unless we are root.
func chooseAccount(dataDir string) (*account, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	return accountFor(dataDir, os.Getenv, user.Lookup)
}

func accountFor(dataDir string, getenv func(string) string, lookup func(string) (*user.User, error)) (*account, error) {
	if info, err := os.Stat(dataDir); err == nil {
		// One that root owns was made by hand and is still empty, or is
		// refused later on.
		if uid, gid := ownerOf(info); uid != 0 {
			return accountByID(uid, gid), nil
		}
	}
	if uid, err := strconv.ParseUint(getenv("SUDO_UID"), 10, 32); err == nil && uid != 0 {
		gid, err := strconv.ParseUint(getenv("SUDO_GID"), 10, 32)
		if err != nil {
			gid = uid
		}
		return accountByID(uint32(uid), uint32(gid)), nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil || uid == 0 {
			continue
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			continue
		}
		return accountByID(uint32(uid), uint32(gid)), nil
	}
	return nil, errors.New("PostgreSQL refuses to run as root and there is neither a user postgres nor nobody; " +
		"run this program as an ordinary user")
}

// accountByID fills in what the system knows of a user; gid is for one it does
// not know.
func accountByID(uid, gid uint32) *account {
	a := &account{name: strconv.FormatUint(uint64(uid), 10), uid: uid, gid: gid}
	u, err := user.LookupId(a.name)
	if err != nil {
		return a
	}
	a.name = u.Username
	if id, err := strconv.ParseUint(u.Gid, 10, 32); err == nil {
		a.gid = uint32(id)
	}
	groups, err := u.GroupIds()
	if err != nil {
		return a
	}
	for _, group := range groups {
		if id, err := strconv.ParseUint(group, 10, 32); err == nil {
			a.groups = append(a.groups, uint32(id))
		}
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

// own gives the account a file that we just made.
func (a *account) own(path string) error {
	if a == nil {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// ownFile is own for an open file.
func (a *account) ownFile(f *os.File) error {
	if a == nil {
		return nil
	}
	return f.Chown(int(a.uid), int(a.gid))
}

// checkOwner says, before PostgreSQL says it less clearly, that a data
// directory is root's.
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

// checkTraversable says whether the account may pass through every existing
// directory from the root to dir.
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
	if !a.mayEnter(info) {
		return fmt.Errorf("user %s, as which PostgreSQL runs because root may not, cannot pass through %s (mode %04o); "+
			"choose another directory, or: chmod a+x %s", a.name, dir, info.Mode().Perm(), dir)
	}
	return nil
}

func (a *account) mayEnter(dir fs.FileInfo) bool {
	uid, gid := ownerOf(dir)
	mode := dir.Mode().Perm()
	if uid == a.uid {
		return mode&0o100 != 0
	}
	for _, group := range append([]uint32{a.gid}, a.groups...) {
		if group == gid {
			return mode&0o010 != 0
		}
	}
	return mode&0o001 != 0
}
