package eventlog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Interval is the length of a bucket of statistics. Buckets begin at multiples of it,
// in UTC, weeks on a Monday; so each length divides the next.
type Interval time.Duration

// The intervals; the zero value is for statistics without buckets.
const (
	Minute      = Interval(time.Minute)
	FiveMinutes = 5 * Minute
	Hour        = 60 * Minute
	Day         = 24 * Hour
	Week        = 7 * Day
)

// maxBuckets is the most intervals of a list of buckets.
const maxBuckets = 1000

// firstMonday is where intervals are counted from.
var firstMonday = time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC).Unix()

// Start is the beginning of the interval that an instant lies in.
func (i Interval) Start(at time.Time) time.Time {
	seconds := int64(time.Duration(i) / time.Second)
	offset := (at.Unix() - firstMonday) % seconds
	if offset < 0 {
		offset += seconds
	}
	return time.Unix(at.Unix()-offset, 0).UTC()
}

// ceiling is the first beginning of an interval at or after an instant.
func (i Interval) ceiling(at time.Time) time.Time {
	if start := i.Start(at); start.Before(at) {
		return start.Add(time.Duration(i))
	}
	return at
}

// seconds is a parameter of statements; nil without buckets.
func (i Interval) seconds() *int32 {
	if i == 0 {
		return nil
	}
	return new(int32(time.Duration(i) / time.Second)) //nolint:gosec // a week at most
}

// Starts are the beginnings of all intervals from an instant to another, which is
// included. It refuses more than maxBuckets.
func (i Interval) Starts(from, to time.Time) ([]time.Time, error) {
	first, last := i.Start(from), i.Start(to)
	// Seconds: a Duration ends after 292 years.
	if (last.Unix()-first.Unix())/int64(time.Duration(i)/time.Second) >= maxBuckets {
		return nil, tooManyBuckets(from, to)
	}
	var starts []time.Time
	for start := first; !start.After(last); start = start.Add(time.Duration(i)) {
		starts = append(starts, start)
	}
	return starts, nil
}

func tooManyBuckets(from, to time.Time) error {
	return fault.Input("interval", "there are more than %d intervals from %s to %s; ask for longer ones, or narrow the filter to a shorter time",
		maxBuckets, from.UTC().Format(time.RFC3339), to.UTC().Format(time.RFC3339))
}

// NameCount is how many events have a name.
type NameCount = catalog.NameCount

// EventCounts are the statistics of events.
type EventCounts struct {
	Total            int
	ByType, ByStatus []NameCount
	// Buckets holds the types of each interval of length Unit that has events.
	Unit    Interval
	Buckets map[time.Time][]NameCount
	// first and last are those of the events counted, to the hour where event_count was
	// read; zero without events. fits: there are few enough intervals for Buckets.
	first, last time.Time
	fits        bool
}

// Bounds are the instants that buckets reach from and to: those of the filter, else of
// the events. none: there are neither.
func (c *EventCounts) Bounds(since, until *time.Time) (from, to time.Time, none bool) {
	return bounds(since, until, c.Total > 0, c.first, c.last)
}

// bounds ignores first and last unless found. Go's zero time is an instant like any
// other: clients use it for the beginning of all time.
func bounds(since, until *time.Time, found bool, first, last time.Time) (from, to time.Time, none bool) {
	if from, to = first, last; since != nil {
		from = *since
	}
	if until != nil {
		to = until.Add(-time.Microsecond)
	}
	open := since == nil || until == nil
	return from, to, open && !found || to.Before(from)
}

// rolledUp reports whether event_count knows what the filter asks for.
func (f *Filter) rolledUp() bool {
	rest := *f
	rest.Types, rest.ExcludeTypes, rest.Path, rest.Paths, rest.PathPrefix = nil, nil, nil, nil, nil
	// Longer statuses are not counted.
	if !slices.ContainsFunc(f.Statuses, func(status string) bool { return len(status) > maxKey }) {
		rest.Statuses = nil
	}
	return rest.timeline()
}

