-- Counts of events by folder, so that those of a prefix that most paths have are few
-- rows.

-- +goose Up
CREATE FUNCTION event_folder_buckets(path text, hour timestamptz) RETURNS TABLE (folder text, hours integer, start timestamptz)
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT array_to_string(segments[:level], '/') || CASE level WHEN 0 THEN '' ELSE '/' END, b.hours, b.start
    FROM string_to_array(path, '/') AS segments, generate_series(0, least(cardinality(segments) - 1, 11)) AS level,
        (VALUES (24, date_bin('1 day', hour, 'epoch')), (1, hour)) AS b(hours, start)
    WHERE b.hours = 24 OR level <= 1
$$;
COMMENT ON FUNCTION event_folder_buckets(text, timestamptz) IS 'Promise: the rows of event_folder_count that an event is counted in, but for its type and status. Not STRICT, so that PostgreSQL inlines it.';

-- How many events lie below a folder: by day (hours is 24) where it has up to eleven
-- slashes, so that no path makes an event cost more than that; by hour (hours is 1) at
-- the top, where it has one slash or, as the folder '' of all paths, none. The sequencer
-- is the only writer, as of event_count, which no longer counts all paths together.
CREATE TABLE event_folder_count (
    folder TEXT COLLATE "C" NOT NULL,
    hours SMALLINT NOT NULL,
    start TIMESTAMPTZ NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C",
    count BIGINT NOT NULL
) WITH (fillfactor = 80);

-- +goose StatementBegin
CREATE FUNCTION event_count_folders() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '64MB' AS $$
BEGIN
    DELETE FROM event_folder_count;
    INSERT INTO event_folder_count (folder, hours, start, event_type, status, count)
    SELECT b.folder, b.hours, b.start, c.event_type, c.status, sum(c.count)
    FROM event_count c, event_folder_buckets(c.path, c.hour) AS b
    GROUP BY b.folder, b.hours, b.start, c.event_type, c.status;
END $$;

CREATE OR REPLACE FUNCTION event_recount() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '64MB' AS $$
BEGIN
    PERFORM 1 FROM event_head WHERE one FOR UPDATE;
    DELETE FROM event_count;
    DELETE FROM event_folder_count;
    INSERT INTO event_count (path, hour, event_type, status, count)
    SELECT e.resource_path, date_bin('1 hour', e.timestamp, 'epoch') AS hour, e.event_type, event_status(e.meta) AS status, count(*)
    FROM event e JOIN event_log l ON l.timestamp = e.timestamp AND l.event_id = e.event_id
    GROUP BY e.resource_path, hour, e.event_type, status;
    PERFORM event_count_folders();
END $$;

CREATE FUNCTION event_count_parts(prefix text, prefix_end text, depth integer) RETURNS TABLE (folder text, path text)
LANGUAGE plpgsql STABLE ROWS 20 SET search_path = public, pg_temp AS $$
DECLARE
    parent text COLLATE "C" := folder_of(prefix);
    parent_end text COLLATE "C" := left(parent, -1) || '0'; -- '0' follows '/'
    slashes integer := length(parent) - length(replace(parent, '/', ''));
