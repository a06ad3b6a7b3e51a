package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// within are the types that a fragment may be on below a field that leads to
// resources, versions or events.
var within = []string{
	"Node", "Resource", "Version", "Event", "Execution", "ExecutionConnection", "ExecutionEdge",
	"ResourceConnection", "ResourceEdge", "VersionConnection", "VersionEdge", "EventConnection", "EventEdge",
	"RegisterResourcePayload", "RecordEventPayload",
}

// selected are the names of the fields that the running field's selection
// asks of its objects: of the object itself, or, for a connection, of its
// nodes. It lets a list read the large columns in its own statement, and only
// where they are asked for.
func selected(ctx context.Context) map[string]bool {
	names := map[string]bool{}
	operation := graphql.GetOperationContext(ctx)
	var collect func(set ast.SelectionSet, into bool)
	collect = func(set ast.SelectionSet, into bool) {
		for _, field := range graphql.CollectFields(operation, set, within) {
			switch {
			case field.Name == "nodes" || field.Name == "node":
				collect(field.Selections, false)
			case field.Name == "edges" && into:
				collect(field.Selections, true)
			default:
				names[field.Name] = true
			}
		}
	}
	collect(graphql.GetFieldContext(ctx).Field.Selections, true)
	return names
}

// place is the running field's place in the document: the same for siblings,
// whose arguments are therefore the same too.
func place(ctx context.Context) *ast.Field {
	return graphql.GetFieldContext(ctx).Field.Field
}
