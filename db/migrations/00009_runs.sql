-- Runs as NoETL records them: its event types, phases that can be set, and the
-- steps that failed.

-- +goose Up

-- A phase is data from now on; the name only determines the default.
ALTER TABLE event_type ALTER COLUMN phase DROP EXPRESSION;
ALTER TABLE event_type ADD CONSTRAINT event_type_has_a_phase_of_runs
    CHECK (phase IN ('STARTED', 'COMPLETED', 'FAILED', 'CANCELLED'));

-- What an event did to its run when it got its position: its type may change.
ALTER TABLE event_log ADD COLUMN phase TEXT;
UPDATE event_log l SET phase = t.phase FROM event_type t WHERE t.name = l.event_type AND t.phase IS NOT NULL;

-- The phase that a type had for the events with a lower seq.
CREATE TABLE event_type_former_phase (
    name TEXT COLLATE "C" NOT NULL REFERENCES event_type(name) ON UPDATE CASCADE ON DELETE CASCADE,
    until BIGINT NOT NULL,
    phase TEXT,
    PRIMARY KEY (name, until)
);

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_phase(event_type text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook)_(start|started|initialized)$' THEN 'STARTED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook|workflow)_(complete|completed)$' THEN 'COMPLETED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook|workflow)_(fail|failed|error)$' THEN 'FAILED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook|workflow)_(cancel|cancelled|canceled)$' THEN 'CANCELLED'
END;

CREATE FUNCTION event_type_before_write() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' AND NEW.phase IS NULL THEN
        NEW.phase := event_phase(NEW.name);
    END IF;
    -- NULL leaves the phase of a new type to its name; '' is for none.
    NEW.phase := nullif(NEW.phase, '');
    IF TG_OP = 'UPDATE' AND NEW.phase IS DISTINCT FROM OLD.phase THEN
        INSERT INTO event_type_former_phase (name, until, phase) VALUES (OLD.name, nextval('event_pending_seq'), OLD.phase);
    END IF;
    RETURN NEW;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_phase IS
    'The default phase of an event type: what its name says, in whatever spelling NoETL has for it.';
COMMENT ON FUNCTION event_type_before_write IS
    'Promise: a type that is added without a phase has the one that its name says, and a change of phase holds for the events recorded from then on.';
CREATE TRIGGER event_type_before_write BEFORE INSERT OR UPDATE ON event_type
    FOR EACH ROW EXECUTE FUNCTION event_type_before_write();

UPDATE event_type SET phase = event_phase(name) WHERE phase IS NULL AND event_phase(name) IS NOT NULL;

INSERT INTO event_type (name, template) VALUES
    ('playbook_started', 'Playbook {{ resource_path }} started.'),
    ('playbook.started', 'Playbook {{ resource_path }} started.'),
    ('playbook.initialized', 'Playbook {{ resource_path }} initialized.'),
    ('playbook_completed', 'Playbook {{ resource_path }} completed.'),
    ('playbook.completed', 'Playbook {{ resource_path }} completed.'),
    ('playbook_failed', 'Playbook {{ resource_path }} failed.'),
    ('playbook.failed', 'Playbook {{ resource_path }} failed.'),
    ('playbook_cancelled', 'Playbook {{ resource_path }} cancelled.'),
    ('playbook.cancelled', 'Playbook {{ resource_path }} cancelled.'),
    ('execution.cancelled', 'Execution of {{ resource_path }} cancelled.'),
    ('workflow.initialized', 'Workflow of {{ resource_path }} initialized.'),
    ('workflow.completed', 'Workflow of {{ resource_path }} completed.'),
    ('workflow.failed', 'Workflow of {{ resource_path }} failed.'),
    ('step.enter', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} entered.'),
    ('step.exit', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} left.'),
    ('step.skipped', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} skipped.'),
    ('step.failed', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} failed.'),
    ('step_completed', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} completed.'),
    ('step_result', 'Step {{ meta.node_name | default("?") }} of {{ resource_path }} has a result.'),
    ('action_completed', 'Action of step {{ meta.node_name | default("?") }} of {{ resource_path }} completed.'),
    ('command.issued', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} issued.'),
    ('command.claimed', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} claimed.'),
    ('command.started', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} started.'),
    ('command.completed', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} completed.'),
    ('command.failed', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} failed.'),
    ('command.cancelled', 'Command of step {{ meta.node_name | default("?") }} of {{ resource_path }} cancelled.'),
    ('call.done', 'Call of step {{ meta.node_name | default("?") }} of {{ resource_path }} done.'),
    ('call.error', 'Call of step {{ meta.node_name | default("?") }} of {{ resource_path }} failed.'),
    ('loop.item', 'Item of the loop of step {{ meta.node_name | default("?") }} of {{ resource_path }} processed.'),
    ('loop.done', 'Loop of step {{ meta.node_name | default("?") }} of {{ resource_path }} done.'),
    ('loop.shard.done', 'Shard of the loop of step {{ meta.node_name | default("?") }} of {{ resource_path }} done.'),
    ('loop.shard.failed', 'Shard of the loop of step {{ meta.node_name | default("?") }} of {{ resource_path }} failed.'),
    ('loop.fanin.completed', 'Fan-in of the loop of step {{ meta.node_name | default("?") }} of {{ resource_path }} completed.'),
    ('frame.dispatched', 'Frame of step {{ meta.node_name | default("?") }} of {{ resource_path }} dispatched.'),
    ('frame.started', 'Frame of step {{ meta.node_name | default("?") }} of {{ resource_path }} started.'),
    ('frame.failed', 'Frame of step {{ meta.node_name | default("?") }} of {{ resource_path }} failed.'),
    ('subscription.paused', 'Subscription of {{ resource_path }} paused.'),
    ('subscription.resumed', 'Subscription of {{ resource_path }} resumed.'),
    ('keychain.refresh_failed', 'Keychain of {{ resource_path }} could not be refreshed.')
