package model

import (
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Reference is a place in the latest payload of a resource that names something.
type Reference struct{ Row *catalog.Reference }

// NewReferences wraps rows.
func NewReferences(rows []*catalog.Reference) []*Reference {
	return wrap(new(arena[Reference]), rows, func(row *catalog.Reference) Reference { return Reference{row} })
}

// Kind returns what it names.
func (r *Reference) Kind() ReferenceKind { return ReferenceKind(r.Row.Kind) }

// Pointer returns the JSON Pointer of the place.
func (r *Reference) Pointer() string { return r.Row.Pointer }

// Step returns the step it stands in.
func (r *Reference) Step() *string { return r.Row.Step }

// Target returns the name as written.
func (r *Reference) Target() string { return r.Row.Target }

// Templated reports whether the name is known only at run time.
func (r *Reference) Templated() bool { return r.Row.Templated }

type (
	// ReferenceConnection is a page of references.
	ReferenceConnection = pagination.Page[*Reference]
	// ReferenceEdge is a reference in a page.
	ReferenceEdge = pagination.Edge[*Reference]
)
