//! Rows of backups that no run of this catalog has made, or whose row was lost: what their bundle says of them.

use serde::{Deserialize, Serialize};

use super::backups::{Begun, Outcome};
use crate::error::{Error, Result};
use crate::pg::query::write;

/// A bundle that was found whole; the members are columns of `backups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Registration {
    /// What the bundle says of its run.
    #[serde(flatten)]
    pub run: Begun,
    /// The database that was exported.
    pub database_name: String,
    /// Of the server that wrote it.
    pub server_version: String,
    /// Of the extension that wrote it.
    pub extension_version: String,
    /// The bundle's.
    pub format_version: u64,
    /// Of the application's schema.
    pub migration_version: Option<String>,
    /// Where the file lies, and what is in it.
    #[serde(flatten)]
    pub outcome: Outcome,
}

/// What becomes of the catalog.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A row for a bundle that was made elsewhere.
    Imported,
    /// The row of one of this database's own bundles, which was lost.
    Rebuilt,
    /// The row is there, and its file, which was gone, is back.
    PutBack,
}

/// Writes the row. Its bundle was just proven whole, which the row says. A run's end stands in no bundle: its start has to do.
/// Recorder only.
///
/// # Errors
/// [`Error::WrongState`] when the row that is to get its file back is not there as it was; checks of the table are raised by the
/// server.
pub fn register(backup: &Registration, entry: Entry) -> Result<()> {
    let json = serde_json::to_string(backup).map_err(Error::internal)?;
    let rows = match entry {
        Entry::PutBack => write(
            "UPDATE paliad_backup.backups SET storage_uri = $2, deleted_at = NULL, deleted_reason = NULL, missing_at = NULL, \
             verified_at = clock_timestamp(), verify_ok = true, verify_result = NULL \
             WHERE id = $1::uuid AND status = 'done' AND sha256 = $3 RETURNING id",
            &[Some(&backup.run.id), Some(&backup.outcome.storage_uri), Some(&backup.outcome.sha256)],
        )?,
        Entry::Imported | Entry::Rebuilt => write(
            "INSERT INTO paliad_backup.backups (id, kind, trigger, scope, formats, status, requested_by, requested_by_email, \
             requested_by_label, note, storage_uri, size_bytes, sha256, row_counts, sheet_count, warnings, sheet_digests, \
             content_digest, database_name, \
             server_version, extension_version, format_version, migration_version, snapshot, wal_lsn, includes_uncommitted, \
             started_at, finished_at, imported_at, verified_at, verify_ok) \
             SELECT n.id, n.kind, n.trigger, n.scope, n.formats, 'done', n.requested_by, n.requested_by_email, \
             n.requested_by_label, n.note, n.storage_uri, n.size_bytes, n.sha256, n.row_counts, n.sheet_count, n.warnings, \
             n.sheet_digests, n.content_digest, \
             n.database_name, n.server_version, n.extension_version, n.format_version, n.migration_version, n.snapshot, \
             n.wal_lsn, n.includes_uncommitted, n.started_at, n.started_at, \
             CASE WHEN $2::boolean THEN clock_timestamp() END, clock_timestamp(), true \
             FROM jsonb_populate_record(NULL::paliad_backup.backups, $1::jsonb) AS n RETURNING id",
            &[Some(&json), Some(if entry == Entry::Imported { "true" } else { "false" })],
        )?,
    };
    if rows.is_empty() {
        return Err(Error::WrongState {
            message: format!("the row of backup {} has changed meanwhile", backup.run.id),
            hint: format!("SELECT * FROM paliad_backup.get('{}'); shows it.", backup.run.id),
        });
    }
    Ok(())
}
