package plan

import "slices"

// Abstract is an interface or a union of the schema. Its objects have the Go type I.
type Abstract[I comparable] struct{ Types []Possible[I] }

// Possible is an object type that belongs to an abstract type.
type Possible[I comparable] interface {
	compilePossible(c *compiler, parent *Node) possible[I]
}

// possible is the compiled selection of a possible type.
type possible[I comparable] interface {
	// readObjects reads those of the objects that have the possible type, the type-th
	// of the abstract type, and records where they are in l.
	readObjects(e *Execution, objects []I, l *abstractLevel, typ int) values
	onlyLocal() bool
}

// As makes an object type a possible type of an abstract type.
func As[I, P comparable](t *Type[P]) Possible[I] { return asType[I, P]{t} }

type asType[I, P comparable] struct{ *Type[P] }

func (a asType[I, P]) compilePossible(c *compiler, parent *Node) possible[I] {
	if below := compileSelection(c, a.Type, parent, parent.field.Selections); below != nil {
		return asSelection[I, P]{below}
	}
	return nil
}

type asSelection[I, P comparable] struct{ *selection[P] }

func (s asSelection[I, P]) readObjects(e *Execution, objects []I, l *abstractLevel, typ int) values {
	var concrete []P
	for i, object := range objects {
		if o, ok := any(object).(P); ok {
			l.types[i], l.indexes[i] = typ, len(concrete)
			concrete = append(concrete, o)
		}
	}
	return s.read(e, concrete)
}

func (a *Abstract[I]) compileBelow(c *compiler, parent *Node) reader[I] {
	below := &abstractReader[I]{}
	for _, t := range a.Types {
		selection := t.compilePossible(c, parent)
		if selection == nil {
			return nil
		}
		below.types = append(below.types, selection)
	}
	return below
}

type abstractReader[I comparable] struct{ types []possible[I] }

func (r *abstractReader[I]) onlyLocal() bool {
	return !slices.ContainsFunc(r.types, func(t possible[I]) bool { return !t.onlyLocal() })
}

func (r *abstractReader[I]) readLevel(e *Execution, objects []I) values {
	l := &abstractLevel{levels: make([]values, len(r.types)), types: make([]int, len(objects)), indexes: make([]int, len(objects))}
	for typ, t := range r.types {
		l.levels[typ] = t.readObjects(e, objects, l, typ)
	}
	return l
}

// abstractLevel holds a level for each possible type. Object i is number indexes[i]
// of levels[types[i]].
type abstractLevel struct {
	levels         []values
	types, indexes []int
}

func (l *abstractLevel) write(w *writer, at int) bool {
	return l.levels[l.types[at]].write(w, l.indexes[at])
}

// compileBelow implements Selector.
func (t *Type[P]) compileBelow(c *compiler, parent *Node) reader[P] {
	if below := compileSelection(c, t, parent, parent.field.Selections); below != nil {
		return below
	}
	return nil
}
