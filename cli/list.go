package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Listing has the flags that limit a list.
type Listing struct {
	Limit *int `placeholder:"N" help:"Print at most N, which is 1 or more. Default: 50 on a terminal, otherwise all."`
	All   bool `help:"Print all, on a terminal as well."`
}

// Validate is called by kong.
func (l *Listing) Validate() error {
	switch {
	case l.Limit != nil && *l.Limit < 1:
		return errors.New("--limit must be at least 1; --all prints all")
	case l.Limit != nil && l.All:
		return errors.New("--limit and --all contradict each other")
	}
	return nil
}

const (
	// screenful is the limit on a terminal.
	screenful = 50
	// pageSize is the server's longest page.
	pageSize = 200
)

// nodes is a page of a list. TotalCount is set if the query requested it.
type nodes struct {
	Nodes      []json.RawMessage
	TotalCount *int
	PageInfo   struct {
		HasNextPage bool
		EndCursor   string
	}
}

// pageFields selects the fields of a connection other than its nodes. list sets the
// variables $first, $after and $count.
const pageFields = `totalCount @include(if: $count) pageInfo { hasNextPage endCursor }`

// list prints a list page by page, as the JSON of its nodes or as a table. fetch reads a
// page with the given variables; row adds a node to the table.
func (s *session) list(l Listing, what string, t *table, fetch func(page map[string]any) (*nodes, error), row func(json.RawMessage) error) error {
	limit := 0
	switch {
	case l.Limit != nil:
		limit = *l.Limit
	case s.terminal && !l.All:
		limit = screenful
	}
	var after *string
	shown, total := 0, 0
	for {
		first := pageSize
		if limit > 0 {
			first = min(first, limit-shown)
		}
		page, err := fetch(map[string]any{"first": first, "after": after, "count": limit > 0 && shown == 0})
		if err != nil {
			return err
		}
		if page.TotalCount != nil {
			total = *page.TotalCount
		}
		for _, node := range page.Nodes {
			if s.JSON {
				err = s.printJSON(node)
			} else {
				err = row(node)
			}
			if err != nil {
				return err
			}
		}
		if err := cmp.Or(t.flush(), s.Flush()); err != nil {
			return err
		}
		shown += len(page.Nodes)
		if !page.PageInfo.HasNextPage || limit > 0 && shown >= limit || len(page.Nodes) == 0 {
			break
		}
		after = &page.PageInfo.EndCursor
	}
	switch {
	case shown == 0 && !s.JSON:
		s.note("no %s", what)
	case total > shown:
		s.note("%d of %d %s; --limit N or --all prints more", shown, total, what)
	}
	return nil
}

// ResourceFilter has a flag for each supported field of the schema's ResourceFilter.
type ResourceFilter struct {
	Prefix string   `placeholder:"PREFIX" aliases:"path-prefix" complete:"path" help:"Only resources whose path starts with this."`
	Type   []string `sep:"none" placeholder:"NAME" complete:"resource-type" help:"Only resources of this type; may be repeated."`
	Tag    []string `sep:"none" placeholder:"TAG" complete:"tags" help:"Only resources with this tag, ignoring case and accents; may be repeated, for any of several."`
	Tool   string   `placeholder:"KIND" complete:"tools" help:"Only resources that use this kind of tool, like postgres."`
	Uses   string   `placeholder:"NAME" complete:"credentials" help:"Only resources that use the credential of this name."`
	Calls  string   `placeholder:"PATH" complete:"path" help:"Only resources that call the playbook at this path."`
	Since  string   `placeholder:"TIME" help:"Only resources updated since: RFC 3339, a date, or how long ago, like 90m or 7d."`
	Before string   `placeholder:"TIME" help:"Only resources updated before."`
}

// Validate is called by kong.
func (f *ResourceFilter) Validate() error {
	_, err := f.variables(map[string]any{})
	return err
}

