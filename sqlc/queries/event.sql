-- Events: one query per access path and direction, each with its index.
--
-- A page is the half-open range low <= (timestamp, event_id) < high. The plain
-- bounds on timestamp beside it let PostgreSQL skip partitions. parent is the
-- place, from 1, of the key that an event was found by. Each parent's events
-- come in the order of the page, behind those of the parent before: PostgreSQL
-- keeps the order of a LATERAL subquery, and a sort of all rows would take a
-- fifth of the statement's time. Where parents are merged into one list
-- (MergedEventsOf…), the outer order is the time's, and @total_size bounds it.
-- No event lies more than a day ahead (event_pending), so that a probe for each
-- of many keys can leave out the partitions made ahead: a fifth of its cost.
-- OFFSET 0 keeps a subquery from becoming a join, which would read all of
-- catalog to spare a few probes.
--
-- Most lists ask for nothing but what is newest. Newest… spare them the
-- conditions of a filter and of a range, which PostgreSQL makes ready for every
-- partition each time: half of what the feed costs. That somebody may see
-- everything, whose scopes hold the empty prefix, is found out once for a
-- statement, and not by comparing each path: an eighth of the feed.

-- name: NewestEvents :many
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event e
WHERE e.timestamp < now() + interval '2 days' AND ((SELECT '' = ANY (@scopes::text[])) OR e.resource_path ^@ ANY (@scopes::text[]))
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @page_size::integer;

-- name: NewestEventsWithResourceTypes :many
-- As NewestEvents, each with the type of its resource: a probe for each event,
-- which for more than that column would cost more than a statement for each
-- resource once. OFFSET 0 keeps it a probe.
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version, e.payload, e.meta, e.timestamp,
    r.resource_type
FROM (
    SELECT
        event_id, event_type, resource_path, resource_version, timestamp,
        (CASE WHEN @with_payload::boolean THEN payload END)::jsonb AS payload,
        (CASE WHEN @with_meta::boolean THEN meta END)::jsonb AS meta
    FROM event
    WHERE timestamp < now() + interval '2 days' AND ((SELECT '' = ANY (@scopes::text[])) OR resource_path ^@ ANY (@scopes::text[]))
    ORDER BY timestamp DESC, event_id DESC
    LIMIT @page_size::integer
) AS e
CROSS JOIN LATERAL (SELECT resource_type FROM resource WHERE resource_path = e.resource_path OFFSET 0) AS r
ORDER BY e.timestamp DESC, e.event_id DESC;

-- name: NewestEventsOfPaths :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path AND e.timestamp < now() + interval '2 days'
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
WHERE ((SELECT '' = ANY (@scopes::text[])) OR p.path ^@ ANY (@scopes::text[]))
ORDER BY p.parent;

-- name: NewestEventsOfVersions :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@parent_paths::text[]), unnest(@parent_labels::text[])) WITH ORDINALITY AS p(path, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path AND e.resource_version = p.label AND e.timestamp < now() + interval '2 days'
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
WHERE ((SELECT '' = ANY (@scopes::text[])) OR p.path ^@ ANY (@scopes::text[]))
ORDER BY p.parent;

-- name: FeedNewestFirst :many
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event e
WHERE e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
  AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
  AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
  AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
      @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
      sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
      sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
  AND (@resource_types::text[] IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
        AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @total_size::integer;

-- name: EventsOfPathsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: MergedEventsOfPathsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @total_size::integer;

-- name: EventsOfVersionsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@parent_paths::text[]), unnest(@parent_labels::text[])) WITH ORDINALITY AS p(path, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path AND e.resource_version = p.label
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: MergedEventsOfTypesNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_types::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.event_type = p.type
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @total_size::integer;

-- name: EventsOfExecutionsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_executions::text[]) WITH ORDINALITY AS p(execution, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.execution
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: FeedOldestFirst :many
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event e
WHERE e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
  AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
  AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
  AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
      @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
      sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
      sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
  AND (@resource_types::text[] IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
        AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @total_size::integer;

-- name: EventsOfPathsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: MergedEventsOfPathsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @total_size::integer;

-- name: EventsOfVersionsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@parent_paths::text[]), unnest(@parent_labels::text[])) WITH ORDINALITY AS p(path, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.path AND e.resource_version = p.label
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: MergedEventsOfTypesOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_types::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.event_type = p.type
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @total_size::integer;

-- name: EventsOfExecutionsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM unnest(@parent_executions::text[]) WITH ORDINALITY AS p(execution, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.execution
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: CountFeed :one
SELECT count(*)
FROM event e
WHERE e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
  AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
  AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
  AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
      @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
      sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
      sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
  AND (@resource_types::text[] IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
        AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0));

-- name: CountEventsUnderPrefix :one
SELECT count(*)
FROM event e
WHERE e.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR e.resource_path < @prefix_high::text)
  AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
  AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
  AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
  AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
      @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
      sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
      sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
  AND (@resource_types::text[] IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
        AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0));

