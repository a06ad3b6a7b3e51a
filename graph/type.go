package graph

import (
	"context"
	"time"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/model"
)

// sampleValues returns the values that a template is rendered over without an event.
func sampleValues() message.Values {
	return message.Values{
		EventID: "018f2f6e-7c00-7000-8000-000000000000", EventType: "REGISTERED",
		ResourcePath: "examples/hello", ResourceVersion: "1.0.0", ResourceType: "playbook",
		Payload:   []byte(`{"status": "REGISTERED", "revision": 1}`),
		Meta:      []byte(`{"execution_id": "4711", "node_name": "start", "status": "completed"}`),
		Timestamp: time.Date(2026, 3, 1, 12, 0, 0, 1000, time.UTC),
	}
}

func resourceTypeName(t *model.ResourceType) (string, bool) { return t.Name, true }

// eventTypeName names reads of event types by name.
type eventTypeName struct{}

// eventTypeRows returns the rows of event types; nil for one that is not there.
func (r *Resolver) eventTypeRows(ctx context.Context, types []*model.EventType) ([]*eventlog.EventType, error) {
	x := r.reads(ctx)
	if len(types) > 0 && types[0] != nil && types[0].Delivered() != nil {
		x = r.readsOf(ctx, []*model.Event{types[0].Delivered()})
	}
	rows, err := byKey(ctx, x, eventTypeName{}, types, func(t *model.EventType) (string, bool) { return t.Name, t.Row == nil }, r.events.EventTypesByName)
	for i, t := range types {
		if err == nil && t != nil && t.Row != nil {
			rows[i] = t.Row
		}
	}
	return rows, err
}

// ofInput prefixes the argument of a fault with "input".
func ofInput(err error) error {
	if problem, ok := fault.As(err); ok {
		return problem.Under("input")
	}
	return err
}

// eventTypeValues returns the values of a column of event types.
func eventTypeValues[V any](ctx context.Context, r *Resolver, types []*model.EventType, value func(*eventlog.EventType) *V) ([]*V, error) {
	rows, err := r.eventTypeRows(ctx, types)
	return valuesOf(rows, err, value)
}
