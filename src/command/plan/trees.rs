//! The partitions of what is exported, and the storage of each: what must not change between snapshot and lock.

use std::collections::BTreeMap;

use super::discover::Found;
use crate::error::Result;
use crate::pg::query::{Snapshot, number, oid_array, select};

/// A relation with all its partitions: oid → the storage it has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The relation itself is a member.
    pub members: BTreeMap<u32, u32>,
}

/// The partition tree of each relation.
///
/// # Errors
/// The server's.
pub fn trees(snapshot: Snapshot, found: &[Found]) -> Result<BTreeMap<u32, Tree>> {
    trees_of(snapshot, found.iter().map(|table| table.oid))
}

/// As [`trees`], by oid. A relation that is gone, or a partition of another one by now, is not among the results.
///
/// # Errors
/// The server's.
pub fn trees_of(snapshot: Snapshot, roots: impl IntoIterator<Item = u32>) -> Result<BTreeMap<u32, Tree>> {
    let rows = select(
        snapshot,
        "WITH RECURSIVE tree AS (\
           SELECT c.oid AS root, c.oid, c.relfilenode, c.relkind FROM pg_catalog.pg_class AS c \
           WHERE c.oid IN (SELECT pg_catalog.unnest($1::oid[])) AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits AS p \
             WHERE c.relispartition AND p.inhrelid = c.oid AND NOT p.inhdetachpending) \
           UNION ALL \
           SELECT t.root, c.oid, c.relfilenode, c.relkind FROM tree AS t \
           JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid \
           WHERE t.relkind = 'p' AND NOT i.inhdetachpending) \
         SELECT root, oid, relfilenode FROM tree",
        &[Some(&oid_array(roots))],
    )?;
    let mut trees: BTreeMap<u32, Tree> = BTreeMap::new();
    for row in &rows {
        if let (Some(root), Some(oid), Some(storage)) = (number(&row[0]), number(&row[1]), number(&row[2])) {
            trees.entry(root).or_default().members.insert(oid, storage);
        }
    }
    Ok(trees)
}
