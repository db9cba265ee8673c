//! Makes one backup.

use std::path::PathBuf;
use std::sync::Arc;

use pgrx::pg_sys::panic::CaughtError;
use uuid::Uuid;

use super::background::Task;
use super::digests::{self, Digests};
use super::export::export;
use super::plan::{self, Plan};
use super::seal::{Sealed, describe_sheets, seal};
use super::{cleanup, reconcile, schema_sql, sequences};
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::{FORMAT_VERSION, Format, Manifest, Run, Scope};
use crate::bundle::xlsx::About;
use crate::catalog::audit::Actor;
use crate::catalog::backups::{Begun, NewBackup, Outcome};
use crate::catalog::extension::Extension;
use crate::catalog::progress::Progress;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result, Told, caught, describe};
use crate::pg::files::ReservedHandles;
use crate::pg::locks::lock_extension;
use crate::pg::query::{Snapshot, select};
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::{Reply, Request};
use crate::storage;
use crate::store::{Key, LocalDisk, Store};

/// Most files that a run has open at once: directories, marker, scratch files of three formats, the bundle twice.
const HANDLES: usize = 12;

/// What the caller asks for, checked.
#[derive(Clone, Debug)]
pub struct RunRequest {
    /// on_demand, scheduled or checkpoint.
    pub kind: String,
    /// manual, cron, interval or change.
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
    /// The caller's transaction had written before.
    pub includes_uncommitted: bool,
    /// What a checkpoint is for; none otherwise.
    pub checkpoint: Option<Checkpoint>,
}

/// What makes a backup a checkpoint.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// In the operator's words.
    pub reason: Option<String>,
    /// The audit row of the restore that it protects.
    pub restore: Option<String>,
}

impl RunRequest {
    /// Who makes the backups that nobody asks for.
    pub const SYSTEM_EMAIL: &str = "system@paliad";
    /// The same for people.
    pub const SYSTEM_LABEL: &str = "Paliad Backup System";

    /// A backup of all sheets that nobody has asked for.
    pub fn automatic(trigger: &str, formats: Vec<Format>, includes_uncommitted: bool) -> RunRequest {
        RunRequest {
            kind: "scheduled".into(),
            trigger: trigger.into(),
            scope: Scope::Full,
            formats,
            requested_by: None,
            requested_by_email: RunRequest::SYSTEM_EMAIL.into(),
            requested_by_label: Some(RunRequest::SYSTEM_LABEL.into()),
            note: None,
            includes_uncommitted,
            checkpoint: None,
        }
    }

    /// A checkpoint of all sheets, in the formats that are read again.
    pub fn checkpoint(checkpoint: Checkpoint, actor: Actor, includes_uncommitted: bool) -> RunRequest {
        RunRequest {
            kind: "checkpoint".into(),
            trigger: if checkpoint.restore.is_some() { "restore" } else { "manual" }.into(),
            scope: Scope::Full,
            formats: vec![Format::Csv, Format::Json],
            requested_by: actor.id,
            requested_by_email: actor.email.unwrap_or_default(),
            requested_by_label: None,
            note: None,
            includes_uncommitted,
            checkpoint: Some(checkpoint),
        }
    }
}

/// Exports the database as the caller's snapshot shows it; returns the backup's id. The catalog row says done. Then what the retention
/// policy does not keep is removed; what goes wrong with that is a WARNING.
///
/// # Errors
/// Refusals leave no row: [`Error::NotConfigured`], [`Error::Standby`], [`Error::RunActive`], [`Error::NoWorkerSlot`]. Every other
/// failure is recorded on both rows first, a directory that can't be used included.
pub fn run(extension: Extension, request: &RunRequest) -> Result<String> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    storage::directory()?;
    lock_extension(extension.oid);
    let (id, trouble) = Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        let id = backup(recorder, request)?;
        Ok((id, cleanup::after_run(recorder)))
    })?;
    // A message may be answered with a cancel: not before everything is at rest.
    if let Some(trouble) = trouble {
        trouble.warn(&format!("backup {id} is complete, but older ones could not be removed"));
    }
    Ok(id)
}

