-- The catalog: resource types, versions and the head row of each resource.
-- Names, columns, types, defaults, keys and default rows of resource_type and
-- catalog are the seed's. Everything else is an addition, so that a program which
-- only knows the seed's DDL reads and writes them in plain SQL.
--
-- Keys are COLLATE "C": byte order, so that prefixes are index ranges and a
-- page's order does not depend on the database's locale.

-- +goose Up
CREATE TABLE resource_type (
    name TEXT COLLATE "C" PRIMARY KEY
);

INSERT INTO resource_type (name) VALUES
    ('playbook'),
    ('workflow'),
    ('target'),
    ('step'),
    ('task'),
    ('action');

CREATE TABLE catalog (
    resource_path TEXT COLLATE "C" NOT NULL,
    resource_type TEXT COLLATE "C" NOT NULL REFERENCES resource_type(name),
    resource_version TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL DEFAULT 'inline',
    resource_location TEXT,
    payload JSONB NOT NULL,
    meta JSONB,
    timestamp TIMESTAMPTZ NOT NULL DEFAULT now(),
    -- Added to the seed: 1, 2, 3 … per path, given by trigger to every writer.
    revision INTEGER NOT NULL,
    -- Added to the seed: the YAML text as registered.
    content TEXT,
    PRIMARY KEY (resource_path, resource_version)
);

CREATE UNIQUE INDEX catalog_revision_key ON catalog (resource_path, revision);
CREATE INDEX catalog_payload_idx ON catalog USING gin (payload jsonb_path_ops);
CREATE INDEX catalog_meta_idx ON catalog USING gin (meta jsonb_path_ops);
-- The highest x.y.z label of a resource, compared as numbers: one probe.
CREATE INDEX catalog_label_idx ON catalog
    (resource_path, (string_to_array(resource_version, '.')::numeric[]))
    WHERE resource_version ~ '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$';

-- The head of each path: what lists and "latest" read. Kept by trigger.
CREATE TABLE resource (
    resource_path TEXT COLLATE "C" PRIMARY KEY,
    resource_type TEXT COLLATE "C" NOT NULL,
    latest_version TEXT COLLATE "C" NOT NULL,
    latest_revision INTEGER NOT NULL,
    name TEXT,
    description TEXT,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL
);

CREATE INDEX resource_type_idx ON resource (resource_type, resource_path);
CREATE INDEX resource_created_idx ON resource (created_at, resource_path);
CREATE INDEX resource_updated_idx ON resource (updated_at, resource_path);

-- +goose StatementBegin
CREATE FUNCTION payload_text(payload jsonb, key text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT CASE
        WHEN jsonb_typeof(payload -> 'metadata' -> key) = 'string' THEN payload -> 'metadata' ->> key
        WHEN jsonb_typeof(payload -> key) = 'string' THEN payload ->> key
    END;
END;
-- +goose StatementEnd
COMMENT ON FUNCTION payload_text IS
    'metadata.<key>, or <key>, of a payload where it is a string: a resource''s name and description.';

-- +goose StatementBegin
CREATE FUNCTION catalog_before_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    -- Held to the end of the transaction: one writer per path at a time, so
    -- that revisions have no gap and no double. Writers of other paths pass.
    PERFORM pg_advisory_xact_lock(hashtextextended(NEW.resource_path, 0));
    SELECT coalesce(max(revision), 0) + 1 INTO NEW.revision
        FROM catalog WHERE resource_path = NEW.resource_path;
    RETURN NEW;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_before_insert IS
    'Promise: revisions of a path are 1, 2, 3 … without a gap, whoever inserts.';

-- +goose StatementBegin
CREATE FUNCTION catalog_after_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
COMMENT ON FUNCTION catalog_after_insert IS
    'Promise: resource holds, for each path, its latest version by revision, in the writer''s own transaction.';

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % is refused', TG_ARGV[0], TG_OP
        USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION refuse_change IS
    'Promise: versions are immutable and events are never changed or deleted row by row.';

CREATE TRIGGER catalog_before_insert BEFORE INSERT ON catalog
    FOR EACH ROW EXECUTE FUNCTION catalog_before_insert();
CREATE TRIGGER catalog_after_insert AFTER INSERT ON catalog
    REFERENCING NEW TABLE AS ins FOR EACH STATEMENT EXECUTE FUNCTION catalog_after_insert();
CREATE TRIGGER catalog_immutable BEFORE UPDATE OR DELETE ON catalog
    FOR EACH ROW EXECUTE FUNCTION refuse_change('catalog');
CREATE TRIGGER catalog_no_truncate BEFORE TRUNCATE ON catalog
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('catalog');

-- +goose Down
DROP TABLE resource, catalog, resource_type;
DROP FUNCTION catalog_before_insert, catalog_after_insert, refuse_change, payload_text;
