//! Primary keys, unique and exclusion constraints, and indexes.

use std::collections::BTreeMap;

use super::Writer;
use super::constraints::{Index, of_constraints};
use super::inheritance::Link;
use super::objects::{Object, Unit};
use crate::error::Result;

/// Adds keys and indexes, and attaches those of partitions to those of their parents.
///
/// # Errors
/// The server's.
pub fn write(writer: &mut Writer<'_>, links: &BTreeMap<u32, Link>) -> Result<()> {
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
    let by_oid: BTreeMap<u32, &Index> = indexes.iter().map(|index| (index.oid, index)).collect();
    let of_parents = indexes.iter().filter_map(|index| {
        let parent = by_oid.get(&index.parent?)?;
        // One of a partition that is half detached is none of the parent's.
        links.get(&index.table).filter(|link| **link == Link::Partition(parent.table))?;
        let made = |index: &Index| writer.selection.makes(Unit::Index(index.oid));
        (made(index) && made(parent)).then(|| format!("ALTER INDEX {} ATTACH PARTITION {};", parent.name, index.name))
    });
    let attached = of_parents.collect();
    writer.section("Indexes of partitions", attached);
    Ok(())
}

fn plain_indexes(writer: &mut Writer<'_>, indexes: &[Index]) -> Result<Vec<String>> {
    let of_constraints = of_constraints(&writer.constraints);
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
            statements.extend(index.definition.as_ref().map(|definition| format!("{definition};")));
            writer.selection.add(Unit::Index(index.oid));
        }
    }
    Ok(statements)
}
