package model

import (
	"strings"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/graph/pagination"
)

// Folder is a level of the path tree.
type Folder struct{ catalog.Folder }

// NewFolders wraps rows.
func NewFolders(rows []*catalog.Folder) []*Folder {
	return wrap(new(arena[Folder]), rows, func(row *catalog.Folder) Folder { return Folder{*row} })
}

// Name is the last word of the path.
func (f *Folder) Name() string {
	path := strings.TrimSuffix(f.Path, "/")
	return path[strings.LastIndexByte(path, '/')+1:]
}

type (
	// FolderConnection is a page of folders.
	FolderConnection = pagination.Page[*Folder]
	// FolderEdge is a folder in a page.
	FolderEdge = pagination.Edge[*Folder]
)
