-- A folder with the history of a path, one file for each version, is registered as
-- that history: content that is already registered adds no version.

-- +goose Up
-- Finds the next version of a path with a content, without reading the others.
CREATE INDEX catalog_content_idx ON catalog (resource_path, jsonb_hash_extended(payload, 0), revision);

DROP FUNCTION catalog_register(text[], text[], boolean[], text[], text[], text[], jsonb[], text[], jsonb[], text[],
                               text[], boolean, boolean);

-- +goose StatementBegin
-- The last three have defaults for a server of the previous release.
CREATE FUNCTION catalog_register(
    paths text[], types text[], fold_types boolean[], versions text[], sources text[], locations text[],
    payloads jsonb[], contents text[], metas jsonb[], event_ids text[],
    scopes text[], atomic boolean, dry_run boolean,
    as_history boolean DEFAULT false, history_from integer DEFAULT NULL, max_types integer DEFAULT 0
) RETURNS jsonb
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    item record;
    latest catalog;
    made catalog;
    known text;
    new_type boolean;
    problem jsonb;
    outcome text;
    happened timestamptz;
    failed boolean := false;
    place integer;
    -- Of each path, the revision that its inputs have come to.
    places integer[] := '{}';
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
                   nullif(location, '') AS location, payload, nullif(content, '') AS content, meta, event_id,
                   dense_rank() OVER (ORDER BY path COLLATE "C") AS nth_path,
                   as_history AND (history_from IS NOT NULL OR count(*) OVER (PARTITION BY path COLLATE "C") > 1) AS in_history
            FROM unnest(paths, types, fold_types, versions, sources, locations,
                        payloads, contents, metas, event_ids) WITH ORDINALITY
                AS i(path, type, fold_type, version, source, location, payload, content, meta, event_id, nth)
            ORDER BY nth
        LOOP
            problem := NULL;
            made := NULL;
            SELECT name INTO known FROM resource_type
                WHERE name = item.type OR (item.fold_type AND lower(name) = lower(item.type))
                ORDER BY name = item.type DESC, name LIMIT 1;
            new_type := known IS NULL AND max_types > 0;
            SELECT * INTO latest FROM catalog
                WHERE resource_path = item.path ORDER BY revision DESC LIMIT 1;
            place := coalesce(places[item.nth_path], history_from, 0);

            IF NOT item.path ^@ ANY (scopes) THEN
                problem := jsonb_build_object('code', 'FORBIDDEN', 'argument', 'path',
                    'message', 'this path is outside what you may write');
            ELSIF item.payload IS NULL OR item.payload = 'null' THEN
                problem := jsonb_build_object('code', 'BAD_USER_INPUT', 'argument', 'payload',
                    'message', 'must not be JSON null');
            ELSIF new_type AND (SELECT count(*) FROM resource_type) >= max_types THEN
                problem := jsonb_build_object('code', 'BAD_USER_INPUT', 'argument', 'type',
                    'message', format('there are %s resource types already, and no more can be added', max_types));
            ELSIF known IS NULL AND NOT new_type THEN
                problem := jsonb_build_object('code', 'BAD_USER_INPUT', 'argument', 'type',
                    'message', format('unknown resource type %s; known types: %s', to_json(item.type),
                        (SELECT string_agg(name, ', ' ORDER BY name) FROM resource_type)));
            ELSIF item.version IS NOT NULL THEN
                SELECT * INTO made FROM catalog
                    WHERE resource_path = item.path AND resource_version = item.version;
                IF FOUND AND (made.payload <> item.payload OR made.resource_type IS DISTINCT FROM known) THEN
                    problem := jsonb_build_object('code', 'CONFLICT', 'argument', 'version',
                        'message', format('version %s exists with another content; versions are immutable',
                            to_json(item.version)));
                END IF;
            ELSIF item.in_history THEN
                -- The earliest such version: what is there to be found after it
                -- includes what is there after any later one, so an input that
                -- was found or added once is found for good.
                SELECT * INTO made FROM catalog
                    WHERE resource_path = item.path
                      AND jsonb_hash_extended(payload, 0) = jsonb_hash_extended(item.payload, 0)
                      AND revision >= place AND payload = item.payload AND resource_type = known
                    ORDER BY revision LIMIT 1;
            ELSIF latest.payload = item.payload AND latest.resource_type = known
                  AND (as_history OR item.meta IS NULL OR item.meta IS NOT DISTINCT FROM latest.meta) THEN
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
                places[item.nth_path] := greatest(place, made.revision);
            ELSE
                outcome := CASE WHEN latest.revision IS NULL THEN 'REGISTERED' ELSE 'UPDATED' END;
                IF new_type THEN
                    known := item.type;
                    INSERT INTO resource_type (name) VALUES (known) ON CONFLICT DO NOTHING;
                END IF;
                INSERT INTO catalog (resource_path, resource_type, resource_version, source, resource_location,
                                     payload, content, meta, timestamp)
                VALUES (item.path, known, coalesce(item.version, catalog_next_label(item.path)), item.source,
                        item.location, item.payload, item.content, item.meta, happened)
                RETURNING * INTO made;
                places[item.nth_path] := made.revision;
            END IF;

            event_rows := array_append(event_rows, jsonb_build_object(
                'event_id', item.event_id, 'event_type', outcome,
                'resource_path', made.resource_path, 'resource_version', made.resource_version,
                'payload', jsonb_build_object('status', outcome, 'revision', made.revision),
                'timestamp', happened));
            results := array_append(results, jsonb_build_object(
                'status', outcome, 'event_id', item.event_id, 'event_timestamp', happened, 'type', made.resource_type,
                'type_created', new_type, 'version', made.resource_version, 'revision', made.revision,
                'source', made.source, 'location', made.resource_location, 'timestamp', made.timestamp));
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
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_register IS
    'Promise: registrations of one path happen one after another; each is REGISTERED, UPDATED or UNCHANGED with its event, or has a problem and leaves nothing behind. One jsonb object per input, in their order. An empty version, location or content stands for none. as_history: several inputs of a path are its history, and each that stands there after the one before is UNCHANGED, so that the same inputs never add a version twice; history_from is the revision that earlier inputs of the same history came to; meta is not compared. max_types: unknown types are added up to this many.';

-- +goose Down
DROP FUNCTION catalog_register;
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
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_register IS
    'Promise: registrations of one path happen one after another; each is REGISTERED, UPDATED or UNCHANGED with its event, or has a problem and leaves nothing behind. One jsonb object per input, in their order. An empty version, location or content stands for none.';
DROP INDEX catalog_content_idx;
