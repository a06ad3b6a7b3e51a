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

// lagOptions have buckets in positions.
var lagOptions = prometheus.HistogramOpts{
	Name: "catalog_subscription_lag_events", Help: "How many positions the open subscriptions are behind the log's head.",
	Buckets: []float64{0, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000},
}

// Describe implements prometheus.Collector. It describes nothing, as the interface
// allows: Collect describes what it sends.
func (l *Log) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector: the current state of this process and of
// the database.
func (l *Log) Collect(metrics chan<- prometheus.Metric) {
	l.collectProcess(metrics)
	gauge := func(name, help string, value float64) { metrics <- gaugeOf(name, help, value, nil) }
	up := func(value float64) { gauge("database_up", "Whether the database answered this scrape.", value) }

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	pending, err := l.store.Queries().PendingStatus(ctx)
	if err != nil {
		up(0)
		return
	}
	gauge("events_pending", "Committed events without a position in the log (counted to 100,000).", float64(pending.Pending))
	gauge("events_pending_oldest_seconds", "Age of the oldest of them.", pending.OldestSeconds)
	if usage, err := l.store.Queries().NotificationQueueUsage(ctx); err == nil {
		gauge("notification_queue_usage_ratio", "How full PostgreSQL's notification queue is.", usage)
	}
	if partitions, err := l.store.Queries().PartitionStatus(ctx); err == nil {
		gauge("partitions_ahead", "Months after this one that have a partition of event, up to the first that has none.", float64(partitions.Ahead))
		gauge("partitions_missing", "Months up to this one that have no partition of event.", float64(partitions.Missing))
		gauge("partitions_detached", "Tables of events that are no partitions of event.", float64(len(partitions.Detached)))
		gauge("partitions_unguarded", "Partitions of event that lack their triggers.", float64(partitions.Unguarded))
	}
	up(1)
}

func gaugeOf(name, help string, value float64, labels prometheus.Labels) prometheus.Metric {
	return prometheus.MustNewConstMetric(prometheus.NewDesc("catalog_"+name, help, nil, labels), prometheus.GaugeValue, value)
}

func (l *Log) collectProcess(metrics chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	metrics <- gaugeOf("log_head_position", "The log's last position, as this process's tail knows it.", float64(l.ring.last), nil)
	metrics <- gaugeOf("ring_events", "Recent events held in memory.", float64(l.ring.last-l.ring.first+1), nil)
	metrics <- gaugeOf("ring_bytes", "Memory that they hold, about.", float64(l.ring.bytes), nil)

	live := 0
	lag := prometheus.NewHistogram(lagOptions)
	for s := range l.subscriptions {
		lag.Observe(float64(s.lag()))
		if s.registered {
			live++
		}
	}
	for state, n := range map[string]int{"live": live, "catching_up": len(l.subscriptions) - live} {
		metrics <- gaugeOf("subscriptions", "Open subscriptions, by whether they read the ring (live) or the database (catching_up).",
			float64(n), prometheus.Labels{"state": state})
	}
	metrics <- lag
}
