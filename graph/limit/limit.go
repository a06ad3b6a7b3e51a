// Package limit refuses an operation that nests too deep or may cost too much
// before any of it runs.
//
//	server.Use(limit.New(limit.Options{}))
//	server.SetParserTokenLimit(10_000)
//
// The cost of an operation is 1 for each field, with the children of a field
// that answers with a page counted as often as the page is long:
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
)

// Options are the limits; a zero stands for the default.
type Options struct {
	// MaxDepth is how deep fields may nest, the root's being 1; default 15.
	// Introspection is exempt.
	MaxDepth int
	// MaxCost is the highest cost of an operation; default 20,000.
	MaxCost int
	// MaxRootFields is the highest number of fields of the root type, aliases
	// counted one by one; default 50.
	MaxRootFields int
	// DefaultPage is the length of a page where neither first nor last is
	// given; default 20.
	DefaultPage int
	// MaxPage is the most that a page counts for; default 200. More is refused
	// where the page is read, in better words.
	MaxPage int
	// ListArguments name the arguments of list type that ask for one child per
	// element; default ids and paths.
	ListArguments []string
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxDepth, 15)
	setDefault(&o.MaxCost, 20_000)
	setDefault(&o.MaxRootFields, 50)
	setDefault(&o.DefaultPage, 20)
	setDefault(&o.MaxPage, 200)
	if o.ListArguments == nil {
		o.ListArguments = []string{"ids", "paths"}
	}
	return o
}

func setDefault(value *int, standard int) {
	if *value == 0 {
		*value = standard
	}
}

// Limit is the extension for gqlgen's Server.Use.
type Limit struct{ options Options }

var _ interface {
	graphql.HandlerExtension
	graphql.OperationContextMutator
} = (*Limit)(nil)

// New returns the extension.
func New(options Options) *Limit { return &Limit{options: options.withDefaults()} }

// ExtensionName implements graphql.HandlerExtension.
func (*Limit) ExtensionName() string { return "Limit" }

// Validate implements graphql.HandlerExtension; every schema will do.
func (*Limit) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationContext refuses with DEPTH_LIMIT_EXCEEDED or
// COMPLEXITY_LIMIT_EXCEEDED, and a subscription to more or less than one field
// with GRAPHQL_VALIDATION_FAILED. It changes nothing.
func (l *Limit) MutateOperationContext(_ context.Context, op *graphql.OperationContext) *gqlerror.Error {
	// The validator looks at names, not at aliases and @skip.
	if op.Operation.Operation == ast.Subscription && len(graphql.CollectFields(op, op.Operation.SelectionSet, []string{"Subscription"})) != 1 {
		return apierror.Errorf(apierror.ValidationFailed, "a subscription has exactly one root field")
	}
	w := walk{options: &l.options, variables: op.Variables}
	return l.judge(w.selections(op.Operation.SelectionSet))
}

func (l *Limit) judge(m measure) *gqlerror.Error {
	o := l.options
	switch {
	case m.depth > o.MaxDepth:
		return apierror.Errorf(apierror.DepthLimitExceeded,
			"fields nest %d deep; at most %d are allowed", m.depth, o.MaxDepth)
	case m.fields > int64(o.MaxRootFields):
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation has more than %d root fields", o.MaxRootFields)
	case m.cost >= ceiling:
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation's cost is out of bounds; at most %d is allowed", o.MaxCost)
	case m.cost > int64(o.MaxCost):
		return apierror.Errorf(apierror.ComplexityLimitExceeded,
			"the operation's cost is %d (fields × page size); at most %d is allowed: ask for smaller pages or fewer fields",
			m.cost, o.MaxCost)
	}
	return nil
}

// measure is what a walk finds out about a selection set.
type measure struct {
	cost int64
	// depth is how many levels of fields nest, introspection left out.
	depth int
	// fields is how many fields the set has itself, its fragments' included.
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

// introspectionList is what a list of the schema's own types counts for: two
// kilobytes of `__schema` under 50 aliases would otherwise be answered with
// megabytes. With 4, a few full introspections fit into one operation.
const introspectionList = 4

// walk measures one operation with one set of variables.
type walk struct {
	options   *Options
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
			if w.included(s.Directives) {
				m.add(w.field(s))
			}
		case *ast.InlineFragment:
			if w.included(s.Directives) {
				m.add(w.selections(s.SelectionSet))
			}
		case *ast.FragmentSpread:
			if w.included(s.Directives) {
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
	// Validation has refused cycles; should one come this far, it ends here.
	w.fragments[definition] = measure{cost: ceiling}
	m := w.selections(definition.SelectionSet)
	w.fragments[definition] = m
	return m
}
