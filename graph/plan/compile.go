package plan

import (
	"context"
	"slices"
	"unsafe"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Compiled is the plan of an operation's selection of a root type. It holds the
// operation's document, and nothing of one request unless the document has
// directives: @skip and @include are decided when it is compiled.
type Compiled struct {
	root *selection[struct{}]
	// varying are the fields whose arguments hold variables.
	varying []*Node
	defers  bool
}

// compileOperation compiles a selection of a root type; nil where it holds what no
// plan answers, such as introspection. keeps: the plan is kept for other requests.
func compileOperation(ctx context.Context, op *graphql.OperationContext, root *Type[struct{}], set ast.SelectionSet, keeps bool) *Compiled {
	c := &compiler{ctx: ctx, op: op, compiled: &Compiled{}, keeps: keeps}
	if c.compiled.root = compileSelection(c, root, nil, set); c.compiled.root == nil {
		return nil
	}
	return c.compiled
}

// compileField compiles one field of a root type, which is resolved otherwise.
func compileField(ctx context.Context, op *graphql.OperationContext, root *Type[struct{}], field *graphql.CollectedField, keeps bool) *Compiled {
	c := &compiler{ctx: ctx, op: op, compiled: &Compiled{root: &selection[struct{}]{}}, resolved: true, keeps: keeps}
	m, ok := compileMember(c, root, field)
	if !ok || m.step == nil {
		return nil
	}
	c.compiled.root.fields = []member[struct{}]{m}
	return c.compiled
}

// Size is about how many bytes the plan takes beside its document.
func (c *Compiled) Size() int {
	if c == nil {
		return 0
	}
	size := 0
	for _, node := range c.root.nodes() {
		size += node.size()
	}
	for _, group := range c.root.deferred {
		for _, node := range group.selection.nodes() {
			size += node.size()
		}
	}
	return size
}

// Node is a compiled field of a selection.
type Node struct {
	// key is what stands before the value in the answer: `"alias":`.
	key   string
	field graphql.CollectedField
	// null: the value, or an element of the list that it is, may be null.
	null Nullability
	// below is its selection; of an abstract type, that of all its types. later is
	// what is deferred of it.
	below, later, objects []*Node
	args                  Args
	// fc holds the arguments, unless these hold variables; varying is then its
	// place among such fields, from 1.
	fc      *Arguments
	varying int
	// fixed: its value is its parent's alone, without anything read.
	fixed bool
	// valued: it is a scalar that is read.
	valued bool
}

// size is about how many bytes the field takes beside its document.
func (n *Node) size() int {
	size := int(unsafe.Sizeof(*n)) + len(n.key) + 128 + 16*len(n.objects) // its member and its step
	if n.fc != nil {
		size += int(unsafe.Sizeof(*n.fc)) + 256*len(n.fc.Args)
	}
	for _, below := range slices.Concat(n.below, n.later) {
		size += below.size()
	}
	return size
}

// Name is the field's name in the schema.
func (n *Node) Name() string { return n.field.Name }

// Objects are the fields selected of the objects that the field leads to: of
// its nodes, for a connection, and of the connection itself.
func (n *Node) Objects() []*Node { return n.objects }

// gather works out Objects, when all below is compiled.
func (n *Node) gather() {
	for _, below := range n.below {
		switch below.Name() {
		case "nodes":
			n.objects = append(n.objects, below.below...)
		case "edges":
			for _, edge := range below.below {
				if edge.Name() == "node" {
					n.objects = append(n.objects, edge.below...)
				}
			}
		default:
			n.objects = append(n.objects, below)
		}
	}
}

// Find is the first field of that name in a selection; nil where there is none.
func Find(nodes []*Node, name string) *Node {
	for _, node := range nodes {
		if node.Name() == name {
			return node
		}
	}
	return nil
}

// selection is that of an object type, compiled.
type selection[P any] struct {
	fields   []member[P]
	deferred []*group[P]
}

// member is a field of a selection. One without a scalar and a step is
// __typename, whose key holds the value.
type member[P any] struct {
	*Node
	// scalar appends the value, which is the parent's own; false for null.
	scalar func(buf []byte, of P) ([]byte, bool)
	step   step[P]
}

// step reads what a field leads to.
type step[P any] interface {
	read(e *Execution, parents []P) values
}

// group is a deferred part of a selection.
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
	keeps    bool
	// resolved: the root field's arguments are read already.
	resolved bool
}

// compileSelection compiles what is selected of the objects of a field; parent is
// nil for a root. It returns nil where no plan answers it.
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

// group is the deferred part of that label.
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
	if field.Name == "__typename" {
		m.key += `"` + t.Name + `"`
		m.fixed = true
		return m, true
	}
	known, ok := t.Fields[field.Name]
	return m, ok && known.compile(c, &m)
}

// withArgs notes how a field's arguments are read, and reads those that are the
// same for every request.
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
	fixed, ok := n.decode(c.ctx, nil)
	n.fc = &fixed
	return ok
}

// decode reads the field's arguments. It is not ok where they are not what they
// should be, which is gqlgen's to tell.
func (n *Node) decode(ctx context.Context, variables map[string]any) (decoded Arguments, ok bool) {
	defer func() {
		if recover() != nil { // a value that gqlparser cannot make out
			ok = false
		}
	}()
	args, err := n.args(ctx, n.field.ArgumentMap(variables))
	return Arguments{args}, err == nil
}

func holdsVariable(value *ast.Value) bool {
	return value.Kind == ast.Variable || slices.ContainsFunc(value.Children, func(child *ast.ChildValue) bool { return holdsVariable(child.Value) })
}