ON CONFLICT (name) DO NOTHING;

-- The steps of runs whose last status is a failure; kept by the sequencer.
CREATE TABLE execution_failed_step (
    execution_id TEXT COLLATE "C" NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (execution_id, step)
);
ALTER TABLE execution ADD COLUMN failed_step_count INTEGER NOT NULL DEFAULT 0;

-- +goose StatementBegin
CREATE FUNCTION status_is_failed(status text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(status COLLATE "C") IN ('failed', 'error');
-- +goose StatementEnd
COMMENT ON FUNCTION status_is_failed IS
    'Whether a step with this status has failed; the case counts as in ASCII, whatever the database''s locale. NULL for no status.';

INSERT INTO execution_failed_step (execution_id, step)
    SELECT execution_id, step FROM (
        SELECT DISTINCT ON (l.execution_id, e.meta ->> 'node_name')
            l.execution_id, e.meta ->> 'node_name' AS step, status_is_failed(e.meta ->> 'status') AS failed
        FROM event_log l JOIN event e ON e.timestamp = l.timestamp AND e.event_id = l.event_id
        WHERE l.execution_id IS NOT NULL AND (l.phase IS NULL OR l.phase = 'STARTED')
          AND octet_length(e.meta ->> 'node_name') <= text_limit('node_name') AND e.meta ->> 'status' IS NOT NULL
        ORDER BY l.execution_id, e.meta ->> 'node_name', l.position DESC
    ) AS last
    WHERE failed;
UPDATE execution x SET failed_step_count = f.steps
    FROM (SELECT execution_id, count(*) AS steps FROM execution_failed_step GROUP BY execution_id) AS f
    WHERE f.execution_id = x.execution_id;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_sequence(row_limit integer, after_seq bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
    moved bigint;
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
    SELECT count(*) INTO moved FROM placed;

    IF moved > 0 THEN
        UPDATE event_head SET position = head + moved WHERE one;
        PERFORM pg_notify('event_log', (head + moved)::text);
    END IF;
    RETURN moved;
END $$;
-- +goose StatementEnd
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log and folds them into execution and execution_failed_step; returns how many, or -1 where another session is at it. READ COMMITTED only.';

-- +goose Down
-- The event types that were added stay: events may have them.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_sequence(row_limit integer, after_seq bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    head bigint;
    moved bigint;
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
            CASE WHEN octet_length(e.meta ->> 'execution_id') BETWEEN 1 AND 255 THEN e.meta ->> 'execution_id' END AS execution_id,
            CASE WHEN octet_length(e.meta ->> 'parent_execution_id') BETWEEN 1 AND 255 THEN e.meta ->> 'parent_execution_id' END AS parent,
            coalesce(t.phase = 'STARTED', false) AS starts,
            nullif(t.phase, 'STARTED') AS ending,
            CASE WHEN t.phase = 'FAILED' THEN coalesce(e.payload ->> 'error', e.meta ->> 'error') END AS error
        FROM due
        LEFT JOIN LATERAL (
            SELECT * FROM event WHERE event.timestamp = due.timestamp AND event.event_id = due.event_id OFFSET 0
        ) AS e ON true
        LEFT JOIN event_type t ON t.name = e.event_type
    ), logged AS (
        INSERT INTO event_log (position, event_id, timestamp, event_type, resource_path, execution_id)
        SELECT position, event_id, timestamp, event_type, resource_path, execution_id FROM placed
    ), folded AS (
        INSERT INTO execution AS x (execution_id, path, version, status, started, started_at, finished_at,
            last_event_at, event_count, error, parent)
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
            (array_agg(parent ORDER BY position) FILTER (WHERE parent IS NOT NULL))[1]
        FROM placed
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
            parent = coalesce(x.parent, excluded.parent)
    )
    SELECT count(*) INTO moved FROM placed;

    IF moved > 0 THEN
        UPDATE event_head SET position = head + moved WHERE one;
        PERFORM pg_notify('event_log', (head + moved)::text);
    END IF;
    RETURN moved;
END $$;

CREATE OR REPLACE FUNCTION event_phase(event_type text) RETURNS text
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN CASE
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook)_(start|started|initialized)$' THEN 'STARTED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook)_(complete|completed)$' THEN 'COMPLETED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook)_(fail|failed|error)$' THEN 'FAILED'
    WHEN translate(lower(event_type COLLATE "C"), '.-', '__') ~ '^(execution|playbook)_(cancel|cancelled|canceled)$' THEN 'CANCELLED'
END;
-- +goose StatementEnd
COMMENT ON FUNCTION event_sequence IS
    'Promise: each committed event gets one position; positions are dense and rising, and where one transaction began after another had committed, its events come after. Moves up to row_limit rows of event_pending with seq > after_seq to event_log and folds them into execution; returns how many, or -1 where another session is at it. READ COMMITTED only.';
COMMENT ON FUNCTION event_phase IS
    'Promise: the one table of the event types that start and end a run, in whatever spelling NoETL has for them.';
DROP FUNCTION status_is_failed;
ALTER TABLE execution DROP COLUMN failed_step_count;
DROP TABLE execution_failed_step;
DROP TRIGGER event_type_before_write ON event_type;
DROP FUNCTION event_type_before_write;
DROP TABLE event_type_former_phase;
ALTER TABLE event_log DROP COLUMN phase;
ALTER TABLE event_type DROP COLUMN phase;
ALTER TABLE event_type ADD COLUMN phase TEXT GENERATED ALWAYS AS (event_phase(name)) STORED;
