-- 10,000 resources with 5 versions each and 1,000,000 events over seven
-- months: what plans are checked on. Triggers and foreign keys are off while it
-- loads, so it keeps the head rows and identities itself.
SET session_replication_role = replica;
SET statement_timeout = 0;

-- Six past months as partitions of their own, as a database that has been in
-- use for a while has them.
ALTER TABLE event DETACH PARTITION event_past;
DROP TABLE event_past;
SELECT event_attach_partition('event_' || to_char(month, 'YYYY_MM'), month AT TIME ZONE 'UTC', (month + interval '1 month') AT TIME ZONE 'UTC')
FROM generate_series(date_trunc('month', now() AT TIME ZONE 'UTC') - interval '6 months',
                     date_trunc('month', now() AT TIME ZONE 'UTC') - interval '1 month', interval '1 month') AS month;
SELECT event_attach_partition('event_past', NULL,
    (date_trunc('month', now() AT TIME ZONE 'UTC') - interval '6 months') AT TIME ZONE 'UTC');

INSERT INTO catalog (resource_path, resource_type, resource_version, payload, meta, timestamp, revision)
SELECT path, CASE WHEN r % 50 = 0 THEN 'target' ELSE 'playbook' END, '1.0.' || (v - 1),
    jsonb_build_object('metadata', jsonb_build_object('name', 'name ' || r, 'path', path, 'tags', jsonb_build_array('daily', 'tag-' || r % 100)),
        'workflow', jsonb_build_array(jsonb_build_object('step', 'fetch', 'tool', jsonb_build_object('kind', CASE WHEN r % 100 = 17 THEN 'postgres' ELSE 'http' END, 'auth', 'login-' || r % 500)),
            jsonb_build_object('step', 'next', 'tool', jsonb_build_object('kind', 'playbook', 'path', CASE WHEN r % 100 = 17 THEN 'team1/folder1/resource-1' ELSE path END))),
        'credential', 'cred-' || r % 500, 'revision', v, 'text', repeat(md5(path || v), 30)),
    jsonb_build_object('team', 'team-' || r % 100, 'commit', md5(r || '-' || v)),
    now() - interval '200 days' + make_interval(secs => r * 10 + v), v
FROM generate_series(1, 10000) AS r
CROSS JOIN generate_series(1, 5) AS v
CROSS JOIN LATERAL (SELECT format('team%s/folder%s/resource-%s', r % 20, r % 200, r) AS path) AS p;

INSERT INTO resource
SELECT resource_path, resource_type, resource_version, revision, payload_text(payload, 'name'),
    payload_text(payload, 'description'), timestamp - interval '4 seconds', timestamp
FROM catalog WHERE revision = 5;
SELECT resource_index_reconcile('', 2147483647);
SELECT resource_index_merge();

INSERT INTO event (event_id, event_type, resource_path, resource_version, payload, meta, timestamp)
SELECT 'event-' || n,
    (ARRAY['EXECUTION_STARTED', 'EXECUTION_COMPLETED', 'UPDATED', 'UNCHANGED'])[1 + n % 4],
    format('team%s/folder%s/resource-%s', r % 20, r % 200, r), '1.0.' || n / 10000 % 5,
    jsonb_build_object('result', md5(n::text), 'rows', n % 1000),
    jsonb_build_object('execution_id', (4711000000 + n / 20)::text, 'node_name', 'step-' || n % 20,
        'status', CASE WHEN n % 97 = 0 THEN 'FAILED' ELSE 'completed' END),
    now() - interval '199 days' + make_interval(secs => n * 17.0)
FROM generate_series(1, 1000000) AS n
CROSS JOIN LATERAL (SELECT 1 + n % 10000 AS r) AS p;

INSERT INTO event_identity SELECT event_id, timestamp FROM event;

INSERT INTO event_log
SELECT row_number() OVER (ORDER BY timestamp, event_id), event_id, timestamp, event_type, resource_path, meta ->> 'execution_id'
FROM event;
UPDATE event_head SET position = 1000000;

INSERT INTO execution
SELECT meta ->> 'execution_id', min(resource_path), min(resource_version), 'COMPLETED', true, min(timestamp), max(timestamp),
    max(timestamp), count(*), NULL, (4711000000 + (meta ->> 'execution_id')::bigint % 1000)::text
FROM event GROUP BY 1;
UPDATE execution SET status = 'RUNNING', finished_at = NULL WHERE hashtext(execution_id) % 50 = 0;
SELECT event_recount();
VACUUM (ANALYZE) event_identity, event_log, event_count, execution, resource, resource_index, catalog, event;
