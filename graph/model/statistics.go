package model

import (
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
)

// NameCount is a name with a count.
type NameCount = catalog.NameCount

// EventStatistics are counts of the events that pass a filter.
type EventStatistics struct {
	Filter eventlog.Filter
	Counts *eventlog.EventCounts
}

// Total returns how many events there are.
func (s *EventStatistics) Total() int { return s.Counts.Total }

// ByType returns the counts of each type.
func (s *EventStatistics) ByType() []*NameCount { return pointers(s.Counts.ByType) }

// ByStatus returns the counts of each status.
func (s *EventStatistics) ByStatus() []*NameCount { return pointers(s.Counts.ByStatus) }

// EventBucket is an interval with its events.
type EventBucket struct {
	Start  time.Time
	Count  int
	ByType []*NameCount
}

func pointers[T any](values []T) []*T {
	list := make([]*T, len(values))
	for i := range values {
		list[i] = &values[i]
	}
	return list
}

// ExecutionStatistics are counts of the executions that pass a filter.
type ExecutionStatistics struct {
	Filter eventlog.ExecutionFilter
	Counts *eventlog.ExecutionCounts
}

// Total returns how many executions there are.
func (s *ExecutionStatistics) Total() int {
	total := 0
	for _, count := range s.Counts.ByStatus {
		total += count.Count
	}
	return total
}

// ByStatus returns the counts of each status.
func (s *ExecutionStatistics) ByStatus() []*ExecutionStatusCount {
	return StatusCounts(s.Counts.ByStatus)
}

// StatusCounts returns the counts of each status, in the order of the schema.
func StatusCounts(byStatus map[string]eventlog.StatusCount) []*ExecutionStatusCount {
	counts := make([]*ExecutionStatusCount, len(AllExecutionStatus))
	for i, status := range AllExecutionStatus {
		count := byStatus[string(status)]
		counts[i] = &ExecutionStatusCount{Status: status, Count: count.Count, WithErrors: count.WithErrors}
	}
	return counts
}

// SuccessRate returns the part of the ended executions that completed without errors;
// nil if none has ended.
func (s *ExecutionStatistics) SuccessRate() *float64 {
	completed := s.Counts.ByStatus[string(ExecutionStatusCompleted)]
	ended := s.Total() - s.Counts.ByStatus[string(ExecutionStatusRunning)].Count
	if ended == 0 {
		return nil
	}
	return new(float64(completed.Count-completed.WithErrors) / float64(ended))
}

// DurationMs returns the percentiles of the durations; nil if none has ended.
func (s *ExecutionStatistics) DurationMs() *DurationPercentiles {
	d := s.Counts.Durations
	if len(d) == 0 {
		return nil
	}
	return &DurationPercentiles{P50: int(d[0]), P95: int(d[1]), P99: int(d[2]), Max: int(d[3])}
}
