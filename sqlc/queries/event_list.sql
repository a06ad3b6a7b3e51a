-- Generated from sqlc/templates/event_list.sql.tmpl by `make generate`; do not edit.
-- Lists and counts of events: one query per access path and direction, each
-- with its index.
--
-- A page is the half-open range low <= (timestamp, event_id) < high. The plain
-- bounds on timestamp beside it let PostgreSQL skip partitions. parent is the
-- ordinal, from 1, of the key that found an event. Each parent's events come in
-- the order of the page, after those of the parent before: PostgreSQL keeps the
-- order of a LATERAL subquery, and a sort of all rows would take a fifth of the
-- statement's time. Where parents are merged into one list (MergedEventsOf…),
-- the outer order is by time, and @page_size bounds the whole list too. No
-- event lies more than a day ahead (event_pending), so a probe for each of many
-- keys can leave out the partitions made ahead: a fifth of its cost. OFFSET 0
-- keeps a subquery from becoming a join, which would read all of catalog to
-- save a few probes.
--
-- Most lists ask only for the newest events. Newest… omit the conditions of a
-- filter and of a range, which PostgreSQL prepares for every partition each
-- time: half of the cost of the feed. Whether the caller may see everything
-- (its scopes hold the empty prefix) is decided once per statement instead of
-- for each path: an eighth of the feed.

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
-- NewestEvents, each with the type of its resource: a probe for each event,
-- which for more than that column would cost more than a statement for each
-- resource once. OFFSET 0 keeps it a probe.
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version, e.payload, e.meta, e.timestamp,
    r.resource_type
FROM (
    SELECT
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
    FROM event e
    WHERE e.timestamp < now() + interval '2 days' AND ((SELECT '' = ANY (@scopes::text[])) OR e.resource_path ^@ ANY (@scopes::text[]))
    ORDER BY e.timestamp DESC, e.event_id DESC
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
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
WHERE ((SELECT '' = ANY (@scopes::text[])) OR p.key ^@ ANY (@scopes::text[]))
ORDER BY p.parent;

-- name: NewestEventsOfVersions :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.resource_version = p.label AND e.timestamp < now() + interval '2 days'
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
WHERE ((SELECT '' = ANY (@scopes::text[])) OR p.key ^@ ANY (@scopes::text[]))
ORDER BY p.parent;

-- name: FeedNewestFirst :many
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event e
WHERE (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @page_size::integer;

-- name: EventsOfPathsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: EventsOfVersionsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.resource_version = p.label AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: EventsOfExecutionsNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @page_size::integer;

-- name: MergedEventsOfTypesNewestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.event_type = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp DESC, e.event_id DESC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp DESC, e.event_id DESC
LIMIT @page_size::integer;

-- name: FeedOldestFirst :many
SELECT
    0::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM event e
WHERE (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @page_size::integer;

-- name: EventsOfPathsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: EventsOfVersionsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.resource_version = p.label AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY p.parent;

-- name: EventsOfExecutionsOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @page_size::integer;

-- name: MergedEventsOfTypesOldestFirst :many
SELECT
    p.parent::integer AS parent,
    e.event_id, e.event_type, e.resource_path, e.resource_version,
    (CASE WHEN @with_payload::boolean THEN e.payload END)::jsonb AS payload,
    (CASE WHEN @with_meta::boolean THEN e.meta END)::jsonb AS meta,
    e.timestamp
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT * FROM event e
    WHERE e.event_type = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    ORDER BY e.timestamp ASC, e.event_id ASC
    LIMIT @page_size::integer
) AS e
ORDER BY e.timestamp ASC, e.event_id ASC
LIMIT @page_size::integer;

-- name: CountEventsOfPaths :many
SELECT n.count::bigint AS count
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.resource_path = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfVersions :many
SELECT n.count::bigint AS count
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.resource_path = p.key AND e.resource_version = p.label AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfTypes :many
SELECT n.count::bigint AS count
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE e.event_type = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountEventsOfExecutions :many
SELECT n.count::bigint AS count
FROM ROWS FROM (unnest(@keys::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(key, label, parent)
CROSS JOIN LATERAL (
    SELECT count(*) AS count FROM event e
    WHERE (e.meta ->> 'execution_id') COLLATE "C" = p.key AND e.timestamp < now() + interval '2 days'
      AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
) AS n
ORDER BY p.parent;

-- name: CountFeed :one
SELECT count(*)
FROM event e
WHERE (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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

-- name: CountEventsUnderPrefix :one
-- CountFeed of the paths from keys[1] to keys[2], which an index serves.
SELECT count(*)
FROM event e
WHERE e.resource_path >= (@keys::text[])[1] AND ((@keys::text[])[2] = '' OR e.resource_path < (@keys::text[])[2])
  AND (@keys::text[] IS NULL OR @labels::text[] IS NULL OR true)
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
