package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/extension"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/noetl/noetl-catalog/db/fault"
	"github.com/noetl/noetl-catalog/db/lru"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/input"
)

// maxCachedDocument is the longest document, in bytes, that is cached.
const maxCachedDocument = 32 << 10

// parsedDocuments caches parsed and validated documents. It implements
// graphql.Cache.
type parsedDocuments struct {
	kept *lru.Cache[string, *input.Document]
}

func (c parsedDocuments) Get(_ context.Context, query string) (*input.Document, bool) {
	return c.kept.Get(query)
}

func (c parsedDocuments) Add(_ context.Context, query string, document *input.Document) {
	if len(query) <= maxCachedDocument {
		c.kept.Add(query, document, input.Size(query))
	}
}

// persistedQueries is Apollo's automatic persisted queries: a client sends a
// document once and its SHA-256 from then on. A server that does not know the
// hash, another one or the same after a restart, asks for the document again.
type persistedQueries struct {
	extension.AutomaticPersistedQuery
}

func newPersistedQueries(kept *lru.Cache[string, string]) persistedQueries {
	return persistedQueries{extension.AutomaticPersistedQuery{Cache: persistedDocuments{kept}}}
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

// persistedDocuments caches documents by their hash. It implements graphql.Cache.
type persistedDocuments struct {
	kept *lru.Cache[string, string]
}

func (c persistedDocuments) Get(_ context.Context, hash string) (string, bool) {
	return c.kept.Get(hash)
}

func (c persistedDocuments) Add(_ context.Context, hash, query string) {
	if len(query) <= maxCachedDocument {
		c.kept.Add(hash, query, len(hash)+len(query))
	}
}
