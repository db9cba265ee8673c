//! Foreign keys between the tables of a case: also in cycles, to themselves, and one that a row breaks.

use std::collections::BTreeSet;

use crate::linked::{Fill, Linked, Shape};
use crate::rng::Rng;

#[derive(Clone)]
pub struct Reference {
    /// Which table, and which of its columns.
    pub to: usize,
    pub columns: Vec<usize>,
    /// Where the columns that refer stand.
    pub from: Vec<usize>,
    pub match_full: bool,
    /// The foreign key is NOT VALID, and the first row breaks it.
    pub broken: bool,
    /// What follows REFERENCES … (…).
    options: String,
}

/// Adds foreign keys, their columns included, while the tables are not made yet.
pub fn refer(rng: &mut Rng, features: &mut BTreeSet<&'static str>, tables: &mut [Linked]) {
    for _ in 0..1 + rng.below(2 * tables.len()) {
        let (from, to) = (rng.below(tables.len()), rng.below(tables.len()));
        add(rng, features, tables, from, to);
        if rng.chance(30) && add(rng, features, tables, to, from) && from != to {
            features.insert("cycle");
        }
    }
}

/// Adds one where it is possible.
fn add(rng: &mut Rng, features: &mut BTreeSet<&'static str>, tables: &mut [Linked], from: usize, to: usize) -> bool {
    let target = &tables[to];
    let columns = target.key.clone();
    let child = |table: &Linked| matches!(table.shape, Shape::Child(_));
    if columns.is_empty() || target.deferrable_key || child(target) || child(&tables[from]) {
        return false;
    }
    // A table that is logged cannot refer to one that is not.
    if target.unlogged && !tables[from].unlogged {
        return false;
    }
    let referring = tables[from].references.len();
    let (partitioned, composite) = (target.is_partitioned(), columns.len() > 1);
    let bases: Vec<String> = columns.iter().map(|at| target.columns[*at].base.clone()).collect();
    let mut place = Vec::new();
    for (column, base) in bases.iter().enumerate() {
        place.push(tables[from].add(rng, base, Some(Fill::Refers { reference: referring, column })));
    }
    let match_full = composite && rng.chance(40);
    let broken = !tables[from].is_partitioned() && rng.chance(12);
    let mut options = String::new();
    let mut option = |feature: &'static str, text: &str| {
        features.insert(feature);
        options += text;
    };
    if match_full {
        option("MATCH FULL", " MATCH FULL");
    }
    match rng.below(5) {
        0 => option("ON DELETE CASCADE", " ON DELETE CASCADE ON UPDATE CASCADE"),
        1 => option("ON DELETE SET NULL", " ON DELETE SET NULL"),
        2 => option("ON DELETE RESTRICT", " ON DELETE RESTRICT"),
        _ => {}
    }
    match rng.below(4) {
        0 => option("initially deferred", " DEFERRABLE INITIALLY DEFERRED"),
        1 => option("deferrable", " DEFERRABLE"),
        _ => {}
    }
    if broken {
        option("NOT VALID with an orphan", " NOT VALID");
    }
    for (so, feature) in [
        (from == to, "self-reference"),
        (composite, "composite foreign key"),
        (partitioned, "reference to partitions"),
        (tables[from].is_partitioned(), "reference from partitions"),
    ] {
        if so {
            features.insert(feature);
        }
    }
    tables[from].references.push(Reference { to, columns, from: place, match_full, broken, options });
    tables[to].referred = true;
    true
}

/// The statements that add the foreign keys to a table which has its rows.
pub fn constraints(tables: &[Linked], at: usize) -> Vec<String> {
    let table = &tables[at];
    let one = |reference: &Reference| {
        let target = &tables[reference.to];
        let (from, to) = (table.list(&reference.from), target.list(&reference.columns));
        format!(
            "ALTER TABLE {} ADD FOREIGN KEY ({from}) REFERENCES {} ({to}){}",
            table.name, target.name, reference.options
        )
    };
    table.references.iter().map(one).collect()
}
