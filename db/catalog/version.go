package catalog

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/noetl/noetl-catalog/sqlc"
)

// Version is one immutable version of a resource: a row of the catalog.
// Payload, Content and Meta are set only where Columns asked for them.
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

// LabelKey names a version by its label.
type LabelKey struct{ Path, Label string }

// RevisionKey names a version by its place in its resource's history.
type RevisionKey struct {
	Path     string
	Revision int32
}

// VersionsByLabel are the versions of these keys, in their order, nil for one
// that does not exist or lies out of scope.
func (s *Store) VersionsByLabel(ctx context.Context, scopes []string, keys []LabelKey, columns Columns) ([]*Version, error) {
	params := sqlc.VersionsByLabelParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
		Paths: make([]string, len(keys)), Labels: make([]string, len(keys)), Scopes: scopes,
	}
	for i, key := range keys {
		params.Paths[i], params.Labels[i] = key.Path, key.Label
	}
	rows, err := s.queries.VersionsByLabel(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("read versions by label: %w", err)
	}
	found := make([]*Version, len(keys))
	for _, row := range rows {
		found[row.Parent-1] = versionOf(versionRow(row), columns)
	}
	return found, nil
}

// VersionByLabel is one version; nil if it does not exist or lies out of scope.
// It comes from memory where it has been asked for before.
func (s *Store) VersionByLabel(ctx context.Context, scopes []string, key LabelKey, columns Columns) (*Version, error) {
	if kept := s.versions.get(scopes, key, columns); kept != nil {
		return kept, nil
	}
	found, err := s.VersionsByLabel(ctx, scopes, []LabelKey{key}, columns)
	if err != nil || found[0] == nil {
		return nil, err
	}
	s.versions.add(key, found[0])
	return found[0], nil
}

// VersionsByRevision are the versions of these keys, in their order, nil for
// one that does not exist or lies out of scope.
func (s *Store) VersionsByRevision(ctx context.Context, scopes []string, keys []RevisionKey, columns Columns) ([]*Version, error) {
	params := sqlc.VersionsByRevisionParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
		Paths: make([]string, len(keys)), Revisions: make([]int32, len(keys)), Scopes: scopes,
	}
	for i, key := range keys {
		params.Paths[i], params.Revisions[i] = key.Path, key.Revision
	}
	rows, err := s.queries.VersionsByRevision(ctx, params)
	if err != nil {
		return nil, fmt.Errorf("read versions by revision: %w", err)
	}
	found := make([]*Version, len(keys))
	for _, row := range rows {
		found[row.Parent-1] = versionOf(versionRow(row), columns)
	}
	return found, nil
}

// RevisionRange is a part of a history: Low <= revision < High.
type RevisionRange struct{ Low, High int32 }

// AllRevisions is the whole history.
func AllRevisions() RevisionRange { return RevisionRange{Low: 0, High: math.MaxInt32} }

// ListVersions lists up to limit versions of each path, newest or oldest
// first; the answer has a place for each path, in their order.
func (s *Store) ListVersions(ctx context.Context, scopes, paths []string, within RevisionRange, newestFirst bool, limit int, columns Columns) ([][]*Version, error) {
	lists := make([][]*Version, len(paths))
	params := sqlc.VersionsNewestFirstParams{
		WithPayload: columns.Payload, WithContent: columns.Content, WithMeta: columns.Meta,
		Paths: paths, Low: within.Low, High: within.High, Scopes: scopes, PageSize: int32(limit),
	}
	add := func(row versionRow) {
		lists[row.Parent-1] = append(lists[row.Parent-1], versionOf(row, columns))
	}
	if newestFirst {
		rows, err := s.queries.VersionsNewestFirst(ctx, params)
		if err != nil {
			return nil, fmt.Errorf("list versions: %w", err)
		}
		for _, row := range rows {
			add(versionRow(row))
		}
		return lists, nil
	}
	rows, err := s.queries.VersionsOldestFirst(ctx, sqlc.VersionsOldestFirstParams(params))
	if err != nil {
		return nil, fmt.Errorf("list versions: %w", err)
	}
	for _, row := range rows {
		add(versionRow(row))
	}
	return lists, nil
}

// versionRow is what every query for versions returns.
type versionRow sqlc.VersionsByLabelRow

func versionOf(row versionRow, columns Columns) *Version {
	return &Version{
		Path: row.ResourcePath, Type: row.ResourceType, Label: row.ResourceVersion, Revision: row.Revision,
		Source: row.Source, Location: row.ResourceLocation, Timestamp: row.Timestamp,
		Payload: row.Payload, Content: row.Content, Meta: row.Meta, Columns: columns,
	}
}
