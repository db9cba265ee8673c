//! The worker's side: a loop over requests, one transaction each.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use pgrx::{PgSqlErrorCode, pg_guard, pg_sys};
use serde_json::{Value, json};

use super::notice;
use super::protocol::{Numbered, Reply, Request};
use crate::catalog::audit::{Actor, AuditTable};
use crate::catalog::backups::{self, NewBackup, Outcome};
use crate::catalog::progress::{self, Progress};
use crate::catalog::settings::Settings;
use crate::catalog::{registration, retention};
use crate::error::{Error, Result, sqlstate_text};
use crate::pg::channel::{Channel, Interrupts};
use crate::pg::worker::{connect, transaction};
use crate::pg::{locks, session};
use crate::storage;
use crate::store::{Key, Store};

/// What the recorder sets for itself: it inherits ALTER DATABASE and ALTER ROLE settings, and must not be stopped by them.
/// lock_timeout ends a wait for a caller who holds locks on our own tables: that deadlock the server can't see.
const SETTINGS: [(&str, &str); 9] = [
    ("role", "none"),
    ("default_transaction_read_only", "off"),
    ("default_transaction_isolation", "read committed"),
    ("synchronous_commit", "on"),
    ("statement_timeout", "0"),
    ("lock_timeout", "3s"),
    ("idle_in_transaction_session_timeout", "0"),
    ("search_path", "pg_catalog, pg_temp"),
    ("row_security", "off"),
];

/// How long the run lock may be held without a living run before that counts as another operation.
const CHANGING_HANDS: Duration = Duration::from_secs(1);
const RETRY: Duration = Duration::from_millis(10);

/// The run that this recorder is responsible for.
struct ActiveRun {
    id: String,
    directory: PathBuf,
    started: Instant,
    progress: Progress,
}

/// The restore that this recorder is responsible for.
struct ActiveRestore {
    audit_id: String,
    event: String,
    backup_id: String,
    backend_pid: i32,
    progress: Progress,
}

/// The recorder's state: one backend, at most one restore, at most one run (which may be the restore's checkpoint).
struct Recorder {
    extension: pg_sys::Oid,
    run: Option<ActiveRun>,
    restore: Option<ActiveRestore>,
}

/// Entry point of the background worker.
///
/// Not for SQL: it takes a segment handle and runs as the bootstrap superuser.
#[pg_guard]
#[unsafe(no_mangle)]
#[allow(unsafe_code)]
pub extern "C-unwind" fn paliad_backup_recorder(argument: pg_sys::Datum) {
    let mut oids = pgrx::bgworkers::BackgroundWorker::get_extra().split(' ').filter_map(|oid| oid.parse::<u32>().ok());
    let (Some(database), Some(extension)) = (oids.next(), oids.next()) else { return };
    connect(pg_sys::Oid::from(database), &SETTINGS);
    let Some(mut channel) = Channel::join(argument) else { return };
    let mut recorder = Recorder { extension: pg_sys::Oid::from(extension), run: None, restore: None };
    while let Ok(Some(message)) = channel.receive(Interrupts::Held, None) {
        let Some(reply) = recorder.handle(&message) else { continue };
        let Ok(answer) = serde_json::to_vec(&reply) else { break };
        if channel.send(&answer, Interrupts::Held, None).is_err() {
            break;
        }
    }
    recorder.left_alone();
}

