package catalog

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Version is one immutable version of a resource: a row of the catalog.
// Payload, Content and Meta are set only if Columns includes them.
type Version struct {
	Path      string
	Type      string
	Label     string
	Revision  int32
	Source    string
	Location  *string
	Timestamp time.Time
	Payload   []byte
	Content   string
	Meta      []byte
	Columns   Columns
}

// Columns says which of the large columns to read.
type Columns struct {
	Payload, Content, Meta bool
}

// Has reports whether the version has these large columns.
func (v *Version) Has(columns Columns) bool {
	has := v.Columns
	return (has.Payload || !columns.Payload) && (has.Content || !columns.Content) && (has.Meta || !columns.Meta)
}

// LabelKey names a version by its label.
type LabelKey struct{ Path, Label string }

// RevisionKey names a version by its number in its resource's history.
type RevisionKey struct {
	Path     string
	Revision int32
}

// VersionsByLabel returns the versions of these keys, in their order: nil for one
// that does not exist or is out of scope. Versions that were read repeatedly come
// from the cache.
func (s *Store) VersionsByLabel(ctx context.Context, scopes []string, keys []LabelKey, columns Columns) ([]*Version, error) {
	found := make([]*Version, len(keys))
	params := sqlc.VersionsByLabelParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta, Scopes: scopes,
	}
	var indexes []int // of the keys that params ask for
	for i, key := range keys {
		if found[i] = s.versions.get(scopes, key, columns); found[i] == nil {
			params.Paths, params.Labels, indexes = append(params.Paths, key.Path), append(params.Labels, key.Label), append(indexes, i)
		}
	}
	if len(indexes) == 0 {
		return found, nil
	}
	err := s.readVersions(columns, func(queries *sqlc.Queries) error {
		_, err := queries.VersionsByLabel(ctx, params)
		return err
	}, func(i int, version *Version) {
		found[indexes[i]] = version
		s.versions.add(version)
	})
	if err != nil {
		return nil, fmt.Errorf("read versions by label: %w", err)
	}
	return found, nil
}

// VersionByLabel returns one version; nil if it does not exist or is out of scope.
func (s *Store) VersionByLabel(ctx context.Context, scopes []string, key LabelKey, columns Columns) (*Version, error) {
	found := s.versions.get(scopes, key, columns)
	if found != nil {
		return found, nil
	}
	err := s.readVersions(columns, func(queries *sqlc.Queries) error {
		_, err := queries.VersionByLabel(ctx, sqlc.VersionByLabelParams{
			WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
			Path: key.Path, Label: key.Label, Scopes: scopes,
		})
		return err
	}, func(_ int, version *Version) {
		found = version
		s.versions.add(version)
	})
	if err != nil {
		return nil, fmt.Errorf("read a version by its label: %w", err)
	}
	return found, nil
}

// VersionsByRevision returns the versions of these keys, in their order: nil for
// one that does not exist or is out of scope.
func (s *Store) VersionsByRevision(ctx context.Context, scopes []string, keys []RevisionKey, columns Columns) ([]*Version, error) {
	params := sqlc.VersionsByRevisionParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
		Paths: make([]string, len(keys)), Revisions: make([]int32, len(keys)), Scopes: scopes,
	}
	for i, key := range keys {
		params.Paths[i], params.Revisions[i] = key.Path, key.Revision
	}
	found := make([]*Version, len(keys))
	err := s.readVersions(columns, func(queries *sqlc.Queries) error {
		_, err := queries.VersionsByRevision(ctx, params)
		return err
	}, func(i int, version *Version) { found[i] = version })
	if err != nil {
		return nil, fmt.Errorf("read versions by revision: %w", err)
	}
	return found, nil
}

// RevisionRange is a part of a history: Low <= revision < High.
type RevisionRange struct{ Low, High int32 }

// AllRevisions is the whole history.
func AllRevisions() RevisionRange { return RevisionRange{Low: 0, High: math.MaxInt32} }

// ListVersions lists up to limit versions of each path, newest or oldest
// first, in the order of paths.
func (s *Store) ListVersions(ctx context.Context, scopes, paths []string, within RevisionRange, newestFirst bool, limit int, columns Columns) ([][]*Version, error) {
	var versions []*Version
	var parents []int
	params := sqlc.VersionsNewestFirstParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
		Paths: paths, Low: within.Low, High: within.High, Scopes: scopes, PageSize: int32(limit),
	}
	err := s.readVersions(columns, func(queries *sqlc.Queries) error {
		var err error
		if newestFirst {
			_, err = queries.VersionsNewestFirst(ctx, params)
		} else {
			_, err = queries.VersionsOldestFirst(ctx, sqlc.VersionsOldestFirstParams(params))
		}
		return err
	}, func(parent int, version *Version) {
		versions, parents = append(versions, version), append(parents, parent)
	})
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	return rows.Cut(versions, parents, len(paths)), nil
}

// versionColumns are the columns of every query for versions.
var versionColumns = []string{
	"parent", "resource_path", "resource_type", "resource_version", "revision", "source", "resource_location", "timestamp",
	"payload", "content", "meta",
}

// readVersions calls add for each version that a query returns, with the index of
// the key that found it.
func (s *Store) readVersions(columns Columns, run func(*sqlc.Queries) error, add func(parent int, version *Version)) error {
	return s.Each(rows.GenericPlan, versionColumns, run, func(row *rows.Row) {
		version := rows.Next[Version](row)
		*version = Version{
			Path: row.Text(1), Type: row.Text(2), Label: row.Text(3), Revision: row.Int32(4),
			Source: row.Text(5), Location: row.OptionalText(6), Timestamp: row.Time(7),
			Payload: row.JSON(8), Content: row.Text(9), Meta: row.JSON(10), Columns: columns,
		}
		add(int(row.Int32(0))-1, version)
	})
}
