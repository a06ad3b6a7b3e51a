package model

import "github.com/noetl/noetl-catalog/db/catalog"

// ResourceFacets count the resources that pass a filter, by value.
type ResourceFacets struct{ Counts *catalog.Facets }

// Types returns the counts of each type.
func (f *ResourceFacets) Types() []*NameCount { return pointers(f.Counts.Types) }

// Tools returns the counts of each kind of tool.
func (f *ResourceFacets) Tools() []*NameCount { return pointers(f.Counts.Tools) }

// Credentials returns the counts of each credential.
func (f *ResourceFacets) Credentials() []*NameCount { return pointers(f.Counts.Credentials) }

// Tags returns the counts of each tag.
func (f *ResourceFacets) Tags() []*NameCount { return pointers(f.Counts.Tags) }
