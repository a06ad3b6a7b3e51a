// Package graph is the API: everything on the client's side of the wall. The
// schema is in graph/schema, split by topic; the resolvers of a topic are in
// the file of its name and are thin: they check arguments, ask db/catalog or
// db/eventlog, and wrap the answer.
package graph

import (
	"log/slog"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
)

// Resolver is what the resolvers stand on. Make it with NewResolver.
type Resolver struct {
	catalog   *catalog.Store
	events    *eventlog.Store
	limits    catalog.Limits
	logger    *slog.Logger
	templates *message.Cache
	// failed holds the templates whose failure has been logged.
	failed *lru.Cache[string, struct{}]
}

// templatesKept bounds the parsed templates in memory: each is 8 KiB of text
// at most.
const templatesKept = 1000

// NewResolver makes the resolvers' root.
func NewResolver(catalogStore *catalog.Store, events *eventlog.Store, limits catalog.Limits, logger *slog.Logger) (*Resolver, error) {
	failed, err := lru.New[string, struct{}](templatesKept)
	if err != nil {
		return nil, err
	}
	return &Resolver{
		catalog: catalogStore, events: events, limits: limits, logger: logger,
		templates: message.NewCache(templatesKept), failed: failed,
	}, nil
}
