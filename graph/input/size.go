package input

import (
	"unsafe"

	"github.com/vektah/gqlparser/v2/ast"
)

// Size estimates the bytes of a document, as text and parsed.
func Size(text string, document *ast.QueryDocument) int {
	size := len(text)
	for _, operation := range document.Operations {
		size += sizeOf(operation) + directivesSize(operation.Directives) + selectionSize(operation.SelectionSet)
		for _, variable := range operation.VariableDefinitions {
			size += sizeOf(variable) + typeSize(variable.Type) + valueSize(variable.DefaultValue) + directivesSize(variable.Directives)
		}
	}
	for _, fragment := range document.Fragments {
		size += sizeOf(fragment) + directivesSize(fragment.Directives) + selectionSize(fragment.SelectionSet)
	}
	return size
}

// sizeOf returns the size of a node with its position and the references to it.
// Slices grow by doubling, so that they may be half empty.
func sizeOf[T any](*T) int {
	var node T
	return int(unsafe.Sizeof(node)+unsafe.Sizeof(ast.Position{})) + 64
}

func selectionSize(set ast.SelectionSet) (size int) {
	for _, selection := range set {
		switch s := selection.(type) {
		case *ast.Field:
			size += sizeOf(s) + argumentsSize(s.Arguments) + directivesSize(s.Directives) + selectionSize(s.SelectionSet)
		case *ast.InlineFragment:
			size += sizeOf(s) + directivesSize(s.Directives) + selectionSize(s.SelectionSet)
		case *ast.FragmentSpread:
			size += sizeOf(s) + directivesSize(s.Directives)
		}
	}
	return size
}

func directivesSize(directives ast.DirectiveList) (size int) {
	for _, directive := range directives {
		size += sizeOf(directive) + argumentsSize(directive.Arguments)
	}
	return size
}

func argumentsSize(arguments ast.ArgumentList) (size int) {
	for _, argument := range arguments {
		size += sizeOf(argument) + valueSize(argument.Value)
	}
	return size
}

func valueSize(value *ast.Value) int {
	if value == nil {
		return 0
	}
	size := sizeOf(value) + len(value.Raw)
	for _, child := range value.Children {
		size += sizeOf(child) + valueSize(child.Value)
	}
	return size
}

func typeSize(kind *ast.Type) int {
	if kind == nil {
		return 0
	}
	return sizeOf(kind) + typeSize(kind.Elem)
}
