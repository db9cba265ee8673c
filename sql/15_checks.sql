-- A CHECK constraint that a superuser's configuration breaks is explained: its comment is the error's HINT.

CREATE FUNCTION paliad_backup.explain_checks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    checked record;
    good boolean;
BEGIN
    FOR checked IN
        SELECT c.conname, c.conkey, pg_get_expr(c.conbin, c.conrelid) AS expression, obj_description(c.oid, 'pg_constraint') AS hint
        FROM pg_constraint c
        WHERE c.conrelid = TG_RELID AND c.contype = 'c'
        ORDER BY c.conname
    LOOP
        -- OFFSET 0: an expression is evaluated with the row, in its own order, and not by the planner.
        EXECUTE format('SELECT %s FROM (SELECT ($1).* OFFSET 0) new', checked.expression) INTO good USING NEW;
        IF NOT good THEN
            RAISE check_violation USING
                MESSAGE = format('new row for relation "%s" violates check constraint "%s"', TG_TABLE_NAME, checked.conname),
                DETAIL = format('Failing row contains %s.',
                    (SELECT jsonb_object_agg(a.attname, to_jsonb(NEW) -> a.attname) FROM pg_attribute a
                     WHERE a.attrelid = TG_RELID AND a.attnum = ANY (checked.conkey))),
                HINT = checked.hint, SCHEMA = TG_TABLE_SCHEMA, TABLE = TG_TABLE_NAME, CONSTRAINT = checked.conname;
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.explain_checks() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.explain_checks() IS
    'Trigger: raises what a CHECK constraint would, with the constraint''s comment as HINT';
