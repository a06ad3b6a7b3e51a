-- Generated from sqlc/templates/event_list.sql.tmpl by `make generate`; do not edit.
-- Lists and counts of events: one query per access path and direction, each
-- with its index.
--
-- A page is the half-open range low <= (timestamp, event_id) < high. The plain
-- bounds on timestamp beside it let PostgreSQL skip partitions. parent is the
-- ordinal, from 1, of the key that found an event. Each parent's events are in
-- the order of the page and follow those of the previous parent: PostgreSQL
-- keeps the order of a LATERAL subquery, and sorting all rows would take a fifth
-- of the statement's time. Where parents are merged into one list
-- (MergedEventsOf…), the outer order is by time, and @page_size also bounds the
-- whole list. No event is more than a day in the future (event_pending), so a
-- probe for each of many keys can skip the partitions of later months: a fifth
-- of its cost. OFFSET 0 prevents PostgreSQL from turning a subquery into a join,
-- which would read all of catalog to save a few probes.
--
-- Most lists request the newest events only. The queries Newest… omit the
-- conditions of a filter and of a range, which PostgreSQL prepares for every
-- partition at each call: half of the cost of the feed. Whether the caller may
-- see everything (its scopes contain the empty prefix) is decided once per
-- statement instead of for each path: an eighth of the cost of the feed.

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
-- NewestEvents with the type of each event's resource, which takes a probe for each
-- event. For more columns, a second statement with each resource once would be
-- cheaper. OFFSET 0 makes PostgreSQL keep the probe.
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
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

