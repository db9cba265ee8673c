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
SELECT * FROM paliad_backup.settings;
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
