package eventlog

import "time"

// Filter is EventFilter: which events to pass. The fields given must all
// hold; a nil pointer or slice does not narrow. What each means in SQL is
// said once, in the function event_passes.
type Filter struct {
	ExecutionID   *string
	Step          *string
	Statuses      []string
	Types         []string
	ResourceTypes []string
	Path          *string
	PathPrefix    *string
	Version       *string
	// Since is at or after, Until is before.
	Since, Until *time.Time
	// PayloadContains and MetaContains are JSON, compared as @> does.
	PayloadContains []byte
	MetaContains    []byte
}

// timeline tells whether nothing but time narrows the filter.
func (f *Filter) timeline() bool {
	return f.ExecutionID == nil && f.Step == nil && f.Statuses == nil && f.Types == nil &&
		f.ResourceTypes == nil && f.Path == nil && f.PathPrefix == nil && f.Version == nil &&
		f.PayloadContains == nil && f.MetaContains == nil
}

// All tells whether every event passes.
func (f *Filter) All() bool { return f.timeline() && f.Since == nil && f.Until == nil }

// contains tells whether JSON is asked for.
func (f *Filter) contains() bool { return f.PayloadContains != nil || f.MetaContains != nil }

func lowered(words []string) []string {
	if words == nil {
		return nil
	}
	lower := make([]string, len(words))
	for i, word := range words {
		lower[i] = asciiLower(word)
	}
	return lower
}

// Range is a part of the timeline: low <= (timestamp, event_id) < high.
type Range struct {
	LowTime  time.Time
	LowID    string
	HighTime time.Time
	HighID   string
}

// WholeRange has every event in it.
func WholeRange() Range {
	return Range{
		LowTime:  time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC),
		HighTime: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
}

// whole tells whether every event lies in it.
func (r Range) whole() bool { return r == WholeRange() }

// within narrows a range to the filter's since and until.
func (f *Filter) within(r Range) Range {
	if f.Since != nil && f.Since.After(r.LowTime) {
		r.LowTime, r.LowID = *f.Since, ""
	}
	if f.Until != nil && !f.Until.After(r.HighTime) {
		r.HighTime, r.HighID = *f.Until, ""
	}
	return r
}
