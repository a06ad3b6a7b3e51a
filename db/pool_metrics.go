package db

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// PoolMetrics collects the metrics of a pool.
func PoolMetrics(pool *Pool) prometheus.Collector { return poolMetrics{pool} }

type poolMetrics struct{ pool *Pool }

var (
	poolConnections = prometheus.NewDesc("catalog_pool_connections", "Connections to the database, by state.", []string{"state"}, nil)
	poolMax         = prometheus.NewDesc("catalog_pool_connections_max", "Most connections to the database.", nil, nil)
	poolAcquires    = prometheus.NewDesc("catalog_pool_acquires_total", "Connections that were taken from the pool.", nil, nil)
	poolWaits       = prometheus.NewDesc("catalog_pool_waits_total", "Callers that waited for a connection, since none was idle.", nil, nil)
	poolWaited      = prometheus.NewDesc("catalog_pool_wait_seconds_total", "How long they waited.", nil, nil)
	poolGivenUp     = prometheus.NewDesc("catalog_pool_acquires_cancelled_total", "Requests that ended while they waited for a connection.", nil, nil)
)

// Describe implements prometheus.Collector.
func (p poolMetrics) Describe(into chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, into) }

// Collect implements prometheus.Collector.
func (p poolMetrics) Collect(into chan<- prometheus.Metric) {
	stat := p.pool.Stat()
	send := func(desc *prometheus.Desc, kind prometheus.ValueType, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(desc, kind, value, labels...)
	}
	send(poolConnections, prometheus.GaugeValue, float64(stat.AcquiredConns()), "used")
	send(poolConnections, prometheus.GaugeValue, float64(stat.IdleConns()), "idle")
	send(poolConnections, prometheus.GaugeValue, float64(stat.ConstructingConns()), "connecting")
	send(poolMax, prometheus.GaugeValue, float64(stat.MaxConns()))
	send(poolAcquires, prometheus.CounterValue, float64(stat.AcquireCount()))
	send(poolWaits, prometheus.CounterValue, float64(stat.EmptyAcquireCount()+p.pool.waits.Load()))
	send(poolWaited, prometheus.CounterValue, (stat.EmptyAcquireWaitTime() + time.Duration(p.pool.waited.Load())).Seconds())
	send(poolGivenUp, prometheus.CounterValue, float64(stat.CanceledAcquireCount()))
}
