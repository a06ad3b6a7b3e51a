-- Types are listed without pages, so their number is limited for every writer. A
-- label that cannot be made is reported with its input.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION type_limit() RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN 1000;

CREATE FUNCTION type_after_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    more integer;
    present integer;
BEGIN
    SELECT count(*) INTO more FROM added;
    -- ON CONFLICT adds nothing where the types are there.
    IF more = 0 THEN
        RETURN NULL;
    END IF;
    -- Who adds types at the same time would not be counted. The seed tells the
    -- key from that of a path.
    PERFORM pg_advisory_xact_lock(hashtextextended(TG_TABLE_NAME, 1));
    EXECUTE format('SELECT count(*) FROM %I', TG_TABLE_NAME) INTO present;
    IF present > type_limit() THEN
        RAISE EXCEPTION 'name: there are % % types already, and % can be added', present - more, split_part(TG_TABLE_NAME, '_', 1),
            CASE WHEN present - more < type_limit() THEN format('no more than %s', type_limit() - (present - more)) ELSE 'no more' END
            USING ERRCODE = 'check_violation', COLUMN = 'name', TABLE = TG_TABLE_NAME, CONSTRAINT = 'type_limit';
    END IF;
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION type_limit IS
    'Promise: how many resource types, and how many event types, there can be. Where there were more before, they stay.';
COMMENT ON FUNCTION type_after_insert IS
    'Promise: no statement adds types beyond type_limit, whoever writes.';
CREATE TRIGGER resource_type_after_insert AFTER INSERT ON resource_type
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION type_after_insert();
CREATE TRIGGER event_type_after_insert AFTER INSERT ON event_type
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION type_after_insert();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_register(
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
    label text;
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

            IF problem IS NULL AND made.revision IS NULL THEN
                label := coalesce(item.version, catalog_next_label(item.path));
                -- Of all that a version is made of, only the next label has been
                -- seen by nobody yet.
                IF label_problem(label) IS NOT NULL THEN
                    problem := jsonb_build_object('code', 'BAD_USER_INPUT', 'argument', 'version',
                        'message', CASE WHEN item.version IS NULL THEN 'is needed: the next label ' ELSE '' END || label_problem(label));
                END IF;
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
                VALUES (item.path, known, label, item.source,
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

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_register(
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
DROP TRIGGER event_type_after_insert ON event_type;
DROP TRIGGER resource_type_after_insert ON resource_type;
DROP FUNCTION type_after_insert, type_limit;