impl Recorder {
    /// Carries out one request; `None` for those that aren't answered.
    fn handle(&mut self, message: &[u8]) -> Option<Numbered<Reply>> {
        let (number, request) = match serde_json::from_slice::<Numbered<Request>>(message) {
            Ok(numbered) => (numbered.number, numbered.message),
            Err(error) => {
                return Some(Numbered { number: u64::MAX, message: Reply::Refused(Error::internal(error).told()) });
            }
        };
        let answered = !matches!(request, Request::Progress(_));
        let outcome = match request {
            Request::Acquire => self.acquire(),
            Request::Release => transaction(|| {
                locks::unlock_run(self.extension);
                Ok(Reply::Done)
            }),
            Request::Begin { backup } => self.begin(backup),
            Request::Progress(progress) => self.show(progress),
            Request::Finish { id, outcome } => self.finish(&id, &outcome),
            Request::Fail { id, error, sqlstate } => self.fail(&id, &error, &sqlstate),
            Request::BeginRestore { backup_id, event, actor, metadata, backend_pid } => {
                self.begin_restore(backup_id, event, &actor, &metadata, backend_pid)
            }
            Request::ResumeRestore => self.show_restore(),
            Request::FinishRestore { metadata } => self.end_restore(&metadata, None),
            Request::FailRestore { error, sqlstate } => {
                self.end_restore(&json!({ "error": error, "error_code": sqlstate }), Some(&error))
            }
            Request::SettleRestore { audit_id, event, metadata } => transaction(|| {
                AuditTable::resolve(&Settings::read()?)?.patch(&audit_id, &event, &metadata, "settled_at")?;
                Ok(Reply::Done)
            }),
            Request::Audit { event, actor, metadata, stamp } => {
                transaction(|| audit(&event, &actor, &metadata, &stamp).map(|_| Reply::Done))
            }
            Request::Register { backup, entry, event, actor, metadata, stamp } => transaction(|| {
                registration::register(&backup, entry)?;
                audit(&event, &actor, &metadata, &stamp).map(|_| Reply::Done)
            }),
            Request::Missing { id, missing } => notice::told(
                |_| missing.then(|| notice::missing(&id)),
                || backups::set_missing(&id, missing).map(|()| Reply::Done),
            ),
            Request::Verified { id, ok, result, actor } => notice::told(
                |kept| (*kept && !ok).then(|| notice::not_good(&id, &result)),
                || {
                    let kept = backups::set_verified(&id, ok, &result)?;
                    audit("backup_verified", &actor, &json!({ "backup_id": id, "ok": ok }), "verified_at")?;
                    Ok(kept)
                },
            )
            .map(|_| Reply::Done),
            Request::RepairChecksum { id, size_bytes, sha256, metadata, actor } => transaction(|| {
                backups::set_checksum(&id, size_bytes, &sha256)?;
                audit("checksum_repaired", &actor, &metadata, "repaired_at")?;
                Ok(Reply::Done)
            }),
            Request::Retention { among } => {
                transaction(|| retention::json(among).map(|known| Reply::Retention { known }))
            }
            Request::Watch(watch) => transaction(|| watch.write().map(|()| Reply::Done)),
            Request::Pin { id, pinned, actor } => transaction(|| pin(&id, pinned, &actor)),
            Request::MarkDeleted { id, reason, actor } => transaction(|| mark_deleted(&id, &reason, &actor)),
        };
        answered.then(|| Numbered { number, message: outcome.unwrap_or_else(|error| Reply::Refused(error.told())) })
    }

    /// Without a running row whose session lives, the lock's holder is starting or ending: a moment later there is a run to name,
    /// or the lock is free.
    fn acquire(&mut self) -> Result<Reply> {
        let extension = self.extension;
        let begin = Instant::now();
        loop {
            if transaction(|| Ok(locks::try_lock_run(extension)))? {
                return Ok(Reply::Done);
            }
            let run = transaction(backups::running)?.pop();
            let process = run.as_ref().and_then(|run| run.backend_pid).filter(|process| session::is_backend(*process));
            if let (Some(run), Some(process)) = (run, process) {
                return Ok(Reply::Busy { holder: format!("Backup {} runs in process {process}.", run.id) });
            }
            if let Some((backup, process)) = transaction(progress::restore)?
                && session::is_backend(process)
            {
                return Ok(Reply::Busy { holder: format!("Backup {backup} is being restored in process {process}.") });
            }
            if begin.elapsed() > CHANGING_HANDS {
                return Ok(Reply::Busy { holder: "An operation is starting or ending in another session.".into() });
            }
            session::wait_latch(RETRY);
        }
    }

