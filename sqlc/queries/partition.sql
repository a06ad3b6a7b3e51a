-- name: MendPartitions :many
SELECT name::text, outcome::text FROM event_mend_partitions(@months_ahead::integer) ORDER BY 1;

-- name: GuardPartitions :one
SELECT event_guard_partitions()::integer AS guarded;

-- name: Reconcile :one
SELECT event_reconcile()::bigint AS adopted;

-- name: PartitionStatus :one
SELECT event_partitions_ahead()::integer AS ahead, event_partitions_unguarded()::integer AS unguarded,
    event_partitions_missing()::integer AS missing, event_partitions_detached()::text[] AS detached;

-- name: SetStatementTimeout :exec
SELECT set_config('statement_timeout', @timeout::text, true);