/// As [`run`], for a recorder that holds the run lock, and nothing is removed: a restore's checkpoint must not push out the backup
/// that is being restored.
///
/// # Errors
/// As [`run`].
pub fn backup(recorder: &mut Recorder, request: &RunRequest) -> Result<String> {
    let directory = storage::directory()?;
    let _handles = ReservedHandles::new(HANDLES);
    let store = storage::open();
    if let Ok(store) = &store
        && let Err(error) = reconcile::put_right(recorder, store)
    {
        // What an earlier run left behind must not stop this one; reconcile() tells its caller.
        pgrx::log!("paliad_backup: the catalog could not be reconciled: {error}");
    }
    let backup = new_backup(request, directory)?;
    recorder.ask(&Request::Begin { backup: backup.clone() })?;
    let outcome = recorded(recorder, store.as_ref().ok(), &backup.run.id, |recorder, place| {
        place.stage = Stage::Store;
        let store = store.as_ref().map_err(|error| Error::Told(error.told()))?;
        place.stage = Stage::Generate;
        let settings = Settings::read()?;
        place.progress.phase = "plan".into();
        recorder.show(&place.progress, true)?;
        let plan = plan::plan(&settings, request.scope, &request.formats, &mut place.progress.sheet)?;
        let mut manifest = manifest(request, &backup.run, &plan)?;
        let published = make_bundle(&settings, request, &plan, &mut manifest, store, recorder, place)?;
        let outcome = Outcome::of(&manifest, published.uri, published.size, published.sha256);
        Ok(digests::record(Some(published.digests), outcome))
    })?;
    // The bundle is in place. Where this can't be recorded, the row stays running: reconcile finds the bundle and records it.
    if let Reply::DoneWithoutAudit { reason } =
        recorder.settle(&Request::Finish { id: backup.run.id.clone(), outcome })?
    {
        pgrx::warning!("the audit row of backup {} could not be completed: {reason}", backup.run.id);
    }
    Ok(backup.run.id)
}

/// A bundle that lies in the store.
struct Published {
    /// `file://…`
    uri: String,
    /// Of the file, in bytes.
    size: u64,
    /// Of the file.
    sha256: String,
    /// Of what is in it.
    digests: Digests,
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

/// Where a run is: what its stored error begins with.
struct Place {
    stage: Stage,
    /// Of it the sheet, which is being described or read.
    progress: Progress,
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
    place: &mut Place,
) -> Result<Published> {
    let Place { stage, progress } = place;
    let abort = Abort::default();
    progress.phase = "scan".into();
    progress.sheets_total = plan.sheets.len();
    progress.rows_total = plan.sheets.iter().map(|planned| planned.sheet.estimated_rows).sum();
    progress.bytes_total = plan.bytes;
    recorder.show(progress, true)?;
    let about = about(settings, manifest);
    let sequences = sequences::lock(plan)?;
    let definitions = schema_sql::definitions(plan, &request.formats, &sequences)?;
    manifest.behind_rows = definitions.iter().flat_map(|definitions| &definitions.behind_rows).cloned().collect();
    if let Some(definitions) = &definitions {
        manifest.owners = schema_sql::owners::of(&definitions.schema)?;
    }
    let exported = export(plan, &request.formats, &about, store, recorder, progress, &abort)?;
    manifest.warnings.extend(exported.warnings);
    plan.still_holds()?;
    manifest.sequences = sequences::read(sequences)?;
    let audit_table = digests::audit_table(settings)?;
    let digests = digests::of(audit_table.as_ref(), plan.digested(&exported.digests), &manifest.sequences);
    let sheets: Vec<_> = plan.sheets.iter().map(|planned| Arc::clone(&planned.sheet)).collect();
    describe_sheets(manifest, &sheets, &exported.row_counts, &exported.formats);

    progress.phase = "seal".into();
    recorder.show(progress, true)?;
    *stage = Stage::Store;
    let key = Key::parse(&format!("{}.zip", manifest.run.id))?;
    let pending = store.create(&key)?;
    let (manifest, formats, stop) = (manifest.clone(), exported.formats, abort.clone());
    let task = Task::start("paliad seal", abort, move || seal(pending, manifest, formats, definitions, &stop))?;
    let Sealed { pending, size, sha256 } = task.join(|| recorder.show(progress, false))??;

    progress.phase = "publish".into();
    recorder.show(progress, true)?;
    // In this thread, which looks for no interrupt from here until the row says done.
    Ok(Published { uri: pending.publish()?, size, sha256, digests })
}

/// Runs `work`; whatever goes wrong in it (an error of ours, one of the server's, a cancel, a panic) is recorded on both rows
/// before it goes on to the caller.
fn recorded<R>(
    recorder: &mut Recorder,
    store: Option<&LocalDisk>,
    id: &str,
    work: impl FnOnce(&mut Recorder, &mut Place) -> Result<R>,
) -> Result<R> {
    let mut place = Place { stage: Stage::Generate, progress: Progress::default() };
    let result = caught(|| work(recorder, &mut place));
    let told = match &result {
        Ok(Ok(_)) => return result.unwrap_or_else(|cause| cause.rethrow()),
        Ok(Err(error)) => error.told(),
        Err(cause) => describe(cause),
    };
    // Only the directory's fsync may have failed, and the bundle be in place; a failed run leaves none.
    if let Some(store) = store {
        let _ = Key::parse(&format!("{id}.zip")).and_then(|key| store.remove(&store.uri(&key)));
    }
    // The error that the caller sees is the run's own, even if it could not be recorded: what is left undone here, the recorder
    // or the next reconcile does.
    let sheet = place.progress.sheet.filter(|_| is_about_a_query(&result, &told));
    let about = sheet.as_ref().map(|sheet| format!("sheet {sheet}: ")).unwrap_or_default();
    let error = shortened(format!("{}: {about}{}", place.stage.name(), told.message));
    let _ = recorder.tell(&Request::Fail { id: id.to_owned(), error, sqlstate: told.sqlstate.clone() });
    match (result, sheet) {
        (Err(_), Some(sheet)) if told.detail.is_none() => {
            let detail = Some(format!("While sheet {sheet} was read."));
            Err(Error::Told(Told { detail, hint: told.hint.clone().or_else(|| unqualified(&told.sqlstate)), ..told }))
        }
        (Ok(result), _) => result,
        (Err(cause), _) => cause.rethrow(),
    }
}

/// Whether the server raised it because of what a query says or does (and not to end the run): it doesn't tell which of many.
fn is_about_a_query<R>(result: &std::result::Result<R, Box<CaughtError>>, told: &Told) -> bool {
    matches!(result, Err(cause) if matches!(**cause, CaughtError::PostgresError(_))) && !told.sqlstate.starts_with("57")
}

/// The hint for a relation that the server doesn't find.
fn unqualified(sqlstate: &str) -> Option<String> {
    (sqlstate == "42P01").then(|| {
        "Queries run with pg_catalog alone in the search_path: a relation is named with its schema, as in public.customers."
            .into()
    })
}

/// A message that user code raised may have any length.
fn shortened(mut text: String) -> String {
    const MOST: usize = 8 << 10;
    if text.len() > MOST {
        text.truncate((0..=MOST).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0));
        text.push('…');
    }
    text
}

