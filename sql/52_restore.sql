-- Putting rows back. As the functions of 50_functions.sql.

CREATE FUNCTION paliad_backup.restore(
    id uuid,
    sheets text[] DEFAULT NULL,
    scope text DEFAULT 'full',
    overwrite boolean DEFAULT false,
    checkpoint boolean DEFAULT true,
    checkpoint_reason text DEFAULT NULL,
    dry_run boolean DEFAULT true,
    skip_verify boolean DEFAULT false,
    create_missing boolean DEFAULT false,
    by_email text DEFAULT NULL,
    by_id uuid DEFAULT NULL)
    RETURNS TABLE (
        sheet text, relation text, action text, rows_restored bigint, rows_skipped bigint, rows_removed bigint,
        errors jsonb, message text, checkpoint_id uuid, audit_id uuid)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'restore_wrapper';
COMMENT ON FUNCTION paliad_backup.restore(uuid, text[], text, boolean, boolean, text, boolean, boolean, boolean, text, uuid) IS
    'Puts a bundle''s rows back into their tables, in the caller''s transaction: look, then COMMIT or ROLLBACK. sheets: names of sheets or schema.table, NULL for all; scope: full, config, data. overwrite: true replaces the rows that are there, false adds those whose primary key is not. checkpoint: a backup first, for undo_restore(). dry_run (the default): everything is done, reported and taken back. skip_verify: the file is not compared with the catalog''s checksum. create_missing: tables that are gone are made by the bundle''s schema.sql, as who owned them or owns their schema. Returns a row per sheet in the bundle''s order (action restored or skipped, in a dry run also failed, with the errors that a restore would raise, or, without numbers, not tried: it would be refused before it loads anything; rows restored, skipped because their key was there, and removed), last a total with sheet NULL. No trigger fires; then all foreign keys and deferrable constraints are checked. Errors: 42704 no such backup or sheet, 55000 a table does not fit or has no primary key, 25001 not READ COMMITTED, 25006 read only, 55006 another operation is active or the table is in use, 55P03 a table is locked, 23503, 23505, 23P01 a constraint, XX001 the bundle is damaged';

CREATE FUNCTION paliad_backup.restore_sheet(
    id uuid,
    sheet text,
    target regclass,
    overwrite boolean DEFAULT false,
    checkpoint boolean DEFAULT true,
    checkpoint_reason text DEFAULT NULL,
    dry_run boolean DEFAULT true,
    skip_verify boolean DEFAULT false,
    by_email text DEFAULT NULL,
    by_id uuid DEFAULT NULL)
    RETURNS TABLE (
        sheet text, relation text, action text, rows_restored bigint, rows_skipped bigint, rows_removed bigint,
        errors jsonb, message text, checkpoint_id uuid, audit_id uuid)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'restore_sheet_wrapper';
COMMENT ON FUNCTION paliad_backup.restore_sheet(uuid, text, regclass, boolean, boolean, text, boolean, boolean, text, uuid) IS
    'Puts one sheet''s rows into any table that has its columns, as restore() does. The caller needs INSERT on the table and, to overwrite, TRUNCATE. Errors: as restore(), 42501 without these rights, 22023 what is no table';

CREATE FUNCTION paliad_backup.undo_restore(
    audit_id uuid,
    checkpoint boolean DEFAULT true,
    dry_run boolean DEFAULT true,
    by_email text DEFAULT NULL,
    by_id uuid DEFAULT NULL)
    RETURNS TABLE (
        sheet text, relation text, action text, rows_restored bigint, rows_skipped bigint, rows_removed bigint,
        errors jsonb, message text, checkpoint_id uuid, audit_id uuid)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'undo_restore_wrapper';
COMMENT ON FUNCTION paliad_backup.undo_restore(uuid, boolean, boolean, text, uuid) IS
    'Puts the tables of a committed restore back as its checkpoint has them; restores() shows the audit_id. A dry run unless dry_run => false. Errors: as restore(), 42704 no such restore, 55000 it was not committed, was a dry run or has no checkpoint';

CREATE FUNCTION paliad_backup.restores(max_rows integer DEFAULT 100)
    RETURNS TABLE (
        audit_id uuid, backup_id uuid, requested_at timestamptz, by_email text, sheets text[], overwrite boolean, dry_run boolean,
        transaction_id text, committed boolean, checkpoint_id uuid, result jsonb, error text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 100 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'restores_wrapper';
COMMENT ON FUNCTION paliad_backup.restores(integer) IS
    'Who restored what when, newest first, dry runs and failures included, from the audit log. committed: NULL while the transaction goes on, for dry runs, and when the server no longer knows. max_rows: 0 or less means 100';

CREATE FUNCTION paliad_backup.create_checkpoint(reason text DEFAULT NULL, by_email text DEFAULT NULL, by_id uuid DEFAULT NULL)
    RETURNS paliad_backup.backups
    LANGUAGE c VOLATILE PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'create_checkpoint_wrapper';
COMMENT ON FUNCTION paliad_backup.create_checkpoint(text, text, uuid) IS
    'A backup of all sheets to come back to, of kind checkpoint with its reason, as csv and json; returns its row. Errors: as run()';

CREATE FUNCTION paliad_backup.rehearse_restore(id uuid, sheets text[] DEFAULT NULL, by_email text DEFAULT NULL)
    RETURNS TABLE (sheet text, relation text, ok boolean, rows_expected bigint, rows_found bigint, detail text)
    LANGUAGE c VOLATILE PARALLEL UNSAFE ROWS 50 SET search_path = pg_catalog, pg_temp
    AS 'MODULE_PATHNAME', 'rehearse_restore_wrapper';
COMMENT ON FUNCTION paliad_backup.rehearse_restore(uuid, text[], text) IS
    'Proves that a bundle comes back: loads its rows into scratch tables that are like the live ones, with their checks, keys and foreign keys, exports those again and compares the bytes; then everything is taken back. Live tables are only read. A row per sheet in the bundle''s order; ok is NULL where there is nothing to restore, or nothing but the number of rows could be compared. Audited. Errors: 42704 no such backup or sheet, 25006 read only, XX001 the file is not the one that was made';

REVOKE ALL ON FUNCTION
    paliad_backup.restore(uuid, text[], text, boolean, boolean, text, boolean, boolean, boolean, text, uuid),
    paliad_backup.restore_sheet(uuid, text, regclass, boolean, boolean, text, boolean, boolean, text, uuid),
    paliad_backup.undo_restore(uuid, boolean, boolean, text, uuid), paliad_backup.restores(integer),
    paliad_backup.create_checkpoint(text, text, uuid), paliad_backup.rehearse_restore(uuid, text[], text)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    paliad_backup.restore(uuid, text[], text, boolean, boolean, text, boolean, boolean, boolean, text, uuid),
    paliad_backup.restore_sheet(uuid, text, regclass, boolean, boolean, text, boolean, boolean, text, uuid),
    paliad_backup.undo_restore(uuid, boolean, boolean, text, uuid), paliad_backup.restores(integer),
    paliad_backup.create_checkpoint(text, text, uuid), paliad_backup.rehearse_restore(uuid, text[], text)
    TO paliad_backup_admin;
