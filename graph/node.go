package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/model"
)

// nodes reads objects by global ids, with one statement for each type. An unknown or
// malformed id gives nil.
func (r *Resolver) nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	var resources, events, executions []string
	var versions []catalog.LabelKey
	at := map[string][]int{} // the indexes in ids of each type's keys, in order
	for i, id := range ids {
		key, ok := model.DecodeID(id)
		if !ok {
			continue
		}
		at[key.Type] = append(at[key.Type], i)
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
	errs := []error{
		putNodes(nodes, at["Resource"], resources, func(paths []string) ([]*model.Resource, error) { return r.resourcesByPath(ctx, paths) }),
		putNodes(nodes, at["Version"], versions, func(keys []catalog.LabelKey) ([]*model.Version, error) {
			return r.versionsByLabel(versionColumns(ctx))(ctx, keys)
		}),
		putNodes(nodes, at["Event"], events, func(ids []string) ([]*model.Event, error) { return r.eventsByID(eventColumns(ctx))(ctx, ids) }),
		putNodes(nodes, at["Execution"], executions, func(ids []string) ([]*model.Execution, error) { return r.executionsByID(ctx, ids) }),
	}
	return nodes, firstFault(errs...)
}

// putNodes reads objects of one type at their indexes.
func putNodes[K any, T any, N interface {
	*T
	model.Node
}](nodes []model.Node, indexes []int, keys []K, read func([]K) ([]N, error)) error {
	if len(keys) == 0 {
		return nil
	}
	found, err := read(keys)
	for i, object := range found {
		if object != nil {
			nodes[indexes[i]] = object
		}
	}
	return err
}
