//! Tables that views and query sheets read. They need not be sheets themselves, yet must be what the snapshot shows as well.

use std::collections::BTreeMap;

use pgrx::pg_sys::Oid;

use super::discover::{number, oid_array};
use crate::command::SCAN_SETTINGS;
use crate::error::{Error, Result};
use crate::pg::dependencies::Dependencies;
use crate::pg::identity::{As, act_as};
use crate::pg::locks::{self, Locked};
use crate::pg::query::{Snapshot, select};

/// Locks every table that `sql` reads, and makes sure that its storage is still the one that the snapshot shows.
///
/// # Errors
/// [`Error::ChangedAfterSnapshot`], [`Error::LockNotAvailable`].
pub fn lock_and_compare(sheet: &str, reader: Oid, sql: &str) -> Result<()> {
    let reached = act_as(As::TableOwner(reader), &SCAN_SETTINGS, || Dependencies::of(sql))?.relations;
    let changed = || Error::ChangedAfterSnapshot {
        message: format!("a table that sheet {sheet} reads was truncated, rewritten or dropped after the snapshot"),
    };
    let seen = storage(Snapshot::Caller, &reached)?;
    for (oid, (name, _)) in &seen {
        match locks::lock_relation(Oid::from(*oid)) {
            Locked::Held => {}
            Locked::Gone => return Err(changed()),
            Locked::TimedOut => return Err(Error::LockNotAvailable { table: name.clone() }),
        }
    }
    let now = storage(Snapshot::Latest, &reached)?;
    let same = seen.iter().map(|(oid, (_, file))| (oid, file)).eq(now.iter().map(|(oid, (_, file))| (oid, file)));
    if same { Ok(()) } else { Err(changed()) }
}

/// Name and file of the relations and all that inherit from them, partitions included, by oid.
fn storage(snapshot: Snapshot, relations: &[u32]) -> Result<BTreeMap<u32, (String, u32)>> {
    let rows = select(
        snapshot,
        "WITH RECURSIVE source AS (\
           SELECT pg_catalog.unnest($1::oid[]) AS oid \
           UNION SELECT i.inhrelid FROM source JOIN pg_catalog.pg_inherits AS i ON i.inhparent = source.oid) \
         SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname), c.relfilenode \
         FROM source JOIN pg_catalog.pg_class AS c ON c.oid = source.oid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace",
        &[Some(&oid_array(relations.iter().copied()))],
    )?;
    rows.into_iter()
        .map(|row| {
            let relation = number(&row[0]).zip(number(&row[2])).zip(row[1].clone());
            relation
                .map(|((oid, file), name)| (oid, (name, file)))
                .ok_or_else(|| Error::internal("pg_class row without oid"))
        })
        .collect()
}
