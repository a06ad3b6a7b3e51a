package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/model"
)

// nodes reads objects by their ids: one statement for each type among them.
// An id that nothing has, or that is none, is nil.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	var resources, events, executions []string
	var versions []catalog.LabelKey
	place := map[string][]int{} // the places in ids of each type's keys, in order
	for i, id := range ids {
		key, ok := model.DecodeID(id)
		if !ok {
			continue
		}
		place[key.Type] = append(place[key.Type], i)
		switch key.Type {
		case "Resource":
			resources = append(resources, key.Path)
		case "Version":
			versions = append(versions, catalog.LabelKey{Path: key.Path, Label: key.Label})
		case "Event":
			events = append(events, key.Path)
		case "Execution":
			executions = append(executions, key.Path)
		}
	}
	nodes := make([]model.Node, len(ids))
	if len(resources) > 0 {
		found, err := r.resourcesByPath(ctx, resources)
		if err != nil {
			return nil, err
		}
		for n, resource := range found {
			if resource != nil {
				nodes[place["Resource"][n]] = resource
			}
		}
	}
	if len(versions) > 0 {
		found, err := r.versionsByLabel(versionColumns(ctx))(ctx, versions)
		if err != nil {
			return nil, err
		}
		for n, version := range found {
			if version != nil {
				nodes[place["Version"][n]] = version
			}
		}
	}
	if len(events) > 0 {
		found, err := r.eventsByID(eventColumns(ctx))(ctx, events)
		if err != nil {
			return nil, err
		}
		for n, event := range found {
			if event != nil {
				nodes[place["Event"][n]] = event
			}
		}
	}
	if len(executions) > 0 {
		found, err := r.executionsByID(ctx, executions)
		if err != nil {
			return nil, err
		}
		for n, execution := range found {
			if execution != nil {
				nodes[place["Execution"][n]] = execution
			}
		}
	}
	return nodes, nil
}
