//! Puts a bundle's rows back into their tables, in the caller's transaction.

mod constraints;
mod create;
mod existing;
mod fit;
mod indexes;
mod load;
mod lock;
mod lost_keys;
mod owners;
mod recount;
pub mod rehearse;
mod report;
mod scratch;
mod sequences;
mod source;
mod targets;
mod triggers;
pub mod undo;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::run::{self, Checkpoint, RunRequest, scope_name};
use crate::bundle::manifest::Scope;
use crate::catalog::audit::Actor;
use crate::catalog::backups::{self, Backup};
use crate::catalog::extension::Extension;
use crate::catalog::progress::Progress;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result, caught, describe};
use crate::pg::files::ReservedHandles;
use crate::pg::locks::lock_extension;
use crate::pg::query::with_latest_snapshot;
use crate::pg::session;
use crate::pg::subtransaction::{Then, attempt_or_raise};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::{Reply, Request};
use create::Created;
pub use report::Report;
use source::Source;
use targets::Targets;

/// Most files that a restore has open at once, beside those of its checkpoint.
const HANDLES: usize = 4;

/// What the caller asks for, checked.
#[derive(Clone, Debug)]
pub struct RestoreRequest {
    /// The bundle.
    pub backup_id: String,
    /// Names of sheets, or `schema.table`; none for all.
    pub sheets: Option<Vec<String>>,
    /// full, config or data; intersects with `sheets`.
    pub scope: Scope,
    /// Sequences that belong to no table go back, too: everything is restored, so nothing else can be using them.
    pub whole: bool,
    /// Where the one chosen sheet goes, if not where it came from.
    pub target: Option<u32>,
    /// Replace what is there; else add the rows whose keys are not.
    pub overwrite: bool,
    /// Make a backup first.
    pub checkpoint: bool,
    /// Why, in the operator's words.
    pub checkpoint_reason: Option<String>,
    /// Execute, report and take everything back.
    pub dry_run: bool,
    /// Make tables that are gone.
    pub create_missing: bool,
    /// Don't compare the file with the catalog's checksum.
    pub skip_verify: bool,
    /// The audit row of the restore that this one takes back.
    pub undoes: Option<String>,
    /// Who asks.
    pub actor: Actor,
}

/// Restores; what was done to each sheet, last to all.
///
/// # Errors
/// [`Error::Isolation`], [`Error::Standby`], [`Error::RunActive`], [`Error::UnknownBackup`], [`Error::Bundle`] for a damaged one,
/// [`Error::Incompatible`] before anything is touched; the server's, of constraints. A dry run reports the latter instead.
pub fn restore(extension: Extension, request: &RestoreRequest) -> Result<Report> {
    session::refuse_read_only("restore()");
    if session::has_fixed_snapshot() {
        return Err(Error::Isolation);
    }
    let wrote_before = session::has_written();
    let backup = backups::find(&request.backup_id)?;
    let _handles = ReservedHandles::new(HANDLES);
    lock_extension(extension.oid);
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        undo::settle(recorder)?;
        audited(recorder, request, |recorder, progress, audit_id| {
            let mut source = Source::open(&backup, request.skip_verify)?;
            if request.create_missing {
                source.prove(|| recorder.show(progress, false))?;
            }
            let mut restore = Restore { request, backup: &backup, source, recorder, progress, audit_id, wrote_before };
            let result = caught(|| match request.dry_run {
                true => attempt_or_raise(Then::RollBack, || restore.execute()),
                false => restore.execute(),
            });
            // That the file is damaged says more than what it led to.
            restore.prove()?;
            result.unwrap_or_else(|cause| cause.rethrow())
        })
    })
}

/// A restore at work.
struct Restore<'a> {
    request: &'a RestoreRequest,
    backup: &'a Backup,
    source: Source,
    recorder: &'a mut Recorder,
    progress: &'a mut Progress,
    audit_id: &'a str,
    wrote_before: bool,
}

