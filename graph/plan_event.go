package graph

import (
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// plannedEventColumns are the large columns that a selection of events asks for.
func plannedEventColumns(p ...*plan) (columns eventlog.Columns) {
	for _, each := range p {
		columns.Payload = columns.Payload || each.has("payload")
		columns.Meta = columns.Meta || each.has("meta", "executionId", "step", "status")
	}
	return columns
}

// eventRows answers a selection of events.
func (x *execution) eventRows(rows []*eventlog.Event, p *plan) (*objects, error) {
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "id":
			return func(buf []byte, at int) []byte { return appendID(buf, "Event", rows[at].ID) }, nil
		case "eventId":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].ID) }, nil
		case "path":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Path) }, nil
		case "payload":
			return func(buf []byte, at int) []byte { return appendJSON(buf, rows[at].Payload) }, nil
		case "meta":
			return func(buf []byte, at int) []byte { return appendJSON(buf, rows[at].Meta) }, nil
		case "timestamp":
			return func(buf []byte, at int) []byte { return appendTime(buf, rows[at].Timestamp) }, nil
		case "executionId":
			return metaTexts(rows, "execution_id")
		case "step":
			return metaTexts(rows, "node_name")
		case "status":
			return metaTexts(rows, "status")
		case "message":
			return x.messages(rows)
		case "type":
			return x.eventTypes(rows, f)
		case "resource":
			if len(rows) > 0 && rows[0] != nil && rows[0].Columns.ResourceType {
				return knownResources(rows, f.child)
			}
			paths, places := gather(rows, func(e *eventlog.Event) string { return e.Path })
			if len(paths) == 0 {
				return nothingToWrite, nil
			}
			found, err := x.heads(paths)
			if err != nil {
				return nil, err
			}
			if err := required(found); err != nil {
				return nil, err
			}
			child, err := x.resources(found, f.child)
			if err != nil {
				return nil, err
			}
			return through(places, child), nil
		case "version":
			keys, places := gather(rows, func(e *eventlog.Event) catalog.LabelKey {
				return catalog.LabelKey{Path: e.Path, Label: e.Version}
			})
			return x.versionsByLabel(keys, places, f, true)
		}
		return nil, errUnplanned
	})
	return &objects{plan: p, values: values, absent: func(at int) bool { return rows[at] == nil }}, err
}

// wantResourceTypes reports whether what selections of events ask for of their
// resources is no more than the path and the type.
func wantResourceTypes(nodes []*plan) bool {
	wanted := false
	for _, p := range nodes {
		for i := range p.fields {
			if p.fields[i].name != "resource" {
				continue
			}
			wanted = true
			for _, f := range p.fields[i].child.fields {
				if f.name != "id" && f.name != "path" && f.name != "type" && f.name != "__typename" {
					return false
				}
			}
		}
	}
	return wanted
}

// knownResources writes the resources of events that say the path and the type.
func knownResources(rows []*eventlog.Event, p *plan) (writer, error) {
	values, err := each(p, func(f *plannedField) (writer, error) {
		switch f.name {
		case "id":
			return func(buf []byte, at int) []byte { return appendID(buf, "Resource", rows[at].Path) }, nil
		case "path":
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Path) }, nil
		case "type":
			return names(f.child, func(at int) string { return rows[at].ResourceType }).write, nil
		}
		return nil, errUnplanned
	})
	child := &objects{plan: p, values: values, absent: func(int) bool { return false }}
	return child.write, err
}

func metaTexts(rows []*eventlog.Event, key string) (writer, error) {
	return func(buf []byte, at int) []byte {
		// What cannot be read as text is PostgreSQL's own JSON, which can.
		text, _ := textIn(rows[at].Meta, key)
		return appendOptional(buf, text)
	}, nil
}

// messages renders the messages of events, all of them read together.
func (x *execution) messages(rows []*eventlog.Event) (writer, error) {
	events := model.NewEvents(rows)
	if x.shared != nil {
		events[0] = x.shared
	}
	x.ctx = loader.WithLoaders(x.ctx, loader.New())
	texts := make([]string, len(rows))
	for i, event := range events {
		if event == nil {
			continue
		}
		var err error
		if texts[i], err = x.messageOf(x.ctx, event); err != nil {
			return nil, err
		}
	}
	return func(buf []byte, at int) []byte { return appendText(buf, texts[at]) }, nil
}

// eventTypes leads from events to their types.
func (x *execution) eventTypes(rows []*eventlog.Event, f *plannedField) (writer, error) {
	var found []*eventlog.EventType
	var places []int
	if f.child.has("template", "phase") {
		var types []string
		if types, places = gather(rows, func(e *eventlog.Event) string { return e.Type }); len(types) > 0 {
			var err error
			if found, err = x.events.EventTypesByName(x.ctx, types); err != nil {
				return nil, err
			}
		}
	}
	values, err := each(f.child, func(f *plannedField) (writer, error) {
		if f.name == "name" {
			return func(buf []byte, at int) []byte { return appendText(buf, rows[at].Type) }, nil
		}
		return func(buf []byte, at int) []byte {
			kind := found[places[at]]
			switch {
			case kind == nil:
				return append(buf, "null"...)
			case f.name == "phase":
				return appendOptional(buf, kind.Phase)
			}
			return appendOptional(buf, kind.Template)
		}, nil
	})
	child := &objects{plan: f.child, values: values, absent: func(int) bool { return false }}
	return child.write, err
}

// eventsOf leads from rows to pages of their events.
func (x *execution) eventsOf(
	places []int, parents int, f *plannedField,
	list func(filter eventlog.Filter, within eventlog.Range, direction eventlog.Direction, limit int, columns eventlog.Columns) ([][]*eventlog.Event, error),
	count func(filter eventlog.Filter) ([]int, error),
) (writer, error) {
	args, filter, err := x.eventArgs(f)
	if err != nil || parents == 0 {
		return nothingToWrite, err
	}
	pages, err := readPages(f.child, args, true,
		func(_ pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*eventlog.Event, error) {
			if lists, ok := x.ahead.events[f]; ok { // of first pages only
				return lists, nil
			}
			return list(filter, eventRange(span), eventlog.Direction(descending), limit, plannedEventColumns(nodePlans(f.child)...))
		}, eventRowPlace)
	if err != nil {
		return nil, err
	}
	child, err := connection(x.ctx, pages, f.child, x.eventRows, func() ([]int, error) { return count(filter) })
	if err != nil {
		return nil, err
	}
	return through(places, child), nil
}

func eventRowPlace(e *eventlog.Event) pagination.Place { return pagination.At(e.Timestamp, e.ID) }

// eventArgs reads the arguments of a list of events.
func (x *execution) eventArgs(f *plannedField) (pagination.Args, eventlog.Filter, error) {
	args, err := x.pageArgs(f, "event")
	if err != nil {
		return args, eventlog.Filter{}, err
	}
	var input *model.EventFilter
	if err := x.input(f, "filter", "EventFilter", &input); err != nil {
		return args, eventlog.Filter{}, err
	}
	filter, empty, err := x.eventFilter(input)
	if err != nil || empty {
		return args, filter, errUnplanned
	}
	return args, filter, nil
}
