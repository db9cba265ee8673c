//! Proving bundles good.

use pgrx::prelude::*;
use pgrx::{AnyElement, Uuid};

use super::backups::{row, session_user};
use super::{arguments, authorized};
use crate::bundle::verification::Verdict;
use crate::command::verify;

/// `paliad_backup.verify(id, by_email)`: check, ok and detail of each check.
#[pg_extern(sql = false)]
fn verify(
    id: Option<Uuid>,
    by_email: Option<&[u8]>,
) -> TableIterator<'static, (name!(check_name, String), name!(ok, Option<bool>), name!(detail, String))> {
    let verdict = authorized(|extension| {
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        verify::verify(extension, &arguments::id(id)?, &actor)
    });
    TableIterator::new(verdict.checks.into_iter().map(|check| (check.name.to_owned(), check.ok, check.detail)))
}

/// `paliad_backup.verify_all(by_email)`: id, ok and the first fault of each bundle.
#[pg_extern(sql = false)]
fn verify_all(
    by_email: Option<&[u8]>,
) -> TableIterator<'static, (name!(id, Uuid), name!(ok, bool), name!(fault, Option<String>))> {
    let verdicts = authorized(|extension| {
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        verify::verify_all(extension, &actor)
    });
    TableIterator::new(verdicts.into_iter().filter_map(|(id, verdict)| {
        let id = uuid::Uuid::parse_str(&id).ok()?;
        Some((Uuid::from_bytes(*id.as_bytes()), verdict.is_good(), first_fault(verdict)))
    }))
}

/// `paliad_backup.repair_checksum(id, by_email)`: the row, with the file's own size and checksum.
#[pg_extern(sql = false)]
fn repair_checksum(id: Option<Uuid>, by_email: Option<&[u8]>) -> Option<AnyElement> {
    authorized(|extension| {
        let id = arguments::id(id)?;
        let actor = arguments::actor(arguments::text(by_email).as_deref(), None, &session_user()?);
        verify::repair_checksum(extension, &id, &actor)?;
        row(&id)
    })
}

fn first_fault(verdict: Verdict) -> Option<String> {
    let fault = verdict.checks.into_iter().find(|check| check.ok != Some(true));
    fault.map(|check| format!("{}: {}", check.name, check.detail))
}
