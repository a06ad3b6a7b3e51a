package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Reference is a place in the latest payload of a resource that names something.
type Reference struct {
	// From is the path of that resource.
	From string
	// Nth is the reference's place among those of its payload, from 1; 0 in a list of
	// callers.
	Nth       int
	Kind      string
	Pointer   string
	Step      *string
	Target    string
	Templated bool
}

// PlaybookReference is the kind of a reference to a resource.
const PlaybookReference = "PLAYBOOK"

// CallerKey is what a list of callers is sorted by. No path has the control character.
func (r *Reference) CallerKey() string { return r.From + "\x01" + r.Pointer }

var referenceColumns = []string{"parent", "path", "nth", "kind", "pointer", "step", "target", "templated"}

// TagsByPath returns the tags of the resources at these paths, in their order.
func (s *Store) TagsByPath(ctx context.Context, scopes, paths []string) ([][]string, error) {
	found, err := s.queries.TagsByPath(ctx, sqlc.TagsByPathParams{Paths: paths, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("read tags: %w", err)
	}
	byPath := make(map[string][]string, len(found))
	for _, row := range found {
		var tags []string
		if err := json.Unmarshal(row.Tags, &tags); err != nil {
			return nil, fmt.Errorf("read the tags of a resource: %w", err)
		}
		byPath[row.ResourcePath] = tags
	}
	lists := make([][]string, len(paths))
	for i, path := range paths {
		if lists[i] = byPath[path]; lists[i] == nil {
			lists[i] = []string{}
		}
	}
	return lists, nil
}

// ListReferences lists up to limit references of each resource, with low <= Nth < high;
// a high of 0 is open. Kinds are alternatives, all if nil.
func (s *Store) ListReferences(ctx context.Context, scopes, paths, kinds []string, low, high int64, descending bool, limit int) ([][]*Reference, error) {
	if high == 0 {
		high = math.MaxInt64
	}
	params := sqlc.ListReferencesAscParams{Paths: paths, Scopes: scopes, Kinds: kinds, Low: low, High: high, PageSize: int32(limit)} //nolint:gosec // a page
	return s.readReferences(len(paths), func(queries *sqlc.Queries) (err error) {
		if descending {
			_, err = queries.ListReferencesDesc(ctx, sqlc.ListReferencesDescParams(params))
		} else {
			_, err = queries.ListReferencesAsc(ctx, params)
		}
		return err
	})
}

// ListReferencesTo lists up to limit references to each path, with low <= CallerKey < high;
// an empty high is open.
func (s *Store) ListReferencesTo(ctx context.Context, scopes, paths []string, low, high string, descending bool, limit int) ([][]*Reference, error) {
	lowPath, _, _ := strings.Cut(low, "\x01")
	highPath, _, _ := strings.Cut(high, "\x01")
	params := sqlc.ListReferencesToAscParams{
		Paths: paths, Scopes: scopes, LowPath: lowPath, HighPath: highPath, LowKey: low, HighKey: high,
		MostCallers: int32(limit) + 1, PageSize: int32(limit), //nolint:gosec // a page
	}
	return s.readReferences(len(paths), func(queries *sqlc.Queries) (err error) {
		if descending {
			_, err = queries.ListReferencesToDesc(ctx, sqlc.ListReferencesToDescParams(params))
		} else {
			_, err = queries.ListReferencesToAsc(ctx, params)
		}
		return err
	})
}

func (s *Store) readReferences(n int, run func(*sqlc.Queries) error) ([][]*Reference, error) {
	lists := make([][]*Reference, n)
	err := s.Each(rows.CustomPlan, referenceColumns, run, func(row *rows.Row) {
		parent := int(row.Int32(0)) - 1
		reference := rows.Next[Reference](row)
		*reference = Reference{
			From: row.Text(1), Nth: int(row.Int32(2)), Kind: row.Text(3), Pointer: row.Text(4),
			Step: row.OptionalText(5), Target: row.Text(6), Templated: row.Bool(7),
		}
		lists[parent] = append(lists[parent], reference)
	})
	if err != nil {
		return nil, fmt.Errorf("list references: %w", err)
	}
	return lists, nil
}

// CountReferences counts the references of each resource.
func (s *Store) CountReferences(ctx context.Context, scopes, paths, kinds []string) ([]int, error) {
	counts := make([]int, len(paths))
	found, err := s.custom.CountReferences(ctx, sqlc.CountReferencesParams{Paths: paths, Scopes: scopes, Kinds: kinds})
	if err != nil {
		return nil, fmt.Errorf("count references: %w", err)
	}
	for _, row := range found {
		counts[row.Parent-1] = int(row.Count)
	}
	return counts, nil
}

// CountReferencesTo counts the references to each path.
func (s *Store) CountReferencesTo(ctx context.Context, scopes, paths []string) ([]int, error) {
	counts := make([]int, len(paths))
	found, err := s.custom.CountReferencesTo(ctx, sqlc.CountReferencesToParams{Paths: paths, Scopes: scopes})
	if err != nil {
		return nil, fmt.Errorf("count callers: %w", err)
	}
	for _, row := range found {
		counts[row.Parent-1] = int(row.Count)
	}
	return counts, nil
}
