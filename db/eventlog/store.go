package eventlog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/rawrow"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Store reads and writes events. It keeps nothing but the memory of Reusing.
type Store struct {
	// OpenTypes lets Record add the types that it does not know.
	OpenTypes bool

	queries *sqlc.Queries
	// planned is for filters whose best access path depends on what they ask for.
	planned *sqlc.Queries
	// database and plannedDatabase are where they run.
	database, plannedDatabase sqlc.DBTX
	// begin begins a transaction; nil for a store within one.
	begin func(context.Context, pgx.TxOptions) (pgx.Tx, error)
	// memory is what a store of Reusing reads into; nil for memory of each
	// read's own.
	memory *memory
}

// memory is where what is read lies.
type memory struct {
	rows      rawrow.Memory
	resources rawrow.Slab[catalog.Resource]
	versions  rawrow.Slab[catalog.Version]
	events    rawrow.Slab[Event]
}

// Reusing is a store over the same database that reads into the same memory
// again and again: the rows it returns are good until Reset. Unlike other
// stores, it is for one goroutine at a time.
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
	s.memory.resources.Reset()
	s.memory.versions.Reset()
	s.memory.events.Reset()
}

func (s *Store) memoryToUse() *memory {
	if s.memory != nil {
		return s.memory
	}
	return &memory{}
}

// Queries are the store's queries, for package stream, which reads the tables of
// the log itself.
func (s *Store) Queries() *sqlc.Queries { return s.queries }

// NewStore makes a store over a pool, a connection or a transaction.
func NewStore(db customplan.Database) *Store {
	planned := customplan.Of(db)
	store := &Store{queries: sqlc.New(db), planned: sqlc.New(planned), database: db, plannedDatabase: planned}
	if beginner, ok := db.(interface {
		BeginTx(context.Context, pgx.TxOptions) (pgx.Tx, error)
	}); ok {
		store.begin = beginner.BeginTx
	}
	return store
}

// EventType is a kind of event: the template of its messages, and what it does to
// its run.
type EventType = sqlc.EventType

// EventTypes are all the known types, by name.
func (s *Store) EventTypes(ctx context.Context) ([]EventType, error) {
	types, err := s.queries.EventTypes(ctx)
	if err != nil {
		return nil, fmt.Errorf("list event types: %w", err)
	}
	return types, nil
}

// EventTypesByName are the types of these names, in their order, nil for an
// unknown one.
func (s *Store) EventTypesByName(ctx context.Context, names []string) ([]*EventType, error) {
	rows, err := s.queries.EventTypesByName(ctx, names)
	if err != nil {
		return nil, fmt.Errorf("read event types: %w", err)
	}
	byName := make(map[string]*EventType, len(rows))
	for i := range rows {
		byName[rows[i].Name] = &rows[i]
	}
	found := make([]*EventType, len(names))
	for i, name := range names {
		found[i] = byName[name]
	}
	return found, nil
}

// EventTypeChange says what to save of an event type.
type EventTypeChange struct {
	Name string
	// Template and Phase are saved where Set… says so; nil is none. What is not
	// saved stays as it is; a new type has no template and the phase that its name
	// says.
	SetTemplate, SetPhase bool
	Template, Phase       *string
}

// SaveEventType adds an event type or changes it, and returns it as it is then. A
// template that does not parse is refused with its line and column; a change of
// phase holds for the events recorded from then on.
func (s *Store) SaveEventType(ctx context.Context, change EventTypeChange) (*EventType, error) {
	if err := catalog.CheckTypeName("name", change.Name); err != nil {
		return nil, err
	}
	if change.Template != nil {
		if _, err := message.Parse(*change.Template); err != nil {
			return nil, err
		}
	}
	saved, err := s.queries.SaveEventType(ctx, sqlc.SaveEventTypeParams{
		Name: change.Name, Template: change.Template, SetTemplate: change.SetTemplate, Phase: change.Phase, SetPhase: change.SetPhase,
	})
	if problem, ok := fault.Refused(err); ok {
		return nil, problem
	}
	if err != nil {
		return nil, fmt.Errorf("save event type: %w", err)
	}
	return &saved, nil
}
