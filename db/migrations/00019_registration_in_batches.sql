-- Registration inserts the versions of a call together, and finds names with fewer passes
-- over a payload.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION catalog_insert(versions catalog[]) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO catalog (resource_path, resource_type, resource_version, source, resource_location, payload, content, meta, timestamp)
    SELECT resource_path, resource_type, resource_version, source, resource_location, payload, content, meta, timestamp
    FROM unnest(versions);
END $$;

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
    -- Versions to insert, and by nth_path whether a path has one: most calls
    -- insert all of theirs in one statement, so that triggers fire once.
    added catalog[] := '{}';
    has_added boolean[] := '{}';
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
            -- OFFSET 0: payloads are added after sorting, which would copy them.
            SELECT path, types[nth] AS type, fold_types[nth] AS fold_type, nullif(versions[nth], '') AS version,
                   sources[nth] AS source, nullif(locations[nth], '') AS location, payloads[nth] AS payload,
                   nullif(contents[nth], '') AS content, metas[nth] AS meta, event_ids[nth] AS event_id, nth_path, in_history
            FROM (
                SELECT path, nth, dense_rank() OVER (ORDER BY path COLLATE "C") AS nth_path,
                       as_history AND (history_from IS NOT NULL OR count(*) OVER (PARTITION BY path COLLATE "C") > 1) AS in_history
                FROM unnest(paths) WITH ORDINALITY AS input(path, nth)
                ORDER BY nth OFFSET 0
            ) AS input
        LOOP
            problem := NULL;
            made := NULL;
            IF has_added[item.nth_path] THEN
                PERFORM catalog_insert(added);
                added := '{}';
                has_added := '{}';
            END IF;
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
                made.resource_path := item.path;
                made.resource_type := known;
                made.resource_version := label;
                made.source := item.source;
                made.resource_location := item.location;
                made.payload := item.payload;
                made.content := item.content;
                made.meta := item.meta;
                made.timestamp := happened;
                made.revision := coalesce(latest.revision, 0) + 1; -- as catalog_before_insert sets it
                added := array_append(added, made);
                has_added[item.nth_path] := true;
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
        PERFORM catalog_insert(added);

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

CREATE OR REPLACE FUNCTION payload_terms(payload jsonb, OUT terms text[], OUT places integer[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    tags jsonb := payload_tags(payload);
    -- Strict paths skip what has no such member. One condition on all nodes is slower.
    tools jsonb := jsonb_path_query_array(payload, 'strict $.**.tool');
    credentials jsonb := jsonb_path_query_array(payload, 'strict $.**.auth') || jsonb_path_query_array(payload, 'strict $.**.credential')
        || jsonb_path_query_array(payload, 'strict $.**.credentials');
    -- Not at the top, where the playbook itself stands.
    playbooks jsonb := CASE WHEN jsonb_path_exists(payload, 'strict $.**.kind ? (@ == "playbook")') THEN jsonb_path_query_array(payload,
        'strict $.**{1 to last} ? (@.kind == "playbook" && @.path.type() == "string").path') ELSE '[]' END;
BEGIN
    IF tools <> '[]' THEN
        tools := jsonb_path_query_array(tools, 'strict $[*] ? (@.kind.type() == "string").kind')
            || jsonb_path_query_array(tools, 'strict $[*] ? (@.type() == "array")[*] ? (@.kind.type() == "string").kind')
            || jsonb_path_query_array(tools, 'strict $[*] ? (@.type() == "array")[*] ? (@.type() == "object" && (@.kind.type() != "string" || (@.kind.type() == "string") is unknown)).keyvalue() ? (@.key != "tool").value ? (@.kind.type() == "string").kind');
    END IF;
    IF credentials <> '[]' THEN
        credentials := jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "string")')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "array")[*] ? (@.type() == "string")')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "array")[*] ? (@.key.type() == "string").key')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "object") ? (@.key.type() == "string").key')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "object").keyvalue() ? (@.key != "auth" && @.key != "credential" && @.key != "credentials").value ? (@.key.type() == "string").key');
    END IF;
    IF tools || credentials || playbooks || tags = '[]' THEN
        RETURN;
    END IF;
    SELECT array_agg(found.term), array_agg(found.places) INTO terms, places FROM (
        SELECT named.term COLLATE "C" AS term, count(*)::integer AS places FROM (
            SELECT CASE
                WHEN nth <= jsonb_array_length(tools) THEN 'tool:' || name
                WHEN nth <= jsonb_array_length(tools) + jsonb_array_length(credentials) THEN 'credential:' || name
                WHEN nth <= jsonb_array_length(tools) + jsonb_array_length(credentials) + jsonb_array_length(playbooks) THEN 'playbook:' || name
                ELSE 'tag:' || public.text_fold(name) END AS term
            FROM jsonb_array_elements_text(tools || credentials || playbooks || tags) WITH ORDINALITY AS names(name, nth)
        ) AS named
        WHERE octet_length(named.term) <= 1024 + 11 AND (named.term !~ '[{][{%#]' OR named.term LIKE 'tag:%')
        GROUP BY 1 ORDER BY 1 LIMIT 10000
    ) AS found;
