-- name: EnsurePartitions :one
SELECT event_ensure_partitions(@months_ahead::integer)::integer AS made;