// Statistics counts the events that pass the filter, with buckets of a length, which
// each multiple of it can be put together from. Events that are committed are counted
// once they have their positions; it waits for that.
func (s *Store) Statistics(ctx context.Context, scopes []string, filter Filter, unit Interval) (*EventCounts, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	if from, to, none := bounds(filter.Since, filter.Until, false, time.Time{}, time.Time{}); unit != 0 && !none {
		if _, err := unit.Starts(from, to); err != nil {
			return nil, err
		}
	}
	rolledUp := filter.rolledUp()
	if unit != 0 && unit < Hour && rolledUp {
		// These are counted one by one; event_count shows whether they are too far apart.
		coarse, err := s.statistics(ctx, scopes, filter, Hour, true)
		if err != nil || coarse.Total == 0 {
			return coarse, err
		}
		if coarse.last.Sub(coarse.first) > (maxBuckets+2)*time.Duration(unit)+2*time.Duration(Hour) {
			return nil, tooManyBuckets(coarse.first, coarse.last)
		}
		within := Filter{Since: &coarse.first, Until: new(coarse.last.Add(time.Duration(Hour)))}
		span := within.narrow(filter.narrow(WholeRange()))
		filter.Since, filter.Until = &span.LowTime, &span.HighTime
		rolledUp = false
	}
	counts, err := s.statistics(ctx, scopes, filter, unit, rolledUp)
	if err == nil && unit != 0 && !counts.fits {
		err = tooManyBuckets(counts.first, counts.last)
	}
	return counts, err
}

func (s *Store) statistics(ctx context.Context, scopes []string, filter Filter, unit Interval, rolledUp bool) (*EventCounts, error) {
	within := filter.narrow(WholeRange())
	end := within.HighTime
	params := sqlc.EventStatisticsParams{
		LowTime: within.LowTime, LowHour: end, LowDay: end, HighDay: end, HighHour: end, HighTime: end,
		Types: filter.Types, ExcludeTypes: filter.ExcludeTypes, Path: filter.Path, Paths: filter.Paths, PathPrefix: filter.PathPrefix, Version: filter.Version,
		ExecutionID: filter.ExecutionID, Step: filter.Step, Statuses: ASCIILowers(filter.Statuses),
		PayloadContains: filter.PayloadContains, MetaContains: filter.MetaContains, WordPatterns: wordPatterns(filter.Text),
		Scopes: scopes, ResourceTypes: filter.ResourceTypes, UnitSeconds: unit.seconds(),
	}
	if low, high := Hour.ceiling(within.LowTime), Hour.Start(end); rolledUp && low.Before(high) {
		params.LowHour, params.LowDay, params.HighDay, params.HighHour = low, high, high, high
		if lowDay, highDay := Day.ceiling(low), Day.Start(high); unit%Day == 0 && lowDay.Before(highDay) {
			params.LowDay, params.HighDay = lowDay, highDay
		}
	}
	single := filter.Path != nil || filter.Paths != nil
	if oneByOne := params.LowTime.Before(params.LowHour) || params.HighHour.Before(end); single || oneByOne {
		var err error
		if params.Keys, err = s.fewPathsOf(ctx, scopes, filter); err != nil {
			return nil, err
		}
	}
	if params.Keys == nil && filter.PathPrefix != nil {
		params.LowPath, params.HighPath = catalog.PrefixRange(*filter.PathPrefix)
	}
	if single {
		params.CountPaths = params.Keys
	} else {
		params.Prefixes, params.PrefixEnds = prefixesWithin(scopes, filter.PathPrefix)
	}
	rows, err := s.custom.EventStatistics(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("count events by type and status: %w", err)
	}
	counts := &EventCounts{Unit: unit, Buckets: map[time.Time][]NameCount{}, fits: true}
	for _, row := range rows {
		count := NameCount{Name: row.Name, Count: int(row.Count)}
		switch row.What {
		case "total":
			counts.Total = count.Count
			counts.first, counts.last = instant(row.First), instant(row.Last)
		case "type":
			counts.ByType = append(counts.ByType, count)
		case "status":
			counts.ByStatus = append(counts.ByStatus, count)
		default:
			start := instant(row.Start)
			counts.fits = counts.fits && row.Start != nil
			counts.Buckets[start] = append(counts.Buckets[start], count)
		}
	}
	return counts, nil
}

