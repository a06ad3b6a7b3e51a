package eventlog

import (
	"strings"
	"time"
)

// Filter is EventFilter: which events pass. The fields given must all match; a nil
// pointer or slice does not narrow. The SQL function event_passes defines what
// each means.
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

// timeline reports whether only time narrows the filter.
func (f *Filter) timeline() bool {
	return f.ExecutionID == nil && f.Step == nil && f.Statuses == nil && f.Types == nil &&
		f.ResourceTypes == nil && f.Path == nil && f.PathPrefix == nil && f.Version == nil &&
		f.PayloadContains == nil && f.MetaContains == nil
}

// All reports whether every event passes.
func (f *Filter) All() bool { return f.timeline() && f.Since == nil && f.Until == nil }

// contains reports whether the filter looks into JSON.
func (f *Filter) contains() bool { return f.PayloadContains != nil || f.MetaContains != nil }

// ASCIILower is SQL's lower(text COLLATE "C"): it changes only A to Z, whatever
// the locale.
func ASCIILower(text string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, text)
}

// ASCIILowers lowers each text; nil stays nil.
func ASCIILowers(texts []string) []string {
	if texts == nil {
		return nil
	}
	return convert(texts, ASCIILower)
}

// Range is a part of the timeline: low <= (timestamp, event_id) < high.
type Range struct {
	LowTime  time.Time
	LowID    string
	HighTime time.Time
	HighID   string
}

// WholeRange includes every event.
func WholeRange() Range {
	return Range{
		LowTime:  time.Date(-4712, 1, 1, 0, 0, 0, 0, time.UTC),
		HighTime: time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC),
	}
}

// narrow narrows a range to the filter's since and until.
func (f *Filter) narrow(r Range) Range {
	if f.Since != nil && f.Since.After(r.LowTime) {
		r.LowTime, r.LowID = *f.Since, ""
	}
	if f.Until != nil && !f.Until.After(r.HighTime) {
		r.HighTime, r.HighID = *f.Until, ""
	}
	return r
}
