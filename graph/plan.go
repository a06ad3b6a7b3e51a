package graph

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// A plan answers a root field without gqlgen's executor, which costs
// 2 to 3 µs for each field of each object: the selection is worked out once,
// rows are read level by level, one statement for a field of all the objects of
// a level or one for several levels (plan_tree.go), and written as JSON. What a
// plan does not cover, and whatever is wrong with a request, is left to the
// resolvers: a plan gives the same answer as they do, or none.

// plan is the selection of an object type.
type plan struct {
	fields []plannedField
	// inputs: an argument is an input object, which gqlgen's executor must read.
	inputs bool
}

// plannedField is a field of a selection.
type plannedField struct {
	// key is what stands before the value in the answer: `"alias":`.
	key   string
	name  string
	field *ast.Field
	// child is the selection of the object or objects that it leads to; nil for
	// a scalar.
	child *plan
}

// has reports whether a field is selected.
func (p *plan) has(names ...string) bool {
	if p == nil {
		return false
	}
	for i := range p.fields {
		for _, name := range names {
			if p.fields[i].name == name {
				return true
			}
		}
	}
	return false
}

// field is the first field of that name; nil where there is none.
func (p *plan) field(name string) *plannedField {
	for i := range p.fields {
		if p.fields[i].name == name {
			return &p.fields[i]
		}
	}
	return nil
}

// plannedTypes are the fields that plans cover, each with the type that it
// leads to; a scalar leads to none.
var plannedTypes = map[string]map[string]string{
	"Subscription": {"eventRecorded": "EventDelivery", "executionProgressed": "EventDelivery"},
	"EventDelivery": {
		"event": "Event", "cursor": "", "previousCursor": "", "position": "", "live": "",
	},
	"Query": {
		"resource": "Resource", "resources": "ResourceConnection", "resourcesByPath": "Resource",
		"version": "Version", "event": "Event", "events": "EventConnection",
	},
	"Resource": {
		"id": "", "path": "", "name": "", "description": "", "versionCount": "", "createdAt": "", "updatedAt": "",
		"type": "ResourceType", "latestVersion": "Version", "version": "Version", "versions": "VersionConnection",
		"events": "EventConnection", "latestEvent": "Event",
	},
	"Version": {
		"id": "", "path": "", "version": "", "revision": "", "source": "", "location": "", "payload": "", "content": "",
		"meta": "", "timestamp": "", "isLatest": "",
		"type": "ResourceType", "resource": "Resource", "previous": "Version", "next": "Version", "events": "EventConnection",
	},
	"Event": {
		"id": "", "eventId": "", "path": "", "payload": "", "meta": "", "timestamp": "", "message": "",
		"executionId": "", "step": "", "status": "",
		"type": "EventType", "resource": "Resource", "version": "Version",
	},
	"ResourceType":       {"name": ""},
	"EventType":          {"name": "", "template": "", "phase": ""},
	"ResourceConnection": {"edges": "ResourceEdge", "nodes": "Resource", "pageInfo": "PageInfo", "totalCount": ""},
	"VersionConnection":  {"edges": "VersionEdge", "nodes": "Version", "pageInfo": "PageInfo", "totalCount": ""},
	"EventConnection":    {"edges": "EventEdge", "nodes": "Event", "pageInfo": "PageInfo", "totalCount": ""},
	"ResourceEdge":       {"cursor": "", "node": "Resource"},
	"VersionEdge":        {"cursor": "", "node": "Version"},
	"EventEdge":          {"cursor": "", "node": "Event"},
	"PageInfo":           {"hasNextPage": "", "hasPreviousPage": "", "startCursor": "", "endCursor": ""},
}

// compile works out a selection; nil where it holds what plans do not cover.
func compile(op *graphql.OperationContext, typeName string, set ast.SelectionSet) *plan {
	satisfied := []string{typeName, "Node"}
	fields := graphql.CollectFields(op, set, satisfied)
	p := &plan{fields: make([]plannedField, len(fields))}
	for i := range fields {
		field := &fields[i]
		planned := &p.fields[i]
		*planned = plannedField{key: `"` + field.Alias + `":`, name: field.Name, field: field.Field}
		if len(field.Deferrables) > 0 {
			return nil
		}
		if field.Name == "__typename" {
			planned.key += `"` + typeName + `"`
			continue
		}
		leadsTo, covered := plannedTypes[typeName][field.Name]
		if !covered {
			return nil
		}
		if leadsTo == "" {
			continue
		}
		if planned.child = compile(op, leadsTo, field.Selections); planned.child == nil {
			return nil
		}
		p.inputs = p.inputs || planned.child.inputs || takesInput(field.Field)
	}
	return p
}

