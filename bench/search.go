package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// finding is a request that finds resources, with the nearest equivalent in plain SQL that
// uses no search index.
type finding struct {
	name, document, sql string
	filter              map[string]any
	args                []any
}

func findings() []finding {
	const (
		found   = `query($filter: ResourceFilter) { resources(first: 20, filter: $filter) { nodes { path name type { name } } } }`
		counted = `query($filter: ResourceFilter) { resources(first: 20, filter: $filter) { totalCount nodes { path name type { name } } } }`
		facets  = `query($filter: ResourceFilter) { resourceFacets(filter: $filter) { types { name count } tools { name count } credentials { name count } tags { name count } } }`
		// It folds no characters, splits no words and ranks nothing.
		like = `SELECT resource_path, name, resource_type FROM resource WHERE resource_path || ' ' || name || ' ' || description ILIKE ALL ($1::text[]) ORDER BY resource_path LIMIT 20`
		// It tests whether each latest payload contains the JSON.
		contains = `SELECT r.resource_path, r.name, r.resource_type FROM resource r JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
			WHERE c.payload @> $1::jsonb ORDER BY r.resource_path LIMIT 20`
	)
	search := func(name, document, text string, patterns ...string) finding {
		return finding{name: name, document: document, filter: map[string]any{"search": text}, sql: like, args: []any{patterns}}
	}
	return []finding{
		search("search, one match", found, "playbook 4711", "%playbook%", "%4711%"),
		search("search, in the middle of words", found, "471", "%471%"),
		search("search, no match", found, "nowhere", "%nowhere%"),
		search("search, one letter that all have", found, "a", "%a%"),
		search("search, one letter that all have, counted", counted, "a", "%a%"),
		search("search, two words that all have", found, "load customer", "%load%", "%customer%"),
		{name: "usesTool, of every 100th", document: found, filter: map[string]any{"usesTool": "postgres"}, sql: contains, args: []any{`{"workflow": [{"tool": {"kind": "postgres"}}]}`}},
		{name: "usesTool, of all", document: found, filter: map[string]any{"usesTool": "http"}, sql: contains, args: []any{`{"workflow": [{"tool": {"kind": "http"}}]}`}},
		{name: "facets", document: facets, sql: `SELECT resource_type, count(*) FROM resource GROUP BY resource_type ORDER BY 2 DESC LIMIT 100`},
		{name: "facets of a search", document: facets, filter: map[string]any{"search": "customer 471"}, sql: `SELECT resource_type, count(*) FROM resource WHERE description ILIKE '%471%' GROUP BY resource_type ORDER BY 2 DESC LIMIT 100`},
	}
}

// search measures searches and filters for resources, one request at a time, at two sizes
// of the catalog, against plain SQL.
func search(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "search", 1)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	for _, resources := range []int{10_000, 100_000} {
		insertPlaybooks(ctx, pool, resources)
		fmt.Printf("search: one request at a time, %d resources\n", resources)
		table := newTable()
		fmt.Fprintln(table, "\tp50 ms\tp95 ms\tplain SQL p50 ms\tp95 ms\t")
		for _, f := range findings() {
			var own, plain []time.Duration
			for range 20 * b.rounds {
				began := time.Now()
				check(server.Do(ctx, f.document, map[string]any{"filter": f.filter}, nil))
				own = append(own, time.Since(began))
				began = time.Now()
				rows := must(pool.Query(ctx, f.sql, f.args...))
				rows.Close()
				check(rows.Err())
				plain = append(plain, time.Since(began))
			}
			slices.Sort(own)
			slices.Sort(plain)
			fmt.Fprintf(table, "%s\t%.1f\t%.1f\t%.1f\t%.1f\t\n", f.name, milliseconds(quantile(own, 0.5)), milliseconds(quantile(own, 0.95)),
				milliseconds(quantile(plain, 0.5)), milliseconds(quantile(plain, 0.95)))
		}
		check(table.Flush())
		fmt.Println()
	}
}

// insertPlaybooks adds playbooks until the catalog has that number of resources.
func insertPlaybooks(ctx context.Context, pool *pgxpool.Pool, resources int) {
	for missing := true; missing; {
		// A transaction holds a lock for each path.
		tag, err := pool.Exec(ctx, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT format('team%s/folder%s/resource-%s', n % 20, n % 400, n), CASE WHEN n % 50 = 0 THEN 'target' ELSE 'playbook' END, '1.0.0', jsonb_build_object(
				'metadata', jsonb_build_object('name', 'Playbook ' || n, 'description', 'Loads all that customer ' || n || ' has sent', 'tags', jsonb_build_array('team' || n % 20, 'daily')),
				'workflow', jsonb_build_array(
					jsonb_build_object('step', 'fetch', 'tool', jsonb_build_object('kind', 'http', 'auth', 'credential-' || n % 500)),
					jsonb_build_object('step', 'store', 'tool', jsonb_build_object('kind', CASE WHEN n % 100 = 1 THEN 'postgres' ELSE 'python' END))))
			FROM (SELECT count(*) AS so_far FROM resource) AS catalog, generate_series(so_far, least(so_far + 2000, $1) - 1) AS n`, resources)
		check(err)
		missing = tag.RowsAffected() > 0
	}
	for _, statement := range []string{`SELECT resource_index_merge()`, `SELECT folder_merge(1000000)`, `VACUUM ANALYZE`} {
		_, err := pool.Exec(ctx, statement)
		check(err)
	}
}
