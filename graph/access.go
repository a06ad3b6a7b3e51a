package graph

import (
	"context"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/auth"
	"github.com/noetl/noetl-catalog/graph/telemetry"
	"github.com/noetl/noetl-catalog/graph/transport"
)

// authenticator authenticates callers by their tokens. Without tokens every caller
// may do everything.
func authenticator(tokens *auth.Tokens) transport.Authenticate {
	return func(ctx context.Context, authorization string) (context.Context, error) {
		if tokens == nil {
			return ctx, nil
		}
		scheme, token, _ := strings.Cut(authorization, " ")
		if !strings.EqualFold(scheme, "Bearer") {
			return nil, errors.New("this server asks for a token: send Authorization: Bearer TOKEN")
		}
		caller, known := tokens.Caller(strings.TrimSpace(token))
		if !known {
			return nil, errors.New("this server does not know the token")
		}
		telemetry.Of(ctx).SetCaller(caller.Name)
		return auth.WithRole(ctx, caller.Role), nil
	}
}

// requireRole implements the directive @auth.
func requireRole(tokens *auth.Tokens) func(ctx context.Context, _ any, next graphql.Resolver, least auth.Role) (any, error) {
	return func(ctx context.Context, _ any, next graphql.Resolver, least auth.Role) (any, error) {
		if role := auth.RoleOf(ctx); tokens != nil && !role.May(least) {
			return nil, fault.New(fault.Forbidden, "", "this needs the role %s, and the token has %s", least, role)
		}
		return next(ctx)
	}
}
