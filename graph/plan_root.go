package graph

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// root answers a field of Query; its value is at place 0.
func (x *execution) root(f *plannedField) (writer, error) {
	switch f.name {
	case "resource":
		path, err := x.word(f, "path")
		if err != nil || path == nil {
			return nil, errUnplanned
		}
		found, err := x.resourceAt(*path, f.child)
		if err != nil {
			return nil, err
		}
		return one(x.resources(found, f.child))
	case "resourcesByPath":
		return x.resourcesAt(f)
	case "resources":
		return x.resourceList(f)
	case "version":
		return x.versionAt(f)
	case "event":
		id, err := x.word(f, "eventId")
		if err != nil || id == nil {
			return nil, errUnplanned
		}
		found, err := x.events.ByID(x.ctx, x.scopes, []string{*id}, plannedEventColumns(f.child))
		if err != nil {
			return nil, err
		}
		return one(x.eventRows(found, f.child))
	case "events":
		return x.feed(f)
	}
	return nil, errUnplanned
}

// one writes the only object that there is.
func one(answer *objects, err error) (writer, error) {
	if err != nil {
		return nil, err
	}
	return answer.write, nil
}

// resourceAt is the resource at a path, in a list of one.
func (x *execution) resourceAt(path string, p *plan) ([]*catalog.Resource, error) {
	found, asked, err := x.tree(p, catalog.OnePath(path), 1)
	if asked && len(found) == 0 {
		found = []*catalog.Resource{nil}
	}
	if asked || err != nil {
		return found, err
	}
	return x.catalog.ResourcesByPath(x.ctx, x.scopes, []string{path})
}

func (x *execution) versionAt(f *plannedField) (writer, error) {
	path, err := x.word(f, "path")
	if err != nil || path == nil {
		return nil, errUnplanned
	}
	label, err := x.word(f, "version")
	if err != nil {
		return nil, err
	}
	if label == nil || *label == catalog.Latest {
		heads, err := x.catalog.ResourcesByPath(x.ctx, x.scopes, []string{*path})
		if err != nil {
			return nil, err
		}
		if heads[0] == nil {
			return func(buf []byte, _ int) []byte { return append(buf, "null"...) }, nil
		}
		label = &heads[0].LatestVersion
	}
	found, err := x.catalog.VersionByLabel(x.ctx, x.scopes, catalog.LabelKey{Path: *path, Label: *label}, plannedColumns(f.child))
	if err != nil {
		return nil, err
	}
	return one(x.versionRows([]*catalog.Version{found}, f.child))
}

func (x *execution) resourcesAt(f *plannedField) (writer, error) {
	argument, err := x.argument(f, "paths")
	if err != nil {
		return nil, err
	}
	given, ok := argument.([]any)
	if !ok {
		return nil, errUnplanned
	}
	var paths []string
	for _, each := range given {
		path, err := graphql.UnmarshalString(each)
		if err != nil {
			return nil, errUnplanned
		}
		paths = append(paths, path)
	}
	if checkWords("paths", paths) != nil {
		return nil, errUnplanned
	}
	found, err := x.catalog.ResourcesByPath(x.ctx, x.scopes, paths)
	if err != nil {
		return nil, err
	}
	answer, err := x.resources(found, f.child)
	if err != nil {
		return nil, err
	}
	return func(buf []byte, _ int) []byte {
		buf = append(buf, '[')
		for i := range found {
			if i > 0 {
				buf = append(buf, ',')
			}
			buf = answer.write(buf, i)
		}
		return append(buf, ']')
	}, nil
}

func (x *execution) resourceList(f *plannedField) (writer, error) {
	first, after, last, before, err := x.relayArgs(f)
	if err != nil {
		return nil, err
	}
	var filter *model.ResourceFilter
	if err := x.input(f, "filter", "ResourceFilter", &filter); err != nil {
		return nil, err
	}
	var order *model.ResourceOrder
	if err := x.input(f, "orderBy", "ResourceOrder", &order); err != nil {
		return nil, err
	}
	query, err := x.resourceQuery(first, after, last, before, filter, order)
	if err != nil || query.empty {
		return nil, errUnplanned
	}
	pages, err := readPages(f.child, query.args, query.order.Descending,
		func(purpose pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*catalog.Resource, error) {
			order := query.order
			order.Descending = descending
			nodes := nodePlans(f.child)
			if purpose == pagination.Items && filter == nil && order == (catalog.Order{Field: catalog.OrderByPath}) && len(nodes) == 1 {
				list, asked, err := x.tree(nodes[0], query.within(span), limit)
				if asked || err != nil {
					return [][]*catalog.Resource{list}, err
				}
			}
			list, err := x.catalog.ListResources(x.ctx, x.scopes, query.filter, order, query.within(span), limit)
			return [][]*catalog.Resource{list}, err
		},
		func(r *catalog.Resource) pagination.Place {
			return pagination.At(query.order.SortTime(r), r.ResourcePath)
		})
	if err != nil {
		return nil, err
	}
	return one(connection(x.ctx, pages, f.child, x.resources, func() ([]int, error) {
		count, err := x.catalog.CountResources(x.ctx, x.scopes, query.filter)
		return []int{count}, err
	}))
}