fn new_backup(request: &RunRequest, directory: PathBuf) -> Result<NewBackup> {
    let rows = select(
        Snapshot::Caller,
        "SELECT pg_catalog.pg_current_snapshot(), pg_catalog.pg_current_wal_lsn(), \
         to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
        &[],
    )?;
    let mut facts = rows.into_iter().flatten().flatten();
    let mut fact = || facts.next().unwrap_or_default();
    let run = Begun {
        id: Uuid::new_v4().to_string(),
        kind: request.kind.clone(),
        trigger: request.trigger.clone(),
        scope: scope_name(request.scope).to_owned(),
        formats: request.formats.iter().map(|format| format.name().to_owned()).collect(),
        requested_by: request.requested_by.clone(),
        requested_by_email: request.requested_by_email.clone(),
        requested_by_label: request.requested_by_label.clone(),
        note: request.note.clone(),
        snapshot: fact(),
        wal_lsn: fact(),
        started_at: fact(),
        includes_uncommitted: request.includes_uncommitted,
    };
    Ok(NewBackup {
        run,
        reason: request.checkpoint.as_ref().and_then(|checkpoint| checkpoint.reason.clone()),
        checkpoint_of: request.checkpoint.as_ref().and_then(|checkpoint| checkpoint.restore.clone()),
        backend_pid: session::process_id(),
        directory,
    })
}

fn manifest(request: &RunRequest, run: &Begun, plan: &Plan) -> Result<Manifest> {
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
            id: run.id.clone(),
            kind: run.kind.clone(),
            requested_by: run.requested_by.clone(),
            requested_by_email: run.requested_by_email.clone(),
            requested_by_label: run.requested_by_label.clone(),
            note: run.note.clone(),
            started_at: run.started_at.clone(),
            snapshot: run.snapshot.clone(),
            wal_lsn: run.wal_lsn.clone(),
            includes_uncommitted: run.includes_uncommitted,
            audit_head: None,
            files: Vec::new(),
        },
        excluded: plan.excluded.clone(),
        warnings: plan.warnings.clone(),
        sequences: Vec::new(),
        behind_rows: Vec::new(),
        owners: Vec::new(),
        scripts: Vec::new(),
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
        warnings: manifest.warnings.iter().cloned().chain(manifest.run_warnings()).collect(),
    }
}

/// As `backups.scope` and the arguments name it.
pub fn scope_name(scope: Scope) -> &'static str {
    match scope {
        Scope::Full => "full",
        Scope::Config => "config",
        Scope::Data => "data",
    }
}
