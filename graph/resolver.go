// Package graph is the GraphQL API. The schema is in graph/schema, split by topic; the
// resolvers of a topic are in the file of the same name. They check arguments, call
// db/catalog or db/eventlog, and wrap the rows.
package graph

import (
	"crypto/sha256"
	"log/slog"
	"sync/atomic"
	"weak"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/noetl/noetl-catalog/db/catalog"
	"github.com/noetl/noetl-catalog/db/eventlog"
	"github.com/noetl/noetl-catalog/db/eventlog/message"
	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/lru"
	"github.com/noetl/noetl-catalog/graph/apierror"
	"github.com/noetl/noetl-catalog/graph/input"
	"github.com/noetl/noetl-catalog/graph/model"
)

// Resolver is the root of the resolvers. Create it with NewResolver.
type Resolver struct {
	catalog   *catalog.Store
	events    *eventlog.Store
	log       *stream.Log
	limits    catalog.Limits
	logger    *slog.Logger
	templates *message.Cache
	// failed holds the hashes of templates whose failure is logged.
	failed *lru.Cache[[sha256.Size]byte, struct{}]
	// shared holds the models of delivered events, with what was read for them.
	shared *lru.Cache[*stream.Entry, *model.Event]
	// versions holds the versions of delivered events, without their large columns.
	// Versions are immutable.
	versions *lru.Cache[catalog.LabelKey, *catalog.Version]
	// documents holds parsed and validated documents by their text, and persisted
	// the texts by their hash.
	documents *lru.Cache[string, *input.Document]
	persisted *lru.Cache[string, string]
	// plans holds plans by the node of the document: an operation or a root field.
	plans *lru.Cache[any, cachedPlan]
	// encodings holds the JSON of delivered events.
	encodings *lru.Cache[encoding, []byte]
	// readings wait for reuse.
	readings chan *reading
	// presenter and maxResponse are those of the handler: maxResponse is the longest answer in bytes.
	presenter   apierror.Presenter
	maxResponse int
	// weights holds how many bytes operations held when they were executed last: of
	// those whose documents are cached, and that held much.
	weights *lru.Cache[weak.Pointer[ast.OperationDefinition], int64]
	// planAnswers counts the root fields and deliveries that plans answered.
	planAnswers atomic.Int64
}

// The bounds of the caches, in bytes.
const (
	maxTemplates = 8 << 20
	maxFailed    = 256 << 10
	maxShared    = 32 << 20
	maxVersions  = 1 << 20
	maxDocuments = 16 << 20
	maxPersisted = 8 << 20
	maxPlans     = 16 << 20
	maxEncodings = 8 << 20
	maxWeights   = 256 << 10
)

// NewResolver returns the root of the resolvers.
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
		weights:   lru.New[weak.Pointer[ast.OperationDefinition], int64](maxWeights),

		maxResponse: defaultMaxResponse,
	}
}
