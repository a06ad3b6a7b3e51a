-- Generated from sqlc/templates/reference.sql.tmpl by `make generate`; do not edit.
-- References: the places in a latest payload that name a playbook, credential or tool.

-- name: ListReferencesAsc :many
-- Up to @page_size references of each resource, in the order of its payload; parent is
-- the resource's ordinal, from 1.
SELECT p.parent::integer AS parent, p.path::text AS path, f.nth::integer AS nth, f.kind, f.pointer, f.step, f.target, f.templated
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT named.nth, named.kind::text AS kind, named.pointer::text AS pointer, named.step::text AS step, named.target::text AS target, named.templated::boolean AS templated
    FROM resource r
    JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
    CROSS JOIN LATERAL payload_references(c.payload) WITH ORDINALITY AS named(kind, pointer, step, target, templated, nth)
    WHERE r.resource_path = p.path AND r.resource_path ^@ ANY (@scopes::text[])
      AND named.nth >= @low::bigint AND named.nth < @high::bigint
      AND (@kinds::text[] IS NULL OR named.kind = ANY (@kinds::text[]))
    ORDER BY named.nth ASC
    LIMIT @page_size::integer
) AS f
ORDER BY p.parent, f.nth ASC;

-- name: ListReferencesToAsc :many
-- Up to @page_size places that call each resource, ordered by path and pointer, which form
-- one key: no path contains the control character between them. Each caller has at least
-- one place, so it is enough to read as many callers as places, and the one in which the
-- page begins.
SELECT p.parent::integer AS parent, f.resource_path AS path, 0::integer AS nth, f.kind, f.pointer, f.step, f.target, f.templated
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT caller.resource_path, named.kind::text AS kind, named.pointer::text AS pointer, named.step::text AS step, named.target::text AS target, named.templated::boolean AS templated
    FROM (
        SELECT i.resource_path FROM resource_index i
        WHERE i.terms @> ARRAY['playbook:' || p.path] AND i.resource_path ^@ ANY (@scopes::text[])
          AND i.resource_path >= @low_path::text AND (@high_path::text = '' OR i.resource_path <= @high_path::text)
        ORDER BY i.resource_path ASC
        LIMIT @most_callers::integer
    ) AS caller
    JOIN resource r ON r.resource_path = caller.resource_path
    JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
    CROSS JOIN LATERAL payload_references(c.payload) AS named
    WHERE named.kind = 'PLAYBOOK' AND named.target = p.path
      AND caller.resource_path || E'\x01' || named.pointer >= @low_key::text
      AND (@high_key::text = '' OR caller.resource_path || E'\x01' || named.pointer < @high_key::text)
    ORDER BY caller.resource_path ASC, named.pointer COLLATE "C" ASC
    LIMIT @page_size::integer
) AS f
ORDER BY p.parent, f.resource_path ASC, f.pointer COLLATE "C" ASC;

-- name: ListReferencesDesc :many
-- Up to @page_size references of each resource, in the order of its payload; parent is
-- the resource's ordinal, from 1.
SELECT p.parent::integer AS parent, p.path::text AS path, f.nth::integer AS nth, f.kind, f.pointer, f.step, f.target, f.templated
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT named.nth, named.kind::text AS kind, named.pointer::text AS pointer, named.step::text AS step, named.target::text AS target, named.templated::boolean AS templated
    FROM resource r
    JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
    CROSS JOIN LATERAL payload_references(c.payload) WITH ORDINALITY AS named(kind, pointer, step, target, templated, nth)
    WHERE r.resource_path = p.path AND r.resource_path ^@ ANY (@scopes::text[])
      AND named.nth >= @low::bigint AND named.nth < @high::bigint
      AND (@kinds::text[] IS NULL OR named.kind = ANY (@kinds::text[]))
    ORDER BY named.nth DESC
    LIMIT @page_size::integer
) AS f
ORDER BY p.parent, f.nth DESC;

-- name: ListReferencesToDesc :many
-- Up to @page_size places that call each resource, ordered by path and pointer, which form
-- one key: no path contains the control character between them. Each caller has at least
-- one place, so it is enough to read as many callers as places, and the one in which the
-- page begins.
SELECT p.parent::integer AS parent, f.resource_path AS path, 0::integer AS nth, f.kind, f.pointer, f.step, f.target, f.templated
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
CROSS JOIN LATERAL (
    SELECT caller.resource_path, named.kind::text AS kind, named.pointer::text AS pointer, named.step::text AS step, named.target::text AS target, named.templated::boolean AS templated
    FROM (
        SELECT i.resource_path FROM resource_index i
        WHERE i.terms @> ARRAY['playbook:' || p.path] AND i.resource_path ^@ ANY (@scopes::text[])
          AND i.resource_path >= @low_path::text AND (@high_path::text = '' OR i.resource_path <= @high_path::text)
        ORDER BY i.resource_path DESC
        LIMIT @most_callers::integer
    ) AS caller
    JOIN resource r ON r.resource_path = caller.resource_path
    JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
    CROSS JOIN LATERAL payload_references(c.payload) AS named
    WHERE named.kind = 'PLAYBOOK' AND named.target = p.path
      AND caller.resource_path || E'\x01' || named.pointer >= @low_key::text
      AND (@high_key::text = '' OR caller.resource_path || E'\x01' || named.pointer < @high_key::text)
    ORDER BY caller.resource_path DESC, named.pointer COLLATE "C" DESC
    LIMIT @page_size::integer
) AS f
ORDER BY p.parent, f.resource_path DESC, f.pointer COLLATE "C" DESC;

-- name: CountReferences :many
SELECT p.parent::integer AS parent, count(*) AS count
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
JOIN resource r ON r.resource_path = p.path
JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
CROSS JOIN LATERAL payload_references(c.payload) AS named
WHERE r.resource_path ^@ ANY (@scopes::text[]) AND (@kinds::text[] IS NULL OR named.kind = ANY (@kinds::text[]))
GROUP BY p.parent
ORDER BY p.parent;

-- name: CountReferencesTo :many
SELECT p.parent::integer AS parent, sum(i.places[array_position(i.terms, 'playbook:' || p.path)])::bigint AS count
FROM unnest(@paths::text[]) WITH ORDINALITY AS p(path, parent)
JOIN resource_index i ON i.terms @> ARRAY['playbook:' || p.path]
WHERE i.resource_path ^@ ANY (@scopes::text[])
GROUP BY p.parent
ORDER BY p.parent;
