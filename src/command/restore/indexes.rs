//! Indexes rest while many rows come into an empty table, and are built behind them: sorted, and not row by row.

use pgrx::pg_sys::Oid;

use crate::command::LOAD_SETTINGS;
use crate::error::Result;
use crate::pg::function_guard::{Trusted, trusting};
use crate::pg::identity::{As, act_as, current_role};
use crate::pg::index::rebuild;
use crate::pg::query::{Snapshot, number, oid_array, select, write};
use crate::pg::relcache::invalidate;

/// Fewer rows are no work for an index.
const MANY_ROWS: u64 = 10_000;

/// Runs `load`, which puts `rows` rows into empty tables. The tables' locks keep others from seeing that their indexes rest.
///
/// # Errors
/// What `load` returns; 23505 and 23P01 are raised by the server.
pub fn resting<R>(tables: &[u32], rows: u64, load: impl FnOnce() -> Result<R>) -> Result<R> {
    if rows < MANY_ROWS {
        return load();
    }
    let found = select(
        Snapshot::Latest,
        "SELECT i.indexrelid, i.indrelid FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
         WHERE i.indrelid = ANY ($1::oid[]) AND c.relkind = 'i' AND i.indislive AND i.indisready AND i.indisvalid ORDER BY i.indexrelid",
        &[Some(&oid_array(tables.iter().copied()))],
    )?;
    let indexes: Vec<(u32, u32)> = found.iter().filter_map(|row| Some((number(&row[0])?, number(&row[1])?))).collect();
    // Nor may a query of a function on the way use them. TRUNCATE has made all of them valid.
    write(
        "UPDATE pg_catalog.pg_index SET indisready = false, indisvalid = false WHERE indexrelid = ANY ($1::oid[])",
        &[Some(&oid_array(indexes.iter().map(|(index, _)| *index)))],
    )?;
    indexes.iter().for_each(|(_, table)| invalidate(Oid::from(*table)));
    let result = load()?;
    // The server builds each as its table's owner, who may be a superuser, and what the index calls somebody else's.
    act_as(As::ExtensionOwner(current_role()), &LOAD_SETTINGS, || {
        trusting(Trusted::SuperusersForSuperusers, || {
            indexes.iter().for_each(|(index, _)| rebuild(Oid::from(*index)));
        });
    });
    Ok(result)
}
