//go:build tools

// The code generators that `make generate` runs, pinned by go.mod like any
// other dependency.
package main

import (
	_ "github.com/99designs/gqlgen"
	_ "github.com/99designs/gqlgen/graphql/introspection"
	_ "github.com/sqlc-dev/sqlc/cmd/sqlc"
)
