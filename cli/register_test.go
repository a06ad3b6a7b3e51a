package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fakeServer answers REGISTERED for every input, and records the requests.
type fakeServer struct {
	mu      sync.Mutex
	batches [][]string
	from    []*int
	tokens  []string
	// revision is the revision of the last input.
	revision int
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Variables struct {
			Inputs []struct {
				Location string
				Payload  map[string]json.RawMessage
			}
			From *int
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var names, results []string
	for _, input := range request.Variables.Inputs {
		names = append(names, filepath.Base(input.Location))
		s.revision++
		results = append(results, fmt.Sprintf(`{"registration": {"status": "REGISTERED", "version": {"revision": %d}}}`, s.revision))
	}
	s.from = append(s.from, request.Variables.From)
	s.batches = append(s.batches, names)
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	fmt.Fprintf(w, `{"data": {"registerResources": {"results": [%s]}}}`, strings.Join(results, ","))
}

func register(t *testing.T, command Register) (string, error) {
	t.Helper()
	var stdout, stderr strings.Builder
	err := command.Run(context.Background(), &stdout, &stderr)
	return stdout.String(), err
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Files are sent in order, in batches that are bounded in number and bytes.
func TestRegister_ManyFiles_BatchesInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var want [][]string
	var batch []string
	for i := range batchFiles + 3 {
		name := fmt.Sprintf("a%04d.yaml", i)
		write(t, dir, name, "kind: Playbook")
		if len(batch) == batchFiles {
			want, batch = append(want, batch), nil
		}
		batch = append(batch, name)
	}
	long := "kind: Playbook\ntext: " + strings.Repeat("x", batchBytes/2+1)
	write(t, dir, "b1.yaml", long)
	write(t, dir, "b2.yaml", long)
	want = append(want, append(batch, "b1.yaml"), []string{"b2.yaml"})

	fake := &fakeServer{}
	server := httptest.NewServer(fake)
	defer server.Close()
	out, err := register(t, Register{Paths: []string{dir}, Server: server.URL + "/", Token: "secret"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, fake.batches); diff != "" {
		t.Errorf("batches (-want +got):\n%s", diff)
	}
	if fake.tokens[0] != "Bearer secret" {
		t.Errorf("Authorization %q", fake.tokens[0])
	}
	if !strings.Contains(out, fmt.Sprintf("%6d  registered", batchFiles+5)) {
		t.Errorf("summary:\n%s", out)
	}
}

// The files of one path are sent in one call and in order, even if files of other paths lie
// between them. A history too long for one call is sent in several, each of which continues
// the previous one.
func TestRegister_FilesOfOnePath_InOneCall(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	playbook := func(path string) string { return "kind: Playbook\nmetadata: {path: " + path + "}\n" }
	for i := range batchFiles - 1 {
		write(t, dir, fmt.Sprintf("a%03d.yaml", i), playbook(fmt.Sprintf("a/%d", i)))
	}
	write(t, dir, "b1.yaml", playbook("b"))
	write(t, dir, "b2.json", `{"kind": "Playbook", "path": "c"}`)
	write(t, dir, "b3.json", `{"kind": "Playbook", "metadata": {"path": "b"}}`)
	// One file of d cannot be parsed, so the other is not the whole history.
	write(t, dir, "d1.yaml", playbook("d"))
	write(t, dir, "d2.yaml", playbook("d")+"}")
	for i := range batchFiles + 1 {
		write(t, dir, fmt.Sprintf("e%03d.yaml", i), playbook("e"))
	}
	fake := &fakeServer{}
	server := httptest.NewServer(fake)
	defer server.Close()
	if _, err := register(t, Register{Paths: []string{dir}, Server: server.URL}); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, batch := range fake.batches {
		from := "nothing"
		if fake.from[i] != nil {
			from = fmt.Sprint(*fake.from[i])
		}
		got = append(got, fmt.Sprintf("%d: %s to %s, from %s", len(batch), batch[0], batch[len(batch)-1], from))
	}
	want := []string{
		"49: a000.yaml to a048.yaml, from nothing",
		"1: d1.yaml to d1.yaml, from 0",
		"50: e000.yaml to e049.yaml, from 0",
		"1: e050.yaml to e050.yaml, from 100",
		"4: b1.yaml to d2.yaml, from nothing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"b1.yaml", "b3.json", "b2.json", "d2.yaml"}, fake.batches[len(fake.batches)-1]); diff != "" {
		t.Errorf("the last call (-want +got):\n%s", diff)
	}
}

// Files in a directory that are not resources are skipped; a named file is refused.
func TestRegister_OtherFiles_SkippedInWalks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"compose.yaml":   "services:\n  web: {image: nginx}\n",
		"deploy.yaml":    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n",
		"empty.yml":      "",
		"helm.yaml":      "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {{ .Name }}\nspec:\n          path: /healthz\n{{ if }}\n",
		"list.json":      `[1, {"kind": "Playbook"}]`,
		"many.yaml":      "apiVersion: v1\nkind: Service\n---\napiVersion: v1\nkind: Service\n",
		"package.json":   `{"name": "x", "version": "1.0.0", "path": "y"}`,
		"tsconfig.json":  "{\n  // strict\n  \"strict\": true,\n}",
		"z/playbook.yml": "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata:\n  path: p\n",
	} {
		write(t, dir, name, text)
	}
	server := httptest.NewServer(&fakeServer{})
	defer server.Close()
	out, err := register(t, Register{Paths: []string{dir}, Server: server.URL})
	if err != nil {
		t.Errorf("error %v", err)
	}
	want := "compose.yaml: skipped: has no kind\n" +
		"deploy.yaml: skipped: has no path, and the apiVersion apps/v1\n" +
		"empty.yml: skipped: has no kind\n" +
		"helm.yaml: skipped: has no path, and the apiVersion apps/v1\n" +
		"list.json: skipped: has no kind\n" +
		"many.yaml: skipped: has no path, and the apiVersion v1\n" +
		"package.json: skipped: has no kind\n" +
		"tsconfig.json: skipped: has no kind\n" +
		"     1  registered\n     0  updated\n     0  unchanged\n     0  refused\n     8  skipped\n     9  files\n"
	if diff := cmp.Diff(want, strings.ReplaceAll(out, filepath.ToSlash(dir)+"/", "")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
	out, err = register(t, Register{Paths: []string{dir, filepath.Join(dir, "z", "..", "tsconfig.json")}, Server: server.URL, Quiet: true})
	want = "tsconfig.json:2:3: invalid character '/' at start of a quoted key (BAD_USER_INPUT)\n"
	if !errors.Is(err, ErrRefused) || strings.ReplaceAll(out, filepath.ToSlash(dir)+"/", "") != want {
		t.Errorf("a named file: %v, output %q, want %q", err, out, want)
	}
}

// An invalid resource in a directory is refused, not skipped.
func TestRegister_BrokenResources_RefusedInWalks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"a.json": "{\n \"kind\": \"Playbook\", \"kind\": \"Task\"}",
		"b.json": `{"kind": "Playbook", "metadata": {"path": "\ud800"}}`,
		"c.json": `{"kind": "Playbook", "n": 1e400}`,
		"d.json": `{"kind": "Playbook"}}`,
		"e.yaml": "apiVersion: noetl.io/v2\nmetadata: {name: x}\nworkload: [\n",
		"f.yaml": "apiVersion: example.com/v1\nkind: Playbook\npath: q\nworkload: [\n",
	} {
		write(t, dir, name, text)
	}
	fake := &fakeServer{}
	server := httptest.NewServer(fake)
	defer server.Close()
	out, err := register(t, Register{Paths: []string{dir}, Server: server.URL, Quiet: true})
	want := "a.json:2:22: the key \"kind\" appears twice in one object (BAD_USER_INPUT)\n" +
		"b.json:1:44: \\ud800 is one half of a surrogate pair without the other (BAD_USER_INPUT)\n" +
		"c.json:1:27: the exponent of the number \"1e400\" is beyond ±308 (BAD_USER_INPUT)\n" +
		"d.json:1:21: '}' follows the end of the JSON document (BAD_USER_INPUT)\n"
	if !errors.Is(err, ErrRefused) || strings.ReplaceAll(out, filepath.ToSlash(dir)+"/", "") != want {
		t.Errorf("%v, output:\n%swant:\n%s", err, out, want)
	}
	// The server checks YAML.
	if diff := cmp.Diff([][]string{{"e.yaml", "f.yaml"}}, fake.batches); diff != "" {
		t.Errorf("sent to the server (-want +got):\n%s", diff)
	}
}

