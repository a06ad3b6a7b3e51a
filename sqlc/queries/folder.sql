-- Folders: the levels of the tree of paths. Scopes are disjoint; scope_ends has the end of
-- the range of paths that begin with each scope.

-- name: FolderSize :one
SELECT folder_size_within(@path::text, @scopes::text[], @scope_ends::text[])::bigint AS resource_count;

-- name: FoldersOfFolders :many
-- Up to @page_size folders directly in each parent, low <= path < high; parent is the
-- folder's ordinal, from 1.
SELECT p.parent::integer AS parent, c.path::text AS path,
    folder_size_within(c.path, @scopes::text[], @scope_ends::text[])::bigint AS resource_count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT DISTINCT path
    FROM scope_ranges(@scopes::text[], @scope_ends::text[]) AS s
    CROSS JOIN LATERAL folders_in(p.path, s.low, s.high, @low::text, @high::text, @page_size::integer) AS path
    ORDER BY path
    LIMIT @page_size::integer
) AS c
ORDER BY p.parent, c.path;

-- name: CountFoldersOfFolders :many
SELECT (
    SELECT count(DISTINCT path)
    FROM scope_ranges(@scopes::text[], @scope_ends::text[]) AS s
    CROSS JOIN LATERAL folders_in(p.path, s.low, s.high, '', '', 2147483647) AS path
)::bigint AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, parent)
ORDER BY p.parent;

-- name: ListResourcesOfFolders :many
-- Up to @page_size resources directly in each folder, low <= path < high; parent is the
-- folder's ordinal, from 1.
SELECT p.parent::integer AS parent, r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT k.*
    FROM scope_ranges(@scopes::text[], @scope_ends::text[]) AS s
    CROSS JOIN LATERAL (
        SELECT * FROM resource
        WHERE folder_of(resource_path) = p.path
          AND resource_path >= greatest(s.low, @low::text) AND (s.high = '' OR resource_path < s.high)
          AND (@high::text = '' OR resource_path < @high::text)
        ORDER BY resource_path
        LIMIT @page_size::integer
    ) AS k
    WHERE p.path ^@ s.low OR s.low ^@ p.path
    ORDER BY k.resource_path
    LIMIT @page_size::integer
) AS r
ORDER BY p.parent, r.resource_path;

-- name: CountResourcesOfFolders :many
SELECT (
    SELECT count(*)
    FROM scope_ranges(@scopes::text[], @scope_ends::text[]) AS s
    JOIN resource r ON r.resource_path >= s.low AND (s.high = '' OR r.resource_path < s.high)
    WHERE folder_of(r.resource_path) = p.path AND (p.path ^@ s.low OR s.low ^@ p.path)
)::bigint AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(path, parent)
ORDER BY p.parent;

-- name: MergeFolders :one
SELECT folder_merge(@row_limit::integer)::bigint AS merged;
