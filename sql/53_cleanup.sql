-- Removing what retention does not keep. As the functions of 50_functions.sql.

CREATE FUNCTION paliad_backup.cleanup(dry_run boolean DEFAULT true)
    RETURNS TABLE (id uuid, action text, reason text, bytes bigint, path text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'cleanup_wrapper';
COMMENT ON FUNCTION paliad_backup.cleanup(boolean) IS
    'Removes the bundles that no retention rule of settings keeps, and files of this database''s folder that the catalog does not account for: those of deleted backups, and others after an hour, but no bundle whose row is lost (rebuild_catalog() has those). dry_run (the default) only tells, and also why each other backup stays: keep, remove, remove file, settle, mark missing, mark found; the reason names the rules. Not transactional: ROLLBACK brings no file back. Audited; the rows of the catalog stay. Errors, unless it is a dry run: 55006 a run is active, 25006 standby; 55000 no directory, or that of another server or database, 58030 a file could not be removed: the others are';

CREATE FUNCTION paliad_backup.cleanup_auto_keep_latest()
    RETURNS bigint
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'cleanup_auto_keep_latest_wrapper';
COMMENT ON FUNCTION paliad_backup.cleanup_auto_keep_latest() IS
    'Removes the automatic backups (kind scheduled) but the newest good one of each scope, whatever the retention rules say; returns how many. Pinned ones stay, and so do the newest settings.minimum_redundancy good backups. Not transactional. Errors: as cleanup()';

REVOKE ALL ON FUNCTION paliad_backup.cleanup(boolean), paliad_backup.cleanup_auto_keep_latest() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION paliad_backup.cleanup(boolean), paliad_backup.cleanup_auto_keep_latest() TO paliad_backup_admin;
