-- Filters by paths, by what not to pass, and by words; counts of events by hour.

-- +goose Up
-- +goose StatementBegin
CREATE FUNCTION event_words(event_type text, resource_path text, payload jsonb, meta jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    RETURN public.text_words(resource_path || ' ' || event_type
        || coalesce(' ' || (meta ->> 'node_name'), '') || coalesce(' ' || (meta ->> 'status'), '')
        || coalesce(' ' || CASE
            WHEN jsonb_typeof(payload -> 'error') = 'string' THEN payload ->> 'error'
            WHEN jsonb_typeof(meta -> 'error') = 'string' THEN meta ->> 'error' END, ''));
END $$;

DROP FUNCTION event_passes;
CREATE FUNCTION event_passes(
    event_type text, resource_path text, resource_version text, payload jsonb, meta jsonb,
    types text[], path text, path_prefix text, version text, execution_id text, step text, statuses text[],
    payload_contains jsonb, meta_contains jsonb, scopes text[],
    paths text[] DEFAULT NULL, exclude_types text[] DEFAULT NULL, word_patterns text[] DEFAULT NULL
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (types IS NULL OR event_type = ANY (types))
    AND (exclude_types IS NULL OR event_type <> ALL (exclude_types))
    AND (path IS NULL OR resource_path = path)
    AND (paths IS NULL OR resource_path = ANY (paths))
    AND (path_prefix IS NULL OR resource_path ^@ path_prefix)
    AND (version IS NULL OR resource_version = version)
    AND (execution_id IS NULL OR meta ->> 'execution_id' = execution_id)
    AND (step IS NULL OR meta ->> 'node_name' = step)
    AND (statuses IS NULL OR lower((meta ->> 'status') COLLATE "C") = ANY (statuses))
    AND (payload_contains IS NULL OR payload @> payload_contains)
    AND (meta_contains IS NULL OR meta @> meta_contains)
    AND resource_path ^@ ANY (scopes)
    AND (word_patterns IS NULL OR event_words(event_type, resource_path, payload, meta) LIKE ALL (word_patterns));
-- +goose StatementEnd
COMMENT ON FUNCTION event_words IS
    'Promise: the words that EventFilter.text searches: those of the path, the type, the step, the status and the error (payload.error, else meta.error, where it is a string).';
COMMENT ON FUNCTION event_passes IS
    'Promise: what EventFilter means, in one place: all of the fields given hold (statuses come in lower case, text as patterns of LIKE), and the path lies within a scope. Time bounds and resourceTypes stand in the queries. PostgreSQL inlines it.';

-- How many events each path has by hour, type and status; under the path '', which no
-- resource has, those of all paths. The sequencer is the only writer.
CREATE TABLE event_count (
    path TEXT COLLATE "C" NOT NULL,
    hour TIMESTAMPTZ NOT NULL,
    event_type TEXT COLLATE "C" NOT NULL,
    status TEXT COLLATE "C",
    count BIGINT NOT NULL
) WITH (fillfactor = 80);

-- +goose StatementBegin
CREATE FUNCTION event_status(meta jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN octet_length(meta ->> 'status') <= 255 THEN upper((meta ->> 'status') COLLATE "C") END;

CREATE FUNCTION event_recount() RETURNS void
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
COMMENT ON FUNCTION event_status IS
    'Promise: the status that an event is counted under: meta.status in upper case (A to Z only, whatever the locale), if it has at most 255 bytes.';
COMMENT ON FUNCTION event_recount IS
    'Promise: event_count has exactly the events that have a position and can be read. The sequencer waits for it.';
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log, counts them in event_count and folds them into execution and execution_failed_step; returns how many, or -1 where another session is at it. READ COMMITTED only.';

SELECT event_recount();
CREATE UNIQUE INDEX event_count_key ON event_count (path, hour, event_type, status) NULLS NOT DISTINCT;

-- +goose Down
-- +goose StatementBegin
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
            status_is_failed(e.meta ->> 'status') AS failed
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
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log and folds them into execution and execution_failed_step; returns how many, or -1 where another session is at it. READ COMMITTED only.';
DROP FUNCTION event_recount;
DROP TABLE event_count;
DROP FUNCTION event_status;
DROP FUNCTION event_passes;
-- +goose StatementBegin
CREATE FUNCTION event_passes(
    event_type text, resource_path text, resource_version text, payload jsonb, meta jsonb,
    types text[], path text, path_prefix text, version text, execution_id text, step text, statuses text[],
    payload_contains jsonb, meta_contains jsonb, scopes text[]
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (types IS NULL OR event_type = ANY (types))
    AND (path IS NULL OR resource_path = path)
    AND (path_prefix IS NULL OR resource_path ^@ path_prefix)
    AND (version IS NULL OR resource_version = version)
    AND (execution_id IS NULL OR meta ->> 'execution_id' = execution_id)
    AND (step IS NULL OR meta ->> 'node_name' = step)
    AND (statuses IS NULL OR lower((meta ->> 'status') COLLATE "C") = ANY (statuses))
    AND (payload_contains IS NULL OR payload @> payload_contains)
    AND (meta_contains IS NULL OR meta @> meta_contains)
    AND resource_path ^@ ANY (scopes);
-- +goose StatementEnd
COMMENT ON FUNCTION event_passes IS
    'Promise: what EventFilter means, in one place: all of the fields given hold (statuses come in lower case), and the path lies within a scope. Time bounds and resourceTypes stand in the queries. PostgreSQL inlines it.';
DROP FUNCTION event_words;
