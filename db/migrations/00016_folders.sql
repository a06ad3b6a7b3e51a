-- +goose Up

-- Folders: the levels of the paths, each ending with '/', and how many resources lie
-- below them.

-- +goose StatementBegin
CREATE FUNCTION folder_of(path text) RETURNS text
    LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
BEGIN
    RETURN coalesce(substring(path FROM '^.*/'), '');
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION folder_of(text) IS 'Promise: the path up to its last slash, which is included; empty for a path without one.';

CREATE INDEX resource_folder_idx ON resource (folder_of(resource_path), resource_path);

CREATE FUNCTION folders_above(path text) RETURNS SETOF text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    AS $$
    SELECT array_to_string(segments[:depth], '/') || CASE depth WHEN 0 THEN '' ELSE '/' END
    FROM string_to_array(path, '/') AS segments, generate_series(0, cardinality(segments) - 1) AS depth
$$;
COMMENT ON FUNCTION folders_above(text) IS 'Promise: the folders that a path lies in, from the top.';

CREATE TABLE folder (
    folder_path text COLLATE "C" PRIMARY KEY,
    resource_count bigint NOT NULL
);

-- A registration adds the path of a new resource instead of changing the rows of folder,
-- on whose locks all new resources would wait for each other.
CREATE TABLE folder_added (
    resource_path text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE folder IS 'Promise: with folder_added, how many resources lie in each folder and below.';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_after_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO resource AS r (resource_path, resource_type, latest_version, latest_revision,
                               name, description, created_at, updated_at)
    SELECT DISTINCT ON (resource_path)
           resource_path, resource_type, resource_version, revision,
           payload_text(payload, 'name'), payload_text(payload, 'description'),
           first_value(timestamp) OVER (PARTITION BY resource_path ORDER BY revision), timestamp
    FROM ins
    ORDER BY resource_path, revision DESC
    ON CONFLICT (resource_path) DO UPDATE SET
        resource_type = excluded.resource_type,
        latest_version = excluded.latest_version,
        latest_revision = excluded.latest_revision,
        name = excluded.name,
        description = excluded.description,
        updated_at = excluded.updated_at
    WHERE r.latest_revision < excluded.latest_revision;
    INSERT INTO folder_added (resource_path) SELECT resource_path FROM ins WHERE revision = 1;
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_after_insert() IS 'Promise: resource holds, for each path, its latest version by revision, and each new path is counted in its folders, in the writer''s own transaction.';

INSERT INTO folder (folder_path, resource_count)
SELECT above, count(*) FROM resource, folders_above(resource_path) AS above GROUP BY above;

-- +goose StatementBegin
CREATE FUNCTION folder_merge(row_limit integer) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$
DECLARE
    merged bigint;
BEGIN
    WITH taken AS (
        DELETE FROM folder_added WHERE resource_path = ANY (ARRAY(
            SELECT resource_path FROM folder_added LIMIT row_limit FOR UPDATE SKIP LOCKED))
        RETURNING resource_path
    ), summed AS (
        INSERT INTO folder AS f (folder_path, resource_count)
        SELECT above, count(*) FROM taken, folders_above(resource_path) AS above GROUP BY above ORDER BY above
        ON CONFLICT (folder_path) DO UPDATE SET resource_count = f.resource_count + excluded.resource_count
    )
    SELECT count(*) INTO merged FROM taken;
    RETURN merged;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION folder_merge(integer) IS 'Promise: counts up to row_limit paths of folder_added in folder instead, which changes no sum of both; returns how many.';

CREATE FUNCTION folder_size(path text) RETURNS bigint
    LANGUAGE sql STABLE PARALLEL SAFE
    SET search_path = public, pg_temp
    RETURN coalesce((SELECT resource_count FROM folder WHERE folder_path = path), 0)
         + (SELECT count(*) FROM folder_added WHERE resource_path >= path
               AND resource_path < CASE path WHEN '' THEN U&'\+10FFFF' ELSE left(path, -1) || '0' END); -- '0' follows '/'
COMMENT ON FUNCTION folder_size(text) IS 'Promise: how many resources lie in a folder and below.';

CREATE FUNCTION scope_ranges(scopes text[], scope_ends text[]) RETURNS TABLE (low text, high text)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE ROWS 1
    AS $$
    SELECT * FROM unnest(scopes, scope_ends)
$$;
COMMENT ON FUNCTION scope_ranges(text[], text[]) IS 'The ranges of paths that begin with a scope: low <= path < high. An empty high is no end.';

-- +goose StatementBegin
CREATE FUNCTION folder_size_within(path text, scopes text[], scope_ends text[]) RETURNS bigint
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path = public, pg_temp
    AS $$
DECLARE
    total bigint := 0;
    scope record;
BEGIN
    IF path ^@ ANY (scopes) THEN
        RETURN folder_size(path);
    END IF;
    FOR scope IN SELECT low, high FROM scope_ranges(scopes, scope_ends) WHERE low ^@ path LOOP
        IF right(scope.low, 1) = '/' THEN
            total := total + folder_size(scope.low);
        ELSE
            total := total + (SELECT count(*) FROM resource WHERE resource_path >= scope.low AND resource_path < scope.high);
        END IF;
    END LOOP;
    RETURN total;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION folder_size_within(text, text[], text[]) IS 'Promise: folder_size for a caller who sees only the paths in these scopes, none of which is a prefix of another. scope_ends: the least text after all that begin with the scope.';

-- +goose StatementBegin
CREATE FUNCTION folders_in(parent text, scope text, scope_end text, low text, high text, row_limit integer) RETURNS SETOF text
    LANGUAGE plpgsql STABLE
    SET search_path = public, pg_temp
    AS $$
DECLARE
    -- What is sought lies after `beyond` and before `until`.
    beyond text COLLATE "C" := parent;
    until text COLLATE "C" := CASE parent WHEN '' THEN U&'\+10FFFF' ELSE left(parent, -1) || '0' END;
    rest text COLLATE "C" := substr(scope, length(parent) + 1);
    child text COLLATE "C";
BEGIN
    IF NOT parent ^@ scope THEN
        IF NOT scope ^@ parent THEN
            RETURN;
        ELSIF position('/' IN rest) > 0 THEN
            child := parent || split_part(rest, '/', 1) || '/';
            IF child >= low AND (high = '' OR child < high)
                AND EXISTS (SELECT FROM resource WHERE resource_path >= scope AND resource_path < scope_end) THEN
                RETURN NEXT child;
            END IF;
            RETURN;
        END IF;
        beyond := scope;
        until := scope_end;
    END IF;
    beyond := greatest(beyond, low);
    -- One probe of the index for each folder, whatever lies below it.
    FOR nth IN 1..row_limit LOOP
        SELECT folder_of(resource_path) INTO child FROM resource
            WHERE folder_of(resource_path) > beyond AND folder_of(resource_path) < until
            ORDER BY folder_of(resource_path), resource_path LIMIT 1;
        EXIT WHEN NOT FOUND;
        child := parent || split_part(substr(child, length(parent) + 1), '/', 1) || '/';
        EXIT WHEN high <> '' AND child >= high;
        RETURN NEXT child;
        beyond := left(child, -1) || '0'; -- '0' follows '/'
    END LOOP;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION folders_in(text, text, text, text, text, integer) IS 'Promise: up to row_limit folders directly in a folder, in their order, with low <= path < high (empty: no end), that hold resources of a scope.';

-- +goose Down
DROP FUNCTION folders_in(text, text, text, text, text, integer), folder_size_within(text, text[], text[]), scope_ranges(text[], text[]), folder_size(text), folder_merge(integer);
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_after_insert() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp
    AS $$
BEGIN
    INSERT INTO resource AS r (resource_path, resource_type, latest_version, latest_revision,
                               name, description, created_at, updated_at)
    SELECT DISTINCT ON (resource_path)
           resource_path, resource_type, resource_version, revision,
           payload_text(payload, 'name'), payload_text(payload, 'description'),
           first_value(timestamp) OVER (PARTITION BY resource_path ORDER BY revision), timestamp
    FROM ins
    ORDER BY resource_path, revision DESC
    ON CONFLICT (resource_path) DO UPDATE SET
        resource_type = excluded.resource_type,
        latest_version = excluded.latest_version,
        latest_revision = excluded.latest_revision,
        name = excluded.name,
        description = excluded.description,
        updated_at = excluded.updated_at
    WHERE r.latest_revision < excluded.latest_revision;
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_after_insert() IS 'Promise: resource holds, for each path, its latest version by revision, in the writer''s own transaction.';
DROP TABLE folder_added, folder;
DROP FUNCTION folders_above(text);
DROP INDEX resource_folder_idx;
DROP FUNCTION folder_of(text);
