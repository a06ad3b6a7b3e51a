package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

// Run is the command `run ID`.
type Run struct {
	ID string `arg:"" complete:"run" help:"The run: the execution_id in its events' meta."`

	Events bool `help:"Print its events, oldest first, not its steps."`
	Follow bool `help:"Print its events as they are recorded, until it ends."`
	Remote
	Output
	Listing
}

// Validate is called by kong.
func (c *Run) Validate() error {
	if c.Follow && (c.Events || c.All || c.Limit != nil) {
		return errors.New("--follow prints every event: leave out --events, --limit and --all")
	}
	return c.Listing.Validate()
}

const showRun = `query ShowRun($id: String!) {
  execution(executionId: $id) { ` + runFields + ` lastEventAt
    parent { executionId version { path } } children(first: 1) { totalCount } }
}`

// Run prints the properties of a run and its steps.
func (c *Run) Run(ctx context.Context, stdout, stderr io.Writer) error {
	if c.Follow {
		c.NoPager = true
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		head, err := s.run(ctx, c.ID)
		switch {
		case err != nil:
			return err
		case c.Follow:
			return s.followRun(ctx, c, head, stdout)
		case c.Events:
			return s.runEvents(ctx, c)
		}
		steps, err := s.steps(ctx, c.ID)
		if err != nil {
			return err
		}
		if s.JSON {
			return s.runJSON(head, steps)
		}
		if err := s.head(head); err != nil {
			return err
		}
		return s.timeline(steps, head)
	})
}

// run reads the properties of a run.
func (s *session) run(ctx context.Context, id string) (json.RawMessage, error) {
	var data struct{ Execution json.RawMessage }
	if err := s.ask(ctx, showRun, map[string]any{"id": id}, &data); err != nil {
		return nil, err
	}
	if isNull(data.Execution) {
		return nil, fmt.Errorf("there is no run %q (`noetl-catalog runs` shows the newest)", id)
	}
	return data.Execution, nil
}

// head prints the properties of a run.
func (s *session) head(raw json.RawMessage) error {
	var r struct {
		run
		Parent *struct {
			ExecutionID string
			Version     struct{ Path string }
		}
		Children struct{ TotalCount int }
	}
	if err := decode(raw, &r); err != nil {
		return err
	}
	status := r.statusCell()
	parent, children := "", ""
	if r.Parent != nil {
		parent = r.Parent.ExecutionID + " of " + r.Parent.Version.Path
	}
	if r.Children.TotalCount > 0 {
		children = fmt.Sprint(r.Children.TotalCount)
	}
	fmt.Fprintf(s, "%s  %s\n", s.paint(bold, inOneLine(r.ExecutionID)), s.paint(status.style, inOneLine(status.text)))
	s.properties([][2]string{
		{"version", r.Version.Path + "@" + r.Version.Version},
		{"started", s.at(r.StartedAt, toSeconds)},
		{"ended", s.at(r.FinishedAt, toSeconds)},
		{"duration", r.duration()},
		{"events", fmt.Sprint(r.EventCount)},
		{"error", r.Error},
		{"parent", parent},
		{"children", children},
	})
	return nil
}

// step is the state of a step, derived from the run's events.
type step struct {
	Step      string    `json:"step"`
	Status    string    `json:"status"`
	StartedAt time.Time `json:"startedAt"`
	// LastEventAt and Events are the time of the last event about the step, and the number
	// of such events.
	LastEventAt time.Time `json:"lastEventAt"`
	Events      int       `json:"eventCount"`
	// Parent is the step within which this one ran.
	Parent *string `json:"parent"`

	parent, lastIndex, firstIndex int
}

// A run may have hundreds of thousands of events, so the number of steps kept is bounded,
// and a parent is looked up among the latest events only.
const (
	maxSteps  = 10_000
	maxEvents = 10_000
)

const runSteps = `query RunSteps($id: String!, $first: Int!, $after: String) {
  execution(executionId: $id) { events(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor } nodes { eventId step status timestamp meta }
  } }
}`

// steps derives the steps of a run from its events, in their order.
func (s *session) steps(ctx context.Context, id string) ([]*step, error) {
	var steps []*step
	indexes := map[string]int{}
	ofEvents, err := lru.New[string, int](maxEvents)
	if err != nil {
		return nil, err
	}
	var after *string
	for index := 0; ; {
		var data struct {
			Execution *struct {
				Events struct {
					Nodes []struct {
						EventID, Step, Status string
						Timestamp             time.Time
						Meta                  struct {
							Parent any `json:"parent_event_id"`
						}
					}
					PageInfo struct {
						HasNextPage bool
						EndCursor   string
					}
				}
			}
		}
		if err := s.ask(ctx, runSteps, map[string]any{"id": id, "first": pageSize, "after": after}, &data); err != nil {
			return nil, err
		}
		if data.Execution == nil {
			return steps, nil
		}
		page := &data.Execution.Events
		for _, e := range page.Nodes {
			index++
			if e.Step == "" {
				continue
			}
			place, known := indexes[e.Step]
			if !known {
				if len(steps) == maxSteps {
					continue
				}
				place = len(steps)
				indexes[e.Step] = place
				begun := &step{Step: e.Step, StartedAt: e.Timestamp, parent: -1, firstIndex: index}
				if parent, ok := ofEvents.Get(fmt.Sprint(e.Meta.Parent)); ok && parent != place {
					begun.parent = parent
				}
				steps = append(steps, begun)
			}
			ofEvents.Add(e.EventID, place)
			at := steps[place]
			at.LastEventAt, at.lastIndex = e.Timestamp, index
			at.Events++
			if e.Status != "" {
				at.Status = e.Status
			}
		}
		if !page.PageInfo.HasNextPage || len(page.Nodes) == 0 {
			break
		}
		after = &page.PageInfo.EndCursor
	}
	nest(steps)
	return steps, nil
}

