package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// Scalar is a scalar field that is a method of the parent. value appends it to buf,
// or returns false for null.
func Scalar[P any](null Nullability, value func(buf []byte, of P) ([]byte, bool)) Field[P] {
	return scalarField[P]{null, value}
}

type scalarField[P any] struct {
	null  Nullability
	value func(buf []byte, of P) ([]byte, bool)
}

func (f scalarField[P]) compile(_ *compiler, m *member[P]) bool {
	m.null, m.scalar, m.local = f.null, f.value, true
	return true
}

// Value is a scalar field that a batch resolver reads.
func Value[P, V any](null Nullability, args Args, get Get[P, V], value func(buf []byte, v V) ([]byte, bool)) Field[P] {
	return valueField[P, V]{null: null, args: args, get: get, value: value}
}

// valueField is both the field and, with node set, the step of its selection.
type valueField[P, V any] struct {
	null  Nullability
	args  Args
	get   Get[P, V]
	value func(buf []byte, v V) ([]byte, bool)
	node  *Node
}

func (f valueField[P, V]) compile(c *compiler, m *member[P]) bool {
	m.null, m.valued, f.node = f.null, true, m.Node
	m.step = f
	return c.withArgs(m.Node, f.args)
}

func (f valueField[P, V]) read(e *Execution, parents []P) values {
	got, failed := call(e, f.node, f.get, parents)
	return &readValues[V]{f.node, got, failed, f.value}
}

type readValues[V any] struct {
	node   *Node
	values []V
	failed failures
	value  func(buf []byte, v V) ([]byte, bool)
}

func (r *readValues[V]) write(w *writer, at int) bool {
	if err := r.failed.at(at); err != nil {
		return w.null(r.node, err)
	}
	var ok bool
	if w.buf, ok = r.value(w.buf, r.values[at]); !ok {
		return w.null(r.node, nil)
	}
	return true
}

// Selector is the type that a field leads to, an object type or an abstract type.
// Its objects have the Go type V.
type Selector[V comparable] interface {
	compileBelow(c *compiler, parent *Node) reader[V]
}

// reader reads the level below a field. No object is nil.
type reader[V any] interface {
	readLevel(e *Execution, objects []V) values
	onlyLocal() bool
}

// Object is a field that leads to an object or null. A local field's value comes from
// the parent, without reading.
func Object[P any, V comparable](null Nullability, local bool, args Args, get Get[P, V], of Selector[V]) Field[P] {
	return objectField[P, V]{leading[V]{null: null, local: local, args: args, of: of}, get}
}

// leading is a field that leads to objects and, with node and below set, the step of
// its selection.
type leading[V comparable] struct {
	null  Nullability
	local bool
	args  Args
	of    Selector[V]
	node  *Node
	below reader[V]
}

func (l *leading[V]) compile(c *compiler, n *Node) bool {
	l.node, n.null = n, l.null
	if !c.withArgs(n, l.args) {
		return false
	}
	if l.below = l.of.compileBelow(c, n); l.below == nil {
		return false
	}
	n.collectObjects()
	n.local = l.local && l.below.onlyLocal()
	return true
}

type objectField[P any, V comparable] struct {
	leading[V]
	get Get[P, V]
}

func (f objectField[P, V]) compile(c *compiler, m *member[P]) bool {
	compiled := f.leading.compile(c, m.Node)
	m.step = f
	return compiled
}

func (f objectField[P, V]) read(e *Execution, parents []P) values {
	got, failed := call(e, f.node, f.get, parents)
	objects, indexes := compact(got)
	return &readObjects{f.node, f.below.readLevel(e, objects), indexes, failed}
}

// readObjects holds the objects of a field. indexes are those of the parents'
// objects in the level, -1 for null; nil if each parent has its own object.
type readObjects struct {
	node    *Node
	level   values
	indexes []int32
	failed  failures
}

func (r *readObjects) write(w *writer, at int) bool {
	if err := r.failed.at(at); err != nil {
		return w.null(r.node, err)
	}
	if r.indexes != nil {
		if at = int(r.indexes[at]); at < 0 {
			return w.null(r.node, nil)
		}
	}
	return r.level.write(w, at) || w.propagate(r.node.null.Value)
}

// compact removes nil values and consecutive repetitions.
func compact[V comparable](got []V) (objects []V, indexes []int32) {
	var nulls V
	for i, value := range got {
		if value != nulls && (i == 0 || value != got[i-1]) {
			if indexes != nil {
				indexes[i] = int32(len(objects)) //nolint:gosec // lists have limits
				objects = append(objects, value)
			}
			continue
		}
		if indexes == nil {
			indexes = make([]int32, len(got))
			for before := range i {
				indexes[before] = int32(before) //nolint:gosec // lists have limits
			}
			objects = append(make([]V, 0, len(got)), got[:i]...)
		}
		indexes[i] = -1
		if value != nulls {
			indexes[i] = indexes[i-1]
		}
	}
	if indexes == nil {
		return got, nil
	}
	return objects, indexes
}

