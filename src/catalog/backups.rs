//! Table `backups`: one row per run, for ever.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::encoder::Warning;
use crate::bundle::manifest::{FORMAT_VERSION, Manifest};
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select, write};

/// What is known of a run from its beginning, also to its bundle; the members are columns of `backups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Begun {
    /// A UUID, also the file's name.
    pub id: String,
    /// on_demand, scheduled or checkpoint.
    pub kind: String,
    /// manual, cron, interval, change or restore.
    pub trigger: String,
    /// full, config or data.
    pub scope: String,
    /// xlsx, json, csv.
    pub formats: Vec<String>,
    /// The application's user, where there is one.
    pub requested_by: Option<String>,
    /// Never blank.
    pub requested_by_email: String,
    /// A name for people.
    pub requested_by_label: Option<String>,
    /// The caller's remark.
    pub note: Option<String>,
    /// RFC 3339 in UTC.
    pub started_at: String,
    /// The caller's `pg_current_snapshot()`.
    pub snapshot: String,
    /// `pg_current_wal_lsn()` when the run began.
    pub wal_lsn: String,
    /// The caller's transaction had written before.
    pub includes_uncommitted: bool,
}

/// The row of a run that begins; the members are columns of `backups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NewBackup {
    /// Its id is a fresh one.
    #[serde(flatten)]
    pub run: Begun,
    /// The process that runs it.
    pub backend_pid: i32,
    /// Where its bundle will lie, and its partial file until then.
    pub directory: PathBuf,
    /// Why a checkpoint is made.
    pub reason: Option<String>,
    /// The audit row of the restore that a checkpoint protects.
    pub checkpoint_of: Option<String>,
}

/// What is known of a run that succeeded; the members are columns of `backups`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// `file://` and the path.
    pub storage_uri: String,
    /// Of the file.
    pub size_bytes: u64,
    /// Of the file, lower-case hex.
    pub sha256: String,
    /// Sheet name → rows.
    pub row_counts: Value,
    /// Number of sheets.
    pub sheet_count: usize,
    /// As in the manifest.
    pub warnings: Value,
    /// Sheet name → SHA-256 of its rows; a run knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sheet_digests: Option<Value>,
    /// Of all that changes as the data do; a run knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content_digest: Option<String>,
}

impl Outcome {
    /// What a bundle's manifest says of the run, with where the file lies and what it is.
    pub fn of(manifest: &Manifest, storage_uri: String, size_bytes: u64, sha256: String) -> Outcome {
        let counts = manifest.sheets.iter().map(|sheet| (sheet.name.clone(), sheet.row_count.into())).collect();
        let warnings: Vec<Warning> =
            manifest.run_warnings().into_iter().chain(manifest.warnings.iter().cloned()).collect();
        Outcome {
            storage_uri,
            size_bytes,
            sha256,
            row_counts: Value::Object(counts),
            sheet_count: manifest.sheets.len(),
            warnings: serde_json::json!(warnings),
            sheet_digests: None,
            content_digest: None,
        }
    }
}

/// The part of a row that use cases decide on.
#[derive(Clone, Debug, Deserialize)]
pub struct Backup {
    /// The row's key.
    pub id: String,
    /// running, done or failed.
    pub status: String,
    /// The configured directory when the run began.
    pub directory: Option<PathBuf>,
    /// Where the file lies; only when done.
    pub storage_uri: Option<String>,
    /// Of the file; only when done.
    pub size_bytes: Option<u64>,
    /// Of the file; only when done.
    pub sha256: Option<String>,
    /// Sheet to rows; only when done.
    pub row_counts: Option<BTreeMap<String, u64>>,
    /// Kept from deletion and retention.
    pub pinned: bool,
    /// The file was removed then.
    pub deleted_at: Option<String>,
    /// import_bundle() registered it: it was made elsewhere.
    pub imported_at: Option<String>,
    /// The audit row of the run.
    pub audit_id: Option<String>,
    /// The process that runs it or ran it.
    pub backend_pid: Option<i32>,
}

/// The row with this id, as it is committed now.
///
/// # Errors
/// [`Error::UnknownBackup`].
pub fn find(id: &str) -> Result<Backup> {
    let row = scalar(select(
        Snapshot::Latest,
        "SELECT pg_catalog.to_jsonb(b) FROM paliad_backup.backups AS b WHERE b.id = $1::uuid",
        &[Some(id)],
    )?);
    let row = row.ok_or_else(|| Error::UnknownBackup { id: id.to_owned() })?;
    serde_json::from_str(&row).map_err(Error::internal)
}

/// What `latest()` returns is the newest of these: who restores the latest wants neither what was there before a restore, nor the rows of
/// another database, nor what verify() has found damaged.
pub const GOOD: &str = "b.status = 'done' AND b.kind <> 'checkpoint' AND b.imported_at IS NULL AND b.deleted_at IS NULL \
                        AND b.missing_at IS NULL AND b.verify_ok IS NOT FALSE";