impl Restore<'_> {
    fn execute(&mut self) -> Result<Report> {
        let settings = Settings::read()?;
        self.phase("plan")?;
        let mut created = match self.request.create_missing {
            true => Created::make(&self.source, self.backup, self.request)?,
            false => Created::default(),
        };
        let targets = Targets::find(&self.source, self.request, &settings, &created)?;
        let mut report = Report::of(&targets, self.request, self.audit_id);
        if report.has_problems() {
            return report.refused();
        }
        let checkpoint = self.request.checkpoint && !self.request.dry_run;
        lock::against_writers(&targets, &settings, self.request.overwrite, checkpoint)?;
        targets.still_hold(&self.source, self.request, &settings, &created)?;
        let sequences = sequences::lock(&self.source.manifest, &targets, self.request, &mut report)?;
        with_latest_snapshot(|| {
            if checkpoint {
                report.checkpoint_id = Some(self.make_checkpoint()?);
            }
            self.phase("lock")?;
            lock::for_loading(&targets, self.request.overwrite)?;
            let disabled = triggers::disable(&targets)?;
            self.load(&targets, &mut report)?;
            triggers::put_back(&disabled)?;
            self.prove()?;
            self.phase("check")?;
            constraints::check(&targets, self.request.overwrite, &mut report, || {
                self.recorder.show(self.progress, false)
            })?;
            report.finish(&targets, &mut created)?;
            self.phase("sequences")?;
            sequences::restore(&sequences, &mut report)
        })?;
        Ok(report.completed())
    }

    fn load(&mut self, targets: &Targets, report: &mut Report) -> Result<()> {
        self.progress.sheets_total = targets.tables.len();
        self.progress.rows_total = targets.tables.iter().map(|target| target.sheet.row_count).sum();
        self.progress.bytes_total =
            targets.tables.iter().filter_map(|target| target.sheet.files.csv.as_ref()).map(|file| file.size).sum();
        let mut truncated = BTreeSet::new();
        if self.request.overwrite {
            self.phase("empty")?;
            truncated = load::empty(targets, report)?;
        }
        self.phase("load")?;
        for target in &targets.tables {
            self.progress.sheet = Some(target.sheet.name.clone());
            self.recorder.show(self.progress, false)?;
            let (recorder, progress) = (&mut *self.recorder, &mut *self.progress);
            let own = target.own_members();
            let is_empty = target.made || own.iter().all(|member| truncated.contains(member));
            let (before, mut read) = (progress.rows_done, 0);
            let mut load = || {
                load::load(target, &self.source.reader, self.request.overwrite, |bytes| {
                    progress.bytes_done += bytes;
                    read += bytes;
                    progress.rows_done = before + target.rows_in(read);
                    recorder.show(progress, false)
                })
            };
            let loaded = report.step(&target.sheet.name, || match is_empty {
                true => indexes::resting(&own, target.sheet.row_count, load),
                false => load(),
            })?;
            if let Some(loaded) = loaded {
                report.loaded(&target.sheet.name, loaded);
            }
            self.progress.sheets_done += 1;
        }
        self.progress.sheet = None;
        Ok(())
    }

    /// The load goes on while the file is hashed; sequences do not.
    fn prove(&mut self) -> Result<()> {
        let (recorder, progress) = (&mut *self.recorder, &mut *self.progress);
        self.source.prove(|| recorder.show(progress, false))
    }

    /// For undo_restore().
    fn make_checkpoint(&mut self) -> Result<String> {
        self.phase("checkpoint")?;
        let checkpoint =
            Checkpoint { reason: self.request.checkpoint_reason.clone(), restore: Some(self.audit_id.to_owned()) };
        let request = RunRequest::checkpoint(checkpoint, self.request.actor.clone(), self.wrote_before);
        let id = run::backup(self.recorder, &request)?;
        self.recorder.ask(&Request::ResumeRestore)?;
        Ok(id)
    }

    fn phase(&mut self, phase: &str) -> Result<()> {
        self.progress.phase = phase.into();
        self.recorder.show(self.progress, true)
    }
}

/// Runs `work` between an audit row that says what is asked for and its completion, both committed whatever becomes of the transaction.
fn audited(
    recorder: &mut Recorder,
    request: &RestoreRequest,
    work: impl FnOnce(&mut Recorder, &mut Progress, &str) -> Result<Report>,
) -> Result<Report> {
    let event = if request.undoes.is_some() { "restore_undone" } else { "restore_requested" };
    let audit_id = recorder.begin_restore(&request.backup_id, event, &request.actor, metadata(request))?;
    let mut progress = Progress::default();
    let result = caught(|| work(recorder, &mut progress, &audit_id));
    let failure = match &result {
        Ok(Ok(report)) => {
            if let Reply::DoneWithoutAudit { reason } =
                recorder.settle(&Request::FinishRestore { metadata: report.metadata() })?
            {
                pgrx::warning!("the audit row of restore {audit_id} could not be completed: {reason}");
            }
            return result.unwrap_or_else(|cause| cause.rethrow());
        }
        Ok(Err(error)) => error.told(),
        Err(cause) => describe(cause),
    };
    // The error that the caller sees is the restore's own, even if it could not be recorded.
    let _ = recorder.tell(&Request::FailRestore { error: failure.message, sqlstate: failure.sqlstate });
    result.unwrap_or_else(|cause| cause.rethrow())
}

/// What the audit row says of the request.
fn metadata(request: &RestoreRequest) -> Value {
    json!({
        "backup_id": request.backup_id,
        "requested_by_email": request.actor.email,
        "sheets": request.sheets,
        "scope": scope_name(request.scope),
        "whole": request.whole,
        "target": request.target,
        "overwrite": request.overwrite,
        "dry_run": request.dry_run,
        "checkpoint": request.checkpoint && !request.dry_run,
        "create_missing": request.create_missing,
        "skip_verify": request.skip_verify,
        "undoes": request.undoes,
        "transaction_id": (!request.dry_run).then(session::transaction_id),
        "system_identifier": session::system_identifier().to_string(),
    })
}
