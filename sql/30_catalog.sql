-- What has been done: the catalog of backups, the audit log, the progress of the run that is under way.
-- The recorder writes these rows; nobody but superusers may otherwise.

CREATE TABLE paliad_backup.backups (
    id uuid NOT NULL,
    kind text NOT NULL,
    trigger text NOT NULL DEFAULT 'manual',
    scope text NOT NULL DEFAULT 'full',
    formats text[] NOT NULL DEFAULT '{xlsx,json,csv}',
    status text NOT NULL,
    requested_by uuid,
    requested_by_email text NOT NULL,
    requested_by_label text,
    note text,
    reason text,
    audit_id uuid,
    directory text,
    storage_uri text,
    size_bytes bigint,
    sha256 text,
    row_counts jsonb,
    sheet_count integer,
    warnings jsonb NOT NULL DEFAULT '[]',
    error text,
    error_code text,
    content_digest text,
    sheet_digests jsonb,
    database_name name,
    server_version text,
    extension_version text,
    format_version integer,
    migration_version text,
    snapshot text,
    wal_lsn pg_catalog.pg_lsn,
    includes_uncommitted boolean,
    pinned boolean NOT NULL DEFAULT false,
    imported_at timestamptz,
    backend_pid integer,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    deleted_at timestamptz,
    deleted_reason text,
    missing_at timestamptz,
    verified_at timestamptz,
    verify_ok boolean,
    verify_result jsonb,
    checkpoint_of uuid,
    CONSTRAINT backups_pkey PRIMARY KEY (id),
    CONSTRAINT backups_kind_known CHECK (kind IN ('on_demand', 'scheduled', 'checkpoint')),
    CONSTRAINT backups_trigger_known CHECK (trigger IN ('manual', 'cron', 'interval', 'change', 'restore')),
    CONSTRAINT backups_scope_known CHECK (scope IN ('full', 'config', 'data')),
    CONSTRAINT backups_formats_known CHECK (
        pg_catalog.cardinality(formats) > 0 AND formats OPERATOR(pg_catalog.<@) '{xlsx,json,csv}'::text[]),
    CONSTRAINT backups_status_known CHECK (status IN ('running', 'done', 'failed')),
    CONSTRAINT backups_requested_by_email_not_blank CHECK (requested_by_email ~ '[^[:space:]]'),
    CONSTRAINT backups_artifact_exactly_when_done CHECK (
        CASE WHEN status = 'done' THEN storage_uri IS NOT NULL AND size_bytes IS NOT NULL AND sha256 IS NOT NULL
             ELSE storage_uri IS NULL END),
    CONSTRAINT backups_error_exactly_when_failed CHECK ((error IS NOT NULL) = (status = 'failed')),
    CONSTRAINT backups_error_code_only_when_failed CHECK (error_code IS NULL OR status = 'failed'),
    CONSTRAINT backups_error_code_sqlstate CHECK (error_code ~ '^[0-9A-Z]{5}$'),
    CONSTRAINT backups_finished_exactly_when_not_running CHECK ((finished_at IS NULL) = (status = 'running')),
    CONSTRAINT backups_deleted_only_when_finished CHECK (deleted_at IS NULL OR status <> 'running'),
    CONSTRAINT backups_deleted_reason_only_when_deleted CHECK (deleted_reason IS NULL OR deleted_at IS NOT NULL),
    CONSTRAINT backups_pinned_not_deleted CHECK (NOT pinned OR deleted_at IS NULL),
    CONSTRAINT backups_missing_only_when_done CHECK (missing_at IS NULL OR status = 'done'),
    CONSTRAINT backups_verified_whole CHECK (
        (verified_at IS NULL) = (verify_ok IS NULL) AND (verify_result IS NULL OR verified_at IS NOT NULL)),
    CONSTRAINT backups_reason_only_of_checkpoint CHECK (reason IS NULL OR kind = 'checkpoint'),
    CONSTRAINT backups_checkpoint_of_only_of_checkpoint CHECK (checkpoint_of IS NULL OR kind = 'checkpoint'),
    CONSTRAINT backups_size_bytes_not_negative CHECK (size_bytes >= 0),
    CONSTRAINT backups_sheet_count_not_negative CHECK (sheet_count >= 0),
    CONSTRAINT backups_sha256_hex CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT backups_row_counts_object CHECK (pg_catalog.jsonb_typeof(row_counts) = 'object'),
    CONSTRAINT backups_sheet_digests_object CHECK (pg_catalog.jsonb_typeof(sheet_digests) = 'object'),
    CONSTRAINT backups_warnings_array CHECK (pg_catalog.jsonb_typeof(warnings) = 'array')
);
CREATE INDEX backups_started_at_idx ON paliad_backup.backups (started_at DESC);
CREATE INDEX backups_kind_status_idx ON paliad_backup.backups (kind, status);
CREATE INDEX backups_artifacts_idx ON paliad_backup.backups (started_at DESC) WHERE status <> 'failed' AND deleted_at IS NULL;
CREATE INDEX backups_running_idx ON paliad_backup.backups (started_at) WHERE status = 'running';

