//! Foreign keys, which wait for the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::constraints::Constraint;
use super::inheritance::Link;
use super::objects::{Object, Unit};
use super::{Writer, tables};
use crate::error::Result;

/// Foreign keys between tables whose rows are all here.
///
/// # Errors
/// The server's.
pub fn write(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>, forbidden: &BTreeSet<u32>) -> Result<()> {
    let thinned = tables::with_members_among(&writer.catalog.tables, forbidden)?;
    let mut statements = Vec::new();
    let constraints = writer.constraints.clone();
    let tables_of: BTreeMap<u32, u32> = constraints.iter().map(|found| (found.oid, found.table)).collect();
    // What the server makes of another foreign key: for each partition of its table, and for each partition referred to.
    let comes_with = |key: &Constraint, parent: u32| {
        tables_of.get(&parent) == Some(&key.table) || matches!(links.get(&key.table), Some(Link::Partition(_)))
    };
    for key in constraints.iter().filter(|key| key.kind == 'f' && !key.parent.is_some_and(|of| comes_with(key, of))) {
        let (Some(table), Some(refers_to)) = (writer.tables.get(&key.table), key.refers_to) else { continue };
        if !writer.selection.makes(Unit::Table(table.oid)) {
            continue;
        }
        let what = format!("foreign key {} on {}", key.name, table.name);
        if !writer.selection.makes(Unit::Table(refers_to)) {
            writer.left_out.add(format!("{what}: refers to a table that this script does not make"));
            continue;
        }
        if thinned.contains(&refers_to) {
            writer.left_out.add(format!("{what}: refers to a table of which partitions are excluded"));
            continue;
        }
        let object = Object::constraint(key.oid);
        if let Some(missing) = writer.selection.missing(object, table.oid) {
            writer.left_out.add_because(writer.catalog, &what, missing)?;
            continue;
        }
        // Of a partitioned table it is every partition's.
        let only = if table.kind == 'p' { "" } else { "ONLY " };
        statements.push(format!("ALTER TABLE {only}{} ADD CONSTRAINT {} {};", table.name, key.name, key.definition));
        writer.constrained.push(object);
        writer.late.insert(object);
    }
    statements.sort_unstable();
    writer.behind_rows.extend(statements);
    Ok(())
}
