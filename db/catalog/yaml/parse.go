package yaml

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	jsonlib "github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/jsontext"
)

// Document is a parsed playbook.
type Document struct {
	// JSON is what jsonb gets: keys in the text's order, integers with all
	// their digits.
	JSON []byte
	// Path is metadata.path, or else path, and Kind is kind in lower case;
	// each is empty if the document has no such string.
	Path, Kind string
}

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
	documents, err := parseNodes(text, limits)
	switch {
	case err != nil:
		return Document{}, syntaxFault(argument, text, err, limits)
	case len(documents) == 0:
		return Document{}, fault.At(argument, 1, 1, "holds no YAML document")
	case len(documents) > 1:
		return Document{}, fault.At(argument, documents[1].Line, documents[1].Column, "holds more than one YAML document")
	}
	root := documents[0].Content[0]
	if line := swallowedMarker(text, root); line > 0 {
		return Document{}, fault.At(argument, line, 1, "holds more than one YAML document")
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
	return newDocument(w.out), nil
}

// parseAsJSON takes a text that is a JSON object or list unchanged: YAML 1.2
// includes all of JSON, but the parser does not (the escape \/, surrogate
// pairs, keys of more than 1,024 characters).
func parseAsJSON(argument, text string, limits jsontext.Limits) (Document, bool) {
	start := strings.TrimLeft(text, " \t\r\n")
	if !strings.HasPrefix(start, "{") && !strings.HasPrefix(start, "[") || jsontext.Check(argument, []byte(text), limits) != nil {
		return Document{}, false // the errors of YAML's parser fit what follows
	}
	return newDocument([]byte(text)), true
}

func newDocument(raw []byte) Document {
	var top struct {
		Kind     jsonlib.Value `json:"kind"`
		Path     jsonlib.Value `json:"path"`
		Metadata jsonlib.Value `json:"metadata"`
	}
	var metadata struct {
		Path jsonlib.Value `json:"path"`
	}
	// What is not an object declares nothing.
	_ = json.Unmarshal(raw, &top)
	_ = json.Unmarshal(top.Metadata, &metadata)
	return Document{
		JSON: raw, Path: cmp.Or(jsonString(metadata.Path), jsonString(top.Path)), Kind: strings.ToLower(jsonString(top.Kind)),
	}
}

// jsonString is the value of a JSON string, and empty for anything else.
func jsonString(raw []byte) string {
	value, err := jsonlib.AppendUnquote(nil, raw)
	if err != nil {
		return ""
	}
	return string(value)
}

// parseNodes parses up to two documents: there must be one.
func parseNodes(text string, limits jsontext.Limits) ([]*yaml.Node, error) {
	documents, err := loadNodes(text, limits)
	problem, ok := errors.AsType[*yaml.LoadError](err)
	if !ok || problem.Message != noToken && problem.Message != noCharacter {
		return documents, err
	}
	masked := mask(text)
	if masked == text {
		return documents, err
	}
	documents, err = loadNodes(masked, limits)
	for _, document := range documents {
		unmask(document)
	}
	if problem, ok = errors.AsType[*yaml.LoadError](err); ok {
		problem.Message = maskedAsText.Replace(problem.Message)
	}
	return documents, err
}

func loadNodes(text string, limits jsontext.Limits) (documents []*yaml.Node, err error) {
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
		return nil, err
	}
	for len(documents) < 2 {
		document := &yaml.Node{}
		if err := loader.Load(document); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		documents = append(documents, document)
	}
	return documents, nil
}

// swallowedMarker is the line of a document marker that the parser has read as
// text: it does so where an unindented block scalar is the whole document.
func swallowedMarker(text string, root *yaml.Node) int {
	if root.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0 {
		return 0
	}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimRight(line, " \t\r")
		if i >= root.Line && (line == "..." || line == "---" || strings.HasPrefix(line, "--- ")) && strings.Contains(root.Value, line) {
			return i + 1
		}
	}
	return 0
}

// syntaxFault turns the parser's error into ours.
func syntaxFault(argument, text string, err error, limits jsontext.Limits) *fault.Error {
	problem, ok := errors.AsType[*yaml.LoadError](err)
	if !ok {
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
