package graph

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
)

var intervals = map[model.BucketInterval]eventlog.Interval{
	model.BucketIntervalMinute: eventlog.Minute, model.BucketIntervalFiveMinutes: eventlog.FiveMinutes,
	model.BucketIntervalHour: eventlog.Hour, model.BucketIntervalDay: eventlog.Day, model.BucketIntervalWeek: eventlog.Week,
}

// selectedInterval returns the shortest interval of the buckets that the current field
// selects, from which the others are put together: one statement reads all. It is 0
// without buckets, or without a plan.
func selectedInterval(ctx context.Context) (shortest eventlog.Interval) {
	field := plan.FieldOf(ctx)
	if field == nil {
		return 0
	}
	for _, node := range field.Objects() {
		if node.Name() != "buckets" {
			continue
		}
		interval, _ := field.Args(node)["interval"].(model.BucketInterval)
		if of := intervals[interval]; shortest == 0 || of < shortest {
			shortest = of
		}
	}
	return shortest
}

// divides reports whether buckets of one length make up those of another.
func divides(unit, interval eventlog.Interval) bool { return unit != 0 && interval%unit == 0 }

// eventBuckets returns the buckets of an interval.
func (r *Resolver) eventBuckets(ctx context.Context, of *model.EventStatistics, interval eventlog.Interval) ([]*model.EventBucket, error) {
	counts := of.Counts
	if !divides(counts.Unit, interval) {
		x := r.reads(ctx)
		var err error
		if counts, err = x.events.Statistics(ctx, x.scopes, of.Filter, interval); err != nil {
			return nil, err
		}
	}
	from, to, none := counts.Bounds(of.Filter.Since, of.Filter.Until)
	if none {
		return []*model.EventBucket{}, nil
	}
	starts, err := interval.Starts(from, to)
	if err != nil {
		return nil, err
	}
	types := map[time.Time]map[string]int{}
	for start, byType := range counts.Buckets {
		start = interval.Start(start)
		if types[start] == nil {
			types[start] = map[string]int{}
		}
		for _, count := range byType {
			types[start][count.Name] += count.Count
		}
	}
	buckets := make([]*model.EventBucket, len(starts))
	for i, start := range starts {
		bucket := &model.EventBucket{Start: start, ByType: mostFrequent(types[start])}
		for _, count := range bucket.ByType {
			bucket.Count += count.Count
		}
		buckets[i] = bucket
	}
	return buckets, nil
}

// mostFrequent lists counts, the most frequent first, and then by name.
func mostFrequent(counts map[string]int) []*model.NameCount {
	list := make([]*model.NameCount, 0, len(counts))
	for name, count := range counts {
		list = append(list, &model.NameCount{Name: name, Count: count})
	}
	slices.SortFunc(list, func(a, b *model.NameCount) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Name, b.Name)) })
	return list
}

// executionBuckets returns the buckets of an interval.
func (r *Resolver) executionBuckets(ctx context.Context, of *model.ExecutionStatistics, interval eventlog.Interval) ([]*model.ExecutionBucket, error) {
	counts := of.Counts
	if !divides(counts.Unit, interval) {
		x := r.reads(ctx)
		var err error
		if counts, err = x.events.ExecutionStatistics(ctx, x.scopes, of.Filter, interval); err != nil {
			return nil, err
		}
	}
	from, to, none := counts.Bounds(of.Filter.StartedSince, of.Filter.StartedBefore)
	if none {
		return []*model.ExecutionBucket{}, nil
	}
	starts, err := interval.Starts(from, to)
	if err != nil {
		return nil, err
	}
	statuses := map[time.Time]map[string]eventlog.StatusCount{}
	for start, byStatus := range counts.Buckets {
		start = interval.Start(start)
		if statuses[start] == nil {
			statuses[start] = map[string]eventlog.StatusCount{}
		}
		for status, count := range byStatus {
			sum := statuses[start][status]
			statuses[start][status] = eventlog.StatusCount{Count: sum.Count + count.Count, WithErrors: sum.WithErrors + count.WithErrors}
		}
	}
	buckets := make([]*model.ExecutionBucket, len(starts))
	for i, start := range starts {
		buckets[i] = &model.ExecutionBucket{Start: start, ByStatus: model.StatusCounts(statuses[start])}
	}
	return buckets, nil
}

// each calls a resolver for each of the objects of a level, of which there are few.
func each[P, V any](objs []P, one func(P) (V, error)) ([]V, error) {
	values := make([]V, len(objs))
	for i, obj := range objs {
		var err error
		if values[i], err = one(obj); err != nil {
			return nil, err
		}
	}
	return values, nil
}
