-- Resource types and event types: small tables, read whole or by name.

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

-- name: SaveEventType :exec
INSERT INTO event_type (name, template) VALUES (@name, sqlc.narg('template'))
ON CONFLICT (name) DO UPDATE SET template = excluded.template;
