-- The label of a version that is registered without one continues the numbering of
-- its resource.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_next_label(path text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    WITH RECURSIVE newest AS (
        SELECT resource_version AS label FROM catalog WHERE resource_path = path ORDER BY resource_path DESC, revision DESC LIMIT 1
    ), taken AS (
        -- One probe for each number in a row that is taken.
        SELECT label::numeric AS number FROM newest WHERE label ~ '^(0|[1-9][0-9]*)$'
        UNION ALL
        SELECT number + 1 FROM taken
        WHERE EXISTS (SELECT 1 FROM catalog WHERE resource_path = path AND resource_version = (number + 1)::text)
    )
    SELECT coalesce((SELECT max(number) + 1 FROM taken)::text, (
        SELECT label[1] || '.' || label[2] || '.' || (label[3] + 1)
        FROM (SELECT string_to_array(resource_version, '.')::numeric[] AS label FROM catalog
              WHERE resource_path = path
                AND resource_version ~ '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$'
              ORDER BY resource_path DESC, string_to_array(resource_version, '.')::numeric[] DESC LIMIT 1) AS highest
    ), '1.0.0')
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_next_label IS
    'Promise: where the label of a path''s newest version is a whole number, the next whole number that is free; else the highest x.y.z label with its patch raised by one, compared as numbers; 1.0.0 where there is none.';

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION catalog_next_label(path text) RETURNS text
LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT coalesce((
        SELECT label[1] || '.' || label[2] || '.' || (label[3] + 1)
        FROM (SELECT string_to_array(resource_version, '.')::numeric[] AS label FROM catalog
              WHERE resource_path = path
                AND resource_version ~ '^(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)$'
              ORDER BY resource_path DESC, string_to_array(resource_version, '.')::numeric[] DESC LIMIT 1) AS highest
    ), '1.0.0')
$$;
-- +goose StatementEnd
COMMENT ON FUNCTION catalog_next_label IS
    'The highest x.y.z label of a path with its patch raised by one, compared as numbers; 1.0.0 where there is none.';
