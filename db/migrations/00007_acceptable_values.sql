-- What may be stored: names within bounds, instants and payloads that the API
-- can show. The rules are defined here; the API reports violations in the same words.
--
-- Constraints on names are NOT VALID: existing rows stay. Values that the API
-- cannot show are changed to the nearest that it can, and migration_repair keeps
-- the old values.

-- +goose Up
CREATE TABLE migration_repair (
    id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    migration INTEGER NOT NULL,
    table_name TEXT NOT NULL,
    key JSONB NOT NULL,
    column_name TEXT NOT NULL,
    old_value TEXT NOT NULL,
    new_value TEXT NOT NULL,
    repaired_at TIMESTAMPTZ NOT NULL DEFAULT now()
);
COMMENT ON TABLE migration_repair IS
    'Values that a migration had to change because the API could not show them, each with its old value.';

-- +goose StatementBegin
CREATE FUNCTION text_limit(kind text) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE kind
    WHEN 'path' THEN 1024
    WHEN 'label' THEN 128
    WHEN 'type' THEN 128
    WHEN 'event_id' THEN 255
    WHEN 'execution_id' THEN 255
    WHEN 'parent_execution_id' THEN 255
    WHEN 'node_name' THEN 255
    WHEN 'source' THEN 128
    WHEN 'location' THEN 4096
    WHEN 'template' THEN 8192
END;