    /// Catalog row, then audit row, then the link; the catalog row is committed before the audit table is touched, so that a
    /// refusal there leaves a row that says so.
    fn begin(&mut self, backup: NewBackup) -> Result<Reply> {
        let id = backup.run.id.clone();
        let progress = Progress { phase: "begin".into(), ..Progress::default() };
        let run = ActiveRun { id: id.clone(), directory: backup.directory.clone(), started: Instant::now(), progress };
        transaction(|| {
            backups::insert(&backup)?;
            progress::begin(&id, "backup", backup.backend_pid, session::process_id())
        })?;
        self.run = Some(run);
        let audited = transaction(|| {
            let actor =
                Actor { id: backup.run.requested_by.clone(), email: Some(backup.run.requested_by_email.clone()) };
            let metadata = json!({
                "kind": backup.run.kind,
                "catalog_id": id,
                "requested_by_email": backup.run.requested_by_email,
            });
            backups::link_audit(&id, &audit("backup_created", &actor, &metadata, "requested_at")?)
        });
        if let Err(error) = audited {
            let sqlstate = sqlstate_text(error.sqlstate());
            self.fail(&id, &error.at_stage("audit insert"), &sqlstate)?;
            return Err(error);
        }
        Ok(Reply::Done)
    }

    fn show(&mut self, shown: Progress) -> Result<Reply> {
        if self.run.is_none() && self.restore.is_none() {
            return Ok(Reply::Done); // the row is that of another operation
        }
        transaction(|| progress::update(&shown, false))?;
        if let Some(run) = &mut self.run {
            run.progress = shown;
        } else if let Some(restore) = &mut self.restore {
            restore.progress = shown;
        }
        Ok(Reply::Done)
    }

    fn begin_restore(
        &mut self,
        backup_id: String,
        event: String,
        actor: &Actor,
        metadata: &Value,
        backend_pid: i32,
    ) -> Result<Reply> {
        let audit_id = transaction(|| audit(&event, actor, metadata, "requested_at"))?;
        let id = audit_id.clone();
        self.restore = Some(ActiveRestore { audit_id, event, backup_id, backend_pid, progress: Progress::default() });
        self.show_restore()?;
        Ok(Reply::Audited { id })
    }

    fn show_restore(&mut self) -> Result<Reply> {
        let Some(restore) = &self.restore else { return Ok(Reply::Done) };
        transaction(|| progress::begin(&restore.backup_id, "restore", restore.backend_pid, session::process_id()))?;
        Ok(Reply::Done)
    }

    /// `error` tells a failure.
    fn end_restore(&mut self, metadata: &Value, error: Option<&str>) -> Result<Reply> {
        let Some(restore) = self.restore.take() else { return Ok(Reply::Done) };
        let mut shown = restore.progress;
        shown.phase = if error.is_some() { "failed" } else { "done" }.to_owned();
        shown.error = error.map(str::to_owned);
        transaction(|| progress::update(&shown, true))?;
        if let Some(error) = error {
            pgrx::log!("paliad_backup: the restore of backup {} failed: {error}", restore.backup_id);
        }
        let stamp = if error.is_some() { "failed_at" } else { "completed_at" };
        let patched = transaction(|| {
            AuditTable::resolve(&Settings::read()?)?.patch(&restore.audit_id, &restore.event, metadata, stamp)
        });
        Ok(match patched {
            Ok(()) => Reply::Done,
            Err(error) => Reply::DoneWithoutAudit { reason: error.to_string() },
        })
    }

    fn finish(&mut self, id: &str, outcome: &Outcome) -> Result<Reply> {
        let shown = self.last_progress("done", None);
        transaction(|| {
            backups::finish(id, outcome)?;
            match &shown {
                Some(shown) => progress::update(shown, true),
                None => progress::end(id, None),
            }
        })?;
        self.run = None;
        let patched = transaction(|| {
            patch_audit(
                id,
                "backup_created",
                &json!({
                    "row_counts": outcome.row_counts,
                    "file_size_bytes": outcome.size_bytes,
                    "sheet_count": outcome.sheet_count,
                    "storage_uri": outcome.storage_uri,
                    "warnings": outcome.warnings,
                }),
                "completed_at",
            )
        });
        Ok(match patched {
            Ok(()) => Reply::Done,
            Err(error) => {
                pgrx::warning!("paliad_backup: the audit row of backup {id} could not be completed: {error}");
                Reply::DoneWithoutAudit { reason: error.to_string() }
            }
        })
    }