-- name: EventStatistics :many
-- Counts of events by type, by status, and by type and interval. If the filter allows it,
-- counts of the folders and paths that make up the prefixes are summed from
-- event_folder_count and event_count, by days or else by hours. Events before and after
-- these hours are counted one by one. PostgreSQL removes an empty part in planning;
-- otherwise it would scan the index of paths for it. Counts of detached months are
-- excluded, like their events. OFFSET 0 makes PostgreSQL probe the index for the counts of
-- a part.
WITH attached AS MATERIALIZED (
    SELECT range_agg(tstzrange(p.low, p.high)) AS months FROM event_partitions() AS p
), asked AS (
    SELECT NULL::text AS folder, k.path FROM unnest(@count_paths::text[]) AS k(path) WHERE k.path ^@ ANY (@scopes::text[])
), parts_of_days AS MATERIALIZED (
    SELECT a.folder, a.path FROM asked a
    UNION ALL SELECT p.folder, p.path FROM scope_ranges(@prefixes::text[], @prefix_ends::text[]) AS r, event_count_parts(r.low, r.high, 11) AS p
), parts_of_hours AS MATERIALIZED (
    SELECT a.folder, a.path FROM asked a
    UNION ALL SELECT p.folder, p.path FROM scope_ranges(@prefixes::text[], @prefix_ends::text[]) AS r, event_count_parts(r.low, r.high, 1) AS p
), found AS (
    SELECT e.timestamp AS at, e.event_type, event_status(e.meta) AS status, 1::bigint AS count FROM event e
    WHERE @low_time::timestamptz < @low_hour::timestamptz AND e.timestamp >= @low_time::timestamptz AND e.timestamp < @low_hour::timestamptz
      AND (@keys::text[] IS NULL OR e.resource_path = ANY (@keys::text[]))
      AND e.resource_path >= @low_path::text AND (@high_path::text = '' OR e.resource_path < @high_path::text)
      AND (sqlc.narg('execution_id')::text IS NULL OR (e.meta ->> 'execution_id') COLLATE "C" = sqlc.narg('execution_id')::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    UNION ALL
    SELECT e.timestamp AS at, e.event_type, event_status(e.meta) AS status, 1::bigint AS count FROM event e
    WHERE @high_hour::timestamptz < @high_time::timestamptz AND e.timestamp >= @high_hour::timestamptz AND e.timestamp < @high_time::timestamptz
      AND (@keys::text[] IS NULL OR e.resource_path = ANY (@keys::text[]))
      AND e.resource_path >= @low_path::text AND (@high_path::text = '' OR e.resource_path < @high_path::text)
      AND (sqlc.narg('execution_id')::text IS NULL OR (e.meta ->> 'execution_id') COLLATE "C" = sqlc.narg('execution_id')::text)
      AND event_passes(e.event_type, e.resource_path, e.resource_version, e.payload, e.meta,
          @types::text[], sqlc.narg('path'), sqlc.narg('path_prefix'), sqlc.narg('version'),
          sqlc.narg('execution_id'), sqlc.narg('step'), @statuses::text[],
          sqlc.narg('payload_contains')::jsonb, sqlc.narg('meta_contains')::jsonb, @scopes::text[],
          @paths::text[], @exclude_types::text[], @word_patterns::text[])
      AND (@resource_types::text[] IS NULL OR EXISTS (
          SELECT 1 FROM catalog c
          WHERE c.resource_path = e.resource_path AND c.resource_version = e.resource_version
            AND c.resource_type = ANY (@resource_types::text[]) OFFSET 0))
    UNION ALL
    SELECT s.at, s.event_type, s.status, s.count FROM (
        SELECT c.at, c.event_type, c.status, sum(c.count)::bigint AS count FROM (
    SELECT c.start AS at, c.event_type, c.status, c.count FROM parts_of_days p CROSS JOIN LATERAL (
        SELECT * FROM event_folder_count c WHERE c.folder = p.folder AND c.hours = 24
          AND c.start >= @low_day::timestamptz AND c.start < @high_day::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @low_day::timestamptz < @high_day::timestamptz
            UNION ALL
    SELECT c.hour AS at, c.event_type, c.status, c.count FROM parts_of_days p CROSS JOIN LATERAL (
        SELECT * FROM event_count c WHERE c.path = p.path
          AND c.hour >= @low_day::timestamptz AND c.hour < @high_day::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @low_day::timestamptz < @high_day::timestamptz
            UNION ALL
    SELECT c.start AS at, c.event_type, c.status, c.count FROM parts_of_hours p CROSS JOIN LATERAL (
        SELECT * FROM event_folder_count c WHERE c.folder = p.folder AND c.hours = 1
          AND c.start >= @low_hour::timestamptz AND c.start < @low_day::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @low_hour::timestamptz < @low_day::timestamptz
            UNION ALL
    SELECT c.hour AS at, c.event_type, c.status, c.count FROM parts_of_hours p CROSS JOIN LATERAL (
        SELECT * FROM event_count c WHERE c.path = p.path
          AND c.hour >= @low_hour::timestamptz AND c.hour < @low_day::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @low_hour::timestamptz < @low_day::timestamptz
            UNION ALL
    SELECT c.start AS at, c.event_type, c.status, c.count FROM parts_of_hours p CROSS JOIN LATERAL (
        SELECT * FROM event_folder_count c WHERE c.folder = p.folder AND c.hours = 1
          AND c.start >= @high_day::timestamptz AND c.start < @high_hour::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @high_day::timestamptz < @high_hour::timestamptz
            UNION ALL
    SELECT c.hour AS at, c.event_type, c.status, c.count FROM parts_of_hours p CROSS JOIN LATERAL (
        SELECT * FROM event_count c WHERE c.path = p.path
          AND c.hour >= @high_day::timestamptz AND c.hour < @high_hour::timestamptz
          AND (@types::text[] IS NULL OR c.event_type = ANY (@types::text[]))
          AND (@exclude_types::text[] IS NULL OR c.event_type <> ALL (@exclude_types::text[]))
          AND (@statuses::text[] IS NULL OR lower(c.status) = ANY (@statuses::text[])) OFFSET 0
    ) AS c WHERE @high_day::timestamptz < @high_hour::timestamptz
        ) AS c
        GROUP BY c.at, c.event_type, c.status
    ) AS s
    WHERE s.at <@ (SELECT months FROM attached)
), counted AS MATERIALIZED (
    SELECT date_bin(sqlc.narg('unit_seconds')::integer * interval '1 second', f.at, '2001-01-01 00:00+00') AS bin, f.event_type, f.status,
        sum(f.count)::bigint AS count, min(f.at) AS first, max(f.at) AS last
    FROM found f GROUP BY 1, 2, 3
), fitting AS (
    SELECT c.*, CASE WHEN (SELECT max(o.bin) - min(o.bin) < 1000 * (sqlc.narg('unit_seconds')::integer * interval '1 second') FROM counted o) THEN c.bin END AS start FROM counted c
), summed AS (
    SELECT (CASE WHEN grouping(f.status) = 0 THEN 'status' WHEN grouping(f.start) = 0 THEN 'bucket' WHEN grouping(f.event_type) = 0 THEN 'type' ELSE 'total' END)::text AS what,
        f.start, coalesce(f.event_type, f.status) AS name, coalesce(sum(f.count), 0)::bigint AS count, min(f.first) AS first, max(f.last) AS last
    FROM fitting f
    GROUP BY GROUPING SETS ((f.start, f.event_type), (f.event_type), (f.status), ())
)
SELECT r.what, r.start, coalesce(r.name, '')::text AS name, r.count, r.first, r.last
FROM (
    SELECT s.*, row_number() OVER (PARTITION BY s.what, s.start ORDER BY s.count DESC, s.name) AS place FROM summed s
    WHERE s.name IS NOT NULL OR s.what = 'total'
) AS r
WHERE r.place <= 1000
ORDER BY r.what, r.start, r.place;
