package eventlog

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/rows"
	"github.com/noetl/noetl-catalog/sqlc"
)

// Store reads and writes events.
type Store struct {
	rows.Reader
	// OpenTypes lets Record add the types that it does not know.
	OpenTypes bool

	queries *sqlc.Queries
	// custom plans each statement for its arguments: for filters whose best access path depends on their values.
	custom *sqlc.Queries
	// begin begins a transaction; nil for a store within one.
	begin func(context.Context, pgx.TxOptions) (pgx.Tx, error)
}

// Reusing returns a store over the same database whose reads reuse memory as
// rows.Reader.Reusing does.
func (s *Store) Reusing() *Store {
	reusing := *s
	reusing.Reader = s.Reader.Reusing()
	return &reusing
}

// Queries are the store's queries, for package stream, which reads the tables of
// the log itself.
func (s *Store) Queries() *sqlc.Queries { return s.queries }

// NewStore makes a store over a pool, a connection or a transaction.
func NewStore(db customplan.Database) *Store {
	store := &Store{Reader: rows.NewReader(db), queries: sqlc.New(db), custom: sqlc.New(customplan.Of(db))}
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
	return inOrder(names, rows, func(t *EventType) string { return t.Name }), nil
}

// EventTypeChange says what to save of an event type.
type EventTypeChange struct {
	Name string
	// Template and Phase are saved if Set… is true; nil means none. What is not
	// saved is unchanged; a new type has no template and the phase that its name
	// implies.
	SetTemplate, SetPhase bool
	Template, Phase       *string
}

// SaveEventType adds an event type or changes it, and returns the result. A
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
