-- What lists find resources by, beside the head row: the words of their texts, their
-- tags, and what they call and use. Kept by a trigger of catalog.

-- +goose Up
CREATE TABLE resource_index (
    resource_path TEXT COLLATE "C" PRIMARY KEY,
    -- The words of the name and of the last segment of the path.
    best TEXT COLLATE "C" NOT NULL,
    -- The words of the other segments, the description and the tags.
    rest TEXT COLLATE "C" NOT NULL,
    -- type:, tag:, tool:, credential: or playbook:, and the name, each once.
    terms TEXT[] COLLATE "C" NOT NULL,
    -- In how many places of the payload each term stands.
    places INTEGER[] NOT NULL
);
COMMENT ON TABLE resource_index IS
    'What resources are found by: the words and names of their latest versions. Kept by trigger; resource_index_reconcile repairs it.';

-- +goose StatementBegin
CREATE FUNCTION payload_tags(payload jsonb) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    tags jsonb := CASE WHEN jsonb_typeof(payload -> 'metadata' -> 'tags') = 'array'
        THEN payload -> 'metadata' -> 'tags' ELSE payload -> 'tags' END;
BEGIN
    RETURN CASE WHEN jsonb_typeof(tags) = 'array' THEN jsonb_path_query_array(
            jsonb_path_query_array(tags, 'lax $[0 to 999]'), 'strict $[*] ? (@.type() == "string")') ELSE '[]' END;
END $$;

CREATE FUNCTION payload_references(payload jsonb)
RETURNS TABLE (kind text, pointer text, step text, target text, templated boolean)
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 10 AS $$
BEGIN
    RETURN QUERY
    WITH RECURSIVE node AS (
        -- Each object and list; above is the role of the object that it is a member of.
        SELECT payload AS value, '' AS pointer, '{}'::integer[] AS place, 'root' AS role, '' AS above,
            CASE WHEN jsonb_typeof(payload -> 'step') = 'string' THEN payload ->> 'step' END AS step
        UNION ALL
        SELECT child.value, node.pointer || '/' || replace(replace(child.key, '~', '~0'), '/', '~1'), node.place || child.nth::integer,
            child.role, child.above, CASE WHEN jsonb_typeof(child.value -> 'step') = 'string' THEN child.value ->> 'step' ELSE node.step END
        FROM node CROSS JOIN LATERAL (
            SELECT member.key, member.value, member.nth,
                CASE WHEN member.key = 'tool' THEN 'tool' WHEN member.key IN ('auth', 'credential', 'credentials') THEN 'credential' ELSE '' END AS role,
                CASE WHEN node.role = 'tool in list' AND jsonb_typeof(node.value -> 'kind') = 'string' THEN '' ELSE node.role END AS above
            FROM jsonb_each(CASE WHEN jsonb_typeof(node.value) = 'object' THEN node.value END) WITH ORDINALITY AS member(key, value, nth)
            UNION ALL
            SELECT (element.nth - 1)::text, element.value, element.nth,
                CASE WHEN node.role IN ('tool', 'credential') THEN node.role || ' in list' ELSE '' END, ''
            FROM jsonb_array_elements(CASE WHEN jsonb_typeof(node.value) = 'array' THEN node.value END) WITH ORDINALITY AS element(value, nth)
        ) AS child
        WHERE jsonb_typeof(child.value) IN ('object', 'array')
    ), place AS (
        SELECT 'TOOL' AS kind, node.pointer || '/kind' AS pointer, node.step, node.value -> 'kind' AS target, node.place || 1 AS place
        FROM node WHERE node.role IN ('tool', 'tool in list') OR node.above = 'tool in list'
        UNION ALL
        SELECT 'PLAYBOOK', node.pointer || '/path', node.step, node.value -> 'path', node.place || 2
        FROM node WHERE node.value ->> 'kind' = 'playbook' AND node.role <> 'root'
        UNION ALL
        SELECT 'CREDENTIAL', node.pointer || '/' || name.key, node.step, node.value -> name.key, node.place || name.nth
        FROM node CROSS JOIN (VALUES ('auth', -3), ('credential', -2), ('credentials', -1)) AS name(key, nth)
        UNION ALL
        SELECT 'CREDENTIAL', node.pointer || '/key', node.step, node.value -> 'key', node.place || -4
        FROM node WHERE node.role IN ('credential', 'credential in list') OR node.above = 'credential'
        UNION ALL
        SELECT 'CREDENTIAL', node.pointer || '/' || (element.nth - 1), node.step, element.value, node.place || element.nth::integer
        FROM node CROSS JOIN LATERAL jsonb_array_elements(CASE WHEN jsonb_typeof(node.value) = 'array' THEN node.value END) WITH ORDINALITY AS element(value, nth)
        WHERE node.role = 'credential'
    )
    SELECT place.kind, place.pointer, place.step, place.target #>> '{}', place.target #>> '{}' ~ '[{][{%#]'
    FROM place WHERE jsonb_typeof(place.target) = 'string' ORDER BY place.place;
END $$;

-- payload_references takes four times as long, which would slow down registration.
CREATE FUNCTION payload_terms(payload jsonb, OUT terms text[], OUT places integer[])
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

CREATE FUNCTION resource_index_of(path text, type text, payload jsonb) RETURNS resource_index
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    found resource_index;
    names record;
    last_segment text := substring(path FROM '[^/]*$');