// variables adds the flags to a filter.
func (f *ResourceFilter) variables(filter map[string]any) (map[string]any, error) {
	err := cmp.Or(addTime(filter, "updatedSince", "since", f.Since), addTime(filter, "updatedBefore", "before", f.Before))
	for name, value := range map[string]string{"pathPrefix": f.Prefix, "usesTool": f.Tool, "usesCredential": f.Uses, "calls": f.Calls} {
		if value != "" {
			filter[name] = value
		}
	}
	for name, values := range map[string][]string{"types": f.Type, "tags": f.Tag} {
		if len(values) > 0 {
			filter[name] = values
		}
	}
	return filter, err
}

// addTime adds the time in a flag to a filter if the flag is set: RFC 3339, a date in the
// local time zone, or a duration ago.
func addTime(filter map[string]any, name, flag, value string) error {
	if value == "" {
		return nil
	}
	instant, err := time.Parse(time.RFC3339, value)
	if err != nil {
		instant, err = time.ParseInLocation(time.DateOnly, value, time.Local)
	}
	if err != nil {
		var ago time.Duration
		ago, err = parseDuration(value)
		instant = time.Now().Add(-ago)
	}
	if err != nil {
		return fmt.Errorf("--%s %q is not a time like 2026-03-01T12:00:00Z or 2026-03-01, nor how long ago, like 90m or 7d", flag, value)
	}
	filter[name] = instant.UTC().Truncate(time.Microsecond).Format(time.RFC3339Nano)
	return nil
}

// parseDuration parses a duration as time.ParseDuration does, or a number of days.
func parseDuration(value string) (time.Duration, error) {
	if days, ok := strings.CutSuffix(value, "d"); ok {
		hours, err := time.ParseDuration(days + "h")
		return 24 * hours, err
	}
	return time.ParseDuration(value)
}

// List is the command `list`.
type List struct {
	Remote
	Output
	Listing
	ResourceFilter

	Order string `enum:"path,updated,created" default:"path" help:"Order: ${enum}; the last two newest first. Default: ${default}."`
}

// Validate is called by kong.
func (l *List) Validate() error { return cmp.Or(l.Listing.Validate(), l.ResourceFilter.Validate()) }

const listResources = `query ListResources($first: Int!, $after: String, $count: Boolean!, $filter: ResourceFilter, $orderBy: ResourceOrder) {
  resources(first: $first, after: $after, filter: $filter, orderBy: $orderBy) { ` + pageFields + `
    nodes { path type { name } name description tags updatedAt latestVersion { version revision } latestExecution { executionId status failedStepCount startedAt } }
  }
}`

// resource is a node of listResources.
type resource struct {
	Path, Name, Description string
	Type                    named
	UpdatedAt               time.Time
	LatestVersion           struct{ Version string }
	LatestExecution         *run
}

// Run prints resources.
func (l *List) Run(ctx context.Context, stdout, stderr io.Writer) error {
	filter, err := l.variables(map[string]any{})
	if err != nil {
		return err
	}
	var order map[string]any
	if l.Order != "" && l.Order != "path" {
		order = map[string]any{"field": strings.ToUpper(l.Order) + "_AT", "direction": "DESC"}
	}
	return l.read(ctx, &l.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		return s.resources(ctx, l.Listing, map[string]any{"filter": filter, "orderBy": order})
	})
}

// resources prints the resources that match a filter.
func (s *session) resources(ctx context.Context, l Listing, variables map[string]any) error {
	t := s.table("PATH", "TYPE", "VERSION", "UPDATED", "LAST RUN", "NAME")
	fetch := func(page map[string]any) (*nodes, error) {
		page["filter"], page["orderBy"] = variables["filter"], variables["orderBy"]
		var data struct{ Resources nodes }
		err := s.ask(ctx, listResources, page, &data)
		return &data.Resources, err
	}
	return s.list(l, "resources", t, fetch, func(node json.RawMessage) error {
		var r resource
		if err := decode(node, &r); err != nil {
			return err
		}
		lastRun := cell{}
		if r.LatestExecution != nil {
			lastRun = r.LatestExecution.statusCell()
		}
		t.add(cell{r.Path, bold}, cell{text: r.Type.Name}, cell{text: r.LatestVersion.Version},
			cell{s.at(r.UpdatedAt, toSeconds), dim}, lastRun, cell{text: r.Name})
		return nil
	})
}