/// The newest of the good ones but this.
///
/// # Errors
/// The server's.
pub fn newest_good_but(id: &str) -> Result<Option<String>> {
    let sql = format!(
        "SELECT b.id FROM paliad_backup.backups AS b WHERE {GOOD} AND b.id <> $1::uuid ORDER BY b.started_at DESC, b.id LIMIT 1"
    );
    Ok(scalar(select(Snapshot::Latest, &sql, &[Some(id)])?))
}

/// All rows that say running, oldest first.
///
/// # Errors
/// The server's.
pub fn running() -> Result<Vec<Backup>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.to_jsonb(b) FROM paliad_backup.backups AS b WHERE b.status = 'running' ORDER BY b.started_at",
        &[],
    )?;
    rows.into_iter().flatten().flatten().map(|row| serde_json::from_str(&row).map_err(Error::internal)).collect()
}

/// Whether artifacts should lie where URIs begin with `folder`.
///
/// # Errors
/// The server's.
pub fn lie_in(folder: &str) -> Result<bool> {
    let found = scalar(select(
        Snapshot::Latest,
        "SELECT EXISTS (SELECT FROM paliad_backup.backups AS b WHERE b.status = 'done' AND b.deleted_at IS NULL \
         AND b.missing_at IS NULL AND b.storage_uri ^@ $1)",
        &[Some(folder)],
    )?);
    Ok(found.as_deref() == Some("t"))
}

/// A file that the catalog has, and how it knows it.
#[derive(Clone, Debug, Deserialize)]
pub struct CatalogedArtifact {
    /// The backup.
    pub id: String,
    /// Where the file lies.
    pub storage_uri: String,
    /// It was found missing.
    pub missing: bool,
}

/// The artifacts whose URIs begin with `folder`, oldest first; deleted ones are none.
///
/// # Errors
/// The server's.
pub fn artifacts(folder: &str) -> Result<Vec<CatalogedArtifact>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT jsonb_build_object('id', b.id, 'storage_uri', b.storage_uri, 'missing', b.missing_at IS NOT NULL) \
         FROM paliad_backup.backups AS b \
         WHERE b.status = 'done' AND b.deleted_at IS NULL AND b.storage_uri ^@ $1 ORDER BY b.started_at",
        &[Some(folder)],
    )?;
    rows.into_iter().flatten().flatten().map(|row| serde_json::from_str(&row).map_err(Error::internal)).collect()
}

/// The ids of all rows.
///
/// # Errors
/// The server's.
pub fn ids() -> Result<HashSet<String>> {
    let rows = select(Snapshot::Latest, "SELECT b.id FROM paliad_backup.backups AS b", &[])?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// The ids of all backups that should have a bundle, newest first.
///
/// # Errors
/// The server's.
pub fn done() -> Result<Vec<String>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT b.id FROM paliad_backup.backups AS b WHERE b.status = 'done' AND b.deleted_at IS NULL \
         ORDER BY b.started_at DESC, b.id",
        &[],
    )?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// Keeps a verification's verdict; false where the backup was deleted meanwhile. Recorder only.
///
/// # Errors
/// The server's.
pub fn set_verified(id: &str, ok: bool, result: &Value) -> Result<bool> {
    let kept = write(
        "UPDATE paliad_backup.backups SET verified_at = clock_timestamp(), verify_ok = $2::boolean, verify_result = $3::jsonb \
         WHERE id = $1::uuid AND status = 'done' AND deleted_at IS NULL RETURNING id",
        &[Some(id), Some(if ok { "true" } else { "false" }), Some(&result.to_string())],
    )?;
    Ok(!kept.is_empty())
}

/// Puts another size and checksum on a row, and takes the verdict on the old ones off. Recorder only.
///
/// # Errors
/// The server's.
pub fn set_checksum(id: &str, size_bytes: u64, sha256: &str) -> Result<()> {
    write(
        "UPDATE paliad_backup.backups SET size_bytes = $2::bigint, sha256 = $3, verified_at = NULL, verify_ok = NULL, \
         verify_result = NULL WHERE id = $1::uuid AND status = 'done'",
        &[Some(id), Some(&size_bytes.to_string()), Some(sha256)],
    )?;
    Ok(())
}

/// What a good backup has taken.
#[derive(Clone, Debug, Deserialize)]
pub struct Measured {
    /// The backup.
    pub id: String,
    /// Of the bundle, in bytes.
    pub size: u64,
    /// From start to end.
    pub seconds: f64,
    /// Of each sheet.
    pub rows: BTreeMap<String, u64>,
}

/// The newest good backups with the sheets of a scope, in these formats and no others, checkpoints included.
///
/// # Errors
/// The server's.
pub fn measured(scope: &str, formats: &[&str], most: u32) -> Result<Vec<Measured>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT jsonb_build_object('id', b.id, 'size', b.size_bytes, 'rows', b.row_counts, \
         'seconds', extract(epoch FROM b.finished_at - b.started_at)) FROM paliad_backup.backups AS b \
         WHERE b.status = 'done' AND b.imported_at IS NULL AND b.deleted_at IS NULL AND b.missing_at IS NULL \
         AND b.verify_ok IS NOT FALSE AND b.scope IN ($1, 'full') AND b.formats @> string_to_array($2, ' ') AND b.formats <@ string_to_array($2, ' ') \
         ORDER BY b.started_at DESC, b.id LIMIT $3::int",
        &[Some(scope), Some(&formats.join(" ")), Some(&most.to_string())],
    )?;
    rows.into_iter().flatten().flatten().map(|row| serde_json::from_str(&row).map_err(Error::internal)).collect()
}

