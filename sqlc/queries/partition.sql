-- name: EnsurePartitions :one
SELECT event_ensure_partitions(@months_ahead::integer)::integer AS made;

-- name: GuardPartitions :one
SELECT event_guard_partitions()::integer AS guarded;

-- name: Reconcile :one
SELECT event_reconcile()::bigint AS adopted;

-- name: PartitionStatus :one
SELECT event_partitions_ahead()::integer AS ahead, event_partitions_unguarded()::integer AS unguarded;
