// Package graph is the API: everything on the client's side of the wall. The
// schema is in graph/schema, split by topic; the resolvers of a topic are in
// the file of its name and are thin: they check arguments, ask db/catalog or
// db/eventlog, and wrap the answer.
package graph

import (
	"log/slog"
	"sync"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/graph/model"
)

// Resolver is what the resolvers stand on. Make it with NewResolver.
type Resolver struct {
	catalog   *catalog.Store
	events    *eventlog.Store
	log       *eventlog.Log
	limits    catalog.Limits
	logger    *slog.Logger
	templates *message.Cache
	// failed holds the templates whose failure has been logged.
	failed *lru.Cache[string, struct{}]
	// shared are the newest events that subscriptions deliver, with what has
	// been read of them.
	shared *lru.Cache[*eventlog.Entry, *model.Event]
	// versions are the versions, without their large columns, of events that
	// subscriptions deliver. A version never changes.
	versions *lru.Cache[catalog.LabelKey, *catalog.Version]
	// plans are those of the root fields of the documents that are kept.
	plans *lru.Cache[*ast.Field, compiled]
	// encodings are events as subscriptions deliver them.
	encodings *lru.Cache[encoding, []byte]
	// executions are those of plans that have ended, for their memory.
	executions sync.Pool
}

// templatesKept bounds the parsed templates in memory: each is 8 KiB of text
// at most.
const templatesKept = 1000

// sharedKept is how many events keep what subscriptions have read of them.
const sharedKept = 64

// versionsKept is how many versions are kept, at some hundred bytes each.
const versionsKept = 4096

// NewResolver makes the resolvers' root.
func NewResolver(catalogStore *catalog.Store, events *eventlog.Store, log *eventlog.Log, limits catalog.Limits, logger *slog.Logger) (*Resolver, error) {
	failed, err := lru.New[string, struct{}](templatesKept)
	if err != nil {
		return nil, err
	}
	shared, err := lru.New[*eventlog.Entry, *model.Event](sharedKept)
	if err != nil {
		return nil, err
	}
	versions, err := lru.New[catalog.LabelKey, *catalog.Version](versionsKept)
	if err != nil {
		return nil, err
	}
	plans, err := lru.New[*ast.Field, compiled](cachedDocuments)
	if err != nil {
		return nil, err
	}
	encodings, err := lru.New[encoding, []byte](encodingsKept)
	if err != nil {
		return nil, err
	}
	return &Resolver{
		versions: versions, plans: plans, encodings: encodings,
		catalog: catalogStore, events: events, log: log, shared: shared, limits: limits, logger: logger,
		templates: message.NewCache(templatesKept), failed: failed,
	}, nil
}
