package catalog

import (
	"context"
	"fmt"

	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Store reads and writes the catalog. It caches versions, which never change.
type Store struct {
	rows.Reader
	queries *sqlc.Queries
	// custom plans each statement for its arguments: for filters whose best index
	// depends on their values.
	custom   *sqlc.Queries
	versions *versionCache
}

// Reusing returns a store over the same database, with the same cached versions,
// whose reads reuse memory as rows.Reader.Reusing does.
func (s *Store) Reusing() *Store {
	reusing := *s
	reusing.Reader = s.Reader.Reusing()
	return &reusing
}

// NewStore makes a store over a pool, a connection or a transaction.
func NewStore(db customplan.Database) *Store {
	return &Store{
		Reader: rows.NewReader(db), queries: sqlc.New(db), custom: sqlc.New(customplan.Of(db)),
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

// Limits bound a payload.
type Limits = jsontext.Limits

// DefaultLimits are jsontext's.
func DefaultLimits() Limits { return jsontext.DefaultLimits() }

// MaxTypes is how many resource types, and how many event types, there can
// be: they are listed without pages. TypeLimit is the name of the database's rule,
// which applies to every writer.
const (
	MaxTypes  = 1000
	TypeLimit = "type_limit"
)

// SaveResourceType adds a type; an existing one is unchanged.
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
