package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/noetl/noetl-catalog/cli"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// TestMain lets scripts run this test binary as noetl-catalog, and stops the
// PostgreSQL that they used.
func TestMain(m *testing.M) {
	testscript.Main(withDatabase{m}, map[string]func(){"noetl-catalog": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}})
}

type withDatabase struct{ m *testing.M }

func (w withDatabase) Run() int {
	defer dbtest.Stop()
	return w.m.Run()
}

// The command line, as a person or a script uses it: one file in
// testdata/script for each subject.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("testdata", "script"),
		Setup: func(env *testscript.Env) error {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			defer listener.Close()
			env.Setenv("ADDRESS", listener.Addr().String())
			env.Setenv("DATABASE", dbtest.EmptyURL(env.T().(testing.TB)))
			env.Setenv("EXAMPLES", examples)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "tokens": tokens},
	})
}

// await ADDRESS waits until the server there is ready.
func await(ts *testscript.TestScript, _ bool, args []string) {
	deadline := time.After(60 * time.Second)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		response, err := http.Get(fmt.Sprintf("http://%s/readyz", args[0]))
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-again.C:
		case <-deadline:
			ts.Fatalf("no server is ready at %s", args[0])
		}
	}
}

// tokens FILE… makes the file tokens of what the command token has printed into
// each of the files, and sets a variable of the file's name to its token.
func tokens(ts *testscript.TestScript, _ bool, args []string) {
	var file strings.Builder
	for _, name := range args {
		token, line, _ := strings.Cut(ts.ReadFile(name), "\n")
		ts.Setenv(strings.ToUpper(name), token)
		file.WriteString(line)
	}
	ts.Check(os.WriteFile(ts.MkAbs("tokens"), []byte(file.String()), 0o600))
}

// A history of more files than one call takes is registered like a short one:
// told by a dry run, once, and not again.
func TestRegister_HistoryOfManyFiles_AddedOnce(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	dir := t.TempDir()
	const files = 130
	updated := 0
	for i := range files {
		// Contents return, and some neighbours are equal, where calls meet too.
		n := i / 2 % 7
		if i > 0 && n != (i-1)/2%7 {
			updated++
		}
		text := fmt.Sprintf("kind: Playbook\npath: long\nn: %d\n", n)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.yaml", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	count := func(registered, updated int) string {
		return fmt.Sprintf("%d registered, %d updated, %d unchanged", registered, updated, files-registered-updated)
	}
	for _, step := range []struct {
		dryRun  bool
		foreign bool
		want    string
	}{
		{dryRun: true, want: count(1, updated)},
		{want: count(1, updated)},
		{dryRun: true, want: count(0, 0)},
		{foreign: true, want: count(0, 0)},
	} {
		if step.foreign {
			if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
				VALUES ('long', 'playbook', 'other', jsonb_build_object('kind', 'Playbook', 'path', 'long', 'n', 3))`); err != nil {
				t.Fatal(err)
			}
		}
		var out strings.Builder
		command := cli.Register{Paths: []string{dir}, DatabaseURL: pool.Config().ConnString(), DryRun: step.dryRun}
		if err := command.Run(t.Context(), &out, io.Discard); err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(strings.ReplaceAll(out.String(), "would be ", ""))
		if got := fmt.Sprintf("%s registered, %s updated, %s unchanged", words[0], words[2], words[4]); got != step.want {
			t.Errorf("%+v: %s", step, got)
		}
	}
}

// lineWriter passes on each line that is written to it.
type lineWriter struct {
	mu    sync.Mutex
	rest  string
	lines chan string
}

func (w *lineWriter) Write(text []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest += string(text)
	for {
		line, rest, found := strings.Cut(w.rest, "\n")
		if !found {
			return len(text), nil
		}
		w.lines <- line
		w.rest = rest
	}
}

// A person who starts the server finds its address below all that has been
// printed until it serves: that examples were registered, or why they were not.
func TestServe_Examples_AddressPrintedLast(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ path, before string }{
		"registered": {"examples", "  registered"},
		"missing":    {"no-such-folder", "not everything was registered"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			stderr := &lineWriter{lines: make(chan string, 1000)}
			status := make(chan int, 1)
			go func() {
				status <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--database-url", dbtest.EmptyURL(t), "--register", tc.path}, io.Discard, stderr)
			}()
			var printed []string
			for !strings.Contains(strings.Join(printed, "\n"), "serves GraphQL at http://127.0.0.1:") {
				select {
				case line := <-stderr.lines:
					printed = append(printed, line)
				case got := <-status:
					t.Fatalf("it has ended with %d after %q", got, printed)
				}
			}
			if !strings.Contains(strings.Join(printed, "\n"), tc.before) {
				t.Errorf("the address came before %q:\n%s", tc.before, strings.Join(printed, "\n"))
			}
			stop()
			if got := <-status; got != 0 {
				t.Errorf("status %d", got)
			}
			close(stderr.lines)
			for line := range stderr.lines {
				if strings.TrimSpace(line) != "" {
					t.Errorf("%q was printed after the address", line)
				}
			}
		})
	}
}

// What a server says of its event types is what its flag has it do: follow goes
// by that where it is asked for a type that is not known.
func TestServe_OpenEventTypes_AsTheFlagSays(t *testing.T) {
	t.Parallel()
	for open, flags := range map[bool][]string{false: nil, true: {"--open-event-types"}} {
		t.Run(fmt.Sprint(open), func(t *testing.T) {
			t.Parallel()
			server := startServer(t, freeAddress(t), dbtest.EmptyURL(t), flags...)
			response, err := http.Post("http://"+server.address+"/graphql", "application/json", strings.NewReader(`{"query": "{ openEventTypes }"}`))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			body, err := io.ReadAll(response.Body)
			if want := fmt.Sprintf(`{"data":{"openEventTypes":%t}}`, open); err != nil || string(body) != want {
				t.Errorf("%s, %v, want %s", body, err, want)
			}

			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			stderr := &lineWriter{lines: make(chan string, 1000)}
			status := make(chan int, 1)
			go func() {
				status <- run(ctx, []string{"follow", "--server", "http://" + server.address, "--type", "registered"}, io.Discard, stderr)
			}()
			line := <-stderr.lines
			if !strings.Contains(line, `no event type "registered" (did you mean REGISTERED?)`) || strings.Contains(line, "waiting") != open {
				t.Errorf("printed %q", line)
			}
			want := 1
			if open {
				want = 0
				stop()
			}
			if got := <-status; got != want {
				t.Errorf("status %d, want %d", got, want)
			}
			server.end(t)
		})
	}
}
