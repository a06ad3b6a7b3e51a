package yaml

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"regexp"
	"strings"
	"unicode/utf8"

	jsonlib "github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

// Document is a playbook's text, read.
type Document struct {
	// JSON is what jsonb gets: keys in the text's order, integers with all
	// their digits.
	JSON json.RawMessage
	// Path is metadata.path, or else path, and Kind is kind in lower case;
	// each is empty if the document has no such string.
	Path, Kind string
}

const (
	// maxEntries bounds the values of one text: the parser takes some 400
	// bytes for each, so 8 MiB of "a,a,a" would take 2 GB.
	maxEntries = 1 << 18

	// An alias costs two bytes and stands for a whole subtree. The JSON may be
	// maxExpansion times as long as the text, though small documents may
	// always reach minExpansionBytes and none more than maxExpansionBytes.
	maxExpansion      = 10
	minExpansionBytes = 64 << 10
	maxExpansionBytes = 16 << 20
	// mergedEntryBytes is what an entry counts for when << looks at it.
	mergedEntryBytes = 8

	mergeTag = "!!merge"
	// nonSpecificTag makes a string of a plain scalar: "! 12".
	nonSpecificTag = "!"
)

// Parse reads one YAML document as YAML 1.2's core schema has it and
// writes it as JSON, with nothing lost silently:
//
//   - yes, no, on, off, dates, 1_000, 12:30 and 0b1 are strings. So are 0755
//     and 007: YAML 1.1 reads them as octal, YAML 1.2 as decimal, and a postal
//     code means neither;
//   - integers (0o and 0x forms too) keep all their digits, floats their text;
//   - !!str, !!int, !!float, !!bool, !!null, !!map and !!seq are honoured,
//     !!binary and !!timestamp are strings as written, other tags are refused;
//   - anchors and aliases are written out, up to ten times the length of the
//     text (64 KiB in any case) and 16 MiB; the merge key << is honoured: a
//     mapping's own keys win, then the earlier of the merged ones.
//
// BAD_USER_INPUT, with line and column, for a syntax error, no document or
// more than one, a key that appears twice or is not a string, NaN and
// infinity, and what jsontext.Check refuses. PAYLOAD_TOO_LARGE for more bytes,
// levels or values than are allowed.
func Parse(argument, text string, limits jsontext.Limits) (Document, error) {
	if len(text) > limits.PayloadBytes {
		return Document{}, jsontext.TooLarge(argument, len(text), limits)
	}
	text = strings.TrimPrefix(text, "\ufeff")
	if document, ok := parseAsJSON(argument, text, limits); ok {
		return document, nil
	}
	if err := checkText(argument, text); err != nil {
		return Document{}, err
	}
	text = forParser(text)
	root, second, err := parseNodes(text, limits)
	switch {
	case errors.Is(err, io.EOF):
		return Document{}, fault.At(argument, 1, 1, "holds no YAML document")
	case err != nil:
		return Document{}, syntaxFault(argument, text, err, limits)
	case second != nil:
		return Document{}, fault.At(argument, second.Line, second.Column, "holds more than one YAML document")
	}

	w := writer{
		argument: argument,
		limits:   limits,
		maxBytes: min(max(maxExpansion*len(text), minExpansionBytes), maxExpansionBytes),
		out:      make([]byte, 0, len(text)+len(text)/4+64),
		open:     map[*yaml.Node]bool{},
	}
	if err := w.value(root, 0); err != nil {
		return Document{}, err
	}
	return Document{JSON: w.out, Path: w.path(), Kind: strings.ToLower(w.kind)}, nil
}

