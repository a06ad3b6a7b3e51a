package main

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/creack/pty"
	"github.com/pressly/goose/v3"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/rogpeppe/go-internal/testscript"
	"go.yaml.in/yaml/v4"

	"github.com/noetl/noetl-catalog/cli"
	"github.com/noetl/noetl-catalog/client"
	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/internal/await"
)

// TestMain lets scripts run this test binary as noetl-catalog, terminal and typing, and
// stops their PostgreSQL.
func TestMain(m *testing.M) {
	testscript.Main(withDatabase{m}, map[string]func(){"noetl-catalog": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		if len(os.Args) > 1 && os.Args[1] != "serve" { // a script ends its servers itself
			bounded, cancel := context.WithTimeout(ctx, 2*time.Minute)
			defer cancel()
			ctx = bounded
		}
		os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
	}, "terminal": func() { os.Exit(terminal(os.Args[1:])) }, "typing": func() { os.Exit(typing(os.Args[1], os.Args[2:])) }})
}

// terminal runs a command whose stdout is a pseudo-terminal, and prints all that was
// written there: testscript's ttyout may lose the end. It returns the exit status.
func terminal(args []string) int {
	master, slave, err := pty.Open()
	if err != nil {
		panic(err)
	}
	command := exec.Command(args[0], args[1:]...)
	command.Stdout, command.Stderr = slave, os.Stderr
	if err := command.Start(); err != nil {
		panic(err)
	}
	slave.Close()
	io.Copy(os.Stdout, master) // until EIO: nobody has the terminal open
	command.Wait()
	return command.ProcessState.ExitCode()
}

// typing runs a shell on a pseudo-terminal, types what a file has, with a tab for <TAB>,
// and prints all that appears there. It returns the exit status.
func typing(file string, shell []string) int {
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	command := exec.CommandContext(ctx, shell[0], shell[1:]...)
	master, err := pty.Start(command)
	if err != nil {
		panic(err)
	}
	io.WriteString(master, strings.ReplaceAll(string(text), "<TAB>", "\t"))
	io.Copy(os.Stdout, master) // until EIO: nobody has the terminal open
	command.Wait()
	return command.ProcessState.ExitCode()
}

type withDatabase struct{ m *testing.M }

func (w withDatabase) Run() int {
	defer dbtest.Stop()
	return w.m.Run()
}

// TestCommandLine runs the scripts of cli/testdata, one for each subject.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs("examples")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: filepath.Join("cli", "testdata", "script"),
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": awaitServer, "tokens": tokens},
	})
}

// awaitServer is the command await ADDRESS: it waits until the server there is ready.
func awaitServer(ts *testscript.TestScript, _ bool, args []string) { ts.Check(ready(args[0])) }

// ready waits until the server at an address is ready.
func ready(address string) error { return answers(address, "", http.StatusOK) }

// answers waits until the server at an address answers with a status: without a token,
// to whether it is ready.
func answers(address, token string, status int) error {
	path := "/readyz"
	if token != "" {
		path = "/schema.graphql"
	}
	request, err := http.NewRequest(http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+token)
	deadline := time.After(time.Minute)
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == status {
				return nil
			}
		}
		select {
		case <-again.C:
		case <-deadline:
			return fmt.Errorf("no server at %s answers with %d", address, status)
		}
	}
}

// tokens FILE… makes the file tokens from the output of the command token in
// each file, and sets a variable of the file's name to its token.
func tokens(ts *testscript.TestScript, _ bool, args []string) {
	var file strings.Builder
	for _, name := range args {
		token, line, _ := strings.Cut(ts.ReadFile(name), "\n")
		ts.Setenv(strings.ToUpper(name), token)
		file.WriteString(line)
	}
	ts.Check(os.WriteFile(ts.MkAbs("tokens"), []byte(file.String()), 0o600))
}

// A history that takes several calls is registered like a short one: predicted
// by a dry run, registered once, and not again.
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

// lineWriter sends each line that is written to it.
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

