//! Makes one backup.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::background::Task;
use super::export::export;
use super::plan::{self, Plan};
use super::seal::{Sealed, describe_sheets, seal};
use super::{reconcile, sequences};
use crate::bundle::encoder::{Abort, Warning};
use crate::bundle::manifest::{FORMAT_VERSION, Format, Manifest, Run, Scope};
use crate::bundle::xlsx::About;
use crate::catalog::backups::{NewBackup, Outcome};
use crate::catalog::extension::Extension;
use crate::catalog::progress::Progress;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result, caught, describe, sqlstate_text};
use crate::pg::locks::lock_extension;
use crate::pg::query::{Snapshot, select};
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::{Reply, Request};
use crate::storage;
use crate::store::{Key, LocalDisk, Store};

/// What the caller asks for, checked.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// on_demand, scheduled or checkpoint.
    pub kind: String,
    /// manual or cron.
    pub trigger: String,
    /// full, config or data.
    pub scope: Scope,
    /// Without duplicates, in the bundle's order.
    pub formats: Vec<Format>,
    /// The application's user, where there is one.
    pub requested_by: Option<String>,
    /// Not blank.
    pub requested_by_email: String,
    /// A name for people.
    pub requested_by_label: Option<String>,
    /// The caller's remark.
    pub note: Option<String>,
}

/// Exports the database as the caller's snapshot shows it; returns the backup's id. The catalog row says done.
///
/// # Errors
/// Refusals leave no row: [`Error::NotConfigured`], [`Error::Standby`], [`Error::RunActive`], [`Error::NoWorkerSlot`]. Every other
/// failure is recorded on both rows first.
pub fn run(extension: Extension, request: &RunRequest) -> Result<String> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    let store = storage::open()?;
    lock_extension(extension.oid);
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        reconcile::stale_runs(recorder, &store)?;
        let backup = new_backup(request)?;
        recorder.ask(&Request::Begin { backup: backup.clone(), directory: store_directory()? })?;
        let outcome = recorded(recorder, &store, &backup.id, |recorder, stage| {
            let settings = Settings::read()?;
            let mut progress = Progress { phase: "plan".into(), ..Progress::default() };
            recorder.show(&progress, true)?;
            let plan = plan::plan(&settings, request.scope)?;
            let mut manifest = manifest(request, &backup, &plan)?;
            let published =
                make_bundle(&settings, request, &plan, &mut manifest, &store, recorder, &mut progress, stage)?;
            Ok(outcome(&manifest, published))
        })?;
        // The bundle is in place. Where this can't be recorded, the row stays running: reconcile finds the bundle and records it.
        if let Reply::DoneWithoutAudit { reason } =
            recorder.settle(&Request::Finish { id: backup.id.clone(), outcome })?
        {
            pgrx::warning!("the audit row of backup {} could not be completed: {reason}", backup.id);
        }
        Ok(backup.id)
    })
}

/// A bundle that lies in the store.
struct Published {
    /// `file://…`
    uri: String,
    /// Of the file, in bytes.
    size: u64,
    /// Of the file.
    sha256: String,
}

/// The stages whose name the stored error begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Generate,
    Store,
}

impl Stage {
    fn name(self) -> &'static str {
        match self {
            Stage::Generate => "generate",
            Stage::Store => "store",
        }
    }
}

/// scan → encode → seal → publish.
#[allow(clippy::too_many_arguments)]
fn make_bundle(
    settings: &Settings,
    request: &RunRequest,
    plan: &Plan,
    manifest: &mut Manifest,
    store: &LocalDisk,
    recorder: &mut Recorder,
    progress: &mut Progress,
    stage: &mut Stage,
) -> Result<Published> {
    let abort = Abort::default();
    progress.phase = "scan".into();
    progress.sheets_total = plan.sheets.len();
    progress.rows_total = plan.sheets.iter().map(|planned| planned.sheet.estimated_rows).sum();
    progress.bytes_total = plan.bytes;
    recorder.show(progress, true)?;
    let about = about(settings, manifest);
    let exported = export(plan, &request.formats, &about, store, recorder, progress, &abort)?;
    plan.still_holds()?;
    manifest.sequences = sequences::read(plan)?;
    let sheets: Vec<_> = plan.sheets.iter().map(|planned| Arc::clone(&planned.sheet)).collect();
    describe_sheets(manifest, &sheets, &exported.row_counts, &exported.formats);

    progress.phase = "seal".into();
    recorder.show(progress, true)?;
    *stage = Stage::Store;
    let key = Key::parse(&format!("{}.zip", manifest.run.id))?;
    let pending = store.create(&key)?;
    let (manifest, formats, stop) = (manifest.clone(), exported.formats, abort.clone());
    let task = Task::start("paliad seal", abort, move || seal(pending, manifest, formats, &stop))?;
    let Sealed { pending, size, sha256 } = task.join(|| recorder.show(progress, false))??;

    progress.phase = "publish".into();
    recorder.show(progress, true)?;
    // In this thread, which looks for no interrupt from here until the row says done.
    Ok(Published { uri: pending.publish()?, size, sha256 })
}

