package graph

import (
	"context"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/generated"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// newAnswers has plans answer over these resolvers.
func (r *Resolver) newAnswers(presenter apierror.Presenter) *plan.Answers {
	tables := generated.NewPlans(r)
	// An event is written once for all subscriptions that ask for the same of it.
	tables.EventDelivery.Fields["event"] = plan.Keep(tables.EventDelivery.Fields["event"], encodings{r.encodings})
	return &plan.Answers{
		Query: &tables.Query, Mutation: &tables.Mutation, Subscription: &tables.Subscription,
		Presenter: presenter.Present, Recover: presenter.Recover,
		Cached: r.cachedPlan, Begin: r.beginReading, AfterSending: transport.AfterSending,
		Answered: func(fields int) { r.planAnswers.Add(int64(fields)) },
	}
}

// cachedPlan is a plan that is kept, nil too for what cannot be planned; one that
// is not is compiled for this request alone.
type cachedPlan struct{ plan *plan.Compiled }

func (r *Resolver) cachedPlan(op *graphql.OperationContext, key any, compile func(keeps bool) *plan.Compiled) *plan.Compiled {
	// What @skip, @include and @defer leave of a selection depends on variables,
	// and a document that is not kept has other nodes the next time.
	if len(op.RawQuery) > maxCachedDocument || strings.Contains(op.RawQuery, "@") {
		return compile(false)
	}
	if kept, ok := r.plans.Get(key); ok {
		return kept.plan
	}
	compiled := compile(true)
	r.plans.Add(key, cachedPlan{compiled}, compiled.Size()+input.Size(op.RawQuery, op.Doc))
	return compiled
}

// reading is the memory of one answer, or of a root field of one: the stores read
// into it, and the next answer uses it again.
type reading struct {
	resolver *Resolver
	reads    reads
	models   model.Memory
	once     once
	out      []byte
	mu       sync.Mutex
	forks    []*reading
}

// beginReading makes a context for batch resolvers to read under.
func (r *Resolver) beginReading(ctx context.Context) (context.Context, plan.Memory) {
	m := r.newReading(ctx)
	m.reads.once = &m.once
	return withReads(ctx, &m.reads), m
}

func (r *Resolver) newReading(ctx context.Context) *reading {
	m, _ := r.readings.Get().(*reading)
	if m == nil {
		m = &reading{resolver: r, reads: reads{catalog: r.catalog.Reusing(), events: r.events.Reusing()}}
		m.reads.models = &m.models
	}
	m.reads.scopes = auth.Scopes(ctx)
	return m
}

// Fork implements plan.Memory.
func (m *reading) Fork(ctx context.Context) context.Context {
	fork := m.resolver.newReading(ctx)
	fork.reads.once = &m.once
	m.mu.Lock()
	defer m.mu.Unlock()
	m.forks = append(m.forks, fork)
	return withReads(ctx, &fork.reads)
}

// Buffer implements plan.Memory.
func (m *reading) Buffer() *[]byte { return &m.out }

// maxReused is the longest answer, in bytes, whose memory is used again.
const maxReused = 1 << 20

// Release implements plan.Memory.
func (m *reading) Release() {
	for _, fork := range m.forks {
		fork.Release()
	}
	m.reads.catalog.Reset()
	m.reads.events.Reset()
	m.models.Reset()
	m.reads = reads{catalog: m.reads.catalog, events: m.reads.events, models: &m.models}
	m.once.byName, m.forks = nil, nil
	if m.out = m.out[:0]; cap(m.out) > maxReused {
		m.out = nil
	}
	m.resolver.readings.Put(m)
}
