-- What list() returns: the catalog with a name that a person would give to a downloaded file.
CREATE VIEW paliad_backup.backup_list WITH (security_invoker = true) AS
SELECT b.*,
       pg_catalog.format('%s-%s.zip',
           pg_catalog.regexp_replace(coalesce(b.database_name::text, 'backup'), '[^A-Za-z0-9_.-]', '_', 'g'),
           pg_catalog.to_char(b.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD-HH24MI')) AS download_name
FROM paliad_backup.backups AS b;

COMMENT ON VIEW paliad_backup.backup_list IS 'Table backups with a friendly name for downloaded files (database and start in UTC)';
