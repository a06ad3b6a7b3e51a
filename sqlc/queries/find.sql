-- Generated from sqlc/templates/find.sql.tmpl by `make generate`; do not edit.
-- Resources found by resource_index. Each call is planned for its arguments: a condition
-- that is not given costs nothing, and a given one uses an index if that is cheaper.

-- name: SearchResourcesAsc :many
-- By rank, which is the lowest rank of the words, and then by path. The parts of UNION ALL
-- run one after another, each in the order of paths, until the page is full, so common
-- words take no longer than rare ones. The higher limit of a part makes the planner walk
-- the paths for common words only.
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, s.negative_rank::bigint AS negative_rank
FROM (SELECT part.* FROM ((
        SELECT i.resource_path, -6::bigint AS negative_rank
        FROM resource_index i
        WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND (-6 > @low_rank::bigint OR -6 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-6 < @high_rank::bigint OR -6 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %')
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -5::bigint AS negative_rank
        FROM resource_index i
        WHERE (-5 > @low_rank::bigint OR -5 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-5 < @high_rank::bigint OR -5 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -4::bigint AS negative_rank
        FROM resource_index i
        WHERE (-4 > @low_rank::bigint OR -4 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-4 < @high_rank::bigint OR -4 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -3::bigint AS negative_rank
        FROM resource_index i
        WHERE (-3 > @low_rank::bigint OR -3 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-3 < @high_rank::bigint OR -3 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8]))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -2::bigint AS negative_rank
        FROM resource_index i
        WHERE (-2 > @low_rank::bigint OR -2 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-2 < @high_rank::bigint OR -2 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -1::bigint AS negative_rank
        FROM resource_index i
        WHERE (-1 > @low_rank::bigint OR -1 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-1 < @high_rank::bigint OR -1 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000))) AS part
    LIMIT @page_size::integer
) AS s
JOIN resource r ON r.resource_path = s.resource_path
ORDER BY s.negative_rank ASC, s.resource_path ASC;

-- name: SearchResourcesOfTypesAsc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, s.negative_rank::bigint AS negative_rank
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (SELECT part.* FROM ((
        SELECT i.resource_path, -6::bigint AS negative_rank
        FROM resource_index i
        WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND i.terms @> ARRAY['type:' || p.type]
          AND (-6 > @low_rank::bigint OR -6 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-6 < @high_rank::bigint OR -6 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %')
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -5::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-5 > @low_rank::bigint OR -5 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-5 < @high_rank::bigint OR -5 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -4::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-4 > @low_rank::bigint OR -4 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-4 < @high_rank::bigint OR -4 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -3::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-3 > @low_rank::bigint OR -3 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-3 < @high_rank::bigint OR -3 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8]))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -2::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-2 > @low_rank::bigint OR -2 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-2 < @high_rank::bigint OR -2 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -1::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-1 > @low_rank::bigint OR -1 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-1 < @high_rank::bigint OR -1 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path ASC
        LIMIT greatest(@page_size::integer, 10000))) AS part
    LIMIT @page_size::integer
) AS s
JOIN resource r ON r.resource_path = s.resource_path
ORDER BY p.parent, s.negative_rank ASC, s.resource_path ASC;

