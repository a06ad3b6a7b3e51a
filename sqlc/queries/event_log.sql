-- Generated from sqlc/templates/event_log.sql.tmpl by `make generate`; do not edit.
-- The log in its order. Each query returns all rows that it has examined, so that
-- the reader knows how far it has read; `passes` marks the rows that match the
-- filter, and only these are complete. Rows beyond @max_bytes of payload and meta,
-- as they are sent, are marked `over` and left for the next page. Compressed values
-- are decompressed only up to @max_bytes of their stored size.

-- name: LogHead :one
SELECT h.stream::text AS stream, h.position, h.floor,
    coalesce((SELECT l.event_id FROM event_log l WHERE l.position = h.position), '')::text AS event_id
FROM event_head h;

-- name: LogTail :one
-- The head, and the committed events without a position, in one snapshot.
SELECT stream::text AS stream, position, floor,
    ARRAY(SELECT p.seq FROM event_pending p ORDER BY p.seq LIMIT @at_most::integer)::bigint[] AS seqs,
    ARRAY(SELECT p.event_id FROM event_pending p ORDER BY p.seq LIMIT @at_most::integer)::text[] AS event_ids
FROM event_head;

-- name: LogPositions :many
-- The positions of events that were pending when the log ended at @after.
SELECT position FROM event_log WHERE position > @after::bigint AND event_id = ANY (@event_ids::text[]) ORDER BY position;

-- name: LogWalk :many
SELECT w.position, w.passes::boolean AS passes, (w.passes AND w.size_before >= @max_bytes::bigint)::boolean AS over,
    coalesce(w.event_id, '')::text AS event_id, coalesce(w.event_type, '')::text AS event_type,
    coalesce(w.resource_path, '')::text AS resource_path, coalesce(w.resource_version, '')::text AS resource_version,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.payload END)::jsonb AS payload,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.meta END)::jsonb AS meta,
    coalesce(w.timestamp, 'epoch')::timestamptz AS timestamp,
    coalesce((SELECT c.resource_type FROM catalog c
        WHERE c.resource_path = w.resource_path AND c.resource_version = w.resource_version), '')::text AS resource_type,
    coalesce(w.phase, '')::text AS phase, t.template,
    (CASE WHEN w.passes THEN false ELSE (SELECT event_partitions_missing() > 0) END)::boolean AS unreadable
