package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"syscall"
	"time"
	"unicode"

	"golang.org/x/term"
)

// Follow is the command `follow`. Its filter is the schema's EventFilter; a
// flag that is not given does not narrow.
type Follow struct {
	Server string `env:"CATALOG_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The running server. Default: ${default}."`
	Token  string `env:"CATALOG_TOKEN" placeholder:"TOKEN" help:"Sent as Authorization: Bearer."`
	JSON   bool   `name:"json" help:"Print one JSON object a line, payload and meta included."`
	After  string `placeholder:"CURSOR" help:"Begin after this cursor: one that --json printed, or a tailCursor. Default: with the next event."`

	ExecutionID  *string  `name:"execution-id" placeholder:"ID" help:"Only events of this execution."`
	Step         *string  `placeholder:"NAME" help:"Only events about this step."`
	Status       []string `sep:"none" placeholder:"STATUS" help:"Only events with this status, in upper or lower case; may be repeated, for any of several."`
	Type         []string `sep:"none" placeholder:"NAME" help:"Only events of this type; may be repeated."`
	ResourceType []string `name:"resource-type" sep:"none" placeholder:"NAME" help:"Only events of resources of this type; may be repeated."`
	Path         *string  `placeholder:"PATH" help:"Only events of the resource at this path."`
	PathPrefix   *string  `name:"path-prefix" placeholder:"PREFIX" help:"Only events of resources whose path starts with this."`
	Version      *string  `placeholder:"LABEL" help:"Only events of versions with this label."`
	Since        *string  `placeholder:"TIME" help:"Only events with a timestamp at or after this: RFC 3339, like 2026-03-01T12:00:00Z."`
	Until        *string  `placeholder:"TIME" help:"Only events with a timestamp before this."`
	Payload      *string  `placeholder:"JSON" help:"Only events whose payload contains this JSON."`
	Meta         *string  `placeholder:"JSON" help:"Only events whose meta contains this JSON."`
}

// Validate tells what makes no sense before a server is asked; kong calls it.
func (f *Follow) Validate() error {
	for _, flag := range []struct {
		name  string
		value *string
	}{{"since", f.Since}, {"until", f.Until}} {
		if flag.value == nil {
			continue
		}
		if _, err := time.Parse(time.RFC3339, *flag.value); err != nil {
			return fmt.Errorf("--%s %q is not an instant like 2026-03-01T12:00:00Z (RFC 3339)", flag.name, *flag.value)
		}
	}
	for _, flag := range []struct {
		name  string
		value *string
	}{{"payload", f.Payload}, {"meta", f.Meta}} {
		if flag.value != nil && !json.Valid([]byte(*flag.value)) {
			return fmt.Errorf("--%s %q is not JSON", flag.name, *flag.value)
		}
	}
	return f.contradiction()
}

// contradiction tells of flags that let no event through, ever.
func (f *Follow) contradiction() error {
	if f.Since != nil && f.Until != nil {
		since, _ := time.Parse(time.RFC3339, *f.Since)
		until, _ := time.Parse(time.RFC3339, *f.Until)
		if !since.Before(until) {
			return fmt.Errorf("--since %s is not before --until %s: no event lies between", *f.Since, *f.Until)
		}
	}
	if f.Path != nil && f.PathPrefix != nil && !strings.HasPrefix(*f.Path, *f.PathPrefix) {
		return fmt.Errorf("--path %q does not begin with --path-prefix %q: no event has both", *f.Path, *f.PathPrefix)
	}
	return nil
}

// Run prints events to stdout as they are recorded, until the context ends or
// nobody reads stdout any more; the error is nil then. It connects again by
// itself, after the last event printed, and tells so on stderr. The error is
// the server's where it refuses what is asked for.
func (f *Follow) Run(ctx context.Context, stdout, stderr io.Writer) error {
	follower, err := newFollower(f, stdout, stderr)
	if err != nil {
		return err
	}
	return follower.run(ctx)
}

// filter is the variable `filter`; nil where nothing narrows. JSON is passed
// on as it was written, so that numbers keep their digits.
func (f *Follow) filter() map[string]any {
	filter := map[string]any{}
	for name, value := range map[string]*string{
		"executionId": f.ExecutionID, "step": f.Step, "path": f.Path, "pathPrefix": f.PathPrefix,
		"version": f.Version, "since": f.Since, "until": f.Until,
	} {
		if value != nil {
			filter[name] = *value
		}
	}
	for name, values := range map[string][]string{"statuses": f.Status, "types": f.Type, "resourceTypes": f.ResourceType} {
		if len(values) > 0 {
			filter[name] = values
		}
	}
	for name, value := range map[string]*string{"payload": f.Payload, "meta": f.Meta} {
		if value != nil {
			filter[name] = json.RawMessage(*value)
		}
	}
	if len(filter) == 0 {
		return nil
	}
	return filter
}

