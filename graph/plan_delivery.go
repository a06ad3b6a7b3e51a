package graph

import (
	"context"
	"strconv"
	"strings"
	"weak"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/db/eventlog"
)

// deliveryPlan answers a subscription without gqlgen's executor. The event,
// which is the same for all that ask for the same fields of it, is written
// once.
type deliveryPlan struct {
	// key is what stands before the delivery in the data: `"alias":`.
	key  string
	plan *plan
}

// own are the fields of an event that nothing but the event says: what is
// written of them holds for whoever gets it, and whenever.
var own = map[string]bool{
	"id": true, "eventId": true, "path": true, "payload": true, "meta": true, "timestamp": true, "message": true,
	"executionId": true, "step": true, "status": true, "__typename": true,
}

// planDelivery is the plan of a subscription; nil where it asks for what only
// the resolvers answer.
func (r *Resolver) planDelivery(ctx context.Context) *deliveryPlan {
	op, field := graphql.GetOperationContext(ctx), graphql.GetFieldContext(ctx).Field
	if strings.Contains(op.RawQuery, "@") { // its plan is not kept, and shared with nobody
		return nil
	}
	p := r.planOf(op, "Subscription", &field)
	if p == nil {
		return nil
	}
	for i := range p.fields {
		if p.fields[i].name == "event" && !isOwn(p.fields[i].child) {
			return nil
		}
	}
	return &deliveryPlan{key: `"` + field.Alias + `":`, plan: p}
}

func isOwn(event *plan) bool {
	for i := range event.fields {
		f := &event.fields[i]
		if f.name == "type" && !f.child.has("template", "phase") {
			continue
		}
		if !own[f.name] {
			return false
		}
	}
	return true
}

// plannedDelivery is the data of a response; nil where the resolvers are to
// make it.
func (r *Resolver) plannedDelivery(ctx context.Context, p *deliveryPlan, next *eventlog.Delivery) []byte {
	if p == nil {
		return nil
	}
	data := append(make([]byte, 0, 512), '{')
	data = append(data, p.key...)
	data = append(data, '{')
	for i := range p.plan.fields {
		f := &p.plan.fields[i]
		if i > 0 {
			data = append(data, ',')
		}
		data = append(data, f.key...)
		switch f.name {
		case "event":
			event, err := r.encodedEvent(ctx, next.Entry, f.child)
			if err != nil {
				return nil
			}
			data = append(data, event...)
		case "cursor":
			data = appendText(data, next.Cursor)
		case "previousCursor":
			data = appendOptional(data, next.Previous)
		case "position":
			data = appendText(data, next.Position())
		case "live":
			data = strconv.AppendBool(data, next.Live)
		}
	}
	r.planAnswers.Add(1)
	return append(data, "}}"...)
}

// encoding is a selection of an entry's event. It keeps neither in memory.
type encoding struct {
	entry weak.Pointer[eventlog.Entry]
	plan  weak.Pointer[plan]
}

// maxEncoding is the longest event, in bytes as written, that is kept.
const maxEncoding = 64 << 10

// encodedEvent is a selection of an entry's event as JSON.
func (r *Resolver) encodedEvent(ctx context.Context, entry *eventlog.Entry, p *plan) ([]byte, error) {
	key := encoding{weak.Make(entry), weak.Make(p)}
	if text, ok := r.encodings.Get(key); ok {
		return text, nil
	}
	x := &execution{Resolver: r, ctx: ctx, op: graphql.GetOperationContext(ctx), shared: r.sharedEvent(entry), catalog: r.catalog, events: r.events}
	answer, err := x.eventRows([]*eventlog.Event{entry.Event}, p)
	if err != nil {
		return nil, err
	}
	text := answer.write(nil, 0)
	if len(text) <= maxEncoding {
		r.encodings.Add(key, text, cap(text))
	}
	return text, nil
}
