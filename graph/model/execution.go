package model

import (
	"math"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Execution is a row of table execution.
type Execution struct{ Row *eventlog.Execution }

// NewExecutions wraps rows; a nil row stays nil.
func NewExecutions(rows []*eventlog.Execution) []*Execution {
	return wrap(new(arena[Execution]), rows, func(row *eventlog.Execution) Execution { return Execution{row} })
}

// IsNode marks an implementation of Node.
func (*Execution) IsNode() {}

// ID returns the global id.
func (e *Execution) ID() string { return ExecutionNodeID(e.Row.ExecutionID) }

// ExecutionID is meta.execution_id of its events.
func (e *Execution) ExecutionID() string { return e.Row.ExecutionID }

// Status returns its status.
func (e *Execution) Status() ExecutionStatus { return ExecutionStatus(e.Row.Status) }

// StartedAt returns when it began.
func (e *Execution) StartedAt() time.Time { return e.Row.StartedAt }

// FinishedAt returns when it ended; nil while it runs.
func (e *Execution) FinishedAt() *time.Time { return e.Row.FinishedAt }

// LastEventAt returns its newest event's timestamp.
func (e *Execution) LastEventAt() time.Time { return e.Row.LastEventAt }

// DurationMs returns how long it took, in milliseconds; nil while it runs. GraphQL's
// Int ends at 2^31 - 1.
func (e *Execution) DurationMs() *int {
	if e.Row.FinishedAt == nil {
		return nil
	}
	milliseconds := e.Row.FinishedAt.Sub(e.Row.StartedAt).Milliseconds()
	return new(int(min(max(milliseconds, 0), math.MaxInt32)))
}

// EventCount returns how many events it has.
func (e *Execution) EventCount() int { return int(e.Row.EventCount) }

// Error returns the error in the event that failed it.
func (e *Execution) Error() *string { return e.Row.Error }

// FailedStepCount returns how many of its steps have failed.
func (e *Execution) FailedStepCount() int { return int(e.Row.FailedStepCount) }

// HasErrors reports whether a step of it has failed.
func (e *Execution) HasErrors() bool { return e.Row.FailedStepCount > 0 }

// ExecutionConnection is a page of executions.
type ExecutionConnection = pagination.Page[*Execution]

// ExecutionEdge is an execution in a page.
type ExecutionEdge = pagination.Edge[*Execution]