CREATE FUNCTION text_problem(kind text, value text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(value) > text_limit(kind) THEN
    'is ' || octet_length(value)::text || ' bytes long; ' || text_limit(kind)::text || ' are allowed'
END;

CREATE FUNCTION name_problem(kind text, name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    -- The fast path for nearly every name, in a third of the time.
    WHEN octet_length(name) <= text_limit(kind) AND name ~ '^[!-~]+$' THEN NULL
    WHEN name = '' THEN 'must not be empty'
    WHEN octet_length(name) > text_limit(kind) THEN text_problem(kind, name)
    WHEN name ~ '[\u0001-\u001f\u007f-\u009f]' THEN
        'holds a control character (U+'
        || lpad(upper(to_hex(ascii(substring(name FROM '[\u0001-\u001f\u007f-\u009f]')))), 4, '0') || ')'
    WHEN name ~ '^[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]|[ \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$'
        THEN 'begins or ends with white space'
END;

CREATE FUNCTION label_problem(label text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN label = 'latest' THEN 'must not be "latest", which stands for the latest version' ELSE name_problem('label', label) END;

CREATE FUNCTION meta_problem(meta jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(
    'execution_id ' || text_problem('execution_id', meta ->> 'execution_id'),
    'parent_execution_id ' || text_problem('parent_execution_id', meta ->> 'parent_execution_id'),
    'node_name ' || text_problem('node_name', meta ->> 'node_name')
);

CREATE FUNCTION json_problem(value jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN jsonb_path_exists(value, 'strict $.**{100} ? (@.type() == "object" || @.type() == "array")') THEN
    'is nested too deeply: lists and objects may stand 100 levels inside one another'
END;

CREATE FUNCTION shown_instant(at timestamptz) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(least(at, '9999-12-31 23:59:59.999999Z'), '0001-01-01 00:00:00Z');

CREATE FUNCTION refuse_value(column_name text, problem text) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $$
BEGIN
    RAISE EXCEPTION '%: %', column_name, problem USING ERRCODE = 'check_violation', COLUMN = column_name;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION text_limit IS
    'Promise: the one table of the longest texts, in bytes. What stands in an index must leave room for the rest of its entry, of which PostgreSQL allows 2,704 bytes.';
COMMENT ON FUNCTION text_problem IS
    'What keeps a text from being stored, in the words of the API; NULL for nothing. An index entry or a list would grow too large.';
COMMENT ON FUNCTION name_problem IS
    'Promise: the rule of names, as db/catalog has it: within its bound, not empty, no control characters, no white space at either end. NULL for a name that follows it.';
COMMENT ON FUNCTION label_problem IS
    'Promise: a label is a name, and not the word that stands for the latest version.';
COMMENT ON FUNCTION meta_problem IS
    'Promise: the texts of an event''s meta that stand in an index are within their bounds.';
COMMENT ON FUNCTION json_problem IS
    'Promise: JSON is no deeper than what the API takes and every reader can parse. NULL for such JSON.';
COMMENT ON FUNCTION shown_instant IS
    'The nearest instant that the API can show: the years 1 to 9999 (UTC).';
COMMENT ON FUNCTION refuse_value IS
    'Fails with the problem and its column. For a CHECK constraint, whose own message would not say what is wrong: STRICT, so that a value without a problem is not even a call.';

-- The only place where versions change.
ALTER TABLE catalog DISABLE TRIGGER catalog_immutable;
INSERT INTO migration_repair (migration, table_name, key, column_name, old_value, new_value)
    SELECT 7, 'catalog', jsonb_build_object('resource_path', resource_path, 'resource_version', resource_version),
        'timestamp', timestamp::text, shown_instant(timestamp)::text
    FROM catalog WHERE timestamp <> shown_instant(timestamp)
    UNION ALL
    SELECT 7, 'catalog', jsonb_build_object('resource_path', resource_path, 'resource_version', resource_version),
        'payload', payload::text, '{}'
    FROM catalog WHERE payload = 'null';
UPDATE catalog SET timestamp = shown_instant(timestamp) WHERE timestamp <> shown_instant(timestamp);
UPDATE catalog SET payload = '{}' WHERE payload = 'null';
UPDATE resource SET created_at = shown_instant(created_at), updated_at = shown_instant(updated_at)
    WHERE created_at <> shown_instant(created_at) OR updated_at <> shown_instant(updated_at);
ALTER TABLE catalog ENABLE TRIGGER catalog_immutable;

-- Most databases hold no such event, and need not wait for the locks.
-- +goose StatementBegin
DO $$
BEGIN
    CREATE TEMPORARY TABLE moved ON COMMIT DROP AS
        -- An event_id that came in twice with triggers off must stay two rows.
        SELECT event_id, timestamp AS old_at, CASE
            WHEN timestamp < '0001-01-01 00:00:00Z' THEN shown_instant(timestamp) + nth * interval '1 microsecond'
            ELSE shown_instant(timestamp) - nth * interval '1 microsecond' END AS new_at
        FROM (
            SELECT event_id, timestamp, row_number() OVER (PARTITION BY event_id, timestamp > now() ORDER BY timestamp) - 1 AS nth
            FROM event WHERE timestamp < '0001-01-01 00:00:00Z' OR timestamp >= '10000-01-01 00:00:00Z'
        ) AS outside;
    IF EXISTS (SELECT 1 FROM moved) THEN
        INSERT INTO migration_repair (migration, table_name, key, column_name, old_value, new_value)
            SELECT 7, 'event', jsonb_build_object('event_id', event_id), 'timestamp', old_at::text, new_at::text FROM moved;
        ALTER TABLE event DISABLE TRIGGER event_append_only;
        UPDATE event e SET timestamp = m.new_at FROM moved m WHERE e.timestamp = m.old_at AND e.event_id = m.event_id;
        ALTER TABLE event ENABLE TRIGGER event_append_only;
        UPDATE event_identity e SET timestamp = m.new_at FROM moved m WHERE e.timestamp = m.old_at AND e.event_id = m.event_id;
        UPDATE event_pending e SET timestamp = m.new_at FROM moved m WHERE e.timestamp = m.old_at AND e.event_id = m.event_id;
        UPDATE event_log e SET timestamp = m.new_at FROM moved m WHERE e.timestamp = m.old_at AND e.event_id = m.event_id;
        UPDATE execution SET started_at = shown_instant(started_at), finished_at = shown_instant(finished_at),
            last_event_at = shown_instant(last_event_at)
        WHERE started_at <> shown_instant(started_at) OR finished_at <> shown_instant(finished_at)
            OR last_event_at <> shown_instant(last_event_at);
    END IF;
END $$;

CREATE FUNCTION instant_problem(at timestamptz) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN at <> shown_instant(at) THEN 'must lie in the years 1 to 9999 (UTC)' END;
-- +goose StatementEnd
COMMENT ON FUNCTION instant_problem IS
    'Promise: an instant is one that the API can show, in the API''s words; NULL for one that is.';

ALTER TABLE resource_type
    ADD CONSTRAINT resource_type_has_a_name CHECK (refuse_value('name', name_problem('type', name))) NOT VALID;
ALTER TABLE event_type
    ADD CONSTRAINT event_type_has_a_name CHECK (refuse_value('name', name_problem('type', name))) NOT VALID,
    ADD CONSTRAINT event_type_has_a_short_template CHECK (refuse_value('template', text_problem('template', template))) NOT VALID;
ALTER TABLE catalog
    ADD CONSTRAINT catalog_has_a_path CHECK (refuse_value('resource_path', name_problem('path', resource_path))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_label CHECK (refuse_value('resource_version', label_problem(resource_version))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_short_source CHECK (refuse_value('source', text_problem('source', source))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_short_location CHECK (refuse_value('resource_location', text_problem('location', resource_location))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_shallow_payload CHECK (refuse_value('payload', json_problem(payload))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_shallow_meta CHECK (refuse_value('meta', json_problem(meta))) NOT VALID,
    ADD CONSTRAINT catalog_has_a_payload CHECK (refuse_value('payload', CASE WHEN payload = 'null' THEN 'must not be JSON null' END)),
    ADD CONSTRAINT catalog_has_an_instant CHECK (refuse_value('timestamp', instant_problem(timestamp)));
ALTER TABLE event
    ADD CONSTRAINT event_has_an_id CHECK (refuse_value('event_id', name_problem('event_id', event_id))) NOT VALID,
    ADD CONSTRAINT event_has_a_shallow_payload CHECK (refuse_value('payload', json_problem(payload))) NOT VALID,
    ADD CONSTRAINT event_has_a_shallow_meta CHECK (refuse_value('meta', json_problem(meta))) NOT VALID,
    ADD CONSTRAINT event_has_short_keys CHECK (refuse_value('meta', meta_problem(meta))) NOT VALID,
    ADD CONSTRAINT event_has_an_instant CHECK (refuse_value('timestamp', instant_problem(timestamp))) NOT VALID;

-- +goose Down
ALTER TABLE event DROP CONSTRAINT event_has_an_id, DROP CONSTRAINT event_has_short_keys, DROP CONSTRAINT event_has_a_shallow_payload,
    DROP CONSTRAINT event_has_a_shallow_meta, DROP CONSTRAINT event_has_an_instant;
ALTER TABLE catalog DROP CONSTRAINT catalog_has_a_path, DROP CONSTRAINT catalog_has_a_label, DROP CONSTRAINT catalog_has_a_short_source,
    DROP CONSTRAINT catalog_has_a_short_location, DROP CONSTRAINT catalog_has_a_shallow_payload, DROP CONSTRAINT catalog_has_a_shallow_meta,
    DROP CONSTRAINT catalog_has_a_payload, DROP CONSTRAINT catalog_has_an_instant;
ALTER TABLE event_type DROP CONSTRAINT event_type_has_a_name, DROP CONSTRAINT event_type_has_a_short_template;
ALTER TABLE resource_type DROP CONSTRAINT resource_type_has_a_name;
DROP FUNCTION refuse_value, instant_problem, shown_instant, json_problem, meta_problem, label_problem, name_problem, text_problem, text_limit;
DROP TABLE migration_repair;
