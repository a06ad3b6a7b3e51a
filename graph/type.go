package graph

import (
	"context"
	"fmt"
	"time"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/loader"
	"github.com/noetl/noetl-catalog/graph/model"
)

// sampleValues are what a template is tried on without an event.
func sampleValues() message.Values {
	return message.Values{
		EventID: "018f2f6e-7c00-7000-8000-000000000000", EventType: "REGISTERED",
		ResourcePath: "examples/hello", ResourceVersion: "1.0.0", ResourceType: "playbook",
		Payload:   []byte(`{"status": "REGISTERED", "revision": 1}`),
		Meta:      []byte(`{"execution_id": "4711", "node_name": "start", "status": "completed"}`),
		Timestamp: time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC),
	}
}

func (r *Resolver) countOfType(ctx context.Context, obj *model.ResourceType, name string, arguments any, filter catalog.ResourceFilter) (int, error) {
	count, err := loader.Load(ctx, loader.From(ctx), loader.Field{Name: name, Group: obj.Group, Arguments: arguments}, obj.Names, obj.Name,
		func(ctx context.Context, types []string) ([]int, error) {
			return r.catalog.CountResourcesOfTypes(ctx, auth.Scopes(ctx), types, filter)
		})
	if err != nil {
		return 0, fmt.Errorf("count resources of a type: %w", err)
	}
	return count, nil
}

// rowOf is the row of an event type; nil for one that is not there.
func (r *Resolver) rowOf(ctx context.Context, t *model.EventType) (*eventlog.EventType, error) {
	if t.Row != nil {
		return t.Row, nil
	}
	return r.eventTypeOf(ctx, t.Event())
}

// ofInput moves a fault's argument below "input".
func ofInput(err error) error {
	if problem, ok := fault.As(err); ok {
		return problem.Under("input")
	}
	return err
}
