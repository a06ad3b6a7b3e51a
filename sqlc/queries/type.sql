-- Resource types and event types: small tables, read completely or by name.

-- name: ResourceTypes :many
SELECT name FROM resource_type ORDER BY name;

-- name: ResourceTypesByName :many
SELECT name FROM resource_type WHERE name = ANY (@names::text[]) ORDER BY name;

-- name: EventTypes :many
SELECT * FROM event_type ORDER BY name;

-- name: EventTypesByName :many
SELECT * FROM event_type WHERE name = ANY (@names::text[]) ORDER BY name;

-- name: SaveResourceType :exec
INSERT INTO resource_type (name) VALUES (@name) ON CONFLICT (name) DO NOTHING;

-- name: SaveEventType :one
-- Columns that are not set keep their values. A new type then has no template, and the
-- phase that its name implies. An empty phase means no phase.
INSERT INTO event_type AS t (name, template, phase)
VALUES (@name, sqlc.narg('template'), CASE WHEN @set_phase::boolean THEN coalesce(sqlc.narg('phase')::text, '') END)
ON CONFLICT (name) DO UPDATE SET
    template = CASE WHEN @set_template::boolean THEN sqlc.narg('template') ELSE t.template END,
    phase = CASE WHEN @set_phase::boolean THEN sqlc.narg('phase')::text ELSE t.phase END
RETURNING *;