// pace has the durations of following.
type pace struct {
	// silence is how long a server may send nothing at all. It sends a comment
	// every 15 s where it has no event.
	silence time.Duration
	// settle is how long a connection without an event must last to be told as
	// connected: one that a server ends at once is none.
	settle time.Duration
	// Before the next attempt it waits from shortest to longest.
	shortest, longest time.Duration
}

// follower follows one subscription over any number of connections.
type follower struct {
	command   *Follow
	client    *streamClient
	operation operation
	pace      pace
	notices   *notices
	print     func(*delivery) error

	// checked: the names of the filter have been looked at.
	checked bool
	// cursor is that of the last event printed, at first where to begin; empty
	// where the end of the log is still to be asked for.
	cursor string
	// checkpoint is a cursor that has come since: the one to resume after. Empty
	// for none.
	checkpoint string
	// failures are the attempts since the last event printed.
	failures int
}

func newFollower(f *Follow, stdout, stderr io.Writer) (*follower, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	// Its rules for --server; its client gives up on an answer that lasts.
	remote, err := newRemote(f.Server, f.Token)
	if err != nil {
		return nil, err
	}
	pace := pace{silence: 45 * time.Second, settle: time.Second, shortest: 50 * time.Millisecond, longest: 2 * time.Second}
	follower := &follower{
		command:   f,
		client:    newStreamClient(remote.endpoint, f.Token, pace.silence),
		operation: operation{Query: fmt.Sprintf(followEvents, ""), Variables: map[string]any{"filter": f.filter()}},
		pace:      pace,
		notices:   &notices{stderr: stderr, endpoint: remote.endpoint},
		print:     func(d *delivery) error { return d.printForPeople(stdout, isTerminal(stdout)) },
		cursor:    f.After,
	}
	if f.JSON {
		follower.operation.Query = fmt.Sprintf(followEvents, " payload meta")
		follower.print = func(d *delivery) error { return d.printJSON(stdout) }
	}
	return follower, nil
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// finalError is one that no other attempt would mend. Every other error of a
// connection is followed by the next.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// errNoReader says that stdout is a pipe whose reader has gone.
var errNoReader = errors.New("nobody reads the output")

func (f *follower) run(ctx context.Context) error {
	defer f.client.close()
	for {
		err := f.connect(ctx)
		var final *finalError
		switch {
		case ctx.Err() != nil, errors.Is(err, errNoReader):
			return nil
		case errors.As(err, &final):
			return final.error
		}
		f.notices.lost(err)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(f.delay()):
		}
		f.failures++
	}
}

// delay is the pause before the next attempt: a random part, so that the
// followers of a server that starts again do not come all at once, of a span
// that doubles with each failure.
func (f *follower) delay() time.Duration {
	span := min(f.pace.shortest<<min(f.failures, 20), f.pace.longest-f.pace.shortest)
	return f.pace.shortest + rand.N(span) //nolint:gosec // jitter
}

// followEvents takes the further fields of an event.
const followEvents = `subscription FollowEvents($filter: EventFilter, $after: String) {
  eventRecorded(filter: $filter, after: $after) {
    cursor previousCursor position
    event { eventId type { name } path version { version } timestamp message%s }
  }
}`

const tailCursor = `query TailCursor { events(first: 1) { tailCursor } }`

// connect follows over one connection. It always returns an error: why the
// connection ended.
func (f *follower) connect(ctx context.Context) error {
	if err := f.checkNames(ctx); err != nil {
		return err
	}
	if f.cursor == "" {
		// Without a cursor to come back to, what is recorded between a connection
		// lost before its first event and the next would be missed.
		tail, err := f.client.tail(ctx)
		if err != nil {
			return err
		}
		f.notices.answered()
		f.cursor = tail
	}
	if f.checkpoint != "" {
		f.cursor, f.checkpoint = f.checkpoint, ""
	}
	f.operation.Variables["after"] = f.cursor
	stream, err := f.client.subscribe(ctx, f.operation)
	if err != nil {
		return err
	}
	f.notices.answered()
	var settling sync.WaitGroup
	defer settling.Wait()
	defer stream.close()
	settling.Go(func() {
		select {
		case <-time.After(f.pace.settle):
			f.notices.connected()
		case <-stream.ctx.Done():
		}
	})

	events := newEventReader(stream)
	for {
		event, err := events.next()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the stream broke off")
		case err != nil:
			return err
		case event.name == "complete":
			return errors.New("the server ended the stream")
		case event.name == "" && event.data == nil:
			f.checkpoint = event.id
			continue
		case event.name != "next":
			continue
		}
		if err := f.deliver(event.data); err != nil {
			return err
		}
	}
}

