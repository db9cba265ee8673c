-- Schema and roles. The schema itself is made by CREATE EXTENSION (or by a dump, right before it).

-- A schema that others own, may create in, or have already filled lets them slip an overload under a call made with the
-- extension owner's rights (PostgreSQL docs, "Security Considerations for Extensions").
DO $$
DECLARE
    intruder text;
BEGIN
    SELECT r.rolname INTO intruder
    FROM pg_catalog.pg_namespace n
    JOIN pg_catalog.pg_roles r
      ON NOT r.rolsuper AND (r.oid = n.nspowner OR pg_catalog.has_schema_privilege(r.oid, n.oid, 'CREATE'))
    WHERE n.nspname = 'paliad_backup'
    LIMIT 1;
    IF FOUND THEN
        RAISE insufficient_privilege USING
            MESSAGE = pg_catalog.format(
                'schema "paliad_backup" is not safe: role "%s" may create objects in it', intruder),
            HINT = 'Only superusers may own it or create in it: DROP SCHEMA paliad_backup, or REVOKE the right, '
                   'then CREATE EXTENSION again.';
    END IF;
    PERFORM FROM pg_catalog.pg_depend d
    WHERE d.refclassid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
      AND d.refobjid = 'paliad_backup'::pg_catalog.regnamespace
      AND d.deptype = 'n'
      AND d.classid <> 'pg_catalog.pg_extension'::pg_catalog.regclass;
    IF FOUND THEN
        RAISE object_not_in_prerequisite_state USING
            MESSAGE = 'schema "paliad_backup" already contains objects',
            HINT = 'Move or drop what is in it, then CREATE EXTENSION again.';
    END IF;
END
$$;

-- Roles belong to the whole server: another database may have made them already, or be making them right now.
DO $$
BEGIN
    CREATE ROLE paliad_backup_admin NOLOGIN;
    COMMENT ON ROLE paliad_backup_admin IS
        'May call every paliad_backup function that is not reserved to superusers, and read its tables';
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

DO $$
BEGIN
    CREATE ROLE paliad_backup_reader NOLOGIN;
    COMMENT ON ROLE paliad_backup_reader IS
        'May list and verify paliad_backup backups and watch their progress; sees no contents';
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;

-- What superusers own is read as this role, so that no code that a query reaches ever gets a superuser's rights.
DO $$
BEGIN
    CREATE ROLE paliad_backup_scan NOLOGIN BYPASSRLS;
    COMMENT ON ROLE paliad_backup_scan IS
        'As which paliad_backup reads tables, views and sequences of superusers. For nobody to be a member of';
EXCEPTION
    WHEN duplicate_object OR unique_violation THEN NULL;
END
$$;
-- Somebody who may create roles could have made it first, to log in as it.
DO $$
DECLARE
    fault text;
BEGIN
    SELECT CASE
               WHEN r.rolcanlogin THEN 'may log in'
               WHEN r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication THEN 'has rights of its own'
               WHEN NOT r.rolbypassrls THEN 'does not bypass row security'
               ELSE (SELECT 'has the member ' || pg_catalog.quote_ident(m.rolname)
                     FROM pg_catalog.pg_auth_members a JOIN pg_catalog.pg_roles m ON m.oid = a.member
                     WHERE a.roleid = r.oid AND NOT m.rolsuper LIMIT 1)
           END INTO fault
    FROM pg_catalog.pg_roles r WHERE r.rolname = 'paliad_backup_scan';
    IF fault IS NOT NULL THEN
        RAISE insufficient_privilege USING
            MESSAGE = pg_catalog.format('role "paliad_backup_scan" is not safe: it %s', fault),
            DETAIL = 'The extension reads with it what belongs to superusers.',
            HINT = 'DROP ROLE paliad_backup_scan, or take that from it, then CREATE EXTENSION again.';
    END IF;
END
$$;

DO $$
BEGIN
    IF NOT pg_catalog.pg_has_role('paliad_backup_scan', 'pg_read_all_data', 'MEMBER') THEN
        GRANT pg_read_all_data TO paliad_backup_scan;
    END IF;
EXCEPTION
    WHEN unique_violation THEN NULL;  -- somebody else was quicker
END
$$;

REVOKE ALL ON SCHEMA paliad_backup FROM PUBLIC;
GRANT USAGE ON SCHEMA paliad_backup TO paliad_backup_admin, paliad_backup_reader;
COMMENT ON SCHEMA paliad_backup IS
    'Backups of this database''s tables as zip files that anybody can open: SELECT * FROM paliad_backup.run()';
