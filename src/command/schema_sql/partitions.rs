//! Partitioned tables and their partitions.

use std::collections::{BTreeMap, BTreeSet};

use super::Writer;
use super::inheritance::Link;
use super::objects::{Class, Object, Unit};
use super::tables::Table;
use crate::error::Result;

impl Writer<'_> {
    /// The keys of the tables that stay partitioned. Where a key calls what is not there, the table becomes an ordinary one, and its
    /// partitions go.
    pub(super) fn partition_keys(&mut self) -> Result<BTreeMap<u32, String>> {
        let mut keys = BTreeMap::new();
        for table in self.tables.values() {
            let Some(key) = &table.partition_key else { continue };
            let method = pgrx::pg_sys::AccessMethodRelationId.to_u32();
            let of_key = self.catalog.references(Object::relation(table.oid)).iter().filter(|reference| {
                reference.of_column == 0
                    && !matches!(reference.to.class, Class::Relation | Class::Schema | Class::Type)
                    && reference.to.class != Class::Other(method)
            });
            match of_key.map(|reference| reference.to).find(|to| !self.selection.has(*to)) {
                Some(missing) => {
                    let what = format!("partitions of {}, which is an ordinary table here", table.name);
                    self.left_out.add_because(self.catalog, &what, missing)?;
                }
                None => {
                    keys.insert(table.oid, key.clone());
                }
            }
        }
        let is_lost =
            |table: &&Table| table.bound.is_some() && table.parents.first().is_some_and(|p| !keys.contains_key(p));
        let mut lost: BTreeSet<u32> = self.tables.values().filter(is_lost).map(|table| table.oid).collect();
        loop {
            let below =
                |table: &&Table| table.bound.is_some() && table.parents.first().is_some_and(|p| lost.contains(p));
            let more: Vec<u32> = self.tables.values().filter(below).map(|table| table.oid).collect();
            let before = lost.len();
            lost.extend(more);
            if lost.len() == before {
                break;
            }
        }
        // A partition whose DETACH was not finished has a bound, and no parent that is looked at.
        self.selection.remove_tables(&lost);
        Ok(keys)
    }

    /// ALTER TABLE … ATTACH PARTITION, once all tables are there.
    pub(super) fn attach_partitions(&mut self, links: &BTreeMap<u32, Link>) {
        let mut attached: Vec<String> = Vec::new();
        for (oid, link) in links {
            if let (Link::Partition(parent), Some(table)) = (link, self.tables.get(oid))
                && let (Some(parent), Some(bound)) = (self.tables.get(parent), &table.bound)
                && self.selection.makes(Unit::Table(*oid))
            {
                attached.push(format!("ALTER TABLE ONLY {} ATTACH PARTITION {} {bound};", parent.name, table.name));
            }
        }
        attached.sort_unstable();
        self.section("Partitions", attached);
    }
}
