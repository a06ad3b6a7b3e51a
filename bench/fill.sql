-- The database of `requests` and `growth`: bench.resources resources with 5
-- versions of 1.5 KB, and bench.events events, four to a run, spread evenly
-- over this month and the bench.months before it, in one transaction.
--
-- Triggers and foreign keys are off, so the script writes the head rows, identities,
-- positions and runs that triggers and the sequencer would have written. Indexes are
-- built after their rows are inserted, which takes most of the time.
SET LOCAL session_replication_role = replica;
SET LOCAL TimeZone = 'UTC';
SET LOCAL synchronous_commit = off;
SET LOCAL maintenance_work_mem = '512MB';

CREATE TEMP TABLE scale AS
SELECT resources, events, first, (now() - first) / events AS step
FROM (
    SELECT current_setting('bench.resources')::integer AS resources,
        current_setting('bench.events')::integer AS events,
        date_trunc('month', now()) - make_interval(months => current_setting('bench.months')::integer) AS first
) AS s;

CREATE TEMP TABLE put_aside AS
SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
FROM pg_index
WHERE NOT indisprimary
  AND indrelid IN ('catalog'::regclass, 'resource'::regclass, 'event_log'::regclass, 'execution'::regclass);

DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT * FROM put_aside LOOP
        EXECUTE 'DROP INDEX ' || each.name;
    END LOOP;
END $$;

INSERT INTO event_type (name) VALUES ('STEP_COMPLETED');

