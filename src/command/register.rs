//! What imports and the rebuilding of the catalog share: a bundle is proven whole, and its row made from its manifest.

use std::fs::File;

use serde_json::json;

use super::background::Task;
use super::digests;
use super::run::scope_name;
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::Manifest;
use crate::bundle::verification::{self, Proven};
use crate::bundle::{BundleError, Result as BundleResult};
use crate::catalog::audit::Actor;
use crate::catalog::backups::{Begun, Outcome};
use crate::catalog::registration::{Entry, Registration};
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;

/// Reads the whole bundle, on a thread: a large one takes its time, and the session stays answerable.
///
/// # Errors
/// Damage is the inner result. The outer one: see [`Task`].
pub fn prove(file: File) -> Result<BundleResult<Proven>> {
    let abort = Abort::default();
    let stop = abort.clone();
    let task = Task::start("paliad prove", abort, move || verification::prove(file, &stop))?;
    let latest = latest_start()?;
    Ok(task.join(|| Ok(()))?.and_then(|proven| check_start(&proven.manifest, &latest).map(|()| proven)))
}

/// A bundle of the future would stay the newest for ever.
///
/// # Errors
/// [`BundleError::Damaged`].
fn check_start(manifest: &Manifest, latest: &str) -> BundleResult<()> {
    // Both are of one form, RFC 3339 in UTC.
    if manifest.run.started_at.as_str() > latest {
        return Err(BundleError::Damaged(format!("its run begins in the future, at {}", manifest.run.started_at)));
    }
    Ok(())
}

/// As late as a run elsewhere may have begun by a clock that is wrong, in the manifest's form.
fn latest_start() -> Result<String> {
    let latest = scalar(select(
        Snapshot::Caller,
        "SELECT to_char((clock_timestamp() + '1 day') AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')",
        &[],
    )?);
    latest.ok_or_else(|| Error::internal("the clock tells no time"))
}

/// Commits the row with its audit row. A cancel does not come between the file's publication and this.
///
/// # Errors
/// The recorder's.
pub fn register(
    recorder: &mut Recorder,
    proven: &Proven,
    uri: &str,
    entry: Entry,
    file: &str,
    actor: &Actor,
) -> Result<()> {
    let (event, stamp) = match entry {
        Entry::Imported | Entry::PutBack => ("backup_imported", "imported_at"),
        Entry::Rebuilt => ("catalog_rebuilt", "rebuilt_at"),
    };
    let metadata = json!({
        "backup_id": proven.manifest.run.id,
        "file": file,
        "sha256": proven.sha256,
        "size_bytes": proven.size,
        "database": proven.manifest.database,
        "put_back": entry == Entry::PutBack,
    });
    recorder.settle(&Request::Register {
        backup: Box::new(registration(proven, uri)?),
        entry,
        event: event.into(),
        actor: actor.clone(),
        metadata,
        stamp: stamp.into(),
    })?;
    Ok(())
}

fn registration(proven: &Proven, uri: &str) -> Result<Registration> {
    let Proven { manifest, size, sha256 } = proven;
    let run = &manifest.run;
    let begun = Begun {
        id: run.id.clone(),
        kind: run.kind.clone(),
        trigger: trigger(&run.kind).to_owned(),
        scope: scope_name(manifest.scope).to_owned(),
        formats: manifest.formats.iter().map(|format| format.name().to_owned()).collect(),
        requested_by: run.requested_by.clone(),
        requested_by_email: run.requested_by_email.clone(),
        requested_by_label: run.requested_by_label.clone(),
        note: run.note.clone(),
        started_at: run.started_at.clone(),
        snapshot: run.snapshot.clone(),
        wal_lsn: run.wal_lsn.clone(),
        includes_uncommitted: run.includes_uncommitted,
    };
    let audit_table = digests::audit_table(&Settings::read()?)?;
    let digests = digests::of_manifest(audit_table.as_ref(), manifest);
    Ok(Registration {
        run: begun,
        database_name: manifest.database.clone(),
        server_version: manifest.server_version.clone(),
        extension_version: manifest.extension_version.clone(),
        format_version: manifest.format_version,
        migration_version: manifest.migration_version.clone(),
        outcome: digests::record(digests, Outcome::of(manifest, uri.to_owned(), *size, sha256.clone())),
    })
}

/// What starts a run of each kind, by default: no bundle tells.
fn trigger(kind: &str) -> &'static str {
    match kind {
        "scheduled" => "cron",
        "checkpoint" => "restore",
        _ => "manual",
    }
}