BEGIN
    -- A prefix of all paths of a folder is the folder.
    IF slashes <= depth AND (prefix = parent
        OR NOT EXISTS (SELECT FROM resource WHERE resource_path >= parent AND resource_path < prefix)
        AND NOT EXISTS (SELECT FROM resource WHERE resource_path >= prefix_end AND prefix_end <> '' AND (parent = '' OR resource_path < parent_end))) THEN
        RETURN QUERY SELECT parent::text, NULL::text;
    ELSIF slashes < depth AND prefix_end <> '' THEN
        RETURN QUERY SELECT child, NULL::text FROM folders_in(parent, prefix, prefix_end, '', '', 2147483647) AS child
            UNION ALL SELECT NULL, r.resource_path FROM resource r
                WHERE folder_of(r.resource_path) = parent AND r.resource_path >= prefix AND r.resource_path < prefix_end;
    ELSE
        RETURN QUERY SELECT NULL::text, r.resource_path FROM resource r
            WHERE r.resource_path >= prefix AND (prefix_end = '' OR r.resource_path < prefix_end);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION event_sequence(row_limit integer, after_seq bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
    moved bigint;
    unreadable bigint;
BEGIN
    -- A look that writes nothing: an idle sequencer must cost no flush.
    PERFORM 1 FROM event_pending WHERE seq > after_seq ORDER BY seq LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT position INTO head FROM event_head WHERE one FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN -1;
    END IF;
    -- A position that is handed out and then lost in a crash would be given to
    -- another event.
    PERFORM set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') IN ('off', 'local');

    WITH due AS (
        DELETE FROM event_pending WHERE seq = ANY (ARRAY(
            SELECT seq FROM event_pending WHERE seq > after_seq ORDER BY seq LIMIT row_limit))
        RETURNING seq, event_id, timestamp
    ), placed AS MATERIALIZED (
        SELECT head + row_number() OVER (ORDER BY due.seq) AS position, due.event_id, due.timestamp,
            e.event_type, e.resource_path, e.resource_version,
            (CASE WHEN octet_length(e.meta ->> 'execution_id') BETWEEN 1 AND text_limit('execution_id')
                THEN e.meta ->> 'execution_id' END) COLLATE "C" AS execution_id,
            CASE WHEN octet_length(e.meta ->> 'parent_execution_id') BETWEEN 1 AND text_limit('parent_execution_id')
                THEN e.meta ->> 'parent_execution_id' END AS parent,
            p.phase,
            coalesce(p.phase = 'STARTED', false) AS starts,
            nullif(p.phase, 'STARTED') AS ending,
            CASE WHEN p.phase = 'FAILED' THEN coalesce(e.payload ->> 'error', e.meta ->> 'error') END AS error,
            (CASE WHEN octet_length(e.meta ->> 'node_name') <= text_limit('node_name') THEN e.meta ->> 'node_name' END) COLLATE "C" AS step,
            status_is_failed(e.meta ->> 'status') AS failed,
            date_bin('1 hour', e.timestamp, 'epoch') AS hour, event_status(e.meta) AS status
        FROM due
        LEFT JOIN LATERAL (
            SELECT * FROM event WHERE event.timestamp = due.timestamp AND event.event_id = due.event_id OFFSET 0
        ) AS e ON true
        LEFT JOIN event_type t ON t.name = e.event_type
        -- An event has the phase that its type had when it was recorded.
        LEFT JOIN LATERAL (
            SELECT f.until, f.phase FROM event_type_former_phase f
            WHERE f.name = e.event_type AND f.until > due.seq ORDER BY f.until LIMIT 1
        ) AS former ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN former.until IS NULL THEN t.phase ELSE former.phase END AS phase) AS p
    ), logged AS (
        INSERT INTO event_log (position, event_id, timestamp, event_type, resource_path, execution_id, phase)
        SELECT position, event_id, timestamp, event_type, resource_path, execution_id, phase FROM placed
    ), tallied AS MATERIALIZED (
        SELECT resource_path, hour, event_type, status, count(*) AS count FROM placed WHERE event_type IS NOT NULL
        GROUP BY resource_path, hour, event_type, status
    ), counted AS (
        INSERT INTO event_count AS c (path, hour, event_type, status, count)
        SELECT resource_path, hour, event_type, status, count FROM tallied
        ON CONFLICT (path, hour, event_type, status) DO UPDATE SET count = c.count + excluded.count
    ), counted_above AS (
        INSERT INTO event_folder_count AS c (folder, hours, start, event_type, status, count)
        SELECT b.folder, b.hours, b.start, t.event_type, t.status, sum(t.count)
        FROM tallied t, event_folder_buckets(t.resource_path, t.hour) AS b
        GROUP BY b.folder, b.hours, b.start, t.event_type, t.status
        ON CONFLICT (folder, hours, start, event_type, status) DO UPDATE SET count = c.count + excluded.count
    ), step AS (
        SELECT DISTINCT ON (execution_id, step) execution_id, step, failed FROM placed
        WHERE execution_id IS NOT NULL AND step IS NOT NULL AND failed IS NOT NULL AND ending IS NULL
        ORDER BY execution_id, step, position DESC
    ), failing AS (
        INSERT INTO execution_failed_step (execution_id, step) SELECT execution_id, step FROM step WHERE failed
        ON CONFLICT DO NOTHING
        RETURNING execution_id, 1 AS change
    ), cleared AS (
        DELETE FROM execution_failed_step f USING step s
        WHERE NOT s.failed AND f.execution_id = s.execution_id AND f.step = s.step
        RETURNING f.execution_id, -1 AS change
    ), changed AS (
        SELECT execution_id, sum(change)::integer AS change
        FROM (SELECT * FROM failing UNION ALL SELECT * FROM cleared) AS changes
        GROUP BY execution_id
    ), folded AS (
        INSERT INTO execution AS x (execution_id, path, version, status, started, started_at, finished_at,
            last_event_at, event_count, error, parent, failed_step_count)
        SELECT execution_id,
            (array_agg(resource_path ORDER BY starts DESC, position))[1],
            (array_agg(resource_version ORDER BY starts DESC, position))[1],
            coalesce((array_agg(ending ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1], 'RUNNING'),
            bool_or(starts),
            coalesce((array_agg(timestamp ORDER BY position) FILTER (WHERE starts))[1], min(timestamp)),
            (array_agg(timestamp ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1],
            max(timestamp),
            count(*),
            (array_agg(error ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1],
            (array_agg(parent ORDER BY position) FILTER (WHERE parent IS NOT NULL))[1],
            coalesce(max(change), 0)
        FROM placed LEFT JOIN changed USING (execution_id)
        WHERE execution_id IS NOT NULL
        GROUP BY execution_id
        ON CONFLICT (execution_id) DO UPDATE SET
            path = CASE WHEN excluded.started AND NOT x.started THEN excluded.path ELSE x.path END,
            version = CASE WHEN excluded.started AND NOT x.started THEN excluded.version ELSE x.version END,
            status = CASE x.status WHEN 'RUNNING' THEN excluded.status ELSE x.status END,
            started = x.started OR excluded.started,
            started_at = CASE
                WHEN x.started THEN x.started_at
                WHEN excluded.started THEN excluded.started_at
                ELSE least(x.started_at, excluded.started_at)
            END,
            finished_at = CASE x.status WHEN 'RUNNING' THEN excluded.finished_at ELSE x.finished_at END,
            last_event_at = greatest(x.last_event_at, excluded.last_event_at),
            event_count = x.event_count + excluded.event_count,
            error = CASE x.status WHEN 'RUNNING' THEN excluded.error ELSE x.error END,
            parent = coalesce(x.parent, excluded.parent),
            failed_step_count = x.failed_step_count + excluded.failed_step_count
    )
    SELECT count(*), count(*) FILTER (WHERE event_type IS NULL) INTO moved, unreadable FROM placed;

    IF unreadable > 0 AND event_partitions_missing() > 0 THEN
        RAISE EXCEPTION 'a month of events is detached'
            USING ERRCODE = 'lock_not_available';
    END IF;

    IF moved > 0 THEN
        UPDATE event_head SET position = head + moved WHERE one;
        PERFORM pg_notify('event_log', (head + moved)::text);
    END IF;
    RETURN moved;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_count_folders() IS
    'Promise: event_folder_count has the sums of event_count. For a caller that keeps the sequencer away.';
COMMENT ON FUNCTION event_count_parts(text, text, integer) IS
    'Promise: folders with up to so many slashes (depth), and paths, that together hold each path with a prefix once. prefix_end: the least text after all that begin with the prefix; empty if there is none.';
COMMENT ON FUNCTION event_recount() IS
    'Promise: event_count and event_folder_count have exactly the events that have a position and can be read. The sequencer waits for it.';
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log, counts them in event_count and event_folder_count, and folds them into execution and execution_failed_step; returns how many, or -1 where another session is at it. READ COMMITTED only.';

DELETE FROM event_count WHERE path = '';
SELECT event_count_folders();
CREATE UNIQUE INDEX event_folder_count_key ON event_folder_count (folder, hours, start, event_type, status) NULLS NOT DISTINCT;

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_recount() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM event_head WHERE one FOR UPDATE;
    DELETE FROM event_count;
    INSERT INTO event_count (path, hour, event_type, status, count)
    SELECT coalesce(path, ''), hour, event_type, status, count(*)
    FROM (
        SELECT e.resource_path AS path, date_bin('1 hour', e.timestamp, 'epoch') AS hour, e.event_type, event_status(e.meta) AS status
        FROM event e JOIN event_log l ON l.timestamp = e.timestamp AND l.event_id = e.event_id
    ) AS e
    GROUP BY GROUPING SETS ((path, hour, event_type, status), (hour, event_type, status));
END $$;

CREATE OR REPLACE FUNCTION event_sequence(row_limit integer, after_seq bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
    moved bigint;
    unreadable bigint;
BEGIN
    -- A look that writes nothing: an idle sequencer must cost no flush.
    PERFORM 1 FROM event_pending WHERE seq > after_seq ORDER BY seq LIMIT 1;
    IF NOT FOUND THEN
        RETURN 0;
    END IF;
    SELECT position INTO head FROM event_head WHERE one FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN -1;
    END IF;
    -- A position that is handed out and then lost in a crash would be given to
    -- another event.
    PERFORM set_config('synchronous_commit', 'on', true)
        WHERE current_setting('synchronous_commit') IN ('off', 'local');

    WITH due AS (
        DELETE FROM event_pending WHERE seq = ANY (ARRAY(
            SELECT seq FROM event_pending WHERE seq > after_seq ORDER BY seq LIMIT row_limit))
        RETURNING seq, event_id, timestamp
    ), placed AS MATERIALIZED (
        SELECT head + row_number() OVER (ORDER BY due.seq) AS position, due.event_id, due.timestamp,
            e.event_type, e.resource_path, e.resource_version,
            (CASE WHEN octet_length(e.meta ->> 'execution_id') BETWEEN 1 AND text_limit('execution_id')
                THEN e.meta ->> 'execution_id' END) COLLATE "C" AS execution_id,
            CASE WHEN octet_length(e.meta ->> 'parent_execution_id') BETWEEN 1 AND text_limit('parent_execution_id')
                THEN e.meta ->> 'parent_execution_id' END AS parent,
            p.phase,
            coalesce(p.phase = 'STARTED', false) AS starts,
            nullif(p.phase, 'STARTED') AS ending,
            CASE WHEN p.phase = 'FAILED' THEN coalesce(e.payload ->> 'error', e.meta ->> 'error') END AS error,
            (CASE WHEN octet_length(e.meta ->> 'node_name') <= text_limit('node_name') THEN e.meta ->> 'node_name' END) COLLATE "C" AS step,
            status_is_failed(e.meta ->> 'status') AS failed,
            date_bin('1 hour', e.timestamp, 'epoch') AS hour, event_status(e.meta) AS status
        FROM due
        LEFT JOIN LATERAL (
            SELECT * FROM event WHERE event.timestamp = due.timestamp AND event.event_id = due.event_id OFFSET 0
        ) AS e ON true
        LEFT JOIN event_type t ON t.name = e.event_type
        -- An event has the phase that its type had when it was recorded.
        LEFT JOIN LATERAL (
            SELECT f.until, f.phase FROM event_type_former_phase f
            WHERE f.name = e.event_type AND f.until > due.seq ORDER BY f.until LIMIT 1
        ) AS former ON true
        CROSS JOIN LATERAL (SELECT CASE WHEN former.until IS NULL THEN t.phase ELSE former.phase END AS phase) AS p
    ), logged AS (
        INSERT INTO event_log (position, event_id, timestamp, event_type, resource_path, execution_id, phase)
        SELECT position, event_id, timestamp, event_type, resource_path, execution_id, phase FROM placed
    ), counted AS (
        INSERT INTO event_count AS c (path, hour, event_type, status, count)
        SELECT coalesce(resource_path, ''), hour, event_type, status, count(*) FROM placed WHERE event_type IS NOT NULL
        GROUP BY GROUPING SETS ((resource_path, hour, event_type, status), (hour, event_type, status))
        ON CONFLICT (path, hour, event_type, status) DO UPDATE SET count = c.count + excluded.count
    ), step AS (
        SELECT DISTINCT ON (execution_id, step) execution_id, step, failed FROM placed
        WHERE execution_id IS NOT NULL AND step IS NOT NULL AND failed IS NOT NULL AND ending IS NULL
        ORDER BY execution_id, step, position DESC
    ), failing AS (
        INSERT INTO execution_failed_step (execution_id, step) SELECT execution_id, step FROM step WHERE failed
        ON CONFLICT DO NOTHING
        RETURNING execution_id, 1 AS change
    ), cleared AS (
        DELETE FROM execution_failed_step f USING step s
        WHERE NOT s.failed AND f.execution_id = s.execution_id AND f.step = s.step
        RETURNING f.execution_id, -1 AS change
    ), changed AS (
        SELECT execution_id, sum(change)::integer AS change
        FROM (SELECT * FROM failing UNION ALL SELECT * FROM cleared) AS changes
        GROUP BY execution_id
    ), folded AS (
        INSERT INTO execution AS x (execution_id, path, version, status, started, started_at, finished_at,
            last_event_at, event_count, error, parent, failed_step_count)
        SELECT execution_id,
            (array_agg(resource_path ORDER BY starts DESC, position))[1],
            (array_agg(resource_version ORDER BY starts DESC, position))[1],
            coalesce((array_agg(ending ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1], 'RUNNING'),
            bool_or(starts),
            coalesce((array_agg(timestamp ORDER BY position) FILTER (WHERE starts))[1], min(timestamp)),
            (array_agg(timestamp ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1],
            max(timestamp),
            count(*),
            (array_agg(error ORDER BY position) FILTER (WHERE ending IS NOT NULL))[1],
            (array_agg(parent ORDER BY position) FILTER (WHERE parent IS NOT NULL))[1],
            coalesce(max(change), 0)
        FROM placed LEFT JOIN changed USING (execution_id)
        WHERE execution_id IS NOT NULL
        GROUP BY execution_id
        ON CONFLICT (execution_id) DO UPDATE SET
            path = CASE WHEN excluded.started AND NOT x.started THEN excluded.path ELSE x.path END,
            version = CASE WHEN excluded.started AND NOT x.started THEN excluded.version ELSE x.version END,
            status = CASE x.status WHEN 'RUNNING' THEN excluded.status ELSE x.status END,
            started = x.started OR excluded.started,
            started_at = CASE
                WHEN x.started THEN x.started_at
                WHEN excluded.started THEN excluded.started_at
                ELSE least(x.started_at, excluded.started_at)
            END,
            finished_at = CASE x.status WHEN 'RUNNING' THEN excluded.finished_at ELSE x.finished_at END,
            last_event_at = greatest(x.last_event_at, excluded.last_event_at),
            event_count = x.event_count + excluded.event_count,
            error = CASE x.status WHEN 'RUNNING' THEN excluded.error ELSE x.error END,
            parent = coalesce(x.parent, excluded.parent),
            failed_step_count = x.failed_step_count + excluded.failed_step_count
    )
    SELECT count(*), count(*) FILTER (WHERE event_type IS NULL) INTO moved, unreadable FROM placed;

    IF unreadable > 0 AND event_partitions_missing() > 0 THEN
        RAISE EXCEPTION 'a month of events is detached'
            USING ERRCODE = 'lock_not_available';
    END IF;

    IF moved > 0 THEN
        UPDATE event_head SET position = head + moved WHERE one;
        PERFORM pg_notify('event_log', (head + moved)::text);
    END IF;
    RETURN moved;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_recount IS
    'Promise: event_count has exactly the events that have a position and can be read. The sequencer waits for it.';
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log, counts them in event_count and folds them into execution and execution_failed_step; returns how many, or -1 where another session is at it. READ COMMITTED only.';

INSERT INTO event_count (path, hour, event_type, status, count)
SELECT '', start, event_type, status, count FROM event_folder_count WHERE folder = '' AND hours = 1;
DROP FUNCTION event_count_parts(text, text, integer), event_count_folders();
DROP TABLE event_folder_count;
DROP FUNCTION event_folder_buckets(text, timestamptz);
