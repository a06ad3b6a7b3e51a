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

// fakeServer answers every input with REGISTERED, and notes what it was sent.
type fakeServer struct {
	mu      sync.Mutex
	batches [][]string
	tokens  []string
}

func (s *fakeServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Variables struct {
			Inputs []struct {
				Location string
				Payload  map[string]json.RawMessage
			}
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var names, results []string
	for _, input := range request.Variables.Inputs {
		names = append(names, filepath.Base(input.Location))
		results = append(results, `{"registration": {"status": "REGISTERED", "version": {"path": "p", "version": "1.0.0"}}}`)
	}
	s.mu.Lock()
	s.batches = append(s.batches, names)
	s.tokens = append(s.tokens, r.Header.Get("Authorization"))
	s.mu.Unlock()
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

// Files go in batches that are neither too many nor too long, in their order.
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
	long := strings.Repeat("x", batchBytes/2+1)
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

// What cannot be read as text is refused at its place, without the server.
func TestRegister_UnreadableFiles_RefusedWithPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "latin1.yaml", "kind: Playbook\nname: caf\xe9\n")
	write(t, dir, "huge.yaml", strings.Repeat("x", maxFile+1))
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
		"     1  registered\n", "     2  refused\n", "     3  files\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("output lacks %q:\n%s", want, out)
		}
	}
}

// An answer that is not what was asked for ends the command, and says how far
// it came.
func TestRegister_ServerRefuses_SaysWhy(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "a.yaml", "kind: Playbook")
	for name, test := range map[string]struct {
		status       int
		answer, want string
	}{
		"GraphQL error":   {http.StatusUnauthorized, `{"errors": [{"message": "a token is needed", "extensions": {"code": "UNAUTHENTICATED"}}]}`, "the server refused the request: a token is needed (UNAUTHENTICATED)"},
		"not GraphQL":     {http.StatusBadGateway, `<html>`, "502 Bad Gateway with what is not GraphQL"},
		"no data":         {http.StatusOK, `{}`, "without data"},
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
