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
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// origin is where a file comes from.
type origin struct {
	// location is the path within the file's git checkout; outside of one, the
	// absolute path.
	location string
	git      *gitOrigin // nil outside of a checkout
}

// gitOrigin is what git says of a file.
type gitOrigin struct {
	// Commit is the last one that changed the file, and Author its author; empty
	// for a file that was never committed.
	Commit string `json:"commit,omitempty"`
	Author string `json:"author,omitempty"`
	// Remote is without credentials.
	Remote string `json:"remote,omitempty"`
	// Dirty: the file is not as it was committed.
	Dirty bool `json:"dirty,omitempty"`

	blob string // the file's content in HEAD
}

const (
	// gitTimeout is how long git may take for all files. What it has not told by
	// then is left out.
	gitTimeout = 20 * time.Second
	// gitPathspecs is how many files git is asked for by name: for more, it is
	// asked for their common folder.
	gitPathspecs = 100
)

// originsOf asks git, where it is at hand, for the files' origins: a few calls
// for each checkout. It never fails; why something is not known is told to warn.
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
			warn(fmt.Sprintf("git tells nothing of %s: %v", root, err))
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

// location is a path as a version has it: text, whatever bytes the name has.
func location(path string) string {
	return strings.ToValidUTF8(filepath.ToSlash(path), "\ufffd")
}

// rootOf is the folder of a checkout that a folder is in, or empty.
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

// askGit asks for the origins of files in a checkout.
func askGit(ctx context.Context, root string, files map[string][]string) (map[string]*gitOrigin, error) {
	top, err := git(ctx, root, "rev-parse", "--show-toplevel")
	if err != nil {
		return nil, err
	}
	if !sameFile(strings.TrimRight(string(top), "\r\n"), root) {
		return nil, errors.New("it is no checkout")
	}
	remotes, _ := git(ctx, root, "config", "-z", "--get-regexp", `^remote\..*\.url$`) // an error where there is none
	remote := remoteOf(string(remotes))
	known := make(map[string]*gitOrigin, len(files))
	for within := range files {
		known[within] = &gitOrigin{Remote: remote}
	}
	paths := append([]string{"--"}, pathspecs(known)...)
	tree, err := git(ctx, root, append([]string{"ls-tree", "-r", "-z", "HEAD"}, paths...)...)
	if err != nil {
		return known, nil //nolint:nilerr // there is no commit yet
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

// readLog reads the log, newest first, up to where each committed file has its
// commit.
func readLog(ctx context.Context, root string, paths []string, known map[string]*gitOrigin, missing int) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// -c: what a merge itself has changed, too.
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

// pathspecs are what to ask git for: the files, or the folder they are in.
func pathspecs(files map[string]*gitOrigin) []string {
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	if len(names) <= gitPathspecs {
		return names
	}
	// The first and the last in order differ where any two do.
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

// gitCommand is git in a checkout: it reads what is there, asks nobody, fetches
// nothing and runs no program that the checkout's configuration names.
func gitCommand(ctx context.Context, root string, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "git", append([]string{"--no-pager", "-c", "core.fsmonitor=false"}, arguments...)...) //nolint:gosec // no shell
	command.Dir = root
	command.WaitDelay = time.Second
	for _, variable := range os.Environ() {
		switch name, _, _ := strings.Cut(variable, "="); name {
		// Of the checkout that a hook runs us in, which need not be this one.
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_NAMESPACE", "GIT_PREFIX":
		default:
			command.Env = append(command.Env, variable)
		}
	}
	command.Env = append(command.Env, "LC_ALL=C", "GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1", "GIT_LITERAL_PATHSPECS=1")
	return command
}

// git is what git prints; the error is its first line of complaint.
func git(ctx context.Context, root string, arguments ...string) ([]byte, error) {
	output, err := gitCommand(ctx, root, arguments...).Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) && len(failed.Stderr) > 0 {
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

// remoteOf is the address of origin, or else of the first remote that has one,
// in what git config prints.
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

// scpAddress is user@host:path, whose user is an account of the host and no
// secret; ssh takes no password there.
var scpAddress = regexp.MustCompile(`^[A-Za-z0-9._-]+@[A-Za-z0-9.\[\]:-]+:[^:@][^@]*$`)

// withoutCredentials is an address of a remote without user, password, query
// and fragment, or empty where it cannot be told what in it is secret.
func withoutCredentials(address string) string {
	switch {
	case strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7F || r == '\ufffd' }):
		return ""
	case strings.Contains(address, "::"): // of a remote helper, in a syntax of its own
		return ""
	case !strings.Contains(address, "://"):
		if !strings.Contains(address, "@") || scpAddress.MatchString(address) {
			return address
		}
		return ""
	}
	parsed, err := url.Parse(address)
	// A further @ ends a password with a character that should be escaped.
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

// metaOf is the meta of a version that is made of a file with this content.
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

// isBlob says whether git names a content so.
func isBlob(name string, content []byte) bool {
	digest := sha1.New() //nolint:gosec // no secret depends on it
	if len(name) == 2*sha256.Size {
		digest = sha256.New()
	}
	_, _ = fmt.Fprintf(digest, "blob %d\x00", len(content))
	_, _ = io.Copy(digest, bytes.NewReader(content))
	return hex.EncodeToString(digest.Sum(nil)) == name
}