COMMENT ON TABLE paliad_backup.backups IS
    'Catalog of backups, one row a run. A row stays for good, also when its artifact was deleted: it is evidence';
COMMENT ON COLUMN paliad_backup.backups.id IS 'Identifies the backup; its artifact is <id>.zip';
COMMENT ON COLUMN paliad_backup.backups.kind IS 'on_demand, scheduled, or checkpoint (made before a restore)';
COMMENT ON COLUMN paliad_backup.backups.trigger IS 'What started it: manual, cron, interval, change, or restore';
COMMENT ON COLUMN paliad_backup.backups.scope IS 'full: all sheets; config: ref sheets; data: entity sheets';
COMMENT ON COLUMN paliad_backup.backups.formats IS 'What the bundle contains: xlsx, json, csv';
COMMENT ON COLUMN paliad_backup.backups.status IS 'running, done or failed';
COMMENT ON COLUMN paliad_backup.backups.requested_by IS
    'The application''s user who asked; NULL for scheduled runs. No foreign key';
COMMENT ON COLUMN paliad_backup.backups.requested_by_email IS
    'E-mail address of who asked, kept as text: the row outlives the user';
COMMENT ON COLUMN paliad_backup.backups.requested_by_label IS 'Name of who asked, for people';
COMMENT ON COLUMN paliad_backup.backups.note IS 'Free text of who asked';
COMMENT ON COLUMN paliad_backup.backups.reason IS 'Why the checkpoint was made';
COMMENT ON COLUMN paliad_backup.backups.audit_id IS 'The run''s row in the audit log';
COMMENT ON COLUMN paliad_backup.backups.directory IS 'Backup directory when the run began';
COMMENT ON COLUMN paliad_backup.backups.storage_uri IS
    'Where the artifact lies, or lay before it was deleted: file://...';
COMMENT ON COLUMN paliad_backup.backups.size_bytes IS 'Size of the artifact in bytes';
COMMENT ON COLUMN paliad_backup.backups.sha256 IS 'SHA-256 of the artifact, hexadecimal';
COMMENT ON COLUMN paliad_backup.backups.row_counts IS 'Rows of each sheet, an object: sheet name to count';
COMMENT ON COLUMN paliad_backup.backups.sheet_count IS 'Number of sheets';
COMMENT ON COLUMN paliad_backup.backups.warnings IS
    'What could not be kept as it is, an array of {code, sheet, column, count, detail}';
COMMENT ON COLUMN paliad_backup.backups.error IS 'Why the run failed, with its stage in front';
COMMENT ON COLUMN paliad_backup.backups.error_code IS 'SQLSTATE of the failure';
COMMENT ON COLUMN paliad_backup.backups.content_digest IS
    'Digest of the rows of all sheets, but that of the audit log, and of the sequences'' positions: equal for equal data, whatever '
    'the formats are; NULL where the bundle was registered later and has no csv';
COMMENT ON COLUMN paliad_backup.backups.sheet_digests IS
    'Digest of each sheet''s rows (SHA-256 of its csv), an object: sheet name to digest';