// Invalid text is refused with its position, before any request.
func TestRegister_UnreadableFiles_RefusedWithPosition(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "latin1.yaml", "kind: Playbook\nname: caf\xe9\n")
	write(t, dir, "huge.yaml", "kind: Playbook\n"+strings.Repeat("x", maxFile))
	write(t, dir, "utf16.yaml", "\xff\xfek\x00i\x00n\x00d\x00:\x00 \x00P\x00")
	write(t, dir, "good.yaml", "kind: Playbook")
	if err := os.Symlink("nowhere", filepath.Join(dir, "link.yaml")); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&fakeServer{})
	defer server.Close()
	out, err := register(t, Register{Paths: []string{dir}, Server: server.URL})
	if !errors.Is(err, ErrRefused) {
		t.Errorf("error %v, want ErrRefused", err)
	}
	for _, want := range []string{
		"latin1.yaml:2:10: is not valid UTF-8 (BAD_USER_INPUT)", "huge.yaml:1:1: is longer than 8 MiB (PAYLOAD_TOO_LARGE)",
		"utf16.yaml:1:1: is UTF-16; save it as UTF-8 (BAD_USER_INPUT)",
		"     1  registered\n", "     3  refused\n", "     4  files\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

// An unexpected response ends the command; the error has the number of files so far.
func TestRegister_ServerRefuses_ReasonReported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.yaml", "kind: Playbook")
	for name, test := range map[string]struct {
		status       int
		answer, want string
	}{
		"GraphQL error":   {http.StatusUnauthorized, `{"errors": [{"message": "a token is needed", "extensions": {"code": "UNAUTHENTICATED"}}]}`, "the server refused the request: a token is needed (UNAUTHENTICATED)"},
		"not GraphQL":     {http.StatusBadGateway, `<html>`, "502 Bad Gateway with neither data nor a GraphQL error"},
		"no data":         {http.StatusOK, `{}`, "200 OK with neither data nor a GraphQL error"},
		"too few results": {http.StatusOK, `{"data": {"registerResources": {"results": []}}}`, "0 results for 1 files"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(test.status)
				_, _ = w.Write([]byte(test.answer))
			}))
			defer server.Close()
			_, err := register(t, Register{Paths: []string{dir}, Server: server.URL})
			if err == nil || errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one with %q", err, test.want)
			}
		})
	}
}