FROM (
    SELECT *, coalesce(sum(CASE WHEN stored_before < @max_bytes::bigint
            THEN coalesce(octet_length(payload::text), 0) + coalesce(octet_length(meta::text), 0) ELSE @max_bytes::bigint END)
        OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS size_before
    FROM (
        SELECT l.position, l.phase, e.event_id IS NOT NULL AS passes, e.event_id, e.event_type, e.resource_path, e.resource_version,
            e.payload, e.meta, e.timestamp,
            coalesce(sum(coalesce(pg_column_size(e.payload), 0) + coalesce(pg_column_size(e.meta), 0))
                OVER (ORDER BY l.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS stored_before
        FROM (
            SELECT * FROM event_log
            WHERE (@keys::text[] IS NULL OR @types::text[] IS NULL OR sqlc.narg('path_prefix')::text IS NULL
                  OR sqlc.narg('execution_id')::text IS NULL OR true)
              AND event_log.position > @after::bigint AND event_log.position <= @up_to::bigint
              AND (@types::text[] IS NULL OR event_log.event_type = ANY (@types::text[]))
              AND (sqlc.narg('path_prefix')::text IS NULL OR event_log.resource_path ^@ sqlc.narg('path_prefix')::text)
            ORDER BY event_log.position
            LIMIT @page_size::integer
        ) AS l
        LEFT JOIN LATERAL (
            SELECT * FROM event e
            WHERE e.timestamp = l.timestamp AND e.event_id = l.event_id
              AND e.timestamp >= @low_time::timestamptz AND e.timestamp < @high_time::timestamptz
              AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
            OFFSET 0
        ) AS e ON true
    ) AS entry
) AS w
LEFT JOIN event_type t ON t.name = w.event_type
ORDER BY w.position;

-- name: LogOfPaths :many
SELECT w.position, w.passes::boolean AS passes, (w.passes AND w.size_before >= @max_bytes::bigint)::boolean AS over,
    coalesce(w.event_id, '')::text AS event_id, coalesce(w.event_type, '')::text AS event_type,
    coalesce(w.resource_path, '')::text AS resource_path, coalesce(w.resource_version, '')::text AS resource_version,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.payload END)::jsonb AS payload,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.meta END)::jsonb AS meta,
    coalesce(w.timestamp, 'epoch')::timestamptz AS timestamp,
    coalesce((SELECT c.resource_type FROM catalog c
        WHERE c.resource_path = w.resource_path AND c.resource_version = w.resource_version), '')::text AS resource_type,
    coalesce(w.phase, '')::text AS phase, t.template,
    (CASE WHEN w.passes THEN false ELSE (SELECT event_partitions_missing() > 0) END)::boolean AS unreadable
FROM (
    SELECT *, coalesce(sum(CASE WHEN stored_before < @max_bytes::bigint
            THEN coalesce(octet_length(payload::text), 0) + coalesce(octet_length(meta::text), 0) ELSE @max_bytes::bigint END)
        OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS size_before
    FROM (
        SELECT l.position, l.phase, e.event_id IS NOT NULL AS passes, e.event_id, e.event_type, e.resource_path, e.resource_version,
            e.payload, e.meta, e.timestamp,
            coalesce(sum(coalesce(pg_column_size(e.payload), 0) + coalesce(pg_column_size(e.meta), 0))
                OVER (ORDER BY l.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS stored_before
        FROM (
            SELECT o.position, o.event_id, o.timestamp, o.phase
            FROM unnest(@keys::text[]) AS p(path)
            CROSS JOIN LATERAL (
                SELECT * FROM event_log
                WHERE (@keys::text[] IS NULL OR @types::text[] IS NULL OR sqlc.narg('path_prefix')::text IS NULL
                  OR sqlc.narg('execution_id')::text IS NULL OR true)
                  AND event_log.resource_path = p.path AND event_log.position > @after::bigint AND event_log.position <= @up_to::bigint
                ORDER BY event_log.position
                LIMIT @page_size::integer
            ) AS o
            ORDER BY o.position
            LIMIT @page_size::integer
        ) AS l
        LEFT JOIN LATERAL (
            SELECT * FROM event e
            WHERE e.timestamp = l.timestamp AND e.event_id = l.event_id
              AND e.timestamp >= @low_time::timestamptz AND e.timestamp < @high_time::timestamptz
              AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
            OFFSET 0
        ) AS e ON true
    ) AS entry
) AS w
LEFT JOIN event_type t ON t.name = w.event_type
ORDER BY w.position;

-- name: LogOfExecution :many
SELECT w.position, w.passes::boolean AS passes, (w.passes AND w.size_before >= @max_bytes::bigint)::boolean AS over,
    coalesce(w.event_id, '')::text AS event_id, coalesce(w.event_type, '')::text AS event_type,
    coalesce(w.resource_path, '')::text AS resource_path, coalesce(w.resource_version, '')::text AS resource_version,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.payload END)::jsonb AS payload,
    (CASE WHEN w.size_before < @max_bytes::bigint THEN w.meta END)::jsonb AS meta,
    coalesce(w.timestamp, 'epoch')::timestamptz AS timestamp,
    coalesce((SELECT c.resource_type FROM catalog c
        WHERE c.resource_path = w.resource_path AND c.resource_version = w.resource_version), '')::text AS resource_type,
    coalesce(w.phase, '')::text AS phase, t.template,
    (CASE WHEN w.passes THEN false ELSE (SELECT event_partitions_missing() > 0) END)::boolean AS unreadable
FROM (
    SELECT *, coalesce(sum(CASE WHEN stored_before < @max_bytes::bigint
            THEN coalesce(octet_length(payload::text), 0) + coalesce(octet_length(meta::text), 0) ELSE @max_bytes::bigint END)
        OVER (ORDER BY position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS size_before
    FROM (
        SELECT l.position, l.phase, e.event_id IS NOT NULL AS passes, e.event_id, e.event_type, e.resource_path, e.resource_version,
            e.payload, e.meta, e.timestamp,
            coalesce(sum(coalesce(pg_column_size(e.payload), 0) + coalesce(pg_column_size(e.meta), 0))
                OVER (ORDER BY l.position ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS stored_before
        FROM (
            SELECT * FROM event_log
            WHERE (@keys::text[] IS NULL OR @types::text[] IS NULL OR sqlc.narg('path_prefix')::text IS NULL
                  OR sqlc.narg('execution_id')::text IS NULL OR true)
              AND event_log.execution_id = sqlc.narg('execution_id')::text AND event_log.position > @after::bigint AND event_log.position <= @up_to::bigint
            ORDER BY event_log.position
            LIMIT @page_size::integer
        ) AS l
        LEFT JOIN LATERAL (
            SELECT * FROM event e
            WHERE e.timestamp = l.timestamp AND e.event_id = l.event_id
              AND e.timestamp >= @low_time::timestamptz AND e.timestamp < @high_time::timestamptz
              AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
            OFFSET 0
        ) AS e ON true
    ) AS entry
) AS w
LEFT JOIN event_type t ON t.name = w.event_type
ORDER BY w.position;

-- name: RenewStream :exec
UPDATE event_head SET stream = gen_random_uuid();

-- name: RenewLostStream :execrows
-- Renews the stream if the event that was read at a position is no longer there. The
-- sequencer locks the head row.
UPDATE event_head SET stream = gen_random_uuid()
WHERE stream = (@stream::text)::uuid AND floor < @position::bigint
    AND NOT EXISTS (SELECT 1 FROM event_log l WHERE l.position = @position::bigint AND l.event_id = @event_id::text);
