//! Restores that were made, and taking one back.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Report, RestoreRequest, restore};
use crate::bundle::manifest::Scope;
use crate::catalog::audit::{Actor, AuditTable};
use crate::catalog::extension::Extension;
use crate::catalog::settings::Settings;
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::session;
use crate::recorder::leader::Recorder;
use crate::recorder::protocol::Request;

/// The audit rows that restores leave.
const EVENTS: [&str; 2] = ["restore_requested", "restore_undone"];

/// The hint where nothing was changed.
const NOTHING_TO_UNDO: &str = "There is nothing to undo. The last restore that was committed: \
                               SELECT * FROM paliad_backup.restores() WHERE committed ORDER BY requested_at DESC LIMIT 1;";

/// What an audit row says of a restore.
#[derive(Clone, Debug, Deserialize)]
pub struct Restored {
    /// The bundle.
    pub backup_id: String,
    /// As they were asked for; none for all.
    #[serde(default)]
    pub sheets: Option<Vec<String>>,
    /// Sequences that belong to no table went back, too.
    #[serde(default)]
    pub whole: bool,
    /// Rows were replaced.
    #[serde(default)]
    pub overwrite: bool,
    /// Nothing was changed.
    #[serde(default)]
    pub dry_run: bool,
    /// The backup that was made before.
    #[serde(default)]
    pub checkpoint_id: Option<String>,
    /// A row per sheet, last the total; none where it failed.
    #[serde(default)]
    pub result: Option<Value>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<String>,
    /// As it was recorded once it was known: the server forgets in time.
    #[serde(default)]
    committed: Option<bool>,
    #[serde(default)]
    transaction_id: Option<String>,
    #[serde(default)]
    system_identifier: Option<String>,
}

/// One row of `restores()`.
pub struct Entry {
    /// One of [`EVENTS`].
    pub event: String,
    /// The audit row.
    pub audit_id: String,
    /// When, as text of a timestamptz.
    pub requested_at: String,
    /// Who.
    pub by_email: Option<String>,
    /// What.
    pub restored: Restored,
    /// Whether the transaction was committed; none while it goes on, for a dry run, and where the server no longer knows.
    pub committed: Option<bool>,
}

impl Restored {
    /// The id of the transaction.
    pub fn transaction_id(&self) -> Option<&str> {
        self.transaction_id.as_deref()
    }

    /// What pg_xact_status() says, where the row is of this server and its restore did not fail; none of another.
    fn transaction_status(&self) -> Result<Option<String>> {
        let Some(transaction) = self.transaction_id.as_deref().filter(|_| !self.dry_run && self.error.is_none()) else {
            return Ok(None);
        };
        if self.system_identifier.as_deref() != Some(session::system_identifier().to_string().as_str()) {
            return Ok(None);
        }
        Ok(scalar(select(
            Snapshot::Latest,
            "SELECT CASE WHEN $1::xid8 < pg_catalog.pg_snapshot_xmax(pg_catalog.pg_current_snapshot()) \
             THEN pg_catalog.pg_xact_status($1::xid8) END",
            &[Some(transaction)],
        )?))
    }

    /// What pg_xact_status() says, where the row is of this server.
    fn committed(&self) -> Result<Option<bool>> {
        if self.committed.is_some() {
            return Ok(self.committed);
        }
        if self.error.is_some() {
            return Ok(Some(false));
        }
        Ok(match self.transaction_status()?.as_deref() {
            Some("committed") => Some(true),
            Some("aborted") => Some(false),
            _ => None,
        })
    }
}

/// Whether the transaction of the restore that has this audit row goes on: it may yet be committed.
///
/// # Errors
/// The server's.
pub fn is_open(audit_id: &str) -> Result<bool> {
    let Some(row) = AuditTable::resolve(&Settings::read()?)?.find(audit_id)? else { return Ok(false) };
    let Ok(restored) = serde_json::from_value::<Restored>(row.metadata) else { return Ok(false) };
    Ok(restored.transaction_status()?.as_deref() == Some("in progress"))
}

