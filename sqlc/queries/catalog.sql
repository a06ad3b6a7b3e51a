-- Versions of resources: the catalog table.
--
-- Every query that reads or writes paths takes @scopes, the path prefixes that
-- the caller may see; '' means all paths. payload, content and meta are read from
-- TOAST only if a flag requests them.

-- name: Register :one
-- Registers versions; see the function's comment.
SELECT catalog_register(
    @paths::text[], @types::text[], @fold_types::boolean[], @versions::text[], @sources::text[], @locations::text[],
    @payloads::jsonb[], @contents::text[], @metas::jsonb[], @event_ids::text[],
    @scopes::text[], @atomic::boolean, @dry_run::boolean,
    @as_history::boolean, sqlc.narg(history_from)::integer, @max_types::integer
)::jsonb AS results;

-- name: VersionsByLabel :many
-- The versions at these (path, label) pairs; parent is the pair's ordinal, from 1.
SELECT
    p.parent::integer AS parent,
    c.resource_path, c.resource_type, c.resource_version, c.revision, c.source, c.resource_location, c.timestamp,
    (CASE WHEN @with_payload::boolean THEN c.payload END)::jsonb AS payload,
    coalesce(CASE WHEN @with_content::boolean THEN c.content END, '')::text AS content,
    (CASE WHEN @with_meta::boolean THEN c.meta END)::jsonb AS meta
FROM ROWS FROM (unnest(@paths::text[]), unnest(@labels::text[])) WITH ORDINALITY AS p(path, label, parent)
JOIN catalog c ON c.resource_path = p.path AND c.resource_version = p.label
WHERE ((SELECT '' = ANY (@scopes::text[])) OR c.resource_path ^@ ANY (@scopes::text[]))
ORDER BY p.parent;

-- name: VersionByLabel :many
-- VersionsByLabel for a single pair, the most frequent case, in nine tenths of the
-- time.
SELECT
    1::integer AS parent,
    c.resource_path, c.resource_type, c.resource_version, c.revision, c.source, c.resource_location, c.timestamp,
    (CASE WHEN @with_payload::boolean THEN c.payload END)::jsonb AS payload,
    coalesce(CASE WHEN @with_content::boolean THEN c.content END, '')::text AS content,
    (CASE WHEN @with_meta::boolean THEN c.meta END)::jsonb AS meta
FROM catalog c
WHERE c.resource_path = @path::text AND c.resource_version = @label::text AND c.resource_path ^@ ANY (@scopes::text[])
ORDER BY c.resource_path;

-- name: VersionsByRevision :many
-- The versions at these (path, revision) pairs; parent is the pair's ordinal, from 1.
SELECT
    p.parent::integer AS parent,
    c.resource_path, c.resource_type, c.resource_version, c.revision, c.source, c.resource_location, c.timestamp,
    (CASE WHEN @with_payload::boolean THEN c.payload END)::jsonb AS payload,
    coalesce(CASE WHEN @with_content::boolean THEN c.content END, '')::text AS content,
    (CASE WHEN @with_meta::boolean THEN c.meta END)::jsonb AS meta
FROM ROWS FROM (unnest(@paths::text[]), unnest(@revisions::integer[])) WITH ORDINALITY AS p(path, revision, parent)
JOIN catalog c ON c.resource_path = p.path AND c.revision = p.revision
WHERE c.resource_path ^@ ANY (@scopes::text[])
ORDER BY p.parent;

-- name: VersionsNewestFirst :many
-- Up to @page_size versions of each path with low <= revision < high.
SELECT
    p.parent::integer AS parent,
    v.resource_path, v.resource_type, v.resource_version, v.revision, v.source, v.resource_location, v.timestamp,
    (CASE WHEN @with_payload::boolean THEN v.payload END)::jsonb AS payload,
    coalesce(CASE WHEN @with_content::boolean THEN v.content END, '')::text AS content,
    (CASE WHEN @with_meta::boolean THEN v.meta END)::jsonb AS meta
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM catalog c
    WHERE c.resource_path = p.path
      AND c.revision >= @low::integer AND c.revision < @high::integer
      AND c.resource_path ^@ ANY (@scopes::text[])
    ORDER BY c.revision DESC
    LIMIT @page_size::integer
) AS v
ORDER BY p.parent, v.revision DESC;

-- name: VersionsOldestFirst :many
-- Up to @page_size versions of each path with low <= revision < high.
SELECT
    p.parent::integer AS parent,
    v.resource_path, v.resource_type, v.resource_version, v.revision, v.source, v.resource_location, v.timestamp,
    (CASE WHEN @with_payload::boolean THEN v.payload END)::jsonb AS payload,
    coalesce(CASE WHEN @with_content::boolean THEN v.content END, '')::text AS content,
    (CASE WHEN @with_meta::boolean THEN v.meta END)::jsonb AS meta
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT * FROM catalog c
    WHERE c.resource_path = p.path
      AND c.revision >= @low::integer AND c.revision < @high::integer
      AND c.resource_path ^@ ANY (@scopes::text[])
    ORDER BY c.revision ASC
    LIMIT @page_size::integer
) AS v
ORDER BY p.parent, v.revision ASC;
