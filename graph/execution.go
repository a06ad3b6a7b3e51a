package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

func executionID(e *model.Execution) string   { return e.Row.ExecutionID }
func executionPath(e *model.Execution) string { return e.Row.Path }
func executionParent(e *model.Execution) string {
	return value(e.Row.Parent)
}

func executionPlace(e *model.Execution) pagination.Place {
	return pagination.At(e.Row.StartedAt, e.Row.ExecutionID)
}

// executionsByID reads executions as a loader's batch.
func (r *Resolver) executionsByID(ctx context.Context, ids []string) ([]*model.Execution, error) {
	rows, err := r.events.ExecutionsByID(ctx, auth.Scopes(ctx), ids)
	return model.NewExecutions(rows), err
}

// executionOf is the execution that an event belongs to; nil for none.
func (r *Resolver) executionOf(ctx context.Context, e *model.Event) (*model.Execution, error) {
	return loader.Load(ctx, loader.From(ctx), loader.Field{Name: "Event.execution", Group: e.Siblings},
		keysOf(e.Siblings, eventID), e.Row.ID,
		func(ctx context.Context, ids []string) ([]*model.Execution, error) {
			return r.executionsOfEvents(ctx, e.Siblings.Members, ids)
		})
}

// executionsOfEvents finds the executions of events by the meta of those that
// have been read with it, and reads that of the others.
func (r *Resolver) executionsOfEvents(ctx context.Context, members []*model.Event, ids []string) ([]*model.Execution, error) {
	metas := make(map[string][]byte, len(members))
	for _, member := range members {
		if member.Row.Columns.Meta {
			metas[member.Row.ID] = member.Row.Meta
		}
	}
	var unread []string
	for _, id := range ids {
		if _, ok := metas[id]; !ok {
			unread = append(unread, id)
		}
	}
	if len(unread) > 0 {
		rows, err := r.events.ByID(ctx, auth.Scopes(ctx), unread, eventlog.Columns{Meta: true})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row != nil {
				metas[row.ID] = row.Meta
			}
		}
	}
	names := make([]*string, len(ids))
	place := map[string]int{}
	var distinct []string
	for i, id := range ids {
		name, err := textIn(metas[id], "execution_id")
		if err != nil {
			return nil, err
		}
		if names[i] = name; name == nil {
			continue
		}
		if _, ok := place[*name]; !ok {
			place[*name] = len(distinct)
			distinct = append(distinct, *name)
		}
	}
	executions := make([]*model.Execution, len(ids))
	if len(distinct) == 0 {
		return executions, nil
	}
	found, err := r.executionsByID(ctx, distinct)
	if err != nil {
		return nil, err
	}
	for i, name := range names {
		if name != nil {
			executions[i] = found[place[*name]]
		}
	}
	return executions, nil
}

// executionFilter checks a filter. empty: it holds an empty list of statuses,
// and nothing passes.
func executionFilter(filter *model.ExecutionFilter) (checked eventlog.ExecutionFilter, empty bool, err error) {
	if filter == nil {
		return eventlog.ExecutionFilter{}, false, nil
	}
	checked = eventlog.ExecutionFilter{
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
		StartedSince: filter.StartedSince, StartedBefore: filter.StartedBefore, IdleSince: filter.IdleSince,
	}
	for _, status := range filter.Statuses {
		checked.Statuses = append(checked.Statuses, string(status))
	}
	empty = filter.Statuses != nil && len(filter.Statuses) == 0
	return checked, empty, firstFault(
		checkWords("filter.statuses", checked.Statuses), checkWord("filter.path", filter.Path),
		checkWord("filter.pathPrefix", filter.PathPrefix), checkWord("filter.version", filter.Version))
}
