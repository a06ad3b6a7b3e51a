package plan

import (
	"context"
	"slices"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Compiled is the plan of a selection of a root type. It refers to the document. It
// depends on variables only if the document has @skip, @include or @defer, which are
// evaluated when the plan is compiled.
type Compiled struct {
	root *selection[struct{}]
	// varying holds the fields whose arguments contain variables.
	varying []*Node
	defers  bool
	size    int
}

// compileOperation compiles a selection of a root type. It returns nil if a plan
// cannot answer it, such as introspection. cached says that the plan will be cached.
func compileOperation(ctx context.Context, op *graphql.OperationContext, root *Type[struct{}], set ast.SelectionSet, cached bool) *Compiled {
	c := &compiler{ctx: ctx, op: op, compiled: &Compiled{}, cached: cached}
	if c.compiled.root = compileSelection(c, root, nil, set); c.compiled.root == nil {
		return nil
	}
	return c.compiled
}

// compileField compiles one field of a root type, which gqlgen resolves.
func compileField(ctx context.Context, op *graphql.OperationContext, root *Type[struct{}], field *graphql.CollectedField, cached bool) *Compiled {
	c := &compiler{ctx: ctx, op: op, compiled: &Compiled{root: &selection[struct{}]{}}, resolved: true, cached: cached}
	m, ok := compileMember(c, root, field)
	if !ok || m.step == nil {
		return nil
	}
	c.compiled.root.fields = []member[struct{}]{m}
	return c.compiled
}

// Size estimates the bytes of the plan, without its document.
func (c *Compiled) Size() int {
	if c == nil {
		return 0
	}
	return c.size
}

// Node is a compiled field of a selection.
type Node struct {
	// key precedes the value in the answer: `"alias":`, and of __typename the value.
	key   string
	field graphql.CollectedField
	null  Nullability
	// below holds the fields of its selection, for an abstract type those of all
	// possible types; later holds the deferred ones. objects is the result of Objects.
	below, later, objects []*Node
	// items counts how often a connection's items are selected, as nodes or edges.
	items int
	args  Args
	// fc holds the arguments if they contain no variables. Otherwise varying is the
	// number of the field among Compiled.varying, from 1.
	fc      *Arguments
	varying int
	// local: the value comes from the parent, without reading, and so do those below.
	// valued: it is a scalar that a batch resolver reads.
	local, valued bool
}

// Name is the field's name in the schema.
func (n *Node) Name() string { return n.field.Name }

// Objects returns the fields selected of the field's objects. Of a connection they
// are the fields of the connection and those of its nodes.
func (n *Node) Objects() []*Node { return n.objects }

// collectObjects sets objects and items. The fields below have to be compiled.
func (n *Node) collectObjects() {
	for _, below := range n.below {
		switch below.Name() {
		case "nodes":
			n.items++
			n.objects = append(n.objects, below.below...)
		case "edges":
			for _, edge := range below.below {
				if edge.Name() == "node" {
					n.items++
					n.objects = append(n.objects, edge.below...)
				}
			}
		default:
			n.objects = append(n.objects, below)
		}
	}
}

// Find returns the first field with a name; nil if there is none.
func Find(nodes []*Node, name string) *Node {
	for _, node := range nodes {
		if node.Name() == name {
			return node
		}
	}
	return nil
}

// selection is the compiled selection of an object type.
type selection[P any] struct {
	fields   []member[P]
	deferred []*group[P]
}

// member is a field of a selection. It has a scalar or a step, or is __typename.
type member[P any] struct {
	*Node
	// scalar appends the value of the parent's method; false for null.
	scalar func(buf []byte, of P) ([]byte, bool)
	step   step[P]
}

// step reads a field.
type step[P any] interface {
	read(e *Execution, parents []P) values
}

// group holds the fields of a selection that are deferred under one label.
type group[P any] struct {
	label     string
	selection *selection[P]
}

func (s *selection[P]) nodes() []*Node {
	nodes := make([]*Node, 0, len(s.fields))
	for i := range s.fields {
		nodes = append(nodes, s.fields[i].Node)
	}
	return nodes
}

type compiler struct {
	ctx      context.Context
	op       *graphql.OperationContext
	compiled *Compiled
	cached   bool
	// resolved: gqlgen resolves the root field, and has decoded its arguments.
	resolved bool
}

// compileSelection compiles the selection of a field's objects. parent is nil for a
// root type. It returns nil if a plan cannot answer it.
func compileSelection[P any](c *compiler, t *Type[P], parent *Node, set ast.SelectionSet) *selection[P] {
	collected := graphql.CollectFields(c.op, set, t.Satisfies)
	s := &selection[P]{fields: make([]member[P], 0, len(collected))}
	for i := range collected {
		field := &collected[i]
		m, ok := compileMember(c, t, field)
		if !ok {
			return nil
		}
		if !field.IsDeferred() {
			s.fields = append(s.fields, m)
			continue
		}
		c.compiled.defers = true
		for _, deferrable := range field.Deferrables {
			into := s.group(deferrable.Label)
			if last := len(into.fields) - 1; last < 0 || into.fields[last].Node != m.Node {
				into.fields = append(into.fields, m)
			}
		}
	}
	if parent != nil {
		parent.below = append(parent.below, s.nodes()...)
		for _, group := range s.deferred {
			parent.later = append(parent.later, group.selection.nodes()...)
		}
	}
	return s
}

// group returns the deferred fields with a label.
func (s *selection[P]) group(label string) *selection[P] {
	for _, group := range s.deferred {
		if group.label == label {
			return group.selection
		}
	}
	s.deferred = append(s.deferred, &group[P]{label: label, selection: &selection[P]{}})
	return s.deferred[len(s.deferred)-1].selection
}

func compileMember[P any](c *compiler, t *Type[P], field *graphql.CollectedField) (m member[P], ok bool) {
	m.Node = &Node{key: `"` + field.Alias + `":`, field: *field}
	c.compiled.size += int(unsafe.Sizeof(*m.Node)) + len(m.key) + 192 // its member, its step, and pointers to it
	if field.Name == "__typename" {
		m.key += `"` + t.Name + `"`
		m.local = true
		return m, true
	}
	known, ok := t.Fields[field.Name]
	return m, ok && known.compile(c, &m)
}

// withArgs decodes a field's arguments, unless they contain variables. It returns
// false if they are invalid.
func (c *compiler) withArgs(n *Node, args Args) bool {
	n.args = args
	if args == nil || c.resolved {
		c.resolved = false
		n.fc = &Arguments{}
		return true
	}
	if slices.ContainsFunc(n.field.Arguments, func(argument *ast.Argument) bool { return holdsVariable(argument.Value) }) {
		c.compiled.varying = append(c.compiled.varying, n)
		n.varying = len(c.compiled.varying)
		return true
	}
	local, ok := n.decode(c.ctx, nil)
	n.fc = &local
	c.compiled.size += 256 * len(args)
	return ok
}

// decode decodes the field's arguments. ok is false if they are invalid; gqlgen
// then reports what is wrong.
func (n *Node) decode(ctx context.Context, variables map[string]any) (decoded Arguments, ok bool) {
	args := make(map[string]any, len(n.args))
	for _, decode := range n.args {
		if decode(ctx, n.field.Field, variables, args) != nil {
			return Arguments{}, false
		}
	}
	return Arguments{args}, true
}

func holdsVariable(value *ast.Value) bool {
	return value.Kind == ast.Variable || slices.ContainsFunc(value.Children, func(child *ast.ChildValue) bool { return holdsVariable(child.Value) })
}