// The server's address is printed last, after the results of registering the
// examples and of recording their events.
func TestServe_Examples_AddressPrintedLast(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ path, events, before string }{
		"registered": {"examples", "examples/events.jsonl", "    83  events recorded, of 83"},
		"missing":    {"no-such-folder", "no-such-file", "no events were recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			stderr := &lineWriter{lines: make(chan string, 1000)}
			status := make(chan int, 1)
			go func() {
				status <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--database-url", dbtest.EmptyURL(t), "--register", tc.path, "--record", tc.events}, io.Discard, stderr)
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
			if got := await.Value(t, status); got != 0 {
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

// openEventTypes is what the flag sets, and decides whether follow refuses an
// unknown type.
func TestServe_OpenEventTypes_AsTheFlagSays(t *testing.T) {
	t.Parallel()
	for open, flags := range map[bool][]string{false: nil, true: {"--open-event-types"}} {
		t.Run(fmt.Sprint(open), func(t *testing.T) {
			t.Parallel()
			server := startServer(t, freeAddress(t), dbtest.EmptyURL(t), flags...)
			if got, want := server.ask(t, "{ openEventTypes }"), fmt.Sprintf(`{"openEventTypes":%t}`, open); got != want {
				t.Errorf("%s, want %s", got, want)
			}

			ctx, stop := context.WithTimeout(t.Context(), time.Minute)
			defer stop()
			stderr := &lineWriter{lines: make(chan string, 1000)}
			status := make(chan int, 1)
			go func() {
				status <- run(ctx, []string{"follow", "--server", "http://" + server.address, "--type", "registered"}, io.Discard, stderr)
			}()
			line := await.Value(t, stderr.lines)
			if !strings.Contains(line, `no event type "registered" (did you mean REGISTERED?)`) || strings.Contains(line, "waiting") != open {
				t.Errorf("printed %q", line)
			}
			want := 1
			if open {
				want = 0
				stop()
			}
			if got := await.Value(t, status); got != want {
				t.Errorf("status %d, want %d", got, want)
			}
			server.end(t)
		})
	}
}

// running is a server in this process.
type running struct {
	*client.Client
	address string
	stop    context.CancelFunc
	status  chan int
}

// startServer starts a server and waits until it is ready.
func startServer(t *testing.T, address, databaseURL string, flags ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &running{address: address, stop: cancel, status: make(chan int, 1)}
	args := append([]string{"serve", "--listen", address}, flags...)
	if databaseURL != "" {
		args = append(args, "--database-url", databaseURL)
	}
	go func() { s.status <- run(ctx, args, io.Discard, io.Discard) }()
	t.Cleanup(cancel)
	var err error
	if s.Client, err = client.New("http://"+address, ""); err != nil {
		t.Fatal(err)
	}
	if err := ready(address); err != nil {
		t.Fatal(err)
	}
	return s
}

// ask sends an operation and returns its data.
func (s *running) ask(t *testing.T, query string) string {
	t.Helper()
	var data json.RawMessage
	if err := s.Do(t.Context(), query, nil, &data); err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// end stops the server as SIGTERM does, and returns its exit status.
func (s *running) end(t *testing.T) int {
	t.Helper()
	s.stop()
	select {
	case status := <-s.status:
		return status
	case <-time.After(time.Minute):
		t.Fatal("the server does not stop")
		return 0
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

// A server that stops closes its WebSockets with 1001 and breaks off its
// streams, so that clients reconnect: `complete` would end their subscriptions.
func TestServe_Stopped_ClientsComeAgain(t *testing.T) {
	t.Parallel()
	server := startServer(t, freeAddress(t), dbtest.EmptyURL(t))
	const subscription = `subscription { eventRecorded { cursor } }`

	socket, err := server.DialWebSocket(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	if err := socket.Subscribe(t.Context(), "1", subscription, nil); err != nil {
		t.Fatal(err)
	}
	reading, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	stream, err := server.Subscribe(reading, subscription, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()

	status := make(chan int, 1)
	go func() { status <- server.end(t) }()
	if _, message, err := socket.Read(reading); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket got %s and ended with %v, want 1001", message, err)
	}
	for err = nil; err == nil; {
		var event client.Event
		if event, err = stream.Next(); event.Name != "" {
			t.Errorf("the stream sent %q", event.Name)
		}
	}
	if errors.Is(err, io.EOF) {
		t.Error("the stream ended, want it to break off")
	}
	if got := await.Value(t, status); got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

// follow survives a restart of the server.
func TestFollow_ServerRestarted_MissesNothing(t *testing.T) {
	t.Parallel()
	address, databaseURL := freeAddress(t), dbtest.EmptyURL(t)
	server := startServer(t, address, databaseURL)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var begin struct{ Events struct{ TailCursor string } }
	if err := server.Do(ctx, "{ events { tailCursor } }", nil, &begin); err != nil {
		t.Fatal(err)
	}
	out, stdout := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"follow", "--json", "--server", "http://" + address, "--after", begin.Events.TailCursor}, stdout, io.Discard)
		stdout.Close()
	}()
	lines := bufio.NewScanner(out)
	position := 0
	next := func(path string) {
		t.Helper()
		if !lines.Scan() {
			t.Fatalf("no more lines: %v", lines.Err())
		}
		var event struct {
			Position     string
			ResourcePath string `json:"resource_path"`
		}
		if err := json.Unmarshal(lines.Bytes(), &event); err != nil {
			t.Fatalf("%v: %s", err, lines.Text())
		}
		position++
		if event.Position != fmt.Sprint(position) || event.ResourcePath != path {
			t.Errorf("got %+v, want %s at %d", event, path, position)
		}
	}
	register := func(path string) {
		t.Helper()
		server.ask(t, fmt.Sprintf(`mutation { registerResource(input: {path: %q, type: "task", payload: {json: {a: 1}}}) { status } }`, path))
	}
	register("first")
	next("first")
	if got := server.end(t); got != 0 {
		t.Errorf("exit status %d", got)
	}
	server = startServer(t, address, databaseURL)
	register("second")
	register("third")
	next("second")
	next("third")
	cancel()
	if got := await.Value(t, status); got != 0 {
		t.Errorf("follow ended with %d", got)
	}
	if lines.Scan() || lines.Err() != nil && !errors.Is(lines.Err(), io.ErrClosedPipe) {
		t.Errorf("after the end: %s %v", lines.Text(), lines.Err())
	}
	server.end(t)
}

// The documentation, the dashboard and the alerts name the metrics that a server has,
// with the labels that they have.
func TestMetrics_DocumentedAndWatched_AreServed(t *testing.T) {
	t.Parallel()
	server := startServer(t, freeAddress(t), dbtest.EmptyURL(t))
	server.ask(t, `query Types { eventTypes { name } }`)
	response, err := http.Get("http://" + server.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	served, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	server.end(t)
	read := func(name string) string {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}

	names := regexp.MustCompile(`catalog_[a-z_]+`)
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`catalog_.*?) \\|").FindAllStringSubmatch(read("docs/operations.md"), -1) {
		for _, name := range names.FindAllString(row[1], -1) {
			if documented[name] = true; served[name] == nil {
				t.Errorf("docs/operations.md has %s, which is not served", name)
			}
		}
	}
	for name := range served {
		if strings.HasPrefix(name, "catalog_") && !documented[name] {
			t.Errorf("docs/operations.md lacks %s", name)
		}
	}

	var rules struct {
		Groups []struct {
			Name  string
			Rules []struct {
				Alert, Expr, For    string
				Labels, Annotations map[string]string
			}
		}
	}
	if err := yaml.Load([]byte(read("deploy/alerts.yaml")), &rules, yaml.WithKnownFields()); err != nil {
		t.Fatal(err)
	}
	expressions := map[string]string{}
	for _, rule := range rules.Groups[0].Rules {
		if expressions[rule.Alert] = rule.Expr; rule.Alert == "" || rule.Expr == "" || rule.For == "" || rule.Labels["severity"] == "" || rule.Annotations["summary"] == "" {
			t.Errorf("an incomplete alert: %+v", rule)
		}
	}
	var dashboard struct {
		Panels []struct {
			Title   string
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal([]byte(read("deploy/grafana-dashboard.json")), &dashboard); err != nil {
		t.Fatal(err)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			expressions[panel.Title+": "+target.Expr] = target.Expr
		}
	}
	selector, label := regexp.MustCompile(`\b((?:catalog|go|process)_[a-z_]+)(?:\{(.*?)\})?`), regexp.MustCompile(`(\w+)(?:=|!)`)
	for where, expression := range expressions {
		for _, used := range selector.FindAllStringSubmatch(expression, -1) {
			family := served[used[1]]
			for _, suffix := range []string{"_bucket", "_sum", "_count"} {
				if base := served[strings.TrimSuffix(used[1], suffix)]; family == nil && base.GetType() == dto.MetricType_HISTOGRAM {
					family = base
				}
			}
			if family == nil {
				t.Errorf("%s: %s is not served", where, used[1])
				continue
			}
			has := map[string]bool{"instance": true} // Prometheus adds it
			for _, pair := range family.GetMetric()[0].GetLabel() {
				has[pair.GetName()] = true
			}
			for _, name := range label.FindAllStringSubmatch(used[2], -1) {
				if !has[name[1]] {
					t.Errorf("%s: %s has no label %s", where, used[1], name[1])
				}
			}
		}
	}
	if len(expressions) < 50 || len(documented) < 30 {
		t.Errorf("only %d expressions and %d documented metrics were found", len(expressions), len(documented))
	}
}

// A server accepts unknown event types only with --open-event-types.
func TestServe_OpenEventTypes_UnknownTypeAdded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"default": {nil, "BAD_USER_INPUT"},
		"open":    {[]string{"--open-event-types"}, `{"recordEvent":{"event":{"type":{"name":"tool.ended","template":null,"phase":null}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := dbtest.URL(t)
			pool := dbtest.PoolAt(t, databaseURL, db.Options{})
			if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('p', 'task', '1', '{}')`); err != nil {
				t.Fatal(err)
			}
			server := startServer(t, freeAddress(t), databaseURL, test.flags...)
			var got json.RawMessage
			err := server.Do(t.Context(), `mutation { recordEvent(input: {type: "tool.ended", path: "p"}) { event { type { name template phase } } } }`, nil, &got)
			var refused *client.Error
			if errors.As(err, &refused) {
				got = json.RawMessage(refused.Extensions.Code)
			}
			if string(got) != test.want {
				t.Errorf("got %s, want %s: %v", got, test.want, err)
			}
			server.end(t)
		})
	}
}

// A migration reports each value that it changed, with the old value.
func TestMigrate_ValueThatCannotBeShown_ReportedWithItsOldValue(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"migrate", "serve"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			databaseURL := dbtest.EmptyURL(t)
			connections, err := sql.Open("pgx", databaseURL)
			if err != nil {
				t.Fatal(err)
			}
			defer connections.Close()
			before, err := goose.NewProvider(goose.DialectPostgres, connections, os.DirFS("db/migrations"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := before.UpTo(t.Context(), 6); err != nil {
				t.Fatal(err)
			}
			if _, err := connections.ExecContext(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload, timestamp) VALUES ('p', 'task', '1', '{}', 'infinity')`); err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			args := []string{command, "--database-url", databaseURL}
			if command == "serve" { // stopped once it has reported
				args = append(args, "--max-connections", "2", "--listen", freeAddress(t))
				stopped, stop := context.WithTimeout(t.Context(), time.Minute)
				defer stop()
				run(stopped, args, io.Discard, writerFunc(func(p []byte) (int, error) {
					if out.Write(p); strings.Contains(out.String(), "the API could not show") {
						stop()
					}
					return len(p), nil
				}))
			} else if status := run(t.Context(), args, &out, io.Discard); status != 0 {
				t.Errorf("exit status %d", status)
			}
			for _, want := range []string{"catalog", "timestamp", "infinity", "9999-12-31 23:59:59.999999+00", "migration_repair"} {
				if !strings.Contains(out.String(), want) {
					t.Errorf("%q is not reported: %s", want, out.String())
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestServe_Hangup_TokensReadAgain(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "tokens")
	one, line := auth.NewToken(auth.Viewer, "")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	server := startServer(t, freeAddress(t), dbtest.EmptyURL(t), "--tokens", file)
	two, line := auth.NewToken(auth.Viewer, "")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	server.Token = one
	if err := server.Do(t.Context(), `{ openEventTypes }`, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	server.Token = two
	known, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	for server.Do(known, `{ openEventTypes }`, nil, nil) != nil {
		if known.Err() != nil {
			t.Fatal("the token is not known")
		}
	}
	if status := server.end(t); status != 0 {
		t.Errorf("status %d", status)
	}
}

// The server waits for a PostgreSQL of our own that cannot start.
func TestServe_OwnPostgreSQLCannotStart_UnavailableUntilItCan(t *testing.T) {
	t.Parallel()
	parent, err := os.MkdirTemp("", "serve-test-*") // PostgreSQL's user cannot enter t.TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(parent) })
	if err := os.Chmod(parent, 0o755); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "pg")
	server := startServer(t, freeAddress(t), "", "--data-dir", dir)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	var pid int
	text, err := os.ReadFile(filepath.Join(dir+".away", "postmaster.pid"))
	if err == nil {
		_, err = fmt.Sscan(string(text), &pid)
	}
	if err := errors.Join(err, syscall.Kill(pid, syscall.SIGKILL)); err != nil {
		t.Fatal(err)
	}
	if err := answers(server.address, "", http.StatusServiceUnavailable); err != nil {
		t.Error(err)
	}
	var data json.RawMessage
	if err := server.Do(t.Context(), `mutation { saveResourceType(input: {name: "x"}) { resourceType { name } } }`, nil, &data); err == nil || !strings.Contains(err.Error(), "UNAVAILABLE") {
		t.Errorf("%s, %v", data, err)
	}
	if err := errors.Join(os.Rename(dir+".away", dir), ready(server.address)); err != nil {
		t.Fatal(err)
	}
	server.ask(t, `mutation { saveResourceType(input: {name: "x"}) { resourceType { name } } }`)
	if status := server.end(t); status != 0 {
		t.Errorf("status %d", status)
	}
}
