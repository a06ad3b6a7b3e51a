package graph

import (
	"context"
	"weak"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/admission"
	"github.com/noetl/noetl-catalog/graph/apierror"
)

// defaultMaxResponse is the default of HandlerOptions.MaxResponse.
const defaultMaxResponse = 32 << 20

// tooLong returns the error of an answer that is longer than maxResponse.
func (r *Resolver) tooLong(field string) error {
	return fault.New(apierror.ResponseTooLarge, "",
		"the answer is longer than %d bytes: select less of what %s belongs to, or ask for smaller pages", r.maxResponse, field)
}

// admit is a gqlgen OperationMiddleware. A query or mutation that was large when it
// was executed last waits for a slot before it is executed; every one gives its slot
// back when it is executed. One that was stopped is answered with the reason only. The
// errors of an operation are logged as one line.
func (r *Resolver) admit(presenter apierror.Presenter, controller *admission.Controller) graphql.OperationMiddleware {
	return func(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
		request, op := admission.Of(ctx), graphql.GetOperationContext(ctx)
		if request == nil || op.Operation.Operation == ast.Subscription {
			report := &apierror.Report{}
			answer := next(apierror.WithReport(ctx, report))
			return func(ctx context.Context) *graphql.Response {
				defer presenter.Log(ctx, report)
				return answer(ctx)
			}
		}
		key := weak.Make(op.Operation)
		weight, weighed := r.weights.Get(key)
		if weight > controller.Light() {
			if err := request.Enter(ctx); err != nil {
				defer presenter.Log(ctx, request.Report())
				return graphql.OneShot(refusal(ctx, presenter, err))
			}
		}
		answer := next(ctx)
		return func(ctx context.Context) *graphql.Response {
			defer presenter.Log(ctx, request.Report())
			defer request.Leave()
			response := answer(ctx)
			if held := request.Held(); weighed || held > controller.Light() {
				r.weights.Add(key, held, weightSize)
			}
			err := request.Refusal()
			if err == nil {
				return response
			}
			refused := refusal(ctx, presenter, err)
			if response == nil { // the context ended before execution
				return refused
			}
			if response.HasNext != nil { // the last part
				refused.HasNext, refused.Path, refused.Label = new(false), response.Path, response.Label
			}
			code := apierror.Code(refused.Errors[0])
			for _, at := range response.Errors {
				if apierror.Code(at) == code { // with its path
					refused.Errors[0] = at
					break
				}
			}
			return refused
		}
	}
}

// refusal is the answer to a request that is stopped, or not executed.
func refusal(ctx context.Context, presenter apierror.Presenter, err error) *graphql.Response {
	refused := &graphql.Response{Errors: gqlerror.List{presenter.Refuse(ctx, err)}}
	if problem, ok := fault.As(err); ok && problem.Code != apierror.Overloaded {
		refused.Data = []byte("null")
	}
	return refused
}

// weightSize is the bytes of an entry of Resolver.weights.
const weightSize = 64
