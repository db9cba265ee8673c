-- What list() returns: the catalog with a name that a person would give to a downloaded file. Columns are named one by one: those that
-- `backups` gets later follow at the end, in an upgraded database as in a new one.
CREATE VIEW paliad_backup.backup_list WITH (security_invoker = true) AS
SELECT
    b.id,
    CASE WHEN b.status = 'done' AND b.deleted_at IS NULL AND b.missing_at IS NULL THEN
        pg_catalog.format('%s-%s.zip',
            pg_catalog.regexp_replace(coalesce(b.database_name::text, 'backup'), '[^A-Za-z0-9_.-]', '_', 'g'),
            pg_catalog.to_char(b.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD-HH24MI'))
    END AS download_name,
    b.kind,
    b.trigger,
    b.scope,
    b.formats,
    b.status,
    b.requested_by,
    b.requested_by_email,
    b.requested_by_label,
    b.note,
    b.reason,
    b.audit_id,
    b.directory,
    b.storage_uri,
    b.size_bytes,
    b.sha256,
    b.row_counts,
    b.sheet_count,
    b.warnings,
    b.error,
    b.error_code,
    b.content_digest,
    b.sheet_digests,
    b.database_name,
    b.server_version,
    b.extension_version,
    b.format_version,
    b.migration_version,
    b.snapshot,
    b.wal_lsn,
    b.includes_uncommitted,
    b.pinned,
    b.imported_at,
    b.backend_pid,
    b.started_at,
    b.finished_at,
    b.deleted_at,
    b.deleted_reason,
    b.missing_at,
    b.verified_at,
    b.verify_ok,
    b.verify_result,
    b.checkpoint_of
FROM paliad_backup.backups AS b;

COMMENT ON VIEW paliad_backup.backup_list IS
    'Table backups with a friendly name for downloaded files; list() returns its rows, newest first';
COMMENT ON COLUMN paliad_backup.backup_list.download_name IS
    'Name for a downloaded file: database, and start in UTC; NULL where there is no file';
DO $$
DECLARE
    same record;
BEGIN
    FOR same IN
        SELECT a.attname, pg_catalog.col_description(a.attrelid, a.attnum) AS text
        FROM pg_catalog.pg_attribute a
        WHERE a.attrelid = 'paliad_backup.backups'::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped
    LOOP
        EXECUTE pg_catalog.format('COMMENT ON COLUMN paliad_backup.backup_list.%I IS %L', same.attname, same.text);
    END LOOP;
END
$$;
