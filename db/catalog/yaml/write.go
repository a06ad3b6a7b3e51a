package yaml

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Write writes a JSON payload as YAML, with its keys in their order and its
// numbers digit for digit.
func Write(payload []byte) (string, error) {
	decoder := json.NewDecoder(bytes.NewReader(payload))
	decoder.UseNumber()
	node, err := readNode(decoder)
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
func readNode(decoder *json.Decoder) (*yaml.Node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch value := token.(type) {
	case json.Delim:
		node := &yaml.Node{Kind: yaml.SequenceNode}
		if value == '{' {
			node.Kind = yaml.MappingNode
		}
		for decoder.More() {
			child, err := readNode(decoder) // the key, then the value, of an object
			if err != nil {
				return nil, err
			}
			node.Content = append(node.Content, child)
		}
		_, err := decoder.Token() // the end of it
		return node, err
	case string:
		node := &yaml.Node{}
		node.SetString(value)
		// Line breaks to YAML 1.1 and none to 1.2: only an escape says the same
		// to both.
		if strings.ContainsAny(value, "\u0085\u2028\u2029") {
			node.Style = yaml.DoubleQuotedStyle
		}
		return node, nil
	case json.Number:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: value.String()}, nil
	case bool:
		return &yaml.Node{Kind: yaml.ScalarNode, Value: fmt.Sprint(value)}, nil
	}
	return &yaml.Node{Kind: yaml.ScalarNode, Value: "null"}, nil
}
