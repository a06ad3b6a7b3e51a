package cli

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // git names files by it
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// origin describes where a file comes from.
type origin struct {
	// location is the path within the file's git checkout, or the absolute path outside of
	// a checkout.
	location string
	git      *gitOrigin // nil outside of a checkout
}

// gitOrigin has git's information about a file.
type gitOrigin struct {
	// Commit is the last commit that changed the file, and Author its author. Both are
	// empty for a file that was never committed.
	Commit string `json:"commit,omitempty"`
	Author string `json:"author,omitempty"`
	// Remote has no credentials.
	Remote string `json:"remote,omitempty"`
	// Dirty: the file differs from its committed content.
	Dirty bool `json:"dirty,omitempty"`

	blob string // the file's content in HEAD
}

const (
	// gitTimeout limits the time of git for all files. What is unknown by then is omitted.
	gitTimeout = 20 * time.Second
	// gitPathspecs is the largest number of files that are passed to git by name. For more
	// files, git gets their common folder.
	gitPathspecs = 100
)

// originsOf returns the origins of files. It makes a few calls of git, if installed, for each
// checkout. Problems do not make it fail; it passes them to warn.
func originsOf(ctx context.Context, names []string, warn func(string)) map[string]origin {
	ctx, cancel := context.WithTimeout(ctx, gitTimeout)
	defer cancel()
	origins := make(map[string]origin, len(names))
	roots := map[string]string{} // folder → root of its checkout
	checkouts := map[string]map[string][]string{}
	for _, name := range names {
		path, err := filepath.Abs(filepath.FromSlash(name))
		if err != nil {
			continue
		}
		origins[name] = origin{location: location(path)}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			continue
		}
		root := rootOf(filepath.Dir(path), roots)
		within, err := filepath.Rel(root, path)
		if root == "" || err != nil {
			continue
		}
		if checkouts[root] == nil {
			checkouts[root] = map[string][]string{}
		}
		within = filepath.ToSlash(within)
		checkouts[root][within] = append(checkouts[root][within], name)
	}
	for root, files := range checkouts {
		known, err := askGit(ctx, root, files)
		if err != nil {
			warn(fmt.Sprintf("git gives no information on %s: %v", root, err))
			continue
		}
		for within, named := range files {
			for _, name := range named {
				origins[name] = origin{location: location(within), git: known[within]}
			}
		}
	}
	return origins
}

// location returns a path as valid UTF-8.
func location(path string) string {
	return strings.ToValidUTF8(filepath.ToSlash(path), "\ufffd")
}

// rootOf returns the root of the checkout that contains a folder, or an empty string.
func rootOf(folder string, known map[string]string) string {
	if root, found := known[folder]; found {
		return root
	}
	root := ""
	if _, err := os.Lstat(filepath.Join(folder, ".git")); err == nil {
		root = folder
	} else if parent := filepath.Dir(folder); parent != folder {
		root = rootOf(parent, known)
	}
	known[folder] = root
	return root
}

