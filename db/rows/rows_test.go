package rows

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/noetl/noetl-catalog/db"
	"github.com/noetl/noetl-catalog/db/dbtest"
	"github.com/noetl/noetl-catalog/sqlc"
)

func TestMain(m *testing.M) { dbtest.Main(m) }

// fakeDatabase answers every query with the rows of one statement.
type fakeDatabase struct {
	*db.Pool
	statement string
}

func (a fakeDatabase) Query(ctx context.Context, _ string, _ ...any) (pgx.Rows, error) {
	return a.Pool.Query(ctx, a.statement)
}

func (a fakeDatabase) SendBatch(ctx context.Context, batch *pgx.Batch) pgx.BatchResults {
	batch.QueuedQueries[len(batch.QueuedQueries)-1].SQL = a.statement
	return a.Pool.SendBatch(ctx, batch)
}

func read(t *testing.T, memory *memory, pool *db.Pool, statement string, columns []string, use func(*Row)) error {
	t.Helper()
	reader := NewReader(fakeDatabase{pool, statement})
	reader.memory = memory
	return reader.Each(GenericPlan, columns, func(queries *sqlc.Queries) error {
		rows, err := queries.ResourceTypes(t.Context())
		if len(rows) > 0 {
			t.Error("the query itself returned rows")
		}
		return err
	}, use)
}

type row struct {
	Text     string
	Optional *string
	None     *string
	JSON     json.RawMessage
	NoJSON   []byte
	Number   int32
	At       time.Time
}

// The values of a row do not change while other rows are read, in PostgreSQL's binary and
// text formats, and with reused memory.
func TestEach_ManyRows_SameValuesAsPostgreSQL(t *testing.T) {
	t.Parallel()
	databaseURL := dbtest.URL(t)
	for _, mode := range []pgx.QueryExecMode{pgx.QueryExecModeCacheStatement, pgx.QueryExecModeSimpleProtocol} {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			pool := dbtest.PoolAt(t, databaseURL, db.Options{Configure: func(c *pgxpool.Config) { c.ConnConfig.DefaultQueryExecMode = mode }})
			var kept memory
			var want []row
			read := func() (got []row) {
				err := read(t, &kept, pool, `SELECT repeat('é', n % 70) || n AS a, 'o' || n AS b, NULL::text AS c, jsonb_build_object('n', n) AS d,
					NULL::jsonb AS e, -n AS f, '2026-01-02 03:04:05.000006+02'::timestamptz + n * interval '1 day' AS g
				FROM generate_series(1, 2000) n`, strings.Split("abcdefg", ""), func(r *Row) {
					got = append(got, row{r.Text(0), r.OptionalText(1), r.OptionalText(2), r.JSON(3), r.JSON(4), r.Int32(5), r.Time(6)})
				})
				if err != nil {
					t.Fatal(err)
				}
				return got
			}
			for n := 1; n <= 2000; n++ {
				want = append(want, row{
					Text: fmt.Sprint(strings.Repeat("é", n%70), n), Optional: new(fmt.Sprint("o", n)), JSON: fmt.Appendf(nil, `{"n": %d}`, n),
					Number: int32(-n), At: time.Date(2026, 1, 2, 1, 4, 5, 6000, time.UTC).AddDate(0, 0, n),
				})
			}
			for range 2 {
				if diff := cmp.Diff(want, read()); diff != "" {
					t.Errorf("rows differ (-want +got):\n%.2000s", diff)
				}
				if !kept.reset() {
					t.Error("the memory is not reused")
				}
			}
		})
	}
}

func TestEach_OtherColumnsOrValues_Error(t *testing.T) {
	t.Parallel()
	pool := dbtest.Pool(t)
	for name, test := range map[string]struct {
		statement, columns, want string
		use                      func(*Row)
	}{
		"another name":        {`SELECT 1 AS a, 2 AS c`, "ab", `column 1 of a query is "c", not "b"`, nil},
		"another number":      {`SELECT 1 AS a, 2 AS b`, "abc", "a query has 2 columns, not 3", nil},
		"infinity as a time":  {`SELECT 'infinity'::timestamptz AS a`, "a", "read column a: ", func(r *Row) { r.Time(0) }},
		"an unexpected null":  {`SELECT NULL::integer AS a`, "a", "read column a: ", func(r *Row) { r.Int32(0) }},
		"an error of the SQL": {`SELECT 1 / (n - 900) AS a FROM generate_series(1, 1000) n`, "a", "division by zero", func(*Row) {}},
		"an unknown table":    {`SELECT a FROM nowhere`, "a", "does not exist", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := read(t, &memory{}, pool, test.statement, strings.Split(test.columns, ""), test.use)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if err := read(t, &memory{}, pool, `SELECT 1 AS a WHERE false`, []string{"z"}, nil); err != nil {
		t.Errorf("no rows: %v", err)
	}
}

func TestEach_CustomPlan_SetsPlanCacheMode(t *testing.T) {
	t.Parallel()
	reader := NewReader(fakeDatabase{dbtest.Pool(t), `SELECT current_setting('plan_cache_mode') AS a`})
	for plan, want := range map[Plan]bool{CustomPlan: true, GenericPlan: false} {
		var mode string
		err := reader.Each(plan, []string{"a"}, func(queries *sqlc.Queries) error {
			_, err := queries.ResourceTypes(t.Context())
			return err
		}, func(r *Row) { mode = r.Text(0) })
		if err != nil || (mode == "force_custom_plan") != want {
			t.Errorf("custom plan %v: plan_cache_mode is %q: %v", plan, mode, err)
		}
	}
}

// The memory of a list of large values is not kept for later small ones.
func TestMemory_Reset_LargeMemoryReleased(t *testing.T) {
	t.Parallel()
	var kept memory
	pool := dbtest.Pool(t)
	take := func(size, rows int) {
		statement := fmt.Sprintf(`SELECT repeat('x', %d) || n AS a FROM generate_series(1, %d) n`, size, rows)
		if err := read(t, &kept, pool, statement, []string{"a"}, func(r *Row) { r.Text(0) }); err != nil {
			t.Fatal(err)
		}
	}
	for _, much := range [][2]int{{300 << 10, 1}, {100 << 10, 3}, {100, 4000}} {
		take(much[0], much[1])
		if kept.reset() {
			t.Errorf("the memory of %d rows of %d bytes is reused", much[1], much[0])
		}
		take(100, 10)
		if !kept.reset() {
			t.Error("the memory of ten small rows is not reused")
		}
	}
}

// A panic in use must not leak a connection.
func TestEach_UsePanics_ConnectionReleased(t *testing.T) {
	t.Parallel()
	pool := dbtest.PoolAt(t, dbtest.URL(t), db.Options{MaxConns: 1})
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			_ = read(t, &memory{}, pool, "SELECT n AS a FROM generate_series(1, 10000) n", []string{"a"}, func(*Row) { panic("use") })
		}()
		if acquired := pool.Stat().AcquiredConns(); acquired != 0 {
			t.Errorf("%d connections are not released", acquired)
		}
	}
}
