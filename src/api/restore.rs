//! Putting rows back.

use pgrx::prelude::*;
use pgrx::{AnyElement, JsonB, Uuid, pg_sys};
use serde_json::json;

use super::backups::{row, session_user};
use super::{arguments, authorized};
use crate::bundle::manifest::Scope;
use crate::catalog::audit::Actor;
use crate::command::restore::{self, Report, RestoreRequest, rehearse, undo};
use crate::command::run::{self, Checkpoint, RunRequest};
use crate::error::{Error, Result};
use crate::pg::query::{Snapshot, scalar, select};
use crate::pg::session;

/// What every restore returns: a row per sheet, last the total.
type SheetRows = TableIterator<
    'static,
    (
        name!(sheet, Option<String>),
        name!(relation, Option<String>),
        name!(action, String),
        name!(rows_restored, Option<i64>),
        name!(rows_skipped, Option<i64>),
        name!(rows_removed, Option<i64>),
        name!(errors, Option<JsonB>),
        name!(message, Option<String>),
        name!(checkpoint_id, Option<Uuid>),
        name!(audit_id, Option<Uuid>),
    ),
>;

/// `paliad_backup.restore(…)`: a row per sheet, last the total.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn restore(
    id: Option<Uuid>,
    sheets: Option<Vec<Option<String>>>,
    scope: Option<&[u8]>,
    overwrite: Option<bool>,
    checkpoint: Option<bool>,
    checkpoint_reason: Option<&[u8]>,
    dry_run: Option<bool>,
    skip_verify: Option<bool>,
    create_missing: Option<bool>,
    by_email: Option<&[u8]>,
    by_id: Option<Uuid>,
) -> SheetRows {
    let report = authorized(|extension| {
        if skip_verify == Some(true) && create_missing == Some(true) {
            return Err(Error::BadArgument {
                message: "create_missing does not go with skip_verify".into(),
                hint: "Definitions are taken from a bundle only when it is the one that was made.".into(),
            });
        }
        let (sheets, scope) = (sheet_names(sheets)?, arguments::scope(arguments::text(scope).as_deref())?);
        let request = RestoreRequest {
            backup_id: arguments::id(id)?,
            whole: sheets.is_none() && scope == Scope::Full,
            sheets,
            scope,
            target: None,
            overwrite: overwrite.unwrap_or(false),
            checkpoint: checkpoint.unwrap_or(true),
            checkpoint_reason: arguments::text(checkpoint_reason),
            dry_run: dry_run.unwrap_or(true),
            skip_verify: skip_verify.unwrap_or(false),
            create_missing: create_missing.unwrap_or(false),
            undoes: None,
            actor: actor(by_email, by_id)?,
        };
        restore::restore(extension, &request)
    });
    sheet_rows(report)
}

/// `paliad_backup.restore_sheet(…)`: one sheet, into any table whose columns fit.
#[pg_extern(sql = false)]
#[allow(clippy::too_many_arguments)]
fn restore_sheet(
    id: Option<Uuid>,
    sheet: Option<&[u8]>,
    target: Option<pg_sys::Oid>,
    overwrite: Option<bool>,
    checkpoint: Option<bool>,
    checkpoint_reason: Option<&[u8]>,
    dry_run: Option<bool>,
    skip_verify: Option<bool>,
    by_email: Option<&[u8]>,
    by_id: Option<Uuid>,
) -> SheetRows {
    let overwrite = overwrite.unwrap_or(false);
    let refused = target.map(|target| missing_right(target, overwrite)).transpose();
    let report = authorized(|extension| {
        let (sheet, target) = arguments::text(sheet).zip(target).ok_or_else(|| Error::BadArgument {
            message: "sheet and target must not be null".into(),
            hint: "restore_sheet(id, 'projects', 'paliad.projects_of_yesterday')".into(),
        })?;
        if let Some(refused) = refused?.flatten() {
            return Err(refused);
        }
        let request = RestoreRequest {
            backup_id: arguments::id(id)?,
            sheets: Some(vec![sheet]),
            scope: Scope::Full,
            whole: false,
            target: Some(target.to_u32()),
            overwrite,
            checkpoint: checkpoint.unwrap_or(true),
            checkpoint_reason: arguments::text(checkpoint_reason),
            dry_run: dry_run.unwrap_or(true),
            skip_verify: skip_verify.unwrap_or(false),
            create_missing: false,
            undoes: None,
            actor: actor(by_email, by_id)?,
        };
        restore::restore(extension, &request)
    });
    sheet_rows(report)
}

/// `paliad_backup.undo_restore(…)`: what a committed restore has changed is as before.
#[pg_extern(sql = false)]
fn undo_restore(
    audit_id: Option<Uuid>,
    checkpoint: Option<bool>,
    dry_run: Option<bool>,
    by_email: Option<&[u8]>,
    by_id: Option<Uuid>,
) -> SheetRows {
    let report = authorized(|extension| {
        let audit_id = audit_id.as_ref().map(arguments::uuid_text).ok_or_else(|| Error::BadArgument {
            message: "the audit_id of a restore must not be null".into(),
            hint: "SELECT audit_id, requested_at, committed FROM paliad_backup.restores(); shows them.".into(),
        })?;
        let actor = actor(by_email, by_id)?;
        undo::undo(extension, &audit_id, dry_run.unwrap_or(true), checkpoint.unwrap_or(true), actor)
    });
    sheet_rows(report)
}

