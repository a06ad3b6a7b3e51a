package graph

import (
	"context"
	"crypto/sha256"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/graph/model"
)

// messages renders the templates of events. An event without a template, or whose
// template fails, has the message '<type> <path>'.
func (r *Resolver) messages(ctx context.Context, events []*model.Event) ([]string, error) {
	sources, err := r.templatesOf(ctx, events)
	if err != nil {
		return nil, err
	}
	texts, templates := make([]string, len(events)), make([]*message.Template, len(events))
	for i, e := range events {
		if e == nil {
			continue
		}
		texts[i] = e.Row.Type + " " + e.Row.Path
		if sources[i] == nil {
			continue
		}
		if templates[i], err = r.templates.Parse(*sources[i]); err != nil {
			r.logFailure(ctx, e, *sources[i], err)
		}
	}
	values, err := r.templateValues(ctx, templates, events)
	if err != nil {
		return nil, err
	}
	for i, template := range templates {
		if template == nil {
			continue
		}
		text, err := template.Render(values[i])
		if err != nil {
			r.logFailure(ctx, events[i], *sources[i], err)
			continue
		}
		texts[i] = text
	}
	return texts, nil
}

// templatesOf returns the templates of the events' types; nil if a type has none.
func (r *Resolver) templatesOf(ctx context.Context, events []*model.Event) ([]*string, error) {
	types := make([]*model.EventType, len(events))
	templates := make([]*string, len(events))
	for i, e := range events {
		if e == nil {
			continue
		}
		if e.Entry != nil {
			templates[i] = e.Entry.Template
			continue
		}
		types[i] = e.Type()
	}
	rows, err := r.eventTypeRows(ctx, types)
	if err != nil {
		return nil, err
	}
	for i, row := range rows {
		if row != nil {
			templates[i] = row.Template
		}
	}
	return templates, nil
}

// templateValues returns what templates may refer to. It reads only what they do
// refer to.
func (r *Resolver) templateValues(ctx context.Context, templates []*message.Template, events []*model.Event) ([]message.Values, error) {
	columns, versions := make([]*model.Event, len(events)), make([]*model.Event, len(events))
	for i, template := range templates {
		if template == nil {
			continue
		}
		if template.Uses("payload") || template.Uses("meta") {
			columns[i] = events[i]
		}
		if events[i].Entry == nil && template.Uses("resource_type") {
			versions[i] = events[i]
		}
	}
	whole, err := r.wholeEvents(ctx, columns, eventlog.Columns{Payload: true, Meta: true})
	if err != nil {
		return nil, err
	}
	found, err := byKey(ctx, r.reads(ctx), versionName{}, versions, eventVersion, r.versionsByLabel(catalog.Columns{}))
	if err != nil {
		return nil, err
	}
	values := make([]message.Values, len(events))
	for i, e := range events {
		if templates[i] == nil {
			continue
		}
		values[i] = message.Values{
			EventID: e.Row.ID, EventType: e.Row.Type,
			ResourcePath: e.Row.Path, ResourceVersion: e.Row.Version, Timestamp: e.Row.Timestamp,
		}
		if whole[i] != nil {
			values[i].Payload, values[i].Meta = whole[i].Payload, whole[i].Meta
		}
		if e.Entry != nil {
			values[i].ResourceType = e.Entry.ResourceType
		} else if found[i] != nil {
			values[i].ResourceType = found[i].Row.Type
		}
	}
	return values, nil
}

// logFailure logs the first failure of a template.
func (r *Resolver) logFailure(ctx context.Context, e *model.Event, template string, err error) {
	if !r.failedBefore(template) {
		r.logger.WarnContext(ctx, "an event type's template fails; its events read '<type> <path>'",
			"event_type", e.Row.Type, "error", err)
	}
}

// failedBefore records that a template has failed, and reports whether it was
// recorded before.
func (r *Resolver) failedBefore(template string) bool {
	hash := sha256.Sum256([]byte(template))
	_, before := r.failed.Get(hash)
	if !before {
		r.failed.Add(hash, struct{}{}, len(hash))
	}
	return before
}
