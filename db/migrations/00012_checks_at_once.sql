-- +goose Up
-- PostgreSQL prepares the constraints of a table for each statement, and inlines
-- the rules, which are functions in SQL, each time: 0.4 ms for one event. A function
-- in PL/pgSQL is prepared once for a session.

-- +goose StatementBegin
CREATE FUNCTION event_is_sound(id text, at timestamptz, payload jsonb, meta jsonb) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(
        public.refuse_value('meta', public.json_problem(meta)),
        public.refuse_value('payload', public.json_problem(payload)),
        public.refuse_value('event_id', public.name_problem('event_id', id)),
        public.refuse_value('timestamp', public.instant_problem(at)),
        public.refuse_value('meta', public.meta_problem(meta)),
        true);
END $$;

CREATE FUNCTION catalog_is_sound(path text, label text, source text, location text, payload jsonb, meta jsonb, at timestamptz) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN coalesce(
        public.refuse_value('resource_version', public.label_problem(label)),
        public.refuse_value('resource_path', public.name_problem('path', path)),
        public.refuse_value('payload', CASE WHEN payload = 'null' THEN 'must not be JSON null' END),
        public.refuse_value('meta', public.json_problem(meta)),
        public.refuse_value('payload', public.json_problem(payload)),
        public.refuse_value('resource_location', public.text_problem('location', location)),
        public.refuse_value('source', public.text_problem('source', source)),
        public.refuse_value('timestamp', public.instant_problem(at)),
        true);
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_is_sound IS 'Promise: what an event holds can be read and indexed; fails with the column and the problem.';
COMMENT ON FUNCTION catalog_is_sound IS 'Promise: what a version holds can be read and indexed; fails with the column and the problem.';

ALTER TABLE event
    DROP CONSTRAINT event_has_an_id, DROP CONSTRAINT event_has_short_keys, DROP CONSTRAINT event_has_a_shallow_payload,
    DROP CONSTRAINT event_has_a_shallow_meta, DROP CONSTRAINT event_has_an_instant,
    ADD CONSTRAINT event_is_sound CHECK (event_is_sound(event_id, timestamp, payload, meta)) NOT VALID;
ALTER TABLE catalog
    DROP CONSTRAINT catalog_has_a_path, DROP CONSTRAINT catalog_has_a_label, DROP CONSTRAINT catalog_has_a_short_source,
    DROP CONSTRAINT catalog_has_a_short_location, DROP CONSTRAINT catalog_has_a_shallow_payload, DROP CONSTRAINT catalog_has_a_shallow_meta,
    DROP CONSTRAINT catalog_has_a_payload, DROP CONSTRAINT catalog_has_an_instant,
    ADD CONSTRAINT catalog_is_sound CHECK (
        catalog_is_sound(resource_path, resource_version, source, resource_location, payload, meta, timestamp)) NOT VALID;

-- +goose Down
ALTER TABLE event
    DROP CONSTRAINT event_is_sound,
    ADD CONSTRAINT event_has_an_id CHECK (refuse_value('event_id', name_problem('event_id', event_id))) NOT VALID,
    ADD CONSTRAINT event_has_a_shallow_payload CHECK (refuse_value('payload', json_problem(payload))) NOT VALID,
    ADD CONSTRAINT event_has_a_shallow_meta CHECK (refuse_value('meta', json_problem(meta))) NOT VALID,
    ADD CONSTRAINT event_has_short_keys CHECK (refuse_value('meta', meta_problem(meta))) NOT VALID,
    ADD CONSTRAINT event_has_an_instant CHECK (refuse_value('timestamp', instant_problem(timestamp))) NOT VALID;
ALTER TABLE catalog
    DROP CONSTRAINT catalog_is_sound,
    ADD CONSTRAINT catalog_has_a_path CHECK (refuse_value('resource_path', name_problem('path', resource_path))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_label CHECK (refuse_value('resource_version', label_problem(resource_version))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_short_source CHECK (refuse_value('source', text_problem('source', source))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_short_location CHECK (refuse_value('resource_location', text_problem('location', resource_location))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_shallow_payload CHECK (refuse_value('payload', json_problem(payload))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_shallow_meta CHECK (refuse_value('meta', json_problem(meta))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_payload CHECK (refuse_value('payload', CASE WHEN payload = 'null' THEN 'must not be JSON null' END)),
    ADD CONSTRAINT catalog_has_an_instant CHECK (refuse_value('timestamp', instant_problem(timestamp)));
DROP FUNCTION event_is_sound, catalog_is_sound;