/// `paliad_backup.restores(max_rows)`: who restored what when, and whether it was committed.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn restores(
    max_rows: Option<i32>,
) -> TableIterator<
    'static,
    (
        name!(audit_id, Option<Uuid>),
        name!(backup_id, Option<Uuid>),
        name!(requested_at, Option<TimestampWithTimeZone>),
        name!(by_email, Option<String>),
        name!(sheets, Option<Vec<String>>),
        name!(overwrite, bool),
        name!(dry_run, bool),
        name!(transaction_id, Option<String>),
        name!(committed, Option<bool>),
        name!(checkpoint_id, Option<Uuid>),
        name!(result, Option<JsonB>),
        name!(error, Option<String>),
    ),
> {
    let most = max_rows.filter(|rows| *rows > 0).unwrap_or(100).unsigned_abs();
    let entries = authorized(|_| undo::list(most));
    TableIterator::new(entries.into_iter().map(|entry| {
        let restored = entry.restored;
        (
            uuid(&entry.audit_id),
            uuid(&restored.backup_id),
            entry.requested_at.parse().ok(),
            entry.by_email,
            restored.sheets.clone(),
            restored.overwrite,
            restored.dry_run,
            restored.transaction_id().map(str::to_owned),
            entry.committed,
            restored.checkpoint_id.as_deref().and_then(uuid),
            restored.result.map(JsonB),
            restored.error,
        )
    }))
}

/// `paliad_backup.rehearse_restore(id, sheets, by_email)`: a row per sheet.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)]
fn rehearse_restore(
    id: Option<Uuid>,
    sheets: Option<Vec<Option<String>>>,
    by_email: Option<&[u8]>,
) -> TableIterator<
    'static,
    (
        name!(sheet, String),
        name!(relation, Option<String>),
        name!(ok, Option<bool>),
        name!(rows_expected, i64),
        name!(rows_found, i64),
        name!(detail, String),
    ),
> {
    let rehearsed = authorized(|extension| {
        let sheets = sheet_names(sheets)?;
        rehearse::rehearse(extension, &arguments::id(id)?, sheets.as_deref(), &actor(by_email, None)?)
    });
    TableIterator::new(
        rehearsed
            .into_iter()
            .map(|row| (row.sheet, row.relation, row.ok, row.rows_expected as i64, row.rows_found as i64, row.detail)),
    )
}

/// `paliad_backup.create_checkpoint(reason, by_email, by_id)`: a backup to come back to.
#[pg_extern(sql = false)]
fn create_checkpoint(reason: Option<&[u8]>, by_email: Option<&[u8]>, by_id: Option<Uuid>) -> Option<AnyElement> {
    authorized(|extension| {
        let actor = actor(by_email, by_id)?;
        let checkpoint = Checkpoint { reason: arguments::text(reason), restore: None };
        let request = RunRequest::checkpoint(checkpoint, actor, session::has_written());
        let id = run::run(extension, &request)?;
        row(&id)
    })
}

fn sheet_rows(report: Report) -> SheetRows {
    let (checkpoint, audit) = (report.checkpoint_id.as_deref().and_then(uuid), uuid(&report.audit_id));
    TableIterator::new(report.sheets.into_iter().map(move |sheet| {
        let errors = (!sheet.errors.is_empty()).then(|| JsonB(json!(sheet.errors)));
        (
            sheet.sheet,
            sheet.relation,
            sheet.action.to_owned(),
            sheet.rows.map(|rows| rows.restored as i64),
            sheet.rows.map(|rows| rows.skipped as i64),
            sheet.rows.map(|rows| rows.removed as i64),
            errors,
            sheet.message,
            checkpoint,
            audit,
        )
    }))
}

fn sheet_names(names: Option<Vec<Option<String>>>) -> Result<Option<Vec<String>>> {
    let Some(names) = names else { return Ok(None) };
    let names: Vec<String> = names.into_iter().flatten().collect();
    if names.is_empty() {
        return Err(Error::BadArgument {
            message: "sheets must not be empty".into(),
            hint: "Leave it out for all sheets, or name some: sheets => '{projects, deadlines}'.".into(),
        });
    }
    Ok(Some(names))
}

fn actor(by_email: Option<&[u8]>, by_id: Option<Uuid>) -> Result<Actor> {
    Ok(arguments::actor(arguments::text(by_email).as_deref(), by_id.as_ref(), &session_user()?))
}

/// Backups may be restored by whoever may make them; a table outside of them is written with what the caller may do there.
fn missing_right(target: pg_sys::Oid, overwrite: bool) -> Result<Option<Error>> {
    let rights = if overwrite { "INSERT, TRUNCATE" } else { "INSERT" };
    let allowed = scalar(select(
        Snapshot::Latest,
        "SELECT bool_and(pg_catalog.has_table_privilege($1::oid, pg_catalog.btrim(r))) FROM pg_catalog.string_to_table($2, ',') AS r",
        &[Some(&target.to_u32().to_string()), Some(rights)],
    )?);
    Ok((allowed.as_deref() == Some("f")).then(|| Error::Rights {
        message: format!("restore_sheet() needs {rights} on the target table"),
        hint: "restore() puts a backup's own tables back.".into(),
    }))
}

fn uuid(text: &str) -> Option<Uuid> {
    uuid::Uuid::parse_str(text).ok().map(|id| Uuid::from_bytes(*id.as_bytes()))
}
