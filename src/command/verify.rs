//! Proves bundles good, and keeps the verdict on their rows.

use serde_json::json;

use super::background::Task;
use super::download;
use crate::bundle::encoder::Abort;
use crate::bundle::verification::{self, Expected, Verdict};
use crate::catalog::audit::Actor;
use crate::catalog::backups::{self, Backup};
use crate::catalog::extension::Extension;
use crate::error::{Error, Result};
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;
use crate::store::{Store, StoreError};

/// Checks one bundle. The verdict is recorded and audited, except on a standby, which can record nothing.
///
/// # Errors
/// [`Error::UnknownBackup`]; [`Error::WrongState`] for a backup that never had a bundle. Damage and absence are verdicts.
pub fn verify(extension: Extension, id: &str, actor: &Actor) -> Result<Verdict> {
    let backup = backups::find(id)?;
    if backup.storage_uri.is_none() {
        return Err(Error::WrongState {
            message: format!("backup {id} has no bundle: it is {}", backup.status),
            hint: "SELECT id, started_at, status FROM paliad_backup.list(); shows the others.".into(),
        });
    }
    let verdict = look(&backup)?;
    if !session::in_recovery() && backup.deleted_at.is_none() {
        let mut recorder = Recorder::start(extension)?;
        recorder.ask(&Request::Verified {
            id: id.to_owned(),
            ok: verdict.is_good(),
            result: result(&verdict),
            actor: actor.clone(),
        })?;
        recorder.close();
    }
    Ok(verdict)
}

/// Checks all bundles that should be there, newest first; id and verdict of each.
///
/// # Errors
/// As [`verify`].
pub fn verify_all(extension: Extension, actor: &Actor) -> Result<Vec<(String, Verdict)>> {
    let ids = backups::done()?;
    ids.into_iter().map(|id| verify(extension, &id, actor).map(|verdict| (id, verdict))).collect()
}

/// Puts the file's own size and checksum on the row, where the bundle proves itself from inside. True where they were others.
///
/// # Errors
/// [`Error::Damaged`] where it doesn't prove itself; as [`verify`].
pub fn repair_checksum(extension: Extension, id: &str, actor: &Actor) -> Result<bool> {
    let backup = backups::find(id)?;
    let verdict = verify(extension, id, actor)?;
    if !verdict.proves_itself() {
        let fault =
            verdict.checks.iter().find(|check| check.ok != Some(true) && !["size", "sha256"].contains(&check.name));
        let fault = fault.map(|check| check.detail.as_str()).unwrap_or_default();
        let message = format!("backup {id} does not prove itself: {fault}");
        return Err(Error::Damaged { message, hint: download::damage_hint(id)? });
    }
    if verdict.is_good() {
        return Ok(false);
    }
    let mut recorder = Recorder::start(extension)?;
    recorder.ask(&Request::RepairChecksum {
        id: id.to_owned(),
        size_bytes: verdict.size,
        sha256: verdict.sha256.clone(),
        metadata: json!({
            "backup_id": id,
            "old": { "sha256": backup.sha256, "size_bytes": backup.size_bytes },
            "new": { "sha256": verdict.sha256, "size_bytes": verdict.size },
        }),
        actor: actor.clone(),
    })?;
    recorder.close();
    Ok(true)
}

/// The bundle is read on a thread: a large one takes its time, and the session stays answerable.
fn look(backup: &Backup) -> Result<Verdict> {
    if let Some(at) = &backup.deleted_at {
        return Ok(Verdict::absent(format!("it was deleted at {at}")));
    }
    let uri = backup.storage_uri.as_deref().unwrap_or_default();
    let artifact = match storage::open_for_reading().and_then(|store| Ok(store.open(uri)?)) {
        Ok(artifact) => artifact,
        Err(Error::Store(error)) if !matches!(error, StoreError::NotConfigured) => {
            return Ok(Verdict::absent(error.to_string()));
        }
        Err(error) => return Err(error),
    };
    let expected = Expected {
        id: backup.id.clone(),
        size: backup.size_bytes.unwrap_or_default(),
        sha256: backup.sha256.clone().unwrap_or_default(),
        row_counts: backup.row_counts.clone().unwrap_or_default(),
    };
    let abort = Abort::default();
    let stop = abort.clone();
    let task = Task::start("paliad verify", abort, move || verification::verify(artifact.file, &expected, &stop))?;
    Ok(task.join(|| Ok(()))??)
}

/// As `backups.verify_result` holds it.
fn result(verdict: &Verdict) -> serde_json::Value {
    let checks: Vec<_> = verdict
        .checks
        .iter()
        .map(|check| json!({ "check": check.name, "ok": check.ok, "detail": check.detail }))
        .collect();
    json!(checks)
}
