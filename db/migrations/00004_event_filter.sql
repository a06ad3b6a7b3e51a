-- EventFilter, evaluated in SQL.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION event_passes(
    event_type text, resource_path text, resource_version text, payload jsonb, meta jsonb,
    types text[], path text, path_prefix text, version text, execution_id text, step text, statuses text[],
    payload_contains jsonb, meta_contains jsonb, scopes text[]
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (types IS NULL OR event_type = ANY (types))
    AND (path IS NULL OR resource_path = path)
    AND (path_prefix IS NULL OR resource_path ^@ path_prefix)
    AND (version IS NULL OR resource_version = version)
    AND (execution_id IS NULL OR meta ->> 'execution_id' = execution_id)
    AND (step IS NULL OR meta ->> 'node_name' = step)
    AND (statuses IS NULL OR lower(meta ->> 'status') = ANY (statuses))
    AND (payload_contains IS NULL OR payload @> payload_contains)
    AND (meta_contains IS NULL OR meta @> meta_contains)
    AND resource_path ^@ ANY (scopes);
-- +goose StatementEnd
COMMENT ON FUNCTION event_passes IS
    'Promise: what EventFilter means, in one place: all of the fields given hold (statuses come in lower case), and the path lies within a scope. Time bounds and resourceTypes stand in the queries. PostgreSQL inlines it.';

-- +goose Down
DROP FUNCTION event_passes;