// askGit returns the origins of files in a checkout.
func askGit(ctx context.Context, root string, files map[string][]string) (map[string]*gitOrigin, error) {
	top, err := git(ctx, root, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if !sameFile(strings.TrimRight(string(top), "\r\n"), root) {
		return nil, errors.New("it is no checkout")
	}
	remotes, _ := git(ctx, root, "config", "-z", "--get-regexp", `^remote\..*\.url$`) // fails if there is none
	remote := remoteOf(string(remotes))
	known := make(map[string]*gitOrigin, len(files))
	for within := range files {
		known[within] = &gitOrigin{Remote: remote}
	}
	paths := append([]string{"--"}, pathspecs(known)...)
	tree, err := git(ctx, root, append([]string{"ls-tree", "-r", "-z", "HEAD"}, paths...)...)
	if err != nil {
		return known, nil //nolint:nilerr // the repository has no commit yet
	}
	missing := 0
	for entry := range strings.SplitSeq(string(tree), "\x00") {
		about, within, _ := strings.Cut(entry, "\t")
		if file := known[within]; file != nil {
			file.blob = about[strings.LastIndexByte(about, ' ')+1:]
			missing++
		}
	}
	readLog(ctx, root, paths, known, missing)
	return known, nil
}

// readLog reads the log, newest commit first, until the last commit of each file is found.
func readLog(ctx context.Context, root string, paths []string, known map[string]*gitOrigin, missing int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// -c includes what a merge itself changed.
	command := gitCommand(ctx, root, append([]string{"log", "-c", "--name-only", "-z", "--no-show-signature", "--format=%x01%H%x01%aN <%aE>", "HEAD"}, paths...)...)
	output, err := command.StdoutPipe()
	if err != nil || command.Start() != nil {
		return
	}
	defer func() {
		cancel()
		_ = command.Wait()
	}()
	lines := bufio.NewReader(output)
	commit, author := "", ""
	for missing > 0 {
		word, err := lines.ReadString(0)
		if err != nil {
			return
		}
		word = strings.TrimPrefix(strings.TrimSuffix(word, "\x00"), "\n")
		if header, isCommit := strings.CutPrefix(word, "\x01"); isCommit {
			commit, author, _ = strings.Cut(header, "\x01")
		} else if file := known[word]; file != nil && file.blob != "" && file.Commit == "" {
			file.Commit, file.Author = commit, strings.ToValidUTF8(author, "\ufffd")
			missing--
		}
	}
}

// pathspecs returns the names of the files or their common folder.
func pathspecs(files map[string]*gitOrigin) []string {
	names := slices.Sorted(maps.Keys(files))
	if len(names) <= gitPathspecs {
		return names
	}
	// The names are sorted, so what the first and the last have in common, all have.
	first, last := strings.Split(names[0], "/"), strings.Split(names[len(names)-1], "/")
	common := 0
	for common < len(first)-1 && common < len(last)-1 && first[common] == last[common] {
		common++
	}
	if common == 0 {
		return []string{"."}
	}
	return []string{strings.Join(first[:common], "/") + "/"}
}

// gitCommand runs a read-only git command in a checkout. It does not prompt, fetch, or run a
// program that the checkout's configuration names.
func gitCommand(ctx context.Context, root string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "core.fsmonitor=false"}, arguments...)...) //nolint:gosec // no shell
	command.Dir = root
	command.WaitDelay = time.Second
	for _, variable := range os.Environ() {
		switch name, _, _ := strings.Cut(variable, "="); name {
		// In a hook, these name the hook's checkout, which may be a different one.
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX":
		default:
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_LITERAL_PATHSPECS=1")
	return command
}

// git returns the output of git. Its error is the first line of stderr.
func git(ctx context.Context, root string, arguments ...string) ([]byte, error) {
	output, err := gitCommand(ctx, root, arguments...).Output()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok && len(failed.Stderr) > 0 {
		line, _, _ := strings.Cut(strings.TrimSpace(string(failed.Stderr)), "\n")
		return nil, errors.New(line)
	}
	if err != nil {
		return nil, fmt.Errorf("run git: %w", err)
	}
	return output, nil
}

func sameFile(one, other string) bool {
	a, errA := os.Stat(filepath.FromSlash(one))
	b, errB := os.Stat(other)
	return errA == nil && errB == nil && os.SameFile(a, b)
}

// remoteOf returns the address of the remote origin, or else of the first remote with an
// address, from the output of git config.
func remoteOf(config string) string {
	remote := ""
	for entry := range strings.SplitSeq(config, "\x00") {
		name, address, _ := strings.Cut(entry, "\n")
		address = withoutCredentials(address)
		if name == "remote.origin.url" && address != "" {
			return address
		}
		if remote == "" {
			remote = address
		}
	}
	return remote
}

// scpAddress matches user@host:path, which cannot contain a password.
var scpAddress = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.\[\]:-]+:[^:@][^@]*$`)

// withoutCredentials removes user, password, query and fragment from a remote's address. It
// returns an empty string if it does not recognize where the secrets are.
func withoutCredentials(address string) string {
	switch {
	case strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\ufffd' }):
		return ""
	case strings.Contains(address, "::"): // a remote helper defines the syntax
		return ""
	case !strings.Contains(address, "://"):
		if !strings.Contains(address, "@") || scpAddress.MatchString(address) {
			return address
		}
		return ""
	}
	parsed, err := url.Parse(address)
	// A second @ means that the password contains an unescaped @.
	if err != nil || parsed.Opaque != "" || strings.Contains(parsed.Host+parsed.Path+parsed.RawQuery+parsed.Fragment, "@") {
		return ""
	}
	if user := parsed.User; user != nil {
		parsed.User = nil
		if _, hasPassword := user.Password(); strings.Contains(parsed.Scheme, "ssh") && !hasPassword {
			parsed.User = url.User(user.Username())
		}
	}
	parsed.RawQuery, parsed.ForceQuery, parsed.Fragment, parsed.RawFragment = "", false, "", ""
	return parsed.String()
}

// metaOf returns the meta for a version with this content.
func (o origin) metaOf(content []byte) json.RawMessage {
	if o.git == nil {
		return nil
	}
	known := *o.git
	known.Dirty = known.blob == "" ||
		!isBlob(known.blob, content) && !isBlob(known.blob, bytes.ReplaceAll(content, []byte("\r\n"), []byte("\n")))
	meta, err := json.Marshal(map[string]gitOrigin{"git": known})
	if err != nil {
		return nil
	}
	return meta
}

// isBlob reports whether name is git's blob hash of the content.
func isBlob(name string, content []byte) bool {
	digest := sha1.New() //nolint:gosec // no secret depends on it
	if len(name) == 2*sha256.Size {
		digest = sha256.New()
	}
	_, _ = fmt.Fprintf(digest, "blob %d\x00", len(content))
	_, _ = digest.Write(content)
	return hex.EncodeToString(digest.Sum(nil)) == name
}
