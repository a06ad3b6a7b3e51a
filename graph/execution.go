package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

func executionID(e *model.Execution) (string, bool)   { return e.Row.ExecutionID, true }
func executionPath(e *model.Execution) (string, bool) { return e.Row.Path, true }
func executionParent(e *model.Execution) (string, bool) {
	return value(e.Row.Parent), e.Row.Parent != nil
}

func executionVersion(e *model.Execution) (catalog.LabelKey, bool) {
	return catalog.LabelKey{Path: e.Row.Path, Label: e.Row.Version}, true
}

// executionName names reads of executions by id.
type executionName struct{}

// executionsByID reads executions.
func (r *Resolver) executionsByID(ctx context.Context, ids []string) ([]*model.Execution, error) {
	x := r.reads(ctx)
	rows, err := x.events.ExecutionsByID(ctx, x.scopes, ids)
	return model.NewExecutions(rows), err
}

// executionLists returns lists of executions, newest first, over a function that
// reads their rows.
func executionLists(ctx context.Context, args pagination.Args,
	read func(ctx context.Context, within eventlog.Range, direction eventlog.Direction, limit int) ([][]*eventlog.Execution, error),
	count func(context.Context) ([]int, error),
) *pagination.Lists[*model.Execution] {
	return &pagination.Lists[*model.Execution]{
		Args: args, Descending: true, More: selectsEver(ctx, "pageInfo"), Count: count,
		Place: func(e *model.Execution) pagination.Place { return pagination.At(e.Row.StartedAt, e.Row.ExecutionID) },
		Read: func(ctx context.Context, _ pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*model.Execution, error) {
			lists, err := read(ctx, eventRange(span), eventlog.Direction(descending), limit)
			return wrapLists(lists, model.NewExecutions), err
		},
	}
}

// executionFilter checks a filter. empty says that the list of statuses is empty, so
// that nothing passes.
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
