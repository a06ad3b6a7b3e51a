package model

import (
	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
)

// Memory holds the models of one answer, and is reused for the next. The zero value
// is ready to use; nil allocates each model anew.
type Memory struct {
	resources arena[Resource]
	known     arena[catalog.Resource]
	versions  arena[Version]
	events    arena[Event]
}

// Reset makes the memory ready for reuse. Models that it holds must not be used any
// longer.
func (m *Memory) Reset() {
	m.resources.reset()
	m.known.reset()
	m.versions.reset()
	m.events.reset()
}

func (m *Memory) orNew() *Memory {
	if m == nil {
		return new(Memory)
	}
	return m
}

// Resources wraps rows; a nil row stays nil.
func (m *Memory) Resources(rows []*catalog.Resource) []*Resource {
	return wrap(&m.orNew().resources, rows, func(row *catalog.Resource) Resource { return Resource{Row: row, kind: ResourceType{row.ResourceType}} })
}

// ResourcesOf returns the resources of events that were read with the type of their
// resource. Only the path and type of these resources are known.
func (m *Memory) ResourcesOf(events []*Event) []*Resource {
	known, rows := m.orNew().known.take(len(events))
	for i, e := range events {
		known[i] = catalog.Resource{ResourcePath: e.Row.Path, ResourceType: e.Row.ResourceType}
		rows[i] = &known[i]
	}
	return m.Resources(rows)
}

// Versions wraps rows; a nil row stays nil.
func (m *Memory) Versions(rows []*catalog.Version) []*Version {
	return wrap(&m.orNew().versions, rows, func(row *catalog.Version) Version { return Version{Row: row, kind: ResourceType{row.Type}} })
}

// Events wraps rows; a nil row stays nil.
func (m *Memory) Events(rows []*eventlog.Event) []*Event {
	return wrap(&m.orNew().events, rows, func(row *eventlog.Event) Event { return Event{Row: row, kind: EventType{Name: row.Type}} })
}

// wrap makes a model of each row; a nil row stays nil.
func wrap[R, M any](memory *arena[M], rows []*R, model func(row *R) M) []*M {
	models, wrapped := memory.take(len(rows))
	for i, row := range rows {
		if row != nil {
			models[i] = model(row)
			wrapped[i] = &models[i]
		}
	}
	return wrapped
}

// arena allocates models, and pointers to them, in blocks.
type arena[T any] struct {
	models   []T
	pointers []*T
}

// maxReused is the largest block, in models, that is reused.
const maxReused = 512

// take returns n zero models and n nil pointers.
func (a *arena[T]) take(n int) ([]T, []*T) {
	if cap(a.models)-len(a.models) < n {
		a.models = make([]T, 0, max(n, min(2*cap(a.models), maxReused)))
		a.pointers = make([]*T, 0, cap(a.models))
	}
	start := len(a.models)
	a.models, a.pointers = a.models[:start+n], a.pointers[:start+n]
	return a.models[start:len(a.models):len(a.models)], a.pointers[start:len(a.pointers):len(a.pointers)]
}

func (a *arena[T]) reset() {
	if cap(a.models) > maxReused {
		*a = arena[T]{}
		return
	}
	clear(a.models)
	clear(a.pointers)
	a.models, a.pointers = a.models[:0], a.pointers[:0]
}
