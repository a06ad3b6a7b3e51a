package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/noetl/noetl-catalog/client"
)

// Query is the command `query FILE|-`.
type Query struct {
	File string `arg:"" name:"file" help:"A file with a GraphQL document, or - for standard input."`

	Variables string    `placeholder:"JSON|FILE" help:"The variables: a JSON object, or the file that has it."`
	Operation string    `placeholder:"NAME" help:"Which operation of the document to execute, where it has several."`
	Stdin     io.Reader `kong:"-"` // os.Stdin if nil
	Remote
	Output
}

// maxDocument is the size limit of a request in bytes, as on the server.
const maxDocument = 16 << 20

// Run prints the response, even if it has errors, and returns the first error.
func (c *Query) Run(ctx context.Context, stdout, stderr io.Writer) error {
	document, err := c.document()
	if err != nil {
		return err
	}
	variables, err := c.variables()
	if err != nil {
		return err
	}
	return c.read(ctx, &c.Output, stdout, stderr, func(ctx context.Context, s *session) error {
		response, err := s.client.Ask(ctx, client.Request{Query: document, Operation: c.Operation, Variables: variables}, nil)
		if response == nil {
			return explain(s.client.Endpoint, err)
		}
		printed := s.printJSON
		if s.terminal && !s.JSON {
			printed = func(value json.RawMessage) error { return s.printIndented(value) }
		}
		if printing := printed(bytes.TrimSpace(response)); printing != nil {
			return printing
		}
		return explain(s.client.Endpoint, err)
	})
}

func (c *Query) document() (string, error) {
	input := c.Stdin
	switch {
	case c.File != "-":
		file, err := os.Open(c.File)
		if err != nil {
			return "", fmt.Errorf("read the document: %w", err)
		}
		defer func() { _ = file.Close() }()
		input = file
	case input == nil:
		input = os.Stdin
	}
	document, err := io.ReadAll(io.LimitReader(input, maxDocument+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the document: %w", err)
	case len(document) > maxDocument:
		return "", fmt.Errorf("the document is longer than %d MiB", maxDocument>>20)
	case len(bytes.TrimSpace(document)) == 0:
		return "", errors.New("the document is empty")
	}
	return string(document), nil
}

// variables does not decode the values, so that numbers keep their digits.
func (c *Query) variables() (map[string]any, error) {
	raw := []byte(c.Variables)
	if c.Variables == "" {
		return nil, nil
	}
	if !strings.HasPrefix(strings.TrimSpace(c.Variables), "{") {
		var err error
		if raw, err = os.ReadFile(c.Variables); err != nil {
			return nil, invalid("--variables is neither a JSON object nor a file: %v", err)
		}
	}
	var values map[string]json.RawMessage
	if err := json.Unmarshal(raw, &values); err != nil {
		return nil, invalid("--variables is not a JSON object: %v", err)
	}
	variables := make(map[string]any, len(values))
	for name, value := range values {
		variables[name] = value
	}
	return variables, nil
}
