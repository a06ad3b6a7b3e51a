package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// checkout is a git repository for one test.
type checkout struct {
	t   *testing.T
	dir string
}

func newCheckout(t *testing.T) checkout {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	c := checkout{t, dir}
	c.git("init", "-q", "-b", "main")
	return c
}

func (c checkout) git(arguments ...string) string {
	c.t.Helper()
	command := exec.Command("git", arguments...)
	command.Dir = c.dir
	command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null",
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.com", "GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com")
	output, err := command.CombinedOutput()
	if err != nil {
		c.t.Fatalf("git %v: %v\n%s", arguments, err, output)
	}
	return strings.TrimSpace(string(output))
}

func (c checkout) commit(files ...string) string {
	c.t.Helper()
	for i := 0; i < len(files); i += 2 {
		write(c.t, c.dir, files[i], files[i+1])
	}
	c.git("add", "-A")
	c.git("commit", "-q", "--allow-empty", "-m", "x")
	return c.git("rev-parse", "HEAD")
}

// origins returns "location meta" for files within the checkout.
func (c checkout) origins(files ...string) []string {
	c.t.Helper()
	names := make([]string, len(files))
	for i, file := range files {
		names[i] = filepath.ToSlash(filepath.Join(c.dir, file))
	}
	found := originsOf(context.Background(), names, func(line string) { c.t.Log(line) })
	lines := make([]string, len(files))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			c.t.Fatal(err)
		}
		lines[i] = found[name].location + " " + string(found[name].metaOf(text))
	}
	return lines
}

// The origin of a file has its last commit and that commit's author. A modified file is
// marked as dirty.
func TestOrigins_Checkout_CommitAuthorAndRemote(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	write(t, c.dir, "a.yaml", "a")
	if diff := cmp.Diff([]string{`a.yaml {"git":{"dirty":true}}`}, c.origins("a.yaml")); diff != "" {
		t.Errorf("before the first commit (-want +got):\n%s", diff)
	}
	c.git("remote", "add", "backup", "/srv/backup")
	c.git("remote", "add", "origin", "https://ada:secret@example.com/books.git?token=1#x")
	first := c.commit("a.yaml", "a", "sub/é \"b\".yaml", "b", "crlf.yaml", "a: 1\n")
	second := c.commit("c.yaml", "c", "sub/d.yaml", "d")
	third := c.commit("c.yaml", "c2", "other.txt", "")
	write(t, c.dir, "sub/d.yaml", "d changed")
	write(t, c.dir, "new.yaml", "n")
	write(t, c.dir, "crlf.yaml", "a: 1\r\n")
	origin := func(commit string) string {
		return `{"git":{"commit":"` + commit + `","author":"Ada \u003cada@example.com\u003e","remote":"https://example.com/books.git"`
	}
	want := []string{
		"a.yaml " + origin(first) + "}}", "sub/é \"b\".yaml " + origin(first) + "}}", "c.yaml " + origin(third) + "}}",
		"sub/d.yaml " + origin(second) + `,"dirty":true}}`, `new.yaml {"git":{"remote":"https://example.com/books.git","dirty":true}}`,
		"crlf.yaml " + origin(first) + "}}",
	}
	files := []string{"a.yaml", "sub/é \"b\".yaml", "c.yaml", "sub/d.yaml", "new.yaml", "crlf.yaml"}
	if diff := cmp.Diff(want, c.origins(files...)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}

	// The origin of a file changed by a merge itself has the merge commit.
	c.git("checkout", "-q", "--", ".")
	c.git("checkout", "-q", "-b", "side", first)
	c.commit("c.yaml", "side")
	c.git("checkout", "-q", "main")
	c.git("merge", "-q", "-s", "ours", "--no-commit", "side")
	merge := c.commit("c.yaml", "both")
	if diff := cmp.Diff([]string{"c.yaml " + origin(merge) + "}}"}, c.origins("c.yaml")); diff != "" {
		t.Errorf("after a merge (-want +got):\n%s", diff)
	}
}

// The origins are the same for more files than are passed to git by name.
func TestOrigins_ManyFiles_SameAsFew(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	var files, texts []string
	for i := range gitPathspecs + 1 {
		name := fmt.Sprintf("in/deep/%03d.yaml", i)
		files, texts = append(files, name), append(texts, name, name)
	}
	commit := c.commit(texts...)
	c.commit("in/deep/000.yaml", "changed", "z", "")
	for i, line := range c.origins(files...) {
		if strings.Contains(line, commit) != (i > 0) || strings.Contains(line, "dirty") {
			t.Errorf("%s", line)
		}
	}
}

