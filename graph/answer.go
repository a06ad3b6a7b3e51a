package graph

import (
	"context"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/generated"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// newAnswers returns the middleware that answers by plans over these resolvers.
func (r *Resolver) newAnswers(presenter apierror.Presenter) *plan.Answers {
	tables := generated.NewPlans(r)
	// Subscriptions with the same selection share the JSON of an event.
	tables.EventDelivery.Fields["event"] = plan.CacheJSON(tables.EventDelivery.Fields["event"], encodings{r.encodings})
	return &plan.Answers{
		Query: &tables.Query, Mutation: &tables.Mutation, Subscription: &tables.Subscription,
		Presenter: presenter.Present, Recover: presenter.Recover,
		Cached: r.cachedPlan, Begin: r.beginReading, AfterSending: transport.AfterSending,
		Answered:  func(fields int) { r.planAnswers.Add(int64(fields)) },
		MaxAnswer: r.maxResponse, TooLong: r.tooLong,
	}
}

// cachedPlan is an entry of the plan cache; plan is nil if the selection cannot be
// planned.
type cachedPlan struct{ plan *plan.Compiled }

// cachedPlan returns the plan of a document's node, compiled on first use.
func (r *Resolver) cachedPlan(op *graphql.OperationContext, key any, compile func(cached bool) *plan.Compiled) *plan.Compiled {
	// A selection with @skip, @include or @defer depends on variables, and a
	// document that is not cached has other nodes for each request.
	if len(op.RawQuery) > maxCachedDocument || strings.Contains(op.RawQuery, "@") {
		return compile(false)
	}
	if kept, ok := r.plans.Get(key); ok {
		return kept.plan
	}
	compiled := compile(true)
	r.plans.Add(key, cachedPlan{compiled}, compiled.Size()+input.Size(op.RawQuery))
	return compiled
}

// reading is the memory of one answer, or of one of its concurrent root fields. The
// next answer reuses it.
type reading struct {
	resolver *Resolver
	reads    reads
	models   model.Memory
	cache    requestCache
	out      []byte
	mu       sync.Mutex
	forks    []*reading
	// request is charged for what is read; nil for a subscription's delivery.
	request *admission.Request
}

// beginReading returns the context of a plan's batch resolvers, and its memory.
func (r *Resolver) beginReading(ctx context.Context, restarts bool) (context.Context, plan.Memory) {
	m := r.newReading(ctx)
	m.reads.cache = &m.cache
	m.request = admission.Of(ctx)
	if restarts {
		m.request.Attempt()
	}
	return withReads(ctx, &m.reads), m
}

// Hold implements plan.Memory.
func (m *reading) Hold(bytes int) error { return m.request.Hold(bytes) }

// Again implements plan.Memory.
func (m *reading) Again() bool {
	if !m.request.Waits() {
		return false
	}
	m.reset()
	if m.request.Again() != nil { // reported by admit
		return false
	}
	m.request.Attempt()
	return true
}

func (r *Resolver) newReading(ctx context.Context) *reading {
	var m *reading
	select {
	case m = <-r.readings:
	default:
		m = &reading{resolver: r, reads: reads{catalog: r.catalog.Reusing(), events: r.events.Reusing()}}
		m.reads.models = &m.models
	}
	m.reads.scopes = auth.Scopes(ctx)
	return m
}

// Fork implements plan.Memory.
func (m *reading) Fork(ctx context.Context) context.Context {
	fork := m.resolver.newReading(ctx)
	fork.reads.cache = &m.cache
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forks = append(m.forks, fork)
	return withReads(ctx, &fork.reads)
}

// Buffer implements plan.Memory.
func (m *reading) Buffer() *[]byte { return &m.out }

const (
	// maxReused is the longest answer, in bytes, whose memory is reused.
	maxReused = 256 << 10
	// maxReadings bounds the memory that waits for reuse: a reading keeps 1 MiB at
	// most, of which the answer, the two stores and the models have a quarter each.
	maxReadings = 32
)

// reset forgets what has been read.
func (m *reading) reset() {
	for _, fork := range m.forks {
		fork.Release()
	}
	m.reads.catalog.Reset()
	m.reads.events.Reset()
	m.models.Reset()
	m.reads = reads{catalog: m.reads.catalog, events: m.reads.events, models: &m.models, scopes: m.reads.scopes, cache: m.reads.cache}
	m.cache.byName, m.forks = nil, nil
}

// Release implements plan.Memory.
func (m *reading) Release() {
	m.reset()
	m.reads.scopes, m.reads.cache = nil, nil
	m.request = nil
	if m.out = m.out[:0]; cap(m.out) > maxReused {
		m.out = nil
	}
	select {
	case m.resolver.readings <- m:
	default:
	}
}
