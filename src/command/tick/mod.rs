//! What pg_cron calls each minute: whether a backup is due by its age or after changes, and if so makes it.

mod decide;
mod fingerprint;

pub use decide::backs_off_until;

use decide::{Facts, facts};
use fingerprint::{Seen, fingerprint};

use super::cleanup;
use super::digests;
use super::export::export;
use super::plan;
use super::run::{RunRequest, backup};
use super::sequences;
use crate::bundle::encoder::Abort;
use crate::bundle::manifest::{Format, Scope};
use crate::bundle::xlsx::About;
use crate::catalog::extension::Extension;
use crate::catalog::progress::Progress;
use crate::catalog::settings::Settings;
use crate::catalog::watch::Watch;
use crate::error::{Error, Result};
use crate::pg::locks::lock_extension;
use crate::pg::query::with_latest_snapshot;
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;
use crate::storage;

/// What was done, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticked {
    /// A backup's id, where one was made.
    pub backup_id: Option<String>,
    /// One sentence.
    pub reason: String,
}

impl Ticked {
    fn nothing(reason: impl Into<String>) -> Ticked {
        Ticked { backup_id: None, reason: reason.into() }
    }
}

/// Looks whether a backup is due, and makes it.
///
/// # Errors
/// Those of a run; an operation that is active already is none.
pub fn tick(extension: Extension) -> Result<Ticked> {
    if session::in_recovery() {
        return Err(Error::Standby);
    }
    let settings = Settings::read()?;
    if settings.interval_hours.is_none() && !settings.auto_on_change {
        return Ok(Ticked::nothing("neither interval_hours nor auto_on_change is set"));
    }
    storage::directory()?;
    let facts = facts(&settings)?;
    if let Some(reason) = facts.waits() {
        return Ok(Ticked::nothing(reason));
    }
    if !facts.is_overdue() && !settings.auto_on_change {
        return Ok(Ticked::nothing(facts.not_yet()));
    }
    lock_extension(extension.oid);
    let done = Recorder::with(extension, |recorder| {
        let done = if facts.is_overdue() { overdue(recorder, &settings)? } else { look(recorder, &settings, &facts)? };
        let trouble = done.backup_id.as_ref().and_then(|_| cleanup::after_run(recorder));
        Ok((done, trouble))
    });
    match done {
        Err(Error::RunActive { detail }) => Ok(Ticked::nothing(detail)),
        Err(error) => Err(error),
        Ok((done, trouble)) => {
            // As after a run.
            if let (Some(id), Some(trouble)) = (&done.backup_id, trouble) {
                trouble.warn(&format!("backup {id} is complete, but older ones could not be removed"));
            }
            Ok(done)
        }
    }
}

/// Makes the backup that is due by age.
fn overdue(recorder: &mut Recorder, settings: &Settings) -> Result<Ticked> {
    recorder.ask(&Request::Acquire)?;
    // Who had the lock until now may have made it.
    let facts = facts(settings)?;
    if !facts.is_overdue() {
        return Ok(Ticked::nothing(facts.not_yet()));
    }
    let backup_id = make(recorder, settings, "interval")?;
    Ok(Ticked { backup_id: Some(backup_id), reason: facts.overdue() })
}