/// Stamps or clears `missing_at`. Recorder only.
///
/// # Errors
/// The server's.
pub fn set_missing(id: &str, missing: bool) -> Result<()> {
    write(
        "UPDATE paliad_backup.backups SET missing_at = CASE WHEN $2::boolean THEN clock_timestamp() END \
         WHERE id = $1::uuid AND status = 'done' AND deleted_at IS NULL",
        &[Some(id), Some(if missing { "true" } else { "false" })],
    )?;
    Ok(())
}

/// Inserts the row of a run that begins. Recorder only.
///
/// # Errors
/// Checks of the table are raised by the server.
pub fn insert(backup: &NewBackup) -> Result<()> {
    write(
        "INSERT INTO paliad_backup.backups (id, kind, trigger, scope, formats, status, requested_by, requested_by_email, \
         requested_by_label, note, snapshot, wal_lsn, includes_uncommitted, backend_pid, directory, reason, checkpoint_of, \
         database_name, server_version, extension_version, format_version, started_at) \
         SELECT n.id, n.kind, n.trigger, n.scope, n.formats, 'running', n.requested_by, n.requested_by_email, \
         n.requested_by_label, n.note, n.snapshot, n.wal_lsn, n.includes_uncommitted, n.backend_pid, n.directory, \
         n.reason, n.checkpoint_of, current_database(), current_setting('server_version'), $2, $3::int, n.started_at \
         FROM jsonb_populate_record(NULL::paliad_backup.backups, $1::jsonb) AS n",
        &[Some(&json(backup)?), Some(env!("CARGO_PKG_VERSION")), Some(&FORMAT_VERSION.to_string())],
    )?;
    Ok(())
}

/// Links the run to its audit row. Recorder only.
///
/// # Errors
/// The server's.
pub fn link_audit(id: &str, audit_id: &str) -> Result<()> {
    write("UPDATE paliad_backup.backups SET audit_id = $2::uuid WHERE id = $1::uuid", &[Some(id), Some(audit_id)])?;
    Ok(())
}

/// Marks a running row done. Recorder only.
///
/// # Errors
/// [`Error::WrongState`] when it isn't running.
pub fn finish(id: &str, outcome: &Outcome) -> Result<()> {
    let rows = write(
        "UPDATE paliad_backup.backups AS b SET status = 'done', storage_uri = n.storage_uri, size_bytes = n.size_bytes, \
         sha256 = n.sha256, row_counts = n.row_counts, sheet_count = n.sheet_count, warnings = n.warnings, \
         sheet_digests = n.sheet_digests, content_digest = n.content_digest, finished_at = clock_timestamp() \
         FROM jsonb_populate_record(NULL::paliad_backup.backups, $2::jsonb) AS n \
         WHERE b.id = $1::uuid AND b.status = 'running' RETURNING b.id",
        &[Some(id), Some(&json(outcome)?)],
    )?;
    if rows.is_empty() { Err(not_running(id)) } else { Ok(()) }
}

/// Marks a running row failed; false when there is none. Recorder only.
///
/// # Errors
/// The server's.
pub fn fail(id: &str, error: &str, sqlstate: &str) -> Result<bool> {
    let rows = write(
        "UPDATE paliad_backup.backups SET status = 'failed', error = $2, error_code = $3, finished_at = clock_timestamp() \
         WHERE id = $1::uuid AND status = 'running' RETURNING id",
        &[Some(id), Some(error), Some(sqlstate)],
    )?;
    Ok(!rows.is_empty())
}

/// Stamps `deleted_at` on a row that has none; false where it was pinned meanwhile. Recorder only.
///
/// # Errors
/// The server's.
pub fn mark_deleted(id: &str, reason: &str) -> Result<bool> {
    let rows = write(
        "UPDATE paliad_backup.backups SET deleted_at = coalesce(deleted_at, clock_timestamp()), \
         deleted_reason = CASE WHEN deleted_at IS NULL THEN $2 ELSE deleted_reason END \
         WHERE id = $1::uuid AND NOT pinned RETURNING id",
        &[Some(id), Some(reason)],
    )?;
    Ok(!rows.is_empty())
}

/// Pins or unpins. Recorder only.
///
/// # Errors
/// The server's.
pub fn set_pinned(id: &str, pinned: bool) -> Result<()> {
    write(
        "UPDATE paliad_backup.backups SET pinned = $2::boolean WHERE id = $1::uuid",
        &[Some(id), Some(if pinned { "true" } else { "false" })],
    )?;
    Ok(())
}

fn not_running(id: &str) -> Error {
    Error::WrongState {
        message: format!("backup {id} is not running any more"),
        hint: "SELECT * FROM paliad_backup.list(); shows what became of it.".into(),
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}
