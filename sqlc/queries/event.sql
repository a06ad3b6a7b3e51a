-- Events by id, and the recording of events. Lists and counts are in
-- event_list.sql.

-- name: EventsByID :many
-- The identity of an event has the timestamp, which selects the partition.
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
-- Records one new and valid event in two thirds of the time of RecordEvents. It
-- returns no row for any other event; RecordEvents then reports the problem.
INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
SELECT @event_id::text, @type::text, c.resource_path, c.resource_version, @payload::jsonb, @meta::jsonb, @timestamp::timestamptz
FROM resource r
JOIN catalog c ON c.resource_path = r.resource_path AND c.resource_version = coalesce(nullif(@version::text, ''), r.latest_version)
WHERE r.resource_path = @path::text AND r.resource_path ^@ ANY (@scopes::text[])
  AND EXISTS (SELECT 1 FROM event_type t WHERE t.name = @type::text)
  AND NOT EXISTS (SELECT 1 FROM event_identity d WHERE d.event_id = @event_id::text)
RETURNING resource_version, timestamp;

-- name: RecordNewEvents :many
-- Records new and valid events without the checks of RecordEvents, which take a
-- quarter of its time. It records none if one has been recorded before or is out of
-- scope, and fails at any other problem; RecordEvents then reports it. The rows are
-- in the order of the input.
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
-- Records all events, or none if any has a problem. Returns one row per input, in
-- the order of the input. An input whose event_id is already recorded, or is that of
-- an earlier input, is a duplicate if the content is the same, and a CONFLICT
-- otherwise. An empty version means the latest. With @open_types, unknown types are
-- added up to a total of @max_types.
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
            -- Callers cannot check the length of a number in jsonb, or the database's clock.
            WHEN i.timestamp > now() + interval '1 day' THEN 'TOO_FAR_AHEAD'
            ELSE coalesce('META ' || meta_problem(i.meta), '')
        END AS problem
    FROM compared i
), added AS (
    -- A fixed order, so that two callers cannot deadlock.
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