// cachedPlan is a plan that is kept; plan is nil if the field cannot be planned.
type cachedPlan struct{ plan *plan }

// planOf is the plan of a root field, kept from the first time on. It holds the
// field's document.
func (r *Resolver) planOf(op *graphql.OperationContext, root string, field *graphql.CollectedField) *plan {
	// What @skip, @include and @defer leave of a selection depends on variables,
	// and a document that is not kept has other fields the next time.
	if len(op.RawQuery) > maxCachedDocument || strings.Contains(op.RawQuery, "@") {
		return compileRoot(op, root, field)
	}
	if kept, ok := r.plans.Get(field.Field); ok {
		return kept.plan
	}
	p := compileRoot(op, root, field)
	r.plans.Add(field.Field, cachedPlan{p}, p.size()+input.Size(op.RawQuery, op.Doc))
	return p
}

// size is about how many bytes the plan takes beside its document.
func (p *plan) size() int {
	if p == nil {
		return 0
	}
	size := int(unsafe.Sizeof(*p))
	for i := range p.fields {
		size += int(unsafe.Sizeof(p.fields[i])) + len(p.fields[i].key) + p.fields[i].child.size()
	}
	return size
}

func compileRoot(op *graphql.OperationContext, root string, field *graphql.CollectedField) *plan {
	leadsTo, covered := plannedTypes[root][field.Name]
	if !covered {
		return nil
	}
	p := compile(op, leadsTo, field.Selections)
	if p != nil {
		p.inputs = p.inputs || takesInput(field.Field)
	}
	return p
}

func takesInput(field *ast.Field) bool {
	return slices.ContainsFunc(field.Arguments, func(argument *ast.Argument) bool {
		return argument.Value.Definition.Kind == ast.InputObject
	})
}

// errUnplanned leaves a field to the resolvers.
var errUnplanned = errors.New("not covered by a plan")

// answered is a gqlgen OperationMiddleware: it answers a query of one field that
// has a plan, as most have, without gqlgen's executor.
func (r *Resolver) answered(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	op := graphql.GetOperationContext(ctx)
	field := onlyField(op)
	if field == nil {
		return next(ctx)
	}
	collected := graphql.CollectedField{Field: field, Selections: field.SelectionSet}
	p := r.planOf(op, "Query", &collected)
	if p == nil || p.inputs {
		return next(ctx)
	}
	x, err := r.answer(ctx, op, &collected, p, `{"`+field.Alias+`":`, "}")
	if err != nil {
		return next(ctx)
	}
	transport.AfterSending(ctx, x.release)
	return graphql.OneShot(&graphql.Response{Data: x.out})
}

// onlyField is the root field of a query that has no other, and nothing that
// could leave it out; nil of other operations.
func onlyField(op *graphql.OperationContext) *ast.Field {
	set := op.Operation.SelectionSet
	if op.Operation.Operation != ast.Query || len(set) != 1 {
		return nil
	}
	field, _ := set[0].(*ast.Field)
	if field == nil || len(field.Directives) > 0 {
		return nil
	}
	return field
}

// planned is a gqlgen RootFieldMiddleware, for the fields that answered leaves.
func (r *Resolver) planned(ctx context.Context, next graphql.RootResolver) graphql.Marshaler {
	op := graphql.GetOperationContext(ctx)
	if op.Operation.Operation != ast.Query {
		return next(ctx)
	}
	field := graphql.GetRootFieldContext(ctx).Field
	p := r.planOf(op, "Query", &field)
	if p == nil || !p.inputs && onlyField(op) != nil {
		return next(ctx)
	}
	x, err := r.answer(ctx, op, &field, p, "", "")
	if err != nil {
		return next(ctx)
	}
	return graphql.WriterFunc(func(w io.Writer) {
		_, _ = w.Write(x.out)
		x.release()
	})
}

