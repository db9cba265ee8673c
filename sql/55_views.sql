-- Views for people and monitoring. They read with the caller's rights; where a configured admin function says false they
-- are empty, instead of claiming that nothing runs and no backup exists.

CREATE VIEW paliad_backup.progress WITH (security_invoker = true) AS
SELECT
    p.finished_at IS NULL AND EXISTS (
        -- Those who may not see other roles' sessions get no backend_start: then the pid alone decides.
        SELECT FROM pg_catalog.pg_stat_activity a
        WHERE a.pid = p.recorder_pid AND (a.backend_start = p.recorder_started) IS NOT FALSE
    ) AS in_progress,
    p.operation,
    p.backup_id,
    p.phase,
    p.sheet,
    p.sheets_done,
    p.sheets_total,
    p.rows_done,
    p.rows_total,
    p.bytes_done,
    p.bytes_total,
    CASE
        WHEN p.finished_at IS NOT NULL AND p.error IS NULL THEN 100.0
        -- Totals are estimates, and the file is still to be sealed when the last row is read.
        WHEN p.rows_total > 0 THEN LEAST(99.9, pg_catalog.round(100.0 * p.rows_done / p.rows_total, 1))
        WHEN p.sheets_total > 0 THEN LEAST(99.9, pg_catalog.round(100.0 * p.sheets_done / p.sheets_total, 1))
        WHEN p.id THEN 0.0
    END AS percent,
    p.started_at,
    p.updated_at,
    p.finished_at,
    p.error,
    p.backend_pid AS pid
FROM (SELECT paliad_backup.is_authorized() AS authorized) c
LEFT JOIN paliad_backup.run_progress p ON true
WHERE c.authorized;

COMMENT ON VIEW paliad_backup.progress IS
    'The present run, or the last one: one row, visible to other sessions while the run goes on; '
    'NULLs before the first run';
COMMENT ON COLUMN paliad_backup.progress.in_progress IS 'A run is under way';
COMMENT ON COLUMN paliad_backup.progress.operation IS 'backup or restore';
COMMENT ON COLUMN paliad_backup.progress.backup_id IS 'The backup that is made or restored';
COMMENT ON COLUMN paliad_backup.progress.phase IS 'What the operation is doing';
COMMENT ON COLUMN paliad_backup.progress.sheet IS 'Sheet it is working on';
COMMENT ON COLUMN paliad_backup.progress.sheets_done IS 'Sheets finished';
COMMENT ON COLUMN paliad_backup.progress.sheets_total IS 'Sheets in all';
COMMENT ON COLUMN paliad_backup.progress.rows_done IS 'Rows read or loaded';
COMMENT ON COLUMN paliad_backup.progress.rows_total IS 'Rows in all, estimated';
COMMENT ON COLUMN paliad_backup.progress.bytes_done IS 'Bytes read or loaded';
COMMENT ON COLUMN paliad_backup.progress.bytes_total IS 'Bytes in all, estimated';
COMMENT ON COLUMN paliad_backup.progress.percent IS '0 to 100; 100 only when the operation has succeeded';
COMMENT ON COLUMN paliad_backup.progress.started_at IS 'Start of the operation';
COMMENT ON COLUMN paliad_backup.progress.updated_at IS 'Last report';
COMMENT ON COLUMN paliad_backup.progress.finished_at IS 'End of the operation, good or bad';
COMMENT ON COLUMN paliad_backup.progress.error IS 'Why the operation failed';
COMMENT ON COLUMN paliad_backup.progress.pid IS 'Process that called, for pg_cancel_backend()';

-- A success is a good backup of all sheets of this database that is still there: neither deleted, missing nor found damaged.
-- Checkpoints, imported bundles and parts don't count, nor do those of a clock that ran ahead: they must not hide that the
-- regular backups fail.
CREATE VIEW paliad_backup.status WITH (security_invoker = true) AS
SELECT
    success.finished_at AS last_success_at,
    success.id AS last_success_id,
    pg_catalog.clock_timestamp() - success.finished_at AS age,
    failure.finished_at AS last_failure_at,
    failure.id AS last_failure_id,
    failure.error AS last_error,
    failure.error_code AS last_error_code,
    since.failures AS failures_since_success,
    running.started_at IS NOT NULL AS running,
    running.started_at AS running_since,
    total.backups_total,
    total.artifacts_total,
    total.artifacts_bytes,
    total.artifacts_missing,
    total.artifacts_damaged,
    total.last_verified_at,
    settings.max_age,
    pg_catalog.split_part(health.verdict, ': ', 1) AS state,
    pg_catalog.substr(health.verdict, pg_catalog.strpos(health.verdict, ': ') + 2) AS state_reason
