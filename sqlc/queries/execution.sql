-- Generated from sqlc/templates/execution.sql.tmpl by `make generate`; do not edit.
-- Executions by their start. A page is the half-open range
-- low <= (started_at, execution_id) < high. A page in one direction is the half of a
-- UNION ALL whose index runs that way: PostgreSQL decides on @newest_first before
-- it reads, and does not run the other half.

-- name: ExecutionsByID :many
SELECT * FROM execution
WHERE execution_id = ANY (@execution_ids::text[]) AND path ^@ ANY (@scopes::text[])
ORDER BY execution_id;

-- name: Executions :many
SELECT x.* FROM (
    (
        SELECT * FROM execution x
        WHERE (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND @newest_first::boolean
        ORDER BY x.started_at DESC, x.execution_id DESC
        LIMIT @page_size::integer
    ) UNION ALL (
        SELECT * FROM execution x
        WHERE (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND NOT @newest_first::boolean
        ORDER BY x.started_at, x.execution_id
        LIMIT @page_size::integer
    )
) AS x
ORDER BY CASE WHEN @newest_first::boolean THEN x.started_at END DESC, CASE WHEN @newest_first::boolean THEN x.execution_id END DESC,
    x.started_at, x.execution_id;

-- name: ExecutionsOfPaths :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    (
        SELECT * FROM execution x
        WHERE x.path = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND @newest_first::boolean
        ORDER BY x.started_at DESC, x.execution_id DESC
        LIMIT @page_size::integer
    ) UNION ALL (
        SELECT * FROM execution x
        WHERE x.path = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND NOT @newest_first::boolean
        ORDER BY x.started_at, x.execution_id
        LIMIT @page_size::integer
    )
) AS x
ORDER BY CASE WHEN @newest_first::boolean THEN x.started_at END DESC, CASE WHEN @newest_first::boolean THEN x.execution_id END DESC,
    x.started_at, x.execution_id
LIMIT @total::integer;

-- name: ExecutionsOfStatuses :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    (
        SELECT * FROM execution x
        WHERE x.status = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND @newest_first::boolean
        ORDER BY x.started_at DESC, x.execution_id DESC
        LIMIT @page_size::integer
    ) UNION ALL (
        SELECT * FROM execution x
        WHERE x.status = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND NOT @newest_first::boolean
        ORDER BY x.started_at, x.execution_id
        LIMIT @page_size::integer
    )
) AS x
ORDER BY CASE WHEN @newest_first::boolean THEN x.started_at END DESC, CASE WHEN @newest_first::boolean THEN x.execution_id END DESC,
    x.started_at, x.execution_id
LIMIT @total::integer;

-- name: ExecutionsOfParents :many
-- Up to @page_size of each key, and up to @total of all, merged.
SELECT x.* FROM unnest(@keys::text[]) AS k(key)
CROSS JOIN LATERAL (
    (
        SELECT * FROM execution x
        WHERE x.parent = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND @newest_first::boolean
        ORDER BY x.started_at DESC, x.execution_id DESC
        LIMIT @page_size::integer
    ) UNION ALL (
        SELECT * FROM execution x
        WHERE x.parent = k.key AND (@keys::text[] IS NULL OR @total::integer IS NULL OR true)
  AND (x.started_at, x.execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (x.started_at, x.execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND x.path ^@ ANY (@scopes::text[]) AND NOT @newest_first::boolean
        ORDER BY x.started_at, x.execution_id
        LIMIT @page_size::integer
    )
) AS x
ORDER BY CASE WHEN @newest_first::boolean THEN x.started_at END DESC, CASE WHEN @newest_first::boolean THEN x.execution_id END DESC,
    x.started_at, x.execution_id
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
