-- One backup from its making to its deletion. Ids and times vary, so they are not shown.
\set SHOW_CONTEXT never
CREATE SCHEMA app;
CREATE TABLE app.fruit (id int PRIMARY KEY, name text NOT NULL, price numeric(6, 2), picked date);
INSERT INTO app.fruit VALUES (2, 'Birne', 1.20, '2026-09-30'), (1, 'Apfel', NULL, NULL);
CREATE TABLE app.colour (code text PRIMARY KEY);
INSERT INTO app.colour VALUES ('rot');
INSERT INTO paliad_backup.sheets (relation_schema, relation_name, kind) VALUES ('app', 'colour', 'ref');

SELECT kind, trigger, scope, formats, status, requested_by, requested_by_email, requested_by_label, note, row_counts, sheet_count,
       warnings, error, pinned, deleted_at, size_bytes > 0 AS has_size, sha256 ~ '^[0-9a-f]{64}$' AS has_hash,
       storage_uri = (SELECT 'file://' || current_setting('paliad_backup.directory') || '/' || system_identifier
                             || '.' || (SELECT oid FROM pg_database WHERE datname = current_database())
                             || '/' || id || '.zip' FROM pg_control_system()) AS has_uri
FROM paliad_backup.run('on_demand', requested_by => '11111111-2222-3333-4444-555555555555',
                       requested_by_email => 'anna@example.org', requested_by_label => 'Anna', note => 'first') \gx
SELECT kind, requested_by, requested_by_email, requested_by_label, row_counts, formats
FROM paliad_backup.run('scheduled', scope => 'config', formats => '{json,csv,json}');
SELECT requested_by_email = session_user AS by_session_user, row_counts
FROM paliad_backup.run(scope => 'data', formats => '{csv}');

SELECT kind, scope, status, download_name ~ '^regress-\d{4}-\d\d-\d\d-\d{4}\.zip$' AS friendly_name FROM paliad_backup.list();
SELECT scope FROM paliad_backup.list(1);
SELECT count(*) FROM paliad_backup.list(0);
SELECT count(*) FROM paliad_backup.list(-5);
SELECT scope FROM paliad_backup.latest();
SELECT id AS first FROM paliad_backup.list() WHERE note = 'first' \gset
SELECT note FROM paliad_backup.get(:'first');
SELECT path, size > 0 AS has_size, sha256 IS NULL AS no_hash FROM paliad_backup.list_files(:'first');

SELECT length(paliad_backup.download(:'first', 'bob@example.org')) = size_bytes AS whole FROM paliad_backup.get(:'first');
SELECT bool_and(length(chunk) <= 4096) AS bounded, sum(length(chunk)) = min(size_bytes) AS whole,
       sha256(string_agg(chunk, '' ORDER BY chunk_offset)) = decode(min(sha256), 'hex') AS same
FROM paliad_backup.get(:'first') AS b, paliad_backup.download_chunks(b.id, 'bob@example.org', chunk_size => 4096);
SELECT paliad_backup.download(:'first', '');
SELECT paliad_backup.download(:'first', NULL);
SELECT paliad_backup.download_chunks(:'first', 'bob@example.org', chunk_size => 0);

SELECT pinned FROM paliad_backup.pin(:'first');
SELECT pinned FROM paliad_backup.pin(:'first');
\set VERBOSITY sqlstate
SELECT paliad_backup.delete(:'first');
\set VERBOSITY default
SELECT pinned FROM paliad_backup.unpin(:'first');
SELECT status, deleted_at IS NOT NULL AS deleted, deleted_reason FROM paliad_backup.delete(:'first', 'carla@example.org');
SELECT deleted_at IS NOT NULL AS still_deleted FROM paliad_backup.delete(:'first');
\set VERBOSITY sqlstate
SELECT paliad_backup.download(:'first', 'bob@example.org');
SELECT paliad_backup.list_files(:'first');
SELECT paliad_backup.pin(:'first');
\set VERBOSITY default
SELECT event_type, actor_email, scope FROM paliad_backup.system_audit_log ORDER BY created_at;
SELECT in_progress, operation, phase, sheets_done, sheets_total, rows_done, percent, error FROM paliad_backup.progress;
SELECT last_success_at IS NOT NULL AS succeeded, failures_since_success, running FROM paliad_backup.status;
SELECT * FROM paliad_backup.reconcile();
DELETE FROM paliad_backup.sheets;
DROP SCHEMA app CASCADE;
