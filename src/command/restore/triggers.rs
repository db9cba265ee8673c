//! Triggers that would fire while rows are loaded: those that are enabled for replicas or always. The others rest by themselves while
//! `session_replication_role` is `replica`.

use pgrx::pg_sys::Oid;

use super::targets::Targets;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, select, write};
use crate::pg::relcache::invalidate;

/// A trigger that was disabled.
pub struct Disabled {
    table: u32,
    trigger: u32,
    enabled: String,
}

/// Disables them on the tables and all partitions. The tables' locks keep others from seeing it.
///
/// By the catalog and not by ALTER TABLE, which changes the triggers of partitions with those of their parents, whatever they were.
///
/// # Errors
/// The server's.
pub fn disable(targets: &Targets) -> Result<Vec<Disabled>> {
    let rows = select(
        Snapshot::Latest,
        "SELECT tgrelid, oid, tgenabled FROM pg_catalog.pg_trigger \
         WHERE tgenabled IN ('A', 'R') AND tgrelid = ANY ($1::oid[]) ORDER BY oid",
        &[Some(&oid_array(targets.members()))],
    )?;
    let disabled: Vec<Disabled> = rows
        .into_iter()
        .filter_map(|row| {
            Some(Disabled { table: number(&row[0])?, trigger: number(&row[1])?, enabled: row[2].clone()? })
        })
        .collect();
    set(&disabled, |_| "D")?;
    Ok(disabled)
}

/// As they were.
///
/// # Errors
/// The server's.
pub fn put_back(disabled: &[Disabled]) -> Result<()> {
    set(disabled, |trigger| &trigger.enabled)
}

fn set<'a>(triggers: &'a [Disabled], enabled: impl Fn(&'a Disabled) -> &'a str) -> Result<()> {
    for trigger in triggers {
        write(
            "UPDATE pg_catalog.pg_trigger SET tgenabled = $2::\"char\" WHERE oid = $1::oid",
            &[Some(&trigger.trigger.to_string()), Some(enabled(trigger))],
        )?;
        invalidate(Oid::from(trigger.table));
    }
    Ok(())
}
