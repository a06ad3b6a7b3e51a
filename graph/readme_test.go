package graph_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Everything that the README offers to paste works as written, in its order.
func TestReadme_EachBlock_Works(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	a := setupLive(t)
	queries := regexp.MustCompile("(?s)```graphql\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	if len(queries) != 6 {
		t.Errorf("%d queries to paste, want 6", len(queries))
	}
	var live *sse
	for _, query := range queries {
		if strings.HasPrefix(query[1], "subscription") {
			live = a.subscribe(query[1], nil, nil)
			continue
		}
		a.get(nil, query[1], nil)
	}
	a.register("readme/live", variables{})
	if got := live.delivery(); got.Event.Path != "readme/live" {
		t.Errorf("the subscription brought %+v", got)
	}
	a.same(`{"events": {"totalCount": 1}}`, `{ events(filter: {executionId: "4711"}) { totalCount } }`, nil)

	statements := regexp.MustCompile("(?s)```sql\n(.*?)```").FindAllStringSubmatch(string(readme), -1)
	for _, block := range statements {
		if _, err := a.pool.Exec(t.Context(), block[1], pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Errorf("%v\n%s", err, block[1])
		}
	}
	a.same(`{"resource": {"name": "hello", "versionCount": 1, "latestEvent": {"message": "Resource sql/hello version 1.0.0 was registered."}}}`,
		`{ resource(path: "sql/hello") { name versionCount latestEvent { message } } }`, nil)
}
