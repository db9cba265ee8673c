//! Constraints and indexes of tables, and the constraints of domains.

use std::collections::{BTreeSet, HashMap};

use super::tables::is_true;
use crate::error::Result;
use crate::pg::query::{Row, Snapshot, number, oid_array, select};

/// A constraint of a table or domain.
#[derive(Clone, Debug)]
pub struct Constraint {
    pub oid: u32,
    /// The table's oid, 0 for a domain's.
    pub table: u32,
    /// The domain's oid, 0 for a table's.
    pub domain: u32,
    /// `c`, `f`, `p`, `u` or `x`.
    pub kind: char,
    /// Quoted.
    pub name: String,
    /// What follows the name.
    pub definition: String,
    pub validated: bool,
    /// The table itself defines it, whether or not it is inherited as well.
    pub local: bool,
    /// The same constraint of the table that this one's is a partition of.
    pub parent: Option<u32>,
    /// The index that enforces a key, or the one that a foreign key refers to.
    pub index: Option<u32>,
    /// The table that a foreign key refers to.
    pub refers_to: Option<u32>,
}

/// An index that is no constraint's, or is one's.
#[derive(Clone, Debug)]
pub struct Index {
    pub oid: u32,
    pub table: u32,
    /// With its schema, quoted.
    pub name: String,
    /// CREATE INDEX …, where it is no constraint's.
    pub definition: Option<String>,
    /// The index of the table that this one's is a partition of.
    pub parent: Option<u32>,
    /// The list in WITH (…), which the definition of a constraint lacks.
    pub options: Option<String>,
    /// It has an entry for every row. (An interrupted CREATE INDEX CONCURRENTLY leaves one that has not.)
    pub valid: bool,
}

/// The constraints of these tables, and of all domains, as both the caller's snapshot and the catalogs of this moment have them: a
/// constraint that was made or validated in between may not hold for the rows of the snapshot.
///
/// # Errors
/// The server's.
pub fn constraints(tables: &BTreeSet<u32>) -> Result<Vec<Constraint>> {
    let list = oid_array(tables.iter().copied());
    let valid_before: HashMap<u32, bool> = select(
        Snapshot::Caller,
        "SELECT oid, convalidated FROM pg_catalog.pg_constraint WHERE conrelid IN (SELECT pg_catalog.unnest($1::oid[])) OR contypid >= 16384",
        &[Some(&list)],
    )?
    .iter()
    .filter_map(|row| Some((number(&row[0])?, is_true(&row[1]))))
    .collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, c.conrelid, c.contypid, c.contype, pg_catalog.quote_ident(c.conname), pg_catalog.pg_get_constraintdef(c.oid), \
         c.convalidated, c.conislocal, nullif(c.conparentid, 0), nullif(c.conindid, 0), nullif(c.confrelid, 0) \
         FROM pg_catalog.pg_constraint AS c \
         WHERE (c.conrelid IN (SELECT pg_catalog.unnest($1::oid[])) OR c.contypid >= 16384) AND c.contype IN ('c', 'f', 'p', 'u', 'x') \
         ORDER BY c.conname COLLATE \"C\", c.conrelid, c.contypid",
        &[Some(&list)],
    )?;
    let seen = rows.iter().filter_map(constraint).filter_map(|mut found| {
        let valid = *valid_before.get(&found.oid)?;
        if found.validated && !valid {
            found.validated = false;
            found.definition.push_str(" NOT VALID");
        }
        Some(found)
    });
    Ok(seen.collect())
}

fn constraint(row: &Row) -> Option<Constraint> {
    Some(Constraint {
        oid: number(&row[0])?,
        table: number(&row[1])?,
        domain: number(&row[2])?,
        kind: row[3].as_deref()?.chars().next()?,
        name: row[4].clone()?,
        definition: row[5].clone()?,
        validated: is_true(&row[6]),
        local: is_true(&row[7]),
        parent: number(&row[8]),
        index: number(&row[9]),
        refers_to: number(&row[10]),
    })
}

/// The indexes of these tables that the caller's snapshot has as well, sorted by name; `constraints` are those of [`constraints`].
///
/// # Errors
/// The server's.
pub fn indexes(tables: &BTreeSet<u32>, constraints: &[Constraint]) -> Result<Vec<Index>> {
    let list = oid_array(tables.iter().copied());
    let before: BTreeSet<u32> = select(
        Snapshot::Caller,
        "SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid IN (SELECT pg_catalog.unnest($1::oid[]))",
        &[Some(&list)],
    )?
    .iter()
    .filter_map(|row| number(&row[0]))
    .collect();
    let rows = select(
        Snapshot::Latest,
        "SELECT c.oid, i.indrelid, pg_catalog.format('%I.%I', n.nspname, c.relname), \
         CASE WHEN c.oid NOT IN (SELECT pg_catalog.unnest($2::oid[])) THEN pg_catalog.pg_get_indexdef(c.oid) END, p.inhparent, \
         (SELECT pg_catalog.string_agg(pg_catalog.quote_ident(o.option_name) || '=' || pg_catalog.quote_literal(o.option_value), ', ' \
           ORDER BY o.option_name COLLATE \"C\") FROM pg_catalog.pg_options_to_table(c.reloptions) AS o), \
         i.indislive AND i.indisready AND (i.indisvalid OR c.relkind = 'I') \
         FROM pg_catalog.pg_index AS i JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace \
         LEFT JOIN pg_catalog.pg_inherits AS p ON p.inhrelid = c.oid \
         WHERE i.indrelid IN (SELECT pg_catalog.unnest($1::oid[])) ORDER BY n.nspname COLLATE \"C\", c.relname COLLATE \"C\"",
        &[Some(&list), Some(&oid_array(of_constraints(constraints)))],
    )?;
    Ok(rows.iter().filter_map(index).filter(|index| before.contains(&index.oid)).collect())
}

/// The indexes that enforce constraints.
pub fn of_constraints(constraints: &[Constraint]) -> BTreeSet<u32> {
    let enforced = constraints.iter().filter(|constraint| matches!(constraint.kind, 'p' | 'u' | 'x'));
    enforced.filter_map(|constraint| constraint.index).collect()
}

fn index(row: &Row) -> Option<Index> {
    Some(Index {
        oid: number(&row[0])?,
        table: number(&row[1])?,
        name: row[2].clone()?,
        definition: row[3].clone(),
        parent: number(&row[4]),
        options: row[5].clone(),
        valid: is_true(&row[6]),
    })
}
