//! The backend's side: start a recorder, ask it, wait for its word.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::protocol::{Numbered, Reply, Request};
use crate::catalog::audit::Actor;
use crate::catalog::extension::Extension;
use crate::catalog::progress::Progress;
use crate::error::{Error, Result, caught};
use crate::pg::channel::{Channel, Interrupts};
use crate::pg::session;

/// Longer than the recorder's own lock_timeout, so that its error arrives before we give up.
const ANSWER: Duration = Duration::from_secs(30);
/// While an error is on its way to the caller, its record may not hold it up for longer.
const LAST_WORD: Duration = Duration::from_secs(5);
/// How often other sessions see progress.
const PROGRESS: Duration = Duration::from_secs(1);

/// A recorder at work for this backend.
pub struct Recorder {
    channel: Channel,
    progress_sent: Option<Instant>,
    number: u64,
}

impl Recorder {
    /// Starts the worker. It has answered nothing yet; the first request waits until it is up.
    ///
    /// # Errors
    /// [`Error::Standby`], where a worker that reads the catalogs would never start; [`Error::NoWorkerSlot`].
    pub fn start(extension: Extension) -> Result<Recorder> {
        if session::in_recovery() {
            return Err(Error::Standby);
        }
        let extra = format!("{} {}", session::database_oid(), extension.oid.to_u32());
        let channel = Channel::start_worker("paliad_backup_recorder", "paliad_backup recorder", &extra)?;
        Ok(Recorder { channel, progress_sent: None, number: 0 })
    }

    /// Runs `work` with a recorder of its own, which has ended when this returns: the run lock is free then, whatever went
    /// wrong, and so is the worker's slot.
    ///
    /// # Errors
    /// As [`Recorder::start`] and `work`; what the server raises in `work` is raised again.
    pub fn with<R>(extension: Extension, work: impl FnOnce(&mut Recorder) -> Result<R>) -> Result<R> {
        let mut recorder = Recorder::start(extension)?;
        let result = caught(|| work(&mut recorder));
        recorder.close();
        result.unwrap_or_else(|cause| cause.rethrow())
    }

    /// Sends a request and waits until it is committed.
    ///
    /// # Errors
    /// [`Error::Recorder`] when the worker ended or is silent, [`Error::RunActive`], or what the server told the recorder.
    pub fn ask(&mut self, request: &Request) -> Result<Reply> {
        self.converse(request, Interrupts::Answered, ANSWER)
    }

    /// Commits the audit row of a restore and returns its id.
    ///
    /// # Errors
    /// As [`Recorder::ask`].
    pub fn begin_restore(&mut self, backup_id: &str, event: &str, actor: &Actor, metadata: Value) -> Result<String> {
        let request = Request::BeginRestore {
            backup_id: backup_id.to_owned(),
            event: event.to_owned(),
            actor: actor.clone(),
            metadata,
            backend_pid: session::process_id(),
        };
        match self.ask(&request)? {
            Reply::Audited { id } => Ok(id),
            other => Err(Error::internal(format!("the recorder answered {other:?}"))),
        }
    }

    /// Like [`Recorder::ask`] where a cancel must not come between what is done and its record: it stays pending.
    ///
    /// # Errors
    /// As [`Recorder::ask`].
    pub fn settle(&mut self, request: &Request) -> Result<Reply> {
        self.converse(request, Interrupts::Held, ANSWER)
    }

    /// Like [`Recorder::ask`] while an error is on its way: the caller's cancel stays pending and the wait is short.
    ///
    /// # Errors
    /// As [`Recorder::ask`].
    pub fn tell(&mut self, request: &Request) -> Result<Reply> {
        self.converse(request, Interrupts::Held, LAST_WORD)
    }

    /// Shows progress to other sessions, about once a second; `force` for a new phase.
    ///
    /// # Errors
    /// [`Error::Recorder`] when the worker has ended: without it the run can't be recorded.
    pub fn show(&mut self, progress: &Progress, force: bool) -> Result<()> {
        let now = Instant::now();
        if !force && self.progress_sent.is_some_and(|sent| now - sent < PROGRESS) {
            return Ok(());
        }
        self.progress_sent = Some(now);
        self.send(&Request::Progress(progress.clone()), Interrupts::Answered, now + ANSWER)
    }

    /// Ends the worker.
    pub fn close(self) {
        self.channel.close();
    }

    fn converse(&mut self, request: &Request, interrupts: Interrupts, patience: Duration) -> Result<Reply> {
        let deadline = Instant::now() + patience;
        self.send(request, interrupts, deadline)?;
        loop {
            let answer = self.channel.receive(interrupts, Some(deadline)).map_err(|_| ended())?.ok_or_else(silent)?;
            let answer: Numbered<Reply> = serde_json::from_slice(&answer).map_err(Error::internal)?;
            if answer.number < self.number {
                continue;
            }
            return match answer.message {
                Reply::Refused(told) => Err(Error::Told(told)),
                Reply::Busy { holder } => Err(Error::RunActive { detail: holder }),
                reply => Ok(reply),
            };
        }
    }

    fn send(&mut self, request: &Request, interrupts: Interrupts, deadline: Instant) -> Result<()> {
        self.number += 1;
        let message = Numbered { number: self.number, message: request };
        let message = serde_json::to_vec(&message).map_err(Error::internal)?;
        self.channel.send(&message, interrupts, Some(deadline)).map_err(|_| ended())?.ok_or_else(silent)
    }
}

fn ended() -> Error {
    Error::Recorder { message: "ended before it answered".into() }
}

fn silent() -> Error {
    Error::Recorder { message: "did not answer in time".into() }
}
