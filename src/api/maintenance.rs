//! Keeping the catalog and the store in order.

use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid, pg_sys};

use super::backups::{row, session_user};
use super::{arguments, as_owner, as_superuser, authorized, authorized_unless};
use crate::catalog::audit::Actor;
use crate::catalog::extension;
use crate::catalog::settings::Settings;
use crate::command::{adopt, audit_table, authorize, cleanup, delete, pin, reconcile};
use crate::error::Result;
use crate::pg::session;

/// `paliad_backup.delete(id, by_email)`: removes the file, keeps the row and returns it.
#[pg_extern(sql = false)]
fn delete(id: Option<Uuid>, by_email: Option<&[u8]>) -> Option<AnyElement> {
    authorized(|extension| {
        let id = arguments::id(id)?;
        delete::delete(
            extension,
            &id,
            &arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?),
        )?;
        row(&id)
    })
}

/// `paliad_backup.pin(id, by_email)`: keeps the backup from deletion and retention; returns the row.
#[pg_extern(sql = false)]
fn pin(id: Option<Uuid>, by_email: Option<&[u8]>) -> Option<AnyElement> {
    set_pinned(id, true, by_email)
}

/// `paliad_backup.unpin(id, by_email)`: allows deletion and retention again; returns the row.
#[pg_extern(sql = false)]
fn unpin(id: Option<Uuid>, by_email: Option<&[u8]>) -> Option<AnyElement> {
    set_pinned(id, false, by_email)
}

fn set_pinned(id: Option<Uuid>, pinned: bool, by_email: Option<&[u8]>) -> Option<AnyElement> {
    authorized(|extension| {
        let id = arguments::id(id)?;
        pin::set_pinned(
            extension,
            &id,
            pinned,
            &arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?),
        )?;
        row(&id)
    })
}

/// `paliad_backup.reconcile()`: settles runs whose process is gone; id and status of each.
#[pg_extern(sql = false)]
fn reconcile() -> TableIterator<'static, (name!(id, Uuid), name!(status, String))> {
    let settled = authorized(reconcile::reconcile);
    TableIterator::new(settled.into_iter().filter_map(|settled| {
        let id = uuid::Uuid::parse_str(&settled.id).ok()?;
        Some((Uuid::from_bytes(*id.as_bytes()), settled.status.to_owned()))
    }))
}

/// `paliad_backup.cleanup(dry_run)`: id, action, reason, bytes and path of what is removed or would be.
#[pg_extern(sql = false)]
#[allow(clippy::type_complexity)] // The macro wants the columns to stand here.
fn cleanup(
    dry_run: Option<bool>,
) -> TableIterator<
    'static,
    (
        name!(id, Option<Uuid>),
        name!(action, String),
        name!(reason, String),
        name!(bytes, Option<i64>),
        name!(path, Option<String>),
    ),
> {
    let actions = authorized_unless(session::is_pg_cron_worker(), |extension| {
        cleanup::cleanup(extension, dry_run.unwrap_or(true), &cleaner()?)
    });
    TableIterator::new(actions.into_iter().map(|done| {
        (
            done.id.map(|id| Uuid::from_bytes(*id.as_bytes())),
            done.action.to_owned(),
            done.reason,
            done.bytes.and_then(|bytes| i64::try_from(bytes).ok()),
            done.path.map(|path| path.to_string_lossy().into_owned()),
        )
    }))
}

/// `paliad_backup.cleanup_auto_keep_latest()`: how many automatic backups were removed.
#[pg_extern(sql = false)]
fn cleanup_auto_keep_latest() -> i64 {
    let removed =
        authorized_unless(session::is_pg_cron_worker(), |extension| cleanup::keep_latest(extension, &cleaner()?));
    i64::try_from(removed).unwrap_or(i64::MAX)
}

/// Nobody of the application stands behind a job of pg_cron's.
fn cleaner() -> Result<Actor> {
    let email = if session::is_pg_cron_worker() { cleanup::SYSTEM.to_owned() } else { session_user()? };
    Ok(arguments::actor(Some(&email), None, ""))
}

/// `paliad_backup.adopt_directory()`: makes the backup folder this database's; false when it was already. Superusers only.
#[pg_extern(sql = false)]
fn adopt_directory() -> bool {
    as_superuser(|extension| adopt::adopt_directory(extension, &arguments::actor(None, None, &session_user()?)))
}

/// `paliad_backup.is_authorized()`: whether the caller is a superuser, or the admin function (if any) says true for it.
#[pg_extern(sql = false)]
fn is_authorized() -> bool {
    let answer = || -> Result<bool> {
        let settings = as_owner(extension::lookup()?, Settings::read)?;
        Ok(authorize::refusal(&settings)?.is_none())
    };
    answer().unwrap_or_else(|error| error.raise())
}

/// `paliad_backup.check_audit_table(regclass)`: raises what keeps the table from being the audit log. The caller rolls back.
#[pg_extern(sql = false)]
fn check_audit_table(table: pg_sys::Oid) {
    as_superuser(|_| audit_table::check(table));
}
