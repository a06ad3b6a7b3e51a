package yaml

import (
	"strings"

	jsonlib "github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

const (
	// An alias costs two bytes and stands for a whole subtree. The JSON may be
	// maxExpansion times as long as the text, though small documents may
	// always reach minExpansionBytes and none more than maxExpansionBytes.
	maxExpansion      = 10
	minExpansionBytes = 64 << 10
	maxExpansionBytes = 16 << 20
	// mergedEntryBytes is what an entry that a merge looks at counts for.
	mergedEntryBytes = 8
)

// writer writes nodes as JSON.
type writer struct {
	argument string
	limits   jsontext.Limits
	maxBytes int
	out      []byte

	// alias is the outermost alias or merge that is being written; nil outside
	// of any.
	alias *yaml.Node
	// merged counts the entries that merges have looked at, as bytes: a merge
	// of merges can be much work for little output.
	merged int
	// open holds the anchored collections that are being written: an alias to
	// one of them has no end.
	open map[*yaml.Node]bool
}

func (w *writer) fault(n *yaml.Node, format string, args ...any) *fault.Error {
	return fault.At(w.argument, n.Line, n.Column, format, args...)
}

// value writes a node inside depth collections.
func (w *writer) value(n *yaml.Node, depth int) *fault.Error {
	var err *fault.Error
	switch {
	case n.Kind == yaml.AliasNode:
		if w.open[n.Alias] {
			return w.fault(n, "the alias %s stands inside the value it refers to", fault.Excerpt("*"+n.Value))
		}
		defer w.follow(n)()
		return w.value(n.Alias, depth)
	case n.Kind == yaml.ScalarNode:
		err = w.scalar(n)
	case n.Kind == yaml.MappingNode:
		err = w.collection(n, depth+1, w.mapping)
	default:
		err = w.collection(n, depth+1, w.sequence)
	}
	if err == nil && len(w.out) > w.maxBytes {
		err = w.tooLong(n)
	}
	return err
}

// follow records that the alias or merge n is being written, until the function
// that it returns is called.
func (w *writer) follow(n *yaml.Node) (done func()) {
	outer := w.alias
	if outer == nil {
		w.alias = n
	}
	return func() { w.alias = outer }
}

// tooLong is the error of output beyond its limit. Only aliases can make it ten
// times as long as the text, but control characters, six bytes each in JSON, can
// take a long text beyond the limit for any document.
func (w *writer) tooLong(n *yaml.Node) *fault.Error {
	if w.alias != nil {
		n = w.alias
	} else if w.merged == 0 {
		err := fault.New(fault.PayloadTooLarge, w.argument, "takes more than %d bytes as JSON", w.maxBytes)
		err.Line, err.Column = n.Line, n.Column
		return err
	}
	return w.fault(n, "anchors and aliases expand the document to more than %d bytes", w.maxBytes)
}

// collection runs use for a mapping or a list that is the depth-th around its
// elements.
func (w *writer) collection(n *yaml.Node, depth int, use func(n *yaml.Node, depth int) *fault.Error) *fault.Error {
	if depth > w.limits.Depth {
		return jsontext.TooDeep(w.argument, n.Line, n.Column, w.limits)
	}
	name, tag := "list", "!!seq"
	if n.Kind == yaml.MappingNode {
		name, tag = "mapping", "!!map"
	}
	if n.Tag != tag && n.Tag != nonSpecificTag {
		return w.fault(n, "the tag %s is not one that a %s may have", fault.Excerpt(n.Tag), name)
	}
	if n.Anchor != "" {
		w.open[n] = true
		defer delete(w.open, n)
	}
	return use(n, depth)
}

func (w *writer) sequence(n *yaml.Node, depth int) *fault.Error {
	w.out = append(w.out, '[')
	for i, item := range n.Content {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.value(item, depth); err != nil {
			return err
		}
	}
	w.out = append(w.out, ']')
	return nil
}

func (w *writer) mapping(n *yaml.Node, depth int) *fault.Error {
	entries, err := w.entries(n, depth)
	if err != nil {
		return err
	}
	w.out = append(w.out, '{')
	for i, entry := range entries {
		if i > 0 {
			w.out = append(w.out, ',')
		}
		if err := w.quote(entry.at, entry.key); err != nil {
			return err
		}
		w.out = append(w.out, ':')
		if err := w.value(entry.value, depth); err != nil {
			return err
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// target is the node itself, or the one that it is an alias of.
func target(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// entry is one key of a mapping with its value.
type entry struct {
	key   string
	at    *yaml.Node // the key's node
	value *yaml.Node
}

// entries are those of a mapping, in order, and then those that it merges.
func (w *writer) entries(n *yaml.Node, depth int) ([]entry, *fault.Error) {
	entries := make([]entry, 0, len(n.Content)/2)
	lines := make(map[string]int, len(n.Content)/2) // of the keys
	var merge, merged *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := n.Content[i], n.Content[i+1]
		if at.Kind == yaml.ScalarNode && at.Tag == "!!merge" && at.Value == "<<" {
			if merge != nil {
				return nil, w.fault(at, "the merge key << appears twice in one mapping (first in line %d)", merge.Line)
			}
			merge, merged = at, value
			continue
		}
		key, err := w.key(at)
		if err != nil {
			return nil, err
		}
		if first, found := lines[key]; found {
			return nil, w.fault(at, "the key %s appears twice in one mapping (first in line %d)", fault.Excerpt(key), first)
		}
		lines[key] = at.Line
		entries = append(entries, entry{key: key, at: at, value: value})
	}
	if merge == nil {
		return entries, nil
	}
	sources := []*yaml.Node{merged}
	if list := target(merged); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, source := range sources {
		more, err := w.merge(source, depth)
		if err != nil {
			return nil, err
		}
		for _, entry := range more {
			if _, found := lines[entry.key]; !found {
				lines[entry.key] = entry.at.Line
				entries = append(entries, entry)
			}
		}
	}
	return entries, nil
}

// merge returns the entries of a mapping that << takes into another at depth.
func (w *writer) merge(source *yaml.Node, depth int) (entries []entry, err *fault.Error) {
	n := target(source)
	if n.Kind != yaml.MappingNode {
		return nil, w.fault(source, "the merge key << takes a mapping or a list of mappings")
	}
	if w.open[n] {
		return nil, w.fault(source, "the merge key << refers to the mapping it stands in")
	}
	if depth >= w.limits.Depth {
		return nil, jsontext.TooDeep(w.argument, source.Line, source.Column, w.limits)
	}
	defer w.follow(source)()
	err = w.collection(n, depth+1, func(n *yaml.Node, depth int) (err *fault.Error) {
		entries, err = w.entries(n, depth)
		return err
	})
	w.merged += (len(entries) + 1) * mergedEntryBytes
	if err == nil && w.merged > w.maxBytes {
		err = w.tooLong(source)
	}
	return entries, err
}

// key is the text of a mapping's key.
func (w *writer) key(at *yaml.Node) (string, *fault.Error) {
	n := target(at)
	if n.Kind != yaml.ScalarNode {
		return "", w.fault(at, "a key must be a string; this one is a list or a mapping")
	}
	tag, text, err := w.resolve(n)
	if err == nil && tag != strTag {
		err = w.fault(at, "a key must be a string; %s is not one unless it is quoted", fault.Excerpt(n.Value))
	}
	return text, err
}

func (w *writer) scalar(n *yaml.Node) *fault.Error {
	tag, text, err := w.resolve(n)
	if err == nil && tag == strTag {
		return w.quote(n, text)
	}
	w.out = append(w.out, text...)
	return err
}

// quote writes a JSON string, which n has.
func (w *writer) quote(n *yaml.Node, text string) *fault.Error {
	if strings.IndexByte(text, 0) >= 0 {
		return w.fault(n, "the string holds a NUL character (U+0000), which cannot be stored")
	}
	w.out, _ = jsonlib.AppendQuote(w.out, text) // which is valid UTF-8
	return nil
}
