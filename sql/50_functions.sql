-- The functions. All are SECURITY INVOKER: the library asks the admin function with the caller's rights and then acts as the
-- extension's owner. EXECUTE is granted to paliad_backup_admin, some also to paliad_backup_reader, to PUBLIC nothing.

CREATE FUNCTION paliad_backup.is_authorized() RETURNS boolean
    LANGUAGE c STABLE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'is_authorized_wrapper';
COMMENT ON FUNCTION paliad_backup.is_authorized() IS
    'Whether the caller may use paliad_backup: true for superusers, else what settings.admin_function says (true where none is set)';

CREATE FUNCTION paliad_backup.check_audit_table(regclass) RETURNS void
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'check_audit_table_wrapper';
COMMENT ON FUNCTION paliad_backup.check_audit_table(regclass) IS
    'Inserts one row of each event type into a table as its owner; raises what keeps it from being the audit log. Roll back afterwards. Superusers only';

CREATE FUNCTION paliad_backup.run(
    kind text DEFAULT 'on_demand',
    requested_by uuid DEFAULT NULL,
    requested_by_email text DEFAULT NULL,
    requested_by_label text DEFAULT NULL,
    scope text DEFAULT 'full',
    formats text[] DEFAULT '{xlsx,json,csv}',
    note text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'run_wrapper';
COMMENT ON FUNCTION paliad_backup.run(text, uuid, text, text, text, text[], text) IS
    'Exports the database in the caller''s snapshot as one zip and returns its catalog row. kind: on_demand, scheduled. requested_by_email: default the session user, for scheduled runs system@paliad. scope: full, config (ref sheets), data (entity sheets). formats: xlsx, json, csv. Errors: 22023 bad argument, 55000 no directory, 55006 another run is active, 55P03 a table is locked, 40001 a table was rewritten after the snapshot, 53100 disk full, 53400 no worker slot, 25006 standby. The row and the audit row stay when the caller rolls back';

CREATE FUNCTION paliad_backup.list(max_rows integer DEFAULT 100)
    RETURNS SETOF paliad_backup.backup_list
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'list_wrapper';
COMMENT ON FUNCTION paliad_backup.list(integer) IS
    'The catalog, newest first, failed and deleted backups included, each with a friendly download_name. max_rows: 0 or less means 100';

CREATE FUNCTION paliad_backup.get(id uuid)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'get_wrapper';
COMMENT ON FUNCTION paliad_backup.get(uuid) IS 'The catalog row of one backup. Errors: 42704 when there is none';

CREATE FUNCTION paliad_backup.latest()
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'latest_wrapper';
COMMENT ON FUNCTION paliad_backup.latest() IS
    'The catalog row of the newest backup that is done and neither deleted nor found missing or damaged, checkpoints and imported ones apart: who restores the latest wants neither what was there before a restore nor the rows of another database. All NULL when there is none';

CREATE FUNCTION paliad_backup.list_files(id uuid)
    RETURNS TABLE (path text, size bigint, compressed_size bigint, sha256 text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'list_files_wrapper';
COMMENT ON FUNCTION paliad_backup.list_files(uuid) IS
    'The files in a bundle, in its order: path, bytes unpacked, bytes packed, SHA-256 from the manifest. Errors: 42704 no such backup, 55000 not done or deleted, 58030 the file is gone, XX001 damaged';

CREATE FUNCTION paliad_backup.download(id uuid, by_email text, by_id uuid DEFAULT NULL)
    RETURNS bytea
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'download_wrapper';
COMMENT ON FUNCTION paliad_backup.download(uuid, text, uuid) IS
    'The bundle as one value, up to 1 GB. Each download leaves an audit row, ROLLBACK or not. Errors: 22023 no email, 42704 no such backup, 55000 not done or deleted, 0A000 larger than 1 GB, 58030 the file is gone';

CREATE FUNCTION paliad_backup.download_chunks(id uuid, by_email text, by_id uuid DEFAULT NULL, chunk_size integer DEFAULT 8388608)
    RETURNS TABLE (chunk_offset bigint, chunk bytea)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'download_chunks_wrapper';
COMMENT ON FUNCTION paliad_backup.download_chunks(uuid, text, uuid, integer) IS
    'The bundle in pieces of chunk_size bytes (1024 to 536870912), in order. One audit row for the whole download. Errors as download()';

CREATE FUNCTION paliad_backup.read_file(id uuid, path text, by_email text DEFAULT NULL)
    RETURNS bytea
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'read_file_wrapper';
COMMENT ON FUNCTION paliad_backup.read_file(uuid, text, text) IS
    'One file of a bundle, unpacked, up to 1 GB; list_files() shows the paths. Audited. Errors: 42704 no such backup or file, 55000 not done or deleted, 0A000 larger than 1 GB, XX001 the bundle is damaged';

CREATE FUNCTION paliad_backup.read_rows(id uuid, sheet text, by_email text DEFAULT NULL)
    RETURNS SETOF bytea
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'read_rows_wrapper';
COMMENT ON FUNCTION paliad_backup.read_rows(uuid, text, text) IS
    'The rows of a sheet as texts of JSON objects in UTF-8: what read_sheet() reads. Errors as read_sheet()';

CREATE FUNCTION paliad_backup.read_sheet(id uuid, sheet text, by_email text DEFAULT NULL)
    RETURNS SETOF jsonb
    LANGUAGE sql VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, pg_temp
    AS $$ SELECT pg_catalog.convert_from(r, 'UTF8')::pg_catalog.jsonb FROM paliad_backup.read_rows($1, $2, $3) AS r $$;
COMMENT ON FUNCTION paliad_backup.read_sheet(uuid, text, text) IS
    'The rows of one sheet of a bundle, in its order, each as an object: column to value. sheet: its name, or schema.table. Audited. Errors: 42704 no such backup or sheet, 55000 not done or deleted, or a bundle without json, 0A000 a row of 1 GB or more, XX001 the bundle is damaged; and what jsonb cannot hold (54000 more than 256 MB in one row, 22P05 \\u0000 in a json value): read_rows() has it';

CREATE FUNCTION paliad_backup.read_sheet_as(row_type anyelement, id uuid, sheet text, by_email text DEFAULT NULL)
    RETURNS SETOF anyelement
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'read_sheet_as_wrapper';
COMMENT ON FUNCTION paliad_backup.read_sheet_as(anyelement, uuid, text, text) IS
    'The rows of one sheet of a bundle, in its order, as rows of a table: read_sheet_as(NULL::paliad.projects, id, ''projects''). Exact values: from csv, by the types'' own input functions, as the table''s owner. sheet: its name, or schema.table. Columns are matched by name; those that the bundle lacks are NULL and told in a NOTICE, generated ones are computed. Audited. Errors: 22023 not a row type, or none of its columns is in the sheet, 42704 no such backup or sheet, 55000 not done or deleted, or a bundle without csv, 0A000 a row of 1 GB or more, XX001 the bundle is damaged';

CREATE FUNCTION paliad_backup.diff(id uuid, sheet text, by_email text DEFAULT NULL)
    RETURNS TABLE (key jsonb, change text, columns text[], old jsonb, new jsonb)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 1000 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'diff_wrapper';
COMMENT ON FUNCTION paliad_backup.diff(uuid, text, text) IS
    'What has become of a table''s rows since the backup, by the bundle''s primary key: removed, changed or added. sheet: its name, or schema.table. columns: those that changed; old and new: their values as texts, or all where a row is removed or added. Values are compared as csv has them, in the columns that bundle and table both have. Without a primary key rows are compared as a whole, equal ones counted, and nothing is ''changed''. First what is in the bundle, in its order, then what was added. Audited; the table is read as its owner, in your snapshot. Errors: 42704 no such backup or sheet, or the table is gone, 55000 not done or deleted, a bundle without csv, or a sheet that is of no table, 42501 an excluded table, 22023 no common column, 55P03 the table is locked, 54000 a row of 1 GB or more, XX001 the bundle is damaged';

CREATE FUNCTION paliad_backup.delete(id uuid, by_email text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'delete_wrapper';
COMMENT ON FUNCTION paliad_backup.delete(uuid, text) IS
    'Removes the bundle''s file, stamps deleted_at and returns the row, which stays as evidence. Not transactional: ROLLBACK does not bring the file back. Errors: 42704 no such backup, 55000 running or pinned';

CREATE FUNCTION paliad_backup.pin(id uuid, by_email text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'pin_wrapper';
COMMENT ON FUNCTION paliad_backup.pin(uuid, text) IS
    'Keeps a backup from deletion and retention, and returns its row. Errors: 42704 no such backup, 55000 it has no file';

CREATE FUNCTION paliad_backup.unpin(id uuid, by_email text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'unpin_wrapper';
COMMENT ON FUNCTION paliad_backup.unpin(uuid, text) IS
    'Allows deletion and retention of a pinned backup again, and returns its row. Errors: 42704 no such backup';

CREATE FUNCTION paliad_backup.verify(id uuid, by_email text DEFAULT NULL)
    RETURNS TABLE (check_name text, ok boolean, detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 9 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'verify_wrapper';
COMMENT ON FUNCTION paliad_backup.verify(uuid, text) IS
    'Proves a bundle good: present, size, sha256 (against the catalog), zip, manifest, contents (CRC-32 and SHA-256 of every file), checksums (SHA256SUMS), rows (counted in csv and json), catalog (against the manifest). One row a check, in this order; ok is NULL where an earlier fault made the check impossible. Damage is a row, not an error; the verdict is kept on the backup''s row and audited. Errors: 42704 no such backup, 55000 it never had a bundle';

CREATE FUNCTION paliad_backup.verify_all(by_email text DEFAULT NULL)
    RETURNS TABLE (id uuid, ok boolean, fault text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'verify_all_wrapper';
COMMENT ON FUNCTION paliad_backup.verify_all(text) IS
    'verify() for every bundle that should be there, newest first: whether it is good, or else the first check that failed';

CREATE FUNCTION paliad_backup.repair_checksum(id uuid, by_email text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'repair_checksum_wrapper';
COMMENT ON FUNCTION paliad_backup.repair_checksum(uuid, text) IS
    'Puts the file''s own size and SHA-256 on the backup''s row, if the bundle proves itself from inside (every other check of verify() passes), and returns the row; audited with old and new. Errors: XX001 the bundle does not prove itself, 42704 no such backup, 55000 it never had a bundle';

CREATE FUNCTION paliad_backup.import_bundle(name text, by_email text DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'import_bundle_wrapper';
COMMENT ON FUNCTION paliad_backup.import_bundle(text, text) IS
    'Registers a bundle that lies in the folder import of this database''s backup folder, and returns its row: made in another database, or one of ours whose file was deleted or lost, if it is the same file. The file is copied, and the copy proven whole, before anything is registered; it stays where it lies. Not transactional. Errors: 22023 not the plain name of a file, 42501 not a regular file, 42704 no such file, 55000 the catalog has the backup already, 55006 another operation is active, 53100 disk full, XX001 not a whole bundle as it was written, 0A000 a newer format, 25006 standby';

CREATE FUNCTION paliad_backup.rebuild_catalog(dry_run boolean DEFAULT true)
    RETURNS TABLE (id uuid, action text, detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'rebuild_catalog_wrapper';
COMMENT ON FUNCTION paliad_backup.rebuild_catalog(boolean) IS
    'Makes lost catalog rows again, from the bundles in this database''s backup folder that have none. Each is proven whole first: add, or skip and why. dry_run (the default) only tells. Not transactional. Errors: 55006 another operation is active, 25006 standby';

CREATE FUNCTION paliad_backup.reconcile()
    RETURNS TABLE (id uuid, status text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 10 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'reconcile_wrapper';
COMMENT ON FUNCTION paliad_backup.reconcile() IS
    'Makes the catalog true. Runs that say running though their process is gone: done when the bundle is whole, else failed, and its partial file goes. Bundles whose file is gone: missing; back: found. Returns what became of each. Each run() does it too. Errors: 55006 while a run is active';

CREATE FUNCTION paliad_backup.adopt_directory()
    RETURNS boolean
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'adopt_directory_wrapper';
COMMENT ON FUNCTION paliad_backup.adopt_directory() IS
    'Makes this database''s backup folder its own, after the server was cloned, moved or renamed, or begins a new one where it is gone for good; false when it was its own already. Superusers only';

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA paliad_backup FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    paliad_backup.is_authorized(), paliad_backup.list(integer), paliad_backup.get(uuid), paliad_backup.latest(),
    paliad_backup.verify(uuid, text), paliad_backup.verify_all(text)
    TO paliad_backup_admin, paliad_backup_reader;
GRANT EXECUTE ON FUNCTION
    paliad_backup.run(text, uuid, text, text, text, text[], text), paliad_backup.list_files(uuid),
    paliad_backup.download(uuid, text, uuid), paliad_backup.download_chunks(uuid, text, uuid, integer),
    paliad_backup.delete(uuid, text), paliad_backup.pin(uuid, text), paliad_backup.unpin(uuid, text), paliad_backup.reconcile(),
    paliad_backup.repair_checksum(uuid, text), paliad_backup.read_file(uuid, text, text),
    paliad_backup.import_bundle(text, text), paliad_backup.rebuild_catalog(boolean),
    paliad_backup.read_sheet_as(anyelement, uuid, text, text), paliad_backup.diff(uuid, text, text),
    paliad_backup.read_rows(uuid, text, text), paliad_backup.read_sheet(uuid, text, text)
    TO paliad_backup_admin;
