package stream

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// Metrics are the numbers of the sequencer, the tail and the subscriptions.
type Metrics struct {
	sequenced, sequencerConnections, tailConnections, read, delivered, pages, fellBehind prometheus.Counter

	lastSequenced prometheus.Gauge
}

// NewMetrics makes the metrics and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	registered := promauto.With(registry)
	number := func(name, help string) prometheus.Counter {
		return registered.NewCounter(prometheus.CounterOpts{Name: "catalog_" + name, Help: help})
	}
	return &Metrics{
		sequenced:            number("events_sequenced_total", "Events that this process has given their position in the log."),
		sequencerConnections: number("sequencer_connections_total", "Connections that the sequencer has made; more than one are reconnects."),
		tailConnections:      number("tail_connections_total", "LISTEN connections that the tail has made; more than one are reconnects."),
		read:                 number("tail_events_total", "Events that the tail has read."),
		delivered:            number("subscription_events_total", "Events delivered to subscriptions."),
		pages:                number("subscription_catchup_pages_total", "Pages of the log that subscriptions read from the database."),
		fellBehind:           number("subscription_fell_behind_total", "Times that a subscription fell off the ring of recent events and went on from the database."),
		lastSequenced: registered.NewGauge(prometheus.GaugeOpts{
			Name: "catalog_sequencer_last_look_timestamp_seconds", Help: "When this process's sequencer last found the log complete.",
		}),
	}
}

var (
	describe = func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("catalog_"+name, help, labels, nil)
	}
	headDesc          = describe("log_head_position", "The log's last position, as this process's tail knows it.")
	ringDesc          = describe("ring_events", "Recent events held in memory.")
	ringBytesDesc     = describe("ring_bytes", "Memory that they hold, about.")
	subscriptionsDesc = describe("subscriptions", "Open subscriptions, by whether they read the ring (live) or the database (catching_up).", "state")
	pendingDesc       = describe("events_pending", "Committed events without a position in the log (counted to 100,000).")
	pendingAgeDesc    = describe("events_pending_oldest_seconds", "Age of the oldest of them.")
	queueDesc         = describe("notification_queue_usage_ratio", "How full PostgreSQL's notification queue is.")
	aheadDesc         = describe("partitions_ahead", "Months after this one that have a partition of event.")
	unguardedDesc     = describe("partitions_unguarded", "Partitions of event that lack their triggers.")
	upDesc            = describe("database_up", "Whether the database answered this scrape.")
)

// lagOptions have buckets in positions.
var lagOptions = prometheus.HistogramOpts{
	Name: "catalog_subscription_lag_events", Help: "How many positions the open subscriptions are behind the log's head.",
	Buckets: []float64{0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000},
}

// Describe implements prometheus.Collector.
func (l *Log) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{
		headDesc, ringDesc, ringBytesDesc, subscriptionsDesc, prometheus.NewHistogram(lagOptions).Desc(),
		pendingDesc, pendingAgeDesc, queueDesc, aheadDesc, unguardedDesc, upDesc,
	} {
		descs <- desc
	}
}

// Collect implements prometheus.Collector: what is true at this moment, in
// this process and in the database.
func (l *Log) Collect(metrics chan<- prometheus.Metric) {
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	l.collectProcess(gauge, metrics)

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	pending, err := l.store.Queries().PendingStatus(ctx)
	if err != nil {
		gauge(upDesc, 0)
		return
	}
	gauge(pendingDesc, float64(pending.Pending))
	gauge(pendingAgeDesc, pending.OldestSeconds)
	if usage, err := l.store.Queries().NotificationQueueUsage(ctx); err == nil {
		gauge(queueDesc, usage)
	}
	if partitions, err := l.store.Queries().PartitionStatus(ctx); err == nil {
		gauge(aheadDesc, float64(partitions.Ahead))
		gauge(unguardedDesc, float64(partitions.Unguarded))
	}
	gauge(upDesc, 1)
}

func (l *Log) collectProcess(gauge func(*prometheus.Desc, float64, ...string), metrics chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	gauge(headDesc, float64(l.ring.last))
	gauge(ringDesc, float64(l.ring.last-l.ring.first+1))
	gauge(ringBytesDesc, float64(l.ring.bytes))

	live := 0
	lag := prometheus.NewHistogram(lagOptions)
	for s := range l.subscriptions {
		lag.Observe(float64(s.lag()))
		if s.registered {
			live++
		}
	}
	gauge(subscriptionsDesc, float64(live), "live")
	gauge(subscriptionsDesc, float64(len(l.subscriptions)-live), "catching_up")
	metrics <- lag
}
