package model

import (
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Resource is a row of table resource.
type Resource struct {
	Row *catalog.Resource
	// Draft is set for a resource that only a dry run would make.
	Draft *Version
	kind  ResourceType
}

// NewResources wraps rows; a nil row stays nil.
func NewResources(rows []*catalog.Resource) []*Resource {
	return new(Memory).Resources(rows)
}

// DraftResource returns the resource of a version that a dry run would make, where it
// would be the first.
func DraftResource(v *Version) *Resource {
	resource := NewResources([]*catalog.Resource{{
		ResourcePath: v.Row.Path, ResourceType: v.Row.Type,
		LatestVersion: v.Row.Label, LatestRevision: v.Row.Revision,
		CreatedAt: v.Row.Timestamp, UpdatedAt: v.Row.Timestamp,
	}})[0]
	resource.Draft = v
	return resource
}

// IsNode marks an implementation of Node.
func (*Resource) IsNode() {}

// ID returns the global id.
func (r *Resource) ID() string { return ResourceID(r.Row.ResourcePath) }

// Path returns the path it is registered under.
func (r *Resource) Path() string { return r.Row.ResourcePath }

// Type returns the type of its latest version.
func (r *Resource) Type() *ResourceType { return &r.kind }

// Name returns the name in the latest payload.
func (r *Resource) Name() *string { return r.Row.Name }

// Description returns the description in the latest payload.
func (r *Resource) Description() *string { return r.Row.Description }

// VersionCount returns the latest revision: versions are numbered without a gap
// and never deleted.
func (r *Resource) VersionCount() int { return int(r.Row.LatestRevision) }

// CreatedAt returns the first version's timestamp.
func (r *Resource) CreatedAt() time.Time { return r.Row.CreatedAt }

// UpdatedAt returns the latest version's timestamp.
func (r *Resource) UpdatedAt() time.Time { return r.Row.UpdatedAt }

// Version is a row of table catalog.
type Version struct {
	Row *catalog.Version
	// Draft: a dry run would make it; it is not stored.
	Draft bool
	kind  ResourceType
}

// NewVersions wraps rows; a nil row stays nil.
func NewVersions(rows []*catalog.Version) []*Version {
	return new(Memory).Versions(rows)
}

// IsNode marks an implementation of Node.
func (*Version) IsNode() {}

// ID returns the global id.
func (v *Version) ID() string { return VersionID(v.Row.Path, v.Row.Label) }

// Path returns the path of its resource.
func (v *Version) Path() string { return v.Row.Path }

// Version returns its label.
func (v *Version) Version() string { return v.Row.Label }

// Revision returns its place in its resource's history, from 1.
func (v *Version) Revision() int { return int(v.Row.Revision) }

// Type returns its resource type.
func (v *Version) Type() *ResourceType { return &v.kind }

// Source says where the payload came from.
func (v *Version) Source() string { return v.Row.Source }

// Location says where exactly.
func (v *Version) Location() *string { return v.Row.Location }

// Timestamp returns when it was registered.
func (v *Version) Timestamp() time.Time { return v.Row.Timestamp }

// ResourceType is a row of table resource_type.
type ResourceType struct{ Name string }

// NewResourceTypes wraps names.
func NewResourceTypes(names []string) []*ResourceType {
	types := make([]*ResourceType, len(names))
	for i, name := range names {
		types[i] = &ResourceType{Name: name}
	}
	return types
}

// Pages of lists, and their items with cursors.
type (
	// ResourceConnection is a page of resources.
	ResourceConnection = pagination.Page[*Resource]
	// ResourceEdge is a resource in a page.
	ResourceEdge = pagination.Edge[*Resource]
	// VersionConnection is a page of versions.
	VersionConnection = pagination.Page[*Version]
	// VersionEdge is a version in a page.
	VersionEdge = pagination.Edge[*Version]
	// PageInfo describes a page.
	PageInfo = pagination.PageInfo
)
