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
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/pressly/goose/v3"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

// running is a server in this process.
type running struct {
	address string
	stop    context.CancelFunc
	status  chan int
}

// startServer starts a server and waits until it is ready.
func startServer(t *testing.T, address, databaseURL string, flags ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	s := &running{address: address, stop: cancel, status: make(chan int, 1)}
	go func() {
		s.status <- run(ctx, append([]string{"serve", "--listen", address, "--database-url", databaseURL}, flags...), io.Discard, io.Discard)
	}()
	t.Cleanup(cancel)
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		response, err := http.Get("http://" + address + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return s
			}
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no server is ready at %s", address)
	return nil
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

// A server that is stopped closes its WebSockets with 1001 and breaks off its
// streams, so that clients come again: `complete` would be the end for them.
func TestServe_Stopped_ClientsComeAgain(t *testing.T) {
	t.Parallel()
	server := startServer(t, freeAddress(t), dbtest.EmptyURL(t))
	const subscription = `{"query": "subscription { eventRecorded { cursor } }"}`

	socket, _, err := websocket.Dial(t.Context(), "ws://"+server.address+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.CloseNow()
	for _, message := range []string{`{"type": "connection_init"}`, `{"id": "1", "type": "subscribe", "payload": ` + subscription + `}`} {
		if err := socket.Write(t.Context(), websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
	}
	if _, ack, err := socket.Read(t.Context()); err != nil || !strings.Contains(string(ack), "connection_ack") {
		t.Fatalf("%s: %v", ack, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+server.address+"/graphql", strings.NewReader(subscription))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "text/event-stream")
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Body.Close()

	status := make(chan int)
	go func() { status <- server.end(t) }()
	if _, message, err := socket.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket got %s and ended with %v, want 1001", message, err)
	}
	body, err := io.ReadAll(stream.Body)
	if err == nil || strings.Contains(string(body), "complete") {
		t.Errorf("the stream ended with %v after %q, want it to break off", err, body)
	}
	if got := <-status; got != 0 {
		t.Errorf("exit status %d, want 0", got)
	}
}

// follow stands through a restart of the server.
func TestFollow_ServerRestarted_MissesNothing(t *testing.T) {
	t.Parallel()
	address, databaseURL := freeAddress(t), dbtest.EmptyURL(t)
	server := startServer(t, address, databaseURL)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	begin := tailCursor(t, address)
	out, stdout := io.Pipe()
	status := make(chan int, 1)
	go func() {
		status <- run(ctx, []string{"follow", "--json", "--server", "http://" + address, "--after", begin}, stdout, io.Discard)
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
		response, err := http.Post("http://"+address+"/graphql", "application/json", strings.NewReader(fmt.Sprintf(
			`{"query": "mutation { registerResource(input: {path: \"%s\", type: \"task\", payload: {json: {a: 1}}}) { status } }"}`, path)))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
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
	if got := <-status; got != 0 {
		t.Errorf("follow ended with %d", got)
	}
	if lines.Scan() || lines.Err() != nil && !errors.Is(lines.Err(), io.ErrClosedPipe) {
		t.Errorf("after the end: %s %v", lines.Text(), lines.Err())
	}
	server.end(t)
}

// tailCursor is the log's end.
func tailCursor(t *testing.T, address string) string {
	t.Helper()
	response, err := http.Post("http://"+address+"/graphql", "application/json", strings.NewReader(`{"query": "{ events { tailCursor } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var answer struct {
		Data struct{ Events struct{ TailCursor string } }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil || answer.Data.Events.TailCursor == "" {
		t.Fatalf("no tailCursor: %v", err)
	}
	return answer.Data.Events.TailCursor
}

// What the README says of /metrics is there.
func TestMetrics_AreServed(t *testing.T) {
	t.Parallel()
	server := startServer(t, freeAddress(t), dbtest.EmptyURL(t))
	response, err := http.Get("http://" + server.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"catalog_events_pending 0", "catalog_events_pending_oldest_seconds 0", "catalog_log_head_position 0",
		"catalog_subscription_lag_events_count 0", `catalog_subscriptions{state="live"} 0`, "catalog_slow_consumers_total 0",
		"catalog_subscription_fell_behind_total 0", "catalog_subscription_catchup_pages_total 0",
		"catalog_tail_connections_total", "catalog_sequencer_connections_total",
		"catalog_notification_queue_usage_ratio", "catalog_partitions_ahead 3", "catalog_partitions_unguarded 0", "go_goroutines",
	} {
		if !strings.Contains(string(text), "\n"+name) {
			t.Errorf("/metrics lacks %s", name)
		}
	}
	server.end(t)
}

// A server takes unknown event types only where it is told so.
func TestServe_OpenEventTypes_UnknownTypeAdded(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"default": {nil, `"BAD_USER_INPUT"`},
		"open":    {[]string{"--open-event-types"}, `{"data":{"recordEvent":{"event":{"type":{"name":"tool.ended","template":null,"phase":null}}}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databaseURL := dbtest.URL(t)
			pool := dbtest.PoolAt(t, databaseURL, db.Options{})
			if _, err := pool.Exec(t.Context(), `INSERT INTO catalog (resource_path, resource_type, resource_version, payload) VALUES ('p', 'task', '1', '{}')`); err != nil {
				t.Fatal(err)
			}
			server := startServer(t, freeAddress(t), databaseURL, test.flags...)
			response, err := http.Post("http://"+server.address+"/graphql", "application/json",
				strings.NewReader(`{"query": "mutation { recordEvent(input: {type: \"tool.ended\", path: \"p\"}) { event { type { name template phase } } } }"}`))
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			if body, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(body), test.want) {
				t.Errorf("got %s, want %s: %v", body, test.want, err)
			}
			server.end(t)
		})
	}
}

// Who migrates is told each value that had to be changed, with what it was.
func TestMigrate_ValueThatCannotBeShown_ToldWithItsOldValue(t *testing.T) {
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
			if command == "serve" { // stopped once it has told
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
					t.Errorf("%q is not told: %s", want, out.String())
				}
			}
		})
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
