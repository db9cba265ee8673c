//! The locks of a restore, in the order of the oids like those of a run.

use std::collections::{BTreeMap, BTreeSet};

use pgrx::pg_sys::Oid;

use super::targets::Targets;
use crate::catalog::audit::AuditTable;
use crate::catalog::settings::Settings;
use crate::command::plan;
use crate::error::{Error, Result};
use crate::pg::empty::check_not_in_use;
use crate::pg::locks::{Locked, Mode, lock_relation};
use crate::pg::query::{Snapshot, oid_array, oids, scalar, select};

/// Keeps writers from the tables, and from those that they refer to: what the checkpoint shows is what is replaced, and no key goes
/// that a loaded row needs. Where rows are replaced, readers are kept out at once, for a session that has read and then waits to write
/// would never end its read: but not from tables that the audit
/// table refers to, for the checkpoint's audit rows look up keys there.
///
/// # Errors
/// [`Error::LockNotAvailable`]; [`Error::ChangedAfterSnapshot`]; 55006 where this session is reading one of the tables.
pub fn against_writers(targets: &Targets, settings: &Settings, overwrite: bool, checkpoint: bool) -> Result<()> {
    let members = targets.members();
    let audit_table = AuditTable::resolve(settings)?.oid();
    let mut written = plan::members(&[audit_table])?.remove(&audit_table).unwrap_or_default();
    written.insert(audit_table);
    let looked_up: BTreeSet<u32> = referenced(&written)?.into_iter().collect();
    let others = || -> Result<BTreeSet<u32>> {
        let referenced = referenced(&members)?.into_iter().collect::<BTreeSet<u32>>();
        Ok(referenced.into_iter().filter(|oid| !written.contains(oid) && !members.contains(oid)).collect())
    };
    let shared = others()?;
    let mut wanted: BTreeMap<u32, Mode> = shared.iter().map(|oid| (*oid, Mode::Share)).collect();
    for target in &targets.tables {
        let at_once = overwrite && (!checkpoint || target.members.is_disjoint(&looked_up));
        let mode = if at_once { Mode::AccessExclusive } else { Mode::ShareRowExclusive };
        wanted.extend(target.members.iter().map(|oid| (*oid, mode)));
    }
    wanted.into_iter().try_for_each(|(oid, mode)| lock(oid, mode))?;
    if others()? != shared {
        let message = "a foreign key was made while the restore waited for its locks".into();
        return Err(Error::ChangedAfterSnapshot { message });
    }
    members.into_iter().for_each(|oid| check_not_in_use(Oid::from(oid)));
    Ok(())
}

/// Where rows are replaced, nobody reads what is half-way, and no row elsewhere gets a key that is about to go.
///
/// # Errors
/// As [`against_writers`].
pub fn for_loading(targets: &Targets, overwrite: bool) -> Result<()> {
    if !overwrite {
        return Ok(());
    }
    targets.members().into_iter().try_for_each(|oid| lock(oid, Mode::AccessExclusive))
}

/// Tables of this extension apart, which the recorder writes to.
fn referenced(members: &BTreeSet<u32>) -> Result<Vec<u32>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT DISTINCT k.confrelid FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.confrelid \
         WHERE k.contype = 'f' AND k.conrelid = ANY ($1::oid[]) AND c.relnamespace <> 'paliad_backup'::regnamespace",
        &[Some(&oid_array(members.iter().copied()))],
    )?;
    Ok(oids(&rows).collect())
}

/// Locks one relation.
///
/// # Errors
/// As [`against_writers`].
pub fn lock(oid: u32, mode: Mode) -> Result<()> {
    // Before: after an error the transaction can't look it up.
    let table = name(oid)?;
    match lock_relation(Oid::from(oid), mode) {
        Locked::Held => Ok(()),
        Locked::Gone => Err(Error::ChangedAfterSnapshot { message: format!("{table} was dropped during the restore") }),
        Locked::TimedOut => Err(Error::LockNotAvailable { table }),
    }
}

/// A relation's name, quoted.
fn name(oid: u32) -> Result<String> {
    let rows = select(
        Snapshot::Latest,
        "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname) FROM pg_catalog.pg_class AS c \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE c.oid = $1::oid",
        &[Some(&oid.to_string())],
    )?;
    Ok(scalar(rows).unwrap_or_else(|| oid.to_string()))
}
