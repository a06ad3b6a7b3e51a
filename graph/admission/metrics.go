package admission

import "github.com/prometheus/client_golang/prometheus"

var (
	heldDesc = prometheus.NewDesc("catalog_requests_held_bytes",
		"Bytes that requests hold.", nil, nil)
	slotsDesc = prometheus.NewDesc("catalog_requests_heavy",
		"Large requests that run, and that wait for a slot.", []string{"state"}, nil)
	rejectedDesc = prometheus.NewDesc("catalog_requests_rejected_total",
		"Requests that were refused or stopped, by reason: the caller's share of the queue, the queue, the memory of all, the memory of one, the time of one.",
		[]string{"reason"}, nil)
)

// waitOptions exclude requests that did not have to wait.
var waitOptions = prometheus.HistogramOpts{
	Name: "catalog_requests_wait_seconds", Help: "How long large requests waited for a slot, those that gave up included.",
	Buckets: []float64{.01, .05, .1, .25, .5, 1, 2, 5, 10},
}

// Describe implements prometheus.Collector.
func (c *Controller) Describe(into chan<- *prometheus.Desc) {
	into <- heldDesc
	into <- slotsDesc
	into <- rejectedDesc
	c.waits.Describe(into)
}

// Collect implements prometheus.Collector.
func (c *Controller) Collect(into chan<- prometheus.Metric) {
	c.mu.Lock()
	running, waiting := c.running, c.queue.length
	c.mu.Unlock()
	into <- prometheus.MustNewConstMetric(heldDesc, prometheus.GaugeValue, float64(c.held.Load()))
	into <- prometheus.MustNewConstMetric(slotsDesc, prometheus.GaugeValue, float64(running), "running")
	into <- prometheus.MustNewConstMetric(slotsDesc, prometheus.GaugeValue, float64(waiting), "waiting")
	c.waits.Collect(into)
	for why, name := range reasons {
		into <- prometheus.MustNewConstMetric(rejectedDesc, prometheus.CounterValue, float64(c.rejections[why].Load()), name)
	}
}
