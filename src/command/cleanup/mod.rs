//! Removes the bundles that retention does not keep, and the files that the catalog does not have.

mod leftovers;
mod verdicts;

use std::path::PathBuf;

use serde_json::json;
use uuid::Uuid;

pub use self::leftovers::{Leftover, leftovers};
use self::verdicts::{Judged, automatic, by_policy, compare};
use super::{delete, reconcile};
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::catalog::retention::{Among, Known};
use crate::error::{Error, Result, Told};
use crate::pg::locks::lock_extension;
use crate::pg::session;
use crate::pg::subtransaction::{Then, attempt};
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::{Reply, Request};
use crate::storage;
use crate::store::{LocalDisk, Store, StoreError};

/// Who removes what nobody has asked to remove.
pub const SYSTEM: &str = "system@paliad";

/// What is done about a backup or a file, or would be.
pub struct Action {
    /// The backup, where the catalog has it.
    pub id: Option<Uuid>,
    /// keep, remove, remove file, settle, mark missing or mark found.
    pub action: &'static str,
    /// The rule that keeps it, the rules that don't, or what is wrong.
    pub reason: String,
    /// Of the file.
    pub bytes: Option<u64>,
    /// Of the file.
    pub path: Option<PathBuf>,
}

/// Puts the catalog right, removes what the policy does not keep, then files that are left over. A dry run tells what each backup has to
/// expect: it writes nothing, takes no lock, and may be made while a run is active. It goes by the settings as the caller sees them, a real one
/// by those that are committed: no ROLLBACK brings a file back.
///
/// # Errors
/// [`Error::RunActive`], [`Error::Standby`], unless it is a dry run; [`StoreError::ForeignFolder`]; [`Error::NotRemoved`] where the
/// system refused to remove a file, after everything else was done.
pub fn cleanup(extension: Extension, dry_run: bool, actor: &Actor) -> Result<Vec<Action>> {
    if dry_run {
        return foreseen();
    }
    locked(extension, actor, |cleanup| {
        cleanup.put_right()?;
        // Before bundles go: one that the system refuses to remove is no leftover of this call.
        let leftovers = leftovers(&cleanup.store)?;
        let known = cleanup.known()?;
        cleanup.remove(by_policy(&known, &cleanup.store.folder_uri())?)?;
        leftovers.iter().try_for_each(|leftover| cleanup.remove_file(leftover))
    })
}

/// Leaves of the automatic backups the newest good one alone, beside pinned ones and what minimum_redundancy asks for. How many went.
///
/// # Errors
/// As [`cleanup`].
pub fn keep_latest(extension: Extension, actor: &Actor) -> Result<usize> {
    let done = locked(extension, actor, |cleanup| {
        cleanup.put_right()?;
        let known = cleanup.known()?;
        cleanup.remove(automatic(&known, &cleanup.store.folder_uri()))
    })?;
    Ok(done.iter().filter(|done| done.action == "remove").count())
}

/// Removes what the policy does not keep, behind a run whose row says done; what goes wrong is told, for the run has succeeded.
/// Where there is nothing to remove it asks the catalog once and does not look at the folder.
pub fn after_run(recorder: &mut Recorder) -> Option<Told> {
    let work = || {
        let mut known = committed(recorder, Among::Ruled)?;
        let folder = storage::folder_uri()?;
        if by_policy(&known, &folder)?.iter().all(Judged::is_kept) {
            return Ok(());
        }
        let actor = Actor { id: None, email: Some(SYSTEM.into()) };
        let mut cleanup = Cleanup::begin(recorder, &actor)?;
        compare(&mut known, &cleanup.store)?;
        cleanup.remove(by_policy(&known, &folder)?)?;
        cleanup.end().map(drop)
    };
    attempt(Then::Keep, work).err()
}

/// What [`cleanup`] would do, and why the other backups stay.
fn foreseen() -> Result<Vec<Action>> {
    let store = storage::open_unchanged()?;
    store.check_ours()?;
    let mut known = Known::read()?;
    let mut actions = Vec::new();
    for (artifact, missing) in reconcile::misplaced(&store)? {
        let id = Uuid::parse_str(&artifact.id).ok();
        actions.push(marked(id, missing));
        known.backups.iter_mut().filter(|known| Some(known.id) == id).for_each(|known| known.missing = missing);
    }
    compare(&mut known, &store)?;
    for judged in by_policy(&known, &store.folder_uri())? {
        let is_stale =
            judged.artifact.status == "running" && !judged.artifact.backend_pid.is_some_and(session::is_backend);
        actions.push(if is_stale { settled(judged.artifact.id, "has ended") } else { judged.action(&store) });
    }
    actions.extend(leftovers(&store)?.iter().map(Leftover::action));
    Ok(actions)
}