// deliver prints the event of a message, unless others are missing before it.
func (f *follower) deliver(message []byte) error {
	var answer struct {
		Data   *struct{ EventRecorded *delivery }
		Errors []serverError
	}
	if err := json.Unmarshal(message, &answer); err != nil {
		return errors.New("the server sent what is not GraphQL")
	}
	if len(answer.Errors) > 0 {
		return answer.Errors[0].judge()
	}
	if answer.Data == nil || answer.Data.EventRecorded == nil {
		return errors.New("the server sent no event")
	}
	d := answer.Data.EventRecorded
	cursor := text(d.Cursor)
	if cursor == "" {
		return errors.New("the server sent an event without a cursor")
	}
	if previous := text(d.PreviousCursor); previous != f.cursor {
		f.checkpoint = ""
		f.notices.gap(f.cursor, previous)
		return errors.New("events are missing")
	}
	f.notices.connected()
	err := f.print(d)
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, io.ErrClosedPipe):
		return errNoReader
	case err != nil:
		return &finalError{fmt.Errorf("print an event: %w", err)}
	}
	f.cursor, f.checkpoint, f.failures = cursor, "", 0
	return nil
}

// delivery is an EventDelivery. What is printed as it came is kept as it came.
type delivery struct {
	Cursor, PreviousCursor, Position json.RawMessage

	Event struct {
		EventID       json.RawMessage
		Type          struct{ Name json.RawMessage }
		Path          json.RawMessage
		Version       struct{ Version json.RawMessage }
		Payload, Meta json.RawMessage
		Timestamp     json.RawMessage
		Message       json.RawMessage
	}
}

// printJSON writes one line with a single call, for a reader that wants each
// event at once.
func (d *delivery) printJSON(w io.Writer) error {
	e := &d.Event
	var line []byte
	separator := byte('{')
	for _, field := range []struct {
		key   string
		value json.RawMessage
	}{
		{"cursor", d.Cursor},
		{"position", d.Position},
		{"event_id", e.EventID},
		{"event_type", e.Type.Name},
		{"resource_path", e.Path},
		{"resource_version", e.Version.Version},
		{"timestamp", e.Timestamp},
		{"message", e.Message},
		{"payload", e.Payload},
		{"meta", e.Meta},
	} {
		line = append(line, separator, '"')
		line = append(line, field.key...)
		line = append(line, '"', ':')
		if field.value == nil {
			field.value = json.RawMessage("null")
		}
		start := len(line)
		line = append(line, field.value...)
		// JSON has line ends between its tokens only: a space means the same.
		for i, c := range line[start:] {
			if c == '\n' || c == '\r' {
				line[start+i] = ' '
			}
		}
		separator = ','
	}
	_, err := w.Write(append(line, '}', '\n'))
	return err
}

// printForPeople writes one line in columns, the time in UTC.
func (d *delivery) printForPeople(w io.Writer, terminal bool) error {
	e := &d.Event
	at := inOneLine(text(e.Timestamp))
	if instant, err := time.Parse(time.RFC3339, at); err == nil {
		at = instant.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	if terminal {
		at = "\x1b[2m" + at + "\x1b[22m"
	}
	var line bytes.Buffer
	fmt.Fprintf(&line, "%s  %-20s  %-28s  %-8s  %s\n", at, inOneLine(text(e.Type.Name)),
		inOneLine(text(e.Path)), inOneLine(text(e.Version.Version)), inOneLine(text(e.Message)))
	_, err := w.Write(line.Bytes())
	return err
}

// text is a JSON string's text; empty for anything else.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return ""
	}
	return s
}

// inOneLine replaces what a terminal would act upon: line ends and tabs by
// spaces, other control characters, and those that reorder text, by U+FFFD.
func inOneLine(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// notices tell a person on stderr, once each time, that the connection is lost
// and that it is back.
type notices struct {
	stderr   io.Writer
	endpoint string

	mu sync.Mutex
	// reached: the server has answered once.
	reached bool
	// welcome is what to say when the connection is back; empty where it is not
	// lost.
	welcome string
}

// answered notes that there is a server.
func (n *notices) answered() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.reached = true
}

// warn tells a person something about what is followed.
func (n *notices) warn(line string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintln(n.stderr, line)
}

func (n *notices) lost(reason error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.welcome != "":
	case n.reached:
		fmt.Fprintf(n.stderr, "connection lost, reconnecting: %s\n", inOneLine(reason.Error()))
		n.welcome = "connected again"
	default:
		fmt.Fprintf(n.stderr, "no connection to %s yet, trying again: %s\n", n.endpoint, inOneLine(reason.Error()))
		n.welcome = "connected"
	}
}

func (n *notices) connected() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.welcome != "" {
		fmt.Fprintln(n.stderr, n.welcome)
		n.welcome = ""
	}
}

// gap warns, each time, that the server left events out.
func (n *notices) gap(last, previous string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	fmt.Fprintf(n.stderr, "a gap: an event came that follows cursor %.100q, and the last one's is %.100q; reconnecting after that\n", previous, last)
	n.welcome = "connected again"
}