func (x *execution) feed(f *plannedField) (writer, error) {
	args, filter, err := x.eventArgs(f)
	if err != nil {
		return nil, err
	}
	direction, err := x.text(f, "direction")
	if err != nil {
		return nil, err
	}
	newestFirst := direction == nil || model.OrderDirection(*direction) == model.OrderDirectionDesc
	pages, err := readPages(f.child, args, newestFirst,
		func(_ pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*eventlog.Event, error) {
			nodes := nodePlans(f.child)
			columns := plannedEventColumns(nodes...)
			wholeLog := span == (pagination.Span{}) && filter.All()
			if descending && wholeLog && wantResourceTypes(nodes) {
				list, err := x.events.NewestWithResourceTypes(x.ctx, x.scopes, limit, columns)
				return [][]*eventlog.Event{list}, err
			}
			list, err := x.events.List(x.ctx, x.scopes, filter, eventRange(span), eventlog.Direction(descending), limit, columns)
			return [][]*eventlog.Event{list}, err
		}, eventRowPlace)
	if err != nil {
		return nil, err
	}
	return one(connection(x.ctx, pages, f.child, x.eventRows, func() ([]int, error) {
		count, err := x.events.Count(x.ctx, x.scopes, filter)
		return []int{count}, err
	}))
}

// argument is the value of an argument: the one given, else the schema's
// default; nil where there is none.
func (x *execution) argument(f *plannedField, name string) (any, error) {
	value := f.field.Definition.Arguments.ForName(name).DefaultValue
	if given := f.field.Arguments.ForName(name); given != nil {
		if given.Value.Kind != ast.Variable {
			value = given.Value
		} else if variable, ok := x.op.Variables[given.Value.Raw]; ok {
			return variable, nil // its own default is among the variables
		}
	}
	if value == nil {
		return nil, nil
	}
	literal, err := value.Value(x.op.Variables)
	if err != nil {
		return nil, errUnplanned
	}
	return literal, nil
}

// text is a text argument; nil where there is none.
func (x *execution) text(f *plannedField, name string) (*string, error) {
	given, err := x.argument(f, name)
	if err != nil || given == nil {
		return nil, err
	}
	text, err := graphql.UnmarshalString(given)
	if err != nil {
		return nil, errUnplanned
	}
	return &text, nil
}

// word is a text argument, checked; nil where there is none.
func (x *execution) word(f *plannedField, name string) (*string, error) {
	text, err := x.text(f, name)
	if err != nil || checkWord(name, text) != nil {
		return nil, errUnplanned
	}
	return text, nil
}

// number is an argument that is a whole number; nil where there is none.
func (x *execution) number(f *plannedField, name string) (*int, error) {
	given, err := x.argument(f, name)
	if err != nil || given == nil {
		return nil, err
	}
	number, err := graphql.UnmarshalInt(given)
	if err != nil {
		return nil, errUnplanned
	}
	return &number, nil
}

// relayArgs are first, after, last and before.
func (x *execution) relayArgs(f *plannedField) (first *int, after *string, last *int, before *string, err error) {
	if first, err = x.number(f, "first"); err != nil {
		return nil, nil, nil, nil, err
	}
	if after, err = x.text(f, "after"); err != nil {
		return nil, nil, nil, nil, err
	}
	if last, err = x.number(f, "last"); err != nil {
		return nil, nil, nil, nil, err
	}
	before, err = x.text(f, "before")
	return first, after, last, before, err
}

func (x *execution) pageArgs(f *plannedField, kind string) (pagination.Args, error) {
	first, after, last, before, err := x.relayArgs(f)
	if err != nil {
		return pagination.Args{}, err
	}
	args, err := pagination.Parse(first, after, last, before, kind)
	if err != nil {
		return args, errUnplanned
	}
	return args, nil
}

// input reads an argument that is an input object.
func (x *execution) input(f *plannedField, argument, typeName string, into any) error {
	given, err := x.argument(f, argument)
	if err != nil || given == nil {
		return err
	}
	if err := graphql.UnmarshalNamedInputFromContext(x.ctx, typeName, given, into); err != nil {
		return errUnplanned
	}
	return nil
}