/// Looks for changes.
fn look(recorder: &mut Recorder, settings: &Settings, facts: &Facts) -> Result<Ticked> {
    if !facts.looks() {
        return Ok(Ticked::nothing("the last look for changes was less than change_poll ago"));
    }
    // Before the snapshot of what is read below: what changes in between is seen by the next look.
    let seen = match fingerprint(settings)? {
        Seen::Fingerprint(seen) => seen,
        Seen::Locked(sequence) => {
            return Ok(Ticked::nothing(format!(
                "sequence {sequence} is locked by another transaction: the next look waits for it"
            )));
        }
    };
    let before = Watch::read()?.unwrap_or_default();
    let mut watch = Watch {
        looked_at: facts.now.clone(),
        changed_at: if before.fingerprint == seen { before.changed_at.clone() } else { facts.now.clone() },
        fingerprint: seen.clone(),
        ..before
    };
    let settled = watch.settled_fingerprint.as_ref() == Some(&seen);
    if settled && facts.has_backup_since(watch.settled_backup.as_deref())? {
        recorder.ask(&Request::Watch(watch))?;
        return Ok(Ticked::nothing("nothing has changed since the last backup"));
    }
    let mut quiet = facts.seconds_since(&watch.changed_at)?;
    if quiet < 0.0 {
        // The clock was set back.
        (watch.changed_at, quiet) = (facts.now.clone(), 0.0);
    }
    if quiet < settings.change_debounce {
        recorder.ask(&Request::Watch(watch))?;
        let rest = (settings.change_debounce - quiet).ceil();
        return Ok(Ticked::nothing(format!(
            "something may have changed; a backup is made when nothing else does for {rest} s"
        )));
    }
    // While an operation is active, even a comparison would be too much.
    recorder.ask(&Request::Acquire)?;
    let mut backed_up = None;
    if facts.newest.as_ref().is_some_and(|newest| newest.content_digest.is_some()) {
        // It takes as long as a backup, and whatever begins meanwhile does not have to wait: nothing is written.
        recorder.ask(&Request::Release)?;
        watch.attempts += 1;
        recorder.ask(&Request::Watch(watch.clone()))?;
        let contents = contents(recorder, settings)?;
        watch.attempts = 0;
        recorder.ask(&Request::Watch(watch.clone()))?;
        backed_up = newest_with(&contents, settings)?;
        if backed_up.is_none() {
            recorder.ask(&Request::Acquire)?;
            // Who had the lock until now may have made it.
            backed_up = newest_with(&contents, settings)?;
        }
    }
    let done = match backed_up {
        Some(id) => {
            watch.settled_backup = Some(id.clone());
            Ticked::nothing(format!("the contents are those of backup {id}"))
        }
        None => {
            // From here on a failure stands in the catalog.
            watch.attempts = 0;
            recorder.ask(&Request::Watch(watch.clone()))?;
            let backup_id = make(recorder, settings, "change")?;
            watch.settled_backup = Some(backup_id.clone());
            Ticked { backup_id: Some(backup_id), reason: "exported tables had changed".into() }
        }
    };
    watch.settled_fingerprint = Some(seen);
    recorder.ask(&Request::Watch(watch))?;
    Ok(done)
}

/// The newest good backup, if these are its contents.
fn newest_with(contents: &str, settings: &Settings) -> Result<Option<String>> {
    let newest = facts(settings)?.newest;
    Ok(newest.filter(|newest| newest.content_digest.as_deref() == Some(contents)).map(|newest| newest.id))
}

/// A backup of what is committed now.
fn make(recorder: &mut Recorder, settings: &Settings, trigger: &str) -> Result<String> {
    let request = RunRequest::automatic(trigger, settings.formats(), session::has_written());
    with_latest_snapshot(|| backup(recorder, &request))
}

/// The digest that a backup of what is committed now would have: everything is read, and nothing written.
fn contents(recorder: &mut Recorder, settings: &Settings) -> Result<String> {
    with_latest_snapshot(|| {
        let store = storage::open()?;
        let mut progress = Progress::default();
        let plan = plan::plan(settings, Scope::Full, &[Format::Csv], &mut progress.sheet)?;
        let sequences = sequences::lock(&plan)?;
        let abort = Abort::default();
        let read = export(&plan, &[], &About::default(), &store, recorder, &mut progress, &abort)?;
        plan.still_holds()?;
        let sequences = sequences::read(sequences)?;
        Ok(digests::of(digests::audit_table(settings)?.as_ref(), plan.digested(&read.digests), &sequences).content)
    })
}
