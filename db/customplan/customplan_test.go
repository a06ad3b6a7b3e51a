package customplan_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/customplan"
	"github.com/noetl/noetl-catalog/db/dbtest"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// explainByName shows the plan, which has $1 where it is planned for any argument.
const explainByName = "EXPLAIN (COSTS OFF) EXECUTE by_name('REGISTERED')"

func TestOf_PreparedStatement_PlannedForItsArgumentsOnce(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.URL(t), db.Options{MaxConns: 1})
	planned := customplan.Of(pool)
	exec(t, pool.Exec, "PREPARE by_name(text) AS SELECT 1 FROM event_type WHERE $1 = 'all' OR name = $1")

	if plan := explain(t, pool.Query); !strings.Contains(plan, "$1") {
		t.Errorf("the pool's session planned for these arguments, not for any:\n%s", plan)
	}
	if plan := explain(t, planned.Query); strings.Contains(plan, "$1") {
		t.Errorf("planned for any arguments:\n%s", plan)
	}
	if plan := explain(t, pool.Query); !strings.Contains(plan, "$1") {
		t.Errorf("the session keeps the setting:\n%s", plan)
	}
}

func TestOf_Failure_ReturnedOnceAndTheConnectionIsUsable(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.URL(t), db.Options{MaxConns: 1})
	planned := customplan.Of(pool)
	const divided = "SELECT 1 / $1::integer"

	var quotient int
	if err := planned.QueryRow(t.Context(), divided, 1).Scan(&quotient); err != nil || quotient != 1 {
		t.Fatalf("1 / 1 = %d, %v", quotient, err)
	}
	if err := planned.QueryRow(t.Context(), divided, 0).Scan(&quotient); err == nil || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("QueryRow: error %v", err)
	}
	rows, err := planned.Query(t.Context(), divided, 0)
	if err == nil {
		rows.Close()
		err = rows.Err()
	}
	if err == nil || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("Query: error %v", err)
	}
	if _, err := planned.Exec(t.Context(), divided, 0); err == nil || !strings.Contains(err.Error(), "division by zero") {
		t.Errorf("Exec: error %v", err)
	}
	if err := planned.QueryRow(t.Context(), "SELECT 1 WHERE false").Scan(&quotient); !errors.Is(err, pgx.ErrNoRows) {
		t.Errorf("no row: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := planned.QueryRow(gone, divided, 1).Scan(&quotient); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled query: %v", err)
	}
	if tag, err := planned.Exec(t.Context(), "INSERT INTO event_type (name) VALUES ($1)", "x"); err != nil || tag.RowsAffected() != 1 {
		t.Errorf("Exec after failures: %v, %v", tag, err)
	}
	if n := pool.Stat().AcquiredConns(); n != 0 {
		t.Errorf("%d connections were not released", n)
	}
}

func TestOf_InTransaction_RolledBackWithIt(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.URL(t), db.Options{})
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	planned := customplan.Of(tx)
	exec(t, planned.Exec, "INSERT INTO event_type (name) VALUES ('within')")
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	var count int
	if err := customplan.Of(pool).QueryRow(t.Context(), "SELECT count(*) FROM event_type WHERE name = $1", "within").Scan(&count); err != nil || count != 0 {
		t.Errorf("%d rows outlive their transaction, %v", count, err)
	}
}

func exec[T any](t *testing.T, exec func(context.Context, string, ...any) (T, error), sql string) {
	t.Helper()
	if _, err := exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func explain(t *testing.T, query func(context.Context, string, ...any) (pgx.Rows, error)) string {
	t.Helper()
	rows, err := query(t.Context(), explainByName)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(lines, "\n")
}
