-- Generated from sqlc/templates/execution.sql.tmpl by `make generate`; do not edit.
-- Executions by their start. A page is the half-open range
-- low <= (started_at, execution_id) < high.

-- name: ExecutionsByID :many
SELECT * FROM execution
WHERE execution_id = ANY (@execution_ids::text[]) AND path ^@ ANY (@scopes::text[])
ORDER BY execution_id;

-- name: ExecutionsNewestFirst :many
SELECT x.* FROM execution x
WHERE (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @page_size::integer;

-- name: ExecutionsOfPathsNewestFirst :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    SELECT x.* FROM execution x
    WHERE x.path = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
    ORDER BY x.started_at DESC, x.execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @total::integer;

-- name: ExecutionsOfStatusesNewestFirst :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    SELECT x.* FROM execution x
    WHERE x.status = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
    ORDER BY x.started_at DESC, x.execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @total::integer;

-- name: ExecutionsOldestFirst :many
SELECT x.* FROM execution x
WHERE (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
ORDER BY x.started_at ASC, x.execution_id ASC
LIMIT @page_size::integer;

-- name: ExecutionsOfPathsOldestFirst :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    SELECT x.* FROM execution x
    WHERE x.path = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
    ORDER BY x.started_at ASC, x.execution_id ASC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at ASC, x.execution_id ASC
LIMIT @total::integer;

-- name: ExecutionsOfStatusesOldestFirst :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    SELECT x.* FROM execution x
    WHERE x.status = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
    ORDER BY x.started_at ASC, x.execution_id ASC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at ASC, x.execution_id ASC
LIMIT @total::integer;

-- name: ExecutionsOfParentsNewestFirst :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    SELECT x.* FROM execution x
    WHERE x.parent = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
    ORDER BY x.started_at DESC, x.execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @total::integer;

-- name: CountExecutions :one
SELECT count(*) FROM execution x
WHERE x.started_at >= @low_time::timestamptz AND x.started_at < @high_time::timestamptz
  AND (@paths::text[] IS NULL OR x.path = ANY (@paths::text[]))
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]);

-- name: CountExecutionsOfParents :many
SELECT count(x.execution_id) AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(parent, ordinal)
LEFT JOIN execution x ON x.parent = p.parent AND x.path ^@ ANY (@scopes::text[])
GROUP BY p.ordinal
ORDER BY p.ordinal;

-- name: CountExecutionsOfPaths :many
SELECT count(x.execution_id) AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, ordinal)
LEFT JOIN execution x ON x.path = p.path
  AND x.started_at >= @low_time::timestamptz AND x.started_at < @high_time::timestamptz
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[])
GROUP BY p.ordinal
ORDER BY p.ordinal;
