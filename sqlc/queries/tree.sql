-- Rows of several levels in one statement, in which each level determines the rows
-- of the next, since a round trip often costs more than reading a level.
--
-- level is the kind of a row: 0 a resource, 1 a version, 2 an event. Each level
-- follows the previous one (Append keeps the order of its parts, and each CTE its
-- own). parent is the ordinal, from 1, of the row of the previous level to which a
-- row belongs. Columns mean the same as in the other queries, except that name is
-- also the source of a version, description its location, and timestamp also the
-- updated_at of a resource.

-- name: ResourceTree :many
-- A page of resources by path, the newest versions of each resource, and the newest
-- events of each version. The row of an event does not repeat what its version has.
WITH r AS MATERIALIZED (
    SELECT row_number() OVER (ORDER BY resource_path)::integer AS place,
        resource_path, resource_type, latest_version, latest_revision, name, description, created_at, updated_at
    FROM resource
    WHERE resource_path >= @low_path::text AND (@high_path::text = '' OR resource_path < @high_path::text)
      AND ((SELECT '' = ANY (@scopes::text[])) OR resource_path ^@ ANY (@scopes::text[]))
    ORDER BY resource_path
    LIMIT @page_size::integer
), v AS MATERIALIZED (
    SELECT r.place AS parent, row_number() OVER ()::integer AS place,
        c.resource_path, c.resource_type, c.resource_version, c.revision, c.source, c.resource_location, c.timestamp, c.payload, c.content, c.meta
    FROM r
    CROSS JOIN LATERAL (
        SELECT
            resource_path, resource_type, resource_version, revision, source, resource_location, timestamp,
            (CASE WHEN @with_payload::boolean THEN payload END)::jsonb AS payload,
            (CASE WHEN @with_content::boolean THEN content END)::text AS content,
            (CASE WHEN @with_meta::boolean THEN meta END)::jsonb AS meta
        FROM catalog
        WHERE resource_path = r.resource_path
        ORDER BY revision DESC
        LIMIT @version_page_size::integer
    ) AS c
)
SELECT
    0::integer AS level, 0::integer AS parent, NULL::text AS event_id,
    r.resource_path AS path, r.resource_type AS type, r.latest_version AS label, r.latest_revision AS revision,
    r.name AS name, r.description AS description, NULL::text AS content, NULL::jsonb AS payload, NULL::jsonb AS meta,
    r.updated_at AS timestamp, r.created_at AS created_at
FROM r
UNION ALL
SELECT
    1, v.parent, NULL,
    v.resource_path, v.resource_type, v.resource_version, v.revision,
    v.source, v.resource_location, v.content, v.payload, v.meta,
    v.timestamp, NULL
FROM v
UNION ALL
SELECT
    2, v.place, e.event_id,
    NULL, e.event_type, NULL, NULL,
    NULL, NULL, NULL, e.payload, e.meta,
    e.timestamp, NULL
FROM v
CROSS JOIN LATERAL (
    SELECT
        event_id, event_type, timestamp,
        (CASE WHEN @with_event_payload::boolean THEN payload END)::jsonb AS payload,
        (CASE WHEN @with_event_meta::boolean THEN meta END)::jsonb AS meta
    FROM event
    WHERE resource_path = v.resource_path AND resource_version = v.resource_version AND timestamp < now() + interval '2 days'
    ORDER BY timestamp DESC, event_id DESC
    LIMIT @event_page_size::integer
) AS e
WHERE @event_page_size::integer > 0;
