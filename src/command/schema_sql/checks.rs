//! CHECK constraints of tables: in the table's own statement, behind all tables, or behind the rows.

use std::collections::BTreeMap;

use super::Writer;
use super::constraints::Constraint;
use super::inheritance::Link;
use super::objects::{Object, Unit};
use super::tables::Table;
use crate::error::Result;

/// The checks that stand in a table's own statement. One that is inherited alone comes with INHERITS; a partition has all, or it could
/// not be attached.
pub fn inline_checks(writer: &Writer<'_>, table: &Table, links: &BTreeMap<u32, Link>) -> Vec<String> {
    let checks = inline(writer, table, links);
    checks.map(|check| format!("CONSTRAINT {} {}", check.name, check.definition)).collect()
}

/// The same as objects.
pub fn inline_check_objects_of(writer: &Writer<'_>, table: &Table, links: &BTreeMap<u32, Link>) -> Vec<Object> {
    inline(writer, table, links).map(|check| Object::constraint(check.oid)).collect()
}

/// The same of all tables.
pub fn inline_check_objects(writer: &Writer<'_>, links: &BTreeMap<u32, Link>) -> Vec<Object> {
    let made = writer.tables.values().filter(|table| writer.selection.makes(Unit::Table(table.oid)));
    made.flat_map(|table| inline_check_objects_of(writer, table, links)).collect()
}

fn inline<'w>(
    writer: &'w Writer<'_>,
    table: &'w Table,
    links: &'w BTreeMap<u32, Link>,
) -> impl Iterator<Item = &'w Constraint> {
    let checks =
        writer.constraints.iter().filter(|check| check.table == table.oid && check.kind == 'c' && check.validated);
    checks.filter(move |check| {
        let object = Object::constraint(check.oid);
        let inherits = matches!(links.get(&table.oid), Some(Link::Inherits(_)));
        writer.selection.missing(object, table.oid).is_none()
            && !writer.selection.needs_table(object)
            && !(inherits && !check.local && is_parents(writer, check, links))
    })
}

/// Whether a parent has a constraint of the same name.
fn is_parents(writer: &Writer<'_>, check: &Constraint, links: &BTreeMap<u32, Link>) -> bool {
    let parents = links.get(&check.table).map(Link::parents).unwrap_or_default();
    writer
        .constraints
        .iter()
        .any(|other| parents.contains(&other.table) && other.kind == 'c' && other.name == check.name)
}

/// Checks that need tables, and those that are NOT VALID: parents' first, which their children inherit.
///
/// # Errors
/// The server's.
pub fn write_late(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>) -> Result<()> {
    let mut early: Vec<(usize, String)> = Vec::new();
    let mut late: Vec<(usize, String)> = Vec::new();
    for check in writer.constraints.clone().iter().filter(|check| check.kind == 'c' && check.table != 0) {
        let Some(table) =
            writer.tables.get(&check.table).filter(|table| writer.selection.makes(Unit::Table(table.oid)))
        else {
            continue;
        };
        let object = Object::constraint(check.oid);
        if let Some(missing) = writer.selection.missing(object, table.oid) {
            writer.left_out.add_because(writer.catalog, &format!("check {} on {}", check.name, table.name), missing)?;
            continue;
        }
        let waits = !check.validated || writer.selection.needs_table(object);
        let link = links.get(&table.oid);
        let comes_with_parent = is_parents(writer, check, links);
        let is_partition = matches!(link, Some(Link::Partition(_)));
        if waits && (!comes_with_parent || check.local && !is_partition) {
            let statement = format!("ALTER TABLE {} ADD CONSTRAINT {} {};", table.name, check.name, check.definition);
            let list = if check.validated { &mut early } else { &mut late };
            list.push((depth(table.oid, links), statement));
        } else if comes_with_parent && is_validated_here(writer, check, links) {
            late.push((usize::MAX, format!("ALTER TABLE {} VALIDATE CONSTRAINT {};", table.name, check.name)));
        }
        if waits {
            writer.constrained.push(object);
        }
        if !check.validated {
            writer.late.insert(object);
        }
    }
    early.sort_unstable();
    late.sort_unstable();
    writer.section("Checks that name tables", early.into_iter().map(|(_, statement)| statement).collect());
    writer.behind_rows.extend(late.into_iter().map(|(_, statement)| statement));
    Ok(())
}

/// Whether a check that comes with INHERITS is valid, though the parent's is not.
fn is_validated_here(writer: &Writer<'_>, check: &Constraint, links: &BTreeMap<u32, Link>) -> bool {
    let Some(Link::Inherits(parents)) = links.get(&check.table).filter(|_| check.validated && !check.local) else {
        return false;
    };
    let of_parents = writer.constraints.iter().filter(|other| parents.contains(&other.table) && other.kind == 'c');
    of_parents.filter(|other| other.name == check.name).any(|other| !other.validated)
}

/// How far a table is from the top of what it inherits.
fn depth(table: u32, links: &BTreeMap<u32, Link>) -> usize {
    let parents = links.get(&table).map(Link::parents).unwrap_or_default();
    parents.iter().map(|parent| depth(*parent, links) + 1).max().unwrap_or(0)
}
