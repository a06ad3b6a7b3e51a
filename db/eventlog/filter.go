package eventlog

import (
	"strings"
	"time"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/words"
)

// Filter is EventFilter: which events pass. The fields given must all match; a nil
// pointer or slice does not narrow. The SQL function event_passes defines what
// each means.
type Filter struct {
	ExecutionID   *string
	Step          *string
	Statuses      []string
	Types         []string
	ExcludeTypes  []string
	ResourceTypes []string
	Path          *string
	Paths         []string
	PathPrefix    *string
	Version       *string
	// Since is at or after, Until is before.
	Since, Until *time.Time
	// PayloadContains and MetaContains are JSON, compared as @> does.
	PayloadContains []byte
	MetaContains    []byte
	// Text is the words to find; see event_words.
	Text *string
}

// timeline reports whether only time narrows the filter.
func (f *Filter) timeline() bool {
	return f.ExecutionID == nil && f.Step == nil && f.Statuses == nil && f.Types == nil && f.ExcludeTypes == nil &&
		f.ResourceTypes == nil && f.Path == nil && f.Paths == nil && f.PathPrefix == nil && f.Version == nil &&
		f.PayloadContains == nil && f.MetaContains == nil && f.Text == nil
}

// All reports whether every event passes.
func (f *Filter) All() bool { return f.timeline() && f.Since == nil && f.Until == nil }

// contains reports whether the filter looks into JSON.
func (f *Filter) contains() bool { return f.PayloadContains != nil || f.MetaContains != nil }

// wordPatterns are the patterns of LIKE for the words of a text; nil for no text.
func wordPatterns(text *string) []string {
	if text == nil {
		return nil
	}
	return words.Parse(*text).Patterns()
}

// maxTextSpan is the longest time range in which words alone may be looked for.
const maxTextSpan = 31 * 24 * time.Hour

// CheckText refuses a search for words in more events than those of some paths, of an
// execution, or of a limited time.
func (f *Filter) CheckText(argument string) error {
	if f.Text == nil || f.Path != nil || f.Paths != nil || f.ExecutionID != nil ||
		f.Since != nil && f.Until != nil && f.Until.Sub(*f.Since) <= maxTextSpan {
		return nil
	}
	return fault.Input(argument, "needs a path, paths, an executionId or a time range (since and until) of at most 31 days beside it")
}

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
