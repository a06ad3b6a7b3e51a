-- Executions: newest start first, or, for the pages before a cursor, oldest
-- first. A page is the half-open range low <= (started_at, execution_id) < high.

-- name: ExecutionsByID :many
SELECT * FROM execution
WHERE execution_id = ANY (@execution_ids::text[]) AND path ^@ ANY (@scopes::text[])
ORDER BY execution_id;

-- name: ExecutionsNewestFirst :many
SELECT * FROM execution
WHERE (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
  AND (sqlc.narg('path_prefix')::text IS NULL OR path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND path ^@ ANY (@scopes::text[])
ORDER BY started_at DESC, execution_id DESC
LIMIT @page_size::integer;

-- name: ExecutionsOldestFirst :many
SELECT * FROM execution
WHERE (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
  AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
  AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
  AND (sqlc.narg('path_prefix')::text IS NULL OR path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND path ^@ ANY (@scopes::text[])
ORDER BY started_at, execution_id
LIMIT @page_size::integer;

-- name: ExecutionsOfPathsNewestFirst :many
-- Any of the paths, merged: a path, or the few paths under a prefix.
SELECT x.* FROM unnest(@paths::text[]) AS p(path)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.path = p.path
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND execution.path ^@ ANY (@scopes::text[])
    ORDER BY started_at DESC, execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @page_size::integer;

-- name: ExecutionsOfPathsOldestFirst :many
SELECT x.* FROM unnest(@paths::text[]) AS p(path)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.path = p.path
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND execution.path ^@ ANY (@scopes::text[])
    ORDER BY started_at, execution_id
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at, x.execution_id
LIMIT @page_size::integer;

-- name: ExecutionsOfStatusesNewestFirst :many
SELECT x.* FROM unnest(@statuses::text[]) AS s(status)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.status = s.status
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (sqlc.narg('path_prefix')::text IS NULL OR path ^@ sqlc.narg('path_prefix')::text)
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND path ^@ ANY (@scopes::text[])
    ORDER BY started_at DESC, execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC
LIMIT @page_size::integer;

-- name: ExecutionsOfStatusesOldestFirst :many
SELECT x.* FROM unnest(@statuses::text[]) AS s(status)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.status = s.status
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (sqlc.narg('path_prefix')::text IS NULL OR path ^@ sqlc.narg('path_prefix')::text)
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND path ^@ ANY (@scopes::text[])
    ORDER BY started_at, execution_id
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at, x.execution_id
LIMIT @page_size::integer;

-- name: ExecutionsOfParents :many
-- The runs that each of these started, newest first; parents × page at most.
SELECT p.ordinal::integer AS ordinal, x.*
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(parent, ordinal)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.parent = p.parent
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND path ^@ ANY (@scopes::text[])
    ORDER BY started_at DESC, execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY x.started_at DESC, x.execution_id DESC;

-- name: ExecutionsOfEachPathNewestFirst :many
-- A page of the runs of each path; paths × page at most.
SELECT p.ordinal::integer AS ordinal, x.*
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, ordinal)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.path = p.path
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
      AND (sqlc.narg('path')::text IS NULL OR execution.path = sqlc.narg('path')::text)
      AND (sqlc.narg('path_prefix')::text IS NULL OR execution.path ^@ sqlc.narg('path_prefix')::text)
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND execution.path ^@ ANY (@scopes::text[])
    ORDER BY started_at DESC, execution_id DESC
    LIMIT @page_size::integer
) AS x
ORDER BY p.ordinal, x.started_at DESC, x.execution_id DESC;

-- name: ExecutionsOfEachPathOldestFirst :many
SELECT p.ordinal::integer AS ordinal, x.*
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, ordinal)
CROSS JOIN LATERAL (
    SELECT * FROM execution
    WHERE execution.path = p.path
      AND (started_at, execution_id) >= (@low_time::timestamptz, @low_id::text)
      AND (started_at, execution_id) < (@high_time::timestamptz, @high_id::text)
      AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
      AND (sqlc.narg('path')::text IS NULL OR execution.path = sqlc.narg('path')::text)
      AND (sqlc.narg('path_prefix')::text IS NULL OR execution.path ^@ sqlc.narg('path_prefix')::text)
      AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
      AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
      AND execution.path ^@ ANY (@scopes::text[])
    ORDER BY started_at, execution_id
    LIMIT @page_size::integer
) AS x
ORDER BY p.ordinal, x.started_at, x.execution_id;

-- name: CountExecutions :one
SELECT count(*) FROM execution
WHERE started_at >= @low_time::timestamptz AND started_at < @high_time::timestamptz
  AND (@statuses::text[] IS NULL OR status = ANY (@statuses::text[]))
  AND (@paths::text[] IS NULL OR path = ANY (@paths::text[]))
  AND (sqlc.narg('path_prefix')::text IS NULL OR path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND path ^@ ANY (@scopes::text[]);

-- name: CountExecutionsOfParents :many
SELECT count(x.execution_id) AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(parent, ordinal)
LEFT JOIN execution x ON x.parent = p.parent AND x.path ^@ ANY (@scopes::text[])
GROUP BY p.ordinal
ORDER BY p.ordinal;

-- name: CountExecutionsOfEachPath :many
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
