-- Whether an event that is recorded again is the same one.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION event_differs(id text, at timestamptz, type text, path text, version text, content jsonb, context jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN NOT EXISTS (
        SELECT 1 FROM public.event e
        WHERE e.timestamp = at AND e.event_id = id
          AND (e.event_type, e.resource_path, e.resource_version) = (type, path, version)
          AND (e.payload, e.meta) IS NOT DISTINCT FROM (content, context));
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_differs IS
    'Promise: false if the event recorded under this id is the one given. A function, so that a statement that records new events does not open every partition to look.';

-- +goose Down
DROP FUNCTION event_differs;
