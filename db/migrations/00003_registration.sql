-- Registration: one call, one transaction, serialised per path.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION catalog_register(
    paths text[], types text[], fold_types boolean[], versions text[], sources text[], locations text[],
    payloads jsonb[], contents text[], metas jsonb[], event_ids text[],
    scopes text[], atomic boolean, dry_run boolean
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    item record;
    latest catalog;
    made catalog;
    known text;
    problem jsonb;
    outcome text;
    happened timestamptz;
    failed boolean := false;
    results jsonb[] := '{}';
    event_rows jsonb[] := '{}';
BEGIN
    -- In the order of the keys, so that two callers with the same paths in
    -- different orders wait for each other instead of deadlocking.
    PERFORM pg_advisory_xact_lock(key) FROM (
        SELECT DISTINCT hashtextextended(path, 0) AS key FROM unnest(paths) AS path ORDER BY 1) AS keys;

    -- Leaving this block by an exception undoes every write in it but keeps
    -- the variables: that is how a dry run tells exactly what would happen.
    BEGIN
        FOR item IN
            SELECT path, type, fold_type, nullif(version, '') AS version, source,
                   nullif(location, '') AS location, payload, nullif(content, '') AS content, meta, event_id
            FROM unnest(paths, types, fold_types, versions, sources, locations,
                        payloads, contents, metas, event_ids)
                AS i(path, type, fold_type, version, source, location, payload, content, meta, event_id)
        LOOP
            problem := NULL;
            made := NULL;
            SELECT name INTO known FROM resource_type
                WHERE name = item.type OR (item.fold_type AND lower(name) = lower(item.type))
                ORDER BY name = item.type DESC, name LIMIT 1;
            SELECT * INTO latest FROM catalog
                WHERE resource_path = item.path ORDER BY revision DESC LIMIT 1;

            IF NOT item.path ^@ ANY (scopes) THEN
                problem := jsonb_build_object('code', 'FORBIDDEN', 'argument', 'path',
                    'message', 'this path is outside what you may write');
            ELSIF known IS NULL THEN
                problem := jsonb_build_object('code', 'BAD_USER_INPUT', 'argument', 'type',
                    'message', format('unknown resource type %s; known types: %s', to_json(item.type),
                        (SELECT string_agg(name, ', ' ORDER BY name) FROM resource_type)));
            ELSIF item.version IS NOT NULL THEN
                SELECT * INTO made FROM catalog
                    WHERE resource_path = item.path AND resource_version = item.version;
                IF FOUND AND (made.payload <> item.payload OR made.resource_type <> known) THEN
                    problem := jsonb_build_object('code', 'CONFLICT', 'argument', 'version',
                        'message', format('version %s exists with another content; versions are immutable',
                            to_json(item.version)));
                END IF;
            ELSIF latest.payload = item.payload AND latest.resource_type = known
                  AND (item.meta IS NULL OR item.meta IS NOT DISTINCT FROM latest.meta) THEN
                made := latest;
            END IF;

            IF problem IS NOT NULL THEN
                failed := true;
                results := array_append(results, problem);
                CONTINUE;
            END IF;

            -- clock_timestamp, not now(): under the lock, a later revision or
            -- event never has an earlier timestamp.
            happened := clock_timestamp();
            IF made.revision IS NOT NULL THEN
                outcome := 'UNCHANGED';
            ELSE
                outcome := CASE WHEN latest.revision IS NULL THEN 'REGISTERED' ELSE 'UPDATED' END;
                INSERT INTO catalog (resource_path, resource_type, resource_version, source, resource_location,
                                     payload, content, meta, timestamp)
                VALUES (item.path, known, coalesce(item.version, catalog_next_label(item.path)), item.source,
                        item.location, item.payload, item.content, item.meta, happened)
                RETURNING * INTO made;
            END IF;

            event_rows := array_append(event_rows, jsonb_build_object(
                'event_id', item.event_id, 'event_type', outcome,
                'resource_path', made.resource_path, 'resource_version', made.resource_version,
                'payload', jsonb_build_object('status', outcome, 'revision', made.revision),
                'timestamp', happened));
            results := array_append(results, jsonb_build_object(
                'status', outcome, 'event_id', item.event_id, 'event_timestamp', happened, 'type', made.resource_type,
                'version', made.resource_version, 'revision', made.revision, 'source', made.source,
                'location', made.resource_location, 'timestamp', made.timestamp));
        END LOOP;

        IF dry_run OR (atomic AND failed) THEN
            RAISE EXCEPTION 'registration undone' USING ERRCODE = 'NC001';
        END IF;
        INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, timestamp)
        SELECT event_id, event_type, resource_path, resource_version, payload, timestamp
        FROM jsonb_populate_recordset(NULL::event, to_jsonb(event_rows));
    EXCEPTION WHEN SQLSTATE 'NC001' THEN
        NULL;
    END;
    RETURN to_jsonb(results);
END $$;

CREATE FUNCTION catalog_next_label(path text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT label[1] || '.' || label[2] || '.' || (label[3] + 1)
        FROM (SELECT string_to_array(resource_version, '.')::numeric[] AS label FROM catalog
              WHERE resource_path = path
                AND resource_version ~ '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$'
              ORDER BY resource_path DESC, string_to_array(resource_version, '.')::numeric[] DESC LIMIT 1) AS highest
    ), '1.0.0')
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_register IS
    'Promise: registrations of one path happen one after another; each is REGISTERED, UPDATED or UNCHANGED with its event, or has a problem and leaves nothing behind. One jsonb object per input, in their order. An empty version, location or content stands for none.';
COMMENT ON FUNCTION catalog_next_label IS
    'The highest x.y.z label of a path with its patch raised by one, compared as numbers; 1.0.0 where there is none.';

-- +goose Down
DROP FUNCTION catalog_register, catalog_next_label;
