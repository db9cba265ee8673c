//! What `check_health()` asks of catalog and server.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::extension::Extension;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};

/// What the view `status` says, and what it is compared with.
#[derive(Clone, Debug, Deserialize)]
pub struct Overview {
    /// Of the newest good backup, in seconds.
    pub age: Option<f64>,
    /// From settings, in seconds.
    pub max_age: f64,
    /// Runs.
    pub failures: u64,
    /// Of the last one.
    pub last_error: Option<String>,
    /// Age of the newest good backup that was made automatically, in seconds.
    pub scheduled_age: Option<f64>,
    /// Of the newest good backup, in bytes.
    pub last_size: Option<u64>,
    /// Its id.
    pub last_id: Option<String>,
}

/// A bundle that the catalog has.
#[derive(Clone, Debug, Deserialize)]
pub struct Cataloged {
    /// The backup.
    pub id: String,
    /// Where it should lie.
    pub storage_uri: String,
    /// In bytes.
    pub size_bytes: u64,
    /// It was found missing.
    pub missing: bool,
    /// The last verification failed.
    pub damaged: bool,
    /// It was verified within a day.
    pub verified_lately: bool,
}

/// The state of the catalog.
///
/// # Errors
/// The server's.
pub fn overview() -> Result<Overview> {
    let rows = parse(
        "SELECT jsonb_build_object('age', extract(epoch FROM s.age), 'max_age', extract(epoch FROM s.max_age), \
         'failures', s.failures_since_success, 'last_error', s.last_error, 'last_id', s.last_success_id, \
         'last_size', (SELECT b.size_bytes FROM paliad_backup.backups AS b WHERE b.id = s.last_success_id), \
         'scheduled_age', extract(epoch FROM clock_timestamp() - (SELECT max(b.finished_at) FROM paliad_backup.backups AS b \
           WHERE b.status = 'done' AND b.kind = 'scheduled' AND b.imported_at IS NULL \
           AND b.scope = 'full' AND b.started_at <= clock_timestamp() AND b.finished_at <= clock_timestamp()))) FROM paliad_backup.status AS s",
        &[],
    )?;
    rows.into_iter().next().ok_or_else(|| Error::internal("view paliad_backup.status has no row"))
}

/// Bundles whose URIs begin with `folder`; those longest unverified first.
///
/// # Errors
/// The server's.
pub fn bundles(folder: &str) -> Result<Vec<Cataloged>> {
    parse(
        "SELECT jsonb_build_object('id', b.id, 'storage_uri', b.storage_uri, 'size_bytes', b.size_bytes, \
         'missing', b.missing_at IS NOT NULL, 'damaged', b.verify_ok IS FALSE, \
         'verified_lately', coalesce(b.verified_at > clock_timestamp() - interval '1 day', false)) \
         FROM paliad_backup.backups AS b WHERE b.status = 'done' AND b.deleted_at IS NULL AND b.storage_uri ^@ $1 \
         ORDER BY b.verified_at NULLS FIRST, b.started_at, b.id",
        &[Some(folder)],
    )
}

/// Ids of runs that say running though nobody holds the run lock, or their process is gone.
///
/// # Errors
/// The server's.
pub fn interrupted(extension: Extension) -> Result<Vec<String>> {
    // The lock is looked for between two looks at the rows: a run that ends meanwhile has none, and no row in the second.
    let before = running(None)?;
    if before.is_empty() {
        return Ok(before);
    }
    let held = scalar(select(
        Snapshot::Latest,
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks AS l WHERE l.locktype = 'object' AND l.granted AND l.objsubid = 1 \
         AND l.classid = 'pg_catalog.pg_extension'::regclass AND l.objid = $1::oid \
         AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d WHERE d.datname = current_database()))",
        &[Some(&extension.oid.to_u32().to_string())],
    )?);
    let still = running((held.as_deref() == Some("t")).then_some("pid"))?;
    Ok(still.into_iter().filter(|id| before.contains(id)).collect())
}

/// Ids of rows that say running; with `but_living` those alone whose process is gone.
fn running(but_living: Option<&str>) -> Result<Vec<String>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT b.id FROM paliad_backup.backups AS b WHERE b.status = 'running' AND ($1 IS NULL OR NOT EXISTS ( \
         SELECT FROM pg_catalog.pg_stat_activity AS a WHERE a.pid = b.backend_pid)) ORDER BY b.started_at",
        &[but_living],
    )?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Pages with a wrong checksum that the server has met in this database and in what all share, and when it last did; `None` where it keeps
/// no checksums.
///
/// # Errors
/// The server's.
pub fn page_checksums() -> Result<(Option<u64>, Option<String>)> {
    let rows = select(
        Snapshot::Latest,
        "SELECT CASE WHEN current_setting('data_checksums') = 'on' THEN coalesce(sum(d.checksum_failures), 0) END, \
         to_char(max(d.checksum_last_failure) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS \"UTC\"') \
         FROM pg_catalog.pg_stat_database AS d WHERE d.datname = current_database() OR d.datid = 0",
        &[],
    )?;
    let mut row = rows.into_iter().next().unwrap_or_default().into_iter();
    let failures = row.next().flatten().and_then(|count| count.parse().ok());
    Ok((failures, row.next().flatten()))
}

/// Whether pg_cron's process runs.
///
/// # Errors
/// The server's.
pub fn pg_cron_runs() -> Result<bool> {
    let sql = "SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE backend_type = 'pg_cron launcher')";
    Ok(scalar(select(Snapshot::Latest, sql, &[])?).as_deref() == Some("t"))
}

/// How a job's last runs went.
#[derive(Clone, Debug, Deserialize)]
pub struct Ran {
    /// The job's name.
    pub name: String,
    /// Whether they succeeded, the newest first.
    pub succeeded: Vec<bool>,
    /// What the last one said.
    pub message: Option<String>,
}

/// The last runs of the jobs of this database that are ours. Only where pg_cron's extension is.
///
/// # Errors
/// The server's.
pub fn job_runs() -> Result<Vec<Ran>> {
    // pg_cron has no index for a job's runs: the newest ones of all jobs must do.
    parse(
        "WITH ended AS MATERIALIZED (SELECT d.jobid, d.runid, d.status, d.return_message FROM cron.job_run_details AS d \
           WHERE d.runid > (SELECT max(m.runid) - 20000 FROM cron.job_run_details AS m) AND d.status IN ('succeeded', 'failed')) \
         SELECT jsonb_build_object('name', j.jobname::text, \
           'succeeded', coalesce((SELECT jsonb_agg(r.status = 'succeeded' ORDER BY r.runid DESC) FROM \
             (SELECT e.runid, e.status FROM ended AS e WHERE e.jobid = j.jobid ORDER BY e.runid DESC LIMIT 10) AS r), '[]'), \
           'message', (SELECT e.return_message FROM ended AS e WHERE e.jobid = j.jobid ORDER BY e.runid DESC LIMIT 1)) \
         FROM cron.job AS j WHERE j.database = current_database() AND j.username = current_user \
         AND j.jobname::text ^@ 'paliad_backup_'",
        &[],
    )
}

/// Rows of one jsonb column.
fn parse<T: DeserializeOwned>(sql: &str, parameters: &[Option<&str>]) -> Result<Vec<T>> {
    let rows = select(Snapshot::Latest, sql, parameters)?;
    rows.into_iter().flatten().flatten().map(|text| serde_json::from_str(&text).map_err(Error::internal)).collect()
}
