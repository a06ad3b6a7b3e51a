package input

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// Size estimates the bytes of a document, as text and parsed.
func Size(text string) int {
	// The largest node of a single token, a field or an element of a list, has
	// about 250 bytes with its position and the references to it.
	const node = 320
	size := 2 * len(text)
	for tokens := lexer.New(&ast.Source{Input: text}); ; size += node {
		if token, err := tokens.ReadToken(); err != nil || token.Kind == lexer.EOF {
			return size
		}
	}
}
