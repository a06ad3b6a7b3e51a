-- +goose Up

-- event_ensure_partitions looked at the names of tables: a partition that had been
-- detached counted as made, and events of its month were refused for ever.

-- The settings make the bounds readable whatever the session's are. A DEFAULT
-- partition has no bounds. One that is being detached is no longer written to.
-- +goose StatementBegin
CREATE FUNCTION event_partitions() RETURNS TABLE (partition regclass, low timestamptz, high timestamptz)
LANGUAGE sql STABLE SET search_path = public, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO' AS $$
    SELECT oid::regclass, coalesce(bounds[1]::timestamptz, '-infinity'), coalesce(bounds[2]::timestamptz, 'infinity')
    FROM pg_inherits JOIN pg_class ON oid = inhrelid
    CROSS JOIN regexp_match(pg_get_expr(relpartbound, oid), $re$FROM \((?:'([^']+)'|.*)\) TO \((?:'([^']+)'|.*)\)$re$) AS bounds
    WHERE inhparent = 'event'::regclass AND NOT inhdetachpending
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_partitions IS 'The partitions that events are written to, with their bounds: low <= timestamp < high.';

-- The months to have partitions: from the first that has one on, so that a server that
-- was away for months leaves no hole, and older months that were dropped or archived
-- stay away.
-- +goose StatementBegin
CREATE FUNCTION event_months(months_ahead integer) RETURNS TABLE (month timestamptz, has_partition boolean)
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH p AS MATERIALIZED (SELECT low, high FROM event_partitions()),
    this AS (SELECT date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AS month)
    SELECT m AT TIME ZONE 'UTC', EXISTS (SELECT FROM p WHERE low <= m AT TIME ZONE 'UTC' AND m AT TIME ZONE 'UTC' < high)
    FROM this, generate_series(
        least(this.month, (SELECT date_trunc('month', min(low) AT TIME ZONE 'UTC') FROM p WHERE isfinite(low))),
        this.month + make_interval(months => months_ahead), interval '1 month') AS m
$$;

CREATE FUNCTION event_mend_partitions(months_ahead integer) RETURNS TABLE (name text, outcome text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lowest timestamptz;
    at timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('event_ensure_partitions', 0));
    -- All that is older than the first month, backdated rows included. There is
    -- no DEFAULT partition: it would block making months and halve the speed of
    -- ordered reads.
    IF NOT EXISTS (SELECT FROM event_partitions() WHERE low = '-infinity') THEN
        lowest := coalesce((SELECT min(low) FROM event_partitions()), date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC');
        RETURN QUERY SELECT * FROM event_mend_partition('event_past', NULL, lowest);
    END IF;
    FOR at IN SELECT month FROM event_months(months_ahead) WHERE NOT has_partition LOOP
        RETURN QUERY SELECT * FROM event_mend_partition('event_' || to_char(at AT TIME ZONE 'UTC', 'YYYY_MM'),
            at, (at AT TIME ZONE 'UTC' + interval '1 month') AT TIME ZONE 'UTC');
    END LOOP;
END $$;

CREATE FUNCTION event_mend_partition(wanted text, lower_bound timestamptz, upper_bound timestamptz)
RETURNS TABLE (name text, outcome text)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    guarded boolean;
BEGIN
    name := wanted;
    IF to_regclass(wanted) IS NOT NULL THEN
        BEGIN
            guarded := event_is_guarded(wanted::regclass);
            EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%L)',
                wanted, coalesce(quote_literal(lower_bound), 'MINVALUE'), upper_bound);
            PERFORM event_guard_partitions();
            IF NOT guarded THEN -- its rows came without their identities
                PERFORM event_reconcile();
            END IF;
            outcome := 'attached';
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN OTHERS THEN
            outcome := 'does not fit: ' || SQLERRM;
            RETURN NEXT;
            name := wanted || '_new';
        END;
    END IF;
    PERFORM event_attach_partition(name, lower_bound, upper_bound);
    outcome := 'made';
    RETURN NEXT;