// parseAsJSON takes a text that is a JSON object or list unchanged: YAML 1.2
// includes all of JSON, but the parser does not (the escape \/, surrogate
// pairs, keys of more than 1,024 characters).
func parseAsJSON(argument, text string, limits jsontext.Limits) (Document, bool) {
	if start := strings.TrimLeft(text, " \t\r\n"); start == "" || start[0] != '{' && start[0] != '[' {
		return Document{}, false
	}
	raw := []byte(text)
	if jsontext.Check(argument, raw, limits) != nil {
		return Document{}, false // its errors should speak of YAML
	}
	document := Document{JSON: raw}
	var top, metadata map[string]json.RawMessage
	if json.Unmarshal(raw, &top) != nil {
		return document, true
	}
	if json.Unmarshal(top["metadata"], &metadata) == nil {
		document.Path = jsonString(metadata["path"])
	}
	if document.Path == "" {
		document.Path = jsonString(top["path"])
	}
	document.Kind = strings.ToLower(jsonString(top["kind"]))
	return document, true
}

// jsonString is the value of a JSON string, and empty for anything else.
func jsonString(raw json.RawMessage) string {
	var value string
	if json.Unmarshal(raw, &value) != nil {
		return ""
	}
	return value
}

// checkText refuses, before the parser sees them, characters that YAML
// does not allow, those that the parser would take for line breaks though
// YAML 1.2 does not (it turns U+0085 into a space), and texts with more values
// than maxEntries.
func checkText(argument, text string) *fault.Error {
	refuse := func(at int, format string, args ...any) *fault.Error {
		line, column := fault.Position([]byte(text[:at]))
		return fault.At(argument, line, column, format, args...)
	}
	// Each value but the first of its list or mapping follows one of these, or
	// a chain of indicators as in "- - - a". Commas in prose count as well, so
	// this is an upper bound.
	entries := 0
	var last byte // the last byte that is not blank
	for i := 0; i < len(text); {
		c := text[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == ',', c == '[', c == '{', c == '\n', c == '\r':
				entries++
				last = c
			case c == '-', c == '?':
				if last == '-' || last == '?' || last == ':' {
					entries++
				}
				last = c
			case c > ' ' && c < 0x7F:
				last = c
			case c != ' ' && c != '\t':
				return refuse(i-1, "a control character (U+%04X) is not allowed in YAML", c)
			}
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			return refuse(i, "the text is not valid UTF-8")
		case r == 0x85, r == 0x2028, r == 0x2029:
			return refuse(i, `the line separator U+%04X must be written as "\u%04x" in double quotes`, r, r)
		case r < 0xA0, r == 0xFEFF, r == 0xFFFE, r == 0xFFFF:
			return refuse(i, "the character U+%04X is not allowed in YAML", r)
		}
		i += size
	}
	if entries > maxEntries {
		return fault.New(fault.PayloadTooLarge, argument,
			"may hold more than %d values (commas, brackets and line breaks count); send it as JSON", maxEntries)
	}
	return nil
}

// forParser changes, without moving any character, the directives that the
// parser refuses and YAML 1.2 has it accept: %YAML 1.2 becomes 1.1 (what
// differs between the two is in our hands: coreScalar and checkText), and
// a reserved directive becomes a comment.
func forParser(text string) string {
	changed := []byte(nil)
	start := 0
	for line := range strings.Lines(text) {
		content := strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "%"):
			if changed == nil {
				changed = []byte(text)
			}
			name, version, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
			version = strings.TrimLeft(version, " \t")
			switch {
			case name == "%TAG":
			case name != "%YAML":
				changed[start] = '#'
			case len(version) >= 3 && version[:2] == "1." && '1' <= version[2] && version[2] <= '9':
				changed[start+strings.Index(line, version)+2] = '1'
			}
		case content == "" || content[0] == '#':
		case changed != nil && strings.HasPrefix(line, "---"):
			return string(changed)
		default:
			return text
		}
		start += len(line)
	}
	return text
}

// parseNodes reads the first document and the second, if there is one.
// The error is io.EOF for a text without a document.
func parseNodes(text string, limits jsontext.Limits) (root, second *yaml.Node, err error) {
	root, second, err = loadNodes(text, limits)
	var problem *yaml.LoadError
	if !errors.As(err, &problem) || problem.Message != noToken && problem.Message != noCharacter {
		return root, second, err
	}
	masked := mask(text)
	if masked == text {
		return root, second, err
	}
	root, second, err = loadNodes(masked, limits)
	if root != nil {
		unmask(root)
	}
	if errors.As(err, &problem) {
		problem.Message = maskedAsText.Replace(problem.Message)
	}
	return root, second, err
}