// Objects is a field that leads to a list of objects.
func Objects[P any, V comparable](null Nullability, local bool, args Args, get Get[P, []V], of Selector[V]) Field[P] {
	return listField[P, V]{leading[V]{null: null, local: local, args: args, of: of}, get}
}

type listField[P any, V comparable] struct {
	leading[V]
	get Get[P, []V]
}

func (f listField[P, V]) compile(c *compiler, m *member[P]) bool {
	compiled := f.leading.compile(c, m.Node)
	m.step = f
	return compiled
}

func (f listField[P, V]) read(e *Execution, parents []P) values {
	got, failed := call(e, f.node, f.get, parents)
	read := &readLists{node: f.node, failed: failed, begins: make([]int32, len(got)+1)}
	for i, list := range got {
		read.begins[i+1] = read.begins[i] + int32(len(list)) //nolint:gosec // lists have limits
		if list == nil && f.null.Value {
			if read.nulls == nil {
				read.nulls = make([]bool, len(got))
			}
			read.nulls[i] = true
		}
	}
	objects, indexes := compact(concatenated(got))
	read.level, read.indexes = f.below.readLevel(e, objects), indexes
	return read
}

func concatenated[V any](lists [][]V) []V {
	if len(lists) == 1 {
		return lists[0]
	}
	return slices.Concat(lists...)
}

// readLists holds the lists of a field, one behind the other. indexes are those of
// the elements in the level, as in readObjects.
type readLists struct {
	node    *Node
	level   values
	indexes []int32
	// begins holds where the list of each parent begins, and where the last ends.
	begins []int32
	// nulls marks the parents whose list is null; nil if none is.
	nulls  []bool
	failed failures
}

func (r *readLists) write(w *writer, at int) bool {
	if err := r.failed.at(at); err != nil {
		return w.null(r.node, err)
	}
	if r.nulls != nil && r.nulls[at] {
		return w.null(r.node, nil)
	}
	start, pending, whole := len(w.buf), len(w.pending), true
	w.buf = append(w.buf, '[')
	for i := r.begins[at]; i < r.begins[at+1]; i++ {
		if i > r.begins[at] {
			w.buf = append(w.buf, ',')
		}
		object := int(i)
		if r.indexes != nil {
			object = int(r.indexes[i])
		}
		w.enter(pathStep{index: int(i - r.begins[at])})
		switch {
		case object < 0:
			if !r.node.null.Element {
				w.fail(nil)
			}
			whole = w.propagate(r.node.null.Element) && whole
		case !r.level.write(w, object):
			whole = w.propagate(r.node.null.Element) && whole
		}
		w.leave()
		if w.stopped != nil {
			w.trail = append(w.trail, pathStep{index: int(i - r.begins[at])})
			return true
		}
	}
	if whole {
		w.buf = append(w.buf, ']')
		return true
	}
	w.buf, w.pending = w.buf[:start], w.pending[:pending]
	return w.propagate(r.node.null.Value)
}

// call calls a batch resolver. A panic is an error of all parents.
func call[P, V any](e *Execution, node *Node, get Get[P, V], parents []P) (got []V, failed failures) {
	if len(parents) == 0 {
		return nil, failures{}
	}
	fc := node.fc
	if node.varying > 0 {
		fc = &e.args[node.varying-1]
	}
	ctx := &fieldContext{e.ctx, Selected{node, e}}
	var err error
	func() {
		defer func() {
			if value := recover(); value != nil {
				err = e.op.Recover(ctx, value)
			}
		}()
		got, err = get(ctx, fc, parents)
	}()
	if err == nil && len(got) != len(parents) {
		err = fmt.Errorf("%d values of %s for %d parents", len(got), node.field.Name, len(parents))
	}
	if err != nil {
		failed.all = err
		if each, ok := err.(graphql.BatchErrors); ok && len(got) == len(parents) && len(each.Errors()) == len(parents) { //nolint:errorlint // as gqlgen asks
			failed = failures{each: each.Errors()}
		} else {
			got = make([]V, len(parents))
		}
	}
	return got, failed
}

// failures holds the error of a batch: one of all parents, or one for each.
type failures struct {
	all  error
	each []error
}

func (f *failures) at(i int) error {
	if f.each != nil {
		return f.each[i]
	}
	return f.all
}

// Selected is a field during its execution.
type Selected struct {
	*Node
	execution *Execution
}

// Args returns the arguments of any field of the same execution.
func (s Selected) Args(of *Node) map[string]any {
	if of.varying > 0 {
		return s.execution.args[of.varying-1].Args
	}
	return of.fc.Args
}

type fieldContext struct {
	context.Context
	field Selected
}

type fieldKey struct{}

func (c *fieldContext) Value(key any) any {
	if key == (fieldKey{}) {
		return &c.field
	}
	return c.Context.Value(key)
}

// FieldOf returns the field that a batch resolver is called for; nil if gqlgen's
// executor calls it.
func FieldOf(ctx context.Context) *Selected {
	field, _ := ctx.Value(fieldKey{}).(*Selected)
	return field
}