COMMENT ON COLUMN paliad_backup.backups.database_name IS 'Database that was exported';
COMMENT ON COLUMN paliad_backup.backups.server_version IS 'PostgreSQL''s version at the run';
COMMENT ON COLUMN paliad_backup.backups.extension_version IS 'paliad_backup''s version at the run';
COMMENT ON COLUMN paliad_backup.backups.format_version IS 'Version of the bundle''s format';
COMMENT ON COLUMN paliad_backup.backups.migration_version IS 'Version of the application''s schema at the run';
COMMENT ON COLUMN paliad_backup.backups.snapshot IS 'The snapshot that was exported, as pg_current_snapshot() gives it';
COMMENT ON COLUMN paliad_backup.backups.wal_lsn IS 'Write-ahead log position when the run began, at or after the snapshot';
COMMENT ON COLUMN paliad_backup.backups.includes_uncommitted IS
    'The calling transaction had written before: its changes are in the bundle, committed later or not';
COMMENT ON COLUMN paliad_backup.backups.pinned IS 'Neither retention nor delete() removes it';
COMMENT ON COLUMN paliad_backup.backups.imported_at IS 'When import_bundle() registered a bundle made elsewhere';
COMMENT ON COLUMN paliad_backup.backups.backend_pid IS 'Process that made the run, for pg_cancel_backend()';
COMMENT ON COLUMN paliad_backup.backups.started_at IS 'Start of the run';
COMMENT ON COLUMN paliad_backup.backups.finished_at IS 'End of the run, done or failed';
COMMENT ON COLUMN paliad_backup.backups.deleted_at IS 'When the artifact was removed';
COMMENT ON COLUMN paliad_backup.backups.deleted_reason IS 'Why the artifact was removed';
COMMENT ON COLUMN paliad_backup.backups.missing_at IS 'When the artifact was found missing';
COMMENT ON COLUMN paliad_backup.backups.verified_at IS 'Last verification';
COMMENT ON COLUMN paliad_backup.backups.verify_ok IS 'Whether the last verification found the bundle good';
COMMENT ON COLUMN paliad_backup.backups.verify_result IS 'The last verification''s checks';
COMMENT ON COLUMN paliad_backup.backups.checkpoint_of IS 'Audit row of the restore that the checkpoint protects';
COMMENT ON INDEX paliad_backup.backups_started_at_idx IS 'For list(): newest first';
COMMENT ON INDEX paliad_backup.backups_kind_status_idx IS 'For latest() and retention';
COMMENT ON INDEX paliad_backup.backups_artifacts_idx IS 'For retention: the backups that have a file, among the rows that stay for good';
COMMENT ON INDEX paliad_backup.backups_running_idx IS 'For reconcile(): runs that did not end';

CREATE TABLE paliad_backup.system_audit_log (
    id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    event_type text NOT NULL,
    actor_id uuid,
    actor_email text,
    scope text NOT NULL DEFAULT 'org',
    scope_root text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    updated_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    CONSTRAINT system_audit_log_pkey PRIMARY KEY (id),
    CONSTRAINT system_audit_log_event_type_known CHECK (event_type IN (
        'backup_created', 'backup_failed', 'backup_downloaded', 'backup_deleted', 'backup_pinned', 'backup_unpinned',
        'backup_verified', 'backup_read', 'backup_imported', 'checksum_repaired', 'catalog_rebuilt',
        'restore_requested', 'restore_undone', 'restore_rehearsed', 'restore_staged', 'restore_staging_cancelled',
        'restore_applied', 'migration_applied', 'migration_rolled_back', 'auto_recovered', 'directory_adopted',
        'orphan_removed', 'schedule_changed')),
    CONSTRAINT system_audit_log_scope_org CHECK (scope = 'org'),
    CONSTRAINT system_audit_log_metadata_object CHECK (pg_catalog.jsonb_typeof(metadata) = 'object')
);
CREATE INDEX system_audit_log_created_at_idx ON paliad_backup.system_audit_log (created_at DESC);
CREATE INDEX system_audit_log_event_type_idx ON paliad_backup.system_audit_log (event_type, created_at);

COMMENT ON TABLE paliad_backup.system_audit_log IS
    'Who did what to backups. settings.audit_table may name a table of this shape in the application instead';
COMMENT ON COLUMN paliad_backup.system_audit_log.id IS 'Identifies the event';
COMMENT ON COLUMN paliad_backup.system_audit_log.event_type IS
    'What happened; a run''s row starts as backup_created and becomes backup_failed when it fails';