    fn fail(&mut self, id: &str, error: &str, sqlstate: &str) -> Result<Reply> {
        let shown = self.last_progress("failed", Some(error));
        let run = self.run.take_if(|run| run.id == id);
        if let Some(run) = &run {
            remove_partial(run);
        }
        let record = || {
            let failed = backups::fail(id, error, sqlstate)?;
            match &shown {
                Some(shown) => progress::update(shown, true)?,
                None => progress::end(id, Some(error))?,
            }
            Ok(failed)
        };
        let failed = notice::told(|failed| failed.then(|| notice::failed(id, error, sqlstate)), record)?;
        if !failed {
            return Ok(Reply::Done);
        }
        let seconds = run.as_ref().map_or(0.0, |run| run.started.elapsed().as_secs_f64());
        let stage = run.as_ref().map_or("reconcile", |run| run.progress.phase.as_str());
        pgrx::log!("paliad_backup: backup {id} failed in stage {stage} after {seconds:.1} s: {error}");
        let patched = transaction(|| patch_audit(id, "backup_failed", &json!({ "error": error }), "failed_at"));
        Ok(match patched {
            Ok(()) => Reply::Done,
            Err(error) => Reply::DoneWithoutAudit { reason: error.to_string() },
        })
    }

    /// The backend has gone. A run that it left behind is marked failed, unless its bundle is in place already: the next
    /// reconcile looks whether that is whole.
    fn left_alone(&mut self) {
        self.leave_run();
        let error = "interrupted: the session or its call ended before the restore was complete";
        if let Err(error) = self.end_restore(&json!({ "error": error }), Some(error)) {
            pgrx::warning!("paliad_backup: the end of a restore could not be recorded: {error}");
        }
    }

    fn leave_run(&mut self) {
        let Some(run) = &self.run else { return };
        let id = run.id.clone();
        if is_published(run) {
            pgrx::log!("paliad_backup: the session of backup {id} ended after its bundle was published");
            return;
        }
        let sqlstate = sqlstate_text(PgSqlErrorCode::ERRCODE_ADMIN_SHUTDOWN);
        if let Err(error) =
            self.fail(&id, "interrupted: the session or its call ended before the backup was complete", &sqlstate)
        {
            pgrx::warning!("paliad_backup: backup {id} could not be marked failed: {error}");
        }
    }

    fn last_progress(&self, phase: &str, error: Option<&str>) -> Option<Progress> {
        let run = self.run.as_ref()?;
        let mut shown = run.progress.clone();
        shown.phase = phase.to_owned();
        shown.error = error.map(str::to_owned);
        if error.is_none() {
            shown.sheet = None;
        }
        Some(shown)
    }
}

/// Inserts an audit row and returns its id.
fn audit(event: &str, actor: &Actor, metadata: &Value, stamp: &str) -> Result<String> {
    AuditTable::resolve(&Settings::read()?)?.insert(event, actor, metadata, stamp)
}

fn patch_audit(id: &str, event: &str, metadata: &Value, stamp: &str) -> Result<()> {
    match backups::find(id)?.audit_id {
        Some(audit_id) => AuditTable::resolve(&Settings::read()?)?.patch(&audit_id, event, metadata, stamp),
        None => Ok(()),
    }
}

fn pin(id: &str, pinned: bool, actor: &Actor) -> Result<Reply> {
    backups::set_pinned(id, pinned)?;
    let event = if pinned { "backup_pinned" } else { "backup_unpinned" };
    audit(event, actor, &json!({ "backup_id": id }), if pinned { "pinned_at" } else { "unpinned_at" })?;
    Ok(Reply::Done)
}

fn mark_deleted(id: &str, reason: &str, actor: &Actor) -> Result<Reply> {
    if !backups::mark_deleted(id, reason)? {
        return Ok(Reply::Pinned);
    }
    audit("backup_deleted", actor, &json!({ "backup_id": id, "reason": reason }), "deleted_at")?;
    Ok(Reply::Done)
}

/// After a FATAL the backend's own clean-up didn't run.
fn remove_partial(run: &ActiveRun) {
    let removed = Key::parse(&format!("{}.zip", run.id))
        .and_then(|key| storage::open_existing(&run.directory)?.remove_partial(&key));
    if let Err(error) = removed {
        pgrx::warning!("paliad_backup: the partial file of backup {} could not be removed: {error}", run.id);
    }
}

fn is_published(run: &ActiveRun) -> bool {
    let found = Key::parse(&format!("{}.zip", run.id)).and_then(|key| {
        let store = storage::open_existing(&run.directory)?;
        store.open(&store.uri(&key)).map(drop)
    });
    found.is_ok()
}
