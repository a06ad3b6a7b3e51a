package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/fault"
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

// executionQuery is what a list of executions, newest first, is asked for.
type executionQuery struct {
	args   pagination.Args
	filter eventlog.ExecutionFilter
	// empty: the list of statuses is empty, so that nothing passes.
	empty bool
}

func newExecutionQuery(first *int, after *string, last *int, before *string, filter *model.ExecutionFilter) (query executionQuery, err error) {
	if query.args, err = pagination.Parse(first, after, last, before, "execution"); err != nil || filter == nil {
		return query, err
	}
	query.filter = eventlog.ExecutionFilter{
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version,
		StartedSince: filter.StartedSince, StartedBefore: filter.StartedBefore, IdleSince: filter.IdleSince,
		HasErrors: filter.HasErrors, Text: filter.Text,
	}
	if filter.MinDurationMs != nil {
		if *filter.MinDurationMs < 0 {
			return query, fault.Input("filter.minDurationMs", "is less than 0")
		}
		query.filter.MinDurationMs = new(int32(*filter.MinDurationMs)) //nolint:gosec // GraphQL's Int has 32 bits
	}
	for _, status := range filter.Statuses {
		query.filter.Statuses = append(query.filter.Statuses, string(status))
	}
	query.empty = filter.Statuses != nil && len(filter.Statuses) == 0
	return query, firstFault(
		checkWords("filter.statuses", query.filter.Statuses), checkWord("filter.path", filter.Path),
		checkWord("filter.pathPrefix", filter.PathPrefix), checkWord("filter.version", filter.Version), checkWord("filter.text", filter.Text))
}

// pages reads a page of each of n lists.
func (q executionQuery) pages(ctx context.Context, n int,
	read func(ctx context.Context, within eventlog.Range, direction eventlog.Direction, limit int) ([][]*eventlog.Execution, error),
	count func(context.Context) ([]int, error),
) ([]model.ExecutionConnection, error) {
	return (&pagination.Lists[*model.Execution]{
		Args: q.args, Descending: true, More: selectsEver(ctx, "pageInfo"), Count: count, Empty: q.empty, N: n,
		Place: func(e *model.Execution) pagination.Place { return pagination.At(e.Row.StartedAt, e.Row.ExecutionID) },
		Read: func(ctx context.Context, _ pagination.Purpose, span pagination.Span, descending bool, limit int) ([][]*model.Execution, error) {
			lists, err := read(ctx, eventRange(span), eventlog.Direction(descending), limit)
			return wrapLists(lists, model.NewExecutions), err
		},
	}).Pages(ctx)
}
