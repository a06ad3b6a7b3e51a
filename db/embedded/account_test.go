//go:build linux

package embedded

import (
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
)

func requireRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root runs PostgreSQL as another user")
	}
}

func TestAccountFor_Order(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	owned := t.TempDir()
	must(t, os.Chown(owned, 4711, 4712))
	sudo := map[string]string{"SUDO_UID": "5001", "SUDO_GID": "5002"}
	both := map[string]*user.User{"postgres": {Uid: "6001", Gid: "6002"}, "nobody": {Uid: "7001", Gid: "7002"}}
	onlyNobody := map[string]*user.User{"nobody": both["nobody"]}
	for name, test := range map[string]struct {
		dir      string
		env      map[string]string
		users    map[string]*user.User
		uid, gid uint32
	}{
		"owner of the data directory": {owned, sudo, both, 4711, 4712},
		"root's data directory":       {t.TempDir(), sudo, both, 5001, 5002},
		"the caller of sudo":          {"/nowhere", sudo, both, 5001, 5002},
		"root called sudo":            {"/nowhere", map[string]string{"SUDO_UID": "0", "SUDO_GID": "0"}, both, 6001, 6002},
		"user postgres":               {"", nil, both, 6001, 6002},
		"nobody":                      {"", nil, onlyNobody, 7001, 7002},
		"user postgres is root":       {"", nil, map[string]*user.User{"postgres": {Uid: "0", Gid: "0"}, "nobody": both["nobody"]}, 7001, 7002},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := accountFor(test.dir, func(key string) string { return test.env[key] },
				func(name string) (*user.User, error) {
					if u, ok := test.users[name]; ok {
						return u, nil
					}
					return nil, user.UnknownUserError(name)
				})
			must(t, err)
			if got.uid != test.uid || got.gid != test.gid {
				t.Errorf("user %d, group %d, want %d, %d", got.uid, got.gid, test.uid, test.gid)
			}
		})
	}
	if _, err := accountFor("", func(string) string { return "" },
		func(name string) (*user.User, error) { return nil, user.UnknownUserError(name) }); err == nil {
		t.Error("no error without an account")
	}
}

func TestCheckTraversable_ClosedParent_IsNamed(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	top := openDir(t)
	closed := filepath.Join(top, "closed")
	must(t, os.MkdirAll(filepath.Join(closed, "open"), 0o755))
	must(t, os.Chown(closed, 4711, 4712))
	for name, test := range map[string]struct {
		mode os.FileMode
		who  account
		may  bool
	}{
		"others may":                     {0o701, account{uid: 1, gid: 1}, true},
		"others may not":                 {0o710, account{uid: 1, gid: 1}, false},
		"group may":                      {0o710, account{uid: 1, gid: 4712}, true},
		"another group may":              {0o710, account{uid: 1, gid: 1, groups: []uint32{4712}}, true},
		"group may not though others do": {0o701, account{uid: 1, gid: 4712}, false},
		"owner may":                      {0o700, account{uid: 4711, gid: 1}, true},
	} {
		must(t, os.Chmod(closed, test.mode))
		err := test.who.checkTraversable(filepath.Join(closed, "open", "not", "there"))
		if (err == nil) != test.may || err != nil && !strings.Contains(err.Error(), "chmod a+x "+closed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	must(t, os.Chmod(closed, 0o700))
	_, err := Start(testContext(t), Config{DataDir: filepath.Join(closed, "open", "pg")})
	if err == nil || !strings.Contains(err.Error(), "cannot pass through "+closed) {
		t.Errorf("error %v, want the closed directory", err)
	}
}

func TestStart_DataDirectoryOfRoot_IsRefused(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	dir := dataDir(t)
	must(t, os.Chown(dir, 0, 0))
	_, err := Start(testContext(t), Config{DataDir: dir})
	if err == nil || !strings.Contains(err.Error(), "chown -R") {
		t.Errorf("error %v, want the command that corrects it", err)
	}
}

func TestStart_EmptyDirectoryOfRoot_BecomesTheAccounts(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	dir := filepath.Join(openDir(t), "pg")
	must(t, os.Mkdir(dir, 0o755))
	server := startServer(t, Config{DataDir: dir})
	if got := query(t, server.URL(), "SELECT 'alive'"); got != "alive" {
		t.Errorf("answers %q", got)
	}
}

func TestDirOf_NotConfigured_XDGThenHomeThenVarLib(t *testing.T) {
	requireRoot(t)
	open, closed := openDir(t), openDir(t)
	must(t, os.Chmod(closed, 0o700))
	for _, test := range []struct{ xdg, home, want string }{
		{closed, open, closed + "/noetl-catalog/postgres"},
		{"relative", open, open + "/.local/share/noetl-catalog/postgres"},
		{"", open, open + "/.local/share/noetl-catalog/postgres"},
		{"", closed, "/var/lib/noetl-catalog/postgres"},
	} {
		t.Setenv("XDG_DATA_HOME", test.xdg)
		t.Setenv("HOME", test.home)
		dir, err := dirOf("")
		must(t, err)
		if dir != test.want {
			t.Errorf("XDG_DATA_HOME=%q HOME=%q: %s, want %s", test.xdg, test.home, dir, test.want)
		}
	}
}

func TestMakeParents_AsRootInAHome_BelongsToItsOwner(t *testing.T) {
	t.Parallel()
	requireRoot(t)
	home := openDir(t)
	must(t, os.Chown(home, 4711, 4712))
	must(t, makeParents(filepath.Join(home, ".local", "share"), &account{uid: 4711}))
	for _, name := range []string{".local", ".local/share"} {
		info, err := os.Stat(filepath.Join(home, name))
		must(t, err)
		if uid, gid := ownerOf(info); uid != 4711 || gid != 4712 || info.Mode().Perm() != 0o755 {
			t.Errorf("%s belongs to %d:%d, mode %v", name, uid, gid, info.Mode())
		}
	}
}