END $$;

CREATE OR REPLACE FUNCTION event_ensure_partitions(months_ahead integer) RETURNS integer
LANGUAGE sql SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM event_mend_partitions(months_ahead) WHERE outcome IN ('made', 'attached'));

-- Months after this one, up to the first that lacks a partition.
CREATE OR REPLACE FUNCTION event_partitions_ahead() RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp
RETURN (
    WITH later AS (SELECT * FROM event_months(24) WHERE month >= date_trunc('month', now() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC')
    SELECT greatest(count(*) - 1, 0) FROM later WHERE month < coalesce((SELECT min(month) FROM later WHERE NOT has_partition), 'infinity')
);

CREATE FUNCTION event_partitions_missing() RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp
RETURN (SELECT count(*) FROM event_months(0) WHERE NOT has_partition);

CREATE FUNCTION event_partitions_detached() RETURNS text[]
LANGUAGE sql STABLE SET search_path = public, pg_temp
RETURN ARRAY(
    SELECT relname::text FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname ~ '^event_([0-9]{4}_[0-9]{2}|past)(_new)?$'
      AND oid NOT IN (SELECT partition FROM event_partitions())
    ORDER BY relname
);
-- +goose StatementEnd
COMMENT ON FUNCTION event_mend_partitions IS
    'Promise: every timestamp that an event may have, to a day ahead, has a partition. A table that was detached is attached again, or, if it does not fit, reported, and another partition made. For any role that writes events.';
COMMENT ON FUNCTION event_ensure_partitions IS 'As event_mend_partitions; returns how many were made and attached.';
COMMENT ON FUNCTION event_partitions_missing IS 'Months up to this one whose events are refused.';
COMMENT ON FUNCTION event_partitions_detached IS 'Tables of events that are no partitions: their events are unreadable. Drop a table that is not needed, or move it to another schema.';

-- Events whose month is detached wait for it: their rows of the log would say that they
-- have been dropped. The code is one after which clients try again. The function is
-- changed in place, since it is long.
-- +goose StatementBegin
DO $$
DECLARE
    definition text := pg_get_functiondef('event_sequence'::regproc);
BEGIN
    definition := replace(definition, E'    moved bigint;', E'    moved bigint;\n    unreadable bigint;');
    EXECUTE replace(definition, 'SELECT count(*) INTO moved FROM placed;',
        'SELECT count(*), count(*) FILTER (WHERE event_type IS NULL) INTO moved, unreadable FROM placed;

    IF unreadable > 0 AND event_partitions_missing() > 0 THEN
        RAISE EXCEPTION ''a month of events is detached''
            USING ERRCODE = ''lock_not_available'';
    END IF;');
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    definition text := pg_get_functiondef('event_sequence'::regproc);
BEGIN
    definition := replace(definition, E'    moved bigint;\n    unreadable bigint;', '    moved bigint;');
    EXECUTE replace(definition, 'SELECT count(*), count(*) FILTER (WHERE event_type IS NULL) INTO moved, unreadable FROM placed;

    IF unreadable > 0 AND event_partitions_missing() > 0 THEN
        RAISE EXCEPTION ''a month of events is detached''
            USING ERRCODE = ''lock_not_available'';
    END IF;', 'SELECT count(*) INTO moved FROM placed;');
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_partitions_ahead() RETURNS bigint
LANGUAGE sql STABLE SET search_path = public, pg_temp
RETURN (
    SELECT count(*) FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE inhparent = 'event'::regclass AND relname ~ '^event_[0-9]{4}_[0-9]{2}$'
      AND right(relname, 7) > to_char(now() AT TIME ZONE 'UTC', 'YYYY_MM')
);

CREATE OR REPLACE FUNCTION event_ensure_partitions(months_ahead integer) RETURNS integer
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
DROP FUNCTION event_mend_partitions, event_mend_partition, event_partitions_missing, event_partitions_detached, event_months, event_partitions;
