//! Tables that views and query sheets read. They need not be sheets themselves, yet must be what the snapshot shows as well.

use std::collections::BTreeMap;

use pgrx::pg_sys::Oid;

use crate::command::SCAN_SETTINGS;
use crate::error::{Error, Result};
use crate::pg::dependencies::relations_read;
use crate::pg::identity::{As, act_as};
use crate::pg::locks::{self, Locked, Mode};
use crate::pg::query::{Snapshot, number, oid_array, select};

/// What one sheet reads.
pub struct Sources {
    sheet: String,
    reached: Vec<u32>,
    storage: Storage,
}

/// Name and file of relations, by oid.
type Storage = BTreeMap<u32, (String, u32)>;

impl Sources {
    /// Locks every table that `sql` reads, and makes sure that its storage is still the one that the snapshot shows.
    ///
    /// # Errors
    /// [`Error::ChangedAfterSnapshot`], [`Error::LockNotAvailable`].
    pub fn lock(sheet: &str, reader: Oid, sql: &str) -> Result<Sources> {
        let reached = act_as(As::Reader(reader), &SCAN_SETTINGS, || relations_read(sql))?;
        let seen = storage(Snapshot::Caller, &reached)?;
        let sources = Sources { sheet: sheet.to_owned(), reached, storage: seen };
        for (oid, (name, _)) in &sources.storage {
            match locks::lock_relation(Oid::from(*oid), Mode::AccessShare) {
                Locked::Held => {}
                Locked::Gone => return Err(sources.changed()),
                Locked::TimedOut => return Err(Error::LockNotAvailable { table: name.clone() }),
            }
        }
        sources.still_hold()?;
        Ok(sources)
    }

    /// A partition that was attached since would have given its rows to the sheet.
    ///
    /// # Errors
    /// [`Error::ChangedAfterSnapshot`].
    pub fn still_hold(&self) -> Result<()> {
        let now = storage(Snapshot::Latest, &self.reached)?;
        let files = |storage: &Storage| storage.iter().map(|(oid, (_, file))| (*oid, *file)).collect::<Vec<_>>();
        if files(&self.storage) == files(&now) { Ok(()) } else { Err(self.changed()) }
    }

    fn changed(&self) -> Error {
        Error::ChangedAfterSnapshot {
            message: format!(
                "a table that sheet {} reads was truncated, rewritten, dropped, attached or detached after the snapshot",
                self.sheet
            ),
        }
    }
}

/// Name and file of the relations and all that inherit from them, partitions included, by oid.
fn storage(snapshot: Snapshot, relations: &[u32]) -> Result<Storage> {
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
