// Package limit rejects an operation that nests too deep or may cost too much
// before any of it runs.
//
//	server.Use(limit.Limit{})
//	server.SetParserTokenLimit(10_000)
//
// The cost of an operation is 1 for each field, and the children of a field
// that returns a page count as often as the page is long:
//
//	{ resources(first: 20) { nodes { path } } }   1 + 20 × 2 = 41
//
// gqlgen's own complexity limit walks a fragment again at each place it is
// spread, so that 1 KB of fragments that spread the next one twice holds a
// processor for hours, and does not count introspection. Here each fragment is
// walked once per request.
package limit

import (
	"context"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/input"
)

const (
	// maxDepth is the deepest nesting of fields; a root field has depth 1.
	// Introspection is exempt.
	maxDepth = 15
	// maxCost is the highest cost of an operation.
	maxCost = 20_000
	// maxRootFields is the highest number of fields of the root type, aliases
	// counted one by one.
	maxRootFields = 50
	// defaultPage is the length of a page if neither first nor last is given.
	defaultPage = 20
	// maxPage is the most that a page counts for. The field itself rejects more,
	// with a better message.
	maxPage = 200
)

// listArguments are the arguments of list type that ask for one child per
// element.
var listArguments = []string{"ids", "paths"}

// Limit is the extension for gqlgen's Server.Use.
type Limit struct{}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = Limit{}

// ExtensionName implements graphql.HandlerExtension.
func (Limit) ExtensionName() string { return "Limit" }

// Validate implements graphql.HandlerExtension; every schema will do.
func (Limit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext rejects with DEPTH_LIMIT_EXCEEDED or
// COMPLEXITY_LIMIT_EXCEEDED, and a subscription to more or less than one field
// with GRAPHQL_VALIDATION_FAILED. It changes nothing.
func (Limit) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	// The validator looks at names, not at aliases and @skip.
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return apierror.Errorf(apierror.ValidationFailed, "a subscription has exactly one root field")
	}
	w := walk{variables: op.Variables}
	switch m := w.selections(op.Operation.SelectionSet); {
	case m.depth > maxDepth:
		return apierror.Errorf(apierror.DepthLimitExceeded,
			"fields nest %d deep; at most %d are allowed", m.depth, maxDepth)
	case m.fields > maxRootFields:
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation has more than %d root fields", maxRootFields)
	case m.cost >= ceiling:
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation's cost is out of bounds; at most %d is allowed", maxCost)
	case m.cost > maxCost:
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation's cost is %d (fields × page size); at most %d is allowed: ask for smaller pages or fewer fields",
			m.cost, maxCost)
	}
	return nil
}

// measure is the size of a selection set.
type measure struct {
	cost int64
	// depth is the number of nested levels of fields, without introspection.
	depth int
	// fields is the number of the set's own fields, including its fragments'.
	fields int64
}

func (m *measure) add(other measure) {
	m.cost = sum(m.cost, other.cost)
	m.depth = max(m.depth, other.depth)
	m.fields = sum(m.fields, other.fields)
}

// ceiling stands for every number above it: 35 fragments that each spread the
// next one twice count 2^35 fields, and 64 would overflow.
const ceiling = 1 << 40

func sum(a, b int64) int64 { return min(a+b, ceiling) }

func product(a, b int64) int64 {
	if a > ceiling/b {
		return ceiling
	}
	return a * b
}

// introspectionList is the length that a list of introspection counts for: the answer
// to two kilobytes of `__schema` under 50 aliases would otherwise be megabytes. With 4, a few full introspections fit into one operation.
const introspectionList = 4

// walk measures one operation with one set of variables.
type walk struct {
	variables map[string]any
	// fragments are those measured so far, each in full.
	fragments map[*ast.FragmentDefinition]measure
	// visits counts selections, for the test that the walk is linear.
	visits int
}

func (w *walk) selections(set ast.SelectionSet) measure {
	var m measure
	for _, selection := range set {
		w.visits++
		switch s := selection.(type) {
		case *ast.Field:
			if input.Included(s.Directives, w.variables) {
				m.add(w.field(s))
			}
		case *ast.InlineFragment:
			if input.Included(s.Directives, w.variables) {
				m.add(w.selections(s.SelectionSet))
			}
		case *ast.FragmentSpread:
			if input.Included(s.Directives, w.variables) {
				m.add(w.fragment(s.Definition))
			}
		}
	}
	return m
}

func (w *walk) field(f *ast.Field) measure {
	children := w.selections(f.SelectionSet)
	m := measure{cost: sum(1, product(children.cost, w.factor(f))), depth: 1 + children.depth, fields: 1}
	if strings.HasPrefix(f.Name, "__") {
		m.depth = 0
	}
	return m
}

func (w *walk) fragment(definition *ast.FragmentDefinition) measure {
	if definition == nil {
		return measure{}
	}
	if m, ok := w.fragments[definition]; ok {
		return m
	}
	if w.fragments == nil {
		w.fragments = map[*ast.FragmentDefinition]measure{}
	}
	// Validation rejects cycles; if one gets here, it ends.
	w.fragments[definition] = measure{cost: ceiling}
	m := w.selections(definition.SelectionSet)
	w.fragments[definition] = m
	return m
}
