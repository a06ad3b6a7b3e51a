-- Generated from sqlc/templates/resource.sql.tmpl by `make generate`; do not edit.
-- Resources: the head row of each path.
--
-- A page is the half-open range low <= (sort time, path) < high of its order.
-- There is one query per order and direction, so that each walks its own index. A
-- generic plan cannot use an index for a condition that begins with IS NULL: it
-- would read and sort everything after a cursor by updated_at.

-- name: ResourcesByPath :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE r.resource_path = ANY (@paths::text[]) AND ((SELECT '' = ANY (@scopes::text[])) OR r.resource_path ^@ ANY (@scopes::text[]))
ORDER BY r.resource_path;

-- name: ListResourcesByPathAsc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE r.resource_path >= @low_path::text AND (@high_path::text = '' OR r.resource_path < @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND ((SELECT '' = ANY (@scopes::text[])) OR r.resource_path ^@ ANY (@scopes::text[]))
ORDER BY r.resource_path ASC
LIMIT @page_size::integer;

-- name: ListResourcesByUpdatedAsc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE (r.updated_at, r.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (r.updated_at, r.resource_path) < (@high_time::timestamptz, @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.updated_at ASC, r.resource_path ASC
LIMIT @page_size::integer;

-- name: ListResourcesByCreatedAsc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE (r.created_at, r.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (r.created_at, r.resource_path) < (@high_time::timestamptz, @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.created_at ASC, r.resource_path ASC
LIMIT @page_size::integer;

-- name: ListResourcesContainingAsc :many
-- Resources whose latest version contains the given JSON, found by the GIN
-- indexes of catalog and then sorted. In the order of paths, the sort time of
-- all of them is the epoch.
SELECT s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM (
    SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at,
        (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time
    FROM catalog c
    JOIN resource r ON r.resource_path = c.resource_path AND r.latest_revision = c.revision
    WHERE (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)
      AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
      AND r.resource_path ^@ ANY (@scopes::text[])
) AS s
WHERE (s.sort_time, s.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (s.sort_time, s.resource_path) < (@high_time::timestamptz, @high_path::text)
ORDER BY s.sort_time ASC, s.resource_path ASC
LIMIT @page_size::integer;

-- name: ListResourcesOfTypesAsc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at,
            (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time
        FROM resource r
        WHERE r.resource_type = p.type
          AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
          AND r.resource_path ^@ ANY (@scopes::text[])
          AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
    ORDER BY k.sort_time ASC, k.resource_path ASC
    LIMIT @page_size::integer
) AS s
ORDER BY p.parent, s.sort_time ASC, s.resource_path ASC;

-- name: ListResourcesByPathDesc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE r.resource_path >= @low_path::text AND (@high_path::text = '' OR r.resource_path < @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND ((SELECT '' = ANY (@scopes::text[])) OR r.resource_path ^@ ANY (@scopes::text[]))
ORDER BY r.resource_path DESC
LIMIT @page_size::integer;

-- name: ListResourcesByUpdatedDesc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE (r.updated_at, r.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (r.updated_at, r.resource_path) < (@high_time::timestamptz, @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.updated_at DESC, r.resource_path DESC
LIMIT @page_size::integer;

-- name: ListResourcesByCreatedDesc :many
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM resource r
WHERE (r.created_at, r.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (r.created_at, r.resource_path) < (@high_time::timestamptz, @high_path::text)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.created_at DESC, r.resource_path DESC
LIMIT @page_size::integer;

-- name: ListResourcesContainingDesc :many
-- Resources whose latest version contains the given JSON, found by the GIN
-- indexes of catalog and then sorted. In the order of paths, the sort time of
-- all of them is the epoch.
SELECT s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM (
    SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at,
        (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time
    FROM catalog c
    JOIN resource r ON r.resource_path = c.resource_path AND r.latest_revision = c.revision
    WHERE (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)
      AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
      AND r.resource_path ^@ ANY (@scopes::text[])
) AS s
WHERE (s.sort_time, s.resource_path) >= (@low_time::timestamptz, @low_path::text)
  AND (s.sort_time, s.resource_path) < (@high_time::timestamptz, @high_path::text)
ORDER BY s.sort_time DESC, s.resource_path DESC
LIMIT @page_size::integer;

-- name: ListResourcesOfTypesDesc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at,
            (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time
        FROM resource r
        WHERE r.resource_type = p.type
          AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
          AND r.resource_path ^@ ANY (@scopes::text[])
          AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
    ORDER BY k.sort_time DESC, k.resource_path DESC
    LIMIT @page_size::integer
) AS s
ORDER BY p.parent, s.sort_time DESC, s.resource_path DESC;

-- name: CountResources :one
SELECT count(*)
FROM resource r
WHERE (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[]);

-- name: CountResourcesContaining :one
SELECT count(*)
FROM catalog c
JOIN resource r ON r.resource_path = c.resource_path AND r.latest_revision = c.revision
WHERE (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[]);

-- name: CountResourcesOfTypes :many
SELECT r.resource_type, count(*) AS count
FROM resource r
WHERE r.resource_type = ANY (@parents::text[])
  AND (@types::text[] IS NULL OR r.resource_type = ANY (@types::text[]))
  AND (@paths::text[] IS NULL OR r.resource_path = ANY (@paths::text[]))
  AND r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
  AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
  AND r.resource_path ^@ ANY (@scopes::text[])
  AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))
GROUP BY r.resource_type
ORDER BY r.resource_type;

-- name: PathsUnderPrefix :many
-- At most @at_most paths, which is enough to see whether there are few.
SELECT r.resource_path
FROM resource r
WHERE r.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR r.resource_path < @prefix_high::text)
  AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.resource_path
LIMIT @at_most::integer;

-- name: TagsByPath :many
SELECT r.resource_path, payload_tags(c.payload)::jsonb AS tags
FROM resource r
JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
WHERE r.resource_path = ANY (@paths::text[]) AND r.resource_path ^@ ANY (@scopes::text[])
ORDER BY r.resource_path;
