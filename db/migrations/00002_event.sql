-- The event table. The seed's `event_id TEXT PRIMARY KEY` is not valid on a
-- table partitioned by timestamp (a unique key must contain the partition
-- key), so the key is (timestamp, event_id), and event_identity, kept by
-- trigger, makes event_id unique over all partitions as the seed means it.

-- +goose Up
CREATE TABLE event_type (
    name TEXT COLLATE "C" PRIMARY KEY,
    template TEXT
);

INSERT INTO event_type (name, template) VALUES
    ('REGISTERED', 'Resource {{ resource_path }} version {{ resource_version }} was registered.'),
    ('UPDATED', 'Resource {{ resource_path }} version {{ resource_version }} was updated.'),
    ('UNCHANGED', 'Resource {{ resource_path }} already registered.'),
    ('EXECUTION_STARTED', 'Execution started for {{ resource_path }}.'),
    ('EXECUTION_FAILED', 'Execution failed for {{ resource_path }}.'),
    ('EXECUTION_COMPLETED', 'Execution completed for {{ resource_path }}.');

CREATE TABLE event (
    event_id TEXT COLLATE "C" NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL REFERENCES event_type(name),
    resource_path TEXT COLLATE "C" NOT NULL,
    resource_version TEXT COLLATE "C" NOT NULL,
    payload JSONB,
    meta JSONB,
    timestamp TIMESTAMPTZ NOT NULL DEFAULT now() CHECK (isfinite(timestamp)),
    PRIMARY KEY (timestamp, event_id),
    FOREIGN KEY (resource_path, resource_version)
        REFERENCES catalog(resource_path, resource_version)
)
PARTITION BY RANGE (timestamp);

CREATE INDEX event_path_idx ON event (resource_path, timestamp, event_id);
CREATE INDEX event_version_idx ON event (resource_path, resource_version, timestamp, event_id);
CREATE INDEX event_type_idx ON event (event_type, timestamp, event_id);
CREATE INDEX event_execution_idx ON event ((meta ->> 'execution_id') COLLATE "C", timestamp, event_id)
    WHERE meta ->> 'execution_id' IS NOT NULL;
CREATE INDEX event_payload_idx ON event USING gin (payload jsonb_path_ops);
CREATE INDEX event_meta_idx ON event USING gin (meta jsonb_path_ops);

-- One row per event: its id, unique over all partitions, and the timestamp
-- that finds its partition.
CREATE TABLE event_identity (
    event_id TEXT COLLATE "C" PRIMARY KEY,
    timestamp TIMESTAMPTZ NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION event_after_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT max(timestamp) FROM ins) > clock_timestamp() + interval '1 day' THEN
        RAISE EXCEPTION 'an event''s timestamp lies more than a day ahead'
            USING ERRCODE = 'datetime_field_overflow';
    END IF;
    INSERT INTO event_identity (event_id, timestamp) SELECT event_id, timestamp FROM ins;
    RETURN NULL;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_after_insert IS
    'Promise: an event_id exists once over all partitions, whoever inserts and into whichever partition.';

CREATE TRIGGER event_after_insert AFTER INSERT ON event
    REFERENCING NEW TABLE AS ins FOR EACH STATEMENT EXECUTE FUNCTION event_after_insert();
CREATE TRIGGER event_append_only BEFORE UPDATE OR DELETE ON event
    FOR EACH ROW EXECUTE FUNCTION refuse_change('event');
CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON event
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('event');

-- +goose StatementBegin
CREATE FUNCTION event_attach_partition(name text, lower_bound timestamptz, upper_bound timestamptz) RETURNS void
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
    -- CREATE, then ATTACH: attaching does not block the readers and writers of
    -- event, as CREATE TABLE … PARTITION OF would.
    EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
    EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%L)',
        name, coalesce(quote_literal(lower_bound), 'MINVALUE'), upper_bound);
    -- A statement trigger of event does not fire for an INSERT straight into a
    -- partition, and does not fire twice when both have it.
    EXECUTE format('CREATE TRIGGER event_after_insert AFTER INSERT ON %I
        REFERENCING NEW TABLE AS ins FOR EACH STATEMENT EXECUTE FUNCTION event_after_insert()', name);
    EXECUTE format('CREATE TRIGGER event_no_truncate BEFORE TRUNCATE ON %I
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change(''event'')', name);
END $$;

CREATE FUNCTION event_ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    this_month timestamp := date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC');
    month timestamp;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event_ensure_partitions', 0));
    -- All that is older than the first month, backdated rows included. There is
    -- no DEFAULT partition: it would block making months and halve the speed of
    -- ordered reads.
    IF to_regclass('event_past') IS NULL THEN
        PERFORM event_attach_partition('event_past', NULL, this_month AT TIME ZONE 'UTC');
        made := made + 1;
    END IF;
    -- From the first month on, not from this one: a server that was away for
    -- months leaves no hole behind.
    SELECT coalesce(min(to_date(right(relname, 7), 'YYYY_MM')), this_month) INTO month
        FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
        WHERE inhparent = 'event'::regclass AND relname ~ '^event_[0-9]{4}_[0-9]{2}$';
    WHILE month <= this_month + make_interval(months => months_ahead) LOOP
        IF to_regclass('event_' || to_char(month, 'YYYY_MM')) IS NULL THEN
            PERFORM event_attach_partition('event_' || to_char(month, 'YYYY_MM'),
                month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC');
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_ensure_partitions IS
    'Promise: every timestamp that an event may have, to a day ahead, has a partition; returns how many it made.';

-- +goose Down
DROP TABLE event, event_identity, event_type;
DROP FUNCTION event_after_insert, event_attach_partition, event_ensure_partitions;