// prefixesWithin returns the prefixes of the paths that begin with a prefix and lie
// within scopes, none of which begins with another, and the ends of their ranges.
func prefixesWithin(scopes []string, prefix *string) (lows, highs []string) {
	if prefix == nil {
		return catalog.Disjoint(scopes)
	}
	var within []string
	for _, scope := range scopes {
		switch {
		case strings.HasPrefix(scope, *prefix):
			within = append(within, scope)
		case strings.HasPrefix(*prefix, scope):
			within = append(within, *prefix)
		}
	}
	return catalog.Disjoint(within)
}

// instant is a nullable timestamp; the zero time for null.
func instant(value any) time.Time {
	at, _ := value.(time.Time)
	return at.UTC()
}

// StatusCount is how many executions have a status, and how many of them a failed step.
type StatusCount struct{ Count, WithErrors int }

// ExecutionCounts are the statistics of executions.
type ExecutionCounts struct {
	ByStatus map[string]StatusCount
	// Durations are the 50th, 95th and 99th percentiles and the longest, in
	// milliseconds; nil if none has ended.
	Durations []int32
	// Buckets holds the statuses of each interval of length Unit that has executions.
	Unit    Interval
	Buckets map[time.Time]map[string]StatusCount
}

// Bounds are the instants that buckets reach from and to: those of the filter, else of
// the executions. none: there are neither.
func (c *ExecutionCounts) Bounds(since, until *time.Time) (from, to time.Time, none bool) {
	starts := slices.SortedFunc(maps.Keys(c.Buckets), time.Time.Compare)
	if len(starts) == 0 {
		return bounds(since, until, false, time.Time{}, time.Time{})
	}
	return bounds(since, until, true, starts[0], starts[len(starts)-1])
}

// ExecutionStatistics counts the executions that pass the filter, with buckets as
// Statistics has them.
func (s *Store) ExecutionStatistics(ctx context.Context, scopes []string, filter ExecutionFilter, unit Interval) (*ExecutionCounts, error) {
	if err := s.settleAll(ctx); err != nil {
		return nil, err
	}
	if from, to, none := bounds(filter.StartedSince, filter.StartedBefore, false, time.Time{}, time.Time{}); unit != 0 && !none {
		if _, err := unit.Starts(from, to); err != nil {
			return nil, err
		}
	}
	paths, err := s.fewPathsOf(ctx, scopes, Filter{Path: filter.Path, PathPrefix: filter.PathPrefix})
	if err != nil {
		return nil, err
	}
	within := filter.narrow(WholeRange())
	rows, err := s.custom.ExecutionStatistics(ctx, sqlc.ExecutionStatisticsParams{
		UnitSeconds: unit.seconds(), LowTime: within.LowTime, HighTime: within.HighTime, Statuses: filter.Statuses, Paths: paths,
		Path: filter.Path, PathPrefix: filter.PathPrefix, Version: filter.Version, IdleSince: filter.IdleSince,
		HasErrors: filter.HasErrors, MinDurationMs: filter.MinDurationMs, WordPatterns: wordPatterns(filter.Text), Scopes: scopes,
	})
	if err != nil {
		return nil, fmt.Errorf("count executions by status: %w", err)
	}
	counts := &ExecutionCounts{ByStatus: map[string]StatusCount{}, Unit: unit, Buckets: map[time.Time]map[string]StatusCount{}}
	for _, row := range rows {
		count := StatusCount{int(row.Count), int(row.Failed)}
		switch start := instant(row.Start); {
		case row.Whole:
			counts.Durations = row.Durations
		case !row.Binned:
			counts.ByStatus[row.Status] = count
		case unit == 0:
		case row.Start == nil:
			return nil, fault.Input("interval", "the executions start in more than %d intervals; ask for longer ones, or narrow the filter to a shorter time", maxBuckets)
		default:
			if counts.Buckets[start] == nil {
				counts.Buckets[start] = map[string]StatusCount{}
			}
			counts.Buckets[start][row.Status] = count
		}
	}
	return counts, nil
}
