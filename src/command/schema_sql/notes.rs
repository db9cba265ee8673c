//! Lines of the list of what is left out that are about types and tables as a whole.

use std::collections::BTreeMap;

use super::inheritance::Link;
use super::objects::Unit;
use super::{Writer, tables};
use crate::error::Result;

impl Writer<'_> {
    /// What is not made at all, and what is made as something else.
    pub(super) fn note_dropped(&mut self) -> Result<()> {
        for (unit, missing) in self.selection.dropped.clone() {
            self.left_out.add_because(self.catalog, &self.described(unit), missing)?;
        }
        for oid in self.selection.types() {
            let relation = self.catalog.types.get(&oid).and_then(|found| found.relation);
            if relation.and_then(|oid| self.catalog.relations.get(&oid)).is_some_and(|relation| relation.kind != 'c') {
                self.left_out.add(format!("{}: only its row type is here", self.described(Unit::Type(oid))));
            }
        }
        for table in tables::read(&self.catalog.of_extensions)?.values() {
            self.left_out.add(format!("table {} and its rows: it belongs to an extension", table.name));
        }
        for table in self.tables.values().filter(|table| table.kind == 'f') {
            self.left_out.add(format!("foreign table {}: it is an ordinary table here", table.name));
        }
        Ok(())
    }

    /// Inheritance that is not what it was.
    pub(super) fn note_inheritance(&mut self, links: &BTreeMap<u32, Link>) {
        for (oid, link) in links {
            let Some(table) = self.tables.get(oid) else { continue };
            let lacks_parent = table.bound.is_none() && link.parents().len() < table.parents.len();
            for (applies, what) in [
                (
                    matches!(link, Link::InheritsLater(_)),
                    "what it inherits is its own as well, to keep the columns' order",
                ),
                (lacks_parent, "from a table that this script does not make"),
            ] {
                if applies {
                    self.left_out.add(format!("inheritance of {}: {what}", table.name));
                }
            }
        }
    }

    /// Kind and name of a type or table.
    pub(super) fn described(&self, unit: Unit) -> String {
        match unit {
            Unit::Table(_) => format!("table {}", self.name(unit)),
            _ => format!("type {}", self.name(unit)),
        }
    }

    pub(super) fn name(&self, unit: Unit) -> String {
        let name = match unit {
            Unit::Table(oid) => self.tables.get(&oid).map(|table| &table.name),
            Unit::Type(oid) => self.catalog.types.get(&oid).map(|found| &found.name),
            _ => None,
        };
        name.cloned().unwrap_or_default()
    }
}
