package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/tree"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
	"github.com/noetl/noetl-catalog/graph/plan"
)

// ahead holds lists of lower levels that were read by the statement of a higher
// level. A field whose lists are not here reads them itself. There may be more lists
// than parents: a page reads one item more than it shows.
type ahead struct {
	versions map[*plan.Node][][]*model.Version
	events   map[*plan.Node][][]*eventlog.Event
}

func (a *ahead) versionsOf(field *plan.Selected, parents int) ([][]*model.Version, bool) {
	if field == nil || a.versions[field.Node] == nil {
		return nil, false
	}
	return a.versions[field.Node][:parents], true
}

func (a *ahead) eventsOf(field *plan.Selected, parents int) ([][]*eventlog.Event, bool) {
	if field == nil || a.events[field.Node] == nil {
		return nil, false
	}
	return a.events[field.Node][:parents], true
}

// resourceTree reads resources, their newest versions, and the newest events of
// these in one statement, if the current field selects them so. Otherwise it reads
// nothing and returns nil.
func (r *Resolver) resourceTree(ctx context.Context, within catalog.Range, limit int) ([]*model.Resource, error) {
	field := plan.FieldOf(ctx)
	if field == nil || field.Repeats() {
		return nil, nil
	}
	versions := plan.Find(field.Objects(), "versions")
	if versions == nil {
		return nil, nil
	}
	args, ok := firstPage(field.Args(versions), pagination.Revisions)
	if !ok {
		return nil, nil
	}
	below := tree.Branches{Versions: args.Size, VersionColumns: catalog.Columns{
		Payload: versions.Selects("payload"), Content: versions.Selects("content"), Meta: versions.Selects("meta"),
	}}
	var events *plan.Node
	if versions.SelectsEver("pageInfo") {
		below.Versions++ // its events are not needed
	} else if !versions.Repeats() {
		events = plan.Find(versions.Objects(), "events")
	}
	if events != nil {
		args, ok := firstPage(field.Args(events), "event")
		filter, _ := field.Args(events)["filter"].(*model.EventFilter)
		checked, empty, err := r.eventFilter(filter)
		if ok && err == nil && !empty && checked.All() && !events.SelectsEver("tailCursor") {
			below.Events = args.Size
			if events.SelectsEver("pageInfo") {
				below.Events++
			}
			below.EventColumns = eventlog.Columns{Payload: events.Selects("payload"), Meta: events.Selects(metaFields...)}
		}
	}
	x := r.reads(ctx)
	found, err := tree.Read(ctx, &x.events.Reader, x.scopes, within, limit, below)
	if err != nil {
		return nil, err
	}
	x.ahead.versions = map[*plan.Node][][]*model.Version{versions: wrapLists(found.Versions, x.models.Versions)}
	if below.Events > 0 {
		x.ahead.events = map[*plan.Node][][]*eventlog.Event{events: found.Events}
	}
	return x.models.Resources(found.Resources), nil
}

// firstPage returns the arguments of a list, and whether they ask for its first page.
func firstPage(given map[string]any, kind string) (pagination.Args, bool) {
	first, _ := given["first"].(*int)
	after, _ := given["after"].(*string)
	last, _ := given["last"].(*int)
	before, _ := given["before"].(*string)
	args, err := pagination.Parse(first, after, last, before, kind)
	return args, err == nil && args.FromStart()
}

// onlyResourceTypes reports whether the current field selects resources of events,
// and of these only what the path and the type determine.
func onlyResourceTypes(ctx context.Context) bool {
	field := plan.FieldOf(ctx)
	if field == nil || !field.Selects("resource") {
		return false
	}
	for _, of := range field.Objects() {
		if of.Name() == "resource" && !of.SelectsOnly("id", "path", "type", "__typename") {
			return false
		}
	}
	return true
}
