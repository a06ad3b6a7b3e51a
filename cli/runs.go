package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"
)

// Runs is the command `runs`.
type Runs struct {
	Path        string   `placeholder:"PATH" complete:"path" help:"Only runs of the resource at this path."`
	Prefix      string   `placeholder:"PREFIX" aliases:"path-prefix" complete:"path" help:"Only runs of resources whose path starts with this."`
	Version     string   `placeholder:"LABEL" help:"Only runs of versions with this label."`
	Status      []string `enum:"running,completed,failed,cancelled" placeholder:"STATUS" help:"Only runs with this status: ${enum}; may be repeated."`
	Failed      bool     `help:"Only runs that failed, as --status failed."`
	Errors      bool     `xor:"errors" help:"Only runs with a failed step, whatever their status."`
	NoErrors    bool     `name:"no-errors" xor:"errors" help:"Only runs without a failed step."`
	Text        string   `placeholder:"WORDS" help:"Only runs with each of these words in the path, the id or the error, ignoring case and accents."`
	MinDuration string   `placeholder:"DURATION" help:"Only runs that took, or have been running, at least this long, like 90s, 2h or 1d."`
	Since       string   `placeholder:"TIME" help:"Only runs that started since: RFC 3339, a date, or how long ago, like 90m or 7d."`
	Before      string   `placeholder:"TIME" help:"Only runs that started before."`
	Idle        string   `placeholder:"TIME" help:"Only runs without an event since: with --status running, those that are stuck."`
	Remote
	Output
	Listing
}

// Validate is called by kong.
func (c *Runs) Validate() error {
	_, err := c.filter()
	return cmp.Or(err, c.Listing.Validate())
}

func (c *Runs) filter() (map[string]any, error) {
	filter := map[string]any{}
	for name, value := range map[string]string{"path": c.Path, "pathPrefix": c.Prefix, "version": c.Version, "text": c.Text} {
		if value != "" {
			filter[name] = value
		}
	}
	var statuses []string
	for _, status := range c.Status {
		statuses = append(statuses, strings.ToUpper(status))
	}
	if c.Failed && !slices.Contains(statuses, "FAILED") {
		statuses = append(statuses, "FAILED")
	}
	if statuses != nil {
		filter["statuses"] = statuses
	}
	if c.Errors || c.NoErrors {
		filter["hasErrors"] = c.Errors
	}
	if c.MinDuration != "" {
		atLeast, err := parseDuration(c.MinDuration)
		if err != nil || atLeast < 0 || atLeast.Milliseconds() > math.MaxInt32 {
			return nil, fmt.Errorf("--min-duration %q is not a duration like 90s, 2h or 1d, of at most 24d", c.MinDuration)
		}
		filter["minDurationMs"] = atLeast.Milliseconds()
	}
	return filter, cmp.Or(addTime(filter, "startedSince", "since", c.Since),
		addTime(filter, "startedBefore", "before", c.Before), addTime(filter, "idleSince", "idle", c.Idle))
}

const runFields = `executionId status failedStepCount startedAt finishedAt eventCount error version { path version }`

const listRuns = `query ListRuns($first: Int!, $after: String, $count: Boolean!, $filter: ExecutionFilter) {
  executions(first: $first, after: $after, filter: $filter) { ` + pageFields + ` nodes { ` + runFields + ` } }
}`

// run is a node with runFields.
type run struct {
	ExecutionID, Status, Error  string
	FailedStepCount, EventCount int
	StartedAt, FinishedAt       time.Time
	Version                     struct{ Path, Version string }
}

// statusCell returns the status with the number of failed steps, since a completed run may
// have failed steps.
func (r *run) statusCell() cell {
	status, style := strings.ToLower(r.Status), statusStyle(r.Status)
	if r.FailedStepCount > 0 && r.Status != "FAILED" {
		return cell{fmt.Sprintf("%s, %d failed", status, r.FailedStepCount), yellow}
	}
	return cell{status, style}
}

// duration returns the time from start to end, or until now with a + appended.
func (r *run) duration() string {
	if r.FinishedAt.IsZero() {
		return span(time.Since(r.StartedAt)) + "+"
	}
	return span(r.FinishedAt.Sub(r.StartedAt))
}

// Run prints runs, newest start first.
func (c *Runs) Run(ctx context.Context, stdout, stderr io.Writer) error {
	filter, err := c.filter()
	if err != nil {
		return err
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		t := s.table("RUN", "STATUS", "PATH", "VERSION", "STARTED", "DURATION", "ERROR")
		fetch := func(page map[string]any) (*nodes, error) {
			page["filter"] = filter
			var data struct{ Executions nodes }
			err := s.ask(ctx, listRuns, page, &data)
			return &data.Executions, err
		}
		return s.list(c.Listing, "runs", t, fetch, func(node json.RawMessage) error {
			var r run
			if err := decode(node, &r); err != nil {
				return err
			}
			t.add(cell{r.ExecutionID, bold}, r.statusCell(), cell{text: r.Version.Path}, cell{text: r.Version.Version},
				cell{s.at(r.StartedAt, toSeconds), dim}, cell{text: r.duration()}, cell{r.Error, red})
			return nil
		})
	})
}