// nest removes the parents that had ended when their step began: such a step only preceded
// the other.
func nest(steps []*step) {
	for _, step := range steps {
		if step.parent >= 0 && steps[step.parent].lastIndex > step.firstIndex {
			step.Parent = &steps[step.parent].Step
		} else {
			step.parent = -1
		}
	}
}

// runJSON prints a run and its steps as one object.
func (s *session) runJSON(head json.RawMessage, steps []*step) error {
	if steps == nil {
		steps = []*step{}
	}
	encoded, err := json.Marshal(steps)
	if err != nil {
		return fmt.Errorf("write the steps: %w", err)
	}
	object, _ := strings.CutSuffix(strings.TrimSpace(string(head)), "}")
	return s.printJSON(json.RawMessage(object + `,"steps":` + string(encoded) + "}"))
}

// maxIndent is the largest number of levels by which a step is indented.
const maxIndent = 8

// timeline prints the steps, each below its parent.
func (s *session) timeline(steps []*step, head json.RawMessage) error {
	if len(steps) == 0 {
		s.note("no steps")
		return nil
	}
	var begun struct{ StartedAt time.Time }
	if err := decode(head, &begun); err != nil {
		return err
	}
	below := make(map[int][]int)
	for place, step := range steps {
		below[step.parent] = append(below[step.parent], place)
	}
	t := s.table("STEP", "STATUS", "STARTED", "AFTER", "DURATION", "EVENTS")
	_, _ = s.WriteString("\n") // Flush returns the error
	var add func(place, depth int)
	add = func(place, depth int) {
		step := steps[place]
		t.add(cell{strings.Repeat("  ", min(depth, maxIndent)) + step.Step, bold}, cell{strings.ToLower(step.Status), statusStyle(step.Status)},
			cell{s.at(step.StartedAt, toMillis), dim}, cell{text: span(step.StartedAt.Sub(begun.StartedAt))},
			cell{text: span(step.LastEventAt.Sub(step.StartedAt))}, cell{text: fmt.Sprint(step.Events)})
		for _, child := range below[place] {
			add(child, depth+1)
		}
	}
	for _, place := range below[-1] {
		add(place, 0)
	}
	if len(steps) == maxSteps {
		s.note("the first %d steps; --events --all prints every event", maxSteps)
	}
	return t.flush()
}

const runEvents = `query RunEvents($id: String!, $first: Int!, $after: String, $count: Boolean!) {
  execution(executionId: $id) { events(first: $first, after: $after) { ` + pageFields + ` nodes { ` + eventFields + ` } } }
}`

// runEvents prints the events of a run.
func (s *session) runEvents(ctx context.Context, c *Run) error {
	t := s.table("TIME", "TYPE", "STEP", "STATUS", "MESSAGE")
	fetch := func(page map[string]any) (*nodes, error) {
		page["id"] = c.ID
		var data struct{ Execution struct{ Events nodes } }
		err := s.ask(ctx, runEvents, page, &data)
		return &data.Execution.Events, err
	}
	return s.list(c.Listing, "events", t, fetch, func(node json.RawMessage) error {
		var e event
		if err := decode(node, &e); err != nil {
			return err
		}
		t.add(cell{s.at(e.Timestamp, toMillis), dim}, cell{e.Type.Name, bold}, cell{text: e.Step},
			cell{e.Status, statusStyle(e.Status)}, cell{text: e.Message})
		return nil
	})
}

// followRun prints the events of a run from the first one until the run ends. It reconnects
// as the command follow does.
func (s *session) followRun(ctx context.Context, c *Run, head json.RawMessage, stdout io.Writer) error {
	if !s.JSON {
		if err := s.head(head); err != nil {
			return err
		}
		_, _ = s.WriteString("\n") // Flush returns the error
	}
	if err := s.Flush(); err != nil {
		return err
	}
	follower, err := newFollower(&Follow{Server: c.Server, Token: c.Token, JSON: c.JSON}, stdout, s.stderr)
	if err != nil {
		return err
	}
	fields := " step status"
	if s.JSON {
		fields = " payload meta"
	} else {
		follower.print = s.printProgress
	}
	follower.run, follower.query = c.ID, fmt.Sprintf(followRun, fields)
	if err := follower.follow(ctx); err != nil || s.JSON || ctx.Err() != nil {
		return err
	}
	if head, err = s.run(ctx, c.ID); err != nil {
		return err
	}
	_, _ = s.WriteString("\n") // Flush returns the error
	return s.head(head)
}

// printProgress prints an event of a run as one line.
func (s *session) printProgress(d *delivery) error {
	e := &d.Event
	var at time.Time
	_ = json.Unmarshal(e.Timestamp, &at) // the column is empty otherwise
	status := text(e.Status)
	fmt.Fprintf(s, "%s  %-20s  %-20s  %s  %s\n", s.paint(dim, s.at(at, toMillis)), inOneLine(text(e.Type.Name)), inOneLine(text(e.Step)),
		s.paint(statusStyle(status), fmt.Sprintf("%-10s", inOneLine(status))), inOneLine(text(e.Message)))
	return s.Flush()
}
