-- The sequencer. It holds the lock (20251, 1) while it is awake; writers check the lock
-- before they ring.

-- name: TryAwake :one
SELECT pg_try_advisory_lock(20251, 1) AS awake;

-- name: FallAsleep :one
SELECT pg_advisory_unlock(20251, 1) AS asleep;

-- name: Sequence :one
-- oldest_running is from the beginning of this statement, so it is no later than what
-- event_sequence has seen.
SELECT event_sequence(@row_limit::integer, @after_seq::bigint)::bigint AS moved,
    pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS oldest_running;

-- name: LastPendingSeq :one
SELECT coalesce(pg_sequence_last_value('event_pending_seq'::regclass), 0)::bigint AS seq;

-- name: NextTransaction :one
SELECT pg_current_xact_id()::text::bigint AS id;

-- name: AnyPending :one
SELECT EXISTS (SELECT 1 FROM event_pending WHERE seq = ANY (@seqs::bigint[]));

-- name: PendingStatus :one
SELECT count(*)::bigint AS pending,
    coalesce(extract(epoch FROM now() - min(pending_since)), 0)::float8 AS oldest_seconds
FROM (SELECT pending_since FROM event_pending ORDER BY seq LIMIT 100000) AS p;

-- name: NotificationQueueUsage :one
SELECT pg_notification_queue_usage()::float8 AS usage;
