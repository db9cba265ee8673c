//! Table `run_progress`: what the one active operation is doing, for every other session.

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, select, write};

/// How far an operation has come; the members are columns of `run_progress`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Progress {
    /// plan, scan, encode, seal, publish, done, failed.
    pub phase: String,
    /// The sheet under way.
    pub sheet: Option<String>,
    /// Sheets finished.
    pub sheets_done: usize,
    /// Sheets in all.
    pub sheets_total: usize,
    /// Rows scanned.
    pub rows_done: u64,
    /// Rows in all, as the server's statistics estimate them.
    pub rows_total: u64,
    /// Bytes of text scanned.
    pub bytes_done: u64,
    /// Bytes of the tables on disk.
    pub bytes_total: u64,
    /// Why the operation failed.
    pub error: Option<String>,
}

/// Starts the row of a new operation. Recorder only.
///
/// # Errors
/// The server's.
pub fn begin(backup_id: &str, operation: &str, backend_pid: i32, recorder_pid: i32) -> Result<()> {
    write("DELETE FROM paliad_backup.run_progress", &[])?;
    write(
        "INSERT INTO paliad_backup.run_progress (backup_id, operation, phase, sheets_done, sheets_total, rows_done, \
         rows_total, bytes_done, bytes_total, started_at, updated_at, backend_pid, recorder_pid, recorder_started) \
         VALUES ($1::uuid, $2, 'plan', 0, 0, 0, 0, 0, 0, clock_timestamp(), clock_timestamp(), $3::int, $4::int, \
         (SELECT backend_start FROM pg_catalog.pg_stat_get_activity($4::int)))",
        &[Some(backup_id), Some(operation), Some(&backend_pid.to_string()), Some(&recorder_pid.to_string())],
    )?;
    Ok(())
}

/// The restore that the row shows as under way: its bundle and process. Recorder only.
///
/// # Errors
/// The server's.
pub fn restore() -> Result<Option<(String, i32)>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT backup_id, backend_pid FROM paliad_backup.run_progress WHERE operation = 'restore' AND finished_at IS NULL",
        &[],
    )?;
    let row = rows.into_iter().next();
    Ok(row.and_then(|row| Some((row[0].clone()?, row[1].as_deref()?.parse().ok()?))))
}

/// Ends the row of an operation that another process has begun, if it shows that one still. Recorder only.
///
/// # Errors
/// The server's.
pub fn end(backup_id: &str, error: Option<&str>) -> Result<()> {
    write(
        "UPDATE paliad_backup.run_progress SET phase = CASE WHEN $2 IS NULL THEN 'done' ELSE 'failed' END, error = $2, \
         updated_at = clock_timestamp(), finished_at = clock_timestamp() WHERE backup_id = $1::uuid AND finished_at IS NULL",
        &[Some(backup_id), error],
    )?;
    Ok(())
}

/// Updates the row; `finished` ends the operation. Recorder only.
///
/// # Errors
/// The server's.
pub fn update(progress: &Progress, finished: bool) -> Result<()> {
    write(
        "UPDATE paliad_backup.run_progress AS p SET phase = n.phase, sheet = n.sheet, sheets_done = n.sheets_done, \
         sheets_total = n.sheets_total, rows_done = n.rows_done, rows_total = n.rows_total, bytes_done = n.bytes_done, \
         bytes_total = n.bytes_total, error = n.error, updated_at = clock_timestamp(), \
         finished_at = CASE WHEN $2::boolean THEN clock_timestamp() END \
         FROM jsonb_populate_record(NULL::paliad_backup.run_progress, $1::jsonb) AS n",
        &[
            Some(&serde_json::to_string(progress).map_err(Error::internal)?),
            Some(if finished { "true" } else { "false" }),
        ],
    )?;
    Ok(())
}
