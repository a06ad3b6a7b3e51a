package stream

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/db/words"
)

// metaKeys holds meta ->> key for each key; nil for NULL. The status is in ASCII lower
// case.
type metaKeys struct{ execution, step, status *string }

// parsedColumn is a JSON column as a tree, made when a filter first needs it.
type parsedColumn struct {
	once sync.Once
	// root is nil if the column is NULL (or does not parse, which jsonb
	// rules out).
	root *jsontext.Value
}

// contains is the column's raw @> inner, where NULL contains nothing.
func (c *parsedColumn) contains(raw []byte, inner *jsontext.Value) bool {
	c.once.Do(func() {
		if raw == nil {
			return
		}
		if root, err := jsontext.Parse(string(raw)); err == nil {
			c.root = &root
		}
	})
	return c.root != nil && c.root.Contains(*inner)
}

func (k *metaKeys) read(meta []byte) {
	jsontext.EachText(meta, func(key string, text *string) {
		switch key {
		case "execution_id":
			k.execution = text
		case "node_name":
			k.step = text
		case "status":
			if text != nil {
				text = new(eventlog.ASCIILower(*text))
			}
			k.status = text
		}
	})
}

// matcher is an eventlog.Filter prepared for live events, with its caller's
// scopes. It decides for an entry as the SQL queries do for its row: event_passes,
// the time bounds and the resource types. It is immutable and safe for concurrent
// use.
type matcher struct {
	filter        eventlog.Filter
	scopes        []string
	payload, meta *jsontext.Value
	words         words.Query
}

// newMatcher prepares a filter. Without scopes, nothing passes. It fails if the
// filter's JSON does not parse.
func newMatcher(filter eventlog.Filter, scopes []string) (*matcher, error) {
	m := &matcher{filter: filter, scopes: scopes}
	m.filter.Statuses = eventlog.ASCIILowers(filter.Statuses)
	// A timestamptz has whole microseconds; a parameter's nanoseconds are cut.
	if filter.Since != nil {
		m.filter.Since = new(filter.Since.Truncate(time.Microsecond))
	}
	if filter.Until != nil {
		m.filter.Until = new(filter.Until.Truncate(time.Microsecond))
	}
	if filter.Text != nil {
		m.words = words.Parse(*filter.Text)
	}
	var err error
	if m.payload, err = parseContained("payload", filter.PayloadContains); err != nil {
		return nil, err
	}
	if m.meta, err = parseContained("meta", filter.MetaContains); err != nil {
		return nil, err
	}
	return m, nil
}

// parseContained parses the JSON of a filter; nil does not narrow.
func parseContained(field string, raw []byte) (*jsontext.Value, error) {
	if raw == nil {
		return nil, nil
	}
	root, err := jsontext.Parse(string(raw))
	if err != nil {
		return nil, fmt.Errorf("filter by %s: %w", field, err)
	}
	return &root, nil
}

// passes reports whether the filter lets an entry pass. The entry's event must
// have been read with payload and meta; one that has been dropped never
// passes. The cheap conditions come first.
func (m *matcher) passes(e *Entry) bool {
	event, filter := e.Event, &m.filter
	if event == nil {
		return false
	}
	return nullOrIn(filter.Types, &event.Type) &&
		nullOrIn(filter.ResourceTypes, &e.ResourceType) &&
		!slices.Contains(filter.ExcludeTypes, event.Type) &&
		nullOrEqual(filter.Path, &event.Path) &&
		nullOrIn(filter.Paths, &event.Path) &&
		nullOrEqual(filter.Version, &event.Version) &&
		(filter.PathPrefix == nil || strings.HasPrefix(event.Path, *filter.PathPrefix)) &&
		(filter.Since == nil || !event.Timestamp.Before(*filter.Since)) &&
		(filter.Until == nil || event.Timestamp.Before(*filter.Until)) &&
		slices.ContainsFunc(m.scopes, func(scope string) bool { return strings.HasPrefix(event.Path, scope) }) &&
		m.passesKeys(e) &&
		(m.payload == nil || e.payload.contains(event.Payload, m.payload)) &&
		(m.meta == nil || e.meta.contains(event.Meta, m.meta)) &&
		(m.words == nil || m.words.In(e.words()))
}

// passesKeys compares the keys of meta that the filter names.
func (m *matcher) passesKeys(e *Entry) bool {
	filter := &m.filter
	if filter.ExecutionID == nil && filter.Step == nil && filter.Statuses == nil {
		return true
	}
	keys := e.keys()
	return nullOrEqual(filter.ExecutionID, keys.execution) && nullOrEqual(filter.Step, keys.step) && nullOrIn(filter.Statuses, keys.status)
}

// nullOrEqual is SQL's "want IS NULL OR got = want".
func nullOrEqual(want, got *string) bool {
	return want == nil || got != nil && *got == *want
}

// nullOrIn is SQL's "want IS NULL OR got = ANY (want)": unlike nil, an empty list
// matches nothing.
func nullOrIn(want []string, got *string) bool {
	return want == nil || got != nil && slices.Contains(want, *got)
}
