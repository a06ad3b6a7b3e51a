package telemetry

import (
	"cmp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// maxSeries bounds the combinations of type, name and code that have a series of
// their own: clients choose the names.
const maxSeries = 200

type metrics struct {
	durations      *prometheus.HistogramVec
	statements     *prometheus.HistogramVec
	batches, keys  prometheus.Counter
	received, sent [len(transports)]prometheus.Counter

	mu     sync.RWMutex
	series map[labels]series
}

type labels struct{ kind, name, code string }

type series struct{ duration, statements prometheus.Observer }

func newMetrics(registry *prometheus.Registry) *metrics {
	if registry == nil {
		registry = prometheus.NewRegistry()
	}
	made := promauto.With(registry)
	m := &metrics{
		durations: made.NewHistogramVec(prometheus.HistogramOpts{
			Name: "catalog_operation_duration_seconds", Help: "How long operations took; for a subscription, until it started. name_hash is the first 8 digits of the SHA-256 of the operation's name, and code that of its first error, or ok.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"type", "name_hash", "code"}),
		statements: made.NewHistogramVec(prometheus.HistogramOpts{
			Name: "catalog_operation_statements", Help: "How many SQL statements an operation ran.",
			Buckets: []float64{0, 1, 2, 3, 4, 6, 8, 12, 16, 32, 64},
		}, []string{"type"}),
		batches: made.NewCounter(prometheus.CounterOpts{Name: "catalog_loader_batches_total", Help: "Batches of keys that were read."}),
		keys:    made.NewCounter(prometheus.CounterOpts{Name: "catalog_loader_keys_total", Help: "Keys in these batches."}),
		series:  map[labels]series{},
	}
	received := made.NewCounterVec(prometheus.CounterOpts{Name: "catalog_received_bytes_total", Help: "Bytes of request bodies and of operations on WebSockets."}, []string{"transport"})
	sent := made.NewCounterVec(prometheus.CounterOpts{Name: "catalog_sent_bytes_total", Help: "Bytes of answers and delivered events."}, []string{"transport"})
	for i, name := range transports {
		m.received[i], m.sent[i] = received.WithLabelValues(name), sent.WithLabelValues(name)
	}
	return m
}

// operation observes an operation that has ended.
func (m *metrics) operation(x *Exchange, took time.Duration) {
	of := labels{x.kind, x.name, codeOf(x)}
	m.mu.RLock()
	known, ok := m.series[of]
	m.mu.RUnlock()
	if !ok {
		known = m.add(of)
	}
	known.duration.Observe(took.Seconds())
	known.statements.Observe(float64(x.statements.Load()))
}

func (m *metrics) add(of labels) series {
	m.mu.Lock()
	defer m.mu.Unlock()
	kind, hash := cmp.Or(of.kind, "unknown"), nameHash(of.name)
	full := len(m.series) >= maxSeries
	if full && of.name != "" {
		hash = "other"
	}
	added := series{m.durations.WithLabelValues(kind, hash, of.code), m.statements.WithLabelValues(kind)}
	if !full {
		m.series[of] = added
	}
	return added
}

// nameHash returns the value of the label name_hash.
func nameHash(name string) string {
	if name == "" {
		return "anonymous"
	}
	return digest(name, 8)
}
