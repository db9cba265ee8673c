//! What backend and recorder say to each other, as JSON.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::catalog::audit::Actor;
use crate::catalog::backups::{NewBackup, Outcome};
use crate::catalog::progress::Progress;
use crate::catalog::registration::{Entry, Registration};
use crate::catalog::retention::Among;
use crate::catalog::watch::Watch;
use crate::error::Told;

/// A message and its number. An answer bears the number of its request: a backend that was cancelled while it waited must not
/// take the late answer for that of its next request.
#[derive(Debug, Serialize, Deserialize)]
pub struct Numbered<T> {
    /// Counts the requests of one conversation.
    pub number: u64,
    /// The request or reply.
    pub message: T,
}

/// From the backend.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Take the run lock, or say who has it. It is given back by the recorder's end.
    Acquire,
    /// Give it back before.
    Release,
    /// Insert the catalog row and the audit row, and link them.
    Begin {
        /// The run.
        backup: NewBackup,
    },
    /// Show how far the run has come. Not answered.
    Progress(Progress),
    /// Mark a run done on both rows.
    Finish {
        /// The run.
        id: String,
        /// What it made.
        outcome: Outcome,
    },
    /// Mark a run failed on both rows.
    Fail {
        /// The run.
        id: String,
        /// With the stage in front.
        error: String,
        /// Five characters.
        sqlstate: String,
    },
    /// Insert the audit row of a restore and show its progress. Answered with [`Reply::Audited`].
    BeginRestore {
        /// The bundle.
        backup_id: String,
        /// One of the event types.
        event: String,
        /// Who asked.
        actor: Actor,
        /// What the row says.
        metadata: Value,
        /// The process that restores.
        backend_pid: i32,
    },
    /// Show the restore's progress again, after its checkpoint's.
    ResumeRestore,
    /// Complete the restore's audit row.
    FinishRestore {
        /// What was done.
        metadata: Value,
    },
    /// The same for a restore that failed.
    FailRestore {
        /// The message.
        error: String,
        /// Five characters.
        sqlstate: String,
    },
    /// Add to the audit row of an earlier restore.
    SettleRestore {
        /// The row.
        audit_id: String,
        /// Its event type.
        event: String,
        /// Whether it was committed.
        metadata: Value,
    },
    /// Insert an audit row about a backup that exists.
    Audit {
        /// One of the event types.
        event: String,
        /// Who did it.
        actor: Actor,
        /// What the row says.
        metadata: Value,
        /// The metadata key that gets the time.
        stamp: String,
    },
    /// Insert the row of a bundle that was found, or give one its file back, with the audit row.
    Register {
        /// What the bundle says.
        backup: Box<Registration>,
        /// Which of the two.
        entry: Entry,
        /// One of the event types.
        event: String,
        /// Who did it.
        actor: Actor,
        /// What the audit row says.
        metadata: Value,
        /// The metadata key that gets the time.
        stamp: String,
    },
    /// Note that a bundle's file is gone, or back.
    Missing {
        /// The backup.
        id: String,
        /// False: it is there.
        missing: bool,
    },
    /// Keep a verification's verdict, with its audit row.
    Verified {
        /// The backup.
        id: String,
        /// All checks passed.
        ok: bool,
        /// The checks.
        result: Value,
        /// Who asked.
        actor: Actor,
    },
    /// Put another size and checksum on the row, with its audit row.
    RepairChecksum {
        /// The backup.
        id: String,
        /// Of the file as it is.
        size_bytes: u64,
        /// Of the file as it is.
        sha256: String,
        /// What the audit row says: old and new.
        metadata: Value,
        /// Who asked.
        actor: Actor,
    },
    /// Read what retention has to know. Answered with [`Reply::Retention`].
    Retention {
        /// Which backups.
        among: Among,
    },
    /// Keep what the last look for changes has seen.
    Watch(Watch),
    /// Pin or unpin, with its audit row.
    Pin {
        /// The backup.
        id: String,
        /// True pins.
        pinned: bool,
        /// Who did it.
        actor: Actor,
    },
    /// Stamp `deleted_at`, with its audit row.
    MarkDeleted {
        /// The backup.
        id: String,
        /// Why.
        reason: String,
        /// Who did it.
        actor: Actor,
    },
}

/// From the recorder.
#[derive(Debug, Serialize, Deserialize)]
pub enum Reply {
    /// Committed.
    Done,
    /// Committed, but the audit row could not be changed: the catalog rules.
    DoneWithoutAudit {
        /// Why.
        reason: String,
    },
    /// Committed: the audit row.
    Audited {
        /// Its id.
        id: String,
    },
    /// What is committed.
    Retention {
        /// As [`crate::catalog::retention::Known`] reads it.
        known: String,
    },
    /// Nothing was done: the backup is pinned.
    Pinned,
    /// Another recorder has the run lock.
    Busy {
        /// Whom the catalog shows as running.
        holder: String,
    },
    /// Rolled back.
    Refused(Told),
}
