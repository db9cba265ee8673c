-- The one row of settings. Superusers change it with UPDATE; what it says about automatic backups is in 21_automatic.sql.

CREATE TABLE paliad_backup.settings (
    id boolean NOT NULL DEFAULT true,
    schemas text[],
    admin_function text,
    audit_table text,
    audit_settings jsonb,
    xlsx_time_zone text NOT NULL DEFAULT 'UTC',
    xlsx_labels boolean NOT NULL DEFAULT false,
    CONSTRAINT settings_pkey PRIMARY KEY (id),
    CONSTRAINT settings_one_row CHECK (id),
    CONSTRAINT settings_schemas_named CHECK (
        pg_catalog.cardinality(schemas) > 0 AND pg_catalog.array_position(schemas, NULL) IS NULL),
    -- Customised options only (with a dot): role, search_path, session_replication_role are no business of an audit row.
    CONSTRAINT settings_audit_settings_strings CHECK (
        pg_catalog.jsonb_typeof(audit_settings) = 'object'
        AND NOT pg_catalog.jsonb_path_exists(audit_settings, 'strict $.keyvalue() ? (@.value.type() != "string"
            || !(@.key like_regex "^[A-Za-z_][A-Za-z0-9_$]*([.][A-Za-z_][A-Za-z0-9_$]*)+$"))'))
);

COMMENT ON TABLE paliad_backup.settings IS
    'Settings of this database''s backups: one row, changed with UPDATE. What concerns automatic backups, retention and health may '
    'be changed by members of paliad_backup_admin, the rest by superusers';
COMMENT ON COLUMN paliad_backup.settings.id IS 'Always true: there is one row';
COMMENT ON COLUMN paliad_backup.settings.schemas IS 'Schemas to export; NULL: all user schemas';
COMMENT ON COLUMN paliad_backup.settings.admin_function IS
    'Schema-qualified name of a function without arguments that returns boolean; where set, it must also say true, '
    'evaluated with the rights of the caller; superusers are exempt';
COMMENT ON COLUMN paliad_backup.settings.audit_table IS
    'Schema-qualified name of the application''s audit table, with the columns of paliad_backup.system_audit_log; '
    'NULL: paliad_backup.system_audit_log';
COMMENT ON COLUMN paliad_backup.settings.audit_settings IS
    'Settings to make before an audit row is written, an object of strings: {"paliad.audit_reason": "backup"}';
COMMENT ON COLUMN paliad_backup.settings.xlsx_time_zone IS
    'Time zone, as in pg_timezone_names, of timestamptz cells in the workbook; csv and json are always UTC';

COMMENT ON COLUMN paliad_backup.settings.xlsx_labels IS
    'Whether the workbook shows labels below the columns'' names, and comments as labels where sheets has none';

-- They are the HINTs of explain_checks().
COMMENT ON CONSTRAINT settings_one_row ON paliad_backup.settings IS
    'There is one row: change it with UPDATE, and leave id alone.';
COMMENT ON CONSTRAINT settings_schemas_named ON paliad_backup.settings IS
    'schemas is an array of names without NULLs, as ''{paliad}'', or NULL for all user schemas.';
COMMENT ON CONSTRAINT settings_audit_settings_strings ON paliad_backup.settings IS
    'audit_settings is an object whose names have a dot and whose values are strings: {"paliad.audit_reason": "backup"}.';
CREATE TRIGGER settings_explain_checks BEFORE INSERT OR UPDATE ON paliad_backup.settings
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.explain_checks();
COMMENT ON TRIGGER settings_explain_checks ON paliad_backup.settings IS 'Says how to correct what a CHECK constraint refuses';

-- pg_dump writes this table's row, and the database that reads the dump already has the row seeded below.
CREATE FUNCTION paliad_backup.settings_replace() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM paliad_backup.settings WHERE id = NEW.id;
    RETURN NEW;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.settings_replace() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.settings_replace() IS 'Trigger: an inserted row takes the place of the present one';

CREATE FUNCTION paliad_backup.settings_keep() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
        RETURN OLD;  -- settings_replace() makes room
    END IF;
    RAISE object_not_in_prerequisite_state USING
        MESSAGE = 'the row of paliad_backup.settings cannot be removed',
        HINT = 'Change it: UPDATE paliad_backup.settings SET ... = DEFAULT.';
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.settings_keep() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.settings_keep() IS 'Trigger: the row of settings stays';

-- What the values refer to is looked up at UPDATE, and again whenever it is used, but not at INSERT: a dump brings the
-- row while the application's functions and tables may not be there yet. After the update, so that check_audit_table()
-- reads the new audit_settings.
CREATE FUNCTION paliad_backup.settings_check() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    names text[];
    missing text;
    result_type text;
    kind text;
BEGIN
    IF NEW.schemas IS DISTINCT FROM OLD.schemas THEN
        SELECT s INTO missing FROM unnest(NEW.schemas) s
        WHERE s ^@ 'pg_' OR s IN ('information_schema', 'paliad_backup')
        LIMIT 1;
        IF FOUND THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('schema "%s" is never exported', missing),
                HINT = 'Name the application''s schemas, or set schemas to NULL for all of them.';
        END IF;
        SELECT s INTO missing FROM unnest(NEW.schemas) s
        WHERE NOT EXISTS (SELECT FROM pg_namespace n WHERE n.nspname = s)
        LIMIT 1;
        IF FOUND THEN
            RAISE invalid_schema_name USING
                MESSAGE = format('schema "%s" does not exist', missing),
                HINT = 'Schemas are compared exactly, case included: SELECT nspname FROM pg_namespace.';
        END IF;
    END IF;

    IF NEW.admin_function IS DISTINCT FROM OLD.admin_function AND NEW.admin_function IS NOT NULL THEN
        BEGIN
            names := parse_ident(NEW.admin_function);
        EXCEPTION
            WHEN invalid_parameter_value THEN names := NULL;
        END;
        IF cardinality(names) IS DISTINCT FROM 2 THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('admin_function must be a schema-qualified name, not "%s"', NEW.admin_function),
                HINT = 'For example ''paliad.is_global_admin'', without parentheses.';
        END IF;
        SELECT CASE WHEN p.proretset THEN 'setof ' ELSE '' END || format_type(p.prorettype, NULL) INTO result_type
        FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname = names[1] AND p.proname = names[2] AND p.pronargs = 0 AND p.prokind = 'f';
        IF NOT FOUND THEN
            RAISE undefined_function USING
                MESSAGE = format('function %s() does not exist', NEW.admin_function),
                HINT = 'admin_function names a function without arguments that returns boolean.';
        END IF;
        IF result_type <> 'boolean' THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('function %s() returns %s, not boolean', NEW.admin_function, result_type),
                HINT = 'admin_function names a function without arguments that returns boolean.';
        END IF;
    END IF;

    IF (NEW.audit_table, NEW.audit_settings) IS DISTINCT FROM (OLD.audit_table, OLD.audit_settings)
       AND NEW.audit_table IS NOT NULL THEN
        BEGIN
            names := parse_ident(NEW.audit_table);
        EXCEPTION
            WHEN invalid_parameter_value THEN names := NULL;
        END;
        IF cardinality(names) IS DISTINCT FROM 2 THEN
            RAISE invalid_parameter_value USING
                MESSAGE = format('audit_table must be a schema-qualified name, not "%s"', NEW.audit_table),
                HINT = 'For example ''paliad.system_audit_log''.';
        END IF;
        SELECT c.relkind::text || c.relpersistence::text INTO kind
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = names[1] AND c.relname = names[2];
        IF NOT FOUND THEN
            RAISE undefined_table USING
                MESSAGE = format('table %s does not exist', NEW.audit_table),
                HINT = 'Create it with the columns of paliad_backup.system_audit_log, or set audit_table to NULL '
                       'to use that one.';
        END IF;
        IF kind NOT IN ('rp', 'pp') THEN
            RAISE wrong_object_type USING
                MESSAGE = format('%s is not a permanent table', NEW.audit_table),
                HINT = 'audit_table names an ordinary or partitioned table that is neither temporary nor unlogged.';
        END IF;
        BEGIN
            PERFORM paliad_backup.check_audit_table(format('%I.%I', names[1], names[2])::regclass);
            RAISE SQLSTATE 'PB000';  -- takes back the rows that were tried
        EXCEPTION
            WHEN SQLSTATE 'PB000' THEN NULL;
        END;
    END IF;

    IF NEW.xlsx_time_zone <> OLD.xlsx_time_zone
       AND NOT EXISTS (SELECT FROM pg_timezone_names z WHERE z.name = NEW.xlsx_time_zone) THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('time zone "%s" is not known', NEW.xlsx_time_zone),
            HINT = 'Take a name from SELECT name FROM pg_timezone_names, for example ''Europe/Berlin''.';
    END IF;
    RETURN NULL;
END
$$;
REVOKE ALL ON FUNCTION paliad_backup.settings_check() FROM PUBLIC;
COMMENT ON FUNCTION paliad_backup.settings_check() IS 'Trigger: what changed settings refer to must exist and fit';

CREATE TRIGGER settings_replace BEFORE INSERT ON paliad_backup.settings
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.settings_replace();
CREATE TRIGGER settings_keep BEFORE DELETE ON paliad_backup.settings
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.settings_keep();
CREATE TRIGGER settings_keep_truncate BEFORE TRUNCATE ON paliad_backup.settings
    FOR EACH STATEMENT EXECUTE FUNCTION paliad_backup.settings_keep();
CREATE TRIGGER settings_check AFTER UPDATE ON paliad_backup.settings
    FOR EACH ROW EXECUTE FUNCTION paliad_backup.settings_check();
-- Also under session_replication_role = replica, which some tools set while they load a dump.
ALTER TABLE paliad_backup.settings ENABLE ALWAYS TRIGGER settings_replace;
ALTER TABLE paliad_backup.settings ENABLE ALWAYS TRIGGER settings_keep;
ALTER TABLE paliad_backup.settings ENABLE ALWAYS TRIGGER settings_keep_truncate;
COMMENT ON TRIGGER settings_replace ON paliad_backup.settings IS 'Lets a dump''s row replace the seeded one';
COMMENT ON TRIGGER settings_keep ON paliad_backup.settings IS 'The row cannot be deleted';
COMMENT ON TRIGGER settings_keep_truncate ON paliad_backup.settings IS 'The row cannot be truncated away';
COMMENT ON TRIGGER settings_check ON paliad_backup.settings IS 'Checks what a changed setting refers to';

INSERT INTO paliad_backup.settings DEFAULT VALUES;
SELECT pg_catalog.pg_extension_config_dump('paliad_backup.settings', '');
