//go:build linux

package torture

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/client"
)

// tailer follows the log. follow returns an error when the connection breaks or the context
// ends; the next call resumes after the cursor.
type tailer struct {
	name   string
	run    *run
	follow func(ctx context.Context, t *tailer, server string) error
	// steady: it does not drop its connection.
	steady bool
	cursor string

	mu         sync.Mutex
	deliveries []delivery
	broken     []string
	resumes    int
	// reached is closed when the last event of the run has arrived.
	reached chan struct{}
}

// tail follows until the context ends.
func (t *tailer) tail(ctx context.Context) {
	for ctx.Err() == nil {
		life, cancel := context.WithCancel(ctx)
		if !t.steady {
			life, cancel = context.WithTimeout(ctx, 350*time.Millisecond+rand.N(700*time.Millisecond))
		}
		err := t.follow(life, t, t.run.anyServer().url())
		if unexplained(err) {
			t.complain("after cursor %q: %v", t.cursor, err)
		}
		dropped := life.Err() != nil
		cancel()
		if !dropped && !pause(ctx, 20*time.Millisecond) {
			return
		}
		t.mu.Lock()
		t.resumes++
		t.mu.Unlock()
	}
}

func (t *tailer) complain(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.broken = append(t.broken, fmt.Sprintf(format, args...))
}

// receive records a delivery.
func (t *tailer) receive(eventID, position string, payload event) {
	d := delivery{event: payload, at: time.Now()}
	var err error
	if d.position, err = strconv.ParseInt(position, 10, 64); err != nil || payload.id() != eventID {
		t.complain("event %q at position %q came with the payload of %q", eventID, position, payload.id())
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.deliveries = append(t.deliveries, d)
	if payload.Writer != lastWriter {
		return
	}
	select {
	case <-t.reached:
	default:
		close(t.reached)
	}
}

func (t *tailer) received() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.deliveries)
}

// byCommand runs the command follow, and kills it when the context ends.
func byCommand(ctx context.Context, t *tailer, server string) error {
	cmd := command(ctx, t.run.binary, "follow", "--json", "--server", server, "--after", t.cursor)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	for lines := bufio.NewReader(stdout); ; {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			break // the kill has cut off this line, so it does not count as printed
		}
		var printed struct {
			Cursor, Position string
			EventID          string `json:"event_id"`
			Payload          event
		}
		if err := json.Unmarshal(line, &printed); err != nil {
			t.complain("follow printed %q: %v", line, err)
			continue
		}
		t.cursor = printed.Cursor
		t.receive(printed.EventID, printed.Position, printed.Payload)
	}
	err = cmd.Wait()
	if err := leftover(cmd); err != nil {
		t.complain("%v", err)
	}
	if ctx.Err() == nil {
		t.complain("follow ended by itself (%v): %s", err, &stderr)
	}
	if strings.Contains(stderr.String(), "a gap:") {
		t.complain("follow was sent a gap: %s", &stderr)
	}
	return err
}

const subscription = `subscription ($after: String) {
	eventRecorded(after: $after) { cursor previousCursor position event { eventId payload } }
}`

// byWebSocket subscribes with graphql-transport-ws.
func byWebSocket(ctx context.Context, t *tailer, server string) error {
	c := client.Client{Endpoint: server + "/graphql", HTTP: t.run.client}
	socket, err := c.DialWebSocket(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = socket.CloseNow() }()
	if err := socket.Subscribe(ctx, "1", subscription, map[string]any{"after": t.cursor}); err != nil {
		return err
	}
	for {
		event, err := socket.Next(ctx)
		switch {
		case err != nil:
		case event.Name == "next":
			err = t.next(event.Data)
		case event.Name != "":
			t.complain("the server sent %q", event.Name)
		}
		if err != nil {
			return err
		}
	}
}

func (t *tailer) next(payload []byte) error {
	var data struct {
		EventRecorded struct {
			Cursor, PreviousCursor, Position string
			Event                            struct {
				EventID string
				Payload event
			}
		}
	}
	if err := client.Decode(payload, &data); err != nil {
		return err
	}
	d := data.EventRecorded
	if d.PreviousCursor != t.cursor {
		t.complain("the delivery at %s says that it follows %q, and %q was the last", d.Position, d.PreviousCursor, t.cursor)
	}
	t.cursor = d.Cursor
	t.receive(d.Event.EventID, d.Position, d.Event.Payload)
	return nil
}

// naiveLog numbers events when they are inserted, as a log without a sequencer does.
const naiveLog = `CREATE TABLE naive (seq BIGSERIAL PRIMARY KEY, payload JSONB NOT NULL);
	CREATE FUNCTION naive() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
		INSERT INTO public.naive (payload) SELECT payload FROM ins; RETURN NULL; END $$;
	CREATE TRIGGER naive AFTER INSERT ON event REFERENCING NEW TABLE AS ins FOR EACH STATEMENT EXECUTE FUNCTION naive()`

// bySerial polls the naive log for numbers above the highest one it has seen.
func bySerial(ctx context.Context, t *tailer, _ string) error {
	connection, err := pgx.Connect(ctx, t.run.databaseURL)
	if err != nil {
		return err
	}
	defer connection.Close(context.WithoutCancel(ctx))
	for pause(ctx, 2*time.Millisecond) {
		rows, err := connection.Query(ctx, "SELECT seq::text, payload FROM naive WHERE seq > $1::text::bigint ORDER BY naive.seq", t.cursor)
		if err != nil {
			return err
		}
		var seq string
		var payload event
		if _, err := pgx.ForEachRow(rows, []any{&seq, &payload}, func() error {
			t.cursor = seq
			t.receive(payload.id(), seq, payload)
			return nil
		}); err != nil {
			return err
		}
	}
	return ctx.Err()
}
