-- Who may read. Nobody but superusers writes, except for those settings that only concern automatic backups.

-- ALTER DEFAULT PRIVILEGES may have given our objects to others while they were made.
DO $$
DECLARE
    given record;
BEGIN
    FOR given IN
        SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS object_type,
               c.oid::pg_catalog.regclass::text AS object_name,
               a.grantee
        FROM pg_catalog.pg_class c, pg_catalog.aclexplode(c.relacl) a
        WHERE c.relnamespace = 'paliad_backup'::pg_catalog.regnamespace AND a.grantee <> c.relowner
        UNION
        SELECT 'FUNCTION', p.oid::pg_catalog.regprocedure::text, a.grantee
        FROM pg_catalog.pg_proc p, pg_catalog.aclexplode(p.proacl) a
        WHERE p.pronamespace = 'paliad_backup'::pg_catalog.regnamespace AND a.grantee <> p.proowner
          -- Functions have had their own grants.
          AND a.grantee NOT IN (0, 'paliad_backup_admin'::pg_catalog.regrole, 'paliad_backup_reader'::pg_catalog.regrole)
    LOOP
        EXECUTE pg_catalog.format(
            'REVOKE ALL ON %s %s FROM %s', given.object_type, given.object_name,
            CASE given.grantee WHEN 0 THEN 'PUBLIC' ELSE given.grantee::pg_catalog.regrole::text END);
    END LOOP;
END
$$;

GRANT SELECT ON
    paliad_backup.backups, paliad_backup.backup_list, paliad_backup.run_progress, paliad_backup.progress, paliad_backup.status
    TO paliad_backup_admin, paliad_backup_reader;
GRANT SELECT ON
    paliad_backup.settings, paliad_backup.system_audit_log, paliad_backup.sheets, paliad_backup.exclusions
    TO paliad_backup_admin;
-- What the view status compares with.
GRANT SELECT (enabled, max_age) ON paliad_backup.settings TO paliad_backup_reader;
-- Neither what is exported nor where audit rows go.
GRANT UPDATE (
    enabled, schedule, interval_hours, auto_on_change, change_poll, change_debounce, formats,
    retention_count, retention_days, keep_daily, keep_weekly, keep_monthly, keep_yearly, minimum_redundancy, checkpoint_count,
    max_age, notify_channel)
    ON paliad_backup.settings TO paliad_backup_admin;

ALTER TABLE paliad_backup.backups ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.run_progress ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.settings ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.system_audit_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.sheets ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.exclusions ENABLE ROW LEVEL SECURITY;
ALTER TABLE paliad_backup.change_watch ENABLE ROW LEVEL SECURITY;

-- As a subquery, is_authorized() is called once a statement and not once a row.
CREATE POLICY authorized_read ON paliad_backup.backups FOR SELECT
    TO paliad_backup_admin, paliad_backup_reader USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_read ON paliad_backup.run_progress FOR SELECT
    TO paliad_backup_admin, paliad_backup_reader USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_read ON paliad_backup.settings FOR SELECT
    TO paliad_backup_admin, paliad_backup_reader USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_update ON paliad_backup.settings FOR UPDATE
    TO paliad_backup_admin USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_read ON paliad_backup.system_audit_log FOR SELECT
    TO paliad_backup_admin USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_read ON paliad_backup.sheets FOR SELECT
    TO paliad_backup_admin USING ((SELECT paliad_backup.is_authorized()));
CREATE POLICY authorized_read ON paliad_backup.exclusions FOR SELECT
    TO paliad_backup_admin USING ((SELECT paliad_backup.is_authorized()));
COMMENT ON POLICY authorized_read ON paliad_backup.backups IS 'Admins and readers, where the admin function agrees';
COMMENT ON POLICY authorized_read ON paliad_backup.run_progress IS 'Admins and readers, where the admin function agrees';
COMMENT ON POLICY authorized_read ON paliad_backup.settings IS
    'Admins, and readers two columns, where the admin function agrees';
COMMENT ON POLICY authorized_update ON paliad_backup.settings IS
    'Admins, where the admin function agrees; a right to the columns decides which';
COMMENT ON POLICY authorized_read ON paliad_backup.system_audit_log IS 'Admins, where the admin function agrees';
COMMENT ON POLICY authorized_read ON paliad_backup.sheets IS 'Admins, where the admin function agrees';
COMMENT ON POLICY authorized_read ON paliad_backup.exclusions IS 'Admins, where the admin function agrees';
