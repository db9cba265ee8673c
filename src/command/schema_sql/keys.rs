//! Checks, keys, exclusion constraints, indexes, and the foreign keys behind the rows.

use std::collections::{BTreeMap, BTreeSet};

use super::Writer;
use super::catalog::{Object, Unit};
use super::constraints::{Constraint, Index};
use super::inheritance::Link;
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

/// Attaches partitions, then adds checks that had to wait, keys and indexes.
///
/// # Errors
/// The server's.
pub fn write(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>) -> Result<()> {
    attach_partitions(writer, links);
    late_checks(writer, links)?;
    let mut constrained = BTreeMap::new();
    let mut keys = Vec::new();
    for key in writer.constraints.clone().iter().filter(|constraint| matches!(constraint.kind, 'p' | 'u' | 'x')) {
        let Some(table) = writer.tables.get(&key.table).filter(|table| writer.selection.makes(Unit::Table(table.oid)))
        else {
            continue;
        };
        let Some(index) = key.index else { continue };
        let object = Object::constraint(key.oid);
        let missing = writer.selection.missing(object, table.oid);
        let missing = missing.or_else(|| writer.selection.missing(Object::relation(index), table.oid));
        if let Some(missing) = missing {
            let what = format!("constraint {} on {}", key.name, table.name);
            writer.left_out.add_because(writer.catalog, &what, missing)?;
            continue;
        }
        keys.push(format!("ALTER TABLE ONLY {} ADD CONSTRAINT {} {};", table.name, key.name, key.definition));
        writer.constrained.push(object);
        writer.selection.add(Unit::Index(index));
        constrained.insert(index, object);
    }
    let indexes = writer.indexes.clone();
    for index in indexes.iter().filter(|index| constrained.contains_key(&index.oid)) {
        keys.extend(index.options.as_ref().map(|options| format!("ALTER INDEX {} SET ({options});", index.name)));
    }
    keys.sort_unstable();
    // ADD CONSTRAINT sorts before ALTER INDEX only by chance of the alphabet.
    keys.sort_by_key(|statement| statement.starts_with("ALTER INDEX"));
    writer.section("Keys and exclusion constraints", keys);
    let statements = plain_indexes(writer, &indexes)?;
    writer.section("Indexes", statements);
    let of_parents = indexes.iter().filter_map(|index| {
        let parent = indexes.iter().find(|parent| Some(parent.oid) == index.parent)?;
        let made = |index: &Index| writer.selection.makes(Unit::Index(index.oid));
        (made(index) && made(parent)).then(|| format!("ALTER INDEX {} ATTACH PARTITION {};", parent.name, index.name))
    });
    let attached = of_parents.collect();
    writer.section("Indexes of partitions", attached);
    Ok(())
}

fn attach_partitions(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>) {
    let mut attached: Vec<String> = Vec::new();
    for (oid, link) in links {
        if let (Link::Partition(parent), Some(table)) = (link, writer.tables.get(oid))
            && let (Some(parent), Some(bound)) = (writer.tables.get(parent), &table.bound)
            && writer.selection.makes(Unit::Table(*oid))
        {
            attached.push(format!("ALTER TABLE ONLY {} ATTACH PARTITION {} {bound};", parent.name, table.name));
        }
    }
    attached.sort_unstable();
    writer.section("Partitions", attached);
}

/// Checks that need tables, and those that are NOT VALID: parents' first, which their children inherit.
fn late_checks(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>) -> Result<()> {
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
        } else if check.validated && comes_with_parent && !check.local && parent_is_not_valid(writer, check, links) {
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

fn parent_is_not_valid(writer: &Writer<'_>, check: &Constraint, links: &BTreeMap<u32, Link>) -> bool {
    let parents = links.get(&check.table).map(Link::parents).unwrap_or_default();
    let of_parents =
        writer.constraints.iter().filter(|other| parents.contains(&other.table) && other.name == check.name);
    of_parents.filter(|other| other.kind == 'c').any(|other| !other.validated)
}

/// How far a table is from the top of what it inherits.
fn depth(table: u32, links: &BTreeMap<u32, Link>) -> usize {
    let parents = links.get(&table).map(Link::parents).unwrap_or_default();
    parents.iter().map(|parent| depth(*parent, links) + 1).max().unwrap_or(0)
}

fn plain_indexes(writer: &mut Writer<'_>, indexes: &[Index]) -> Result<Vec<String>> {
    let of_constraints: BTreeSet<u32> = writer
        .constraints
        .iter()
        .filter(|constraint| matches!(constraint.kind, 'p' | 'u' | 'x'))
        .filter_map(|constraint| constraint.index)
        .collect();
    let mut statements = Vec::new();
    for index in indexes.iter().filter(|index| !of_constraints.contains(&index.oid)) {
        if !writer.selection.makes(Unit::Table(index.table)) {
            continue;
        }
        if !index.valid {
            writer.left_out.add(format!("index {}: it is not valid", index.name));
        } else if let Some(missing) = writer.selection.missing(Object::relation(index.oid), index.table) {
            writer.left_out.add_because(writer.catalog, &format!("index {}", index.name), missing)?;
        } else {
            statements.push(format!("{};", index.definition));
            writer.selection.add(Unit::Index(index.oid));
        }
    }
    Ok(statements)
}

/// Foreign keys between tables whose rows are all here.
///
/// # Errors
/// The server's.
pub fn foreign_keys(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>, forbidden: &BTreeSet<u32>) -> Result<()> {
    let thinned = super::tables::with_members_among(&writer.catalog.tables, forbidden)?;
    let mut statements = Vec::new();
    for key in writer.constraints.clone().iter().filter(|key| key.kind == 'f' && key.parent.is_none()) {
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
        let has_partitions = links.values().any(|link| *link == Link::Partition(table.oid));
        let only = if table.kind == 'p' || has_partitions { "" } else { "ONLY " };
        statements.push(format!("ALTER TABLE {only}{} ADD CONSTRAINT {} {};", table.name, key.name, key.definition));
        writer.constrained.push(object);
        writer.late.insert(object);
    }
    statements.sort_unstable();
    writer.behind_rows.extend(statements);
    Ok(())
}
