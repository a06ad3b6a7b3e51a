package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Folder is a level of the paths.
type Folder struct {
	// Path ends with a slash; empty for the top.
	Path string
	// ResourceCount is how many resources of the caller's scopes lie in it and below.
	ResourceCount int
}

// Disjoint returns the scopes that no other one includes, and the ends of their ranges.
func Disjoint(scopes []string) (lows, highs []string) {
	lows = []string{}
	for _, scope := range slices.Sorted(slices.Values(scopes)) {
		if len(lows) > 0 && strings.HasPrefix(scope, lows[len(lows)-1]) {
			continue
		}
		lows = append(lows, scope)
		_, high := PrefixRange(scope)
		highs = append(highs, high)
	}
	return lows, highs
}

// Folder returns the folder at a path; nil if no resource of the scopes lies there.
// The top always exists.
func (s *Store) Folder(ctx context.Context, scopes []string, path string) (*Folder, error) {
	lows, highs := Disjoint(scopes)
	count, err := s.queries.FolderSize(ctx, sqlc.FolderSizeParams{Path: path, Scopes: lows, ScopeEnds: highs})
	if err != nil {
		return nil, fmt.Errorf("read a folder: %w", err)
	}
	if count == 0 && path != "" {
		return nil, nil
	}
	return &Folder{Path: path, ResourceCount: int(count)}, nil
}

// FoldersOf lists up to limit folders directly in each folder, by path. The range is
// one of paths.
func (s *Store) FoldersOf(ctx context.Context, scopes, folders []string, within Range, limit int) ([][]*Folder, error) {
	lows, highs := Disjoint(scopes)
	found, err := s.queries.FoldersOfFolders(ctx, sqlc.FoldersOfFoldersParams{
		Parents: folders, Scopes: lows, ScopeEnds: highs, Low: beyondFolder(within.LowPath), High: within.HighPath, PageSize: int32(limit),
	})
	if err != nil {
		return nil, fmt.Errorf("list folders: %w", err)
	}
	lists := make([][]*Folder, len(folders))
	for _, row := range found {
		lists[row.Parent-1] = append(lists[row.Parent-1], &Folder{Path: row.Path, ResourceCount: int(row.ResourceCount)})
	}
	return lists, nil
}

// beyondFolder returns the least text after a folder and all that lies in it, given
// the least text after the folder itself.
func beyondFolder(low string) string {
	if folder, ok := strings.CutSuffix(low, "/\x01"); ok {
		return folder + "0" // which follows '/'
	}
	return low
}

// CountFoldersOf counts the folders directly in each folder.
func (s *Store) CountFoldersOf(ctx context.Context, scopes, folders []string) ([]int, error) {
	lows, highs := Disjoint(scopes)
	counts, err := s.queries.CountFoldersOfFolders(ctx, sqlc.CountFoldersOfFoldersParams{Parents: folders, Scopes: lows, ScopeEnds: highs})
	if err != nil {
		return nil, fmt.Errorf("count folders: %w", err)
	}
	return ints(counts), nil
}

// ListResourcesOfFolders lists up to limit resources directly in each folder, by path.
func (s *Store) ListResourcesOfFolders(ctx context.Context, scopes, folders []string, within Range, limit int) ([][]*Resource, error) {
	lows, highs := Disjoint(scopes)
	lists := make([][]*Resource, len(folders))
	err := s.readResources(rows.GenericPlan, columnsWithParent, func(queries *sqlc.Queries) error {
		_, err := queries.ListResourcesOfFolders(ctx, sqlc.ListResourcesOfFoldersParams{
			Parents: folders, Scopes: lows, ScopeEnds: highs, Low: within.LowPath, High: within.HighPath, PageSize: int32(limit),
		})
		return err
	}, func(parent int, resource *Resource) { lists[parent] = append(lists[parent], resource) })
	if err != nil {
		return nil, fmt.Errorf("list resources of folders: %w", err)
	}
	return lists, nil
}

// CountResourcesOfFolders counts the resources directly in each folder.
func (s *Store) CountResourcesOfFolders(ctx context.Context, scopes, folders []string) ([]int, error) {
	lows, highs := Disjoint(scopes)
	counts, err := s.queries.CountResourcesOfFolders(ctx, sqlc.CountResourcesOfFoldersParams{Parents: folders, Scopes: lows, ScopeEnds: highs})
	if err != nil {
		return nil, fmt.Errorf("count resources of folders: %w", err)
	}
	return ints(counts), nil
}

func ints(counts []int64) []int {
	all := make([]int, len(counts))
	for i, count := range counts {
		all[i] = int(count)
	}
	return all
}
