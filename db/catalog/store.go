package catalog

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/rawrow"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Store reads and writes the catalog. What it keeps is versions, which
// never change.
type Store struct {
	queries *sqlc.Queries
	// planned is for filters whose best index depends on what they ask for.
	planned *sqlc.Queries
	// database and plannedDatabase are where they run.
	database, plannedDatabase sqlc.DBTX
	versions                  *versionCache
	// memory is what a store of Reusing reads into; nil for memory of each
	// read's own.
	memory *memory
}

// memory is where what is read lies.
type memory struct {
	rows      rawrow.Memory
	versions  rawrow.Slab[Version]
	resources rawrow.Slab[Resource]
}

// Reusing is a store over the same database, and with the same versions kept,
// that reads into the same memory again and again: what it returns is good until
// Reset. Unlike other stores, it is for one goroutine at a time.
func (s *Store) Reusing() *Store {
	reusing := *s
	reusing.memory = &memory{}
	return &reusing
}

// Reset lets the memory be used again that a store of Reusing has read into.
func (s *Store) Reset() {
	if !s.memory.rows.Reset() {
		*s.memory = memory{}
		return
	}
	s.memory.versions.Reset()
	s.memory.resources.Reset()
}

func (s *Store) memoryToUse() *memory {
	if s.memory != nil {
		return s.memory
	}
	return &memory{}
}

// NewStore makes a store over a pool, a connection or a transaction.
func NewStore(db customplan.Database) *Store {
	planned := customplan.Of(db)
	return &Store{
		queries: sqlc.New(db), planned: sqlc.New(planned), database: db, plannedDatabase: planned,
		versions: newVersionCache(versionCacheBytes),
	}
}

// ResourceTypes are all the known types, by name.
func (s *Store) ResourceTypes(ctx context.Context) ([]string, error) {
	names, err := s.queries.ResourceTypes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list resource types: %w", err)
	}
	return names, nil
}

// MaxTypes is how many resource types, and how many event types, there can
// be: they are listed whole. TypeLimit is what the database calls that rule,
// which holds for every writer (type_limit).
const (
	MaxTypes  = 1000
	TypeLimit = "type_limit"
)

// SaveResourceType adds a type; one that exists stays as it is.
func (s *Store) SaveResourceType(ctx context.Context, name string) error {
	if err := CheckTypeName("name", name); err != nil {
		return err
	}
	if err := s.queries.SaveResourceType(ctx, name); err != nil {
		if problem, ok := fault.Refused(err); ok {
			return problem
		}
		return fmt.Errorf("save resource type: %w", err)
	}
	return nil
}