/// Settings and catalog without what the caller may yet take back.
fn committed(recorder: &mut Recorder, among: Among) -> Result<Known> {
    match recorder.ask(&Request::Retention { among })? {
        Reply::Retention { known } => Known::parse(&known),
        other => Err(Error::internal(format!("the recorder answered {other:?}"))),
    }
}

/// Work under the run lock, in a folder that is this database's.
fn locked(
    extension: Extension,
    actor: &Actor,
    work: impl FnOnce(&mut Cleanup<'_>) -> Result<()>,
) -> Result<Vec<Action>> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    lock_extension(extension.oid);
    Recorder::with(extension, |recorder| {
        recorder.ask(&Request::Acquire)?;
        let mut cleanup = Cleanup::begin(recorder, actor)?;
        work(&mut cleanup)?;
        cleanup.end()
    })
}

/// A clean-up at work.
struct Cleanup<'a> {
    recorder: &'a mut Recorder,
    store: LocalDisk,
    actor: &'a Actor,
    done: Vec<Action>,
    /// What the system or the store refused; the rest is done in spite of it.
    refused: Vec<StoreError>,
}

impl<'a> Cleanup<'a> {
    fn begin(recorder: &'a mut Recorder, actor: &'a Actor) -> Result<Cleanup<'a>> {
        let store = storage::open()?;
        store.check_ours()?;
        Ok(Cleanup { recorder, store, actor, done: Vec::new(), refused: Vec::new() })
    }

    /// What is to be judged, as it is committed and as it lies there.
    fn known(&mut self) -> Result<Known> {
        let mut known = committed(self.recorder, Among::All)?;
        compare(&mut known, &self.store)?;
        Ok(known)
    }

    fn put_right(&mut self) -> Result<()> {
        let Some(reconciled) = self.unless_refused(|cleanup| reconcile::put_right(cleanup.recorder, &cleanup.store))?
        else {
            return Ok(());
        };
        self.done.extend(reconciled.into_iter().filter_map(|reconciled| {
            let id = Uuid::parse_str(&reconciled.id).ok()?;
            Some(match reconciled.status {
                "missing" => marked(Some(id), true),
                "found" => marked(Some(id), false),
                "done" => settled(id, "ended after its bundle was complete"),
                _ => settled(id, "ended before its bundle was complete"),
            })
        }));
        Ok(())
    }

    /// Those that the verdicts don't keep.
    fn remove(&mut self, judged: Vec<Judged>) -> Result<()> {
        for judged in judged.into_iter().filter(|judged| !judged.is_kept()) {
            session::check_for_interrupts();
            let Some(uri) = &judged.artifact.storage_uri else { continue };
            let (id, reason) = (judged.artifact.id.to_string(), format!("retention: {}", judged.verdict));
            let removed = self.unless_refused(|cleanup| {
                delete::invalidate_and_remove(cleanup.recorder, &cleanup.store, &id, uri, &reason, cleanup.actor)
            })?;
            if removed == Some(true) {
                self.done.push(judged.action(&self.store));
            }
        }
        Ok(())
    }

    /// The audit row first: a file that went unseen would be worse than a row about one that didn't go.
    fn remove_file(&mut self, leftover: &Leftover) -> Result<()> {
        if leftover.is_kept() {
            return Ok(());
        }
        session::check_for_interrupts();
        let metadata = json!({
            "backup_id": leftover.key.id().to_string(),
            "file": leftover.path.to_string_lossy(),
            "bytes": leftover.bytes,
            "reason": leftover.reason,
        });
        let removed = self.unless_refused(|cleanup| {
            cleanup.recorder.settle(&Request::Audit {
                event: "orphan_removed".into(),
                actor: cleanup.actor.clone(),
                metadata,
                stamp: "removed_at".into(),
            })?;
            Ok(leftover.remove(&cleanup.store)?)
        })?;
        if removed.is_some() {
            self.done.push(leftover.action());
        }
        Ok(())
    }

    /// What the store refuses is kept for the end; what the recorder cannot write ends it all.
    fn unless_refused<R>(&mut self, work: impl FnOnce(&mut Self) -> Result<R>) -> Result<Option<R>> {
        match work(self) {
            Ok(done) => Ok(Some(done)),
            Err(Error::Store(error)) => {
                self.refused.push(error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn end(self) -> Result<Vec<Action>> {
        if self.refused.is_empty() {
            return Ok(self.done);
        }
        Err(Error::NotRemoved {
            removed: self.done.iter().filter(|done| done.action.starts_with("remove")).count(),
            causes: self.refused.iter().map(StoreError::to_string).collect(),
        })
    }
}

fn marked(id: Option<Uuid>, missing: bool) -> Action {
    let (action, reason) =
        if missing { ("mark missing", "its file is gone") } else { ("mark found", "its file is back") };
    Action { id, action, reason: reason.into(), bytes: None, path: None }
}

fn settled(id: Uuid, how: &str) -> Action {
    Action { id: Some(id), action: "settle", reason: format!("its session {how}"), bytes: None, path: None }
}
