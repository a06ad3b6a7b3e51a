package graph

import (
	"weak"

	"github.com/noetl/noetl-catalog/db/eventlog/stream"
	"github.com/noetl/noetl-catalog/db/lru"
	"github.com/noetl/noetl-catalog/graph/model"
	"github.com/noetl/noetl-catalog/graph/plan"
)

// encoding identifies the JSON of an entry's event for one selection. It keeps
// neither in memory.
type encoding struct {
	entry weak.Pointer[stream.Entry]
	field weak.Pointer[plan.Node]
}

// maxEncoding is the longest JSON, in bytes, that is cached.
const maxEncoding = 64 << 10

// encodings caches the JSON of delivered events. It implements plan.JSONCache.
type encodings struct{ kept *lru.Cache[encoding, []byte] }

func (e encodings) Get(of *model.EventDelivery, field *plan.Node) ([]byte, bool) {
	return e.kept.Get(encoding{weak.Make(of.Event.Entry), weak.Make(field)})
}

func (e encodings) Add(of *model.EventDelivery, field *plan.Node, text []byte) {
	if len(text) <= maxEncoding {
		e.kept.Add(encoding{weak.Make(of.Event.Entry), weak.Make(field)}, text, cap(text))
	}
}
