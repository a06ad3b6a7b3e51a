-- Generated from sqlc/templates/execution.sql.tmpl by `make generate`; do not edit.
-- Executions by their start. A page is the half-open range
-- low <= (started_at, execution_id) < high. Each direction has its half of a UNION ALL,
-- which walks the index that way: PostgreSQL evaluates @newest_first before it reads,
-- and does not run the other half.

-- name: ExecutionsByID :many
SELECT * FROM execution
WHERE execution_id = ANY (@execution_ids::text[]) AND path ^@ ANY (@scopes::text[])
ORDER BY execution_id;

-- name: LatestExecutions :many
-- The newest execution of each path, and whether events are waiting for positions, which
-- saves the reader a statement.
SELECT sqlc.embed(x), EXISTS (SELECT 1 FROM event_pending)::boolean AS pending
FROM execution x
WHERE x.execution_id = ANY (ARRAY(
    SELECT newest.execution_id FROM unnest(@keys::text[]) AS k(key)
    CROSS JOIN LATERAL (
        SELECT o.execution_id FROM execution o
        WHERE o.path = k.key AND o.path ^@ ANY (@scopes::text[])
        ORDER BY o.started_at DESC, o.execution_id DESC LIMIT 1
    ) AS newest
))
ORDER BY x.execution_id;

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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
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
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
  AND x.path ^@ ANY (@scopes::text[])
GROUP BY p.ordinal
ORDER BY p.ordinal;

-- name: ExecutionStatistics :many
-- Executions by status, and by status and interval of the start. The row without either
-- has the percentiles of the durations. Each execution is read once, since the groups
-- collect the durations. OFFSET 0 hides the expressions of the groups: PostgreSQL would
-- expect a distinct value for each start, and sort instead of hashing. Durations are
-- computed in microseconds, which a float represents exactly, since numeric takes three
-- times as long.
WITH counted AS MATERIALIZED (
    SELECT r.status, r.bin, count(*) AS count, count(*) FILTER (WHERE r.failed) AS failed,
        array_agg(r.duration) FILTER (WHERE r.duration IS NOT NULL) AS durations
    FROM (
        SELECT x.status, x.failed_step_count > 0 AS failed,
            date_bin(sqlc.narg('unit_seconds')::integer * interval '1 second', x.started_at, '2001-01-01 00:00+00') AS bin,
            CASE WHEN x.finished_at IS NOT NULL
                THEN least(greatest(floor(round(date_part('epoch', x.finished_at - x.started_at) * 1000000) / 1000), 0), 2147483647)::integer END AS duration
        FROM execution x
        WHERE x.started_at >= @low_time::timestamptz AND x.started_at < @high_time::timestamptz
          AND (@paths::text[] IS NULL OR x.path = ANY (@paths::text[]))
          AND (@statuses::text[] IS NULL OR x.status = ANY (@statuses::text[]))
  AND (sqlc.narg('path')::text IS NULL OR x.path = sqlc.narg('path')::text)
  AND (sqlc.narg('path_prefix')::text IS NULL OR x.path ^@ sqlc.narg('path_prefix')::text)
  AND (sqlc.narg('version')::text IS NULL OR x.version = sqlc.narg('version')::text)
  AND (sqlc.narg('idle_since')::timestamptz IS NULL OR x.last_event_at < sqlc.narg('idle_since')::timestamptz)
  AND (sqlc.narg('has_errors')::boolean IS NULL OR (x.failed_step_count > 0) = sqlc.narg('has_errors')::boolean)
  AND (sqlc.narg('min_duration_ms')::integer IS NULL
      OR greatest(coalesce(x.finished_at, now()) - x.started_at, '0') >= sqlc.narg('min_duration_ms')::integer * interval '1 millisecond')
  AND (@word_patterns::text[] IS NULL OR text_words(x.path || ' ' || x.execution_id || coalesce(' ' || x.error, '')) LIKE ALL (@word_patterns::text[]))
  AND x.path ^@ ANY (@scopes::text[])
        OFFSET 0
    ) AS r
    GROUP BY r.status, r.bin
), fitting AS (
    SELECT c.*, CASE WHEN (SELECT max(o.bin) - min(o.bin) < 1000 * (sqlc.narg('unit_seconds')::integer * interval '1 second') FROM counted o) THEN c.bin END AS start FROM counted c
)
SELECT (grouping(f.status) = 1)::boolean AS whole, (grouping(f.start) = 0)::boolean AS binned,
    f.start, coalesce(f.status, '')::text AS status, coalesce(sum(f.count), 0)::bigint AS count, coalesce(sum(f.failed), 0)::bigint AS failed,
    (CASE WHEN grouping(f.status) = 1 THEN (
        SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY duration) FROM counted d, unnest(d.durations) AS duration
    ) END)::integer[] AS durations
FROM fitting f
GROUP BY GROUPING SETS ((f.start, f.status), (f.status), ())
ORDER BY f.start, f.status;
