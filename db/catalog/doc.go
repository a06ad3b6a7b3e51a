// Package catalog holds the rules of the catalog: what a payload, a path and a
// label may be, what a registration does, and how resources and their versions
// are listed. It knows PostgreSQL (through package sqlc) and nothing of
// GraphQL.
//
//	store := catalog.NewStore(pool)
//	results, err := store.Register(ctx, scopes, []catalog.Registration{{
//		Path: "examples/hello", Type: "playbook", Payload: payload,
//	}}, catalog.RegisterOptions{Atomic: true})
//
// Every call takes the caller's scopes: the path prefixes it may see. Scope ""
// is everything; no scope is nothing.
package catalog