-- name: CountTimeline :one
-- The feed without a filter: answered from an index alone.
SELECT count(*)
FROM event e
WHERE e.timestamp >= @low_time::timestamptz AND e.timestamp < @high_time::timestamptz
  AND e.resource_path ^@ ANY (@scopes::text[]);

-- name: CountEventsOfPaths :many
SELECT p.parent::integer AS parent, n.count::bigint AS count
FROM unnest(@parent_paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.resource_path = p.path
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfVersions :many
SELECT p.parent::integer AS parent, n.count::bigint AS count
FROM ROWS FROM (unnest(@parent_paths::text[]), unnest(@parent_labels::text[])) WITH ORDINALITY AS p(path, label, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.resource_path = p.path AND e.resource_version = p.label
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfTypes :many
SELECT p.parent::integer AS parent, n.count::bigint AS count
FROM unnest(@parent_types::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.event_type = p.type
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfExecutions :many
SELECT p.parent::integer AS parent, n.count::bigint AS count
FROM unnest(@parent_executions::text[]) WITH ORDINALITY AS p(execution, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.execution
      AND e.timestamp >= @low_time::timestamptz AND e.timestamp <= @high_time::timestamptz
      AND e.timestamp < now() + interval '2 days'
      AND (e.timestamp, e.event_id) >= (@low_time::timestamptz, @low_id::text)
      AND (e.timestamp, e.event_id) < (@high_time::timestamptz, @high_id::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: EventsByID :many
-- An event's identity finds its partition.
SELECT e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event_identity i
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.timestamp = i.timestamp AND e.event_id = i.event_id AND e.resource_path ^@ ANY (@scopes::text[])
    OFFSET 0
) AS e
WHERE i.event_id = ANY (@event_ids::text[])
ORDER BY e.event_id;

-- name: RecordEvent :one
-- Records one event with which nothing is wrong, at two thirds of what
-- RecordEvents takes for it; no row comes back for any other, whose problem
-- RecordEvents tells.
INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
SELECT @event_id::text, @type::text, c.resource_path, c.resource_version, @payload::jsonb, @meta::jsonb, @timestamp::timestamptz
FROM resource r
JOIN catalog c ON c.resource_path = r.resource_path AND c.resource_version = coalesce(nullif(@version::text, ''), r.latest_version)
WHERE r.resource_path = @path::text AND r.resource_path ^@ ANY (@scopes::text[])
  AND EXISTS (SELECT 1 FROM event_type t WHERE t.name = @type::text)
  AND NOT EXISTS (SELECT 1 FROM event_identity d WHERE d.event_id = @event_id::text)
RETURNING resource_version, timestamp;

-- name: RecordNewEvents :many
-- Records events that are all new and with which nothing is wrong: a quarter of
-- the time of RecordEvents goes into what it looks for. Records none where one
-- has been recorded before or is out of scope, and fails where another thing is
-- wrong; RecordEvents then tells what. In the order of the input.
WITH input AS MATERIALIZED (
    SELECT i.ordinal, i.event_id, i.event_type, i.path, i.version, i.payload, i.meta, i.timestamp
    FROM ROWS FROM (unnest(@event_ids::text[]), unnest(@types::text[]), unnest(@paths::text[]), unnest(@versions::text[]), unnest(@payloads::jsonb[]), unnest(@metas::jsonb[]), unnest(@timestamps::timestamptz[]))
        WITH ORDINALITY AS i(event_id, event_type, path, version, payload, meta, timestamp, ordinal)
)
INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
SELECT i.event_id, i.event_type, i.path,
    coalesce(nullif(i.version, ''), (SELECT r.latest_version FROM resource r WHERE r.resource_path = i.path)),
    i.payload, i.meta, i.timestamp
FROM input i
WHERE NOT EXISTS (SELECT 1 FROM input s WHERE NOT s.path ^@ ANY (@scopes::text[]))
  AND NOT EXISTS (SELECT 1 FROM input s JOIN event_identity d ON d.event_id = s.event_id)
ORDER BY i.ordinal
RETURNING event_id, resource_version, timestamp;

-- name: RecordEvents :many
-- Records events: all of them, or none where any has a problem. One row per
-- input, in their order. An input whose event_id is there already, or stands
-- earlier in the same call, with the same content is a duplicate; with another
-- content it is a CONFLICT. An empty version stands for the latest. Unknown types
-- are added with @open_types, as long as there are no more than @max_types.
WITH input AS MATERIALIZED (
    SELECT i.ordinal, i.event_id, i.event_type, i.path, i.payload, i.meta, i.timestamp,
        coalesce(nullif(i.version, ''), r.latest_version) AS version,
        t.name IS NOT NULL AS type_known,
        r.resource_path IS NOT NULL AS path_known,
        i.path ^@ ANY (@scopes::text[]) AS in_scope,
        d.timestamp AS stored_timestamp
    FROM ROWS FROM (unnest(@event_ids::text[]), unnest(@types::text[]), unnest(@paths::text[]), unnest(@versions::text[]), unnest(@payloads::jsonb[]), unnest(@metas::jsonb[]), unnest(@timestamps::timestamptz[]))
        WITH ORDINALITY AS i(event_id, event_type, path, version, payload, meta, timestamp, ordinal)
    LEFT JOIN resource r ON r.resource_path = i.path
    LEFT JOIN event_type t ON t.name = i.event_type
    LEFT JOIN event_identity d ON d.event_id = i.event_id
), compared AS (
    SELECT i.*,
        first_value(i.ordinal) OVER same_id AS first_ordinal,
        first_value(i.timestamp) OVER same_id AS first_timestamp,
        first_value(i.event_type) OVER same_id AS first_type,
        first_value(i.path) OVER same_id AS first_path,
        first_value(i.version) OVER same_id AS first_version,
        first_value(i.payload) OVER same_id AS first_payload,
        first_value(i.meta) OVER same_id AS first_meta
    FROM input i
    WINDOW same_id AS (PARTITION BY i.event_id ORDER BY i.ordinal)
), checked AS MATERIALIZED (
    SELECT i.ordinal, i.event_id, i.event_type, i.path, i.version, i.payload, i.meta, i.timestamp,
        coalesce(i.stored_timestamp, i.first_timestamp) AS stored_timestamp, i.type_known,
        i.stored_timestamp IS NOT NULL OR i.first_ordinal <> i.ordinal AS seen,
        CASE
            WHEN NOT i.in_scope THEN 'FORBIDDEN'
            WHEN NOT i.type_known AND NOT @open_types::boolean THEN 'UNKNOWN_TYPE'
            WHEN NOT i.type_known AND (SELECT count(*) FROM event_type)
                + (SELECT count(DISTINCT s.event_type) FROM input s WHERE NOT s.type_known) > @max_types::integer THEN 'TOO_MANY_TYPES'
            WHEN NOT i.path_known THEN 'UNKNOWN_PATH'
            WHEN NOT EXISTS (SELECT 1 FROM catalog c WHERE c.resource_path = i.path AND c.resource_version = i.version)
                THEN 'UNKNOWN_VERSION'
            WHEN i.stored_timestamp IS NOT NULL
                AND event_differs(i.event_id, i.stored_timestamp, i.event_type, i.path, i.version, i.payload, i.meta) THEN 'CONFLICT'
            WHEN i.first_ordinal <> i.ordinal
                AND (i.first_type, i.first_path, i.first_version, i.first_payload, i.first_meta)
                    IS DISTINCT FROM (i.event_type, i.path, i.version, i.payload, i.meta) THEN 'CONFLICT'
            WHEN i.stored_timestamp IS NOT NULL OR i.first_ordinal <> i.ordinal THEN ''
            -- What callers cannot tell: how jsonb writes a number, and the time here.
            WHEN i.timestamp > now() + interval '1 day' THEN 'TOO_FAR_AHEAD'
            ELSE coalesce('META ' || meta_problem(i.meta), '')
        END AS problem
    FROM compared i
), added AS (
    -- In one order, so that two callers do not wait for each other.
    INSERT INTO event_type (name)
    SELECT DISTINCT event_type FROM checked
    WHERE NOT type_known AND NOT EXISTS (SELECT 1 FROM checked WHERE problem <> '')
    ORDER BY event_type
    ON CONFLICT (name) DO NOTHING
), recorded AS (
    INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
    SELECT event_id, event_type, path, version, payload, meta, timestamp
    FROM checked
    WHERE NOT seen AND NOT EXISTS (SELECT 1 FROM checked WHERE problem <> '')
    ORDER BY ordinal
)
SELECT ordinal::integer AS ordinal, coalesce(version, '')::text AS version,
    coalesce(stored_timestamp, timestamp)::timestamptz AS timestamp,
    seen::boolean AS duplicate, problem::text AS problem
FROM checked
ORDER BY ordinal;