CREATE FUNCTION pg_temp.path(r bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN 'team' || r % 20 || '/folder' || r % 200 || '/resource-' || r;

INSERT INTO catalog (resource_path, resource_type, resource_version, payload, meta, timestamp, revision)
SELECT pg_temp.path(r), CASE WHEN r % 50 = 0 THEN 'target' ELSE 'playbook' END, '1.0.' || (v - 1),
    jsonb_build_object(
        'apiVersion', 'noetl.io/v1', 'kind', 'Playbook',
        'metadata', jsonb_build_object('name', 'Playbook ' || r, 'path', pg_temp.path(r), 'description', 'Loads what customer ' || r || ' has sent'),
        'workload', jsonb_build_object('customer', r, 'revision', v, 'credential', 'credential-' || r % 500),
        'workflow', (
            SELECT jsonb_agg(jsonb_build_object('step', 'step-' || s, 'tool', 'http', 'timeout', 30 + s, 'retry', s % 3 = 0,
                'url', 'https://api.example.com/' || md5(r || '/' || v || '/' || s), 'next', jsonb_build_array('step-' || s + 1)))
            FROM generate_series(1, 9) AS s)),
    jsonb_build_object('team', 'team-' || r % 100, 'commit', md5(r || '-' || v)),
    first - interval '30 days' + make_interval(secs => r % 100000 * 10 + v), v
FROM scale
CROSS JOIN generate_series(1, resources) AS r
CROSS JOIN generate_series(1, 5) AS v;

INSERT INTO resource
SELECT resource_path, resource_type, resource_version, revision, payload_text(payload, 'name'),
    payload_text(payload, 'description'), timestamp - interval '4 seconds', timestamp
FROM catalog WHERE revision = 5;
SELECT resource_index_reconcile('', 2147483647);

-- The timestamp of event n. The last event of a run is up to nine tenths of a step early,
-- so that the durations of runs differ.
CREATE FUNCTION pg_temp.at(n bigint, first timestamptz, step interval) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN first + n * step - CASE WHEN n % 4 = 3 THEN n / 4 * 7919 % 10000 / 10000.0 * 0.9 * step ELSE '0' END;

-- The events from low to high, counted from 0. Four successive events form a run, and
-- successive runs use one version of each resource in turn.
CREATE FUNCTION pg_temp.events(low bigint, high bigint) RETURNS TABLE (
    event_id text, event_type text, resource_path text, resource_version text, payload jsonb, meta jsonb,
    "timestamp" timestamptz, "position" bigint, execution_id text
) LANGUAGE sql STABLE AS $$
    SELECT 'event-' || lpad(n::text, 10, '0'),
        CASE n % 4 WHEN 0 THEN 'EXECUTION_STARTED'
            WHEN 3 THEN CASE WHEN run % 97 = 0 THEN 'EXECUTION_FAILED' ELSE 'EXECUTION_COMPLETED' END
            ELSE 'STEP_COMPLETED' END,
        pg_temp.path(1 + run % resources), '1.0.' || run / resources % 5,
        jsonb_build_object('rows', n % 1000, 'seconds', n % 60, 'result', md5(n::text), 'file', 's3://bucket-' || n % 50 || '/' || md5(run::text),
            'text', 'customer ' || run % resources || ' had ' || n % 1000 || ' rows in the last file'),
        jsonb_build_object('execution_id', run::text, 'node_name', 'step-' || n % 4,
            'status', CASE WHEN n % 4 = 3 AND run % 97 = 0 THEN 'FAILED' ELSE 'completed' END),
        pg_temp.at(n, first, step), n + 1, run::text
    FROM generate_series(low, high) AS n
    CROSS JOIN LATERAL (SELECT n / 4 AS run OFFSET 0) AS r
    CROSS JOIN scale
$$;

-- Partitions are filled before they are attached, so that their indexes are built once.
DO $$
DECLARE
    s scale;
    this_month timestamptz := date_trunc('month', now());
    month timestamptz;
    name text;
    low bigint := 0;
    high bigint;
BEGIN
    SELECT * INTO s FROM scale;
    FOREACH name IN ARRAY ARRAY['event_past', 'event_' || to_char(this_month, 'YYYY_MM')] LOOP
        EXECUTE format('ALTER TABLE event DETACH PARTITION %I', name);
        EXECUTE format('DROP TABLE %I', name);
    END LOOP;
    PERFORM event_attach_partition('event_past', NULL, s.first);
    month := s.first;
    WHILE month <= this_month LOOP
        name := 'event_' || to_char(month, 'YYYY_MM');
        -- The last event before the end of the month.
        high := least(s.events, ceil(extract(epoch FROM month + interval '1 month' - s.first) / extract(epoch FROM s.step))) - 1;
        EXECUTE format('CREATE TABLE %I (LIKE event INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', name);
        EXECUTE format('INSERT INTO %I (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
            SELECT event_id, event_type, resource_path, resource_version, payload, meta, timestamp FROM pg_temp.events($1, $2)', name)
            USING low, high;
        EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, month, month + interval '1 month');
        low := high + 1;
        month := month + interval '1 month';
    END LOOP;
    PERFORM event_guard_partitions();
END $$;

INSERT INTO event_identity (event_id, timestamp)
SELECT event_id, timestamp FROM scale CROSS JOIN LATERAL pg_temp.events(0, events - 1);

INSERT INTO event_log (position, event_id, timestamp, event_type, resource_path, execution_id)
SELECT position, event_id, timestamp, event_type, resource_path, execution_id
FROM scale CROSS JOIN LATERAL pg_temp.events(0, events - 1);

UPDATE event_head SET position = (SELECT events FROM scale);

INSERT INTO execution (execution_id, path, version, status, started, started_at, finished_at, last_event_at, event_count)
SELECT run::text, pg_temp.path(1 + run % resources), '1.0.' || run / resources % 5,
    CASE WHEN run % 97 = 0 THEN 'FAILED' ELSE 'COMPLETED' END, true,
    first + 4 * run * step, finished.at, finished.at, 4
FROM scale
CROSS JOIN generate_series(0::bigint, events / 4 - 1) AS run
CROSS JOIN LATERAL (SELECT pg_temp.at(4 * run + 3, first, step) AS at OFFSET 0) AS finished;

DO $$ DECLARE each record; BEGIN
    FOR each IN SELECT * FROM put_aside LOOP
        EXECUTE each.definition;
    END LOOP;
END $$;

SELECT event_recount();