FROM (
    SELECT
        pg_catalog.count(*) AS backups_total,
        pg_catalog.count(*) FILTER (WHERE b.status = 'done' AND b.deleted_at IS NULL AND b.missing_at IS NULL)
            AS artifacts_total,
        COALESCE(pg_catalog.sum(b.size_bytes) FILTER (
            WHERE b.status = 'done' AND b.deleted_at IS NULL AND b.missing_at IS NULL), 0)::bigint AS artifacts_bytes,
        pg_catalog.count(*) FILTER (WHERE b.deleted_at IS NULL AND b.missing_at IS NOT NULL) AS artifacts_missing,
        pg_catalog.count(*) FILTER (WHERE b.deleted_at IS NULL AND b.missing_at IS NULL AND NOT b.verify_ok)
            AS artifacts_damaged,
        pg_catalog.max(b.verified_at) AS last_verified_at
    FROM paliad_backup.backups b
) total
CROSS JOIN (SELECT paliad_backup.is_authorized() AS authorized) c
LEFT JOIN (
    SELECT b.id, b.started_at, b.finished_at
    FROM paliad_backup.backups b
    WHERE b.status = 'done' AND b.kind <> 'checkpoint' AND b.imported_at IS NULL
      AND b.deleted_at IS NULL AND b.missing_at IS NULL AND b.verify_ok IS NOT FALSE AND b.scope = 'full'
      AND b.started_at <= pg_catalog.clock_timestamp() AND b.finished_at <= pg_catalog.clock_timestamp()
    ORDER BY b.started_at DESC, b.id
    LIMIT 1
) success ON true
LEFT JOIN (
    SELECT b.id, b.finished_at, b.error, b.error_code
    FROM paliad_backup.backups b
    WHERE b.status = 'failed' AND b.kind <> 'checkpoint'
    ORDER BY b.started_at DESC, b.id
    LIMIT 1
) failure ON true
LEFT JOIN (
    SELECT b.id, b.started_at,
           NOT EXISTS (SELECT FROM pg_catalog.pg_stat_activity a WHERE a.pid = b.backend_pid) AS interrupted
    FROM paliad_backup.backups b
    WHERE b.status = 'running'
    ORDER BY b.started_at
    LIMIT 1
) running ON true
CROSS JOIN (SELECT s.enabled, s.max_age FROM paliad_backup.settings s) settings
CROSS JOIN LATERAL (
    SELECT pg_catalog.count(*) AS failures
    FROM paliad_backup.backups b
    WHERE b.status = 'failed' AND b.kind <> 'checkpoint'
      AND (success.started_at IS NULL OR b.started_at > success.started_at)
) since
-- The first that holds, as check_health() judges it from the catalog; nothing but the catalog is looked at here.
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN success.id IS NULL AND settings.enabled
            THEN 'critical: automatic backups are enabled, and there is no good one'
        WHEN pg_catalog.clock_timestamp() - success.finished_at > settings.max_age
            THEN pg_catalog.format('critical: the newest good backup is older than %s', settings.max_age)
        WHEN since.failures >= 3
            THEN pg_catalog.format('critical: the last %s runs failed, the last one with %s', since.failures, failure.error_code)
        WHEN total.artifacts_damaged > 0
            THEN pg_catalog.format('critical: %s bundles are damaged', total.artifacts_damaged)
        WHEN success.id IS NULL THEN 'warning: there is no good backup'
        WHEN since.failures > 0
            THEN pg_catalog.format('warning: %s runs failed since the newest good backup, the last one with %s',
                since.failures, failure.error_code)
        WHEN total.artifacts_missing > 0
            THEN pg_catalog.format('warning: %s bundles are missing', total.artifacts_missing)
        WHEN running.interrupted THEN pg_catalog.format('warning: run %s was interrupted', running.id)
        ELSE 'ok: the newest good backup is younger than max_age'
    END AS verdict
) health
WHERE c.authorized;

COMMENT ON VIEW paliad_backup.status IS
    'State of the backups for monitoring: one row. Checkpoints, imported bundles and those of a scope count in totals only';
COMMENT ON COLUMN paliad_backup.status.last_success_at IS 'End of the newest good backup of all sheets that is still there';
COMMENT ON COLUMN paliad_backup.status.last_success_id IS 'The newest good backup of all sheets that is still there';
COMMENT ON COLUMN paliad_backup.status.age IS 'Time since last_success_at';
COMMENT ON COLUMN paliad_backup.status.last_failure_at IS 'End of the last failed run';
COMMENT ON COLUMN paliad_backup.status.last_failure_id IS 'The last failed run';
COMMENT ON COLUMN paliad_backup.status.last_error IS 'Why it failed';
COMMENT ON COLUMN paliad_backup.status.last_error_code IS 'SQLSTATE of that failure';
COMMENT ON COLUMN paliad_backup.status.failures_since_success IS
    'Failed runs that started after the last success, or ever';
COMMENT ON COLUMN paliad_backup.status.running IS 'A run is under way, or was interrupted and awaits reconcile()';
COMMENT ON COLUMN paliad_backup.status.running_since IS 'Start of that run';
COMMENT ON COLUMN paliad_backup.status.backups_total IS 'Rows of the catalog';
COMMENT ON COLUMN paliad_backup.status.artifacts_total IS 'Artifacts that are there';
COMMENT ON COLUMN paliad_backup.status.artifacts_bytes IS 'Their size in bytes';
COMMENT ON COLUMN paliad_backup.status.artifacts_missing IS 'Artifacts found missing, and not deleted by us';
COMMENT ON COLUMN paliad_backup.status.artifacts_damaged IS 'Artifacts whose last verification failed';
COMMENT ON COLUMN paliad_backup.status.last_verified_at IS 'Last verification of any backup';
COMMENT ON COLUMN paliad_backup.status.max_age IS 'From settings: the age from which on the state is critical';
COMMENT ON COLUMN paliad_backup.status.state IS
    'ok, warning or critical, judged from the catalog alone and so at once; check_health() looks at files, jobs and tables, too';
COMMENT ON COLUMN paliad_backup.status.state_reason IS 'The worst that speaks for this state';
