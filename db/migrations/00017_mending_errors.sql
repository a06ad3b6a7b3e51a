-- +goose Up

-- A deadlock or an exhausted disk while a table was attached again counted as a table
-- that does not fit: another partition took its place, and its events stayed unreadable.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION event_mend_partition(wanted text, lower_bound timestamptz, upper_bound timestamptz)
RETURNS TABLE (name text, outcome text)
LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    guarded boolean;
BEGIN
    name := wanted;
    IF to_regclass(wanted) IS NOT NULL THEN
        BEGIN
            guarded := event_is_guarded(wanted::regclass);
            EXECUTE format('ALTER TABLE event ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%L)',
                wanted, coalesce(quote_literal(lower_bound), 'MINVALUE'), upper_bound);
            PERFORM event_guard_partitions();
            IF NOT guarded THEN -- its rows came without their identities
                PERFORM event_reconcile();
            END IF;
            outcome := 'attached';
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN OTHERS THEN
            -- Only what is said about the table: its columns, rows, bounds or owner.
            -- Anything else can be tried again.
            IF left(SQLSTATE, 2) NOT IN ('0A', '22', '23', '42') THEN
                RAISE;
            END IF;
            outcome := 'does not fit: ' || SQLERRM;
            RETURN NEXT;
            name := wanted || '_new';
        END;
    END IF;
    PERFORM event_attach_partition(name, lower_bound, upper_bound);
    outcome := 'made';
    RETURN NEXT;
END $$;
-- +goose StatementEnd

-- +goose Down
-- The function stays: what it did before was a fault.
SELECT 1;