// Nested checkouts are distinguished. Outside of a checkout, the location is the absolute
// path.
func TestOrigins_OtherPlaces_AbsolutePath(t *testing.T) {
	t.Parallel()
	outer := newCheckout(t)
	outer.commit("a.yaml", "a")
	inner := checkout{t, filepath.Join(outer.dir, "inner")}
	write(t, inner.dir, "b.yaml", "b")
	inner.git("init", "-q")
	commit := inner.commit()
	write(t, outer.dir, "bogus/.git/x", "")
	write(t, outer.dir, "bogus/c.yaml", "c")
	got := outer.origins("a.yaml", "inner/b.yaml", "bogus/c.yaml")
	if !strings.HasPrefix(got[0], `a.yaml {"git":{"commit":"`) || !strings.HasPrefix(got[1], `b.yaml {"git":{"commit":"`+commit) {
		t.Errorf("checkouts: %v", got)
	}
	bogus := filepath.ToSlash(filepath.Join(outer.dir, "bogus", "c.yaml")) + " "
	plain := checkout{t, t.TempDir()}
	write(t, plain.dir, "d.yaml", "d")
	write(t, plain.dir, "e\xff.yaml", "e")
	folder := filepath.ToSlash(plain.dir) + "/"
	want := []string{bogus, folder + "d.yaml ", folder + "e\ufffd.yaml "}
	if diff := cmp.Diff(want, append(got[2:], plain.origins("d.yaml", "e\xff.yaml")...)); diff != "" {
		t.Errorf("outside (-want +got):\n%s", diff)
	}
}

// A missing or failing git is not an error.
func TestOrigins_NoGit_AbsolutePath(t *testing.T) {
	c := newCheckout(t)
	c.commit("a.yaml", "a")
	t.Setenv("PATH", t.TempDir())
	name := filepath.ToSlash(filepath.Join(c.dir, "a.yaml"))
	var warnings []string
	found := originsOf(t.Context(), []string{name}, func(line string) { warnings = append(warnings, line) })
	if found[name].location != name || found[name].metaOf([]byte("a")) != nil {
		t.Errorf("%+v", found[name])
	}
	if len(warnings) != 1 || !strings.Contains(warnings[0], "executable file not found") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestWithoutCredentials_Addresses_AsListed(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"https://github.com/noetl/e2e.git":              "https://github.com/noetl/e2e.git",
		"https://user:pass@github.com/noetl/e2e":        "https://github.com/noetl/e2e",
		"https://ghp_token@github.com/noetl/e2e":        "https://github.com/noetl/e2e",
		"HTTPS://x-access-token:t@github.com:8443/a":    "https://github.com:8443/a",
		"https://github.com/a.git?access_token=t#t":     "https://github.com/a.git",
		"https://user:p@ss@github.com/a":                "https://github.com/a",
		"https://user:p/ss@github.com/a":                "",
		"git@github.com:noetl/e2e.git":                  "git@github.com:noetl/e2e.git",
		"git@[::1]:noetl/e2e.git":                       "",
		"user:token@github.com:noetl/e2e.git":           "",
		"ssh://git@github.com:22/noetl/e2e":             "ssh://git@github.com:22/noetl/e2e",
		"ssh://git:secret@github.com/noetl/e2e":         "ssh://github.com/noetl/e2e",
		"git+ssh://git@github.com/noetl/e2e":            "git+ssh://git@github.com/noetl/e2e",
		"git://github.com/noetl/e2e":                    "git://github.com/noetl/e2e",
		"file:///srv/git/e2e.git":                       "file:///srv/git/e2e.git",
		"/srv/git/e2e.git":                              "/srv/git/e2e.git",
		"../e2e":                                        "../e2e",
		"host:path":                                     "host:path",
		"codecommit::eu-west-1://profile@repository":    "",
		"ext::sh -c 'token=t git-remote'":               "",
		"https://user:pass\x01@github.com/noetl/e2e":    "",
		"https://user:pass@github.com:port/noetl/e2e":   "",
		"https:user:pass@github.com/a":                  "",
		"https://github.com/a/https://t:t@github.com/b": "",
	} {
		if got := withoutCredentials(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestWithoutCredentials_AnySecret_Removed(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	padding := rapid.StringOfN(rapid.SampledFrom([]rune(`abc:@/?#%[]&=+ .-_~!$'()*,;\é`)), 0, 4, -1)
	rapid.Check(t, func(t *rapid.T) {
		user := padding.Draw(t, "before") + secret + padding.Draw(t, "after")
		scheme := rapid.SampledFrom([]string{"https", "http", "HTTP", "ftp"}).Draw(t, "scheme")
		for _, address := range []string{
			scheme + "://" + user + "@example.com/a.git", scheme + "://u:" + user + "@example.com/a.git", "ssh://git:" + user + "@example.com/a.git",
			scheme + "://example.com/a.git?" + user, "u:" + user + "@example.com:a.git",
		} {
			if clean := withoutCredentials(address); strings.Contains(clean, secret) {
				t.Fatalf("%q: %q", address, clean)
			}
		}
	})
}

// For any output of git, the meta of a file is JSON that the server accepts.
func TestOrigins_AnyAuthor_ValidMeta(t *testing.T) {
	t.Parallel()
	c := newCheckout(t)
	c.git("config", "i18n.commitEncoding", "ISO-8859-1")
	write(t, c.dir, "a.yaml", "a")
	c.git("add", "-A")
	c.git("-c", "user.name=x", "commit", "-q", "-m", "x", "--author", "J\xf6rg \"J\" <j@example.com>")
	lines := c.origins("a.yaml")
	_, meta, _ := strings.Cut(lines[0], " ")
	if !json.Valid([]byte(meta)) || !strings.Contains(meta, "j@example.com") {
		t.Errorf("%s", meta)
	}
}
