package graph

import (
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Some statements bring along what the levels below ask for: a statement less
// for each of these levels. What came ahead of its field is found by the field;
// what does not come so is read when it is its turn.

// ahead is what came before its field's turn.
type ahead struct {
	versions map[*plannedField][][]*catalog.Version
	events   map[*plannedField][][]*eventlog.Event
	// heads are resources; read holds those of them that byPath does not have.
	read   [][]*catalog.Resource
	byPath map[string]*catalog.Resource
}

// tree reads resources, and with them what their selection asks for of their
// newest versions, and of the newest events of these. It tells whether it asks
// so; nothing is read where it does not.
func (x *execution) tree(p *plan, within catalog.Range, limit int) (found []*catalog.Resource, asked bool, err error) {
	var below eventlog.Branches
	versions := p.field("versions")
	if versions == nil {
		return nil, false, nil
	}
	args, err := x.pageArgs(versions, pagination.Revisions)
	if err != nil || !args.FromStart() {
		return nil, false, err
	}
	nodes := nodePlans(versions.child)
	beyond := rowsBeyond(versions.child)
	below.Versions, below.VersionColumns = args.Size+beyond, plannedColumns(nodes...)

	var events *plannedField
	// A row that only tells that there are more has no events to read.
	if len(nodes) == 1 && beyond == 0 {
		events = nodes[0].field("events")
	}
	if events != nil {
		args, filter, err := x.eventArgs(events)
		if err != nil {
			return nil, false, err
		}
		if args.FromStart() && filter.All() {
			below.Events = args.Size + rowsBeyond(events.child)
			below.EventColumns = plannedEventColumns(nodePlans(events.child)...)
		}
	}
	tree, err := x.events.ResourceTree(x.ctx, x.scopes, within, limit, below)
	if err != nil {
		return nil, false, err
	}
	x.ahead.versions = map[*plannedField][][]*catalog.Version{versions: tree.Versions}
	if below.Events > 0 {
		x.ahead.events = map[*plannedField][][]*eventlog.Event{events: tree.Events}
	}
	return tree.Resources, true, nil
}

// heads are the resources at these paths, nil for one that is not there. What
// the operation has read already is not read again.
func (x *execution) heads(paths []string) ([]*catalog.Resource, error) {
	for _, rows := range x.ahead.read {
		if x.ahead.byPath == nil {
			x.ahead.byPath = make(map[string]*catalog.Resource, len(rows))
		}
		for _, row := range rows {
			if row != nil {
				x.ahead.byPath[row.ResourcePath] = row
			}
		}
	}
	x.ahead.read = nil
	found := make([]*catalog.Resource, len(paths))
	for i, path := range paths {
		if found[i] = x.ahead.byPath[path]; found[i] == nil {
			return x.catalog.ResourcesByPath(x.ctx, x.scopes, paths)
		}
	}
	return found, nil
}
