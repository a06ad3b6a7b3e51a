// Package auth says what a caller may see. Until there is authentication the
// server listens on loopback only and every caller may see everything; the
// scopes still walk through every query, so that none can forget them.
//
//	ctx = auth.WithScopes(ctx, auth.Everything())
package auth

import "context"

type scopesKey struct{}

// Everything is the scopes of a caller who may see every path.
func Everything() []string { return []string{""} }

// WithScopes returns a context for a caller who may see the paths that begin
// with one of these prefixes.
func WithScopes(ctx context.Context, scopes []string) context.Context {
	return context.WithValue(ctx, scopesKey{}, scopes)
}

// Scopes are the caller's; without any in the context, none: nothing is seen.
func Scopes(ctx context.Context) []string {
	scopes, _ := ctx.Value(scopesKey{}).([]string)
	if scopes == nil {
		return []string{}
	}
	return scopes
}