BEGIN
    found.resource_path := path;
    found.best := text_words(concat_ws(' ', left(payload_text(payload, 'name'), 1000), last_segment));
    found.rest := text_words(concat_ws(' ', left(path, char_length(path) - char_length(last_segment)),
        left(payload_text(payload, 'description'), 10000), left(payload_tags(payload)::text, 10000)));
    names := payload_terms(payload);
    found.terms := 'type:' || type || names.terms;
    found.places := 1 || names.places;
    RETURN found;
END $$;

CREATE FUNCTION resource_index_after_insert() RETURNS trigger
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

-- In the order of paths, so that a large catalog is repaired in short transactions.
CREATE FUNCTION resource_index_reconcile(after_path text, at_most integer, OUT last_path text, OUT repaired integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    paths text[] := ARRAY(SELECT resource_path FROM resource WHERE resource_path > after_path ORDER BY resource_path LIMIT at_most FOR SHARE);
BEGIN
    last_path := paths[cardinality(paths)];
    WITH mended AS (
        INSERT INTO resource_index AS i
        SELECT found.* FROM resource r
        JOIN catalog c ON c.resource_path = r.resource_path AND c.revision = r.latest_revision
        CROSS JOIN LATERAL resource_index_of(c.resource_path, c.resource_type, c.payload) AS found
        WHERE r.resource_path = ANY (paths)
        ON CONFLICT (resource_path) DO UPDATE SET best = excluded.best, rest = excluded.rest, terms = excluded.terms, places = excluded.places
        WHERE (i.best, i.rest, i.terms, i.places) IS DISTINCT FROM (excluded.best, excluded.rest, excluded.terms, excluded.places)
        RETURNING 1
    ), removed AS (
        DELETE FROM resource_index i
        WHERE i.resource_path > after_path AND (last_path IS NULL OR i.resource_path <= last_path)
            AND NOT EXISTS (SELECT FROM resource r WHERE r.resource_path = i.resource_path)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM mended) + (SELECT count(*) FROM removed) INTO repaired;
END $$;

CREATE FUNCTION resource_index_trigrams() RETURNS boolean
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    home name;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm;
    EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        NULL;
    END;
    SELECT n.nspname INTO home FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm';
    IF home IS NULL THEN
        RETURN false;
    END IF;
    -- A long list of pending entries keeps registration fast; resource_index_merge empties it.
    EXECUTE format('CREATE INDEX IF NOT EXISTS resource_index_best_idx ON resource_index USING gin (best %I.gin_trgm_ops) WITH (gin_pending_list_limit = 16384)', home);
    EXECUTE format('CREATE INDEX IF NOT EXISTS resource_index_rest_idx ON resource_index USING gin (rest %I.gin_trgm_ops) WITH (gin_pending_list_limit = 16384)', home);
    RETURN true;
END $$;

CREATE FUNCTION resource_index_merge() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    index regclass;
BEGIN
    FOR index IN SELECT i.indexrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_am a ON a.oid = c.relam
        WHERE i.indrelid = 'resource_index'::regclass AND a.amname = 'gin' LOOP
        PERFORM gin_clean_pending_list(index);
    END LOOP;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION payload_tags IS
    'The texts among the first 1,000 elements of metadata.tags, or tags, of a payload, where it is a list.';
COMMENT ON FUNCTION payload_references IS
    'Each place of a payload that names something, in the order of the payload. TOOL: kind of the value of tool, of an element of its list, or of a member of an element without a kind. PLAYBOOK: path beside kind: playbook, except at the top. CREDENTIAL: auth, credential or credentials, a text; each text in its list; key of the object that it is, and of each object in its list or object. A templated name (with {{, {% or {#) is known only at run time.';
COMMENT ON FUNCTION payload_terms IS
    'Promise: the tags, folded, and the targets of payload_references that are not templated, with their kind before them, and in how many places each stands. At most 10,000, none longer than a path may be.';
COMMENT ON FUNCTION resource_index_of IS
    'Promise: what a resource is found by whose latest version has this type and payload.';
COMMENT ON FUNCTION resource_index_after_insert IS
    'Promise: resource_index follows every writer of catalog, in the writer''s own transaction.';
COMMENT ON FUNCTION resource_index_reconcile IS
    'Promise: repairs the index of at most so many resources after a path, such as those that were inserted while triggers were off; the last path, or NULL at the end, and how many lacked something.';
COMMENT ON FUNCTION resource_index_merge IS
    'Moves what was registered since into the structure of the indexes, where it is found faster.';
COMMENT ON FUNCTION resource_index_trigrams IS
    'Makes the indexes of words where the extension pg_trgm is there or can be made; returns whether it is there. Without it, search reads all of resource_index.';

-- Named to fire after catalog_after_insert, which locks the head row.
CREATE TRIGGER catalog_after_insert_index AFTER INSERT ON catalog
    REFERENCING NEW TABLE AS ins FOR EACH STATEMENT EXECUTE FUNCTION resource_index_after_insert();

SELECT resource_index_reconcile('', 2147483647);
CREATE INDEX resource_index_terms_idx ON resource_index USING gin (terms) WITH (gin_pending_list_limit = 16384);
SELECT resource_index_trigrams();

-- +goose Down
DROP TRIGGER catalog_after_insert_index ON catalog;
DROP FUNCTION resource_index_merge, resource_index_trigrams, resource_index_reconcile, resource_index_after_insert, resource_index_of,
    payload_terms, payload_references, payload_tags;
DROP TABLE resource_index;
