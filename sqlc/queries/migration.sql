-- name: MigrationRepairs :many
SELECT * FROM migration_repair WHERE migration > @after_migration::integer ORDER BY id LIMIT @at_most::integer;