/// Runs `work`; whatever goes wrong in it (an error of ours, one of the server's, a cancel, a panic) is recorded on both rows
/// before it goes on to the caller.
fn recorded<R>(
    recorder: &mut Recorder,
    store: &LocalDisk,
    id: &str,
    work: impl FnOnce(&mut Recorder, &mut Stage) -> Result<R>,
) -> Result<R> {
    let mut stage = Stage::Generate;
    let result = caught(|| work(recorder, &mut stage));
    let (message, sqlstate) = match &result {
        Ok(Ok(_)) => return result.unwrap_or_else(|cause| cause.rethrow()),
        Ok(Err(error)) => (error.to_string(), sqlstate_text(error.sqlstate())),
        Err(cause) => {
            let (code, message, _, _) = describe(cause);
            (message, sqlstate_text(code))
        }
    };
    // Only the directory's fsync may have failed, and the bundle be in place; a failed run leaves none.
    let _ = Key::parse(&format!("{id}.zip")).and_then(|key| store.remove(&store.uri(&key)));
    // The error that the caller sees is the run's own, even if it could not be recorded: what is left undone here, the recorder
    // or the next reconcile does.
    let error = format!("{}: {message}", stage.name());
    let _ = recorder.tell(&Request::Fail { id: id.to_owned(), error, sqlstate });
    result.unwrap_or_else(|cause| cause.rethrow())
}

fn new_backup(request: &RunRequest) -> Result<NewBackup> {
    let rows = select(
        Snapshot::Caller,
        "SELECT pg_catalog.pg_current_snapshot(), pg_catalog.pg_current_wal_lsn(), \
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        &[],
    )?;
    let mut facts = rows.into_iter().flatten().flatten();
    let mut fact = || facts.next().unwrap_or_default();
    Ok(NewBackup {
        id: Uuid::new_v4().to_string(),
        kind: request.kind.clone(),
        trigger: request.trigger.clone(),
        scope: scope_name(request.scope).to_owned(),
        formats: request.formats.iter().map(|format| format_name(*format).to_owned()).collect(),
        requested_by: request.requested_by.clone(),
        requested_by_email: request.requested_by_email.clone(),
        requested_by_label: request.requested_by_label.clone(),
        note: request.note.clone(),
        snapshot: fact(),
        wal_lsn: fact(),
        started_at: fact(),
        includes_uncommitted: session::has_written(),
        backend_pid: session::process_id(),
    })
}

fn manifest(request: &RunRequest, backup: &NewBackup, plan: &Plan) -> Result<Manifest> {
    let rows = select(
        Snapshot::Latest,
        "SELECT current_setting('server_version'), current_setting('server_encoding'), current_database()",
        &[],
    )?;
    let mut facts = rows.into_iter().flatten().flatten();
    let mut fact = || facts.next().unwrap_or_default();
    Ok(Manifest {
        format_version: FORMAT_VERSION,
        extension_version: env!("CARGO_PKG_VERSION").into(),
        server_version: fact(),
        encoding: fact(),
        database: fact(),
        scope: request.scope,
        formats: request.formats.clone(),
        run: Run {
            id: backup.id.clone(),
            kind: backup.kind.clone(),
            requested_by: backup.requested_by.clone(),
            requested_by_email: backup.requested_by_email.clone(),
            requested_by_label: backup.requested_by_label.clone(),
            note: backup.note.clone(),
            started_at: backup.started_at.clone(),
            snapshot: backup.snapshot.clone(),
            wal_lsn: backup.wal_lsn.clone(),
            includes_uncommitted: backup.includes_uncommitted,
            audit_head: None,
            files: Vec::new(),
        },
        excluded: plan.excluded.clone(),
        warnings: plan.warnings.clone(),
        sequences: Vec::new(),
        migration_version: None,
        sheets: Vec::new(),
    })
}

fn about(settings: &Settings, manifest: &Manifest) -> About {
    let left_out = |entry: &crate::bundle::manifest::Excluded| {
        let schema = if entry.schema == "*" { String::new() } else { format!("{}.", entry.schema) };
        format!("Left out: {schema}{} ({})", entry.table, entry.reason)
    };
    About {
        database: manifest.database.clone(),
        id: manifest.run.id.clone(),
        kind: manifest.run.kind.clone(),
        requested_by_email: manifest.run.requested_by_email.clone(),
        requested_by_label: manifest.run.requested_by_label.clone(),
        started_at: manifest.run.started_at.clone(),
        scope: scope_name(manifest.scope).to_owned(),
        time_zone: settings.xlsx_time_zone.clone(),
        notes: manifest.excluded.iter().map(left_out).collect(),
        warnings: manifest.warnings.iter().cloned().chain(run_warnings(manifest)).collect(),
    }
}

/// Warnings about this run rather than about the data: they stand on the catalog row, and the manifest tells them in `run`.
fn run_warnings(manifest: &Manifest) -> Option<Warning> {
    manifest.run.includes_uncommitted.then(|| Warning {
        code: "includes_uncommitted".into(),
        sheet: None,
        column: None,
        count: 1,
        detail: "The caller's transaction had written before the backup; its changes are included, though not yet committed.".into(),
    })
}

fn outcome(manifest: &Manifest, published: Published) -> Outcome {
    let row_counts: Map<String, Value> =
        manifest.sheets.iter().map(|sheet| (sheet.name.clone(), json!(sheet.row_count))).collect();
    let warnings: Vec<Warning> = run_warnings(manifest).into_iter().chain(manifest.warnings.iter().cloned()).collect();
    Outcome {
        storage_uri: published.uri,
        size_bytes: published.size,
        sha256: published.sha256,
        row_counts: Value::Object(row_counts),
        sheet_count: manifest.sheets.len(),
        warnings: json!(warnings),
    }
}

fn store_directory() -> Result<std::path::PathBuf> {
    crate::config::directory().ok_or_else(|| Error::NotConfigured { database: String::new() })
}

/// As `backups.scope` and the arguments name it.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Full => "full",
        Scope::Config => "config",
        Scope::Data => "data",
    }
}

/// As `backups.formats` and the arguments name it.
pub fn format_name(format: Format) -> &'static str {
    match format {
        Format::Xlsx => "xlsx",
        Format::Csv => "csv",
        Format::Json => "json",
    }
}
