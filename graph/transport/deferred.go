package transport

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/input"
)

// defers reports whether the operation has an active @defer, so that its
// response has several parts.
func defers(op *graphql.OperationContext) (found bool) {
	input.Walk(op.Operation.SelectionSet, func(_ ast.Selection, directives ast.DirectiveList) bool {
		found = found || directiveDefers(directives, op.Variables)
		return !found
	})
	return found
}

func directiveDefers(directives ast.DirectiveList, variables map[string]any) bool {
	directive := directives.ForName("defer")
	if directive == nil {
		return false
	}
	on, given := directive.ArgumentMap(variables)["if"].(bool)
	return on || !given
}

// undeferrable rejects @defer outside queries: execution would lose the
// deferred parts.
func undeferrable(kind ast.Operation) *refusal {
	return refuse(http.StatusBadRequest, fault.BadUserInput, "@defer works in queries, not in a %s", kind)
}

// payloadOf returns a response as JSON, in pieces so that its data is not
// copied. The parts after the first are increments in the form of the proposal
// of 2022-08-24, which Apollo Client and urql support
// (https://github.com/graphql/graphql-over-http/blob/main/rfcs/IncrementalDelivery.md).
func payloadOf(response *graphql.Response, first bool) [][]byte {
	head, tail := envelope(response)
	if response.HasNext == nil {
		return [][]byte{head, response.Data, tail}
	}
	more := []byte(`,"hasNext":false}`)
	if *response.HasNext {
		more = []byte(`,"hasNext":true}`)
	}
	tail = bytes.TrimSuffix(tail, []byte("}"))
	if first {
		return [][]byte{head, response.Data, tail, more}
	}
	location := bytes.NewBufferString(`,"path":`)
	encode(location, response.Path)
	if response.Label != "" {
		location.WriteString(`,"label":`)
		encode(location, response.Label)
	}
	location.WriteString("}]")
	return [][]byte{[]byte(`{"incremental":[`), head, response.Data, tail, location.Bytes(), more}
}

// enclosed returns pieces as one text between a head and a tail.
func enclosed(head string, pieces [][]byte, tail string) []byte {
	size := len(head) + len(tail)
	for _, piece := range pieces {
		size += len(piece)
	}
	text := append(make([]byte, 0, size), head...)
	for _, piece := range pieces {
		text = append(text, piece...)
	}
	return append(text, tail...)
}

// execute runs a query or a mutation within the timeout and the request's budget. It
// sends each part of the response when it is ready, until send returns false.
func execute(ctx context.Context, timeout time.Duration, request *admission.Request, exec graphql.GraphExecutor, op *graphql.OperationContext, send func(response *graphql.Response, first bool) bool) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request.Execute(ctx, cancel)
	ctx, sent := withExecution(ctx, request)
	defer sent()
	next, ctx := exec.DispatchOperation(ctx, op)
	response := next(ctx)
	if response == nil {
		// gqlgen returns nil if the context ended before execution.
		response = exec.DispatchError(ctx, gqlerror.List{gqlerror.Wrap(cmp.Or(ctx.Err(), errNoResponse))})
	}
	for first := true; response != nil && send(response, first) && response.HasNext != nil && *response.HasNext; first = false {
		response = next(context.WithoutCancel(ctx))
	}
}
