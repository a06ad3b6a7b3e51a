-- name: ReconcileResources :one
-- last_path is NULL after the last resource.
SELECT reconciled.last_path, coalesce(reconciled.repaired, 0)::integer AS repaired
FROM resource_index_reconcile(@after_path::text, @at_most::integer) AS reconciled;

-- name: IndexTrigrams :one
SELECT resource_index_trigrams()::boolean AS indexed;

-- name: MergeResourceIndex :exec
SELECT resource_index_merge();
