-- Whether backups and tables are well, and what a backup would be like.

CREATE FUNCTION paliad_backup.check_health(deep boolean DEFAULT false, by_email text DEFAULT NULL)
    RETURNS TABLE (check_name text, level text, object text, message text, next_command text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 15 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'check_health_wrapper';
COMMENT ON FUNCTION paliad_backup.check_health(boolean, text) IS
    'Looks at all that backups depend on. A row for each check that finds nothing, and for each thing that is wrong: level (ok, warning, critical), what it is about, and the next command to type. Checks: backup_age, failures, interrupted_runs, schedule, directory, free_space, bundles, bundle_contents (verify() for those longest unverified, at most once a day each), stray_files, page_checksums, tables (copies of all pages of each exported table and its indexes: header, checksum, and in tables the bounds of rows and values; never by amcheck, which can crash the server at damaged pages: run pg_amcheck yourself where that does no harm). Unless deep, bundles and tables of up to 256 MB each are read, chosen anew each time. Changes nothing but what verify() notes. What goes wrong in a check is a row of it, not an error';

REVOKE ALL ON FUNCTION paliad_backup.check_health(boolean, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION paliad_backup.check_health(boolean, text) TO paliad_backup_admin, paliad_backup_reader;

CREATE FUNCTION paliad_backup.estimate(scope text DEFAULT 'full', formats text[] DEFAULT '{xlsx,json,csv}')
    RETURNS TABLE (sheet text, relation text, estimated_rows bigint, table_bytes bigint, expected_bytes bigint,
                   expected_seconds numeric, free_bytes bigint, fits boolean, basis text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'estimate_wrapper';
COMMENT ON FUNCTION paliad_backup.estimate(text, text[]) IS
    'What run() would export and about what it would take: a row for each sheet, last a total with sheet NULL. estimated_rows: by the server''s statistics (ANALYZE), else those of the last backup. expected_bytes, expected_seconds: from the last good backups in these formats, by the growth of each sheet since; without any, usual figures. fits: whether free_bytes are enough for the bundle and what it is made of. Reads no rows and keeps no locks. Errors: 22023 bad argument, 55P03 a table is locked, 42501 what a run would be refused for';

REVOKE ALL ON FUNCTION paliad_backup.estimate(text, text[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION paliad_backup.estimate(text, text[]) TO paliad_backup_admin;