END $$;

CREATE OR REPLACE FUNCTION resource_index_after_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO resource_index AS i
    SELECT found.*
    FROM (SELECT DISTINCT ON (resource_path) * FROM ins ORDER BY resource_path, revision DESC) AS latest
    CROSS JOIN LATERAL resource_index_of(latest.resource_path, latest.resource_type, latest.payload) AS found
    ON CONFLICT (resource_path) DO UPDATE SET best = excluded.best, rest = excluded.rest, terms = excluded.terms, places = excluded.places
    WHERE (i.best, i.rest, i.terms, i.places) IS DISTINCT FROM (excluded.best, excluded.rest, excluded.terms, excluded.places);
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_insert IS
    'Inserts versions in one statement, for catalog_register. Revisions are set by trigger.';

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

CREATE OR REPLACE FUNCTION payload_terms(payload jsonb, OUT terms text[], OUT places integer[])
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    tags jsonb := payload_tags(payload);
    -- Objects with a name or a list of names below the top, where no playbook stands.
    holders jsonb := jsonb_path_query_array(payload, 'strict $.**{1 to last} ? (exists(@.tool) || exists(@.auth) || exists(@.credential) || exists(@.credentials) || @.kind == "playbook")');
    all_holders jsonb := CASE WHEN payload ?| ARRAY['tool', 'auth', 'credential', 'credentials'] THEN holders || payload ELSE holders END;
    tools jsonb := jsonb_path_query_array(all_holders, 'lax $[*].tool');
    credentials jsonb := jsonb_path_query_array(all_holders, 'lax $[*].auth') || jsonb_path_query_array(all_holders, 'lax $[*].credential') || jsonb_path_query_array(all_holders, 'lax $[*].credentials');
    playbooks jsonb := jsonb_path_query_array(holders, 'strict $[*] ? (@.kind == "playbook" && @.path.type() == "string").path');
BEGIN
    IF tools <> '[]' THEN
        tools := jsonb_path_query_array(tools, 'strict $[*] ? (@.kind.type() == "string").kind')
            || jsonb_path_query_array(tools, 'strict $[*] ? (@.type() == "array")[*] ? (@.kind.type() == "string").kind')
            || jsonb_path_query_array(tools, 'strict $[*] ? (@.type() == "array")[*] ? (@.type() == "object" && (@.kind.type() != "string" || (@.kind.type() == "string") is unknown)).keyvalue() ? (@.key != "tool").value ? (@.kind.type() == "string").kind');
    END IF;
    IF credentials <> '[]' THEN
        credentials := jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "string")')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "array")[*] ? (@.type() == "string")')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "array")[*] ? (@.key.type() == "string").key')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "object") ? (@.key.type() == "string").key')
            || jsonb_path_query_array(credentials, 'strict $[*] ? (@.type() == "object").keyvalue() ? (@.key != "auth" && @.key != "credential" && @.key != "credentials").value ? (@.key.type() == "string").key');
    END IF;
    IF tools || credentials || playbooks || tags = '[]' THEN
        RETURN;
    END IF;
    SELECT array_agg(found.term), array_agg(found.places) INTO terms, places FROM (
        SELECT named.term COLLATE "C" AS term, count(*)::integer AS places FROM (
            SELECT CASE
                WHEN nth <= jsonb_array_length(tools) THEN 'tool:' || name
                WHEN nth <= jsonb_array_length(tools) + jsonb_array_length(credentials) THEN 'credential:' || name
                WHEN nth <= jsonb_array_length(tools) + jsonb_array_length(credentials) + jsonb_array_length(playbooks) THEN 'playbook:' || name
                ELSE 'tag:' || public.text_fold(name) END AS term
            FROM jsonb_array_elements_text(tools || credentials || playbooks || tags) WITH ORDINALITY AS names(name, nth)
        ) AS named
        WHERE octet_length(named.term) <= 1024 + 11 AND (named.term !~ '[{][{%#]' OR named.term LIKE 'tag:%')
        GROUP BY 1 ORDER BY 1 LIMIT 10000
    ) AS found;
END $$;

CREATE OR REPLACE FUNCTION resource_index_after_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    latest record;
    found resource_index;
BEGIN
    FOR latest IN SELECT DISTINCT ON (resource_path) resource_path, resource_type, payload FROM ins ORDER BY resource_path, revision DESC LOOP
        found := resource_index_of(latest.resource_path, latest.resource_type, latest.payload);
        INSERT INTO resource_index AS i VALUES (found.*)
            ON CONFLICT (resource_path) DO UPDATE SET best = excluded.best, rest = excluded.rest, terms = excluded.terms, places = excluded.places
            WHERE (i.best, i.rest, i.terms, i.places) IS DISTINCT FROM (excluded.best, excluded.rest, excluded.terms, excluded.places);
    END LOOP;
    RETURN NULL;
END $$;
-- +goose StatementEnd
DROP FUNCTION catalog_insert;
