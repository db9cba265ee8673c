//! How a table comes to its parents: as one of their partitions, by INHERITS, or by ALTER TABLE … INHERIT.
//!
//! INHERITS leaves the inherited columns to the parents (attislocal is false), and puts them first. Where the table has them in another
//! order, it is made with all columns, and inherits afterwards: then its columns are its own as well.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::{Columns, Settled};
use super::tables::{Column, Table};

/// A table's link to its parents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Link {
    /// It has none that the script makes.
    None,
    /// ATTACH PARTITION, of this table.
    Partition(u32),
    /// INHERITS in its own statement.
    Inherits(Vec<u32>),
    /// ALTER TABLE … INHERIT.
    InheritsLater(Vec<u32>),
}

impl Link {
    /// The parents.
    pub fn parents(&self) -> &[u32] {
        match self {
            Link::None => &[],
            Link::Partition(parent) => std::slice::from_ref(parent),
            Link::Inherits(parents) | Link::InheritsLater(parents) => parents,
        }
    }
}

/// The links of all tables that are `made`, by oid.
pub fn links(tables: &BTreeMap<u32, Table>, made: &BTreeSet<u32>, columns: &Columns) -> BTreeMap<u32, Link> {
    let link = |table: &Table| {
        let parents: Vec<u32> = table.parents.iter().copied().filter(|parent| made.contains(parent)).collect();
        match (&parents[..], &table.bound) {
            ([], _) => Link::None,
            ([parent], Some(_)) => Link::Partition(*parent),
            _ if fits(table, &parents, tables, columns) => Link::Inherits(parents),
            _ => Link::InheritsLater(parents),
        }
    };
    made.iter().filter_map(|oid| tables.get(oid)).map(|table| (table.oid, link(table))).collect()
}

/// What a column is by its parents alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inherited {
    pub default: Option<String>,
    pub generated: Option<String>,
    pub not_null: bool,
    /// The parents disagree.
    conflict: bool,
}

/// What the column of this name is by these parents; none where they don't have it.
pub fn inherited(name: &str, parents: &[u32], tables: &BTreeMap<u32, Table>, columns: &Columns) -> Option<Inherited> {
    let mut found: Option<Inherited> = None;
    for parent in parents.iter().filter_map(|oid| tables.get(oid)) {
        let Some(column) = parent.columns.iter().find(|column| column.name == name) else { continue };
        let Some(Settled { default, generated, not_null, .. }) = columns.get(&(parent.oid, column.number)) else {
            continue;
        };
        match &mut found {
            None => {
                let (default, generated) = (default.clone(), generated.clone());
                found = Some(Inherited { default, generated, not_null: *not_null, conflict: false });
            }
            Some(before) => {
                before.not_null |= not_null;
                before.conflict |= before.generated != *generated;
                match (&before.default, default) {
                    (Some(one), Some(other)) => before.conflict |= one != other,
                    (None, Some(other)) => before.default = Some(other.clone()),
                    _ => {}
                }
            }
        }
    }
    found
}

/// Whether INHERITS makes the table as it is.
fn fits(table: &Table, parents: &[u32], tables: &BTreeMap<u32, Table>, columns: &Columns) -> bool {
    let mut order: Vec<&str> = Vec::new();
    let of_parents = parents.iter().filter_map(|oid| tables.get(oid)).flat_map(|parent| &parent.columns);
    let own = table.columns.iter().filter(|column| column.local);
    for column in of_parents.chain(own) {
        if !order.contains(&column.name.as_str()) {
            order.push(&column.name);
        }
    }
    let agrees = |column: &Column| {
        let Some(above) = inherited(&column.name, parents, tables, columns) else { return true };
        let Some(settled) = columns.get(&(table.oid, column.number)) else { return false };
        let defined_twice = column.local && settled.generated.is_some();
        let two_defaults = column.identity.is_some() && above.default.is_some();
        above.generated == settled.generated && !above.conflict && !defined_twice && !two_defaults
    };
    order.into_iter().eq(table.columns.iter().map(|column| column.name.as_str())) && table.columns.iter().all(agrees)
}
