// Package auth has the callers' roles, what they may do, and scopes, what they may see.
//
//	caller, known := tokens.Caller(token)
//	ctx = auth.WithRole(ctx, caller.Role)
//	ctx = auth.WithScopes(ctx, auth.Everything())
//
// A token has a role. Every caller sees everything so far, but every query takes the
// scopes: none can forget them later.
package auth

import "context"

type (
	scopesKey struct{}
	roleKey   struct{}
)

// WithRole returns a context for a caller of this role.
func WithRole(ctx context.Context, role Role) context.Context {
	return context.WithValue(ctx, roleKey{}, role)
}

// RoleOf returns the caller's role; without one in the context, a role without
// permissions.
func RoleOf(ctx context.Context) Role {
	role, _ := ctx.Value(roleKey{}).(Role)
	return role
}

// Everything returns the scopes of a caller who may see every path.
func Everything() []string { return []string{""} }

// WithScopes returns a context for a caller who may see the paths that begin
// with one of these prefixes.
func WithScopes(ctx context.Context, scopes []string) context.Context {
	return context.WithValue(ctx, scopesKey{}, scopes)
}

// Scopes returns the caller's scopes; none if the context has none, so that the
// caller sees nothing.
func Scopes(ctx context.Context) []string {
	scopes, _ := ctx.Value(scopesKey{}).([]string)
	if scopes == nil {
		return []string{}
	}
	return scopes
}
