package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/noetl/noetl-catalog/client"
)

// Follow is the command `follow`. Its flags form the schema's EventFilter.
type Follow struct {
	Server string `env:"CATALOG_SERVER" default:"http://127.0.0.1:8080" placeholder:"URL" help:"The running server. Default: ${default}."`
	Token  string `env:"CATALOG_TOKEN" placeholder:"TOKEN" help:"Sent as Authorization: Bearer."`
	JSON   bool   `name:"json" help:"Print one JSON object a line, payload and meta included."`
	After  string `placeholder:"CURSOR" help:"Begin after this cursor: one that --json printed, or a tailCursor. Default: with the next event."`

	ExecutionID  *string  `name:"execution-id" placeholder:"ID" complete:"run" help:"Only events of this execution."`
	Step         *string  `placeholder:"NAME" help:"Only events about this step."`
	Status       []string `sep:"none" placeholder:"STATUS" help:"Only events with this status, in upper or lower case; may be repeated, for any of several."`
	Type         []string `sep:"none" placeholder:"NAME" complete:"event-type" help:"Only events of this type; may be repeated."`
	ExcludeType  []string `name:"exclude-type" sep:"none" placeholder:"NAME" complete:"event-type" help:"No events of this type; may be repeated."`
	ResourceType []string `name:"resource-type" sep:"none" placeholder:"NAME" complete:"resource-type" help:"Only events of resources of this type; may be repeated."`
	Path         []string `sep:"none" placeholder:"PATH" complete:"path" help:"Only events of the resource at this path; may be repeated, for any of several."`
	PathPrefix   *string  `name:"path-prefix" placeholder:"PREFIX" complete:"path" help:"Only events of resources whose path starts with this."`
	Version      *string  `placeholder:"LABEL" help:"Only events of versions with this label."`
	Since        *string  `placeholder:"TIME" help:"Only events with a timestamp at or after this: RFC 3339, like 2026-03-01T12:00:00Z."`
	Until        *string  `placeholder:"TIME" help:"Only events with a timestamp before this."`
	Payload      *string  `placeholder:"JSON" help:"Only events whose payload contains this JSON."`
	Meta         *string  `placeholder:"JSON" help:"Only events whose meta contains this JSON."`
	Text         *string  `placeholder:"WORDS" help:"Only events with each of these words in the path, type, step, status or error; needs --path, --execution-id, or --since and --until."`
}

// Validate checks the flags that need no server; kong calls it. It returns an
// error if no event can pass the filter.
func (f *Follow) Validate() error {
	since, sinceErr := parseInstant("since", f.Since)
	until, untilErr := parseInstant("until", f.Until)
	switch err := cmp.Or(sinceErr, untilErr, checkJSON("payload", f.Payload), checkJSON("meta", f.Meta)); {
	case err != nil:
		return err
	case f.Since != nil && f.Until != nil && !since.Before(until):
		return fmt.Errorf("--since %s is not before --until %s: no event lies between", *f.Since, *f.Until)
	}
	for _, path := range f.Path {
		if f.PathPrefix != nil && !strings.HasPrefix(path, *f.PathPrefix) {
			return fmt.Errorf("--path %q does not begin with --path-prefix %q: no event has both", path, *f.PathPrefix)
		}
	}
	return nil
}

func parseInstant(flag string, value *string) (time.Time, error) {
	if value == nil {
		return time.Time{}, nil
	}
	instant, err := time.Parse(time.RFC3339, *value)
	if err != nil {
		err = fmt.Errorf("--%s %q is not an instant like 2026-03-01T12:00:00Z (RFC 3339)", flag, *value)
	}
	return instant, err
}

func checkJSON(flag string, value *string) error {
	if value != nil && !json.Valid([]byte(*value)) {
		return fmt.Errorf("--%s %q is not JSON", flag, *value)
	}
	return nil
}

// Run prints events to stdout as they are recorded. It returns nil when the context ends or
// the reader of stdout closes the pipe. After a lost connection it resumes after the last
// event printed, and reports that on stderr. It returns the server's error if the server
// refuses the subscription.
func (f *Follow) Run(ctx context.Context, stdout, stderr io.Writer) error {
	follower, err := newFollower(f, stdout, stderr)
	if err != nil {
		return err
	}
	return follower.follow(ctx)
}

