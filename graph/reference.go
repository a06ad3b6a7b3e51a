package graph

import (
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// kindNames returns the kinds as the database has them; nil for all.
func kindNames(kinds []model.ReferenceKind) []string {
	if kinds == nil {
		return nil
	}
	names := make([]string, len(kinds))
	for i, kind := range kinds {
		names[i] = string(kind)
	}
	return names
}

// ordinals converts a span to low <= n < high; a high of 0 is open.
func ordinals(span pagination.Span) (low, high int64) {
	ordinal := func(place *pagination.Place) int64 {
		if place == nil {
			return 0
		}
		if place.Key != "" { // the successor of an ordinal
			return place.Number + 1
		}
		return place.Number
	}
	return ordinal(span.Low), ordinal(span.High)
}