COMMENT ON COLUMN paliad_backup.system_audit_log.actor_id IS 'The application''s user; NULL for scheduled runs';
COMMENT ON COLUMN paliad_backup.system_audit_log.actor_email IS 'E-mail address of the user, kept as text';
COMMENT ON COLUMN paliad_backup.system_audit_log.scope IS 'Always org; a run''s own scope stands in backups.scope';
COMMENT ON COLUMN paliad_backup.system_audit_log.scope_root IS 'Always NULL: the scope org has no root';
COMMENT ON COLUMN paliad_backup.system_audit_log.metadata IS 'Details of the event; times as RFC 3339';
COMMENT ON COLUMN paliad_backup.system_audit_log.created_at IS 'When the event was recorded';
COMMENT ON COLUMN paliad_backup.system_audit_log.updated_at IS 'When its outcome was recorded';
COMMENT ON INDEX paliad_backup.system_audit_log_created_at_idx IS 'For reading the newest events';
COMMENT ON INDEX paliad_backup.system_audit_log_event_type_idx IS 'For reading events of one type';

-- The recorder rewrites the row about once a second: free space in its page keeps the updates HOT.
CREATE TABLE paliad_backup.run_progress (
    id boolean NOT NULL DEFAULT true,
    backup_id uuid,
    operation text NOT NULL,
    phase text,
    sheet text,
    sheets_done integer NOT NULL DEFAULT 0,
    sheets_total integer,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_total bigint,
    bytes_done bigint NOT NULL DEFAULT 0,
    bytes_total bigint,
    started_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    finished_at timestamptz,
    error text,
    backend_pid integer,
    recorder_pid integer NOT NULL,
    recorder_started timestamptz,
    CONSTRAINT run_progress_pkey PRIMARY KEY (id),
    CONSTRAINT run_progress_one_row CHECK (id),
    CONSTRAINT run_progress_operation_known CHECK (operation IN ('backup', 'restore'))
) WITH (fillfactor = 20);

COMMENT ON TABLE paliad_backup.run_progress IS
    'Progress of the present run, or of the last one: at most one row. Read it through the view progress';
COMMENT ON COLUMN paliad_backup.run_progress.id IS 'Always true: there is one row';
COMMENT ON COLUMN paliad_backup.run_progress.backup_id IS 'The backup that is made or restored';
COMMENT ON COLUMN paliad_backup.run_progress.operation IS 'backup or restore';
COMMENT ON COLUMN paliad_backup.run_progress.phase IS 'What the operation is doing';
COMMENT ON COLUMN paliad_backup.run_progress.sheet IS 'Sheet it is working on';
COMMENT ON COLUMN paliad_backup.run_progress.sheets_done IS 'Sheets finished';
COMMENT ON COLUMN paliad_backup.run_progress.sheets_total IS 'Sheets in all';
COMMENT ON COLUMN paliad_backup.run_progress.rows_done IS 'Rows read or loaded';
COMMENT ON COLUMN paliad_backup.run_progress.rows_total IS 'Rows in all, estimated';
COMMENT ON COLUMN paliad_backup.run_progress.bytes_done IS 'Bytes read or loaded';
COMMENT ON COLUMN paliad_backup.run_progress.bytes_total IS 'Bytes in all, estimated';
COMMENT ON COLUMN paliad_backup.run_progress.started_at IS 'Start of the operation';
COMMENT ON COLUMN paliad_backup.run_progress.updated_at IS 'Last report';
COMMENT ON COLUMN paliad_backup.run_progress.finished_at IS 'End of the operation, good or bad';
COMMENT ON COLUMN paliad_backup.run_progress.error IS 'Why the operation failed';
COMMENT ON COLUMN paliad_backup.run_progress.backend_pid IS 'Process that called, for pg_cancel_backend()';
COMMENT ON COLUMN paliad_backup.run_progress.recorder_pid IS
    'Process of the recorder, which lives as long as the operation';
COMMENT ON COLUMN paliad_backup.run_progress.recorder_started IS
    'Start of that process (backend_start), since pids are used again; NULL: not known';

SELECT pg_catalog.pg_extension_config_dump('paliad_backup.backups', '');
SELECT pg_catalog.pg_extension_config_dump('paliad_backup.system_audit_log', '');
