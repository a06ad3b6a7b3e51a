// Package graph is the API: everything on the client's side of the wall. The
// schema is in graph/schema, split by topic; the resolvers of a topic are in
// the file of its name and are thin: they check arguments, ask db/catalog or
// db/eventlog, and wrap the answer.
package graph

import (
	"crypto/sha256"
	"log/slog"
	"sync/atomic"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/lru"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/model"
)

// Resolver is what the resolvers stand on. Make it with NewResolver.
type Resolver struct {
	catalog   *catalog.Store
	events    *eventlog.Store
	log       *stream.Log
	limits    catalog.Limits
	logger    *slog.Logger
	templates *message.Cache
	// failed holds hashes of the templates whose failure has been logged.
	failed *lru.Cache[[sha256.Size]byte, struct{}]
	// shared are the newest events that subscriptions deliver, with what has
	// been read of them.
	shared *lru.Cache[*stream.Entry, *model.Event]
	// versions are the versions, without their large columns, of events that
	// subscriptions deliver. A version never changes.
	versions *lru.Cache[catalog.LabelKey, *catalog.Version]
	// documents are what clients have sent, parsed and valid, and persisted
	// those that they send by their hash.
	documents *lru.Cache[string, *input.Document]
	persisted *lru.Cache[string, string]
	// plans are those of operations, and of fields below which plans answer.
	plans *lru.Cache[any, cachedPlan]
	// encodings are events as subscriptions deliver them.
	encodings *lru.Cache[encoding, []byte]
	// readings wait for reuse.
	readings chan *reading
	// planAnswers is how many root fields and deliveries plans have answered.
	planAnswers atomic.Int64
}

// What the caches may hold, in bytes.
const (
	maxTemplates = 8 << 20
	maxFailed    = 256 << 10
	maxShared    = 32 << 20
	maxVersions  = 1 << 20
	maxDocuments = 16 << 20
	maxPersisted = 8 << 20
	maxPlans     = 16 << 20
	maxEncodings = 8 << 20
)

// NewResolver makes the resolvers' root.
func NewResolver(catalogStore *catalog.Store, events *eventlog.Store, log *stream.Log, limits catalog.Limits, logger *slog.Logger) *Resolver {
	return &Resolver{
		catalog: catalogStore, events: events, log: log, limits: limits, logger: logger,
		templates: message.NewCache(maxTemplates),
		failed:    lru.New[[sha256.Size]byte, struct{}](maxFailed),
		shared:    lru.New[*stream.Entry, *model.Event](maxShared),
		versions:  lru.New[catalog.LabelKey, *catalog.Version](maxVersions),
		documents: lru.New[string, *input.Document](maxDocuments),
		persisted: lru.New[string, string](maxPersisted),
		plans:     lru.New[any, cachedPlan](maxPlans),
		encodings: lru.New[encoding, []byte](maxEncodings),
		readings:  make(chan *reading, maxReadings),
	}
}
