package plan

import "slices"

// Abstract is an interface or a union of the schema. Its objects have the Go type I.
type Abstract[I comparable] struct{ Types []Possible[I] }

// Possible is an object type that belongs to an abstract type.
type Possible[I comparable] interface {
	compilePossible(c *compiler, parent *Node) possible[I]
}

type possible[I comparable] interface {
	// take adds an object to the level if it has this type, and returns its index.
	take(into values, object I) (values, int, bool)
	readTaken(e *Execution, taken values) values
	onlyFixed() bool
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

func (s asSelection[I, P]) take(into values, object I) (values, int, bool) {
	concrete, ok := any(object).(P)
	if !ok {
		return into, 0, false
	}
	l, _ := into.(*level[P])
	if l == nil {
		l = &level[P]{}
	}
	l.objects = append(l.objects, concrete)
	return l, len(l.objects) - 1, true
}

func (s asSelection[I, P]) readTaken(e *Execution, taken values) values {
	l, _ := taken.(*level[P])
	if l == nil {
		return nil
	}
	return s.read(e, l.objects)
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

func (r *abstractReader[I]) onlyFixed() bool {
	return !slices.ContainsFunc(r.types, func(t possible[I]) bool { return !t.onlyFixed() })
}

func (r *abstractReader[I]) readLevel(e *Execution, objects []I) values {
	l := &abstractLevel{levels: make([]values, len(r.types)), types: make([]int, len(objects)), indexes: make([]int, len(objects))}
	for i, object := range objects {
		for t := range r.types {
			taken, at, ok := r.types[t].take(l.levels[t], object)
			if ok {
				l.levels[t], l.types[i], l.indexes[i] = taken, t, at
				break
			}
		}
	}
	for t := range r.types {
		l.levels[t] = r.types[t].readTaken(e, l.levels[t])
	}
	return l
}

// abstractLevel holds objects of several types, by type. types and indexes are
// those of each object.
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
