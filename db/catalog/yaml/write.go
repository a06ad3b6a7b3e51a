package yaml

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
	"go.yaml.in/yaml/v4"
)

// Write writes a JSON payload as YAML, with its keys in their order and its
// numbers digit for digit.
func Write(payload []byte) (string, error) {
	node, err := readNode(jsontext.NewDecoder(bytes.NewBuffer(payload), jsontext.AllowDuplicateNames(true)))
	if err != nil {
		return "", fmt.Errorf("read a payload: %w", err)
	}
	var text strings.Builder
	encoder := yaml.NewEncoder(&text)
	encoder.SetIndent(2)
	if err := encoder.Encode(node); err != nil {
		return "", fmt.Errorf("write a payload as YAML: %w", err)
	}
	return text.String(), nil
}

// readNode reads the next JSON value.
func readNode(decoder *jsontext.Decoder) (*yaml.Node, error) {
	token, err := decoder.ReadToken()
	if err != nil {
		return nil, err
	}
	node := &yaml.Node{}
	switch kind := token.Kind(); kind {
	case jsontext.KindBeginObject, jsontext.KindBeginArray:
		node.Kind = yaml.SequenceNode
		end := jsontext.KindEndArray
		if kind == jsontext.KindBeginObject {
			node.Kind, end = yaml.MappingNode, jsontext.KindEndObject
		}
		for decoder.PeekKind() != end {
			child, err := readNode(decoder) // the key, then the value, of an object
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err = decoder.ReadToken() // the end
	case jsontext.KindString:
		text := token.String()
		node.SetString(text)
		// YAML 1.1 reads these as line breaks and YAML 1.2 does not: only an escape
		// means the same to both.
		if strings.ContainsAny(text, "\u0085\u2028\u2029") {
			node.Style = yaml.DoubleQuotedStyle
		}
	default:
		node.Kind, node.Value = yaml.ScalarNode, token.String()
	}
	return node, err
}