// The parser refuses two spellings that NoETL's takes:
//
//   - a lone dash in a flow collection, as in [tar, -], a string to every
//     parser of YAML 1.1, though YAML 1.2 has no such scalar. A dash before
//     , ] or } is never an indicator: it stands in a scalar, a name or a comment;
//   - a surrogate pair, "\ud83d\ude00", as JSON writes it.
//
// While it reads, private characters stand for the dashes and for the
// backslashes of what looks like such pairs, one for one, so that no place
// moves; then they are turned back, the pairs of a double-quoted scalar into
// what they mean.
const (
	noToken         = "found character that cannot start any token"
	noCharacter     = "found invalid Unicode character escape code"
	maskedDash      = "\ue0ad"
	maskedBackslash = "\ue0ae"
)

var (
	dashInFlow = regexp.MustCompile(`-([,\]}])`)
	// The second alternative keeps pairs and other escapes apart: \\ud83d has none.
	escapes      = regexp.MustCompile(`\\(?:(u[dD][89abAB][[:xdigit:]]{2})\\(u[dD][c-fC-F][[:xdigit:]]{2})|.)`)
	maskedPair   = regexp.MustCompile(maskedBackslash + `u[[:xdigit:]]{4}` + maskedBackslash + `u[[:xdigit:]]{4}`)
	maskedAsText = strings.NewReplacer(maskedDash, "-", maskedBackslash, `\`)
)

func mask(text string) string {
	if strings.ContainsAny(text, maskedDash+maskedBackslash) {
		return text
	}
	text = escapes.ReplaceAllStringFunc(text, func(escape string) string {
		if len(escape) < len(`\ud83d\ude00`) {
			return escape
		}
		return strings.ReplaceAll(escape, `\`, maskedBackslash)
	})
	return dashInFlow.ReplaceAllString(text, maskedDash+"$1")
}

func unmask(n *yaml.Node) {
	if n.Style&yaml.DoubleQuotedStyle != 0 {
		n.Value = maskedPair.ReplaceAllStringFunc(n.Value, func(pair string) string {
			return jsonString([]byte(`"` + maskedAsText.Replace(pair) + `"`))
		})
	}
	n.Value = maskedAsText.Replace(n.Value)
	n.Tag = maskedAsText.Replace(n.Tag)
	for _, child := range n.Content {
		unmask(child)
	}
}

func loadNodes(text string, limits jsontext.Limits) (root, second *yaml.Node, err error) {
	// The parser panics on input it did not expect ("please report"): that
	// must not be more than a bad document.
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("the text cannot be parsed as YAML")
		}
	}()
	loader, err := yaml.NewLoader(strings.NewReader(text),
		yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(limits.Depth))))
	if err != nil {
		return nil, nil, err
	}
	var document yaml.Node
	if err := loader.Load(&document); err != nil {
		return nil, nil, err
	}
	var next yaml.Node
	switch err := loader.Load(&next); {
	case err == nil:
		second = &next
	case !errors.Is(err, io.EOF):
		return nil, nil, err
	}
	root = document.Content[0]
	if line := swallowedMarker(text, root); second == nil && line > 0 {
		second = &yaml.Node{Line: line, Column: 1}
	}
	return root, second, nil
}

// swallowedMarker is the line of a document marker that the parser has read as
// text: it does where a block scalar that is not indented is all of a document.
func swallowedMarker(text string, root *yaml.Node) int {
	if root.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return 0
	}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, " \t\r\n")
		if number > root.Line && (line == "..." || line == "---" || strings.HasPrefix(line, "--- ")) && strings.Contains(root.Value, line) {
			return number
		}
	}
	return 0
}

// syntaxFault turns the parser's error into ours.
func syntaxFault(argument, text string, err error, limits jsontext.Limits) *fault.Error {
	var problem *yaml.LoadError
	if !errors.As(err, &problem) {
		return fault.At(argument, 1, 1, "is not valid YAML")
	}
	message, mark := problem.Message, problem.Mark
	// A construct without its end, or its colon, is reported at its beginning.
	if begin := problem.ContextMark; begin.Line > 0 &&
		(message == "could not find expected ':'" || atEnd(text, mark)) {
		mark = begin
	}
	line, column := max(mark.Line, 1), max(mark.Column, 1)
	if strings.HasPrefix(message, "exceeded max depth") {
		return jsontext.TooDeep(argument, line, column, limits)
	}
	if name, unknown := strings.CutPrefix(message, "unknown anchor '"); unknown {
		message = "the alias " + fault.Excerpt("*"+strings.TrimSuffix(name, "' referenced")) + " has no anchor before it"
	}
	return fault.At(argument, line, column, "is not valid YAML: %s", message)
}

// atEnd reports whether only white space follows a position.
func atEnd(text string, mark yaml.Mark) bool {
	lines := strings.Count(strings.TrimRight(text, " \t\r\n"), "\n") + 1
	return mark.Line > lines
}

// writer writes nodes as JSON.
type writer struct {
	argument string
	limits   jsontext.Limits
	maxBytes int
	out      []byte

	// alias is the outermost alias or merge being written out, nil outside of
	// any.
	alias *yaml.Node
	// merged counts the entries that merges have looked at, as bytes: a merge
	// of merges can be much work for little output.
	merged int
	// open holds the anchored collections being written: an alias to one of
	// them has no end.
	open map[*yaml.Node]bool

	kind, topPath, metadataPath string
}

// path is the path that the document declares.
func (w *writer) path() string {
	if w.metadataPath != "" {
		return w.metadataPath
	}
	return w.topPath
}

func (w *writer) fault(n *yaml.Node, format string, args ...any) *fault.Error {
	return fault.At(w.argument, n.Line, n.Column, format, args...)
}

// value writes a node that stands inside depth collections.
func (w *writer) value(n *yaml.Node, depth int) *fault.Error {
	if n.Kind == yaml.AliasNode {
		return w.aliased(n, depth)
	}
	if n.Kind == yaml.ScalarNode {
		if err := w.scalar(n); err != nil {
			return err
		}
		return w.checkSize(n)
	}
	if depth >= w.limits.Depth {
		return jsontext.TooDeep(w.argument, n.Line, n.Column, w.limits)
	}
	if err := w.checkCollectionTag(n); err != nil {
		return err
	}
	if n.Anchor != "" {
		w.open[n] = true
		defer delete(w.open, n)
	}
	var err *fault.Error
	if n.Kind == yaml.MappingNode {
		err = w.mapping(n, depth+1)
	} else {
		err = w.sequence(n, depth+1)
	}
	if err != nil {
		return err
	}
	return w.checkSize(n)
}

func (w *writer) aliased(n *yaml.Node, depth int) *fault.Error {
	if w.open[n.Alias] {
		return w.fault(n, "the alias %s stands inside the value it refers to", fault.Excerpt("*"+n.Value))
	}
	if w.alias == nil {
		w.alias = n
		defer func() { w.alias = nil }()
	}
	return w.value(n.Alias, depth)
}

// checkSize holds the output to its limit. Only aliases can make it ten times
// as long as the text, but control characters, six bytes each in JSON, can
// take a long text beyond the limit for any document.
func (w *writer) checkSize(n *yaml.Node) *fault.Error {
	switch {
	case len(w.out) <= w.maxBytes:
		return nil
	case w.alias != nil:
		return w.expanded(w.alias)
	case w.merged > 0:
		return w.expanded(n)
	}
	err := fault.New(fault.PayloadTooLarge, w.argument, "takes more than %d bytes as JSON", w.maxBytes)
	err.Line, err.Column = n.Line, n.Column
	return err
}

func (w *writer) expanded(n *yaml.Node) *fault.Error {
	return w.fault(n, "anchors and aliases expand the document to more than %d bytes", w.maxBytes)
}

func (w *writer) checkCollectionTag(n *yaml.Node) *fault.Error {
	name, tag := "list", "!!seq"
	if n.Kind == yaml.MappingNode {
		name, tag = "mapping", "!!map"
	}
	if n.Tag != tag && n.Tag != nonSpecificTag {
		return w.fault(n, "the tag %s is not one that a %s may have", fault.Excerpt(n.Tag), name)
	}
	return nil
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
		if depth == 1 {
			if err := w.describe(entry, depth); err != nil {
				return err
			}
		}
	}
	w.out = append(w.out, '}')
	return nil
}

// describe keeps what an entry of the outermost mapping says of the document.
func (w *writer) describe(e entry, depth int) *fault.Error {
	var err *fault.Error
	switch e.key {
	case "kind":
		w.kind, err = w.stringOf(e.value)
	case "path":
		w.topPath, err = w.stringOf(e.value)
	case "metadata":
		metadata := target(e.value)
		if metadata.Kind != yaml.MappingNode {
			return nil
		}
		entries, err := w.entries(metadata, depth+1)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if entry.key == "path" {
				w.metadataPath, err = w.stringOf(entry.value)
				return err
			}
		}
	}
	return err
}

// stringOf is the value of a string, and empty for any other node.
func (w *writer) stringOf(n *yaml.Node) (string, *fault.Error) {
	n = target(n)
	if n.Kind != yaml.ScalarNode {
		return "", nil
	}
	kind, text, err := w.resolve(n)
	if kind != stringScalar {
		return "", err
	}
	return text, err
}

// target is the node itself or the one that it is an alias of.
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

// entrySet is a mapping's entries in order; its index is made when searching
// them one by one would take too long.
type entrySet struct {
	entries []entry
	index   map[string]int
}

func (s *entrySet) find(key string) (entry, bool) {
	if s.index != nil {
		i, found := s.index[key]
		if !found {
			return entry{}, false
		}
		return s.entries[i], true
	}
	for _, entry := range s.entries {
		if entry.key == key {
			return entry, true
		}
	}
	return entry{}, false
}

func (s *entrySet) add(entry entry) {
	s.entries = append(s.entries, entry)
	switch {
	case s.index != nil:
		s.index[entry.key] = len(s.entries) - 1
	case len(s.entries) > 16:
		s.index = make(map[string]int, cap(s.entries))
		for i, entry := range s.entries {
			s.index[entry.key] = i
		}
	}
}

// entries are a mapping's, its own in their order and then what it merges.
func (w *writer) entries(n *yaml.Node, depth int) ([]entry, *fault.Error) {
	set := entrySet{entries: make([]entry, 0, len(n.Content)/2)}
	var merge, mergeValue *yaml.Node
	for i := 0; i+1 < len(n.Content); i += 2 {
		at, value := n.Content[i], n.Content[i+1]
		if at.Kind == yaml.ScalarNode && at.Tag == mergeTag && at.Value == "<<" {
			if merge != nil {
				return nil, w.fault(at, "the merge key << appears twice in one mapping (first in line %d)", merge.Line)
			}
			merge, mergeValue = at, value
			continue
		}
		key, err := w.key(at)
		if err != nil {
			return nil, err
		}
		if first, found := set.find(key); found {
			return nil, w.fault(at, "the key %s appears twice in one mapping (first in line %d)",
				fault.Excerpt(key), first.at.Line)
		}
		set.add(entry{key: key, at: at, value: value})
	}
	if merge == nil {
		return set.entries, nil
	}
	sources := []*yaml.Node{mergeValue}
	if list := target(mergeValue); list.Kind == yaml.SequenceNode {
		sources = list.Content
	}
	for _, source := range sources {
		if err := w.merge(&set, source, depth+1); err != nil {
			return nil, err
		}
	}
	return set.entries, nil
}

// merge adds the entries of a mapping whose keys the set does not have yet.
func (w *writer) merge(set *entrySet, source *yaml.Node, depth int) *fault.Error {
	n := target(source)
	if n.Kind != yaml.MappingNode {
		return w.fault(source, "the merge key << takes a mapping or a list of mappings")
	}
	if w.open[n] {
		return w.fault(source, "the merge key << refers to the mapping it stands in")
	}
	if depth > w.limits.Depth {
		return jsontext.TooDeep(w.argument, source.Line, source.Column, w.limits)
	}
	if err := w.checkCollectionTag(n); err != nil {
		return err
	}
	if w.alias == nil {
		w.alias = source
		defer func() { w.alias = nil }()
	}
	if n.Anchor != "" {
		w.open[n] = true
		defer delete(w.open, n)
	}
	entries, err := w.entries(n, depth)
	if err != nil {
		return err
	}
	w.merged += (len(entries) + 1) * mergedEntryBytes
	if w.merged > w.maxBytes {
		return w.expanded(w.alias)
	}
	for _, entry := range entries {
		if _, found := set.find(entry.key); !found {
			set.add(entry)
		}
	}
	return nil
}

// key is the text of a mapping's key.
func (w *writer) key(at *yaml.Node) (string, *fault.Error) {
	n := target(at)
	if n.Kind != yaml.ScalarNode {
		return "", w.fault(at, "a key must be a string; this one is a list or a mapping")
	}
	kind, text, err := w.resolve(n)
	if err != nil {
		return "", err
	}
	if kind != stringScalar {
		return "", w.fault(at, "a key must be a string; %s is not one unless it is quoted", fault.Excerpt(n.Value))
	}
	return text, nil
}

// scalar writes a scalar.
func (w *writer) scalar(n *yaml.Node) *fault.Error {
	kind, text, err := w.resolve(n)
	if err != nil {
		return err
	}
	if kind == stringScalar {
		return w.quote(n, text)
	}
	w.out = append(w.out, text...)
	return nil
}

// quote writes a JSON string; n is the node that it comes from.
func (w *writer) quote(n *yaml.Node, text string) *fault.Error {
	if strings.IndexByte(text, 0) >= 0 {
		return w.fault(n, "the string holds a NUL character (U+0000), which cannot be stored")
	}
	w.out, _ = jsonlib.AppendQuote(w.out, text) // which is valid UTF-8
	return nil
}

// scalarKind is what a scalar is in JSON.
type scalarKind int

const (
	stringScalar scalarKind = iota
	nullScalar
	boolScalar
	intScalar
	floatScalar
)

// resolve says what a scalar is, and its JSON text or, for a string, its
// value.
func (w *writer) resolve(n *yaml.Node) (scalarKind, string, *fault.Error) {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	tagged := n.Style&yaml.TaggedStyle != 0
	switch {
	case !tagged && n.Style&quoted != 0:
		return stringScalar, n.Value, nil
	case tagged && (n.Tag == "!!str" || n.Tag == "!!binary" || n.Tag == "!!timestamp"):
		return stringScalar, n.Value, nil
	}

	kind, text, problem := coreScalar(n.Value)
	if tagged {
		var want scalarKind
		switch n.Tag {
		case "!!null":
			want = nullScalar
		case "!!bool":
			want = boolScalar
		case "!!int":
			want = intScalar
		case "!!float":
			want = floatScalar
			if kind == intScalar && problem == "" {
				kind, text = floatScalar, text+".0"
			}
		default:
			return 0, "", w.fault(n, "the tag %s is not known", fault.Excerpt(n.Tag))
		}
		if kind != want {
			return 0, "", w.fault(n, "%s is not what its tag %s says", fault.Excerpt(n.Value), n.Tag)
		}
	} else if kind != stringScalar && n.Tag == nonSpecificTag {
		return stringScalar, n.Value, nil
	}
	if problem == "" && (kind == intScalar || kind == floatScalar) {
		problem = jsontext.NumberProblem([]byte(text))
	}
	if problem != "" {
		return 0, "", w.fault(n, "%s; quote it if it is meant as a string", problem)
	}
	return kind, text, nil
}

// coreScalar resolves a plain scalar by YAML 1.2's core schema (section
// 10.3.2) to a kind and its JSON text, or says what keeps it out of JSON.
func coreScalar(value string) (kind scalarKind, text, problem string) {
	switch value {
	case "", "~", "null", "Null", "NULL":
		return nullScalar, "null", ""
	case "true", "True", "TRUE":
		return boolScalar, "true", ""
	case "false", "False", "FALSE":
		return boolScalar, "false", ""
	case ".nan", ".NaN", ".NAN":
		return floatScalar, "", "JSON has no NaN"
	}
	unsigned := value
	if value[0] == '-' || value[0] == '+' {
		unsigned = value[1:]
	}
	switch unsigned {
	case ".inf", ".Inf", ".INF":
		return floatScalar, "", "JSON has no infinity"
	}
	if base := prefixedBase(value); base != 0 {
		return basedInteger(value, base)
	}
	return decimal(value, unsigned)
}

// prefixedBase is 8 for 0o17, 16 for 0x1F and 0 for anything else.
func prefixedBase(value string) int {
	if len(value) < 3 || value[0] != '0' {
		return 0
	}
	switch {
	case value[1] == 'o' && strings.Trim(value[2:], "01234567") == "":
		return 8
	case value[1] == 'x' && strings.Trim(value[2:], "0123456789abcdefABCDEF") == "":
		return 16
	default:
		return 0
	}
}

func basedInteger(value string, base int) (scalarKind, string, string) {
	// Converting takes time quadratic in the length.
	if len(value) > jsontext.MaxNumberLength {
		return intScalar, "", fmt.Sprintf("a number may be %d characters long; this one is %d", jsontext.MaxNumberLength, len(value))
	}
	number, ok := new(big.Int).SetString(value[2:], base)
	if !ok {
		return stringScalar, value, ""
	}
	return intScalar, number.String(), ""
}

// decimal writes a decimal integer or float as JSON wants it, its digits
// untouched: no plus sign, a digit on both sides of the point. Anything that
// is not a number, or begins with a zero too many, is a string.
func decimal(value, unsigned string) (scalarKind, string, string) {
	whole, rest := leadingDigits(unsigned)
	fraction, hasPoint := "", false
	if strings.HasPrefix(rest, ".") {
		hasPoint = true
		fraction, rest = leadingDigits(rest[1:])
	}
	if whole == "" && fraction == "" || len(whole) > 1 && whole[0] == '0' {
		return stringScalar, value, ""
	}
	exponent := rest
	if rest != "" {
		if rest[0] != 'e' && rest[0] != 'E' {
			return stringScalar, value, ""
		}
		power := rest[1:]
		if power != "" && (power[0] == '-' || power[0] == '+') {
			power = power[1:]
		}
		if digits, after := leadingDigits(power); digits == "" || after != "" {
			return stringScalar, value, ""
		}
	}

	text := make([]byte, 0, len(value)+2)
	if value[0] == '-' {
		text = append(text, '-')
	}
	text = append(text, orZero(whole)...)
	if hasPoint {
		text = append(text, '.')
		text = append(text, orZero(fraction)...)
	}
	text = append(text, exponent...)
	if !hasPoint && exponent == "" {
		return intScalar, string(text), ""
	}
	return floatScalar, string(text), ""
}

func leadingDigits(text string) (digits, rest string) {
	end := 0
	for end < len(text) && '0' <= text[end] && text[end] <= '9' {
		end++
	}
	return text[:end], text[end:]
}

func orZero(digits string) string {
	if digits == "" {
		return "0"
	}
	return digits
}