// answer is the execution of a root field, with its JSON between two other
// texts; it is to be released. Its errors are the resolvers' to tell.
func (r *Resolver) answer(ctx context.Context, op *graphql.OperationContext, field *graphql.CollectedField, p *plan, before, after string) (x *execution, err error) {
	defer func() {
		if value := recover(); value != nil {
			r.logger.ErrorContext(ctx, "a plan failed; the resolvers answer", "field", field.Name, "panic", value)
			err = errUnplanned
		}
	}()
	x = r.begin(ctx, op)
	write, err := x.root(&plannedField{name: field.Name, field: field.Field, child: p})
	if err != nil {
		x.release()
		return nil, err
	}
	x.out = append(write(append(x.out, before...), 0), after...)
	r.planAnswers.Add(1)
	return x, nil
}

// execution is one root field's.
type execution struct {
	*Resolver
	ctx    context.Context
	op     *graphql.OperationContext
	scopes []string
	ahead  ahead
	// shared is the event that a subscription delivers; nil for a query.
	shared *model.Event

	// The stores read into memory that goes on to the next execution, and so
	// does that of out, the answer.
	catalog *catalog.Store
	events  *eventlog.Store
	out     []byte
}

// begin makes an execution, of the memory of one that has been released.
func (r *Resolver) begin(ctx context.Context, op *graphql.OperationContext) *execution {
	x, _ := r.executions.Get().(*execution)
	if x == nil {
		x = &execution{Resolver: r, catalog: r.catalog.Reusing(), events: r.events.Reusing()}
	}
	x.ctx, x.op, x.scopes = ctx, op, auth.Scopes(ctx)
	return x
}

// maxReused is the longest answer, in bytes, whose memory is used again.
const maxReused = 1 << 20

// release gives back the memory of all that the execution has read and written.
func (x *execution) release() {
	x.catalog.Reset()
	x.events.Reset()
	if cap(x.out) > maxReused {
		x.out = nil
	}
	*x = execution{Resolver: x.Resolver, catalog: x.catalog, events: x.events, out: x.out[:0]}
	x.executions.Put(x)
}

// writer appends the value of something for the object at a place.
type writer func(buf []byte, at int) []byte

// objects are rows of one type that were read together, with all that their
// selection leads to.
type objects struct {
	plan   *plan
	values []writer
	// absent reports a place without an object.
	absent func(at int) bool
}

func (o *objects) write(buf []byte, at int) []byte {
	if at < 0 || o.absent(at) {
		return append(buf, "null"...)
	}
	buf = append(buf, '{')
	for i := range o.plan.fields {
		if i > 0 {
			buf = append(buf, ',')
		}
		buf = append(buf, o.plan.fields[i].key...)
		if value := o.values[i]; value != nil {
			buf = value(buf, at)
		}
	}
	return append(buf, '}')
}

// gather are the distinct keys of rows, and for each row the place of its key;
// -1 for an absent row.
func gather[R any, K comparable](rows []*R, keyOf func(*R) K) (keys []K, places []int) {
	places = make([]int, len(rows))
	seen := make(map[K]int)
	for i, row := range rows {
		if row == nil {
			places[i] = -1
			continue
		}
		key := keyOf(row)
		if last := len(keys) - 1; last >= 0 && keys[last] == key { // as it often is
			places[i] = last
			continue
		}
		place, ok := seen[key]
		if !ok {
			place = len(keys)
			seen[key] = place
			keys = append(keys, key)
		}
		places[i] = place
	}
	return keys, places
}

// required fails for a row that a key leads to and that is not there: the
// resolvers know what to say.
func required[R any](rows []*R) error {
	for _, row := range rows {
		if row == nil {
			return errUnplanned
		}
	}
	return nil
}

// through writes what a row's key leads to.
func through(places []int, child *objects) writer {
	return func(buf []byte, at int) []byte { return child.write(buf, places[at]) }
}

// each fills the values of a plan's fields.
func each(p *plan, value func(f *plannedField) (writer, error)) ([]writer, error) {
	values := make([]writer, len(p.fields))
	for i := range p.fields {
		f := &p.fields[i]
		if f.name == "__typename" {
			continue // its key holds it
		}
		var err error
		if values[i], err = value(f); err != nil {
			return nil, err
		}
	}
	return values, nil
}