/// The newest restores, dry runs and failed ones included.
///
/// # Errors
/// The server's.
pub fn list(most: u32) -> Result<Vec<Entry>> {
    let rows = AuditTable::resolve(&Settings::read()?)?.newest(&EVENTS, most)?;
    rows.into_iter()
        .filter_map(|row| {
            let restored = serde_json::from_value::<Restored>(row.metadata).ok()?;
            Some(restored.committed().map(|committed| Entry {
                event: row.event_type,
                audit_id: row.id,
                requested_at: row.created_at,
                by_email: row.actor_email,
                restored,
                committed,
            }))
        })
        .collect()
}

/// Records whether earlier restores were committed, while the server knows. What cannot be recorded keeps no restore from being made.
///
/// # Errors
/// As [`list`]; [`Error::Recorder`].
pub fn settle(recorder: &mut Recorder) -> Result<()> {
    for entry in list(20)?.into_iter().filter(|entry| entry.restored.committed.is_none()) {
        if let Some(committed) = entry.committed {
            let metadata = json!({ "committed": committed });
            let audit_id = entry.audit_id;
            let request = Request::SettleRestore { audit_id: audit_id.clone(), event: entry.event, metadata };
            match recorder.ask(&request) {
                Ok(_) => {}
                Err(error @ Error::Recorder { .. }) => return Err(error),
                // Each further one might wait as long for the same lock.
                Err(error) => {
                    pgrx::log!(
                        "paliad_backup: whether restore {audit_id} was committed could not be recorded: {error}"
                    );
                    break;
                }
            }
        }
    }
    Ok(())
}

/// Puts back what a restore has replaced or added, from the checkpoint that was made before it.
///
/// # Errors
/// [`Error::UnknownObject`] for an audit row that is no restore's; [`Error::WrongState`] where it wasn't committed or has no checkpoint; as
/// [`restore`].
pub fn undo(extension: Extension, audit_id: &str, dry_run: bool, checkpoint: bool, actor: Actor) -> Result<Report> {
    let unknown = || Error::UnknownObject {
        message: format!("audit row {audit_id} is not a restore's"),
        hint: "SELECT audit_id, requested_at, committed FROM paliad_backup.restores(); shows them.".into(),
    };
    let row = AuditTable::resolve(&Settings::read()?)?.find(audit_id)?.ok_or_else(unknown)?;
    if !EVENTS.contains(&row.event_type.as_str()) {
        return Err(unknown());
    }
    let restored: Restored = serde_json::from_value(row.metadata).map_err(|_| unknown())?;
    let wrong = |state: &str, hint: &str| Error::WrongState {
        message: format!("restore {audit_id} cannot be undone: {state}"),
        hint: hint.to_owned(),
    };
    if restored.dry_run {
        return Err(wrong("it was a dry run, which changes nothing", NOTHING_TO_UNDO));
    }
    match restored.committed()? {
        Some(true) => {}
        Some(false) => return Err(wrong("it was not committed", NOTHING_TO_UNDO)),
        None => {
            return Err(wrong(
                "it is not known to be committed",
                "COMMIT it first, or ROLLBACK in its own transaction.",
            ));
        }
    }
    let Some(checkpoint_id) = restored.checkpoint_id.clone() else {
        return Err(wrong(
            "it was made without a checkpoint",
            "Restore another backup that was made before: SELECT * FROM paliad_backup.list();",
        ));
    };
    let mut report = restore(
        extension,
        &RestoreRequest {
            backup_id: checkpoint_id,
            sheets: Some(tables(&restored, |_| true)),
            scope: Scope::Full,
            whole: restored.whole,
            target: None,
            overwrite: true,
            checkpoint,
            checkpoint_reason: Some(format!("before the restore {audit_id} is undone")),
            dry_run,
            create_missing: false,
            skip_verify: false,
            undoes: Some(audit_id.to_owned()),
            actor,
        },
    )?;
    for table in tables(&restored, |row| row["made"] == true) {
        report.note_of(
            &table,
            &format!("the table was made by the restore and stays, without rows: DROP TABLE {table};"),
        );
    }
    Ok(report)
}

/// Those of the tables that rows were put into, quoted.
fn tables(restored: &Restored, wanted: impl Fn(&Value) -> bool) -> Vec<String> {
    let rows = restored.result.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    rows.iter()
        .filter(|row| row["action"] == "restored" && wanted(row))
        .filter_map(|row| row["relation"].as_str().map(str::to_owned))
        .collect()
}
