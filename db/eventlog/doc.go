// Package eventlog holds the rules of the event log: how events are recorded,
// what EventFilter means, and how events are listed. It knows PostgreSQL
// (through package sqlc) and nothing of GraphQL.
//
//	store := eventlog.NewStore(pool)
//	page, err := store.List(ctx, scopes, eventlog.Filter{Types: []string{"UPDATED"}},
//		eventlog.Page{Range: eventlog.WholeRange(), Direction: eventlog.NewestFirst, Limit: 20})
//
// Every call takes the caller's scopes: the path prefixes it may see. Scope ""
// is everything; no scope is nothing.
package eventlog
