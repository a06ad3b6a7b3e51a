package db_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

func TestPoolMetrics_AllConnectionsUsed_WaitMeasured(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.EmptyURL(t), db.Options{MaxConns: 1})
	registry := prometheus.NewRegistry()
	registry.MustRegister(db.PoolMetrics(pool))
	values := func() map[string]float64 {
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]float64{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				name := family.GetName()
				if labels := metric.GetLabel(); len(labels) > 0 {
					name += " " + labels[0].GetValue()
				}
				values[name] = metric.GetGauge().GetValue() + metric.GetCounter().GetValue()
			}
		}
		return values
	}
	connection, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := values(); got["catalog_pool_connections used"] != 1 || got["catalog_pool_connections_max"] != 1 {
		t.Errorf("one connection is used: %v", got)
	}
	ended, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := pool.Exec(ended, "SELECT 1"); err == nil {
		t.Error("a second connection was acquired")
	}
	connection.Release()
	for values()["catalog_pool_waits_total"] == 0 && t.Context().Err() == nil {
		var group sync.WaitGroup
		for range 2 {
			group.Go(func() {
				if _, err := pool.Exec(t.Context(), "SELECT pg_sleep(0.002)"); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
	}
	if got := values(); got["catalog_pool_wait_seconds_total"] == 0 || got["catalog_pool_acquires_cancelled_total"] != 1 || got["catalog_pool_connections idle"] != 1 {
		t.Errorf("after a wait: %v", got)
	}
}