-- name: FindResourcesAsc :many
SELECT s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, sort.sort_time
        FROM resource_index i
        JOIN resource r ON r.resource_path = i.resource_path AND (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
        CROSS JOIN LATERAL (SELECT (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time) AS sort
        WHERE i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
) AS s
ORDER BY s.sort_time ASC, s.resource_path ASC
LIMIT @page_size::integer;

-- name: FindResourcesOfTypesAsc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, sort.sort_time
        FROM resource_index i
        JOIN resource r ON r.resource_path = i.resource_path AND (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
        CROSS JOIN LATERAL (SELECT (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time) AS sort
        WHERE r.resource_type = p.type
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
    ORDER BY k.sort_time ASC, k.resource_path ASC
    LIMIT @page_size::integer
) AS s
ORDER BY p.parent, s.sort_time ASC, s.resource_path ASC;

-- name: SearchResourcesDesc :many
-- By rank, which is the lowest rank of the words, and then by path. The parts of UNION ALL
-- run one after another, each in the order of paths, until the page is full, so common
-- words take no longer than rare ones. The higher limit of a part makes the planner walk
-- the paths for common words only.
SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, s.negative_rank::bigint AS negative_rank
FROM (SELECT part.* FROM ((
        SELECT i.resource_path, -1::bigint AS negative_rank
        FROM resource_index i
        WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND (-1 > @low_rank::bigint OR -1 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-1 < @high_rank::bigint OR -1 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -2::bigint AS negative_rank
        FROM resource_index i
        WHERE (-2 > @low_rank::bigint OR -2 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-2 < @high_rank::bigint OR -2 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -3::bigint AS negative_rank
        FROM resource_index i
        WHERE (-3 > @low_rank::bigint OR -3 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-3 < @high_rank::bigint OR -3 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8]))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -4::bigint AS negative_rank
        FROM resource_index i
        WHERE (-4 > @low_rank::bigint OR -4 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-4 < @high_rank::bigint OR -4 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -5::bigint AS negative_rank
        FROM resource_index i
        WHERE (-5 > @low_rank::bigint OR -5 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-5 < @high_rank::bigint OR -5 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -6::bigint AS negative_rank
        FROM resource_index i
        WHERE (-6 > @low_rank::bigint OR -6 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-6 < @high_rank::bigint OR -6 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %')
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000))) AS part
    LIMIT @page_size::integer
) AS s
JOIN resource r ON r.resource_path = s.resource_path
ORDER BY s.negative_rank DESC, s.resource_path DESC;

-- name: SearchResourcesOfTypesDesc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, s.negative_rank::bigint AS negative_rank
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (SELECT part.* FROM ((
        SELECT i.resource_path, -1::bigint AS negative_rank
        FROM resource_index i
        WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND i.terms @> ARRAY['type:' || p.type]
          AND (-1 > @low_rank::bigint OR -1 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-1 < @high_rank::bigint OR -1 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -2::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-2 > @low_rank::bigint OR -2 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-2 < @high_rank::bigint OR -2 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -3::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-3 > @low_rank::bigint OR -3 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-3 < @high_rank::bigint OR -3 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE '% ' || (@words::text[])[8] || ' %')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8]))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -4::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-4 > @low_rank::bigint OR -4 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-4 < @high_rank::bigint OR -4 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1])
            AND ((@words::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2])
            AND ((@words::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3])
            AND ((@words::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4])
            AND ((@words::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5])
            AND ((@words::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6])
            AND ((@words::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7])
            AND ((@words::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8])
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%'))
          AND @has_parts::boolean
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -5::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-5 > @low_rank::bigint OR -5 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-5 < @high_rank::bigint OR -5 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || '%')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || '%')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || '%')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || '%')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || '%')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || '%')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || '%')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || '%')
          AND NOT (((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %'))
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000)) UNION ALL (
        SELECT i.resource_path, -6::bigint AS negative_rank
        FROM resource_index i
        WHERE i.terms @> ARRAY['type:' || p.type]
          AND (-6 > @low_rank::bigint OR -6 = @low_rank::bigint AND i.resource_path >= @low_path::text)
          AND (-6 < @high_rank::bigint OR -6 = @high_rank::bigint AND i.resource_path < @high_path::text)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@words::text[])[1] IS NULL OR i.best LIKE '% ' || (@words::text[])[1] || ' %')
            AND ((@words::text[])[2] IS NULL OR i.best LIKE '% ' || (@words::text[])[2] || ' %')
            AND ((@words::text[])[3] IS NULL OR i.best LIKE '% ' || (@words::text[])[3] || ' %')
            AND ((@words::text[])[4] IS NULL OR i.best LIKE '% ' || (@words::text[])[4] || ' %')
            AND ((@words::text[])[5] IS NULL OR i.best LIKE '% ' || (@words::text[])[5] || ' %')
            AND ((@words::text[])[6] IS NULL OR i.best LIKE '% ' || (@words::text[])[6] || ' %')
            AND ((@words::text[])[7] IS NULL OR i.best LIKE '% ' || (@words::text[])[7] || ' %')
            AND ((@words::text[])[8] IS NULL OR i.best LIKE '% ' || (@words::text[])[8] || ' %')
        ORDER BY i.resource_path DESC
        LIMIT greatest(@page_size::integer, 10000))) AS part
    LIMIT @page_size::integer
) AS s
JOIN resource r ON r.resource_path = s.resource_path
ORDER BY p.parent, s.negative_rank DESC, s.resource_path DESC;

