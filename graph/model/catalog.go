package model

import (
	"context"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Group is the rows that were read together.
type Group[T any] struct{ Members []T }

// Resource is a row of table resource.
type Resource struct {
	Row      *catalog.Resource
	Siblings *Group[*Resource]
	// Draft is set for a resource that only a dry run would make.
	Draft *Version
}

// NewResources wraps rows that were read together; a nil row stays nil.
func NewResources(rows []*catalog.Resource) []*Resource {
	group := &Group[*Resource]{}
	wrapped := make([]*Resource, len(rows))
	for i, row := range rows {
		if row != nil {
			wrapped[i] = &Resource{Row: row, Siblings: group}
			group.Members = append(group.Members, wrapped[i])
		}
	}
	return wrapped
}

// IsNode marks an implementation of Node.
func (*Resource) IsNode() {}

// ID is the global id.
func (r *Resource) ID() string { return ResourceID(r.Row.ResourcePath) }

// Path is the path it is registered under.
func (r *Resource) Path() string { return r.Row.ResourcePath }

// Type is the type of its latest version.
func (r *Resource) Type() *ResourceType {
	return typeOf(r.Row.ResourceType, r.Siblings, func(r *Resource) string { return r.Row.ResourceType })
}

// Name is the latest payload's.
func (r *Resource) Name() *string { return r.Row.Name }

// Description is the latest payload's.
func (r *Resource) Description() *string { return r.Row.Description }

// VersionCount is the latest revision: versions are numbered without a gap
// and never deleted.
func (r *Resource) VersionCount() int { return int(r.Row.LatestRevision) }

// CreatedAt is the first version's timestamp.
func (r *Resource) CreatedAt() time.Time { return r.Row.CreatedAt }

// UpdatedAt is the latest version's timestamp.
func (r *Resource) UpdatedAt() time.Time { return r.Row.UpdatedAt }

// Version is a row of table catalog.
type Version struct {
	Row      *catalog.Version
	Siblings *Group[*Version]
	// Draft: a dry run would make it; it is not stored.
	Draft bool
}

// NewVersions wraps rows that were read together; a nil row stays nil.
func NewVersions(rows []*catalog.Version) []*Version {
	group := &Group[*Version]{}
	wrapped := make([]*Version, len(rows))
	for i, row := range rows {
		if row != nil {
			wrapped[i] = &Version{Row: row, Siblings: group}
			group.Members = append(group.Members, wrapped[i])
		}
	}
	return wrapped
}

// IsNode marks an implementation of Node.
func (*Version) IsNode() {}

// ID is the global id.
func (v *Version) ID() string { return VersionID(v.Row.Path, v.Row.Label) }

// Path is its resource's.
func (v *Version) Path() string { return v.Row.Path }

// Version is its label.
func (v *Version) Version() string { return v.Row.Label }

// Revision is its place in its resource's history, from 1.
func (v *Version) Revision() int { return int(v.Row.Revision) }

// Type is its resource type.
func (v *Version) Type() *ResourceType {
	return typeOf(v.Row.Type, v.Siblings, func(v *Version) string { return v.Row.Type })
}

// Source says where the payload came from.
func (v *Version) Source() string { return v.Row.Source }

// Location says where exactly.
func (v *Version) Location() *string { return v.Row.Location }

// Timestamp is when it was registered.
func (v *Version) Timestamp() time.Time { return v.Row.Timestamp }

// ResourceType is a row of table resource_type. It may have been reached by
// one of many rows: Group is what those were read as, and Names are the types
// of all of them.
type ResourceType struct {
	Name  string
	Group any
	Names func() []string
}

// NewResourceTypes wraps names that were read together.
func NewResourceTypes(names []string) []*ResourceType {
	group := &Group[string]{Members: names}
	wrapped := make([]*ResourceType, len(names))
	for i, name := range names {
		wrapped[i] = &ResourceType{Name: name, Group: group, Names: func() []string { return names }}
	}
	return wrapped
}

func typeOf[T any](name string, group *Group[T], nameOf func(T) string) *ResourceType {
	return &ResourceType{Name: name, Group: group, Names: func() []string {
		names := make([]string, len(group.Members))
		for i, member := range group.Members {
			names[i] = nameOf(member)
		}
		return names
	}}
}

// ResourceEdge is a resource in a page, with its cursor.
type ResourceEdge struct {
	Cursor string
	Node   *Resource
}

// ResourceConnection is a page of resources.
type ResourceConnection struct {
	*pagination.Page[*Resource]
	Count func(context.Context) (int, error)
}

// Edges are the page's resources with their cursors.
func (c *ResourceConnection) Edges() []*ResourceEdge {
	edges := make([]*ResourceEdge, len(c.Items))
	for i, item := range c.Items {
		edges[i] = &ResourceEdge{Cursor: c.Cursor(item), Node: item}
	}
	return edges
}

// Nodes are the page's resources.
func (c *ResourceConnection) Nodes() []*Resource { return c.Items }

// PageInfo describes the page.
func (c *ResourceConnection) PageInfo() *PageInfo { return pageInfo(c.Page) }

// TotalCount counts the whole list.
func (c *ResourceConnection) TotalCount(ctx context.Context) (int, error) { return c.Count(ctx) }

// VersionEdge is a version in a page, with its cursor.
type VersionEdge struct {
	Cursor string
	Node   *Version
}

// VersionConnection is a page of versions.
type VersionConnection struct {
	*pagination.Page[*Version]
	TotalCount int
}

// Edges are the page's versions with their cursors.
func (c *VersionConnection) Edges() []*VersionEdge {
	edges := make([]*VersionEdge, len(c.Items))
	for i, item := range c.Items {
		edges[i] = &VersionEdge{Cursor: c.Cursor(item), Node: item}
	}
	return edges
}

// Nodes are the page's versions.
func (c *VersionConnection) Nodes() []*Version { return c.Items }

// PageInfo describes the page.
func (c *VersionConnection) PageInfo() *PageInfo { return pageInfo(c.Page) }

// PageInfo describes a page.
type PageInfo struct {
	StartCursor, EndCursor *string
	next, previous         func(context.Context) (bool, error)
}

func pageInfo[T any](page *pagination.Page[T]) *PageInfo {
	start, end := page.Ends()
	return &PageInfo{StartCursor: start, EndCursor: end, next: page.Next, previous: page.Previous}
}

// HasNextPage tells whether the list goes on after the page.
func (p *PageInfo) HasNextPage(ctx context.Context) (bool, error) { return p.next(ctx) }

// HasPreviousPage tells whether the list has something before the page.
func (p *PageInfo) HasPreviousPage(ctx context.Context) (bool, error) { return p.previous(ctx) }
