package graph

import (
	"context"

	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/model"
)

func (r *Resolver) record(ctx context.Context, inputs []*model.RecordEventInput) ([]*model.RecordEventPayload, error) {
	records := make([]eventlog.Record, len(inputs))
	for i, input := range inputs {
		records[i] = eventlog.Record{
			ID: input.EventID, Type: input.Type, Path: input.Path, Version: input.Version,
			Payload: input.Payload, Meta: input.Meta, Timestamp: input.Timestamp,
		}
	}
	recorded, err := r.events.Record(ctx, auth.Scopes(ctx), records, r.limits)
	if err != nil {
		return nil, err
	}
	rows := make([]*eventlog.Event, len(recorded))
	for i := range recorded {
		rows[i] = recorded[i].Event
	}
	results := make([]*model.RecordEventPayload, len(recorded))
	for i, event := range model.NewEvents(rows) {
		results[i] = &model.RecordEventPayload{Event: event, Duplicate: recorded[i].Duplicate}
	}
	return results, nil
}