-- name: FindResourcesDesc :many
SELECT s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, sort.sort_time
        FROM resource_index i
        JOIN resource r ON r.resource_path = i.resource_path AND (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
        CROSS JOIN LATERAL (SELECT (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time) AS sort
        WHERE i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
) AS s
ORDER BY s.sort_time DESC, s.resource_path DESC
LIMIT @page_size::integer;

-- name: FindResourcesOfTypesDesc :many
-- Up to @page_size resources of each type; parent is the type's ordinal, from 1.
SELECT p.parent::integer AS parent, s.resource_path, s.resource_type, s.latest_version, s.latest_revision, s.name, s.description, s.created_at, s.updated_at
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
CROSS JOIN LATERAL (
    SELECT k.* FROM (
        SELECT r.resource_path, r.resource_type, r.latest_version, r.latest_revision, r.name, r.description, r.created_at, r.updated_at, sort.sort_time
        FROM resource_index i
        JOIN resource r ON r.resource_path = i.resource_path AND (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
        CROSS JOIN LATERAL (SELECT (CASE @sort_field::text WHEN 'UPDATED_AT' THEN r.updated_at WHEN 'CREATED_AT' THEN r.created_at ELSE 'epoch' END)::timestamptz AS sort_time) AS sort
        WHERE r.resource_type = p.type
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
    ) AS k
    WHERE (k.sort_time, k.resource_path) >= (@low_time::timestamptz, @low_path::text)
      AND (k.sort_time, k.resource_path) < (@high_time::timestamptz, @high_path::text)
    ORDER BY k.sort_time DESC, k.resource_path DESC
    LIMIT @page_size::integer
) AS s
ORDER BY p.parent, s.sort_time DESC, s.resource_path DESC;

-- name: CountFoundResources :one
SELECT count(*)
FROM resource_index i
WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8]);

-- name: CountFoundResourcesOfTypes :many
SELECT p.parent::integer AS parent, (
    SELECT count(*)
    FROM resource_index i
    WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND i.terms @> ARRAY['type:' || p.type]
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND (@types::text[] IS NULL OR i.terms && @types::text[])
          AND (sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text])
          AND (sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text])
          AND (@tags::text[] IS NULL OR i.terms && @tags::text[])
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
)::bigint AS count
FROM unnest(@parents::text[]) WITH ORDINALITY AS p(type, parent)
ORDER BY p.parent;

