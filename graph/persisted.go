package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/input"
)

const (
	// cachedDocuments and maxCachedDocument (in bytes) bound what documents
	// that clients send may take of the memory.
	cachedDocuments   = 1000
	maxCachedDocument = 32 << 10
)

// parsedDocuments keeps documents once they are parsed and valid.
type parsedDocuments struct {
	graphql.Cache[*input.Document]
}

func (c parsedDocuments) Add(ctx context.Context, query string, document *input.Document) {
	if len(query) <= maxCachedDocument {
		c.Cache.Add(ctx, query, document)
	}
}

// persistedQueries is Apollo's automatic persisted queries: a client sends a
// document once and its SHA-256 from then on. A server that does not know the
// hash, another one or the same after a restart, asks for the document again.
type persistedQueries struct {
	extension.AutomaticPersistedQuery
}

func newPersistedQueries() persistedQueries {
	return persistedQueries{extension.AutomaticPersistedQuery{Cache: persistedDocuments{lru.New[string](cachedDocuments)}}}
}

// MutateOperationParameters implements graphql.OperationParameterMutator.
func (p persistedQueries) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	err := p.AutomaticPersistedQuery.MutateOperationParameters(ctx, params)
	if err == nil || apierror.Code(err) != "" {
		return err
	}
	refused := apierror.Errorf(fault.BadUserInput, "%s", err.Message)
	refused.Extensions["argument"] = "extensions.persistedQuery"
	return refused
}

type persistedDocuments struct {
	graphql.Cache[string]
}

func (c persistedDocuments) Add(ctx context.Context, hash, query string) {
	if len(query) <= maxCachedDocument {
		c.Cache.Add(ctx, hash, query)
	}
}
