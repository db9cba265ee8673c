-- Without a directory, and in states that a call does not fit: 55000 with the command to type.
\set SHOW_CONTEXT never
SET paliad_backup.directory = '';
SELECT paliad_backup.run();
SET paliad_backup.directory = '   ';
SELECT paliad_backup.run();
SELECT paliad_backup.reconcile();
SELECT paliad_backup.adopt_directory();
SET paliad_backup.directory = 'relative';
SELECT paliad_backup.run();
SET paliad_backup.directory = '/nonexistent/paliad_backup';
SELECT paliad_backup.run();
-- Without a directory a run is refused; one that cannot be used is a failure.
SELECT status, error_code, error FROM paliad_backup.list(2) ORDER BY started_at;
RESET paliad_backup.directory;
-- Misspelt settings of the extension are errors, out of range ones too.
SET paliad_backup.directori = '/tmp';
SET paliad_backup.compression_level = 0;
SET paliad_backup.compression_level = 10;
SET paliad_backup.threads = 0;
-- The one row of settings stays, and so do the exclusions that came with the extension.
DELETE FROM paliad_backup.settings;
TRUNCATE paliad_backup.settings;
INSERT INTO paliad_backup.settings (xlsx_time_zone) VALUES ('Europe/Berlin');
SELECT * FROM paliad_backup.settings \gx
INSERT INTO paliad_backup.settings DEFAULT VALUES;
DELETE FROM paliad_backup.exclusions WHERE relation_name = 'paliadin_turns';
UPDATE paliad_backup.exclusions SET seeded = false WHERE relation_name = 'paliadin_turns';
-- What settings name must exist and fit.
UPDATE paliad_backup.settings SET schemas = '{nosuch}';
UPDATE paliad_backup.settings SET schemas = '{pg_catalog}';
UPDATE paliad_backup.settings SET schemas = '{}';
UPDATE paliad_backup.settings SET admin_function = 'is_admin';
UPDATE paliad_backup.settings SET admin_function = 'public.is_admin';
UPDATE paliad_backup.settings SET admin_function = 'pg_catalog.now';
UPDATE paliad_backup.settings SET audit_table = 'audit';
UPDATE paliad_backup.settings SET audit_table = 'public.audit';
UPDATE paliad_backup.settings SET audit_table = 'paliad_backup.status';
UPDATE paliad_backup.settings SET xlsx_time_zone = 'Mars';
UPDATE paliad_backup.settings SET audit_settings = '{"search_path": "evil"}';
-- Automatic backups: each number has its limits, each of them says so.
UPDATE paliad_backup.settings SET schedule = ' ';
UPDATE paliad_backup.settings SET interval_hours = 0;
UPDATE paliad_backup.settings SET interval_hours = 8761;
UPDATE paliad_backup.settings SET change_poll = '0';
UPDATE paliad_backup.settings SET change_debounce = '-1 second';
UPDATE paliad_backup.settings SET formats = '{pdf}';
UPDATE paliad_backup.settings SET formats = '{}';
UPDATE paliad_backup.settings SET formats = '{csv,NULL}';
UPDATE paliad_backup.settings SET retention_count = 0;
UPDATE paliad_backup.settings SET retention_days = -1;
UPDATE paliad_backup.settings SET retention_days = 106751992;
UPDATE paliad_backup.settings SET keep_daily = 0;
UPDATE paliad_backup.settings SET keep_weekly = 0;
UPDATE paliad_backup.settings SET keep_monthly = 0;
UPDATE paliad_backup.settings SET keep_yearly = 0;
UPDATE paliad_backup.settings SET minimum_redundancy = -1;
UPDATE paliad_backup.settings SET checkpoint_count = 0;
UPDATE paliad_backup.settings SET max_age = '0';
UPDATE paliad_backup.settings SET notify_channel = '';
UPDATE paliad_backup.settings SET notify_channel = repeat('ä', 32);
-- Admins may change these, but neither what is exported nor where audit rows go.
SELECT string_agg(attname, ' ' ORDER BY attnum) FILTER (WHERE granted) AS admin, string_agg(attname, ' ' ORDER BY attnum) FILTER (WHERE NOT granted) AS superuser
FROM pg_attribute AS a, has_column_privilege('paliad_backup_admin', a.attrelid, a.attnum, 'UPDATE') AS granted
WHERE a.attrelid = 'paliad_backup.settings'::regclass AND a.attnum > 0 \gx
BEGIN;
SET LOCAL ROLE paliad_backup_admin;
UPDATE paliad_backup.settings SET retention_count = NULL, keep_daily = 7 RETURNING retention_count, keep_daily;
UPDATE paliad_backup.settings SET keep_daily = 0;
ROLLBACK;
BEGIN;
SET LOCAL ROLE paliad_backup_admin;
UPDATE paliad_backup.settings SET schemas = '{public}';
ROLLBACK;
BEGIN;
SET LOCAL ROLE paliad_backup_reader;
UPDATE paliad_backup.settings SET enabled = true;
ROLLBACK;
-- What a CHECK constraint refuses, too, with what is allowed.
INSERT INTO paliad_backup.sheets (query, sheet_name) VALUES ('SELECT 1', 'without a role');
INSERT INTO paliad_backup.sheets (relation_schema) VALUES ('app');
INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind) VALUES ('app', 't', 'reference');
INSERT INTO paliad_backup.sheets (relation_schema, relation_name, column_labels) VALUES ('app', 't', '["a"]');
INSERT INTO paliad_backup.exclusions (relation_name, reason) VALUES ('*', 'all of them');
-- A sheet that cannot be read is refused by the run, with what to correct.
INSERT INTO paliad_backup.sheets (query, run_as, sheet_name) VALUES ('SELECT 1', 'nobody at all', 'q');
SELECT paliad_backup.run();
UPDATE paliad_backup.sheets SET run_as = current_user, order_by = '{nosuch}';
SELECT paliad_backup.run();
UPDATE paliad_backup.sheets SET query = 'SELECT * FROM kunden', order_by = NULL;
SELECT paliad_backup.run();
DELETE FROM paliad_backup.sheets;
