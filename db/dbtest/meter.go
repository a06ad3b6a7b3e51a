package dbtest

import (
	"context"
	"encoding/json"
	"regexp"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
)

// Meter is a database that measures what each query reads before it runs it, with the
// plan for its arguments.
type Meter struct {
	*db.Pool
	t testing.TB
	// work is by the names of queries.
	work map[string]Work
}

// Work is what a query reads.
type Work struct {
	// Rows are those that its scans found, and those that they discarded.
	Rows int
	// Buffers are the pages that it touched.
	Buffers int
}

// NewMeter returns a meter over a pool.
func NewMeter(t testing.TB, pool *db.Pool) *Meter {
	return &Meter{Pool: pool, t: t, work: map[string]Work{}}
}

// Take returns the work of the queries since the last call, by their names.
func (m *Meter) Take() map[string]Work {
	taken := m.work
	m.work = map[string]Work{}
	return taken
}

// Query measures a query and runs it.
func (m *Meter) Query(ctx context.Context, sql string, arguments ...any) (pgx.Rows, error) {
	m.measure(ctx, sql, arguments)
	return m.Pool.Query(ctx, sql, arguments...)
}

// QueryRow measures a query and runs it.
func (m *Meter) QueryRow(ctx context.Context, sql string, arguments ...any) pgx.Row {
	m.measure(ctx, sql, arguments)
	return m.Pool.QueryRow(ctx, sql, arguments...)
}

// SendBatch measures the queries of a batch and runs them.
func (m *Meter) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	for _, query := range batch.QueuedQueries {
		m.measure(ctx, query.SQL, query.Arguments)
	}
	return m.Pool.SendBatch(ctx, batch)
}

var queryName = regexp.MustCompile(`^-- name: (\w+) `)

func (m *Meter) measure(ctx context.Context, sql string, arguments []any) {
	name := queryName.FindStringSubmatch(sql)
	if name == nil {
		return
	}
	var text []byte
	for range 2 { // the first fills PostgreSQL's caches, and sets hint bits
		if err := m.Pool.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) "+sql, arguments...).Scan(&text); err != nil {
			m.t.Fatalf("explain %s: %v", name[1], err)
		}
	}
	var explained []struct{ Plan planNode }
	if err := json.Unmarshal(text, &explained); err != nil {
		m.t.Fatalf("read the plan of %s: %v", name[1], err)
	}
	top := explained[0].Plan
	work := m.work[name[1]]
	m.work[name[1]] = Work{work.Rows + top.rows(), work.Buffers + top.Hit + top.Read}
}

// planNode is a node of a plan.
type planNode struct {
	Relation string  `json:"Relation Name"`
	Rows     float64 `json:"Actual Rows"`
	Removed  float64 `json:"Rows Removed by Filter"`
	Recheck  float64 `json:"Rows Removed by Index Recheck"`
	Loops    float64 `json:"Actual Loops"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Plans    []planNode
}

func (n planNode) rows() (sum int) {
	if n.Relation != "" {
		sum = int((n.Rows + n.Removed + n.Recheck) * n.Loops)
	}
	for _, child := range n.Plans {
		sum += child.rows()
	}
	return sum
}
