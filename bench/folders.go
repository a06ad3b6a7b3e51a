package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// folders measures the request for one level of the tree of paths (20 of 100 folders and
// 20 resources, with counts) against SQL that counts the resources below each folder.
func folders(ctx context.Context, b *bench) {
	url, pool := b.database(ctx, "folders", 1)
	defer pool.Close()
	server := b.serve(ctx, url)
	defer server.stop()
	const query = `query($path: String!, $after: String) { folder(path: $path) { resourceCount
		folders(first: 20, after: $after) { pageInfo { endCursor } nodes { path resourceCount } } resources(first: 20) { nodes { path name } } } }`
	for _, resources := range []int{10_000, 100_000} {
		insertTree(ctx, pool, resources)
		for _, path := range []string{"tree/", "tree/f7/"} {
			var took, counted []time.Duration
			for range 200 {
				began := time.Now()
				check(server.Do(ctx, query, map[string]any{"path": path}, nil))
				took = append(took, time.Since(began))
				began = time.Now()
				_, err := pool.Exec(ctx, `SELECT split_part(substr(resource_path, length($1) + 1), '/', 1) AS folder, count(*) FROM resource
					WHERE resource_path >= $1 AND resource_path < left($1, -1) || '0' GROUP BY folder ORDER BY folder LIMIT 20`, path)
				check(err)
				counted = append(counted, time.Since(began))
			}
			fmt.Printf("folders: %s of %d resources: %s; SQL that counts them: %s\n", path, resources, spread(took), spread(counted))
		}
	}
	fmt.Println()
}

// insertTree adds resources below tree/, in 100 folders with 10 subfolders each, until
// that number exists.
func insertTree(ctx context.Context, pool *pgxpool.Pool, resources int) {
	for missing := true; missing; {
		// A transaction holds a lock for each path.
		tag, err := pool.Exec(ctx, `INSERT INTO catalog (resource_path, resource_type, resource_version, payload)
			SELECT format('tree/f%s/g%s/r%s', n % 100, n / 100 % 10, n), 'playbook', '1', '{}'
			FROM (SELECT count(*) AS so_far FROM resource WHERE resource_path ^@ 'tree/') AS tree, generate_series(so_far, least(so_far + 2000, $1) - 1) AS n`, resources)
		check(err)
		missing = tag.RowsAffected() > 0
	}
	_, err := pool.Exec(ctx, `SELECT folder_merge(1000000)`)
	check(err)
	_, err = pool.Exec(ctx, `VACUUM ANALYZE`)
	check(err)
}