-- name: CountFacets :many
-- The number of resources with each of the most frequent terms of each kind. A condition
-- on one kind of terms does not apply to the counts of that kind.
SELECT counted.kind::text AS kind, counted.name::text AS name, counted.count::bigint AS count
FROM (
    SELECT split_part(t.term, ':', 1) AS kind, substr(t.term, strpos(t.term, ':') + 1) AS name, t.count,
        row_number() OVER (PARTITION BY split_part(t.term, ':', 1) ORDER BY t.count DESC, t.term) AS nth
    FROM (
        SELECT term, count(*) AS count
        FROM resource_index i
        CROSS JOIN LATERAL unnest(i.terms) AS term
        WHERE (@parents::text[] IS NULL OR @sort_field::text = '' OR @words::text[] IS NULL OR @low_rank::bigint = 0 OR @high_rank::bigint = 0
          OR @low_time::timestamptz IS NULL OR @high_time::timestamptz IS NULL OR @low_path::text = '' OR @high_path::text = ''
          OR @has_parts::boolean OR @page_size::integer = 0 OR @patterns::text[] IS NULL OR true)
          AND i.resource_path >= @prefix_low::text AND (@prefix_high::text = '' OR i.resource_path < @prefix_high::text)
          AND ('' = ANY (@scopes::text[]) OR i.resource_path ^@ ANY (@scopes::text[]))
          AND (@paths::text[] IS NULL OR i.resource_path = ANY (@paths::text[]))
          AND (sqlc.narg('calls')::text IS NULL OR i.terms @> ARRAY['playbook:' || sqlc.narg('calls')::text])
          AND (sqlc.narg('updated_since')::timestamptz IS NULL AND sqlc.narg('updated_before')::timestamptz IS NULL
              AND @payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
              SELECT 1 FROM resource r WHERE r.resource_path = i.resource_path
                AND (sqlc.narg('updated_since')::timestamptz IS NULL OR r.updated_at >= sqlc.narg('updated_since')::timestamptz)
                AND (sqlc.narg('updated_before')::timestamptz IS NULL OR r.updated_at < sqlc.narg('updated_before')::timestamptz)
                AND (@payload_contains::jsonb IS NULL AND @meta_contains::jsonb IS NULL OR EXISTS (
      SELECT 1 FROM catalog c
      WHERE c.resource_path = r.resource_path AND c.revision = r.latest_revision
        AND (@payload_contains::jsonb IS NULL OR c.payload @> @payload_contains::jsonb)
  AND (@meta_contains::jsonb IS NULL OR c.meta @> @meta_contains::jsonb)))))
          AND ((@patterns::text[])[1] IS NULL OR i.best LIKE (@patterns::text[])[1] OR i.rest LIKE (@patterns::text[])[1])
          AND ((@patterns::text[])[2] IS NULL OR i.best LIKE (@patterns::text[])[2] OR i.rest LIKE (@patterns::text[])[2])
          AND ((@patterns::text[])[3] IS NULL OR i.best LIKE (@patterns::text[])[3] OR i.rest LIKE (@patterns::text[])[3])
          AND ((@patterns::text[])[4] IS NULL OR i.best LIKE (@patterns::text[])[4] OR i.rest LIKE (@patterns::text[])[4])
          AND ((@patterns::text[])[5] IS NULL OR i.best LIKE (@patterns::text[])[5] OR i.rest LIKE (@patterns::text[])[5])
          AND ((@patterns::text[])[6] IS NULL OR i.best LIKE (@patterns::text[])[6] OR i.rest LIKE (@patterns::text[])[6])
          AND ((@patterns::text[])[7] IS NULL OR i.best LIKE (@patterns::text[])[7] OR i.rest LIKE (@patterns::text[])[7])
          AND ((@patterns::text[])[8] IS NULL OR i.best LIKE (@patterns::text[])[8] OR i.rest LIKE (@patterns::text[])[8])
          AND ((@types::text[] IS NULL OR i.terms && @types::text[]) OR term ^@ 'type:')
          AND ((sqlc.narg('uses_tool')::text IS NULL OR i.terms @> ARRAY['tool:' || sqlc.narg('uses_tool')::text]) OR term ^@ 'tool:')
          AND ((sqlc.narg('uses_credential')::text IS NULL OR i.terms @> ARRAY['credential:' || sqlc.narg('uses_credential')::text]) OR term ^@ 'credential:')
          AND ((@tags::text[] IS NULL OR i.terms && @tags::text[]) OR term ^@ 'tag:')
          AND NOT term ^@ 'playbook:'
        GROUP BY term
    ) AS t
) AS counted
WHERE counted.nth <= @page_size::integer
ORDER BY counted.kind, counted.nth;
