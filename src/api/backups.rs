//! Making backups and looking at the catalog.

use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid, pg_sys};

use super::arguments::{self, uuid_text};
use super::{authorized, authorized_unless};
use crate::catalog::backups;
use crate::command::run::{self, RunRequest};
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, composite, return_query, scalar, select};
use crate::pg::session;

const DEFAULT_ROWS: i32 = 100;

/// `paliad_backup.run(…)`: makes a backup and returns its catalog row.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn run(
    kind: Option<&[u8]>,
    requested_by: Option<Uuid>,
    requested_by_email: Option<&[u8]>,
    requested_by_label: Option<&[u8]>,
    scope: Option<&[u8]>,
    formats: Option<Vec<Option<String>>>,
    note: Option<&[u8]>,
) -> Option<AnyElement> {
    // There is no user of the application whom pg_cron's scheduled runs could ask for.
    let is_cron = session::is_pg_cron_worker();
    let kind = arguments::text(kind);
    authorized_unless(is_cron && kind.as_deref() == Some("scheduled"), |extension| {
        let kind = arguments::kind(kind.as_deref())?;
        let email = match arguments::text(requested_by_email) {
            Some(email) => arguments::email("requested_by_email", Some(&email))?,
            None if kind == "scheduled" => RunRequest::SYSTEM_EMAIL.to_owned(),
            None => session_user()?,
        };
        if kind == "scheduled" && requested_by.is_some() {
            return Err(Error::BadArgument {
                message: "requested_by is not for scheduled runs".into(),
                hint: "Nobody asks for a scheduled run: leave requested_by out, or use kind => 'on_demand'.".into(),
            });
        }
        let scheduled = kind == "scheduled" && requested_by_email.is_none();
        let label = arguments::text(requested_by_label).or(scheduled.then(|| RunRequest::SYSTEM_LABEL.to_owned()));
        let request = RunRequest {
            trigger: if is_cron || kind == "scheduled" { "cron" } else { "manual" }.to_owned(),
            scope: arguments::scope(arguments::text(scope).as_deref())?,
            formats: arguments::formats(formats)?,
            requested_by: requested_by.as_ref().map(uuid_text),
            requested_by_email: email,
            requested_by_label: label,
            note: arguments::text(note),
            includes_uncommitted: session::has_written(),
            checkpoint: None,
            kind,
        };
        let id = run::run(extension, &request)?;
        row(&id)
    })
}

/// `paliad_backup.list(max_rows)`: the newest rows first.
#[pg_extern(sql = false)]
fn list(max_rows: Option<i32>, fcinfo: pg_sys::FunctionCallInfo) {
    let rows = max_rows.filter(|rows| *rows > 0).unwrap_or(DEFAULT_ROWS).to_string();
    authorized(|_| {
        return_query(
            fcinfo,
            "SELECT * FROM paliad_backup.backup_list AS l ORDER BY l.started_at DESC, l.id LIMIT $1::int",
            &[Some(&rows)],
        )
    });
}

/// `paliad_backup.get(id)`: one row; 42704 when there is none.
#[pg_extern(sql = false)]
fn get(id: Option<Uuid>) -> Option<AnyElement> {
    authorized(|_| {
        let id = arguments::id(id)?;
        row(&id)?.map(Some).ok_or(Error::UnknownBackup { id })
    })
}

/// `paliad_backup.latest()`: the newest backup, neither checkpoint nor imported, that is done, has its file and was not found damaged; no row,
/// all NULL, when there is none.
#[pg_extern(sql = false)]
fn latest() -> Option<AnyElement> {
    authorized(|_| {
        let good = backups::GOOD;
        composite(
            &format!("SELECT b FROM paliad_backup.backups AS b WHERE {good} ORDER BY b.started_at DESC, b.id LIMIT 1"),
            &[],
        )
    })
}

/// The catalog row as it is committed now.
pub(super) fn row(id: &str) -> Result<Option<AnyElement>> {
    composite("SELECT b FROM paliad_backup.backups AS b WHERE b.id = $1::uuid", &[Some(id)])
}

/// Who logged in.
pub(super) fn session_user() -> Result<String> {
    Ok(scalar(select(Snapshot::Caller, "SELECT session_user", &[])?).unwrap_or_default())
}