// filter returns the variable `filter`, or nil if no flag is set. JSON is sent unchanged, so
// that numbers keep their digits.
func (f *Follow) filter() map[string]any {
	filter := map[string]any{}
	for name, value := range map[string]*string{
		"executionId": f.ExecutionID, "step": f.Step, "pathPrefix": f.PathPrefix,
		"version": f.Version, "since": f.Since, "until": f.Until, "text": f.Text,
	} {
		if value != nil {
			filter[name] = *value
		}
	}
	for name, values := range map[string][]string{
		"statuses": f.Status, "types": f.Type, "excludeTypes": f.ExcludeType, "resourceTypes": f.ResourceType, "paths": f.Path,
	} {
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

// pace has the timeouts and delays of a follower.
type pace struct {
	// silence is the time after which a connection that has sent nothing counts as lost. A
	// server without events sends a checkpoint every 12 s.
	silence time.Duration
	// settle is how long a connection without an event must last before it is reported as
	// connected, since a server may close it at once.
	settle time.Duration
	// shortest and longest bound the wait before the next attempt.
	shortest, longest time.Duration
}

// follower follows one subscription over any number of connections.
type follower struct {
	command *Follow
	client  *client.Client
	query   string
	// run is the execution that is followed until it ends; empty for the log.
	run     string
	pace    pace
	notices *notices
	print   func(*delivery) error

	// checked: the names of the filter have been checked.
	checked bool
	// cursor is that of the last printed event, or the one to begin after; empty until the
	// end of the log is known.
	cursor string
	// checkpoint is a later cursor to resume after; empty if the server has sent none.
	checkpoint string
	// failures is the number of attempts since the last printed event.
	failures int
}

func newFollower(f *Follow, stdout, stderr io.Writer) (*follower, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	c, err := newClient(f.Server, f.Token)
	if err != nil {
		return nil, err
	}
	pace := pace{silence: 45 * time.Second, settle: time.Second, shortest: 50 * time.Millisecond, longest: 2 * time.Second}
	c.Silence = pace.silence
	follower := &follower{
		command: f,
		client:  c,
		query:   fmt.Sprintf(followEvents, ""),
		pace:    pace,
		notices: &notices{stderr: stderr, endpoint: c.Endpoint},
		print:   func(d *delivery) error { return d.printForPeople(stdout, isTerminal(stdout) && hasColours()) },
		cursor:  f.After,
	}
	if f.JSON {
		follower.query = fmt.Sprintf(followEvents, " payload meta")
		follower.print = func(d *delivery) error { return d.printJSON(stdout) }
	}
	return follower, nil
}

// finalError ends the command, as does a permanent error of the client. After any other
// error the follower reconnects.
type finalError struct{ error }

func (e *finalError) Unwrap() error { return e.error }

// errNoReader: stdout is a pipe whose reader has closed it.
var errNoReader = errors.New("nobody reads the output")

// errEnded: the run that is followed has ended.
var errEnded = errors.New("the run has ended")

func (f *follower) follow(ctx context.Context) error {
	defer f.client.Close()
	for {
		err := f.connect(ctx)
		final, isFinal := errors.AsType[*finalError](err)
		refused, isRefused := errors.AsType[*client.Error](err)
		switch {
		case ctx.Err() != nil, errors.Is(err, errNoReader), errors.Is(err, errEnded):
			return nil
		case isFinal:
			return final.error
		case client.Temporary(err):
		case isRefused:
			return fmt.Errorf("the server refused the subscription: %s", inOneLine(refused.Error()))
		default:
			return err
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

// delay returns the pause before the next attempt. It is random, so that the followers of a
// restarted server do not reconnect at the same time. Its range doubles with each failure.
func (f *follower) delay() time.Duration {
	span := min(f.pace.shortest<<min(f.failures, 20), f.pace.longest-f.pace.shortest)
	return f.pace.shortest + rand.N(span) //nolint:gosec // jitter
}

// followEvents is a format for further fields of an event.
const followEvents = `subscription FollowEvents($filter: EventFilter, $after: String) {
  eventRecorded(filter: $filter, after: $after) {
    cursor previousCursor position
    event { eventId type { name } path version { version } timestamp message%s }
  }
}`

// followRun is followEvents for one run. Its response has the same fields.
var followRun = strings.NewReplacer("FollowEvents", "FollowRun", "$filter: EventFilter", "$run: String!",
	"eventRecorded(filter: $filter", "eventRecorded: executionProgressed(executionId: $run").Replace(followEvents)

const tailCursor = `query TailCursor { events(first: 1) { tailCursor } }`

// connect follows over one connection. Its error is never nil: it is why the connection
// ended.
func (f *follower) connect(ctx context.Context) error {
	if err := f.checkNames(ctx); err != nil {
		return err
	}
	if f.cursor == "" && f.run == "" {
		// If the connection is lost before its first event, a follower without a cursor
		// would miss what is recorded before the next connection.
		var data struct{ Events struct{ TailCursor string } }
		if err := f.client.Do(ctx, tailCursor, nil, &data); err != nil {
			return err
		}
		if data.Events.TailCursor == "" {
			return &finalError{fmt.Errorf("the server at %s has no tailCursor", f.client.Endpoint)}
		}
		f.notices.answered()
		f.cursor = data.Events.TailCursor
	}
	if f.checkpoint != "" {
		f.cursor, f.checkpoint = f.checkpoint, ""
	}
	var settling sync.WaitGroup
	defer settling.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	variables := map[string]any{"filter": f.command.filter(), "after": f.cursor}
	if f.run != "" {
		variables = map[string]any{"run": f.run}
		if f.cursor != "" {
			variables["after"] = f.cursor
		}
	}
	stream, err := f.client.Subscribe(ctx, f.query, variables)
	if err != nil {
		return err
	}
	defer stream.Close()
	f.notices.answered()
	settling.Go(func() {
		select {
		case <-time.After(f.pace.settle):
			f.notices.connected()
		case <-ctx.Done():
		}
	})

	for {
		event, err := stream.Next()
		switch {
		case errors.Is(err, io.EOF):
			return errors.New("the stream broke off")
		case err != nil:
			return err
		case event.Name == "complete" && f.run != "":
			return errEnded
		case event.Name == "complete":
			return errors.New("the server ended the stream")
		case event.Name == "" && event.Data == nil:
			f.checkpoint = event.ID
			continue
		case event.Name != "next":
			continue
		}
		if err := f.deliver(event.Data); err != nil {
			return err
		}
	}
}

// deliver prints the event of a response, or fails if earlier events are missing.
func (f *follower) deliver(response []byte) error {
	var data struct{ EventRecorded *delivery }
	if err := client.Decode(response, &data); err != nil {
		return err
	}
	d := data.EventRecorded
	if d == nil {
		return errors.New("the server sent no event")
	}
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
